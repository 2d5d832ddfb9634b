//! `POST …/top-up`: a card is charged, its account credited, and nothing debited.

use serde_json::{Value, json};
use stripe402_core::protocol::{ErrorCode, PaymentResponse};
use stripe402_e2e::{Card, Request, Response, Visitor};

use crate::{assert_paid, shared};

const PATH: &str = "/.well-known/stripe402/top-up";

fn top_up(payment: &str, body: &Value) -> Request {
    Request::post(PATH, body.to_string()).header("content-type", "application/json").payment(payment)
}

fn joke() -> Value {
    json!({ "route": "GET /api/joke" })
}

/// Asserts that a top-up was made, and gives what it said.
#[track_caller]
fn made(answer: &Response, card: &Card) -> PaymentResponse {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let said: PaymentResponse = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(said, answer.receipt(), "body and header say the same");
    assert!(said.success && said.error.is_none() && said.error_code.is_none(), "{said:?}");
    assert_eq!(said.client_id, card.client.as_str());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    said
}

fn pays_in(visitor: Visitor<'_>, card: &Card, key: Option<&str>, units: i64) -> Response {
    let request = top_up(&card.tops_up(units), &joke());
    visitor.asks(match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    })
}

#[test]
fn a_program_pays_in_and_spends_afterwards() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("pays-in"));
    let card = stripe.card("pays_in");
    let answer = visitor.asks(top_up(&card.tops_up(70_000), &joke()));
    let said = made(&answer, &card);
    assert_eq!(said.credits_remaining.get(), 70_000);
    let charges = stripe.charges(&card);
    assert_eq!(charges, [(said.charge_id.unwrap(), 700, "usd".to_owned())]);
    assert_eq!(stripe.calls(&card), ["retrieve", "customer", "attach", "charge"]);
    assert_eq!(visitor.reached(), [], "nothing is asked of the origin");
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends()), 69_900), None);
    let cookie = answer.header("set-cookie").unwrap();
    let attributes = "; Path=/; Max-Age=34560000; Secure; HttpOnly; SameSite=Strict";
    assert_eq!(cookie, format!("__Host-stripe402={}{attributes}", card.client.as_str()));
}

#[test]
fn the_same_top_up_again_is_the_same_charge_and_another_name_is_another() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("pays-in-again"));
    let card = stripe.card("pays_in_again");
    let first = made(&pays_in(visitor, &card, Some("one"), 60_000), &card);
    let again = made(&pays_in(visitor, &card, Some("one"), 60_000), &card);
    assert_eq!(again, first);
    let second = made(&pays_in(visitor, &card, Some("two"), 60_000), &card);
    assert_eq!((second.credits_remaining.get(), stripe.charges(&card).len()), (120_000, 2));
    let other = pays_in(visitor, &card, Some("one"), 70_000);
    assert_eq!((other.status, other.header("content-type")), (422, Some("application/problem+json")));
    // Without a name, card and amount are the name for a while.
    let first = made(&pays_in(visitor, &card, None, 80_000), &card);
    assert_eq!(made(&pays_in(visitor, &card, None, 80_000), &card), first);
    assert_eq!(stripe.charges(&card).len(), 3);
}

#[test]
fn ten_at_once_under_one_name_are_one_charge() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("pays-in-at-once"));
    let card = stripe.card("pays_in_at_once");
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..10).map(|_| scope.spawn(|| pays_in(visitor, &card, Some("at once"), 50_000))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let said: Vec<_> = answers.iter().map(|answer| made(answer, &card)).collect();
    assert!(said.iter().all(|one| one == &said[0] && one.credits_remaining.get() == 50_000), "{said:?}");
    assert_eq!(stripe.charges(&card).len(), 1);
}

#[test]
fn what_is_refused_is_refused_in_the_protocols_words() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("pays-in-refused"));
    let card = stripe.card_like("pays_in_refused", "pm_card_chargeCustomerFail");
    let declined = visitor.asks(top_up(&card.pays(), &joke()));
    assert_eq!((declined.status, declined.required().error), (402, Some(ErrorCode::CardDeclined)));
    assert_eq!(declined.failure().client_id, "");
    assert_eq!(declined.header("set-cookie"), None);
    let little = visitor.asks(top_up(&card.tops_up(49_999), &joke()));
    assert_eq!(little.required().error, Some(ErrorCode::TopUpBelowMinimum));
    let nothing = visitor.asks(Request::post(PATH, joke().to_string()));
    assert_eq!((nothing.status, nothing.required().error), (402, None));
    let unknown = visitor.asks(top_up(&card.pays(), &json!({ "route": "GET /nothing" })));
    assert_eq!(unknown.status, 404);
    let long = json!({ "route": "GET /api/joke", "x": "x".repeat(9_000) });
    assert_eq!(visitor.asks(top_up(&card.pays(), &long)).status, 413);
    assert_eq!(visitor.asks(Request::get(PATH)).status, 405);
    assert_eq!(stripe.charges(&card), []);
}

#[test]
fn the_bank_asks_and_the_same_top_up_goes_on() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("pays-in-asks"));
    let card = stripe.card_like("pays_in_asks", "pm_card_authenticationRequired");
    let asked = pays_in(visitor, &card, Some("k"), 50_000);
    assert_eq!(asked.status, 402, "{}", asked.text());
    assert_eq!(asked.failure().action.unwrap().kind, "stripe_handle_next_action");
    let intent = stripe.payment_intents(&card)[0]["id"].as_str().unwrap().to_owned();
    stripe.authenticates(&intent, true);
    let said = made(&pays_in(visitor, &card, Some("k"), 50_000), &card);
    assert_eq!((said.charge_id, said.credits_remaining.get()), (Some(intent), 50_000));
    assert_eq!(stripe.payment_intents(&card).len(), 1);
}
