//! What a paid request costs the operator, as the platform itself counts it: one Worker request, one object request, one
//! row written, no call to Stripe.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use stripe402_e2e::{Card, Config, Layout, Paywall, Visitor, wait_for};

/// How many requests are paid for, by how many at a time.
const REQUESTS: u64 = 1_000;
const AT_ONCE: u64 = 20;

fn config() -> Config {
    let routes = json!({"GET /api/joke": {"amount": 10, "description": "Random joke"}});
    Config::new().var("ROUTES", routes)
}

fn counted() -> Paywall {
    Paywall::start_raw(config(), Layout::new().counted())
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

#[test]
fn reports_cost_a_debit_nothing_and_a_handover_some_rows() {
    // Each of many requests: as without reports. The alarm is set already, for the first of them.
    let paywall = Paywall::start_raw(config().var("REPORT_SECONDS", 600), Layout::new().counted());
    let card = paywall.stripe().card("reported");
    assert_eq!(paywall.visitor("payer").pays("/api/joke", &card.pays()).status, 200);
    // What the charge leaves to do is done.
    std::thread::sleep(Duration::from_millis(500));
    spends(paywall.visitor("payer"), &card, 1);
    paywall.counts();
    spends(paywall.visitor("payer"), &card, 200);
    let counts = paywall.counts();
    assert_eq!((counts["rows_written"], counts["alarms_set"], counts["alarms"]), (200, 0, 0), "{counts:?}");
    drop(paywall);

    let paywall = Paywall::start_raw(config().var("REPORT_SECONDS", 2), Layout::new().counted());
    let card = paywall.stripe().card("reported");
    assert_eq!(paywall.visitor("payer").pays("/api/joke", &card.pays()).status, 200);
    let handed_over = || {
        let mut all = BTreeMap::<String, u64>::new();
        let look = || {
            for (name, count) in paywall.counts() {
                *all.entry(name).or_default() += count;
            }
            (all.get("handovers") == Some(&1)).then_some(())
        };
        wait_for(Duration::from_secs(30), || "a handover".to_owned(), look);
        // And what follows it.
        std::thread::sleep(Duration::from_millis(500));
        for (name, count) in paywall.counts() {
            *all.entry(name).or_default() += count;
        }
        all
    };
    handed_over();
    spends(paywall.visitor("payer"), &card, 1);
    handed_over();
    spends(paywall.visitor("payer"), &card, 10);
    let counts = handed_over();
    println!("ten debits and their handover: {counts:?}");
    // The sum, how far the sums go, the handover's number, and that it has arrived.
    assert_eq!(counts["rows_written"], 10 + 4, "{counts:?}");
    // For the first debit, at the start of the alarm, while the handover is under way, and afterwards.
    assert!(counts["alarms_set"] <= 4 && counts["alarms"] == 1, "{counts:?}");
}
