//! Money, end to end: what Stripe announces, what is asked for twice, and what nobody knows.

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

mod compaction;
mod disputes;
mod keys;
mod limits;
mod refunds;
mod unknown;
mod webhooks;

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};
use stripe402_e2e::{Card, Config, Paywall, Request, Response, Stripe, Visitor};

/// What the endpoints of these tests sign with.
const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";

fn config() -> Config {
    let routes = json!({
        "GET /slow": { "amount": 100 },
        "GET /status/:code": { "amount": 100 },
        "POST /echo": { "amount": 100 },
    });
    Config::new().routes(&routes).var("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
}

/// The paywall that most tests visit, with its endpoint registered at Stripe.
fn shared() -> &'static Paywall {
    static SHARED: LazyLock<Paywall> = LazyLock::new(|| {
        let paywall = Paywall::start(config());
        register(&paywall, WEBHOOK_SECRET);
        paywall
    });
    &SHARED
}

/// Registers a paywall's endpoint at its Stripe.
fn register(endpoint: &Paywall, secret: &str) {
    let url = format!("http://{}/.well-known/stripe402/webhook", endpoint.address());
    controls(endpoint.stripe(), "webhooks", &json!({"url": url, "secret": secret}));
}

/// Gives the testbed's Stripe an order.
fn controls(stripe: Stripe, what: &str, order: &Value) -> Value {
    stripe.posts(&format!("/_testbed/{what}"), &order.to_string())
}

/// Pays with a card for the first time; gives the PaymentIntent. 49,900 units are left.
#[track_caller]
fn first_payment(visitor: Visitor<'_>, card: &Card) -> String {
    let answer = visitor.pays("/api/joke", &card.pays());
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.receipt().credits_remaining.get(), 49_900);
    answer.receipt().charge_id.expect("the card was charged")
}

/// Spends once more and more until the credits plus what was spent meanwhile are what they should be: what Stripe
/// announces comes when it comes. Gives the credits that are left.
#[track_caller]
fn settles_at(visitor: Visitor<'_>, card: &Card, credits_without_spending: i64) -> i64 {
    let mut last = 0;
    for spent in 1..300 {
        let answer = visitor.pays("/api/joke", &card.spends());
        assert_eq!(answer.status, 200, "{answer:?}");
        last = answer.receipt().credits_remaining.get();
        if last + 100 * spent == credits_without_spending {
            return last;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the credits never settled at {credits_without_spending}: {last}");
}

/// Waits until a request is answered as it should be.
#[track_caller]
fn until(visitor: Visitor<'_>, payment: &str, right: impl Fn(&Response) -> bool) -> Response {
    let mut last = None;
    for _ in 0..400 {
        let answer = visitor.asks(Request::get("/api/joke").payment(payment));
        if right(&answer) {
            return answer;
        }
        last = Some(answer);
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("never right: {last:?}");
}

/// Sends one event by hand; gives the status of its delivery.
fn sends(paywall: &Paywall, event: &Value) -> u64 {
    let sent = controls(paywall.stripe(), "webhooks/send", event);
    sent["deliveries"][0]["status"].as_u64().unwrap_or_else(|| panic!("one delivery: {sent}"))
}

/// Looks again and again until there is something.
#[track_caller]
fn until_some<T>(look: impl FnMut() -> Option<T>) -> T {
    stripe402_e2e::wait_for(Duration::from_secs(20), || "something to come".to_owned(), look)
}
