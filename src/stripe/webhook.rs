//! Webhooks: is this Stripe's, and what does it hint at?
//!
//! Kept true here: nothing of a body is looked at before its signature was checked over the raw bytes; an event is a
//! hint only: what is booked is read from Stripe. <https://docs.stripe.com/webhooks#verify-manually>

use serde_json::Value;
use stripe402_core::protocol::digest::{hex, hmac_sha256};
use subtle::ConstantTimeEq;

use super::ids::{DisputeId, PaymentIntentId};

/// A body may be this long.
pub const MAX_BODY: usize = 1_000_000;
/// A signature may be this old, in seconds, or this far ahead of our clock.
pub const TOLERANCE: i64 = 300;

/// Why a delivery is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDelivery {
    /// The `Stripe-Signature` header is missing or has not the form `t=…,v1=…`.
    #[error("the Stripe-Signature header is missing or malformed")]
    Header,
    /// No signature fits the body.
    #[error("no signature fits the body")]
    Signature,
    /// The signature is older than five minutes, or of a time that has not come.
    #[error("the signature is too old")]
    Stale,
    /// The body is not an event.
    #[error("the body is not an event")]
    Body,
}

/// An event, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id, for the log.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Whether it is about real money.
    pub livemode: bool,
    /// What it hints at; none: nothing that concerns us.
    pub hint: Option<Hint>,
}

/// What an event hints at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// A PaymentIntent changed.
    Intent(PaymentIntentId),
    /// The refunds of a PaymentIntent changed.
    Refunds(PaymentIntentId),
    /// A dispute of a PaymentIntent changed.
    Dispute {
        /// The PaymentIntent.
        intent: PaymentIntentId,
        /// The dispute.
        dispute: DisputeId,
        /// Its money was withdrawn.
        withdrawn: bool,
        /// Its money was given back.
        reinstated: bool,
    },
}

impl Hint {
    /// The PaymentIntent that it is about.
    pub const fn intent(&self) -> &PaymentIntentId {
        match self {
            Self::Intent(intent) | Self::Refunds(intent) | Self::Dispute { intent, .. } => intent,
        }
    }
}

/// The types of events that an endpoint should subscribe to: those that hint at something.
pub const EVENTS: [&str; 13] = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
];

/// Checks a delivery and reads its event. `now`: seconds since 1970.
pub fn open(body: &[u8], header: &str, secret: &str, now: i64) -> Result<Event, BadDelivery> {
    let mut time = None;
    let mut signatures = Vec::new();
    for (name, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
        match name {
            "t" => time = Some(value),
            "v1" => signatures.push(value),
            _ => {}
        }
    }
    let time = time.ok_or(BadDelivery::Header)?;
    let at: i64 = time.parse().map_err(|_| BadDelivery::Header)?;
    if signatures.is_empty() {
        return Err(BadDelivery::Header);
    }
    let mut signed = Vec::with_capacity(body.len().saturating_add(time.len()).saturating_add(1));
    signed.extend_from_slice(time.as_bytes());
    signed.push(b'.');
    signed.extend_from_slice(body);
    let expected = hex(&hmac_sha256(secret.as_bytes(), &signed));
    // Every signature is compared: while a secret is rolled there are two.
    let fits = signatures
        .iter()
        .fold(subtle::Choice::from(0), |fits, one| fits | one.as_bytes().ct_eq(expected.as_bytes()));
    if !bool::from(fits) {
        return Err(BadDelivery::Signature);
    }
    if now.saturating_sub(at).saturating_abs() > TOLERANCE {
        return Err(BadDelivery::Stale);
    }
    read(body).ok_or(BadDelivery::Body)
}

fn read(body: &[u8]) -> Option<Event> {
    let event: Value = serde_json::from_str(str::from_utf8(body).ok()?).ok()?;
    let kind = event.get("type")?.as_str()?.to_owned();
    let object = event.get("data")?.get("object")?;
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let named = |name: &str| PaymentIntentId::parse(text(name)?).ok();
    let hint = match kind.as_str() {
        "payment_intent.succeeded" | "payment_intent.payment_failed" | "payment_intent.canceled" => {
            named("id").map(Hint::Intent)
        }
        "charge.refunded"
        | "charge.refund.updated"
        | "refund.created"
        | "refund.updated"
        | "refund.failed" => named("payment_intent").map(Hint::Refunds),
        _ if kind.starts_with("charge.dispute.") => {
            let dispute = text("id").and_then(|id| DisputeId::parse(id).ok());
            named("payment_intent").zip(dispute).map(|(intent, dispute)| Hint::Dispute {
                intent,
                dispute,
                withdrawn: kind == "charge.dispute.funds_withdrawn",
                reinstated: kind == "charge.dispute.funds_reinstated",
            })
        }
        _ => None,
    };
    let id = event.get("id").and_then(Value::as_str).unwrap_or("-").to_owned();
    Some(Event { id, kind, livemode: event.get("livemode").and_then(Value::as_bool).unwrap_or(false), hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_testbed";
    const NOW: i64 = 1_800_000_000;

    fn sign(body: &str, at: i64, secret: &str) -> String {
        format!("t={at},v1={}", hex(&hmac_sha256(secret.as_bytes(), format!("{at}.{body}").as_bytes())))
    }

    fn event(kind: &str, object: &str) -> String {
        format!(r#"{{"id":"evt_1","type":"{kind}","livemode":false,"data":{{"object":{object}}}}}"#)
    }

    fn opened(body: &str) -> Option<Hint> {
        open(body.as_bytes(), &sign(body, NOW, SECRET), SECRET, NOW).unwrap().hint
    }

    #[test]
    fn a_forged_stale_or_unsigned_delivery_is_refused() {
        let body = event("payment_intent.succeeded", r#"{"id":"pi_1"}"#);
        let good = sign(&body, NOW, SECRET);
        let refused = |header: &str, now| open(body.as_bytes(), header, SECRET, now).unwrap_err();
        assert!(open(body.as_bytes(), &good, SECRET, NOW).is_ok());
        assert!(open(body.as_bytes(), &good, SECRET, NOW + 300).is_ok());
        assert_eq!(refused(&good, NOW + 301), BadDelivery::Stale);
        assert_eq!(refused(&good, NOW - 301), BadDelivery::Stale);
        assert_eq!(refused(&sign(&body, NOW, "whsec_other"), NOW), BadDelivery::Signature);
        assert_eq!(refused(&sign("{}", NOW, SECRET), NOW), BadDelivery::Signature);
        assert_eq!(refused(&good.replace("v1=", "v0="), NOW), BadDelivery::Header);
        assert_eq!(refused("", NOW), BadDelivery::Header);
        assert_eq!(refused("t=x,v1=00", NOW), BadDelivery::Header);
        assert_eq!(refused(&format!("t={NOW}"), NOW), BadDelivery::Header);
        let upper = format!("t={NOW},v1={}", good.rsplit('=').next().unwrap().to_uppercase());
        assert_eq!(refused(&upper, NOW), BadDelivery::Signature);
        let broken = open(b"{}", &sign("{}", NOW, SECRET), SECRET, NOW);
        assert_eq!(broken, Err(BadDelivery::Body));
    }

    #[test]
    fn while_a_secret_is_rolled_one_of_two_signatures_is_enough() {
        let body = event("payment_intent.succeeded", r#"{"id":"pi_1"}"#);
        let good = sign(&body, NOW, SECRET);
        let (_, signature) = good.split_once(",v1=").unwrap();
        let both = format!("t={NOW},v1={},v0=ff, v1={signature}", "0".repeat(64));
        assert!(open(body.as_bytes(), &both, SECRET, NOW).is_ok());
    }

    #[test]
    fn every_type_that_the_operator_is_told_to_subscribe_to_hints_at_something() {
        for kind in EVENTS {
            let object = if kind.starts_with("payment_intent") {
                r#"{"id":"pi_1"}"#
            } else {
                r#"{"id":"dp_1","payment_intent":"pi_1"}"#
            };
            assert!(opened(&event(kind, object)).is_some(), "{kind}");
        }
    }

    #[test]
    fn an_event_hints_at_what_is_to_be_read() {
        let intent = || PaymentIntentId::parse("pi_1").unwrap();
        for kind in ["payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled"] {
            assert_eq!(opened(&event(kind, r#"{"id":"pi_1"}"#)), Some(Hint::Intent(intent())), "{kind}");
        }
        for kind in
            ["charge.refunded", "charge.refund.updated", "refund.created", "refund.updated", "refund.failed"]
        {
            let object = r#"{"id":"x_1","payment_intent":"pi_1"}"#;
            assert_eq!(opened(&event(kind, object)), Some(Hint::Refunds(intent())), "{kind}");
        }
        for (kind, withdrawn, reinstated) in [
            ("charge.dispute.created", false, false),
            ("charge.dispute.updated", false, false),
            ("charge.dispute.closed", false, false),
            ("charge.dispute.funds_withdrawn", true, false),
            ("charge.dispute.funds_reinstated", false, true),
        ] {
            let object = r#"{"id":"dp_1","payment_intent":"pi_1"}"#;
            let dispute = DisputeId::parse("dp_1").unwrap();
            let hint = Hint::Dispute { intent: intent(), dispute, withdrawn, reinstated };
            assert_eq!(hint.intent(), &intent());
            assert_eq!(opened(&event(kind, object)), Some(hint), "{kind}");
        }
        for (kind, object) in [
            ("customer.created", r#"{"id":"cus_1"}"#),
            ("charge.refunded", r#"{"id":"ch_1","payment_intent":null}"#),
            ("payment_intent.succeeded", r#"{"id":"pi_/../x"}"#),
            ("charge.dispute.created", r#"{"id":"dp_1"}"#),
        ] {
            assert_eq!(opened(&event(kind, object)), None, "{kind}");
        }
    }
}
