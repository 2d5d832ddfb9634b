#![allow(clippy::arithmetic_side_effects, reason = "a test may fail loudly")]

use super::*;
use crate::books::Target;
use crate::origin::Origin;
use crate::policy::{Factor, Limits, Policy};
use serde_json::{Value, json};
use std::sync::Arc;
use stripe402_core::protocol::{PaymentMethodId, encode};
use url::Url;

mod any_server;
mod unsettled;

const NOW: Millis = 1_800_000_000_000;

fn units(value: i64) -> Units {
    Units::new(value).unwrap()
}

fn client(name: &str) -> ClientId {
    ClientId::derive(b"secret", name)
}

fn start(policy: Policy, client: Option<ClientId>) -> Start {
    let origin = Origin::of(&Url::parse("https://a.example").unwrap()).unwrap();
    Start {
        policy: Arc::new(policy),
        target: Target::new(origin, "GET", "/joke"),
        client,
        quote: None,
        last_price: None,
        redirected: false,
        replayable: true,
        repeatable: true,
    }
}

fn strict() -> Policy {
    Policy::new().limits(Currency::USD, Limits::new().max_price(units(500)).max_top_up(units(50_000)))
}

fn answer(status: u16, headers: &[(&str, String)]) -> Event {
    Event::Answer(Answer::read(status, |name| {
        headers.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.clone()).collect()
    }))
}

fn offer(change: &Value) -> Value {
    let mut offer = json!({"scheme": "stripe", "currency": "usd", "amount": 100, "minTopUp": 50_000,
        "publishableKey": "pk_test_x"});
    offer.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    offer
}

fn asks_for(change: &Value, error: Option<&str>) -> Event {
    let mut message =
        json!({"stripe402Version": 1, "resource": {"url": "/joke"}, "accepts": [offer(change)]});
    if let Some(error) = error {
        message["error"] = error.into();
    }
    answer(402, &[("payment-required", encode(&message).unwrap())])
}

fn asks() -> Event {
    asks_for(&json!({}), None)
}

fn insufficient() -> Event {
    asks_for(&json!({}), Some("insufficient_credits"))
}

fn receipt(change: &Value) -> Event {
    let mut message = json!({"success": true, "creditsRemaining": 900, "clientId": client("card").as_str()});
    message.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    answer(200, &[("payment-response", encode(&message).unwrap())])
}

fn same_again() -> Event {
    answer(503, &[("retry-after", "2".to_owned())])
}

fn turned(name: Option<&str>, topped_up: bool) -> Event {
    Event::Turned { client: name.map(client), topped_up }
}

fn card() -> Event {
    Event::Means(Some(Means::new(PaymentMethodId::parse("pm_card_visa").unwrap())))
}

fn allowed() -> Event {
    Event::Aside(Ok(()))
}

/// A step in a word or two, for tables.
fn word(step: &Step) -> String {
    match step {
        Step::Send(None) => "bare".into(),
        Step::Send(Some(payment)) => match (&payment.client_id, &payment.payment_method, payment.top_up) {
            (Some(_), None, None) => "credits".into(),
            (None, Some(_), Some(top_up)) => format!("card {top_up}"),
            other => format!("{other:?}"),
        },
        Step::PutAside { price, top_up: None, .. } => format!("aside {price}"),
        Step::PutAside { price, top_up: Some(top_up), .. } => format!("aside {price}+{top_up}"),
        Step::Turn => "turn".into(),
        Step::Ask { .. } => "ask".into(),
        Step::Wait(time) => format!("wait {}", time.as_secs()),
        Step::Done(done) => {
            let outcome = format!("{:?}", done.outcome);
            format!("{} {:?}", outcome.split([' ', '(']).next().unwrap(), done.settled)
        }
        Step::Fail { error, settled } => match &**error {
            Error::Refused(refused) => format!("refused {} {settled:?}", refused.rule),
            error => format!("{error:?} {settled:?}"),
        },
        Step::FailAsLost { settled } => format!("lost {settled:?}"),
    }
}

/// The steps that these events lead to.
fn story(start: Start, events: impl IntoIterator<Item = Event>) -> Vec<String> {
    let (mut exchange, first) = Exchange::begin(start);
    let mut steps = vec![word(&first)];
    for event in events {
        steps.push(word(&exchange.next(event, NOW)));
    }
    steps
}

const SPENT: &str = "Paid Spent { price: Units(100), top_up: Units(0) }";
const CHARGED: &str = "Paid Spent { price: Units(100), top_up: Units(50000) }";

#[test]
fn what_is_free_is_not_paid_for() {
    assert_eq!(story(start(strict(), None), [answer(200, &[])]), ["bare", "Free Nothing"]);
    assert_eq!(
        story(start(strict(), None), [answer(503, &[("retry-after", "1".into())])]),
        ["bare", "Free Nothing"]
    );
}

#[test]
fn a_card_pays_where_nobody_is_known() {
    let charged = receipt(&json!({"chargeId": "pi_1"}));
    let events = [asks(), turned(None, false), allowed(), card(), allowed(), charged];
    let steps = ["bare", "turn", "aside 100+50000", "ask", "aside 100+50000", "card 50000", CHARGED];
    assert_eq!(story(start(strict(), None), events), steps);
}

#[test]
fn credits_are_tried_before_the_card() {
    let events = [asks(), allowed(), receipt(&json!({}))];
    assert_eq!(story(start(strict(), Some(client("card"))), events), ["bare", "aside 100", "credits", SPENT]);
    let charged = receipt(&json!({"chargeId": "pi_1"}));
    let events = [
        asks(),
        allowed(),
        insufficient(),
        turned(Some("card"), false),
        allowed(),
        card(),
        allowed(),
        charged,
    ];
    let steps = [
        "bare",
        "aside 100",
        "credits",
        "turn",
        "aside 100+50000",
        "ask",
        "aside 100+50000",
        "card 50000",
        CHARGED,
    ];
    assert_eq!(story(start(strict(), Some(client("card"))), events), steps);
}

#[test]
fn without_limits_or_with_a_price_that_holds_credits_go_with_the_first_request() {
    let known = start(Policy::new(), Some(client("card")));
    let steps = ["credits", "Paid Spent { price: Units(0), top_up: Units(0) }"];
    assert_eq!(story(known.clone(), [receipt(&json!({}))]), steps);
    assert_eq!(
        story(known, [insufficient(), turned(Some("card"), false)]),
        ["credits", "turn", "aside 100+50000"]
    );
    let quoted = Start { quote: Some((Currency::USD, units(100))), ..start(strict(), Some(client("card"))) };
    assert_eq!(story(quoted.clone(), [allowed(), receipt(&json!({}))]), ["aside 100", "credits", SPENT]);
    // What was remembered is asked for before anybody is told no.
    let no = || Event::Aside(Err(Refused::new(Rule::Budget, "")));
    let steps = ["aside 100", "bare", "aside 100", "refused budget Nothing"];
    assert_eq!(story(quoted.clone(), [no(), asks(), no()]), steps);
    // The remembered price was another one: the policy judges the new one.
    let dearer = asks_for(&json!({"amount": 501}), Some("insufficient_credits"));
    assert_eq!(story(quoted, [allowed(), dearer]), ["aside 100", "credits", "refused max-price Nothing"]);
}

#[test]
fn the_policy_is_asked_before_anything_is_sent() {
    for (change, rule) in [(json!({"amount": 501}), "max-price"), (json!({"currency": "eur"}), "currency")] {
        let steps = ["bare".to_owned(), format!("refused {rule} Nothing")];
        assert_eq!(story(start(strict(), Some(client("card"))), [asks_for(&change, None)]), steps);
    }
    let redirected = Start { redirected: true, ..start(Policy::new(), Some(client("card"))) };
    assert_eq!(story(redirected, [asks()]), ["bare", "refused redirect Nothing"]);
    let nobody = start(Policy::new().hosts([]), Some(client("card")));
    assert_eq!(story(nobody, [asks()]), ["bare", "refused allowed-hosts Nothing"]);
    let risen = Start {
        last_price: Some((Currency::USD, units(40))),
        ..start(Policy::new().max_price_rise(Factor::parse("2").unwrap()), Some(client("card")))
    };
    assert_eq!(story(risen, [asks()]), ["bare", "refused price-rise Nothing"]);
    let over = Event::Aside(Err(Refused::new(Rule::TopUpBudget, "")));
    let steps = ["bare", "turn", "aside 100+50000", "refused top-up-budget Nothing"];
    assert_eq!(story(start(strict(), None), [asks(), turned(None, false), over]), steps);
}

#[test]
fn an_offer_that_changes_on_the_way_is_not_paid() {
    for change in [json!({"amount": 101}), json!({"currency": "eur"}), json!({"minTopUp": 60_000})] {
        let changed = || asks_for(&change, Some("insufficient_credits"));
        let steps = ["bare", "aside 100", "credits", "refused price-changed Nothing"];
        assert_eq!(
            story(start(strict(), Some(client("card"))), [asks(), allowed(), changed()]),
            steps,
            "{change}"
        );
        for code in [None, Some("insufficient_credits"), Some("top_up_below_minimum")] {
            let events = [asks(), turned(None, false), allowed(), card(), allowed(), asks_for(&change, code)];
            assert_eq!(
                story(start(strict(), None), events)[6],
                "refused price-changed Nothing",
                "{change} {code:?}"
            );
        }
    }
}

#[test]
fn a_second_402_is_the_end() {
    for error in
        [None, Some("insufficient_credits"), Some("card_declined"), Some("payment_failed"), Some("new_word")]
    {
        let again = asks_for(&json!({}), error);
        let events = [asks(), turned(None, false), allowed(), card(), allowed(), again];
        assert_eq!(story(start(strict(), None), events)[6], "Failed Nothing", "{error:?}");
    }
    for error in ["invalid_payment", "payment_failed"] {
        let events = [asks(), allowed(), asks_for(&json!({}), Some(error))];
        assert_eq!(story(start(strict(), Some(client("card"))), events)[3], "Failed Nothing", "{error}");
    }
}

#[test]
fn what_somebody_else_paid_for_meanwhile_is_used_once() {
    let events = [asks(), turned(Some("card"), true), allowed(), receipt(&json!({}))];
    assert_eq!(story(start(strict(), None), events), ["bare", "turn", "aside 100", "credits", SPENT]);
    // It was not enough: then the card, whatever else happened.
    let events = [asks(), turned(Some("card"), true), allowed(), insufficient(), turned(Some("card"), true)];
    assert_eq!(story(start(strict(), None), events)[5], "aside 100+50000");
}

#[test]
fn an_unknown_outcome_is_asked_for_with_the_same_payment_and_not_for_ever() {
    let mut events = vec![asks(), turned(None, false), allowed(), card(), allowed()];
    events.extend([same_again(), Event::Waited, same_again(), Event::Waited]);
    events.push(receipt(&json!({"chargeId": "pi_1"})));
    let steps = story(start(strict(), None), events);
    assert_eq!(steps[5..], ["card 50000", "wait 2", "card 50000", "wait 2", "card 50000", CHARGED]);
    // It gives up after five repetitions, and what was put aside stays aside.
    let mut events = vec![asks(), allowed()];
    events.extend((0..5).flat_map(|_| [same_again(), Event::Waited]));
    events.push(same_again());
    let steps = story(start(strict(), Some(client("card"))), events);
    assert_eq!(steps.iter().filter(|step| *step == "credits").count(), 6, "{steps:?}");
    assert_eq!(steps.last().unwrap(), "Unknown Unknown");
    // Or after two minutes.
    let long = || answer(503, &[("retry-after", "60".to_owned())]);
    let events = [asks(), allowed(), long(), Event::Waited, long(), Event::Waited, long()];
    assert_eq!(story(start(strict(), Some(client("card"))), events).last().unwrap(), "Unknown Unknown");
}

#[test]
fn a_lost_answer_is_asked_for_again_only_where_that_is_harmless() {
    let lost = |arrived| Event::Lost(arrived);
    let credits = |repeatable| Start { repeatable, ..start(strict(), Some(client("card"))) };
    assert_eq!(story(credits(true), [lost(Arrived::Perhaps)]), ["bare", "lost Nothing"]);
    let sent = |arrived| [asks(), allowed(), lost(arrived)];
    assert_eq!(story(credits(true), sent(Arrived::No))[3], "lost Nothing");
    assert_eq!(story(credits(true), sent(Arrived::Perhaps))[3], "wait 1");
    assert_eq!(story(credits(true), sent(Arrived::Yes))[3], "lost Unknown");
    assert_eq!(story(credits(false), sent(Arrived::Perhaps))[3], "lost Unknown");
    // What may have arrived before stays possible when the server is gone.
    let events = [asks(), allowed(), lost(Arrived::Perhaps), Event::Waited, lost(Arrived::No)];
    assert_eq!(story(credits(true), events)[5], "wait 1");
    let running = answer(409, &[("retry-after", "1".to_owned())]);
    let events = [asks(), allowed(), lost(Arrived::Perhaps), Event::Waited, running];
    assert_eq!(story(credits(true), events)[5], "wait 1");
}

#[test]
fn a_body_that_was_sent_is_not_sent_again() {
    let stream = |client| Start { replayable: false, repeatable: false, ..start(strict(), client) };
    assert_eq!(story(stream(None), [asks()]), ["bare", "BodyNotReplayable Nothing"]);
    let quoted = Start { quote: Some((Currency::USD, units(100))), ..stream(Some(client("card"))) };
    assert_eq!(story(quoted.clone(), [allowed(), receipt(&json!({}))]), ["aside 100", "credits", SPENT]);
    assert_eq!(story(quoted.clone(), [allowed(), insufficient()])[2], "BodyNotReplayable Nothing");
    assert_eq!(story(quoted.clone(), [allowed(), same_again()])[2], "Unknown Unknown");
    let no = Event::Aside(Err(Refused::new(Rule::Budget, "")));
    assert_eq!(story(quoted, [no])[1], "refused budget Nothing");
}

#[test]
fn the_payer_may_decline_or_name_an_amount() {
    let until = |means| [asks(), turned(None, false), allowed(), Event::Means(means)];
    let means = |top_up| Some(Means::new(PaymentMethodId::parse("pm_a").unwrap()).top_up(units(top_up)));
    assert_eq!(story(start(strict(), None), until(None))[4], "Declined Nothing");
    assert!(story(start(strict(), None), until(means(49_999)))[4].starts_with("TopUpBelowMinimum"));
    let mut events = Vec::from(until(means(70_050)));
    events.push(allowed());
    // Put aside is what the card is charged, sent is what the payer said.
    assert_eq!(story(start(strict(), None), events)[4..], ["aside 100+70100", "card 70050"]);
}

#[test]
fn what_is_no_offer_is_left_to_the_caller() {
    let empty = json!({"stripe402Version": 1, "accepts": [], "error": "payment_failed"});
    let frozen = answer(402, &[("payment-required", encode(&empty).unwrap())]);
    assert_eq!(story(start(strict(), None), [frozen.clone()]), ["bare", "NoOffer Nothing"]);
    assert_eq!(story(start(strict(), Some(client("a"))), [asks(), allowed(), frozen])[3], "Failed Nothing");
    let garbage = answer(402, &[("payment-required", "?".to_owned())]);
    assert_eq!(story(start(strict(), None), [garbage.clone()]), ["bare", "NotOurs Nothing"]);
    assert_eq!(story(start(strict(), Some(client("a"))), [asks(), allowed(), garbage])[3], "NotOurs Nothing");
}

#[test]
fn a_receipt_is_believed_only_as_far_as_it_fits() {
    let ends = |with_card: bool, event: Event| {
        let (mut exchange, _) = Exchange::begin(start(strict(), (!with_card).then(|| client("card"))));
        let before = if with_card {
            vec![asks(), turned(None, false), allowed(), card(), allowed()]
        } else {
            vec![asks(), allowed()]
        };
        for event in before {
            exchange.next(event, NOW);
        }
        let Step::Done(done) = exchange.next(event, NOW) else { panic!("it goes on") };
        let doubt = match &done.outcome {
            Outcome::Paid(paid) | Outcome::Reversed(paid) => paid.doubt,
            _ => None,
        };
        (doubt, done.client, done.settled, matches!(done.outcome, Outcome::Paid(_)))
    };
    let spent = |price, top_up| Settled::Spent { price: units(price), top_up: units(top_up) };
    let ours = Some(client("card"));
    let other = json!({"clientId": client("other").as_str()});
    let charge = json!({"chargeId": "pi_1"});
    let reversed = json!({"success": false, "chargeId": "pi_1", "error": "The origin failed."});
    for (with_card, event, expected) in [
        (false, receipt(&json!({})), (None, ours.clone(), spent(100, 0), true)),
        (true, receipt(&json!({})), (None, ours.clone(), spent(100, 0), true)),
        (true, receipt(&charge), (None, ours.clone(), spent(100, 50_000), true)),
        (true, receipt(&other), (None, Some(client("other")), spent(100, 0), true)),
        (true, receipt(&reversed), (None, ours, spent(0, 50_000), false)),
        (false, receipt(&other), (Some(Doubt::OtherClient), None, spent(100, 0), true)),
        (false, receipt(&charge), (Some(Doubt::ChargedWithoutACard), None, spent(100, 0), true)),
        (true, receipt(&json!({"clientId": "x"})), (Some(Doubt::NoClientId), None, spent(100, 0), true)),
        (true, answer(200, &[]), (Some(Doubt::NoReceipt), None, Settled::Unknown, true)),
        (
            true,
            answer(200, &[("payment-response", "?".into())]),
            (Some(Doubt::Unreadable), None, Settled::Unknown, true),
        ),
        (true, answer(404, &[]), (None, None, Settled::Nothing, false)),
        (true, answer(500, &[]), (None, None, Settled::Unknown, false)),
        (true, answer(503, &[]), (None, None, Settled::Unknown, false)),
    ] {
        let shown = format!("{event:?}");
        assert_eq!(ends(with_card, event), expected, "{shown}");
    }
}

#[test]
fn an_answer_of_the_origin_is_not_asked_for_again() {
    let message = json!({"success": false, "creditsRemaining": 900, "clientId": client("card").as_str()});
    let origins =
        answer(503, &[("retry-after", "1".into()), ("payment-response", encode(&message).unwrap())]);
    let steps = story(start(strict(), Some(client("card"))), [asks(), allowed(), origins]);
    assert_eq!(steps[3], "Reversed Spent { price: Units(0), top_up: Units(0) }");
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let wait = |text: &str| {
        Answer::read(503, |name| if name == "retry-after" { vec![text.to_owned()] } else { vec![] })
            .same_again(NOW)
    };
    // NOW is Fri, 15 Jan 2027 08:00:00 GMT.
    for (text, seconds) in [
        ("2", Some(2)),
        ("0", Some(1)),
        ("100000", Some(60)),
        ("Fri, 15 Jan 2027 08:00:07 GMT", Some(7)),
        ("Fri, 15 Jan 2027 07:00:00 GMT", Some(1)),
        ("soon", None),
        ("-1", None),
    ] {
        assert_eq!(wait(text), seconds.map(Duration::from_secs), "{text}");
    }
}
