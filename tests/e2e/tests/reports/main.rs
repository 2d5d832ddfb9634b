//! Reports across accounts, end to end: what the accounts hand over to a D1 database is what was earned, owed and charged.

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

mod books;
mod clients;

mod waiting;

use serde_json::{Value, json};
use stripe402_e2e::{Config, Paywall};

/// What these tests' paywalls are opened with.
const TOKEN: &str = "an-admin-token-of-at-least-32-bytes!!";
const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";

/// A paywall that reports within a second.
fn config() -> Config {
    let routes = json!({
        "GET /status/:code": { "amount": 700 },
        "POST /echo": { "amount": 300, "currency": "eur" },
    });
    Config::new()
        .routes(&routes)
        .var("REPORT_SECONDS", 1)
        .var("ADMIN_TOKEN", TOKEN)
        .var("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
        .with_reports()
}

/// Registers the endpoint for what Stripe announces.
fn register(paywall: &Paywall) {
    let url = format!("http://{}/.well-known/stripe402/webhook", paywall.address());
    let order: Value = json!({"url": url, "secret": WEBHOOK_SECRET});
    paywall.stripe().posts("/_testbed/webhooks", &order.to_string());
}
