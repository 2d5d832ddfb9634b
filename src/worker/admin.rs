//! `…/admin/`: the operator asks and acts, with the token.
//!
//! Kept true here: the token, or a session that was begun with it, is checked before anything is told; whoever sent a wrong
//! token waits at the rate limit before the next is looked at, and nobody else does; every act is in the log, without its
//! reason, and in the account, with it.

use std::cell::RefCell;

use js_sys::futures::JsFuture;
use secrecy::ExposeSecret;
use stripe402_core::protocol::AccountId;
use wasm_bindgen::JsValue;
use web_sys::Request;

use super::account_client::ask;
use super::browser::fetched;
use super::http::get;
use super::limits;
use super::platform::{new_op, now};
use super::reporting::{register, report};
use super::setup::Setup;
use super::watch::Watch;
use crate::gate::admin::{self, Asked, MAX_BODY, Sought};
use crate::gate::answer::Answer;
use crate::gate::own::not_found;
use crate::gate::record::Line;
use crate::gate::session;
use crate::ledger::operator::View;
use crate::ledger::statement::Page;
use crate::ledger::{Answer as AccountAnswer, Call, Millis};

/// How many addresses that sent a wrong token an isolate remembers, the last ones, and for how long.
const REMEMBERED: usize = 100;
const REMEMBERED_FOR: i64 = 60_000;

thread_local! {
    static WRONG: RefCell<Vec<(String, Millis)>> = const { RefCell::new(Vec::new()) };
}

/// Whether a wrong token came from this address within the last minute.
fn is_suspect(address: &str) -> bool {
    WRONG.with_borrow(|wrong| {
        wrong.iter().any(|(known, at)| known == address && now().since(*at) < REMEMBERED_FOR)
    })
}

fn suspect(address: String) {
    WRONG.with_borrow_mut(|wrong| {
        wrong.retain(|(known, _)| *known != address);
        if wrong.len() >= REMEMBERED {
            wrong.remove(0);
        }
        wrong.push((address, now()));
    });
}

/// What became of it.
pub(super) struct Told {
    pub(super) answer: Answer,
    account: Option<AccountId>,
    did: Option<&'static str>,
}

impl Told {
    /// The line for the log.
    pub(super) fn line<'l>(&'l self, line: Line<'l>) -> Line<'l> {
        Line {
            decision: "admin",
            route: self.did,
            status: self.answer.status,
            account: self.account.as_ref().map(AccountId::short),
            ..line
        }
    }
}

/// Answers a request below `…/admin`.
pub(super) async fn answer(env: &JsValue, setup: &Setup, incoming: &Request, url: &str) -> Told {
    let mut told = Told { answer: Answer::empty(), account: None, did: None };
    told.answer = answered(env, setup, incoming, url, &mut told).await.unwrap_or_else(|answer| answer);
    told
}

async fn answered(
    env: &JsValue,
    setup: &Setup,
    incoming: &Request,
    url: &str,
    told: &mut Told,
) -> Result<Answer, Answer> {
    let (headers, method) = (incoming.headers(), incoming.method());
    let token = setup.settings.secrets.admin_token.as_ref().ok_or_else(not_found)?.expose_secret();
    let from = fetched(&headers);
    let log_in = admin::is_log_in(&method, url);
    // Another site's page could have this browser send wrong ones until its person is held back.
    if log_in && from.is_foreign() {
        return Err(Answer::problem(403, "Refused", "Only this site's own pages may ask for that."));
    }
    let is_right = if log_in {
        told.did = Some("log-in");
        Some(admin::logs_in(&body(incoming).await?, token)?)
    } else {
        get(&headers, "authorization").map(|sent| admin::is_allowed(&sent, token))
    };
    if let Some(is_right) = is_right {
        let address = limits::address(&headers);
        if is_suspect(&address) {
            limits::count(env, setup, &headers).await.map_err(|after| {
                let detail = "Too many wrong tokens came from this address.";
                Answer::problem(429, "Too many requests", detail).with("retry-after", after.to_string())
            })?;
        }
        if !is_right {
            suspect(address);
            return Err(admin::unauthorized());
        }
    } else {
        let cookie = get(&headers, "cookie").unwrap_or_default();
        if !session::is_open(&cookie, &from, token, now()) {
            return Err(admin::unauthorized());
        }
    }
    if log_in {
        return Ok(Answer::empty().with("set-cookie", session::begin(token, now())));
    }
    let asked = admin::asked(&method, url)?;
    let body = match asked {
        Asked::Find | Asked::Act(..) => body(incoming).await?,
        Asked::LogOut | Asked::Report(..) | Asked::See(..) => String::new(),
    };
    let (account, call) = match asked {
        Asked::LogOut => {
            told.did = Some("log-out");
            return Ok(Answer::empty().with("set-cookie", session::end()));
        }
        Asked::Report(sql, query) => {
            let report = JsFuture::from(report(env, setup, sql, &query)?).await.unwrap_or_default();
            return report.as_string().map(Answer::json_text).ok_or_else(unread);
        }
        Asked::Find => {
            let page = Page { currency: None, before: None, limit: 1, client_id: None };
            let account = match admin::sought(&body)? {
                Sought::Account(account) => account,
                Sought::Beginning(id) => begins(env, setup, &id).await?,
            };
            (account, Call::See(View::Client, page))
        }
        Asked::See(account, view, page) => (account, Call::See(view, page)),
        Asked::Act(account, what) => {
            let fresh = new_op().ok_or_else(unreachable)?;
            let key = get(&headers, "idempotency-key");
            let act = admin::act(what, &body, key.as_deref(), fresh.as_str())?;
            told.did = Some(what.as_str());
            (account, Call::Act(Box::new(act)))
        }
    };
    let answer = ask(env, setup, &Watch::default(), &account, &call).await;
    told.account = Some(account);
    match answer {
        Ok(AccountAnswer::Statement(json)) => Ok(Answer::json_text(json)),
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

/// The account whose id begins so, by the register of the reports.
async fn begins(env: &JsValue, setup: &Setup, id: &str) -> Result<AccountId, Answer> {
    let found = JsFuture::from(register(env, setup, id)?).await.unwrap_or_default();
    let found = found.as_string().ok_or_else(unread)?;
    match AccountId::parse(&found) {
        Ok(account) => Ok(account),
        Err(_) if found.is_empty() => {
            Err(Answer::problem(404, "Not found", "No account in the reports begins so."))
        }
        Err(_) => Err(Answer::problem(409, "Ambiguous", "Several accounts begin so: send more of the id.")),
    }
}

fn unread() -> Answer {
    Answer::problem(503, "Unavailable", "The database could not be read.").with("retry-after", "2")
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
