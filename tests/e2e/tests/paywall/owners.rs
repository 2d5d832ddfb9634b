//! Payment methods that cannot pay here: each is refused in a clear sentence, and nothing is charged.

use serde_json::json;
use stripe402_core::protocol::ErrorCode::PaymentFailed;
use stripe402_e2e::Card;

use crate::{assert_paid, assert_refused, shared};

#[test]
fn what_has_no_fingerprint_cannot_have_an_account() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("no-fingerprint"));
    let sentence = "Only cards can pay here, and this one has no fingerprint.";
    for (name, kind) in [
        ("no_print", json!({"fingerprint": null})),
        ("link", json!({"type": "link"})),
        ("cashapp", json!({"type": "cashapp"})),
    ] {
        let card = stripe.lays_out(&format!("odd_{name}"), name, &kind);
        let answer = visitor.pays("/api/joke", &card.pays());
        assert_refused(visitor, &answer, PaymentFailed, sentence);
        assert_eq!(stripe.calls_naming(card.method.as_str()), ["retrieve"], "{name}");
        assert_eq!(stripe.payment_intents(&card).len(), 0, "{name}");
    }
}

#[test]
fn a_payment_method_of_somebody_elses_customer_is_not_chargeable_here() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("other-customer"));
    let account = "0".repeat(64);
    let customers = [
        "description=the+operators+other+business".to_owned(),
        format!("metadata[stripe402_account]={account}"),
        format!("metadata[stripe402_account]={account}&metadata[stripe402_deployment]=0123456789abcdef"),
    ];
    for (nth, form) in customers.iter().enumerate() {
        let owner = stripe.posts("/v1/customers", form);
        let name = format!("other_customer_{nth}");
        let card = stripe.lays_out(&name, &name, &json!({"customer": owner["id"]}));
        let answer = visitor.pays("/api/joke", &card.pays());
        assert_refused(visitor, &answer, PaymentFailed, "This payment method belongs to another customer.");
        assert_eq!(stripe.calls_naming(card.method.as_str()), ["retrieve"], "{form}");
        assert_eq!(stripe.payment_intents(&card).len(), 0, "{form}");
    }
}

#[test]
fn a_payment_method_that_stripe_does_not_know_is_refused() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("unknown-method"));
    let live = stripe.lays_out("live_mode", "live_mode", &json!({"livemode": true}));
    for card in [Card::new("pm_1NobodyHasThis", "fp_nobody_has_this"), live] {
        let answer = visitor.pays("/api/joke", &card.pays());
        assert_refused(visitor, &answer, PaymentFailed, "No such payment method.");
        assert_eq!(stripe.calls_naming(card.method.as_str()), ["retrieve"]);
    }
}

#[test]
fn a_payment_method_that_was_detached_is_used_up_and_a_new_one_of_the_card_is_not() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("detached"));
    let card = stripe.card("detached");
    let owner = stripe.posts("/v1/customers", "description=before");
    let path = format!("/v1/payment_methods/{}", card.method.as_str());
    stripe.posts(&format!("{path}/attach"), &format!("customer={}", owner["id"].as_str().unwrap()));
    stripe.posts(&format!("{path}/detach"), "");

    let answer = visitor.pays("/api/joke", &card.pays());

    let sentence = "This payment method cannot be used again. Create a new one from the card.";
    assert_refused(visitor, &answer, PaymentFailed, sentence);
    assert_eq!(stripe.payment_intents(&card).len(), 0);
    let new = stripe.same_card(&card, "detached_new");
    assert!(assert_paid(&visitor.pays("/api/joke", &new.pays()), 49_900).is_some());
    assert_eq!(stripe.charges(&card).len(), 1);
}
