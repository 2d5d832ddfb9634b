//! Nothing served, nothing spent: what happens to a debit when the origin fails.

use std::time::Duration;

use stripe402_core::protocol::PaymentResponse;
use stripe402_e2e::{Card, Request, Response, wait_for};

use crate::{ORIGIN_TIMEOUT, assert_paid, shared};

/// Asserts that a request was answered with this status and cost nothing.
#[track_caller]
fn assert_restored(answer: &Response, card: &Card, status: u16, credits: i64) -> PaymentResponse {
    assert_eq!(answer.status, status, "{answer:?}");
    let receipt = answer.receipt();
    assert!(!receipt.success);
    assert_eq!(receipt.credits_remaining.get(), credits);
    assert_eq!(receipt.client_id, card.client.as_str());
    assert_eq!(receipt.error.as_deref(), Some("Nothing was served, so the request was not charged."));
    assert_eq!(receipt.error_code, None, "no code of the protocol fits");
    receipt
}

#[test]
fn an_origin_that_answers_5xx_is_passed_on_and_the_debit_is_given_back() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("origin-500"));
    let card = stripe.card("origin_500");
    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);
    for status in [500, 502, 503, 599] {
        let answer = visitor.pays(&format!("/status/{status}"), &card.spends());
        assert_eq!(assert_restored(&answer, &card, status, 49_900).charge_id, None);
        assert_eq!(answer.json()["status"], status, "the origin's own answer");
    }
    assert_paid(&visitor.pays("/api/joke", &card.spends()), 49_800);
    assert_eq!(visitor.reached().len(), 6);
}

#[test]
fn a_card_that_was_charged_for_a_request_that_failed_keeps_all_of_it_as_credit() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("origin-500-first"));
    let card = stripe.card("origin_500_first");

    let answer = visitor.pays("/status/500", &card.pays());

    let charge =
        assert_restored(&answer, &card, 500, 50_000).charge_id.expect("the card was charged on the way");
    assert_eq!(stripe.charges(&card), [(charge, 500, "usd".into())]);
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends()), 49_900), None);
}

#[test]
fn other_answers_of_the_origin_are_paid_for() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("origin-4xx"));
    let card = stripe.card("origin_4xx");
    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);
    for (nth, status) in (1..).zip([200, 201, 204, 304, 400, 404, 429]) {
        let answer = visitor.pays(&format!("/status/{status}"), &card.spends());
        assert_eq!(answer.status, status);
        let receipt = answer.receipt();
        assert!(receipt.success, "{status}: {receipt:?}");
        assert_eq!(receipt.credits_remaining.get(), 49_900 - 100 * nth, "{status}");
    }
    assert_eq!(visitor.reached().len(), 8);
}

#[test]
fn a_route_says_which_answers_are_paid_for() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("charge-on"));
    let card = stripe.card("charge_on");
    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);
    let answer = |method: &str, status: u16| {
        visitor.asks(Request::new(method, &format!("/status/{status}")).payment(card.spends()))
    };

    // chargeOn = "success"
    assert_restored(&answer("PUT", 404), &card, 404, 49_900);
    assert_restored(&answer("PUT", 500), &card, 500, 49_900);
    assert_eq!(answer("PUT", 201).receipt().credits_remaining.get(), 49_800);
    // chargeOn = "always"
    let always = answer("PATCH", 500);
    assert_eq!((always.status, always.receipt().success), (500, true));
    assert_eq!(always.receipt().credits_remaining.get(), 49_700);
    assert_eq!(visitor.reached().len(), 5);
}

#[test]
fn an_origin_that_takes_too_long_is_a_504_and_the_debit_is_given_back() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("origin-slow"));
    let card = stripe.card("origin_slow");
    assert_paid(&visitor.pays("/slow?ms=1", &card.pays()), 49_900);

    let answer = visitor.pays(&format!("/slow?ms={}", 4 * ORIGIN_TIMEOUT.as_millis()), &card.spends());

    assert_restored(&answer, &card, 504, 49_900);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json()["status"], 504);
    assert_paid(&visitor.pays("/api/joke", &card.spends()), 49_800);
}

#[test]
fn whoever_hangs_up_after_the_debit_has_paid() {
    // Giving it back would be a free ride on the origin.
    let (stripe, visitor) = (shared().stripe(), shared().visitor("free-ride"));
    let card = stripe.card("free_ride");
    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);
    let socket = Request::get("/slow?ms=1500").header("x-visitor", "free-rider").payment(card.spends());
    let socket = socket.only_sends(shared().address()).unwrap();
    wait_for(
        Duration::from_secs(10),
        || "the request to reach the origin".to_owned(),
        || (shared().origin().arrived_from("free-rider").len() == 1).then_some(()),
    );

    drop(socket);

    // Also not later, when the origin would have answered.
    assert_paid(&visitor.pays("/slow?ms=1", &card.spends()), 49_700);
    assert_paid(&visitor.pays("/slow?ms=2000", &card.spends()), 49_600);
    assert_paid(&visitor.pays("/slow?ms=1", &card.spends()), 49_500);
}
