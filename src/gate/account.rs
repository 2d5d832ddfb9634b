//! `GET …/account`: who asks, for which page of the statement, and the statement as JSON.
//!
//! Kept true here: an account is named by its client id or by the cookie that holds it; a page that asks by cookie is not
//! told the client id, which the cookie hides from it.

use stripe402_core::protocol::{ClientId, Currency, InvalidPayment, PaymentHeader, decode_payment};

use super::answer::Answer;
use super::decide::Facts;
use crate::ledger::statement::{Cursor, MOST, Page};

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
    let mut page = Page { currency: None, before: None, limit: USUAL, client_id: None };
    let bad = |detail: &str| Answer::problem(400, "Bad query", detail);
    // None of these values has to be escaped, so an escaped one is none of them.
    for pair in query.trim_start_matches('?').split('&') {
        match pair.split_once('=').unwrap_or_default() {
            (_, "") => {}
            ("limit", value) => {
                let limit = value.parse::<i64>().ok().and_then(|limit| u32::try_from(limit).ok());
                let limit = limit.filter(|limit| (1..=MOST).contains(limit));
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
