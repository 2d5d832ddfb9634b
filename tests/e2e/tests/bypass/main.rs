//! The corpus of `tests/vectors/bypass.json`, sent as it stands, in front of an origin as careless as real ones: what
//! that origin itself says it has served is what counts. Once on raw workerd, once through `wrangler dev`, whose proxy
//! reads targets in a way of its own before we see them.

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

mod answers;
mod corpus;
mod honest;
mod run;

use serde_json::json;
use stripe402_e2e::{Config, Layout, Paywall};

/// A price for everything in the corpus, in every shape that a route can have.
fn gate_on() -> Config {
    let routes = json!({
        "GET /lax/api/joke": { "amount": 100 },
        "GET /lax/api/weather": { "amount": 500 },
        "POST /lax/api/translate": { "amount": 200 },
        "GET /lax/api/health": { "amount": 0 },
        "* /lax/echo": { "amount": 100 },
        "GET /lax/slow": { "amount": 100 },
        "GET /LAX/Stream/*": { "amount": 300 },
        "GET /lax/big": { "amount": 100 },
        "POST /lax/sink": { "amount": 100 },
        "GET /lax/status/:code": { "amount": 100 },
        "GET /lax/redirect": { "amount": 100 },
        "GET /lax/%67zip": { "amount": 100 },
        "GET /lax/cookie/": { "amount": 100, "currency": "eur" },
    });
    Config::new().var("ROUTES", routes)
}

/// A price for something else: whatever is in the corpus passes.
fn gate_off() -> Config {
    Config::new().var("ROUTES", json!({ "GET /something/else/entirely": { "amount": 100 } }))
}

#[test]
fn no_form_gets_around_the_gate_on_raw_workerd() {
    corpus::try_all("raw workerd", |config| Paywall::start_raw(config, Layout::new()));
}

#[test]
fn no_form_gets_around_the_gate_behind_wranglers_proxy() {
    corpus::try_all("wrangler dev", Paywall::start);
}
