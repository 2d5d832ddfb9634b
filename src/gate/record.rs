//! One line for the log per decision: what an operator needs to follow a request, and nothing that could be spent.
//!
//! Kept true here: the line holds no secret, no card detail, no client id and no whole payment method; it is one line of
//! JSON, whatever a path contains.

use serde_json::{Map, Value};
use stripe402_core::json::to_text;

/// What is known of a decision when its answer goes out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Line<'a> {
    /// What was decided.
    pub decision: &'a str,
    /// The route, as the operator wrote it.
    pub route: Option<&'a str>,
    /// The method.
    pub method: &'a str,
    /// The status of our answer.
    pub status: u16,
    /// What was debited, in units.
    pub units: Option<i64>,
    /// The currency of that.
    pub currency: Option<&'a str>,
    /// The account, shortened.
    pub account: Option<&'a str>,
    /// The PaymentIntent, where this request's card was charged.
    pub charge: Option<&'a str>,
    /// The request id of the call to Stripe that came last.
    pub stripe_request: Option<&'a str>,
    /// From the request to our answer, in milliseconds.
    pub milliseconds: i64,
}

impl Line<'_> {
    /// Whether it is about money, or about something that went wrong: not a free request or a challenge that was
    /// answered as it should be.
    pub fn matters(&self) -> bool {
        !matches!(self.decision, "free" | "challenge" | "preflight") || self.status >= 500
    }

    /// The line.
    pub fn to_json(self) -> String {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        put("stripe402", self.decision.into());
        put("method", self.method.into());
        put("status", self.status.into());
        put("ms", self.milliseconds.into());
        for (name, value) in [
            ("route", self.route),
            ("currency", self.currency),
            ("account", self.account),
            ("charge", self.charge),
            ("stripe_request", self.stripe_request),
        ] {
            if let Some(value) = value {
                put(name, value.into());
            }
        }
        if let Some(units) = self.units {
            put("units", units.into());
        }
        to_text(&Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_one_line_of_json() {
        let line = Line {
            decision: "paid",
            route: Some("GET /api/joke"),
            method: "GE\nT",
            status: 200,
            units: Some(100),
            currency: Some("usd"),
            account: Some("0123456789ab"),
            charge: None,
            stripe_request: Some("req_1"),
            milliseconds: 12,
        };
        let json = line.to_json();
        assert_eq!(json.lines().count(), 1);
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"stripe402": "paid", "route": "GET /api/joke", "method": "GE\nT", "status": 200,
                "units": 100, "currency": "usd", "account": "0123456789ab", "stripe_request": "req_1",
                "ms": 12})
        );
    }
}
