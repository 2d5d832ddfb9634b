//! `…/admin/`: the operator asks and acts, with the token.
//!
//! Kept true here: the token is checked before anything is told; whoever sent a wrong one waits at the rate limit before
//! the next is looked at; every act is in the log, without its reason, and in the account, with it.

use std::cell::RefCell;

use js_sys::futures::JsFuture;
use secrecy::ExposeSecret;
use stripe402_core::protocol::AccountId;
use wasm_bindgen::JsValue;
use web_sys::Request;

use super::account_client::ask;
use super::http::get;
use super::limits;
use super::platform::{new_op, now};
use super::setup::Setup;
use super::watch::Watch;
use crate::gate::Memory;
use crate::gate::admin::{self, Asked, MAX_BODY};
use crate::gate::answer::Answer;
use crate::gate::own::not_found;
use crate::gate::record::Line;
use crate::ledger::operator::{View, What};
use crate::ledger::statement::Page;
use crate::ledger::{Answer as AccountAnswer, Call};

/// How many addresses that sent a wrong token an isolate remembers, and for how long.
const REMEMBERED: usize = 1_000;
const REMEMBERED_FOR: i64 = 60_000;

thread_local! {
    static WRONG: RefCell<Memory<String, ()>> = RefCell::new(Memory::new(REMEMBERED, REMEMBERED_FOR));
}

/// What became of it.
pub(super) struct Told {
    pub(super) answer: Answer,
    account: Option<AccountId>,
    act: Option<What>,
}

impl Told {
    /// The line for the log.
    pub(super) fn line<'l>(&'l self, line: Line<'l>) -> Line<'l> {
        Line {
            decision: "admin",
            route: self.act.map(What::as_str),
            status: self.answer.status,
            account: self.account.as_ref().map(AccountId::short),
            ..line
        }
    }
}

/// Answers a request below `…/admin`.
pub(super) async fn answer(env: &JsValue, setup: &Setup, incoming: &Request, url: &str) -> Told {
    let mut told = Told { answer: Answer::empty(), account: None, act: None };
    told.answer = match answered(env, setup, incoming, url, &mut told).await {
        Ok(json) => Answer::json_text(json),
        Err(answer) => answer,
    };
    told
}

async fn answered(
    env: &JsValue,
    setup: &Setup,
    incoming: &Request,
    url: &str,
    told: &mut Told,
) -> Result<String, Answer> {
    let headers = incoming.headers();
    let Some(token) = &setup.settings.secrets.admin_token else { return Err(not_found()) };
    let address = limits::address(&headers);
    if WRONG.with_borrow(|wrong| wrong.get(&address, now()).is_some()) {
        limits::count(env, setup, &headers).await.map_err(|after| {
            let detail = "Too many wrong tokens came from this address.";
            Answer::problem(429, "Too many requests", detail).with("retry-after", after.to_string())
        })?;
    }
    if !admin::is_allowed(get(&headers, "authorization").as_deref(), token.expose_secret()) {
        WRONG.with_borrow_mut(|wrong| wrong.put(address, (), now()));
        return Err(admin::unauthorized());
    }
    let asked = admin::asked(&incoming.method(), url)?;
    let (account, call) = match asked {
        Asked::Find => {
            let page = Page { currency: None, before: None, limit: 1, client_id: None };
            (admin::found(&body(incoming).await?)?, Call::See(View::Client, page))
        }
        Asked::See(account, view, page) => (account, Call::See(view, page)),
        Asked::Act(account, what) => {
            let fresh = new_op().ok_or_else(unreachable)?;
            let key = get(&headers, "idempotency-key");
            let act = admin::act(what, &body(incoming).await?, key.as_deref(), fresh.as_str())?;
            told.act = Some(what);
            (account, Call::Act(Box::new(act)))
        }
    };
    let answer = ask(env, setup, &Watch::default(), &account, &call).await;
    told.account = Some(account);
    match answer {
        Ok(AccountAnswer::Statement(json)) => Ok(json),
        Ok(AccountAnswer::Objected { status, message }) => {
            let title = match status {
                404 => "Not found",
                422 => "Idempotency-Key reused",
                _ => "Not done",
            };
            Err(Answer::problem(status, title, &message))
        }
        Ok(_) | Err(_) => Err(unreachable()),
    }
}

async fn body(incoming: &Request) -> Result<String, Answer> {
    let length = get(&incoming.headers(), "content-length").and_then(|text| text.parse::<usize>().ok());
    match length {
        None => return Err(Answer::problem(411, "Length required", "A body names its length.")),
        Some(length) if length > MAX_BODY => {
            return Err(Answer::problem(413, "Too large", "A body is at most 8 KB long."));
        }
        Some(_) => {}
    }
    let text = incoming.text().map_err(|_| unreachable())?;
    Ok(JsFuture::from(text).await.map_err(|_| unreachable())?.as_string().unwrap_or_default())
}

fn unreachable() -> Answer {
    let detail = "The account could not be asked. Whether an act was done is not known: send it again under its \
                  Idempotency-Key, and it is done once.";
    Answer::problem(503, "Unavailable", detail).with("retry-after", "2")
}
