//! `GET /.well-known/stripe402/account`: balances and statement; as a page for people.
//!
//! Kept true here: reads only; who guesses client ids is held back like who guesses cards.

use stripe402_core::protocol::AccountId;
use wasm_bindgen::JsValue;
use web_sys::Headers;

use super::account_client::ask;
use super::pay::unavailable;
use super::setup::Setup;
use super::{browser, limits};
use crate::gate::account::{owner, page, to_json};
use crate::gate::answer::Answer;
use crate::gate::cookie::forget;
use crate::gate::decide::Facts;
use crate::ledger::{Answer as AccountAnswer, Call};

/// The statement as JSON.
pub(super) async fn show(env: &JsValue, setup: &Setup, headers: &Headers, facts: &Facts<'_>) -> Answer {
    statement(env, setup, headers, facts).await.unwrap_or_else(|answer| answer).with("vary", VARY)
}

/// Whoever asks with another of these gets another answer.
pub(super) const VARY: &str = "accept, payment, cookie, sec-fetch-site";

async fn statement(
    env: &JsValue,
    setup: &Setup,
    headers: &Headers,
    facts: &Facts<'_>,
) -> Result<Answer, Answer> {
    let owner = owner(facts)?;
    let query = facts.url.split_once('?').map_or("", |(_, query)| query);
    let call = Call::Show(page(query)?);
    let account = AccountId::of(&owner.client_id);
    let Ok(AccountAnswer::Statement(statement)) = ask(env, setup, &account, &call).await else {
        return Err(unavailable(None));
    };
    if statement.balances.is_empty() {
        limits::count(env, setup, headers).await.map_err(|after| {
            let detail = "Too many accounts were asked for. Try again later.";
            Answer::problem(429, "Too many requests", detail).with("retry-after", after.to_string())
        })?;
    }
    Ok(Answer::json(200, &to_json(&owner, &statement)))
}

/// Makes this browser forget whose credits it spent.
pub(super) fn forgotten(headers: &Headers) -> Answer {
    if browser::fetched(headers, |fetched| fetched.is_foreign()) {
        return Answer::problem(403, "Refused", "Only this site's own pages may ask for that.");
    }
    forget().into_iter().fold(Answer::empty(), |answer, cookie| answer.with("set-cookie", cookie))
}
