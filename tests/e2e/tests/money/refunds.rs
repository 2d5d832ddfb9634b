//! What the operator refunds at Stripe is taken from the credits, once, however often it is announced.

use serde_json::json;

use crate::{controls, first_payment, sends, settles_at, shared, until};

#[test]
fn refunds_are_taken_as_they_come_and_given_back_when_they_fail() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("refunds"));
    let card = stripe.card("refunds");
    let intent = first_payment(visitor, &card);

    // Partly, and once more.
    let first = stripe.posts("/v1/refunds", &format!("payment_intent={intent}&amount=100"));
    let left = settles_at(visitor, &card, 49_900 - 10_000);
    stripe.posts("/v1/refunds", &format!("payment_intent={intent}&amount=50"));
    let left = settles_at(visitor, &card, left - 5_000);

    // The bank sends the first one back.
    controls(stripe, "refunds", &json!({"refund": first["id"], "status": "failed"}));
    let left = settles_at(visitor, &card, left + 10_000);

    // Announced again, every one of them: nothing changes.
    for _ in 0..3 {
        assert_eq!(sends(shared(), &json!({"type": "refund.failed", "object": first["id"]})), 200);
        assert_eq!(sends(shared(), &json!({"type": "refund.created", "object": first["id"]})), 200);
    }
    let left = settles_at(visitor, &card, left);

    // Refunded again after the failure.
    stripe.posts("/v1/refunds", &format!("payment_intent={intent}&amount=100"));
    settles_at(visitor, &card, left - 10_000);
}

#[test]
fn a_refund_of_what_was_spent_leaves_a_debt_that_the_next_top_up_pays_first() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("refund-debt"));
    let card = stripe.card("refund_debt");
    let intent = first_payment(visitor, &card);
    let spent = visitor.asks(stripe402_e2e::Request::post("/api/translate", "x").payment(card.spends()));
    assert_eq!(spent.receipt().credits_remaining.get(), 19_900);

    stripe.posts("/v1/refunds", &format!("payment_intent={intent}"));

    let refused = until(visitor, &card.spends(), |answer| answer.status == 402);
    assert_eq!(refused.json()["error"], "insufficient_credits");
    // The requests that waited for the refund were paid from what was there.
    let jokes =
        i64::try_from(visitor.reached().iter().filter(|one| one.target == "/api/joke").count()).unwrap() - 1;
    let balance = 19_900 - 100 * jokes - 50_000;
    let too_little = visitor.pays("/api/translate", &card.tops_up(50_000));
    assert_eq!(too_little.status, 405, "translate is a POST");
    let paid = visitor.pays("/api/joke", &card.tops_up(100_000));
    assert_eq!(paid.status, 200, "{paid:?}");
    assert_eq!(paid.receipt().credits_remaining.get(), balance + 100_000 - 100);
    assert_eq!(stripe.charges(&card).len(), 2);
}

#[test]
fn a_debt_that_the_smallest_top_up_does_not_cover_names_what_is_needed() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("refund-big-debt"));
    let card = stripe.card("refund_big_debt");
    let intent = first_payment(visitor, &card);
    for _ in 0..1 {
        let spent = visitor.asks(stripe402_e2e::Request::post("/api/translate", "x").payment(card.spends()));
        assert_eq!(spent.status, 200);
    }
    stripe.posts("/v1/refunds", &format!("payment_intent={intent}"));
    until(visitor, &card.spends(), |answer| answer.status == 402);

    // 30,000 and more are owed; a translation costs 30,000: 50,000 would not do.
    let answer =
        visitor.asks(stripe402_e2e::Request::post("/api/translate", "x").payment(card.tops_up(50_000)));

    assert_eq!(answer.status, 402, "{answer:?}");
    let failure = answer.failure();
    assert_eq!(failure.error_code, Some(stripe402_core::protocol::ErrorCode::TopUpBelowMinimum));
    assert!(failure.error.unwrap().starts_with("Top-up amount 50000 is below the minimum of 60"));
    assert_eq!(stripe.charges(&card).len(), 1, "nothing was charged");
}
