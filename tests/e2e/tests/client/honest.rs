//! The library against the Worker.

use serde_json::{Value, json};
use stripe402_client::protocol::{ErrorCode, PaymentMethodId, encode};
use stripe402_client::{
    Budget, Card, CardError, CardPayer, CreditsOnly, Error, FileStore, Limits, Means, Outcome, PayerError,
    Paying, Policy, Rule, Window,
};
use stripe402_e2e::{Layout, Paywall};

use crate::given::{Folder, USD, client, config, outcome, shared, units, url};

fn limits() -> Limits {
    Limits::new().max_price(units(30_000)).max_top_up(units(50_000))
}

#[tokio::test]
async fn a_card_pays_once_and_its_credits_are_spent_after_that_by_other_programs_too() {
    let (paywall, folder) = (shared(), Folder::new());
    let card = paywall.stripe().card("once");
    let store = FileStore::new(folder.join("books.json"));
    let paying =
        Paying::new(card.method.clone()).store(store.clone()).policy(Policy::new().limits(USD, limits()));
    let answer = client(&paying).get(url(paywall, "/api/joke")).send().await.unwrap();
    let Outcome::Paid(paid) = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
    assert_eq!((paid.price, paid.charged, paid.doubt), (Some((USD, units(100))), Some(units(50_000)), None));
    let joke: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert!(joke["joke"].is_string());
    // Another program, which has no card.
    let later = Paying::new(CreditsOnly).store(FileStore::new(store.path()));
    for left in [49_800, 49_700] {
        let answer = client(&later).get(url(paywall, "/api/joke")).send().await.unwrap();
        let Outcome::Paid(paid) = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
        assert_eq!((paid.charged, paid.receipt.unwrap().credits_remaining), (None, units(left)));
    }
    assert_eq!(paywall.stripe().charges(&card).len(), 1);
}

#[tokio::test]
async fn many_at_once_with_nothing_left_make_one_charge() {
    let paywall = shared();
    let card = paywall.stripe().card("parallel");
    let paying = Paying::new(card.method.clone()).policy(Policy::new().limits(USD, limits()));
    let client = client(&paying);
    let url = url(paywall, "/api/joke?parallel");
    let requests: Vec<_> = (0..20).map(|_| tokio::spawn(client.get(&url).send())).collect();
    let mut charged = 0;
    for request in requests {
        let answer = request.await.unwrap().unwrap();
        let Outcome::Paid(paid) = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
        charged += usize::from(paid.charged.is_some());
    }
    assert_eq!(charged, 1);
    assert_eq!(paywall.stripe().charges(&card).len(), 1);
    assert_eq!(paywall.stripe().writes(&card, "charge").len(), 1, "nobody else even asked");
}

#[tokio::test]
async fn credits_that_do_not_reach_are_topped_up() {
    let paywall = shared();
    let card = paywall.stripe().card("again");
    let paying = Paying::new(Means::new(card.method.clone()).top_up(units(50_000)));
    for charges in [1, 2] {
        let answer = client(&paying).get(url(paywall, "/lax/api/weather")).send().await.unwrap();
        assert!(matches!(outcome(&answer), Outcome::Paid(_)), "{:?}", outcome(&answer));
        assert_eq!(paywall.stripe().charges(&card).len(), charges);
    }
    // 20,000 + 20,000 are left: credits do.
    let answer = client(&paying).get(url(paywall, "/lax/api/weather")).send().await.unwrap();
    let Outcome::Paid(paid) = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
    assert_eq!((paid.charged, paid.receipt.unwrap().credits_remaining), (None, units(10_000)));
    assert_eq!(paywall.stripe().charges(&card).len(), 2);
}

#[tokio::test]
async fn who_declines_or_is_declined_gets_the_402() {
    let paywall = shared();
    let answer = client(&Paying::new(CreditsOnly)).get(url(paywall, "/api/joke")).send().await.unwrap();
    assert_eq!(answer.status(), 402);
    let Outcome::Declined(challenge) = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
    assert_eq!((challenge.resource.as_str(), challenge.offers[0].amount), ("/api/joke", units(100)));
    let card = paywall.stripe().card_like("refused", "pm_card_chargeCustomerFail");
    let paying = Paying::new(card.method.clone());
    let answer = client(&paying).get(url(paywall, "/api/joke")).send().await.unwrap();
    assert_eq!(answer.status(), 402);
    let Outcome::Failed { code, .. } = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
    assert_eq!(code, Some(ErrorCode::CardDeclined));
    assert_eq!(paywall.stripe().writes(&card, "charge").len(), 1, "once, and not again");
}

#[tokio::test]
async fn what_the_policy_forbids_costs_nothing_and_reaches_nobody() {
    let paywall = shared();
    let card = paywall.stripe().card("forbidden");
    let rules = [
        (Limits::new().max_price(units(99)), Rule::MaxPrice),
        (Limits::new().max_top_up(units(49_999)), Rule::MaxTopUp),
        (Limits::new().budget(Budget::spending(Window::Hour, units(99))), Rule::Budget),
        (Limits::new().budget(Budget::top_ups(Window::Month, units(49_999))), Rule::TopUpBudget),
    ];
    for (limits, rule) in rules {
        let paying = Paying::new(card.method.clone()).policy(Policy::new().limits(USD, limits));
        let error = client(&paying).get(url(paywall, "/api/joke?forbidden")).send().await.unwrap_err();
        let Some(Error::Refused(refused)) = Error::of(&error) else { panic!("{error:?}") };
        assert_eq!(refused.rule, rule);
    }
    assert_eq!(paywall.stripe().calls(&card), [""; 0]);
    let arrived = paywall.origin().arrived();
    assert!(!arrived.iter().any(|one| one.target.ends_with("?forbidden")), "{arrived:?}");
}

#[tokio::test]
async fn an_origin_that_fails_costs_nothing_of_the_budget() {
    let (paywall, folder) = (shared(), Folder::new());
    let card = paywall.stripe().card("fails");
    let limits = limits().budget(Budget::spending(Window::Day, units(100)));
    let paying = Paying::new(card.method.clone())
        .policy(Policy::new().limits(USD, limits))
        .store(FileStore::new(folder.join("books.json")));
    for _ in 0..2 {
        let answer = client(&paying).get(url(paywall, "/status/500")).send().await.unwrap();
        assert_eq!(answer.status(), 500);
        assert!(matches!(outcome(&answer), Outcome::Reversed(_)), "{:?}", outcome(&answer));
    }
    let answer = client(&paying).get(url(paywall, "/api/joke")).send().await.unwrap();
    assert!(matches!(outcome(&answer), Outcome::Paid(_)));
    let error = client(&paying).get(url(paywall, "/api/joke")).send().await.unwrap_err();
    assert!(
        matches!(Error::of(&error), Some(Error::Refused(refused)) if refused.rule == Rule::Budget),
        "{error:?}"
    );
    assert_eq!(paywall.stripe().charges(&card).len(), 1);
}

#[tokio::test]
async fn a_body_is_sent_again_and_a_stream_is_not() {
    let paywall = shared();
    let card = paywall.stripe().card("bodies");
    let paying = Paying::new(card.method.clone());
    let answer = client(&paying).post(url(paywall, "/echo")).body("twice").send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("twice"));
    let stream = || {
        let pieces = [Ok::<_, std::io::Error>("a "), Ok("stream")];
        reqwest::Body::wrap_stream(Pieces(pieces.into_iter()))
    };
    // A client that is known to nobody cannot pay with the first request.
    let other = Paying::new(card.method.clone());
    let error = client(&other).post(url(paywall, "/echo")).body(stream()).send().await.unwrap_err();
    assert_eq!(Error::of(&error), Some(&Error::BodyNotReplayable));
    // One that is known, and has no limits, can.
    let answer = client(&paying).post(url(paywall, "/echo")).body(stream()).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("a stream"));
    assert_eq!(paywall.stripe().charges(&card).len(), 1);
}

/// A stream of what an iterator gives.
struct Pieces<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Pieces<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_waited_for_with_the_same_payment() {
    let paywall = Paywall::start_raw(config().var("TOP_UP_WAIT_MS", "1000"), Layout::new());
    let (stripe, card) = (paywall.stripe(), paywall.stripe().card("unknown"));
    stripe.breaks(&json!({"match": "POST /v1/payment_intents", "times": 1, "kind": "drop_response", "after_commit": true}));
    stripe
        .breaks(&json!({"match": "POST /v1/payment_intents", "times": 1, "kind": "delay", "delay_ms": 2000}));
    let paying = Paying::new(card.method.clone()).policy(Policy::new().limits(USD, limits()));
    let answer = client(&paying).get(url(&paywall, "/api/joke")).send().await.unwrap();
    let Outcome::Paid(paid) = outcome(&answer) else { panic!("{:?}", outcome(&answer)) };
    assert_eq!(paid.receipt.unwrap().credits_remaining, units(49_900));
    assert_eq!(stripe.statuses(&card), ["succeeded"], "one charge");
}

#[tokio::test]
async fn a_card_number_becomes_a_payment_method_where_the_account_allows_it() {
    let paywall = Paywall::start_raw(config(), Layout::new());
    let stripe = paywall.stripe();
    let card = || Card::parse("4242 4242 4242 4242", "09/39", Some("123")).unwrap();
    let paying = || Paying::new(CardPayer::at(card(), &stripe.url()).unwrap());
    let error = client(&paying()).get(url(&paywall, "/api/joke")).send().await.unwrap_err();
    assert_eq!(Error::of(&error), Some(&Error::Payer(PayerError::Card(CardError::TokenizationOff))));
    stripe.takes_card_numbers(true);
    let paying = paying();
    for target in ["/api/joke", "/lax/api/weather", "/lax/api/weather"] {
        let answer = client(&paying).get(url(&paywall, target)).send().await.unwrap();
        assert!(matches!(outcome(&answer), Outcome::Paid(_)), "{:?}", outcome(&answer));
    }
    let made = stripe.calls_naming("4242424242424242");
    assert!(made.len() <= 2, "one that was refused, one that was taken: {made:?}");
}

#[tokio::test]
async fn a_payment_of_the_callers_own_is_left_alone() {
    let paywall = shared();
    let card = paywall.stripe().card("own");
    let nobody = encode(&json!({"stripe402Version": 1, "clientId": "x"})).unwrap();
    let paying = Paying::new(card.method.clone());
    let answer =
        client(&paying).get(url(paywall, "/api/joke")).header("payment", nobody).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.extensions().get::<Outcome>()), (402, None));
    assert_eq!(paywall.stripe().calls(&card), [""; 0]);
    assert_eq!(PaymentMethodId::parse(card.method.as_str()).as_ref(), Ok(&card.method));
}
