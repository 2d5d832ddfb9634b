//! A charge that went through while its answer was lost: found, credited once, and never posted again.

use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::{Value, json};
use stripe402_e2e::{Config, Paywall};

use crate::until;

fn found_again(name: &'static str, fault: &Value) {
    // Its own Stripe, which fails on order; no webhooks, so that it has to be looked for.
    static FAILING: LazyLock<Mutex<Paywall>> = LazyLock::new(|| Mutex::new(Paywall::start(Config::new())));
    let paywall = FAILING.lock().unwrap_or_else(PoisonError::into_inner);
    let (stripe, visitor) = (paywall.stripe(), paywall.visitor(name));
    let card = stripe.card(name);
    stripe.breaks(fault);

    let answer = until(visitor, &card.pays(), |answer| answer.status == 200);

    let credits = answer.receipt().credits_remaining.get();
    assert_eq!(credits, 49_900, "one debit, from one credit");
    assert_eq!(stripe.statuses(&card), ["succeeded"], "one PaymentIntent exists");
    let mut sent = stripe.writes(&card, "charge");
    assert!(sent.len() <= 4, "{sent:?}");
    sent.dedup();
    assert_eq!(sent.len(), 1, "always the same bytes under the same key");
    stripe.mends();
    let before = stripe.writes(&card, "charge").len();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(stripe.writes(&card, "charge").len(), before, "nothing is posted once it is known");
    assert_eq!(visitor.pays("/api/joke", &card.spends()).receipt().credits_remaining.get(), 49_800);
}

#[test]
fn an_answer_that_was_dropped_after_the_charge_is_asked_for_again() {
    found_again(
        "dropped",
        &json!({"match": "POST /v1/payment_intents", "times": 2, "kind": "drop_response", "after_commit": true}),
    );
}

#[test]
fn a_stored_500_after_the_charge_locks_nobody_out() {
    found_again(
        "stored_500",
        &json!({"match": "POST /v1/payment_intents", "times": 1, "kind": "status", "status": 500, "after_commit": true, "stored": true}),
    );
}
