//! What the operator does and sees, end to end.

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

mod acts;
mod dashboard;
mod discovery;
mod refused;
mod rotation;
mod schema;
mod sessions;

use std::sync::LazyLock;

use serde_json::{Value, json};
use stripe402_e2e::{Card, Config, Paywall, Request, Response, Visitor};

/// What these tests' paywalls are opened with.
const TOKEN: &str = "an-admin-token-of-at-least-32-bytes!!";
const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";
/// Where the operator's paths live.
const CLIENTS: &str = "/.well-known/stripe402/admin/clients";

fn config() -> Config {
    Config::new().var("ADMIN_TOKEN", TOKEN).var("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
}

/// The paywall that most tests visit, with its endpoint registered at Stripe.
fn shared() -> &'static Paywall {
    static SHARED: LazyLock<Paywall> = LazyLock::new(|| {
        let paywall = Paywall::start(config());
        let url = format!("http://{}/.well-known/stripe402/webhook", paywall.address());
        let order = json!({"url": url, "secret": WEBHOOK_SECRET});
        paywall.stripe().posts("/_testbed/webhooks", &order.to_string());
        paywall
    });
    &SHARED
}

/// A request with the token.
fn with_token(request: Request) -> Request {
    request.header("authorization", format!("Bearer {TOKEN}"))
}

fn sees(visitor: Visitor<'_>, card: &Card, what: &str) -> Value {
    let answer = visitor.asks(with_token(Request::get(&format!("{CLIENTS}/{}{what}", card.account))));
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{answer:?}");
    answer.json()
}

/// An act, under this key.
fn acts(visitor: Visitor<'_>, card: &Card, what: &str, key: &str, fields: &Value) -> Response {
    let mut body = json!({"by": "Ada", "reason": "the client asked"});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    let request = Request::post(&format!("{CLIENTS}/{}/{what}", card.account), body.to_string());
    visitor.asks(with_token(request).header("idempotency-key", key))
}

/// Pays with a card for the first time: 49,900 units are left.
fn first_payment(visitor: Visitor<'_>, card: &Card) {
    let answer = visitor.pays("/api/joke", &card.pays());
    assert_eq!((answer.status, answer.receipt().credits_remaining.get()), (200, 49_900), "{answer:?}");
}
