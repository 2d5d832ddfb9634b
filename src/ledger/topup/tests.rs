//! The machine as a table: every state met by every event, and what comes of it. A pair that stands in no row changes
//! nothing and calls nobody; that is checked, too, so every pair has its answer here.

#![allow(clippy::arithmetic_side_effects, reason = "a test may fail loudly")]

mod given;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::given::*;
use self::table::{TABLE, groups};
use super::step::Credit;
use super::*;
use crate::ledger::record::Record;
use crate::stripe::PaymentIntent;

/// The variants that the states above must stand for. Without `_`: another variant is another state to be listed.
fn variant(top_up: &TopUp) -> &'static str {
    match &top_up.state {
        State::Sending(Sending { step: Step::Customer, .. }) => "sending customer",
        State::Sending(Sending { step: Step::Attach, .. }) => "sending attach",
        State::Sending(Sending { step: Step::Charge, .. }) => "sending charge",
        State::LookUp { .. } => "look up",
        State::Follow { .. } => "follow",
        State::Action { asked: None, .. } => "action",
        State::Action { asked: Some(Asked::Same), .. } => "action same",
        State::Action { asked: Some(Asked::Other), .. } => "action other",
        State::Cancel { .. } => "cancel",
        State::Settled(Outcome::Credited { .. }) => "credited",
        State::Settled(Outcome::Attached) => "attached",
        State::Settled(Outcome::Declined { .. }) => "declined",
        State::Settled(Outcome::Refused { .. }) => "refused",
        State::Settled(Outcome::NeverHappened) => "never happened",
        State::Settled(Outcome::Canceled) => "canceled",
    }
}

const VARIANTS: usize = 15;

/// The kinds of event that the names above must stand for. Without `_`, as above.
fn kind(event: &Event<'_>) -> &'static str {
    match event {
        Event::Replied { verb: Verb::Write { .. }, .. } => "write replied",
        Event::Replied { verb: Verb::List, .. } => "list replied",
        Event::Replied { verb: Verb::Method, .. } => "method replied",
        Event::Replied { verb: Verb::Read(_), .. } => "read replied",
        Event::Replied { verb: Verb::Cancel(..), .. } => "cancel replied",
        Event::Woke { .. } => "woke",
        Event::CameBack { asked: Asked::Same, .. } => "came back for the same",
        Event::CameBack { asked: Asked::Other, .. } => "came back for another",
        Event::Announced(_) => "announced",
    }
}

const KINDS: usize = 9;

/// Lets an event happen to a record; also gives when that was, and of which kind it was.
fn happens(top_up: &TopUp, name: &str) -> (Transition, Millis, &'static str) {
    let (what, which) = name.split_once(": ").unwrap();
    let nth = if let State::Sending(sending) = &top_up.state { sending.sends } else { 1 };
    let key = "frozen.key".to_owned();
    let verb = match what {
        "written" => Verb::Write { key, nth },
        "written before" => Verb::Write { key, nth: nth - 1 },
        "listed" => Verb::List,
        "method" => Verb::Method,
        "read" => Verb::Read(pi("pi_1")),
        "read another" => Verb::Read(pi("pi_2")),
        "cancel before" => Verb::Cancel(pi("pi_1"), 0),
        _ => Verb::Cancel(pi("pi_1"), 1),
    };
    let listed = |data: Vec<Value>, more: bool| answered(200, &json!({ "data": data, "has_more": more }));
    let said = match (what, which) {
        ("listed", "none") => listed(vec![], false),
        ("listed", "more") => listed(vec![], true),
        ("listed", which) if !FAILED.contains(&which) => listed(vec![intent(which)], false),
        (_, which) => reply(which),
    };
    let due = top_up.wake_at().unwrap_or(NOW);
    let (here, elsewhere) = (side("ours"), side("another"));
    let go = |event: Event<'_>, now: Millis| (top_up.clone().step(&event, now), now, kind(&event));
    match (what, which) {
        ("woke", "early") => go(Event::Woke { here: &here }, due.plus(-1)),
        ("woke", "due") => go(Event::Woke { here: &here }, due),
        ("woke", _) => go(Event::Woke { here: &here }, due.plus(2 * MINUTE)),
        ("came back", "same") => go(Event::CameBack { asked: Asked::Same, here: &here }, NOW),
        ("came back", "other") => go(Event::CameBack { asked: Asked::Other, here: &here }, NOW),
        ("came back", "elsewhere") => go(Event::CameBack { asked: Asked::Same, here: &elsewhere }, NOW),
        ("came back", _) => go(Event::CameBack { asked: Asked::Same, here: &here }, NOW.plus(ACTION_SPAN)),
        ("announced", which) => {
            let truth: PaymentIntent = reply(which).object(true).unwrap();
            go(Event::Announced(&truth), NOW)
        }
        _ => go(Event::Replied { verb: &verb, reply: &said }, NOW),
    }
}

/// What came of it, in a few words: the state and when it wakes, the call, what else is to be done.
fn told(before: &TopUp, transition: &Transition, now: Millis) -> String {
    let state = match &transition.top_up.state {
        State::Sending(Sending { step, sends, stored_error, .. }) => {
            let stored = if *stored_error { " stored" } else { "" };
            format!("{step:?} {sends}{stored}").to_lowercase()
        }
        State::LookUp { missed_at, .. } => missed_at.map_or("look up", |_| "missed").to_owned(),
        State::Follow { reads, cancels, missing, .. } => {
            let missing = if missing.is_some() { " missing" } else { "" };
            format!("follow {reads} {cancels}{missing}")
        }
        State::Action { asked, .. } => asked.map_or("action".to_owned(), |asked| format!("action {asked:?}")),
        State::Cancel { cancels, .. } => format!("cancel {cancels}"),
        State::Settled(outcome) => outcome.as_str().to_owned(),
    };
    let called = |call: &Call| {
        let path = call.request.path.replace("/v1/", "");
        format!(" | {} {}", call.request.method.as_str(), path.split('?').next().unwrap())
    };
    let credited =
        |credit: &Credit| format!(" | credit {} {} {}", credit.amount, credit.currency, credit.intent);
    let attempt = Some(transition.top_up.attempt).filter(|attempt| *attempt != before.attempt);
    let words = [
        transition.top_up.wake_at().map(|at| format!(" +{}s", at.since(now) / SECOND)),
        attempt.map(|attempt| format!(" attempt {attempt}")),
        transition.call.as_ref().map(called),
        transition.credit.as_ref().map(credited),
        transition.customer.as_ref().map(|_| " | new customer".to_owned()),
        transition.client_secret.as_ref().map(|_| " | secret".to_owned()),
    ];
    words.into_iter().flatten().fold(state, |told, word| told + &word)
}

/// The names in a text, separated by `;`; `what: a / b` is two, and `@name` stands for a group of names.
fn unfold(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in text.split(';').map(str::trim) {
        let (what, which) =
            part.split_once(": ").map_or((String::new(), part), |(what, which)| (format!("{what}: "), which));
        for one in which.split(" / ").flat_map(groups) {
            names.push(format!("{what}{one}"));
        }
    }
    names
}

/// The table, one pair an entry.
fn table() -> BTreeMap<(String, String), &'static str> {
    let (states, events) = (states(), events());
    let mut table = BTreeMap::new();
    for (of, when, then) in TABLE {
        for state in unfold(of) {
            assert!(states.contains_key(state.as_str()), "no state {state:?}");
            for event in unfold(when) {
                assert!(events.contains(&event), "no event {event:?}");
                let before = table.insert((state.clone(), event.clone()), *then);
                assert_eq!(before, None, "{state:?} on {event:?} stands twice");
            }
        }
    }
    table
}

#[test]
fn every_pair_of_state_and_event_does_what_the_table_says() {
    let table = table();
    let (mut wrong, mut met, mut pairs) = (Vec::new(), BTreeSet::new(), 0);
    for (state, top_up) in states() {
        for event in events() {
            pairs += 1;
            let (transition, now, kind) = happens(&top_up, &event);
            met.insert((variant(&top_up), kind));
            let same =
                transition == Transition { failure: transition.failure.clone(), ..top_up.clone().stay() };
            let found = if same { String::new() } else { told(&top_up, &transition, now) };
            let wanted = table.get(&(state.to_owned(), event.clone())).copied().unwrap_or_default();
            if found != wanted {
                wrong.push(format!("{state:?} on {event:?}\n    gives {found:?}\n    not   {wanted:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {pairs} pairs differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(met.len(), VARIANTS * KINDS, "every state has met every kind of event");
}

#[test]
fn where_another_stripe_answers_nothing_is_sent_and_only_the_alarm_moves() {
    for (state, top_up) in states() {
        let Some(due) = top_up.wake_at() else { continue };
        let here = side("another");
        let after = top_up.clone().step(&Event::Woke { here: &here }, due);
        assert_eq!((after.top_up.wake_at(), &after.call), (Some(due.plus(FOREIGN_SPAN)), &None), "{state}");
        let but_for_the_alarm = |top_up: &TopUp| {
            let mut json = top_up.write();
            let state = json["state"].as_object_mut().unwrap().values_mut().next().unwrap();
            state["wake_at"] = Value::Null;
            json
        };
        assert_eq!(but_for_the_alarm(&after.top_up), but_for_the_alarm(&top_up), "{state}");
    }
}

#[test]
fn a_step_gives_the_record_that_its_call_needs() {
    // The record is written before the call is made: whoever reads it there must be able to tell what is out.
    for (state, top_up) in states() {
        for event in events() {
            let (Transition { top_up: after, call: Some(call), .. }, now, _) = happens(&top_up, &event)
            else {
                continue;
            };
            let name = format!("{state:?} on {event:?}");
            let out = match (&after.state, &call.verb) {
                (State::Sending(sending), Verb::Write { key, nth }) => {
                    assert_eq!(
                        (&sending.path, &sending.body),
                        (&call.request.path, &call.request.body),
                        "{name}"
                    );
                    assert_eq!(call.request.key.as_ref(), Some(key), "{name}");
                    (key, nth) == (&sending.key, &sending.sends) && sending.last_at == now
                }
                (State::Sending(sending), Verb::Method) => sending.step == Step::Attach,
                (State::LookUp { .. }, Verb::List) => true,
                (
                    State::Follow { intent, .. } | State::Action { intent, asked: Some(_), .. },
                    Verb::Read(read),
                ) => intent == read,
                (State::Cancel { intent, cancels, .. }, Verb::Cancel(canceled, nth)) => {
                    intent == canceled && cancels == nth
                }
                _ => false,
            };
            assert!(out, "{name}: {call:?} with {:?}", after.state);
            assert_eq!(after.wake_at(), Some(now.plus(IN_FLIGHT)), "{name}: the alarm looks after it");
        }
    }
}

#[test]
fn money_is_credited_only_by_a_success_and_a_success_ends_it() {
    for (state, top_up) in states() {
        for event in events() {
            let (transition, ..) = happens(&top_up, &event);
            let ended = top_up.wake_at().is_some() && transition.top_up.wake_at().is_none();
            let credited = matches!(transition.top_up.state, State::Settled(Outcome::Credited { .. }));
            let name = format!("{state:?} on {event:?}");
            assert_eq!(transition.credit.is_some(), credited && transition.top_up != top_up, "{name}");
            assert!(transition.credit.is_none() || event.ends_with("succeeded"), "{name}");
            assert!(!ended || transition.call.is_none(), "{name}: what is over calls nobody");
        }
    }
}
