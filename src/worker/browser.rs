//! What a browser says of itself: the cookie that may pay, where its request comes from, and whether it wants a page.
//!
//! Kept true here: whoever sends a payment is a program and gets JSON; a page has the status and the headers of the JSON
//! that it stands for.

use serde_json::Value;
use web_sys::Headers;

use super::http::get;
use super::platform::new_op;
use super::setup::Setup;
use crate::gate::answer::Answer;
use crate::gate::cookie::{COOKIE, Cookie, Fetched};
use crate::gate::decide::Facts;
use crate::gate::negotiation::prefers_html;
use crate::gate::path::origin_of;
use crate::pages::{self, Refusal};

/// The cookie that may pay for this request. `header`: all its cookies.
pub(super) fn cookie(header: &str, headers: &Headers) -> Option<Cookie> {
    if !header.contains(COOKIE) {
        return None;
    }
    Cookie::read(header, &fetched(headers))
}

/// What the browser says about where a request comes from.
pub(super) fn fetched(headers: &Headers) -> Fetched {
    Fetched {
        site: get(headers, "sec-fetch-site"),
        mode: get(headers, "sec-fetch-mode"),
        dest: get(headers, "sec-fetch-dest"),
        purpose: get(headers, "sec-purpose").or_else(|| get(headers, "purpose")),
    }
}

/// Whether a person is to see a page rather than JSON. `accept`: what the browser says that it likes.
pub(super) fn wants_page(accept: Option<&str>, facts: &Facts<'_>) -> bool {
    let pays = facts.payment.is_some_and(|payment| !payment.is_empty());
    !pays && accept.is_some_and(prefers_html)
}

/// An answer of ours on a priced route, as the paywall's page where that is wanted.
pub(super) fn shown(setup: &Setup, accept: Option<&str>, facts: &Facts<'_>, answer: Answer) -> Answer {
    let origin = origin_of(facts.url);
    let path = facts.url.get(origin.len()..).unwrap_or_default();
    let Some((route, target)) = setup.gate.priced(facts.method, path).filter(|(route, _)| route.paywall)
    else {
        return answer;
    };
    if !matches!(answer.status, 402 | 429 | 503) {
        return answer;
    }
    let answer = answer.with("vary", "accept");
    if !wants_page(accept, facts) {
        return answer;
    }
    let Some(nonce) = new_op() else { return answer };
    let refusal = refusal(&answer);
    let sold = (route, &target);
    match pages::paywall(&setup.settings, origin, nonce.as_str(), sold, facts.method, refusal.as_ref()) {
        Some(page) => answer.paged(page),
        None => answer,
    }
}

/// Why the cookie did not pay, in words for a person. That it holds too little the page finds out by itself.
fn refusal(answer: &Answer) -> Option<Refusal> {
    let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    said.get("errorCode")?;
    let sentence = match answer.status {
        503 => "That did not work just now. Load this page again in a moment: you will not be charged twice.",
        _ => said.get("error")?.as_str()?,
    };
    Some(Refusal { sentence: sentence.to_owned(), payable: false })
}
