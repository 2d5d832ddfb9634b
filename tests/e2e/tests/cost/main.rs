//! What a paid request costs the operator, as the platform itself counts it: one Worker request, one object request, one
//! row written, no call to Stripe.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::collections::BTreeMap;

use serde_json::json;
use stripe402_e2e::{Card, Config, Layout, Paywall, Visitor};

/// How many requests are paid for, by how many at a time.
const REQUESTS: u64 = 1_000;
const AT_ONCE: u64 = 20;

fn counted() -> Paywall {
    let routes = json!({"GET /api/joke": {"amount": 10, "description": "Random joke"}});
    Paywall::start_raw(Config::new().var("ROUTES", routes), Layout::new().counted())
}

fn spends(visitor: Visitor<'_>, card: &Card, requests: u64) {
    for _ in 0..requests {
        let answer = visitor.pays("/api/joke", &card.spends());
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.receipt().success, "{answer:?}");
    }
}

fn counts(numbers: [(&str, u64); 5]) -> BTreeMap<String, u64> {
    numbers.map(|(name, number)| (name.to_owned(), number)).into()
}

/// What is billed by its number; rows read cost a thousandth of rows written.
fn billed(paywall: &Paywall) -> BTreeMap<String, u64> {
    let mut billed = paywall.counts();
    let read = billed.remove("rows_read").expect("it is counted");
    assert!(read <= 5 * REQUESTS, "{read} rows were read");
    billed
}

#[test]
fn a_thousand_paid_requests_write_a_thousand_rows() {
    let paywall = counted();
    let stripe = paywall.stripe();
    let cards = [stripe.card("one"), stripe.card("another")];
    for card in &cards {
        assert_eq!(paywall.visitor("payer").pays("/api/joke", &card.pays()).status, 200);
    }
    let before = paywall.counts();
    assert!(before["rows_written"] > 2, "a top-up writes more than a debit: {before:?}");
    let asked = stripe.calls_naming("").len();

    std::thread::scope(|scope| {
        for number in 0..AT_ONCE {
            let (visitor, card) = (paywall.visitor("payer"), &cards[usize::from(number % 2 == 0)]);
            scope.spawn(move || spends(visitor, card, REQUESTS / AT_ONCE));
        }
    });

    let expected = counts([
        ("worker_requests", REQUESTS),
        ("object_requests", REQUESTS),
        ("rows_written", REQUESTS),
        ("alarms", 0),
        ("alarms_set", 0),
    ]);
    assert_eq!(billed(&paywall), expected);
    assert_eq!(stripe.calls_naming("").len(), asked, "Stripe was asked");
}

#[test]
fn a_challenge_and_a_free_request_ask_no_object() {
    let paywall = counted();
    paywall.counts();
    let visitor = paywall.visitor("passer-by");
    assert_eq!(visitor.gets("/api/joke").status, 402);
    assert_eq!(visitor.gets("/api/health").status, 200);
    let expected = counts([
        ("worker_requests", 2),
        ("object_requests", 0),
        ("rows_written", 0),
        ("alarms", 0),
        ("alarms_set", 0),
    ]);
    assert_eq!(billed(&paywall), expected);
}
