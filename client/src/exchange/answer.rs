//! What an answer says of the payment that it followed.

use super::outcome::{Doubt, Outcome, Paid};
use crate::books::Millis;
use crate::challenge::{Challenge, NotAChallenge};
use std::time::{Duration, UNIX_EPOCH};
use stripe402_core::protocol::{
    ClientId, Currency, PAYMENT_REQUIRED, PAYMENT_RESPONSE, Payment, PaymentResponse, Units, decode,
};

/// At least so long, and at most so long, is waited at a time.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// An answer, as far as payment is concerned.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// What a 402 asks for.
    pub(crate) challenge: Result<Challenge, NotAChallenge>,
    receipt: Receipt,
    retry_after: Option<String>,
}

#[derive(Clone, Debug)]
enum Receipt {
    None,
    Unreadable,
    Read(Box<PaymentResponse>),
}

/// What of that which was put aside was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Nothing,
    Spent {
        price: Units,
        top_up: Units,
    },
    /// It stays aside, and counts.
    Unknown,
}

/// What an answer comes to.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) settled: Settled,
    pub(super) client: Option<ClientId>,
}

impl Verdict {
    /// Nobody knows.
    pub(super) const fn unknown() -> Self {
        Self { outcome: Outcome::Unknown, settled: Settled::Unknown, client: None }
    }
}

impl Answer {
    /// Of a status and headers; `header` gives all values of a name.
    pub(crate) fn read(status: u16, header: impl Fn(&'static str) -> Vec<String>) -> Self {
        let required = header(PAYMENT_REQUIRED);
        let receipts = header(PAYMENT_RESPONSE);
        let receipt = match receipts.as_slice() {
            [] => Receipt::None,
            [one] => decode(one).map_or(Receipt::Unreadable, |read| Receipt::Read(Box::new(read))),
            _ => Receipt::Unreadable,
        };
        Self {
            status,
            challenge: Challenge::read(required.iter().map(String::as_str)),
            receipt,
            retry_after: header("retry-after").into_iter().next(),
        }
    }

    /// How long to wait before the same payment is sent again: the outcome of a charge is not known (503), or the request
    /// of this idempotency key still runs (409). An answer with a receipt comes from behind the paywall, and means what
    /// it says.
    pub(super) fn same_again(&self, now: Millis) -> Option<Duration> {
        if !matches!(self.status, 409 | 503) || !matches!(self.receipt, Receipt::None) {
            return None;
        }
        let text = self.retry_after.as_deref()?.trim();
        let wait = if let Ok(seconds) = text.parse() {
            Duration::from_secs(seconds)
        } else {
            let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
            at.saturating_sub(Duration::from_millis(u64::try_from(now).unwrap_or(0)))
        };
        Some(wait.clamp(SHORTEST, LONGEST))
    }

    /// What it comes to that a payment was sent and this was answered; not a 402.
    pub(super) fn verdict(
        &self,
        sent: &Payment,
        price: Option<(Currency, Units)>,
        charge: Option<Units>,
    ) -> Verdict {
        let amount = price.map_or(Units::ZERO, |(_, amount)| amount);
        let paid = Paid { price, ..Paid::default() };
        let doubtful = |doubt, settled| Verdict {
            outcome: Outcome::Paid(Paid { doubt: Some(doubt), ..paid.clone() }),
            settled,
            client: None,
        };
        let receipt = match &self.receipt {
            Receipt::Read(receipt) => receipt,
            Receipt::Unreadable => return doubtful(Doubt::Unreadable, Settled::Unknown),
            // The paywall's own refusals are not debited, and have no receipt.
            Receipt::None if (400..500).contains(&self.status) && self.status != 409 => {
                return Verdict { outcome: Outcome::Rejected, settled: Settled::Nothing, client: None };
            }
            Receipt::None if self.status >= 500 => {
                return Verdict::unknown();
            }
            Receipt::None => return doubtful(Doubt::NoReceipt, Settled::Unknown),
        };
        let charged = charge.filter(|_| receipt.charge_id.is_some());
        let client = ClientId::parse(&receipt.client_id);
        let doubt = match &client {
            Err(_) => Some(Doubt::NoClientId),
            Ok(_) if receipt.charge_id.is_some() && charge.is_none() => Some(Doubt::ChargedWithoutACard),
            // With a card, the account is the card's.
            Ok(client) if charge.is_none() && sent.client_id.as_ref() != Some(client) => {
                Some(Doubt::OtherClient)
            }
            Ok(_) => None,
        };
        let price_spent = if receipt.success { amount } else { Units::ZERO };
        let settled = Settled::Spent { price: price_spent, top_up: charged.unwrap_or(Units::ZERO) };
        let paid = Paid { charged, receipt: Some((**receipt).clone()), doubt, ..paid };
        Verdict {
            outcome: if receipt.success { Outcome::Paid(paid) } else { Outcome::Reversed(paid) },
            settled,
            client: client.ok().filter(|_| doubt.is_none()),
        }
    }
}
