//! `GET /.well-known/stripe402/account`: balances and statement; as a page for people.
//!
//! Kept true here: reads only; who guesses client ids is held back like who guesses cards.

use stripe402_core::protocol::AccountId;
use wasm_bindgen::JsValue;
use web_sys::Headers;

use super::account_client::ask;
use super::pay::unavailable;
use super::platform::new_op;
use super::setup::Setup;
use super::watch::Watch;
use super::{browser, limits};
use crate::gate::account::{owner, page};
use crate::gate::answer::Answer;
use crate::gate::cookie::forget;
use crate::gate::decide::Facts;
use crate::gate::path::origin_of;
use crate::ledger::{Answer as AccountAnswer, Call};
use crate::pages::account;

/// The statement as JSON; the page that reads it, for a person.
pub(super) async fn show(
    env: &JsValue,
    setup: &Setup,
    headers: &Headers,
    accept: Option<&str>,
    facts: &Facts<'_>,
) -> Answer {
    if browser::wants_page(accept, facts)
        && let Some(nonce) = new_op()
    {
        let page = account(&setup.settings, origin_of(facts.url), nonce.as_str());
        return Answer::json_text(String::new()).paged(page).with("vary", VARY);
    }
    statement(env, setup, headers, facts).await.unwrap_or_else(|answer| answer).with("vary", VARY)
}

/// What a page is told that comes without a cookie.
const NOBODY: &str = r#"{"balances":[],"clientId":"","entries":[],"next":null}"#;
/// What stands in the statement of an account that holds nothing.
const NOTHING: &str = r#""balances":[]"#;

/// Whoever asks with another of these gets another answer.
pub(super) const VARY: &str = "accept, payment, cookie, sec-fetch-site";

async fn statement(
    env: &JsValue,
    setup: &Setup,
    headers: &Headers,
    facts: &Facts<'_>,
) -> Result<Answer, Answer> {
    let by_page = browser::fetched(headers).is_own();
    let owner = match owner(facts) {
        // Our own page asks before it knows whether there is anybody: an error would stand in the browser's console.
        Err(answer) if answer.status == 401 && by_page => {
            return Ok(Answer::json_text(NOBODY.to_owned()));
        }
        owner => owner?,
    };
    let query = facts.url.split_once('?').map_or("", |(_, query)| query);
    let mut page = page(query)?;
    page.client_id = owner.told.then(|| owner.client_id.clone());
    let call = Call::Show(page);
    let id = AccountId::of(&owner.client_id);
    let Ok(AccountAnswer::Statement(statement)) = ask(env, setup, &Watch::default(), &id, &call).await else {
        return Err(unavailable(None));
    };
    if statement.contains(NOTHING) {
        limits::count(env, setup, headers).await.map_err(|after| {
            let detail = "Too many accounts were asked for. Try again later.";
            Answer::problem(429, "Too many requests", detail).with("retry-after", after.to_string())
        })?;
    }
    Ok(Answer::json_text(statement))
}

/// Makes this browser forget whose credits it spent.
pub(super) fn forgotten(headers: &Headers) -> Answer {
    if browser::fetched(headers).is_foreign() {
        return Answer::problem(403, "Refused", "Only this site's own pages may ask for that.");
    }
    let mut answer = Answer::empty();
    for cookie in forget() {
        answer.headers.push(("set-cookie", cookie));
    }
    answer
}
