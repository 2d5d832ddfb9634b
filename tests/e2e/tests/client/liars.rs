//! Servers that lie.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use stripe402_client::protocol::{ClientId, PAYMENT, PaymentMethodId, encode};
use stripe402_client::{
    Act, Books, Doubt, Error, Factor, Limits, MemoryStore, NotAChallenge, Origin, Outcome, Paying, Policy,
    Rule, Store, StoreError,
};

use crate::given::{USD, client, outcome, units};
use crate::scripted::{Asked, Scripted, answer};

/// A challenge, changed.
pub(crate) fn required(change: &Value, error: Option<&str>) -> String {
    let mut accept = json!({"scheme": "stripe", "currency": "usd", "amount": 100, "minTopUp": 50_000,
        "publishableKey": "pk_test_x"});
    accept.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let mut message = json!({"stripe402Version": 1, "resource": {"url": "/"}, "accepts": [accept]});
    if let Some(error) = error {
        message["error"] = error.into();
    }
    format!("payment-required: {}", encode(&message).unwrap())
}

pub(crate) fn asks(change: &Value, error: Option<&str>) -> Vec<u8> {
    answer(402, &[&required(change, error)], "{}")
}

pub(crate) fn paid(change: &Value) -> Vec<u8> {
    let mut receipt = json!({"success": true, "creditsRemaining": 900, "clientId": ours().as_str()});
    receipt.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    answer(200, &[&format!("payment-response: {}", encode(&receipt).unwrap())], "sold")
}

pub(crate) fn ours() -> ClientId {
    ClientId::derive(b"secret", "ours")
}

pub(crate) fn card() -> PaymentMethodId {
    PaymentMethodId::parse("pm_card_visa").unwrap()
}

/// The payment of a request, as its sender meant it.
pub(crate) fn payment(asked: &Asked) -> Option<Value> {
    asked.header(PAYMENT).map(|header| stripe402_client::protocol::decode(header).unwrap())
}

/// What was sent, in a word each.
fn words(server: &Scripted) -> Vec<&'static str> {
    let word = |asked: &Asked| match payment(asked) {
        None => "bare",
        Some(payment) if payment["paymentMethodId"].is_string() => "card",
        Some(_) => "credits",
    };
    server.asked().iter().map(word).collect()
}

/// Books that know who we are there.
pub(crate) fn known(server: &Scripted) -> MemoryStore {
    let mut books = Books::default();
    books.remember(&Origin::of(&server.url().parse().unwrap()).unwrap(), &ours());
    MemoryStore::new(books)
}

fn policy() -> Policy {
    Policy::new().limits(USD, Limits::new().max_price(units(1_000)).max_top_up(units(100_000)))
}

/// Says this to a request without a payment, and that to any other.
fn then(first: Vec<u8>, later: Vec<u8>) -> Scripted {
    Scripted::start(move |asked| if asked.header(PAYMENT).is_none() { first.clone() } else { later.clone() })
}

async fn refused(server: &Scripted, paying: &Paying) -> Rule {
    let error = client(paying).get(server.url()).send().await.unwrap_err();
    match Error::of(&error) {
        Some(Error::Refused(refused)) => refused.rule,
        other => panic!("{other:?} {error:?}"),
    }
}

#[tokio::test]
async fn an_offer_that_changes_between_challenge_and_retry_is_not_paid() {
    for change in [json!({"amount": 200}), json!({"currency": "eur"}), json!({"minTopUp": 60_000})] {
        let later = asks(&change, Some("insufficient_credits"));
        let server = then(asks(&json!({}), None), later.clone());
        let paying = Paying::new(card()).policy(policy()).store(known(&server));
        assert_eq!(refused(&server, &paying).await, Rule::PriceChanged, "{change}");
        assert_eq!(words(&server), ["bare", "credits"], "{change}");
        // Without credits, it is seen after the card was sent: with the amount that was asked for first, and no more.
        let server = then(asks(&json!({}), None), later);
        assert_eq!(
            refused(&server, &Paying::new(card()).policy(policy())).await,
            Rule::PriceChanged,
            "{change}"
        );
        assert_eq!(words(&server), ["bare", "card"], "{change}");
        assert_eq!(payment(&server.last()).unwrap()["topUpAmount"], 50_000);
    }
}

#[tokio::test]
async fn endless_402s_are_asked_three_times() {
    for error in [None, Some("insufficient_credits"), Some("payment_required"), Some("what_is_that")] {
        let server = Scripted::start(move |_| asks(&json!({}), error));
        let paying = Paying::new(card()).policy(policy()).store(known(&server));
        let answer = client(&paying).get(server.url()).send().await.unwrap();
        assert!(matches!(outcome(&answer), Outcome::Failed { .. }), "{error:?}");
        assert_eq!(answer.status(), 402);
        let words = words(&server);
        assert!(words == ["bare", "credits", "card"] || words == ["bare", "credits"], "{words:?}");
    }
}

#[tokio::test]
async fn an_endless_503_is_asked_with_the_same_payment_and_given_up() {
    let server = then(asks(&json!({}), None), answer(503, &["retry-after: 1"], "{}"));
    let paying = Paying::new(card()).policy(policy());
    let began = Instant::now();
    let answer = client(&paying).get(server.url()).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), outcome(&answer)), (503, Outcome::Unknown));
    let asked = server.asked();
    assert_eq!(words(&server), ["bare", "card", "card", "card", "card", "card", "card"]);
    assert!(began.elapsed().as_secs() >= 5, "it waits as it was told");
    for one in &asked[1..] {
        assert_eq!(one.header(PAYMENT), asked[1].header(PAYMENT), "the very same payment");
        assert_eq!(one.header("idempotency-key"), asked[1].header("idempotency-key"));
    }
    assert!(asked[1].header("idempotency-key").is_some() && asked[0].header("idempotency-key").is_none());
}

#[tokio::test]
async fn garbage_is_not_paid() {
    let long = format!("payment-required: {}", "A".repeat(9_000));
    for (header, why) in [
        ("payment-required: garbage!", None),
        ("payment-required: bnVsbA==", None),
        (long.as_str(), None),
        ("payment-required: eyJ4NDAyVmVyc2lvbiI6MiwiYWNjZXB0cyI6W119", Some(NotAChallenge::OtherVersion)),
        ("x-other: 1", Some(NotAChallenge::NoHeader)),
    ] {
        let said = answer(402, &[header], "{}");
        let server = Scripted::start(move |_| said.clone());
        let paying = Paying::new(card()).policy(policy()).store(known(&server));
        let answer = client(&paying).get(server.url()).send().await.unwrap();
        let Outcome::NotOurs(found) = outcome(&answer) else { panic!("{header}: {:?}", outcome(&answer)) };
        assert!(why.is_none_or(|why| found == why), "{header}: {found:?}");
        assert_eq!((answer.status().as_u16(), words(&server).len()), (402, 1), "{header}");
    }
    // Offers in no known words, and none at all.
    for change in [json!({"scheme": "exact"}), json!({"amount": -100}), json!({"currency": "xyz"})] {
        let server = Scripted::start(move |_| asks(&change, None));
        let answer = client(&Paying::new(card())).get(server.url()).send().await.unwrap();
        assert!(matches!(outcome(&answer), Outcome::NoOffer(challenge) if challenge.unknown == 1));
        assert_eq!(words(&server), ["bare"]);
    }
}

#[tokio::test]
async fn a_client_id_that_is_not_ours_is_not_kept() {
    let other = ClientId::derive(b"secret", "other");
    for (receipt, doubt) in [
        (json!({"clientId": other.as_str()}), Doubt::OtherClient),
        (json!({"clientId": "../../etc/passwd"}), Doubt::NoClientId),
        (json!({"clientId": ""}), Doubt::NoClientId),
        (json!({"chargeId": "pi_1"}), Doubt::ChargedWithoutACard),
    ] {
        let server = then(asks(&json!({}), None), paid(&receipt));
        let store = std::sync::Arc::new(known(&server));
        let paying = Paying::new(card()).policy(policy()).store(store.clone());
        let answer = client(&paying).get(server.url()).send().await.unwrap();
        let Outcome::Paid(paid) = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
        assert_eq!(paid.doubt, Some(doubt), "{receipt}");
        let origin = Origin::of(&server.url().parse().unwrap()).unwrap();
        assert_eq!(store.books().client(&origin).unwrap().client_id, ours(), "{receipt}");
    }
    for headers in [&[][..], &["payment-response: ?"], &["payment-response: e30=", "payment-response: e30="]]
    {
        let server = then(asks(&json!({}), None), answer(200, headers, "sold"));
        let answer = client(&Paying::new(card()).policy(policy())).get(server.url()).send().await.unwrap();
        let Outcome::Paid(paid) = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
        assert!(matches!(paid.doubt, Some(Doubt::NoReceipt | Doubt::Unreadable)), "{headers:?}");
    }
}

/// Works so often, and then no more.
struct Breaks(MemoryStore, AtomicUsize);

#[async_trait::async_trait]
impl Store for Breaks {
    async fn transact(&self, act: Act) -> Result<(), StoreError> {
        let left = self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| StoreError("the disk is full".to_owned()))?;
        self.0.transact(act).await
    }
}

#[tokio::test]
async fn books_that_cannot_be_kept_stop_a_payment_and_never_an_answer_that_was_paid_for() {
    // Read, put aside; then the answer.
    for steps in [0, 1, 2] {
        let server = then(asks(&json!({}), None), paid(&json!({})));
        let store = Breaks(known(&server), AtomicUsize::new(steps));
        let paying = Paying::new(card()).policy(policy()).store(store);
        let answer = client(&paying).get(server.url()).send().await;
        if steps < 2 {
            let error = answer.unwrap_err();
            assert!(matches!(Error::of(&error), Some(Error::Store(_))), "{error:?}");
            assert!(server.asked().iter().all(|asked| asked.header(PAYMENT).is_none()), "nothing was sent");
            continue;
        }
        let answer = answer.unwrap();
        let Outcome::Paid(paid) = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
        assert_eq!(paid.not_kept, Some(StoreError("the disk is full".to_owned())));
        assert_eq!(answer.text().await.unwrap(), "sold");
    }
}

#[tokio::test]
async fn a_price_that_rises_too_much_is_refused() {
    let times = AtomicUsize::new(0);
    let server = Scripted::start(move |asked| {
        if asked.header(PAYMENT).is_some() {
            return paid(&json!({}));
        }
        let dearer = if times.fetch_add(1, Ordering::SeqCst) == 0 { 100 } else { 201 };
        asks(&json!({ "amount": dearer }), None)
    });
    let policy =
        policy().max_price_rise(Factor::parse("2").unwrap()).quote_lifetime(std::time::Duration::ZERO);
    let paying = Paying::new(card()).policy(policy).store(known(&server));
    assert_eq!(client(&paying).get(server.url()).send().await.unwrap().status(), 200);
    // However often it is asked for: the price that was paid is the one that counts.
    for _ in 0..2 {
        assert_eq!(refused(&server, &paying).await, Rule::PriceRise);
    }
    assert_eq!(words(&server), ["bare", "credits", "bare", "bare"]);
}

#[tokio::test]
async fn a_price_that_was_just_paid_is_not_asked_for_again() {
    let credits = AtomicUsize::new(1_000);
    let server = Scripted::start(move |asked| match asked.header(PAYMENT) {
        Some(_) => paid(&json!({ "creditsRemaining": credits.fetch_sub(100, Ordering::SeqCst) - 100 })),
        None => asks(&json!({}), None),
    });
    let paying = Paying::new(card()).policy(policy()).store(known(&server));
    for _ in 0..3 {
        assert_eq!(client(&paying).get(server.url()).send().await.unwrap().status(), 200);
    }
    assert_eq!(words(&server), ["bare", "credits", "credits", "credits"]);
}
