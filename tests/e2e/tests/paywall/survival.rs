//! Restarts and crashes of workerd: what a receipt said is still true afterwards.

use std::time::Duration;

use serde_json::json;
use stripe402_core::protocol::ErrorCode;
use stripe402_e2e::{Config, Paywall, wait_for};

use crate::assert_paid;

#[test]
fn balances_customers_and_attached_cards_survive_a_restart_and_a_crash() {
    let mut paywall = Paywall::start(Config::new());
    let stripe = paywall.stripe();
    let card = stripe.card("survivor");
    let visitor = paywall.visitor("survivor");
    assert!(assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900).is_some());
    assert_paid(&visitor.pays("/api/weather", &card.pays()), 99_500);

    paywall.restart();

    let visitor = paywall.visitor("survivor");
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends()), 49_800), None);
    assert_eq!(assert_paid(&visitor.pays("/api/weather", &card.spends()), 99_000), None);
    // The isolate has forgotten whose card this is, the account has not.
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_700), None);
    let typed_in_again = stripe.same_card(&card, "survivor_again");
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &typed_in_again.pays()), 49_600), None);

    // Killed in the moment after an answer: what was answered is on disk.
    for nth in 1..=10 {
        assert_paid(&visitor.pays("/api/joke", &card.spends()), 49_600 - 100 * nth);
    }
    paywall.kill();
    paywall.start_again();

    let visitor = paywall.visitor("survivor");
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends()), 48_500), None);
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends_or_pays()), 48_400), None);
    assert_eq!(stripe.charges(&card).len(), 2, "one top-up for each currency");
    assert_eq!(stripe.customers(&card).len(), 1);
    assert_eq!(visitor.reached().len(), 18);
}

#[test]
fn a_charge_that_was_on_its_way_in_a_crash_is_credited_once() {
    let mut paywall = Paywall::start(Config::new());
    let stripe = paywall.stripe();
    let card = stripe.card("crashed");
    // Stripe charges the card, and its answer finds nobody.
    let late = json!({"match": "POST /v1/payment_intents", "kind": "delay", "delay_ms": 5_000, "after_commit": true});
    stripe.breaks(&late);
    let address = paywall.address();
    let waiting = stripe402_e2e::Request::get("/api/joke").payment(card.pays()).only_sends(address).unwrap();
    wait_for(
        Duration::from_secs(30),
        || "Stripe to charge the card".to_owned(),
        || (stripe.charges(&card).len() == 1).then_some(()),
    );

    paywall.kill();
    drop(waiting);
    paywall.start_again();

    // Nobody is told that it failed, and nobody is charged again; the alarm finds out what became of it.
    let visitor = paywall.visitor("crashed");
    let answer = wait_for(
        Duration::from_mins(1),
        || "the same payment to be served".to_owned(),
        || {
            let answer = visitor.pays("/api/joke", &card.pays());
            assert!([200, 503].contains(&answer.status), "{answer:?}");
            (answer.status == 200).then_some(answer)
        },
    );
    assert_paid(&answer, 49_900);
    assert_eq!(stripe.statuses(&card), ["succeeded"]);
    let mut sent = stripe.writes(&card, "charge");
    sent.dedup();
    assert_eq!(sent.len(), 1, "the same bytes under the same key: {sent:?}");
    assert_eq!(visitor.reached().len(), 1);
    let next = visitor.pays("/api/weather", &card.spends());
    assert_eq!(
        next.required().error,
        Some(ErrorCode::InsufficientCredits),
        "credited in its own currency, once"
    );
}
