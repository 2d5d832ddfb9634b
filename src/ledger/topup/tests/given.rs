//! The records and the events that the machine's table is made of, by name.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stripe402_core::protocol::{AccountId, ClientId, Currency, MinorAmount, PaymentMethodId};

use super::super::*;
use crate::stripe::{Answer, Reply};

pub(super) const NOW: Millis = Millis(1_790_000_000_000);
pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;

pub(super) fn side(account: &str) -> StripeSide {
    StripeSide { live: false, account: account.to_owned(), version: "v".to_owned() }
}

pub(super) fn pi(id: &str) -> PaymentIntentId {
    PaymentIntentId::parse(id).unwrap()
}

pub(super) fn record(state: State) -> TopUp {
    TopUp {
        id: TopUpId::from_bytes([1; 16]),
        attempt: 1,
        wanted: Wanted {
            account: AccountId::of(&ClientId::derive(&[7; 32], "fp")),
            sent: PaymentMethodId::parse("pm_1").unwrap(),
            method: PaymentMethodId::parse("pm_1").unwrap(),
            attached: true,
            customer: CustomerId::parse("cus_1").ok(),
            customers: 1,
            currency: Currency::USD,
            amount: MinorAmount::new(500),
            deployment: "d".to_owned(),
            descriptor_suffix: None,
            receipt_email: None,
            deposit: None,
        },
        side: side("ours"),
        state,
    }
}

/// A write that went out a second ago, for the nth time.
pub(super) fn sending(step: Step, sends: u32) -> TopUp {
    let mut top_up = record(State::Sending(Sending {
        step,
        path: "/v1/frozen".to_owned(),
        body: "frozen=bytes".to_owned(),
        key: "frozen.key".to_owned(),
        first_at: NOW.plus(-SECOND),
        last_at: NOW.plus(-SECOND),
        sends,
        wake_at: NOW.plus(24 * SECOND),
        stored_error: false,
    }));
    top_up.wanted.attached = step == Step::Charge;
    if step == Step::Customer {
        top_up.wanted.customer = None;
        top_up.wanted.customers = 0;
    }
    top_up
}

/// A look-up whose charge was last sent, and that first found nothing, so many minutes ago.
pub(super) fn looking(sent: i64, missed: Option<i64>) -> TopUp {
    let last_at = NOW.plus(-sent * MINUTE);
    let missed_at = missed.map(|missed| NOW.plus(-missed * MINUTE));
    record(State::LookUp { first_at: last_at, last_at, missed_at, wake_at: NOW.plus(25 * SECOND) })
}

pub(super) fn following(reads: u32, cancels: u32) -> TopUp {
    let wake_at = NOW.plus(25 * SECOND);
    record(State::Follow { intent: pi("pi_1"), reads, cancels, wake_at, missing: None })
}

/// One that Stripe has not had for five minutes.
pub(super) fn missing() -> TopUp {
    let mut top_up = following(3, 0);
    if let State::Follow { missing, .. } = &mut top_up.state {
        *missing = Some(Missing { since: NOW.plus(-5 * MINUTE), last: NOW.plus(-MINUTE) });
    }
    top_up
}

/// An action of a minute ago.
pub(super) fn action(asked: Option<Asked>) -> TopUp {
    let since = NOW.plus(-MINUTE);
    let wake_at = if asked.is_some() { NOW.plus(25 * SECOND) } else { since.plus(ACTION_SPAN) };
    record(State::Action { intent: pi("pi_1"), since, wake_at, asked })
}

pub(super) fn settled(outcome: Outcome) -> TopUp {
    record(State::Settled(outcome))
}

/// Every state that the machine tells apart, by name.
pub(super) fn states() -> BTreeMap<&'static str, TopUp> {
    let stored = |mut top_up: TopUp| {
        if let State::Sending(sending) = &mut top_up.state {
            sending.stored_error = true;
        }
        top_up
    };
    let only = |mut top_up: TopUp| {
        top_up.wanted.amount = None;
        top_up
    };
    let anew = |mut top_up: TopUp| {
        top_up.attempt = 2;
        top_up
    };
    let soon = |mut top_up: TopUp| {
        if let State::Action { wake_at, .. } = &mut top_up.state {
            *wake_at = NOW.plus(SECOND);
        }
        top_up
    };
    let credited = Outcome::Credited {
        intent: pi("pi_1"),
        amount: MinorAmount::new(500).unwrap(),
        currency: Currency::USD,
    };
    BTreeMap::from([
        ("customer", sending(Step::Customer, 1)),
        ("customer, last", sending(Step::Customer, MAX_SENDS)),
        ("attach", sending(Step::Attach, 1)),
        ("attach only", only(sending(Step::Attach, 1))),
        ("attach anew", anew(sending(Step::Attach, 1))),
        ("attach again", sending(Step::Attach, 2)),
        ("attach, last", sending(Step::Attach, MAX_SENDS)),
        ("charge", sending(Step::Charge, 1)),
        ("charge again", sending(Step::Charge, 2)),
        ("charge, third", sending(Step::Charge, 3)),
        ("charge, last", sending(Step::Charge, MAX_SENDS)),
        ("charge, stored", stored(sending(Step::Charge, 2))),
        ("look up, early", looking(2, None)),
        ("look up", looking(5, None)),
        ("missed, early", looking(9, Some(4))),
        ("missed", looking(10, Some(5))),
        ("follow", following(1, 0)),
        ("follow, refused", following(1, 1)),
        ("follow, paused", following(2, 1)),
        ("follow, missing", missing()),
        ("action", action(None)),
        ("action, early", soon(action(None))),
        ("action, same", action(Some(Asked::Same))),
        ("action, other", action(Some(Asked::Other))),
        ("cancel", record(State::Cancel { intent: pi("pi_1"), cancels: 1, wake_at: NOW.plus(25 * SECOND) })),
        ("credited", settled(credited)),
        ("attached", settled(Outcome::Attached)),
        ("declined", settled(Outcome::Declined { message: "m".to_owned(), codes: "c".to_owned() })),
        ("refused", settled(Outcome::Refused { message: "m".to_owned() })),
        ("never happened", settled(Outcome::NeverHappened)),
        ("canceled", settled(Outcome::Canceled)),
    ])
}

pub(super) fn answered(status: u16, body: &Value) -> Reply {
    Reply::Answered(Answer { status, body: body.to_string(), replayed: false, request_id: None })
}

pub(super) fn intent(status: &str) -> Value {
    let received = if status == "succeeded" { 500 } else { 0 };
    let (status, top_up) = match status {
        "nothing received" => ("succeeded", "01".repeat(16)),
        "of another" => ("succeeded", "02".repeat(16)),
        status => (status, "01".repeat(16)),
    };
    json!({
        "id": "pi_1", "status": status, "amount": 500, "amount_received": received, "currency": "usd",
        "client_secret": "pi_1_secret", "livemode": false, "metadata": { "stripe402_top_up": top_up },
    })
}

pub(super) fn refusal(code: &str, param: &str, message: &str) -> Value {
    json!({ "error": { "type": "invalid_request_error", "code": code, "param": param, "message": message } })
}

/// A reply by its name; a PaymentIntent by its status.
pub(super) fn reply(name: &str) -> Reply {
    let error = |kind: &str| json!({ "error": { "type": kind, "message": "m" } });
    match name {
        "lost" => Reply::Lost,
        "customer" => answered(200, &json!({ "id": "cus_1" })),
        "attached" => answered(200, &json!({ "id": "pm_1", "card": {}, "customer": "cus_1" })),
        "attached elsewhere" => answered(200, &json!({ "id": "pm_1", "card": {}, "customer": "cus_9" })),
        "already attached" => answered(400, &refusal("-", "-", "has already been attached to a customer.")),
        "no customer" => answered(400, &refusal("resource_missing", "customer", "m")),
        "missing" => answered(404, &refusal("resource_missing", "intent", "m")),
        "refused" => answered(400, &refusal("parameter_unknown", "x", "m")),
        "declined" => {
            answered(402, &json!({ "error": { "type": "card_error", "code": "x", "message": "no" } }))
        }
        "500" => answered(500, &error("api_error")),
        "409" => answered(409, &error("idempotency_error")),
        "429" => answered(429, &error("api_error")),
        "401" => answered(401, &error("invalid_request_error")),
        "stored 500" => match answered(500, &error("api_error")) {
            Reply::Answered(answer) => Reply::Answered(Answer { replayed: true, ..answer }),
            Reply::Lost => Reply::Lost,
        },
        "key reused" => answered(400, &error("idempotency_error")),
        status => answered(200, &intent(status)),
    }
}

pub(super) const STATUSES: [&str; 9] = [
    "succeeded",
    "processing",
    "requires_action",
    "requires_payment_method",
    "requires_confirmation",
    "requires_capture",
    "canceled",
    "hovering",
    "nothing received",
];
pub(super) const WRITTEN: [&str; 14] = [
    "lost",
    "customer",
    "attached",
    "attached elsewhere",
    "already attached",
    "no customer",
    "refused",
    "declined",
    "500",
    "409",
    "429",
    "401",
    "stored 500",
    "key reused",
];
pub(super) const FAILED: [&str; 4] = ["lost", "500", "429", "401"];

/// Every event, by name.
pub(super) fn events() -> Vec<String> {
    let mut events = Vec::new();
    let mut of =
        |what: &str, names: &[&str]| events.extend(names.iter().map(|name| format!("{what}: {name}")));
    of("written", &WRITTEN);
    of("written", &STATUSES);
    of("written before", &["succeeded", "declined", "lost"]);
    of("method", &FAILED);
    of("method", &["attached", "attached elsewhere", "refused"]);
    of("listed", &FAILED);
    of("listed", &STATUSES);
    of("listed", &["none", "more", "of another"]);
    of("read", &FAILED);
    of("read", &["missing", "refused"]);
    of("read", &STATUSES);
    of("read another", &["succeeded", "canceled"]);
    of("cancel", &FAILED);
    of("cancel", &["refused", "canceled", "succeeded", "requires_action"]);
    of("cancel before", &["canceled"]);
    of("woke", &["early", "due", "two minutes late"]);
    of("came back", &["same", "other", "same after an hour", "elsewhere"]);
    of("announced", &["succeeded", "processing", "canceled", "nothing received", "of another"]);
    events
}
