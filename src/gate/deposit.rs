//! `POST …/top-up`: a card is charged and its account credited, nothing is debited. What was asked for, checked.
//!
//! Kept true here: amounts and bounds come from the route that the top-up is meant for; a top-up that is sent again is
//! the same top-up, by its `Idempotency-Key` or, without one, by its card and amount.

use serde_json::Value;
use stripe402_core::config::Price;
use stripe402_core::protocol::{
    ErrorCode, InvalidPayment, Payment, PaymentHeader, check_top_up, decode_payment,
};

use super::answer::{Answer, Failed, required};
use super::decide::{Facts, Gate, MAX_IDEMPOTENCY_KEY, PaidRequest};
use crate::ledger::Deposit;

/// The body may be this long, in bytes.
pub const MAX_BODY: usize = 8_192;
/// For how long a name stands for its top-up: one that the payer chose, and one that was made of card and amount. So a
/// program that sends no key may pay in the same amount again after that.
const NAMED: i64 = 24 * 3_600_000;
const UNNAMED: i64 = 600_000;

impl Gate {
    /// Reads a top-up. `body`: JSON with `route`, like `"GET /api/joke"`, and optionally `receiptEmail`.
    pub fn deposit(&self, facts: &Facts<'_>, body: &str) -> Result<PaidRequest<'_>, Answer> {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let bad = |detail: &str| Answer::problem(400, "Bad top-up", detail);
        let Some(name) = body.get("route").and_then(Value::as_str) else {
            return Err(bad("Say what the top-up is for, in JSON: {\"route\": \"GET /path\"}."));
        };
        let receipt_email = match body.get("receiptEmail") {
            None | Some(Value::Null) => None,
            Some(email) => Some(
                email
                    .as_str()
                    .filter(|email| is_email(email))
                    .ok_or_else(|| bad("receiptEmail is no address."))?,
            ),
        };
        let (method, path) = name.split_once(' ').unwrap_or(("GET", name));
        let found = self.priced(method, path);
        let not_found = || Answer::problem(404, "Not found", "There is no such priced route here.");
        let (route, target) = found.ok_or_else(not_found)?;
        let Price::Paid { amount, currency, min_top_up, max_top_up, max_top_up_per_day } = route.price else {
            return Err(not_found());
        };
        let required = required(route, &self.publishable_key, &target.canonical).ok_or_else(not_found)?;
        let refuse = |code: ErrorCode, message: String| {
            let failed = Failed { code, message, client: None, client_secret: None, frozen: false };
            Answer::failed(&required, &failed)
        };
        let payment = match decode_payment(facts.payment) {
            Ok(PaymentHeader::None) => return Err(Answer::challenge(&required)),
            Ok(PaymentHeader::Payment(payment)) => payment,
            Err(invalid) => return Err(refuse(InvalidPayment::CODE, invalid.message)),
        };
        check_top_up(payment.top_up, min_top_up, max_top_up)
            .map_err(|(code, message)| refuse(code, message))?;
        let Some(card) = &payment.payment_method else {
            let message = "A top-up needs a paymentMethodId".to_owned();
            return Err(refuse(InvalidPayment::CODE, message));
        };
        let (name, kept) = match facts.idempotency_key.filter(|key| !key.is_empty()) {
            Some(key) if is_key(key) => (format!("key {key}"), NAMED),
            Some(_) => {
                let detail = "An Idempotency-Key is at most 255 characters of printable ASCII.";
                return Err(Answer::problem(400, "Bad Idempotency-Key", detail));
            }
            None => {
                let units = payment.top_up.unwrap_or(min_top_up);
                (format!("card {} {units} {currency}", card.as_str()), UNNAMED)
            }
        };
        let receipt_email = receipt_email.map(ToOwned::to_owned);
        // Whose balance is told is whose card pays: a client id that comes along decides nothing here.
        let payment = Payment { client_id: None, ..payment };
        Ok(PaidRequest {
            route,
            target,
            payment,
            required,
            price: amount,
            currency,
            min_top_up,
            max_top_up,
            max_per_day: max_top_up_per_day,
            key: None,
            deposit: Some(Deposit { name, kept, receipt_email }),
            by_cookie: false,
        })
    }
}

/// Whether a header is an `Idempotency-Key` that we take.
pub(super) fn is_key(key: &str) -> bool {
    key.len() <= MAX_IDEMPOTENCY_KEY && key.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

/// Only what is plainly none: whether anybody reads it is Stripe's to find out.
fn is_email(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() || !byte.is_ascii());
    let (name, host) = text.rsplit_once('@').unwrap_or_default();
    text.len() <= 254 && plain && !name.is_empty() && host.contains('.') && !name.contains('@')
}
