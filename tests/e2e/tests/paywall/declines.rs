//! Cards that say no.

use serde_json::json;
use stripe402_core::protocol::ErrorCode;
use stripe402_e2e::{Card, Request};

use crate::{assert_paid, assert_refused, shared};

/// What everyone is told of a card that was reported lost or stolen, or is thought to be.
const GENERIC: &str = "Your card was declined.";

/// Stripe's test cards that cannot be attached to a Customer, and what the payer is told
/// (<https://docs.stripe.com/testing#declined-payments>).
const DECLINED_AT_ATTACH: [(&str, &str); 9] = [
    ("pm_card_visa_chargeDeclined", GENERIC),
    ("pm_card_chargeDeclined", GENERIC),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "Your card has insufficient funds."),
    ("pm_card_visa_chargeDeclinedLostCard", GENERIC),
    ("pm_card_visa_chargeDeclinedStolenCard", GENERIC),
    ("pm_card_chargeDeclinedExpiredCard", "Your card has expired."),
    ("pm_card_chargeDeclinedIncorrectCvc", "Your card's security code is incorrect."),
    (
        "pm_card_chargeDeclinedProcessingError",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    (
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    ),
];

#[test]
fn each_declining_test_card_is_refused_with_its_sentence_before_a_payment_intent_exists() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("declines"));
    for (behaviour, sentence) in DECLINED_AT_ATTACH {
        let card = stripe.card_like(&format!("declines_{behaviour}"), behaviour);
        let answer = visitor.pays("/api/joke", &card.pays());
        assert_refused(visitor, &answer, ErrorCode::CardDeclined, sentence);
        assert_eq!(stripe.calls(&card), ["retrieve", "customer", "attach"], "{behaviour}");
        assert_eq!(stripe.payment_intents(&card).len(), 0, "{behaviour}");

        // By the name that Stripe's documentation gives it, it is the same.
        let by_name = visitor.pays("/api/joke", &Card::writes(&json!({"paymentMethodId": behaviour})));
        assert_refused(visitor, &by_name, ErrorCode::CardDeclined, sentence);
    }
}

#[test]
fn a_card_that_attaches_and_then_cannot_be_charged_credits_nothing() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("charge-declines"));
    for behaviour in ["pm_card_chargeCustomerFail", "pm_card_radarBlock"] {
        let card = stripe.card_like(&format!("charge_declines_{behaviour}"), behaviour);
        let answer = visitor.pays("/api/joke", &card.pays());
        assert_refused(visitor, &answer, ErrorCode::CardDeclined, GENERIC);
        assert_eq!(stripe.calls(&card), ["retrieve", "customer", "attach", "charge"], "{behaviour}");
        assert_eq!(stripe.statuses(&card), ["requires_payment_method"], "{behaviour}");

        // The account has nothing to spend, and a later try is a new attempt with the same Customer.
        assert_eq!(
            visitor.pays("/api/joke", &card.spends()).required().error,
            Some(ErrorCode::InsufficientCredits)
        );
        let again = visitor.pays("/api/joke", &card.pays());
        assert_refused(visitor, &again, ErrorCode::CardDeclined, GENERIC);
        assert_eq!(stripe.calls(&card)[4..], ["retrieve", "charge"], "{behaviour}");
        assert_eq!(stripe.charges(&card), [], "{behaviour}");
        assert_eq!(stripe.customers(&card).len(), 1, "{behaviour}");
    }
}

#[test]
fn words_of_stripes_that_would_help_a_thief_are_kept_back() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("thief"));
    for code in ["lost_card", "stolen_card", "pickup_card", "restricted_card", "fraudulent"] {
        let card = stripe.card(&format!("thief_{code}"));
        let error = json!({"error": {"type": "card_error", "code": "card_declined", "decline_code": code,
            "message": "SPY: this card was reported."}});
        stripe.breaks(&json!({"match": format!("POST /v1/payment_methods/{}/attach", card.method.as_str()),
            "kind": "status", "status": 402, "body": error.to_string()}));
        let answer = visitor.pays("/api/joke", &card.pays());
        assert_refused(visitor, &answer, ErrorCode::CardDeclined, GENERIC);
    }
}

#[test]
fn words_of_stripes_that_are_meant_for_the_operator_are_kept_back() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("operator"));
    let card = stripe.card("operator");
    let error = json!({"error": {"type": "invalid_request_error", "code": "parameter_unknown", "param": "SPY",
        "message": "Received unknown parameter: SPY"}});
    stripe.breaks(&json!({"match": format!("POST /v1/payment_methods/{}/attach", card.method.as_str()),
        "kind": "status", "status": 400, "body": error.to_string()}));

    let answer = visitor.pays("/api/joke", &card.pays());

    let sentence = "The payment was refused. Nothing was charged.";
    assert_refused(visitor, &answer, ErrorCode::PaymentFailed, sentence);
    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);
    assert_eq!(stripe.charges(&card).len(), 1);
}

#[test]
fn a_card_number_alone_does_not_open_the_account_of_its_card() {
    // Stricter than the reference on purpose, "a known card number, without CVC, spends the balance": Stripe checks
    // a card when it is attached, and only what is attached spends.
    let (stripe, visitor) = (shared().stripe(), shared().visitor("number-alone"));
    let card = stripe.card("number_alone");
    assert_paid(&visitor.asks(Request::post("/api/translate", "mine").payment(card.pays())), 20_000);
    let guess = stripe.lays_out(
        "number_guessed",
        "number_alone",
        &json!({"behaviour": "pm_card_chargeDeclinedIncorrectCvc"}),
    );
    assert_eq!(guess.client, card.client, "one card");

    let stranger = shared().visitor("number-alone-stranger");
    let answer = stranger.pays("/api/joke", &guess.pays());

    assert_refused(stranger, &answer, ErrorCode::CardDeclined, "Your card's security code is incorrect.");
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends()), 19_900), None);
    assert_eq!(stripe.charges(&card).len(), 1);
}

#[test]
fn whoever_sends_its_client_id_is_told_its_own_balance_with_the_decline() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("own-balance"));
    let card = stripe.card("own_balance");
    assert_paid(&visitor.asks(Request::post("/api/translate", "mine").payment(card.pays())), 20_000);
    let expired = stripe.card_like("own_balance_expired", "pm_card_chargeDeclinedExpiredCard");
    let both = json!({"clientId": card.client.as_str(), "paymentMethodId": expired.method.as_str()});

    let answer = visitor.asks(Request::post("/api/translate", "more").payment(Card::writes(&both)));

    assert_eq!(answer.status, 402);
    let failure = answer.failure();
    assert_eq!(failure.error_code, Some(ErrorCode::CardDeclined));
    assert_eq!(failure.error.as_deref(), Some("Your card has expired."));
    assert_eq!((failure.client_id.as_str(), failure.credits_remaining.get()), (card.client.as_str(), 20_000));
    assert_eq!(answer.required().error, Some(ErrorCode::CardDeclined));
    assert_eq!(visitor.reached().len(), 1);
    assert_paid(&visitor.pays("/api/joke", &card.spends()), 19_900);
}
