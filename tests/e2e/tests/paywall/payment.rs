//! Payments that go through: who is charged, how often, how many calls to Stripe that takes, and what is left.

use serde_json::json;
use stripe402_core::protocol::{ErrorCode, decode_bytes, encode};
use stripe402_e2e::{Card, Request};

use crate::{assert_paid, shared};

const FIRST: [&str; 4] = ["retrieve", "customer", "attach", "charge"];

#[test]
fn the_first_payment_charges_the_card_once_in_four_calls_and_opens_an_account() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("first"));
    let card = stripe.card("first");

    let answer = visitor.pays("/api/joke", &card.pays());

    let charge = assert_paid(&answer, 49_900).expect("the card was charged");
    assert_eq!(answer.receipt().client_id, card.client.as_str());
    assert!(answer.json()["joke"].is_string(), "the origin's own answer");
    assert_eq!(stripe.calls(&card), FIRST);
    assert_eq!(stripe.charges(&card), [(charge, 500, "usd".into())]);
    assert_eq!(stripe.customers(&card), [stripe.owner(&card).expect("the card is attached")]);
    assert_eq!(visitor.reached().len(), 1);
}

#[test]
fn what_stripe_is_told_of_a_charge_names_the_account_and_nothing_that_could_be_spent() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("first-intent"));
    let card = stripe.card("first_intent");

    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);

    let intents = stripe.payment_intents(&card);
    assert_eq!(intents.len(), 1);
    let intent = &intents[0];
    assert_eq!(intent["status"], "succeeded");
    assert_eq!(intent["payment_method"], card.method.as_str());
    assert_eq!(intent["payment_method_types"], json!(["card"]));
    assert_eq!(intent["setup_future_usage"], json!(null));
    assert!(intent["description"].as_str().unwrap().starts_with("stripe402 top-up for "), "{intent}");
    assert!(
        !intent.to_string().contains(card.client.as_str()),
        "a client id spends the credits: not Stripe's to see"
    );
}

#[test]
fn the_same_payment_method_again_is_not_charged_and_costs_stripe_one_call_not_one_per_request() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("again"));
    let card = stripe.card("again");
    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);

    for nth in 1..=10 {
        let charge = assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900 - 100 * nth);
        assert_eq!(charge, None, "the {nth}th request is paid from credits");
    }

    let later = &stripe.calls(&card)[FIRST.len()..];
    assert!(later.len() <= 1 && later.iter().all(|call| call == "retrieve"), "{later:?}");
    assert_eq!(stripe.charges(&card).len(), 1);
    assert_eq!(visitor.reached().len(), 11);
}

#[test]
fn a_new_payment_method_of_the_same_card_is_attached_and_spends_the_credits_without_a_charge() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("same-card"));
    let card = stripe.card("same_card");
    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);
    let typed_in_again = stripe.same_card(&card, "same_card_again");

    let answer = visitor.pays("/api/joke", &typed_in_again.pays());

    assert_eq!(assert_paid(&answer, 49_800), None);
    assert_eq!(answer.receipt().client_id, card.client.as_str());
    assert_eq!(stripe.calls_naming(typed_in_again.method.as_str()), ["retrieve", "attach"]);
    assert_eq!(stripe.owner(&typed_in_again), stripe.owner(&card), "one Customer for both");
    assert_eq!((stripe.charges(&card).len(), stripe.customers(&card).len()), (1, 1));

    // From now on it is as good as the first.
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &typed_in_again.pays()), 49_700), None);
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_600), None);
    assert_eq!(stripe.charges(&card).len(), 1);
}

#[test]
fn a_client_id_spends_the_credits_and_stripe_is_not_asked() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("client-id"));
    let card = stripe.card("client_id");
    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);

    for nth in 1..=5 {
        let answer = visitor.pays("/api/joke", &card.spends());
        assert_eq!(assert_paid(&answer, 49_900 - 100 * nth), None);
        assert_eq!(answer.receipt().client_id, card.client.as_str());
    }

    // With the card at hand it is the same, as long as the credits do.
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends_or_pays()), 49_300), None);
    assert_eq!(stripe.calls(&card), FIRST);
    assert_eq!(visitor.reached().len(), 7);
}

#[test]
fn credits_that_do_not_reach_are_answered_with_the_challenge_and_the_code() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("insufficient"));
    let card = stripe.card("insufficient");
    assert_paid(&visitor.asks(Request::post("/api/translate", "eins").payment(card.pays())), 20_000);

    let answer = visitor.asks(Request::post("/api/translate", "zwei").payment(card.spends()));

    assert_eq!(answer.status, 402);
    let mut expected = visitor.asks(Request::post("/api/translate", "zwei")).required();
    assert_eq!(expected.error, None);
    expected.error = Some(ErrorCode::InsufficientCredits);
    let expected = encode(&expected).unwrap();
    assert_eq!(answer.header("payment-required"), Some(expected.as_str()));
    assert_eq!(answer.body, decode_bytes(&expected).unwrap(), "the body is the header's JSON");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(visitor.reached().len(), 1, "only the first was served");
    assert_eq!(stripe.calls(&card), FIRST, "without a card nothing can be charged");
    assert_paid(&visitor.pays("/api/joke", &card.spends()), 19_900);
}

#[test]
fn a_client_id_that_nobody_has_paid_into_has_no_credits() {
    let visitor = shared().visitor("unknown-client");
    let nobody = Card::new("pm_nobody", "fp_nobody");

    let answer = visitor.pays("/api/joke", &nobody.spends());

    assert_eq!(answer.status, 402);
    assert_eq!(answer.required().error, Some(ErrorCode::InsufficientCredits));
    assert_eq!(visitor.reached(), []);
}

#[test]
fn a_client_whose_credits_do_not_reach_tops_up_with_the_card_it_sent_along_in_two_calls() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("again-top-up"));
    let card = stripe.card("again_top_up");
    let translate = |payment: String| Request::post("/api/translate", "drei").payment(payment);
    assert_paid(&visitor.asks(translate(card.pays())), 20_000);

    let answer = visitor.asks(translate(card.spends_or_pays()));

    let charge = assert_paid(&answer, 40_000).expect("the card was charged");
    assert_eq!(stripe.calls(&card)[FIRST.len()..], ["retrieve", "charge"]);
    let charges = stripe.charges(&card);
    assert_eq!(charges.len(), 2);
    assert_eq!(charges[1], (charge, 500, "usd".into()));
    assert_eq!(stripe.customers(&card).len(), 1);
    assert_eq!(visitor.reached().len(), 2);
}

#[test]
fn a_card_alone_tops_up_again_once_its_credits_are_spent() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("card-again"));
    let card = stripe.card("card_again");
    let translate = || visitor.asks(Request::post("/api/translate", "vier").payment(card.pays()));
    assert!(assert_paid(&translate(), 20_000).is_some());
    assert!(assert_paid(&translate(), 40_000).is_some());
    assert!(assert_paid(&translate(), 10_000).is_none());
    assert!(assert_paid(&translate(), 30_000).is_some());

    assert_eq!(stripe.charges(&card).len(), 3);
    assert_eq!(stripe.customers(&card).len(), 1);
    assert_eq!(visitor.reached().len(), 4);
}

#[test]
fn with_client_a_and_card_b_the_card_pays_and_its_own_client_comes_back() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("a-and-b"));
    let (a, b) = (stripe.card("side_a"), stripe.card("side_b"));
    assert_paid(&visitor.asks(Request::post("/api/translate", "fünf").payment(a.pays())), 20_000);
    let both = Card::writes(&json!({"clientId": a.client.as_str(), "paymentMethodId": b.method.as_str()}));

    // A has too little for this.
    let answer = visitor.asks(Request::post("/api/translate", "sechs").payment(both.as_str()));

    assert!(assert_paid(&answer, 20_000).is_some(), "B was charged, credited and debited");
    assert_eq!(answer.receipt().client_id, b.client.as_str());
    assert_eq!((stripe.charges(&a).len(), stripe.charges(&b).len()), (1, 1));

    // For this A has enough: then A pays, and B's card is not touched.
    let answer = visitor.pays("/api/joke", &both);
    assert_eq!(assert_paid(&answer, 19_900), None);
    assert_eq!(answer.receipt().client_id, a.client.as_str());
    assert_eq!(stripe.charges(&b).len(), 1);
    assert_paid(&visitor.pays("/api/joke", &b.spends()), 19_900);
}

#[test]
fn stripes_own_test_card_pays_as_the_readme_says() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("alias"));
    let payment = Card::writes(&json!({"paymentMethodId": "pm_card_discover"}));

    // The alias is a new object each time that Stripe is asked for it: one card all the same.
    let first = visitor.pays("/api/joke", &payment);
    assert!(assert_paid(&first, 49_900).is_some());
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &payment), 49_800), None);
    let client = first.receipt().client_id;
    let spends = Card::writes(&json!({"clientId": client}));
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &spends), 49_700), None);

    assert!(stripe.calls_naming("pm_card_discover").len() <= 2);
    assert_eq!(visitor.reached().len(), 3);
}
