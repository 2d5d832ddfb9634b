//! `Idempotency-Key`: one key names one request, and one debit pays for at most one delivered answer.

use std::thread;

use stripe402_e2e::{Card, Config, Paywall, Request, Response, Visitor};

use crate::{first_payment, shared};

fn keyed(target: &str, card: &Card, key: &str) -> Request {
    Request::get(target).payment(card.spends()).header("idempotency-key", key)
}

#[track_caller]
fn credits(visitor: Visitor<'_>, card: &Card) -> i64 {
    let answer = visitor.pays("/api/joke", &card.spends());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.receipt().credits_remaining.get() + 100
}

#[test]
fn a_hundred_requests_with_one_key_are_one_delivered_answer_and_one_debit() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("hundred"));
    let card = stripe.card("hundred");
    first_payment(visitor, &card);
    let before = visitor.reached().len();

    let answers: Vec<Response> = thread::scope(|scope| {
        let asks: Vec<_> = (0..100)
            .map(|_| scope.spawn(|| visitor.asks(keyed("/api/joke?hundred", &card, "the-key"))))
            .collect();
        asks.into_iter().map(|ask| ask.join().unwrap()).collect()
    });

    let of = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(
        (of(200), of(409)),
        (1, 99),
        "{:?}",
        answers.iter().map(|answer| answer.status).collect::<Vec<_>>()
    );
    assert_eq!(visitor.reached().len(), before + 1, "the origin answered once");
    assert_eq!(credits(visitor, &card), 49_800);
    // Whoever was too early is told when to come again; whoever is too late gets the receipt.
    for answer in answers.iter().filter(|answer| answer.status == 409) {
        let running = answer.header("retry-after").is_some();
        assert!(running || answer.receipt().success, "{answer:?}");
    }
}

#[test]
fn a_key_belongs_to_one_target() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("other-target"));
    let card = stripe.card("other_target");
    first_payment(visitor, &card);
    assert_eq!(visitor.asks(keyed("/api/joke?a", &card, "k")).status, 200);
    let before = visitor.reached().len();

    let dearer = Request::post("/api/translate", "x").payment(card.spends()).header("idempotency-key", "k");
    assert_eq!(visitor.asks(dearer).status, 422);
    assert_eq!(visitor.asks(keyed("/api/joke?b", &card, "k")).status, 422);
    assert_eq!(visitor.asks(keyed("/api/joke", &card, "k")).status, 422);

    assert_eq!(visitor.reached().len(), before, "the origin's log is empty");
    assert_eq!(credits(visitor, &card), 49_800);
}

#[test]
fn a_key_reaches_the_origin_and_a_bad_one_is_refused() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("key-header"));
    let card = stripe.card("key_header");
    first_payment(visitor, &card);
    assert_eq!(visitor.asks(keyed("/api/joke?key", &card, "passes-on")).status, 200);
    assert_eq!(visitor.reached().last().unwrap().header("idempotency-key"), Some("passes-on"));
    let before = visitor.reached().len();
    assert_eq!(visitor.asks(keyed("/api/joke", &card, &"k".repeat(256))).status, 400);
    assert_eq!(visitor.reached().len(), before);
    assert_eq!(credits(visitor, &card), 49_800);
}

#[test]
fn a_request_whose_origin_failed_is_debited_anew_under_its_key() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("key-fails"));
    let card = stripe.card("key_fails");
    first_payment(visitor, &card);
    for _ in 0..3 {
        let answer = visitor.asks(keyed("/status/500", &card, "fails"));
        assert_eq!(answer.status, 500, "{answer:?}");
        assert!(!answer.receipt().success);
        assert_eq!(answer.receipt().credits_remaining.get(), 49_900);
    }
    assert_eq!(credits(visitor, &card), 49_900);
}

#[test]
fn a_request_under_a_key_runs_once_at_a_time() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("key-runs"));
    let card = stripe.card("key_runs");
    first_payment(visitor, &card);
    thread::scope(|scope| {
        let slow = scope.spawn(|| visitor.asks(keyed("/slow?ms=1500", &card, "slow")));
        let early = crate::until_some(|| {
            let reached = visitor.reached().iter().any(|one| one.target == "/slow?ms=1500");
            reached.then(|| visitor.asks(keyed("/slow?ms=1500", &card, "slow")))
        });
        assert_eq!(early.status, 409, "{early:?}");
        assert!(early.header("retry-after").is_some());
        assert_eq!(slow.join().unwrap().status, 200);
    });
    assert_eq!(credits(visitor, &card), 49_800);
}

#[test]
fn a_first_payment_under_a_key_is_charged_and_debited_once() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("key-first"));
    let card = stripe.card("key_first");
    let first = || Request::get("/api/joke?first").payment(card.pays()).header("idempotency-key", "first");
    assert_eq!(visitor.asks(first()).status, 200);
    assert_eq!(visitor.asks(first()).status, 409);
    assert_eq!(stripe.charges(&card).len(), 1);
    assert_eq!(credits(visitor, &card), 49_900);
}

#[test]
fn an_operator_may_allow_further_deliveries() {
    let paywall = Paywall::start(Config::new().var("IDEMPOTENT_RETRIES", "2"));
    let (stripe, visitor) = (paywall.stripe(), paywall.visitor("retries"));
    let card = stripe.card("retries");
    first_payment(visitor, &card);
    let statuses: Vec<u16> =
        (0..5).map(|_| visitor.asks(keyed("/api/joke?again", &card, "again")).status).collect();
    assert_eq!(statuses, [200, 200, 200, 409, 409]);
    assert_eq!(credits(visitor, &card), 49_800, "one debit for three");
}
