//! Disputes: what a bank takes is taken, what it gives back is given back, and meanwhile the account is frozen.

use serde_json::{Value, json};
use stripe402_core::protocol::ErrorCode;
use stripe402_e2e::{Card, Request, Visitor};

use crate::{controls, first_payment, sends, settles_at, shared, until};

/// Moves the dispute of a PaymentIntent.
fn moves(intent: &str, status: &str) -> Value {
    controls(shared().stripe(), "disputes", &json!({"payment_intent": intent, "status": status}))
}

#[track_caller]
fn assert_frozen(visitor: Visitor<'_>, card: &Card) {
    let before = visitor.reached().len();
    for payment in [card.spends(), card.pays(), card.spends_or_pays()] {
        let answer = visitor.pays("/api/joke", &payment);
        assert_eq!(answer.status, 402, "{answer:?}");
        let failure = answer.failure();
        assert_eq!(failure.error_code, Some(ErrorCode::PaymentFailed));
        assert!(failure.error.unwrap().contains("frozen"));
        assert!(answer.required().accepts.is_empty(), "automatic payers stop where nothing is accepted");
    }
    let cookie = format!("__Host-stripe402={}; __Host-stripe402-limit=100.usd", card.client.as_str());
    let by_hand = Request::get("/api/joke").header("accept", "text/html").header("cookie", cookie);
    let page = visitor.asks(by_hand.header("sec-fetch-site", "same-origin"));
    assert_eq!((page.status, page.header("content-type")), (402, Some("text/html; charset=utf-8")));
    assert!(
        page.text().contains("frozen") && !page.text().contains("<form"),
        "a person is told, and asked for no card"
    );
    let body = json!({ "route": "GET /api/joke" }).to_string();
    let deposit = visitor.asks(Request::post("/.well-known/stripe402/top-up", body).payment(card.pays()));
    assert_eq!(deposit.status, 402, "{}", deposit.text());
    assert!(deposit.failure().error.unwrap().contains("frozen"), "nothing can be paid in");
    assert_eq!(visitor.reached().len(), before, "nothing is served");
    assert_eq!(shared().stripe().charges(card).len(), 1, "nothing is charged");
}

#[test]
fn a_dispute_freezes_the_account_until_it_is_won() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("dispute-won"));
    let card = stripe.card("dispute_won");
    let intent = first_payment(visitor, &card);

    moves(&intent, "needs_response");
    until(visitor, &card.spends(), |answer| answer.status == 402 && answer.text().contains("frozen"));
    assert_frozen(visitor, &card);
    moves(&intent, "under_review");
    assert_frozen(visitor, &card);

    let reached = i64::try_from(visitor.reached().len()).unwrap();
    moves(&intent, "won");
    until(visitor, &card.spends(), |answer| answer.status == 200);
    settles_at(visitor, &card, 50_000 - 100 * (reached + 1));
}

#[test]
fn a_lost_dispute_leaves_a_debt_and_a_top_up_that_covers_it_is_allowed() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("dispute-lost"));
    let card = stripe.card("dispute_lost");
    let intent = first_payment(visitor, &card);
    moves(&intent, "needs_response");
    until(visitor, &card.spends(), |answer| answer.status == 402);
    let spent = i64::try_from(visitor.reached().len()).unwrap() * 100;

    moves(&intent, "lost");

    // No more frozen, but in debt.
    let refused = until(visitor, &card.spends(), |answer| !answer.text().contains("frozen"));
    assert_eq!((refused.status, &refused.json()["error"]), (402, &json!("insufficient_credits")));
    let paid = visitor.pays("/api/joke", &card.tops_up(60_000));
    assert_eq!(paid.status, 200, "{paid:?}");
    assert_eq!(paid.receipt().credits_remaining.get(), -spent + 60_000 - 100);
}

#[test]
fn an_inquiry_freezes_nothing_and_takes_nothing() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("inquiry"));
    let card = stripe.card("inquiry");
    let intent = first_payment(visitor, &card);
    for status in ["warning_needs_response", "warning_under_review", "warning_closed"] {
        let dispute = moves(&intent, status);
        assert_eq!(sends(shared(), &json!({"type": "charge.dispute.updated", "object": dispute["id"]})), 200);
    }
    settles_at(visitor, &card, 49_900);
}

#[test]
fn two_disputes_at_once_each_take_their_own() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("two-disputes"));
    let card = stripe.card("two_disputes");
    let intent = first_payment(visitor, &card);
    let order = |more: Value| {
        let mut order = json!({"payment_intent": intent, "status": "needs_response"});
        for (name, value) in more.as_object().unwrap() {
            order[name] = value.clone();
        }
        controls(stripe, "disputes", &order)
    };
    let first = order(json!({"amount": 100}));
    let second = order(json!({"amount": 200, "another": true}));
    assert_ne!(first["id"], second["id"]);
    until(visitor, &card.spends(), |answer| answer.status == 402);
    let spent = i64::try_from(visitor.reached().len()).unwrap() * 100;

    for (dispute, status) in [(&first, "won"), (&second, "lost")] {
        controls(
            stripe,
            "disputes",
            &json!({"payment_intent": intent, "dispute": dispute["id"], "status": status}),
        );
    }

    until(visitor, &card.spends(), |answer| answer.status == 200);
    // The second one's money is gone, the first one's is back.
    let served = i64::try_from(visitor.reached().len()).unwrap() * 100 - spent;
    settles_at(visitor, &card, 50_000 - spent - 20_000 - served);
}

#[test]
fn a_dispute_that_was_closed_before_it_was_announced_ends_as_it_should() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("dispute-order"));
    let card = stripe.card("dispute_order");
    let intent = first_payment(visitor, &card);
    let quietly = |status: &str| {
        controls(
            stripe,
            "disputes",
            &json!({"payment_intent": intent, "status": status, "unannounced": true}),
        )
    };
    quietly("needs_response");
    let dispute = quietly("won");

    // The last first, and some twice.
    for kind in ["closed", "funds_reinstated", "funds_withdrawn", "created", "funds_withdrawn", "closed"] {
        let event = json!({"type": format!("charge.dispute.{kind}"), "object": dispute["id"]});
        assert_eq!(sends(shared(), &event), 200, "{kind}");
    }

    settles_at(visitor, &card, 49_900);
}
