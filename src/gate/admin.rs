//! `…/admin/`: who may ask, what is asked of which client, and what an act says.
//!
//! Kept true here: without the token nothing is told, not even which paths there are; a path means what it means in one
//! spelling only; a field that is not known is refused, since a misspelt amount would mean all of it.

use serde_json::{Map, Value};
use stripe402_core::protocol::digest::sha256;
use stripe402_core::protocol::{AccountId, ClientId, Currency, Units};
use subtle::ConstantTimeEq;

use super::account;
use super::answer::Answer;
use super::own::{OWN_PREFIX, not_allowed, not_found};
use super::path::Target;
use super::reporting;
use crate::ledger::operator::{ACT, Act, View, What};
use crate::ledger::statement::Page;

/// The body of an act may be this long, in bytes.
pub const MAX_BODY: usize = 8_192;
/// An act may move this many units at most.
const MAX_AMOUNT: i64 = 1_000_000_000_000;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The end of a browser's session.
    LogOut,
    /// A report, by its query; of which time and currency is in the URL's.
    Report(&'static str, String),
    /// A client by client id, or by how its account id begins; that is in the body.
    Find,
    /// To see something of a client.
    See(AccountId, View, Page),
    /// To do something to a client; who and why is in the body.
    Act(AccountId, What),
}

/// Whether an `authorization` header holds the token. The time that this takes tells nothing about it.
pub fn is_allowed(header: &str, token: &str) -> bool {
    let Some((scheme, sent)) = header.split_once(' ') else { return false };
    is_token(sent, token) && scheme.eq_ignore_ascii_case("bearer")
}

fn is_token(sent: &str, token: &str) -> bool {
    sha256(sent.as_bytes()).ct_eq(&sha256(token.as_bytes())).into()
}

/// Whether a request is to log a browser in: then the token is in its body.
pub fn is_log_in(method: &str, url: &str) -> bool {
    method == "POST" && Target::of_url(url).is_ok_and(|target| below(&target) == Some(SESSION))
}

/// Whether the body of such a request holds the token.
pub fn logs_in(body: &str, token: &str) -> Result<bool, Answer> {
    let fields = fields(body, &["token"])?;
    let sent = fields.get("token").and_then(Value::as_str).ok_or_else(|| bad("token is text."))?;
    Ok(is_token(sent, token))
}

/// The path of sessions.
const SESSION: &str = "session";

/// What of a path lies below the operator's.
fn below(target: &Target) -> Option<&str> {
    target.raw.strip_prefix(OWN_PREFIX)?.strip_prefix("/admin/")
}

/// What whoever has not the token is told.
pub fn unauthorized() -> Answer {
    let answer = Answer::problem(401, "Unauthorized", "Send the ADMIN_TOKEN as a bearer token.");
    answer.with("www-authenticate", "Bearer realm=\"admin\"")
}

/// What a request asks, or why it cannot be answered.
pub fn asked(method: &str, url: &str) -> Result<Asked, Answer> {
    let target = Target::of_url(url).map_err(|_| not_found())?;
    let path = below(&target).ok_or_else(not_found)?;
    if path == SESSION {
        // To log in is another matter: see `is_log_in`.
        let log_out = (method == "DELETE").then_some(Asked::LogOut);
        return log_out.ok_or_else(|| not_allowed("POST, DELETE"));
    }
    if let Some(sql) = path.strip_prefix("reports/").and_then(reporting::named) {
        return only(method, "GET").map(|()| Asked::Report(sql, target.query));
    }
    let path = path.strip_prefix("clients/").ok_or_else(not_found)?;
    let (id, rest) = path.split_once('/').map_or((path, None), |(id, rest)| (id, Some(rest)));
    if (id, rest) == ("find", None) {
        return only(method, "POST").map(|()| Asked::Find);
    }
    let account = AccountId::parse(id).map_err(|_| not_found())?;
    let view = match rest {
        None => Some(View::Client),
        Some("client") => None,
        Some(word) => View::parse(word),
    };
    if let Some(view) = view {
        only(method, "GET")?;
        if target.query.split('&').any(|pair| pair.ends_with('=')) {
            return Err(bad("A parameter of the query is empty."));
        }
        let page = account::page(&target.query)?;
        return Ok(Asked::See(account, view, page));
    }
    let what = rest.and_then(What::parse).ok_or_else(not_found)?;
    only(method, "POST").map(|()| Asked::Act(account, what))
}

fn only(method: &str, allowed: &'static str) -> Result<(), Answer> {
    if method == allowed { Ok(()) } else { Err(not_allowed(allowed)) }
}

fn bad(detail: &str) -> Answer {
    Answer::problem(400, "Bad request", detail)
}

fn fields(body: &str, known: &[&str]) -> Result<Map<String, Value>, Answer> {
    let Ok(Value::Object(fields)) = serde_json::from_str(body) else {
        return Err(bad("The body is a JSON object."));
    };
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(_) => Err(bad(&format!("The body has these fields and no others: {}.", known.join(", ")))),
        None => Ok(fields),
    }
}

/// Whom an operator looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// By client id, or by account id.
    Account(AccountId),
    /// By how an account id begins, as the log tells it.
    Beginning(String),
}

/// Reads whom an operator looks for, in a body.
pub fn sought(body: &str) -> Result<Sought, Answer> {
    let fields = fields(body, &["clientId", "account"])?;
    let text = |name| fields.get(name).and_then(Value::as_str);
    if fields.contains_key("account") && !fields.contains_key("clientId") {
        let begins = |id: &&str| (8..=64).contains(&id.len()) && id.bytes().all(is_hex);
        let id = text("account")
            .filter(begins)
            .ok_or_else(|| bad("account is the first 8 to 64 characters of an account id."))?;
        return Ok(AccountId::parse(id).map_or_else(|_| Sought::Beginning(id.to_owned()), Sought::Account));
    }
    let client_id = text("clientId").filter(|_| fields.len() == 1).and_then(|id| ClientId::parse(id).ok());
    client_id
        .as_ref()
        .map(|id| Sought::Account(AccountId::of(id)))
        .ok_or_else(|| bad("clientId is 64 lower-case hexadecimal characters, and there is no account then."))
}

const fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Reads an act. `key`: the `idempotency-key` header; `fresh` stands in for it where an act may come twice.
pub fn act(what: What, body: &str, key: Option<&str>, fresh: &str) -> Result<Act, Answer> {
    let moves = matches!(what, What::Adjust | What::Refund);
    let known: &[&str] = if moves { &["by", "reason", "currency", "amount"] } else { &["by", "reason"] };
    let fields = fields(body, known)?;
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let name = match key {
        Some(key) if !key.is_empty() && key.len() <= 200 && key.bytes().all(word) => key,
        None if !moves => fresh,
        _ => {
            let detail =
                "Send an Idempotency-Key: 1 to 200 letters, digits, - and _. The same again is the same act.";
            return Err(bad(detail));
        }
    };
    let line = |name: &str, most: usize| {
        let text = fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let right =
            !text.is_empty() && text.chars().count() <= most && !text.chars().any(|c| c.is_ascii_control());
        right
            .then(|| text.to_owned())
            .ok_or_else(|| bad(&format!("{name} is text of 1 to {most} characters, in one line.")))
    };
    let (by, reason) = (line("by", 100)?, line("reason", 500)?);
    let currency =
        fields.get("currency").map(|code| code.as_str().and_then(|code| Currency::parse(code).ok()));
    let currency = match currency {
        None if !moves => None,
        Some(Some(currency)) => Some(currency),
        None | Some(None) => return Err(bad("currency is one that Stripe charges in, in lower case.")),
    };
    let amount = fields.get("amount").map(|amount| {
        let units = Units::from_json(amount)?;
        let sign = units.is_positive() || (units.is_negative() && what == What::Adjust);
        (sign && units.get().saturating_abs() <= MAX_AMOUNT).then_some(units)
    });
    let amount = match amount {
        None if what != What::Adjust => None,
        Some(Some(amount)) => Some(amount),
        None | Some(None) => {
            return Err(bad(
                "amount is a whole number of units: not zero, negative only to take away, at most 10^12.",
            ));
        }
    };
    Ok(Act { name: format!("{ACT}{name}"), what, by, reason, currency, amount })
}
