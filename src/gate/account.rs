//! `GET …/account`: who asks, for which page of the statement, and the statement as JSON.
//!
//! Kept true here: an account is named by its client id or by the cookie that holds it; a page that asks by cookie is not
//! told the client id, which the cookie hides from it.

use serde_json::{Map, Value, json};
use stripe402_core::protocol::{ClientId, Currency, InvalidPayment, PaymentHeader, Units, decode_payment};

use super::answer::Answer;
use super::decide::Facts;
use crate::ledger::statement::{Cursor, MOST, Page, Shown, Statement, iso};

/// How many entries a page has that names no number.
const USUAL: u32 = 50;

/// Who asks for a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The client.
    pub client_id: ClientId,
    /// Whether it was sent as such, so that it may be repeated.
    pub told: bool,
}

/// Who asks, or the answer to somebody of whom nothing is known.
pub fn owner(facts: &Facts<'_>) -> Result<Owner, Answer> {
    match decode_payment(facts.payment) {
        Ok(PaymentHeader::Payment(payment)) => match payment.client_id {
            Some(client_id) => Ok(Owner { client_id, told: true }),
            None => Err(unknown()),
        },
        Ok(PaymentHeader::None) => match facts.cookie {
            Some(cookie) => Ok(Owner { client_id: cookie.client_id.clone(), told: false }),
            None => Err(unknown()),
        },
        Err(InvalidPayment { message }) => Err(Answer::problem(400, "Bad payment header", &message)),
    }
}

fn unknown() -> Answer {
    let detail = "Send a payment header with your clientId, or come with a browser that has paid here.";
    Answer::problem(401, "Whose account?", detail).with("www-authenticate", "stripe402 realm=\"account\"")
}

/// Which page a query asks for: `?limit=&before=&currency=`.
pub fn page(query: &str) -> Result<Page, Answer> {
    let mut page = Page { currency: None, before: None, limit: USUAL };
    let bad = |detail: &str| Answer::problem(400, "Bad query", detail);
    for (name, value) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
        match (name.as_ref(), value.as_ref()) {
            (_, "") => {}
            ("limit", value) => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                page.limit = limit.ok_or_else(|| bad("limit is a whole number from 1 to 500."))?;
            }
            ("before", value) => {
                let before = Cursor::parse(value);
                page.before =
                    Some(before.ok_or_else(|| bad("before is what `next` was on the page before."))?);
            }
            ("currency", value) => {
                let currency = Currency::parse(value);
                page.currency = Some(currency.map_err(|_| bad("currency is three lower-case letters."))?);
            }
            _ => {}
        }
    }
    Ok(page)
}

/// The statement as the outside sees it: entries are the protocol's transaction records, with currency and balance.
pub fn to_json(owner: &Owner, statement: &Statement) -> Value {
    let client_id = if owner.told { owner.client_id.as_str() } else { "" };
    let balance = |(currency, balance): &(Currency, Units)| json!({ "currency": currency.code(), "balance": balance.get() });
    json!({
        "clientId": client_id,
        "balances": statement.balances.iter().map(balance).collect::<Vec<_>>(),
        "entries": statement.entries.iter().map(|entry| record(client_id, entry)).collect::<Vec<_>>(),
        "next": statement.next.as_ref().map(ToString::to_string),
    })
}

/// A transaction record. `amount` is what a deduction took; of all others it is what was added, negative where it was
/// taken.
fn record(client_id: &str, entry: &Shown) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    let (kind, amount) = match entry.kind.as_str() {
        "debit" => ("deduction", entry.amount.get().saturating_neg()),
        kind => (kind, entry.amount.get()),
    };
    put("id", format!("{}-{}", entry.currency, entry.seq).into());
    put("clientId", client_id.into());
    put("type", kind.into());
    put("amount", amount.into());
    put("currency", entry.currency.code().into());
    let about = entry.source.as_ref().or(entry.resource.as_ref());
    let name = match kind {
        "topup" | "refund" => "stripePaymentIntentId",
        "dispute" => "stripeDisputeId",
        _ => "resource",
    };
    if let Some(about) = about {
        put(name, about.as_str().into());
    }
    put("createdAt", iso(entry.at).into());
    put("balance", entry.balance.get().into());
    Value::Object(fields)
}
