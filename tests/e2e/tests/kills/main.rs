//! Kill -9 at random moments, while cards are charged and credits spent against a Stripe that loses answers: then the
//! books are read from the objects' own databases and compared with Stripe's and with every answer that was given.
//!
//! It takes a minute or two, so it belongs to `make test-all`: `STRIPE402_KILLS` says how many kills (50 there), and
//! without it a few are enough to see that it works.

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
mod traffic;

use std::time::Duration;

use books::Books;
use serde_json::{Value, json};
use stripe402_e2e::{Config, Layout, Paywall, Request, Stripe, wait_for};
use traffic::{Payer, Random};

/// How many payers there are.
const PAYERS: usize = 6;

fn kills(by_default: usize) -> usize {
    std::env::var("STRIPE402_KILLS").ok().map_or(by_default, |text| text.parse().expect("a number of kills"))
}

/// What goes wrong at Stripe, now and then.
fn breaks_something(stripe: Stripe, random: &mut Random) {
    let calls = ["POST /v1/payment_intents", "POST /v1/customers", "POST /v1/payment_methods/:id/attach"];
    let kinds = [
        json!({"kind": "drop_response", "after_commit": true}),
        json!({"kind": "reset", "after_commit": false}),
        json!({"kind": "status", "status": 500, "after_commit": true, "stored": true}),
        json!({"kind": "status", "status": 503}),
        json!({"kind": "delay", "delay_ms": 300}),
    ];
    let mut fault = kinds[random.below(kinds.len())].clone();
    fault["match"] = calls[random.below(calls.len())].into();
    fault["times"] = 1.into();
    stripe.breaks(&fault);
}

fn routes() -> Value {
    json!({"POST /api/translate": {"amount": 30_000}})
}

/// Kills a paywall again and again while everyone pays, and then compares the books.
fn killed(mut paywall: Paywall, kills: usize, seed: u64) {
    let stripe = paywall.stripe();
    let mut random = Random(seed);
    let payers: Vec<Payer> = (0..PAYERS).map(|nth| Payer::new(stripe, nth)).collect();
    for _ in 0..kills {
        breaks_something(stripe, &mut random);
        let span = Duration::from_millis(150 + random.below(700) as u64);
        let address = paywall.address();
        traffic::for_a_while(&payers, address, span, || paywall.kill());
        paywall.start_again();
    }
    stripe.mends();
    traffic::until_everyone_is_served(&payers, paywall.address());
    // Served may be from credits while a top-up that a kill cut off still waits for its alarm: that has to settle it.
    wait_for(
        Duration::from_mins(2),
        || "the alarms to settle every top-up".to_owned(),
        || (Books::read(&paywall.databases()).unsettled == 0).then_some(()),
    );
    paywall.kill();
    Books::read(&paywall.databases()).compare(stripe, &payers, kills);
}

#[test]
fn kill_9_of_workerd_loses_no_money_and_makes_none() {
    killed(Paywall::start_raw(Config::new().routes(&routes()), Layout::default()), kills(5), 402);
}

#[test]
fn killing_wrangler_and_all_its_processes_loses_no_money_either() {
    killed(Paywall::start(Config::new().routes(&routes())), kills(1).min(5), 5);
}

#[test]
fn a_charge_that_a_kill_cut_off_is_finished_without_any_client() {
    let mut paywall = Paywall::start_raw(Config::new(), Layout::default());
    let stripe = paywall.stripe();
    let card = stripe.card("cut_off");
    stripe.breaks(
        &json!({"match": "POST /v1/payment_intents", "times": 1, "kind": "delay", "delay_ms": 3_000}),
    );
    let (address, request) = (paywall.address(), Request::get("/api/joke").payment(card.pays()));
    let asks = std::thread::spawn(move || request.send(address));
    let charging = || stripe.calls(&card).iter().any(|call| call == "charge").then_some(());
    wait_for(Duration::from_secs(20), || "the charge to be on its way".to_owned(), charging);

    paywall.kill();
    assert!(asks.join().expect("the client").is_err(), "the client is cut off, and does not come back");
    paywall.start_again();

    // Its alarm is due 25 seconds after the send: it sends the same bytes again, and learns what became of them.
    wait_for(
        Duration::from_secs(90),
        || "the alarm to ask again".to_owned(),
        || (stripe.writes(&card, "charge").len() >= 2).then_some(()),
    );
    let mut sent = stripe.writes(&card, "charge");
    sent.dedup();
    assert_eq!(sent.len(), 1, "the same bytes under the same key");
    wait_for(
        Duration::from_secs(20),
        || "the credit to be on disk".to_owned(),
        || (Books::read(&paywall.databases()).credited(&card) == 50_000).then_some(()),
    );
    paywall.kill();
    assert_eq!(stripe.charges(&card).len(), 1);
    assert_eq!(
        Books::read(&paywall.databases()).credited(&card),
        50_000,
        "credited once, and nobody debited"
    );
}
