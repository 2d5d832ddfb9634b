//! Cards whose bank wants to see the payer first.

use serde_json::{Value, json};
use stripe402_core::protocol::{Action, ErrorCode, PaymentResponse, Units};
use stripe402_e2e::{Request, Response, Visitor};

use crate::{assert_paid, shared};

/// Asserts that the answer asks for 3-D Secure, and gives the client secret with which the payer can pass it.
#[track_caller]
fn assert_asks(visitor: Visitor<'_>, answer: &Response) -> String {
    assert_eq!(answer.status, 402, "{answer:?}");
    let action = answer.failure().action.expect("an action for the payer");
    let expected = PaymentResponse {
        success: false,
        charge_id: None,
        credits_remaining: Units::ZERO,
        client_id: String::new(),
        error: Some("Payment did not succeed. Status: requires_action".to_owned()),
        error_code: Some(ErrorCode::PaymentFailed),
        action: Some(Action {
            kind: "stripe_handle_next_action".to_owned(),
            client_secret: action.client_secret.clone(),
        }),
    };
    assert_eq!(answer.text(), serde_json::to_string(&expected).unwrap());
    assert_eq!(answer.required().error, Some(ErrorCode::PaymentFailed));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(visitor.reached(), [], "nothing may reach the origin");
    action.client_secret
}

#[test]
fn each_card_that_asks_for_its_holder_is_answered_with_what_the_holder_needs() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("asks"));
    for behaviour in [
        "pm_card_authenticationRequired",
        "pm_card_authenticationRequiredOnSetup",
        "pm_card_authenticationRequiredSetupForOffSession",
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "pm_card_threeDSecure2Required",
        "pm_card_threeDSecureRequiredChargeDeclined",
    ] {
        let card = stripe.card_like(&format!("asks_{behaviour}"), behaviour);
        let secret = assert_asks(visitor, &visitor.pays("/api/joke", &card.pays()));
        let intents = stripe.payment_intents(&card);
        assert_eq!(intents.len(), 1, "{behaviour}");
        assert_eq!(
            (&intents[0]["status"], &intents[0]["client_secret"]),
            (&json!("requires_action"), &json!(secret))
        );
        assert_eq!(stripe.calls(&card), ["retrieve", "customer", "attach", "charge"], "{behaviour}");
        assert_eq!(
            visitor.pays("/api/joke", &card.spends()).required().error,
            Some(ErrorCode::InsufficientCredits)
        );
    }
}

#[test]
fn the_same_payment_goes_on_once_the_payer_has_passed_and_is_credited_once() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("passes"));
    let card = stripe.card_like("passes", "pm_card_authenticationRequired");
    let secret = assert_asks(visitor, &visitor.pays("/api/joke", &card.pays()));

    // Too early: the same question, no second PaymentIntent.
    assert_eq!(assert_asks(visitor, &visitor.pays("/api/joke", &card.pays())), secret);
    let intents = stripe.payment_intents(&card);
    assert_eq!(intents.len(), 1);
    let intent = intents[0]["id"].as_str().unwrap();

    stripe.authenticates(intent, true);
    let answer = visitor.pays("/api/joke", &card.pays());

    assert_eq!(assert_paid(&answer, 49_900).as_deref(), Some(intent));
    assert_eq!(answer.receipt().client_id, card.client.as_str());
    assert_eq!(stripe.charges(&card), [(intent.to_owned(), 500, "usd".into())]);
    assert_eq!(
        stripe.calls(&card),
        ["retrieve", "customer", "attach", "charge", "retrieve", "read", "retrieve", "read"]
    );
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_800), None);
    assert_eq!(stripe.payment_intents(&card).len(), 1);
    assert_eq!(visitor.reached().len(), 2);
}

#[test]
fn credits_of_a_payment_that_waits_are_not_spent_by_anyone() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("waits"));
    let card = stripe.card_like("waits", "pm_card_threeDSecure2Required");
    assert_asks(visitor, &visitor.pays("/api/joke", &card.pays()));
    let intent = stripe.payment_intents(&card)[0]["id"].as_str().unwrap().to_owned();
    stripe.authenticates(&intent, true);

    // The money is at Stripe, and nobody has looked yet: the client id alone learns nothing of it.
    assert_eq!(
        visitor.pays("/api/joke", &card.spends()).required().error,
        Some(ErrorCode::InsufficientCredits)
    );
    assert_eq!(visitor.reached(), []);
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends_or_pays()), 49_900), Some(intent));
}

#[test]
fn a_payer_who_fails_is_asked_anew_by_another_payment_intent_and_the_first_is_cancelled() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("fails"));
    for (behaviour, passes) in
        [("pm_card_authenticationRequired", false), ("pm_card_threeDSecureRequiredChargeDeclined", true)]
    {
        let card = stripe.card_like(&format!("fails_{behaviour}"), behaviour);
        let first = assert_asks(visitor, &visitor.pays("/api/joke", &card.pays()));
        let intent = stripe.payment_intents(&card)[0]["id"].as_str().unwrap().to_owned();
        stripe.authenticates(&intent, passes);
        assert_eq!(stripe.statuses(&card), ["requires_payment_method"], "{behaviour}");

        let second = assert_asks(visitor, &visitor.pays("/api/joke", &card.pays()));

        assert_ne!(first, second, "{behaviour}");
        assert_eq!(stripe.statuses(&card), ["canceled", "requires_action"], "{behaviour}");
        assert_eq!(stripe.charges(&card), [], "{behaviour}");
    }
}

#[test]
fn a_payment_for_something_else_cancels_the_one_that_waits() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("something-else"));
    let card = stripe.card_like("something_else", "pm_card_authenticationRequired");
    let in_dollars = assert_asks(visitor, &visitor.pays("/api/joke", &card.pays()));

    let in_euros = assert_asks(visitor, &visitor.pays("/api/weather", &card.pays()));

    assert_ne!(in_dollars, in_euros);
    let intents = stripe.payment_intents(&card);
    let shown = |intent: &Value| json!([intent["currency"], intent["amount"], intent["status"]]);
    assert_eq!(
        intents.iter().map(shown).collect::<Vec<_>>(),
        [json!(["usd", 500, "canceled"]), json!(["eur", 1_000, "requires_action"])]
    );
    stripe.authenticates(intents[1]["id"].as_str().unwrap(), true);
    assert_paid(&visitor.pays("/api/weather", &card.pays()), 99_500);
    assert_eq!(visitor.asks(Request::get("/api/joke").payment(card.spends())).status, 402, "no dollars");
    assert_eq!(stripe.charges(&card).len(), 1);
}
