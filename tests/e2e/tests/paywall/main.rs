//! The paywall, end to end. Most tests visit one shared paywall, each with a card and a name of its own; those that
//! need another configuration, a broken Stripe or a restart start their own.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

mod browsers;
mod challenge;
mod configuration;
mod declines;
mod deposits;
mod flow;
mod forwarding;
mod limits;
mod malformed;
mod owners;
mod parallel;
mod paths;
mod payment;
mod reversal;
mod stripe_fails;
mod survival;
mod three_d_secure;
mod top_up;
mod unreachable;

use std::sync::LazyLock;

use serde_json::json;
use stripe402_core::protocol::{ErrorCode, PaymentResponse};
use stripe402_e2e::{Config, Paywall, Response, Visitor};

/// What the shared paywall sells beside the routes of the vectors. `/lax/…` is the same content as `/…`, so that one
/// content can have two prices.
fn config() -> Config {
    let routes = json!({
        "POST /echo": { "amount": 100 },
        "GET /slow": { "amount": 100 },
        "GET /stream": { "amount": 100 },
        "GET /big": { "amount": 100 },
        "POST /sink": { "amount": 100 },
        "GET /redirect": { "amount": 100 },
        "GET /gzip": { "amount": 100 },
        "GET /cookie": { "amount": 100 },
        "GET /ws": { "amount": 100 },
        "GET /status/:code": { "amount": 100 },
        "PUT /status/:code": { "amount": 100, "chargeOn": "success" },
        "PATCH /status/:code": { "amount": 100, "chargeOn": "always" },
        "GET /lax/api/joke": { "amount": 100 },
        "GET /lax/api/health": { "amount": 0 },
        "GET /lax/api/weather": { "amount": 60_050, "description": "Dearer than the usual top-up" },
        "GET /lax/cookie": { "amount": 7_000 },
        "GET /lax/gzip": { "amount": 20_000, "currency": "jpy", "minTopUp": 1_000_000 },
    });
    Config::new().routes(&routes).var("ORIGIN_TIMEOUT_MS", ORIGIN_TIMEOUT.as_millis().to_string())
}

/// How long the shared paywall waits for its origin.
const ORIGIN_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(4);

/// The paywall that most tests visit.
fn shared() -> &'static Paywall {
    static SHARED: LazyLock<Paywall> = LazyLock::new(|| Paywall::start(config()));
    &SHARED
}

/// Asserts that a payment was refused with this code and sentence, as every refusal is: the body and the header name
/// the code, nothing is cached, nothing reached the origin, and nobody is told whose account a card belongs to.
#[track_caller]
fn assert_refused(visitor: Visitor<'_>, answer: &Response, code: ErrorCode, sentence: &str) {
    assert_eq!(answer.status, 402, "{answer:?}");
    let expected = PaymentResponse {
        success: false,
        charge_id: None,
        credits_remaining: stripe402_core::protocol::Units::ZERO,
        client_id: String::new(),
        error: Some(sentence.to_owned()),
        error_code: Some(code),
        action: None,
    };
    assert_eq!(answer.text(), serde_json::to_string(&expected).unwrap());
    assert_eq!(answer.required().error, Some(code));
    assert_eq!(answer.header("payment-response"), None);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(visitor.reached(), [], "nothing may reach the origin");
}

/// Asserts that a request was paid for, and what its receipt says of the credits; gives the PaymentIntent, if the card
/// was charged for it.
#[track_caller]
fn assert_paid(answer: &Response, credits: i64) -> Option<String> {
    assert_eq!(answer.status, 200, "{}\n{answer:?}", answer.text());
    let receipt = answer.receipt();
    assert!(receipt.success, "{receipt:?}");
    assert_eq!(receipt.credits_remaining.get(), credits, "{receipt:?}");
    assert_eq!((receipt.error, receipt.error_code, receipt.action), (None, None, None));
    receipt.charge_id
}
