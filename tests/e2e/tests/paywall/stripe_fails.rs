//! Stripe is down, slow, or talks nonsense: nobody is served for nothing, nobody is charged twice, and whoever sends
//! the same payment later is served.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use stripe402_core::protocol::{ErrorCode, PAYMENT_REQUIRED, PAYMENT_RESPONSE};
use stripe402_e2e::{Card, Config, Paywall, Request, Response, Visitor, wait_for};

use crate::assert_paid;
use crate::parallel::at_once;

/// A paywall whose Stripe fails on order. One test at a time: a fault would meet the others' calls.
fn alone() -> MutexGuard<'static, Paywall> {
    static FAILING: LazyLock<Mutex<Paywall>> =
        LazyLock::new(|| Mutex::new(Paywall::start(Config::new().var("TOP_UP_WAIT_MS", "600"))));
    let paywall = FAILING.lock().unwrap_or_else(PoisonError::into_inner);
    paywall.stripe().mends();
    paywall
}

/// Asserts that nothing is known, which is not a refusal: the same payment may come again.
#[track_caller]
fn assert_unavailable(visitor: Visitor<'_>, answer: &Response) {
    assert_eq!(answer.status, 503, "{answer:?}");
    let seconds: u64 = answer.header("retry-after").expect("when to come again").parse().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
    let failure = answer.failure();
    assert_eq!((failure.success, failure.error_code), (false, Some(ErrorCode::PaymentFailed)));
    assert_eq!((failure.client_id.as_str(), failure.credits_remaining.get()), ("", 0));
    let sentence = failure.error.unwrap();
    assert!(sentence.contains("same payment") && sentence.contains("not be charged twice"), "{sentence}");
    assert_eq!((answer.header(PAYMENT_REQUIRED), answer.header(PAYMENT_RESPONSE)), (None, None));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(visitor.reached(), [], "nothing may reach the origin");
}

/// Sends the same payment until it is served.
#[track_caller]
fn comes_again(visitor: Visitor<'_>, card: &Card) -> Response {
    wait_for(
        Duration::from_secs(40),
        || "the same payment to be served".to_owned(),
        || {
            let answer = visitor.pays("/api/joke", &card.pays());
            if answer.status == 503 {
                assert_unavailable(visitor, &answer);
                return None;
            }
            Some(answer)
        },
    )
}

/// Asserts that an account was charged once, whatever happened on the way, and that what was sent more than once was
/// always the same bytes under the same key.
#[track_caller]
fn assert_charged_once(paywall: &Paywall, card: &Card, why: &str) {
    let stripe = paywall.stripe();
    assert_eq!(stripe.statuses(card), ["succeeded"], "{why}");
    assert_eq!(stripe.customers(card).len(), 1, "{why}");
    for word in ["customer", "charge"] {
        let mut sent = stripe.writes(card, word);
        sent.dedup();
        assert_eq!(sent.len(), 1, "{why}: {sent:?}");
    }
}

fn fault(matches: &str, more: &Value, times: u32) -> Value {
    let mut fault = json!({"match": matches, "times": times});
    for (field, value) in more.as_object().unwrap() {
        fault[field] = value.clone();
    }
    fault
}

/// The ways in which a call can go wrong so that nobody knows what it did.
fn ways() -> [(&'static str, Value); 6] {
    [
        ("500", json!({"kind": "status", "status": 500})),
        ("not_json", json!({"kind": "status", "status": 200, "body": "<html>Welcome</html>"})),
        ("busy", json!({"kind": "status", "status": 429})),
        ("refused", json!({"kind": "reset"})),
        ("dropped", json!({"kind": "drop_response"})),
        ("reset", json!({"kind": "reset", "after_commit": true})),
    ]
}

#[test]
fn a_payment_method_that_cannot_be_read_is_no_refusal() {
    let paywall = alone();
    let stripe = paywall.stripe();
    for (way, how) in ways() {
        let visitor = paywall.visitor("unreadable");
        let card = stripe.card(&format!("unreadable_{way}"));
        // More than once: workerd asks again by itself where a connection that it kept is cut.
        stripe.breaks(&fault("GET /v1/payment_methods/:id", &how, 100));

        assert_unavailable(visitor, &visitor.pays("/api/joke", &card.pays()));
        assert!(stripe.calls(&card).iter().all(|call| call == "retrieve"), "{way}");

        stripe.mends();
        let later = paywall.visitor("readable-again");
        assert!(assert_paid(&later.pays("/api/joke", &card.pays()), 49_900).is_some(), "{way}");
        assert_charged_once(&paywall, &card, way);
    }
    assert_eq!(paywall.visitor("readable-again").reached().len(), ways().len());
}

#[test]
fn a_write_whose_answer_is_lost_is_sent_again_as_it_was_until_it_is_known() {
    let paywall = alone();
    let stripe = paywall.stripe();
    let steps = ["POST /v1/customers", "POST /v1/payment_methods/:id/attach", "POST /v1/payment_intents"];
    // Each step once refused and once done, by different ways of losing the answer.
    for (nth, (step, way)) in steps.into_iter().zip([[0, 5], [1, 4], [3, 4]]).enumerate() {
        for way in way {
            let (way, how) = &ways()[way];
            let visitor = paywall.visitor("lost-answer");
            let before = visitor.reached().len();
            let card = stripe.card(&format!("lost_answer_{nth}_{way}"));
            stripe.breaks(&fault(step, how, 1));

            let first = visitor.pays("/api/joke", &card.pays());
            assert_eq!(first.status, 503, "{step} {way}");
            assert!(first.header("retry-after").is_some(), "{step} {way}");
            assert_eq!(visitor.reached().len(), before, "{step} {way}");

            let answer = wait_for(
                Duration::from_secs(40),
                || format!("{step} {way}: the same payment to be served"),
                || Some(visitor.pays("/api/joke", &card.pays())).filter(|answer| answer.status != 503),
            );
            assert_paid(&answer, 49_900);
            assert_charged_once(&paywall, &card, &format!("{step} {way}"));
            assert_eq!(visitor.reached().len(), before + 1, "{step} {way}");
            stripe.mends();
        }
    }
}

#[test]
fn a_charge_that_takes_longer_than_the_payer_waits_goes_on_without_him() {
    let paywall = alone();
    let (stripe, visitor) = (paywall.stripe(), paywall.visitor("slow-charge"));
    let card = stripe.card("slow_charge");
    stripe.breaks(&fault("POST /v1/payment_intents", &json!({"kind": "delay", "delay_ms": 2_000}), 1));

    assert_unavailable(visitor, &visitor.pays("/api/joke", &card.pays()));

    assert_paid(&comes_again(visitor, &card), 49_900);
    assert_charged_once(&paywall, &card, "slow");
    assert_eq!(stripe.writes(&card, "charge").len(), 1, "it was never sent again");
    assert_eq!(visitor.reached().len(), 1);
}

#[test]
fn a_payer_who_hangs_up_is_charged_once_and_finds_the_credits_later() {
    let paywall = alone();
    let (stripe, visitor) = (paywall.stripe(), paywall.visitor("hangs-up"));
    let card = stripe.card("hangs_up");
    stripe.breaks(&fault("POST /v1/payment_intents", &json!({"kind": "delay", "delay_ms": 400}), 1));
    let socket = Request::get("/api/joke").payment(card.pays()).only_sends(paywall.address()).unwrap();
    wait_for(
        Duration::from_secs(20),
        || "the charge to be on its way".to_owned(),
        || stripe.calls(&card).contains(&"charge".to_owned()).then_some(()),
    );
    drop(socket);
    wait_for(
        Duration::from_secs(20),
        || "the charge to succeed".to_owned(),
        || (stripe.charges(&card).len() == 1).then_some(()),
    );

    let answer = visitor.pays("/api/joke", &card.pays());

    // Whether the request that was given up was debited depends on when that was noticed; the charge is there.
    let credits = answer.receipt().credits_remaining.get();
    assert!(answer.status == 200 && [49_900, 49_800].contains(&credits), "{answer:?}");
    assert_charged_once(&paywall, &card, "hung up");
}

#[test]
fn everyone_who_waits_for_a_charge_that_nobody_knows_of_is_told_so() {
    let paywall = alone();
    let (stripe, visitor) = (paywall.stripe(), paywall.visitor("all-wait"));
    let card = stripe.card("all_wait");
    stripe.breaks(&fault("POST /v1/payment_intents", &json!({"kind": "delay", "delay_ms": 1_500}), 1));

    let answers = at_once(visitor, vec![Request::get("/api/joke").payment(card.pays()); 5]);

    for answer in &answers {
        assert_unavailable(visitor, answer);
    }
    assert_paid(&comes_again(visitor, &card), 49_900);
    assert_charged_once(&paywall, &card, "five waited");
}
