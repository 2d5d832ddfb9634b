//! One account's history, step by step: what the world outside does and hears, and the invariants that must hold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use stripe402_core::protocol::{Currency, MinorAmount};
use stripe402_edge::ledger::account::{Spent, Told};
use stripe402_edge::ledger::topup::{Call, Event, Verb};
use stripe402_edge::ledger::{Advanced, Answer, Millis, Op, Order, Pay, Paying, Refused};
use stripe402_edge::stripe::{Method, TopUpId};

use super::given::{World, card, eur, known_card, units, usd};
use super::properties::Step;
use super::said::Said;
use crate::support::replies::Intent;

/// An account and what the world outside knows of it.
pub(crate) struct History {
    world: World,
    /// The call that is out, and the one before.
    out: Option<Call>,
    before: Option<Call>,
    waiting: Vec<Pay>,
    orders: Vec<Order>,
    /// Every debit that somebody was told of: currency and number.
    told: BTreeMap<(String, i64), Op>,
    /// Every success that the account was told of and must have taken: amount and currency.
    succeeded: BTreeMap<String, (i64, Currency)>,
    /// Every key that was posted: first when, how often, with which bytes.
    posted: BTreeMap<String, (Millis, u32, String)>,
    /// A PaymentIntent whose secret was handed out, until Stripe says that it is over.
    secret: Option<String>,
    /// What this history came to, for the count at the end.
    pub(crate) seen: BTreeSet<&'static str>,
}

fn code(euro: bool) -> Currency {
    if euro { eur() } else { usd() }
}

/// The top-up that a call belongs to, by the open record.
fn open_id(world: &World) -> Option<TopUpId> {
    world.records().into_iter().find(|top_up| top_up.outcome().is_none()).map(|top_up| top_up.id)
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            world: World::new(),
            out: None,
            before: None,
            waiting: Vec::new(),
            orders: Vec::new(),
            told: BTreeMap::new(),
            succeeded: BTreeMap::new(),
            posted: BTreeMap::new(),
            secret: None,
            seen: BTreeSet::new(),
        }
    }

    fn order(&mut self, euro: bool, price: i64) -> Order {
        let number = u8::try_from(self.orders.len()).unwrap();
        let order = Order { currency: code(euro), price: units(price), ..super::given::order(number, 1) };
        self.orders.push(order.clone());
        order
    }

    /// One step.
    pub(crate) fn happens(&mut self, step: &Step) {
        match step {
            Step::Spend { euro, price } => {
                let order = self.order(*euro, *price);
                self.spend(&order);
            }
            Step::Again { nth } => {
                if let Some(order) = self.orders.get(*nth).cloned() {
                    self.spend(&Order { retried: true, ..order });
                }
            }
            Step::Pay { euro, price, nth, known, asked } => {
                let name = ["pm_1", "pm_2", "pm_3"][*nth];
                let mut pay = if *known { known_card(0, name) } else { card(0, name) };
                pay.order = self.order(*euro, *price);
                pay.offer.asked = asked.map(units);
                self.pay(pay);
            }
            Step::Reply(said) => {
                if let Some(call) = self.out.take() {
                    self.before = Some(call.clone());
                    self.reply(&call, *said, true);
                }
            }
            Step::Late(said) => {
                if let Some(call) = self.before.clone() {
                    self.reply(&call, *said, false);
                }
            }
            Step::Crash => {
                self.out = None;
                self.waiting.clear();
            }
            Step::HangUp => self.waiting.clear(),
            Step::Pass { span } => {
                self.world.later(*span);
                self.ring();
            }
            Step::Alarm => {
                if let Some(span) = self.world.due_in() {
                    self.world.later(span.max(0));
                    self.ring();
                }
            }
            Step::Reverse { nth } => {
                if let Some(((currency, seq), op)) = self.told.iter().nth(*nth) {
                    let currency = Currency::parse(currency).unwrap();
                    let before = self.world.balance(currency);
                    let after =
                        self.world.account().reverse(currency, *seq, op, op, self.world.now).unwrap().get();
                    assert!(after >= before, "a reversal gives, or does nothing");
                    self.seen.insert("reversed");
                }
            }
            Step::Announced(said) => self.announce(*said),
        }
    }

    fn spend(&mut self, order: &Order) {
        let before = self.world.balance_or_none(order.currency);
        match self.world.spend(order) {
            Spent::Paid(posted) => self.paid(order, posted.seq),
            Spent::Unknown => assert!(self.world.is_blank()),
            Spent::Insufficient(balance) => {
                assert_eq!(before, balance.get());
                assert!(before < order.price.get(), "an open top-up keeps nobody from spending");
            }
            other => panic!("{other:?}"),
        }
    }

    fn paid(&mut self, order: &Order, seq: i64) {
        let name = (order.currency.code().to_owned(), seq);
        let known = self.told.insert(name, order.op.clone());
        assert!(known.is_none_or(|op| order.retried && op == order.op), "one debit was told to two");
        self.seen.insert("paid");
    }

    fn pay(&mut self, pay: Pay) {
        let was_out = self.out.is_some();
        match self.world.pay(&pay) {
            Paying::Answered(answer) => self.answered(&pay.order, &answer),
            Paying::Join => self.waiting.push(pay),
            Paying::Drive(call) => {
                assert!(!was_out, "two drive one top-up");
                self.waiting.push(pay);
                self.goes_out(call);
            }
        }
    }

    fn answered(&mut self, order: &Order, answer: &Answer) {
        match answer {
            Answer::Paid { seq, charge, .. } => {
                self.paid(order, *seq);
                if let Some(charge) = charge {
                    assert!(self.succeeded.contains_key(charge.as_str()), "{charge} was never paid");
                }
            }
            Answer::Refused(Refused { client_secret: Some(secret), .. }) => {
                self.secret = secret.strip_suffix("_secret_x").map(ToOwned::to_owned);
                self.seen.insert("secret");
            }
            Answer::Refused(_) | Answer::Pending { .. } | Answer::Insufficient { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// Before a call leaves: the record that explains it is on disk, and it is allowed.
    fn goes_out(&mut self, call: Call) {
        let open = self.world.open();
        let state = &open["state"];
        let request = &call.request;
        match &call.verb {
            Verb::Write { nth, .. } => {
                assert_eq!(state["sending"]["path"], request.path);
                assert_eq!(state["sending"]["body"], request.body);
                assert_eq!(state["sending"]["key"], *request.key.as_ref().unwrap());
                assert_eq!(state["sending"]["sends"], *nth);
            }
            Verb::Method => assert_eq!(state["sending"]["step"], "attach"),
            Verb::List => assert!(state.get("look_up").is_some(), "{state}"),
            Verb::Read(intent) => {
                let known = state.get("follow").or(state.get("action")).unwrap_or_else(|| panic!("{state}"));
                assert_eq!(known["intent"], intent.as_str());
            }
            Verb::Cancel(intent, nth) => {
                assert_eq!(
                    (&state["cancel"]["intent"], &state["cancel"]["cancels"]),
                    (&json!(intent.as_str()), &json!(nth))
                );
            }
        }
        if request.method == Method::Post {
            let key = request.key.clone().unwrap();
            let now = self.world.now;
            let bytes = format!("{} {}", request.path, request.body);
            // A Customer's key is the account's and not the top-up's: another top-up may send it again.
            let fresh = (now, 0, bytes.clone());
            let seen = self.posted.entry(key.clone()).or_insert(fresh.clone());
            if key.contains(".customer.") && matches!(call.verb, Verb::Write { nth: 1, .. }) {
                *seen = fresh;
            }
            seen.1 += 1;
            assert_eq!(seen.2, bytes, "{key} with other bytes");
            assert!(seen.1 <= 4, "{key} for the {}th time", seen.1);
            assert!(now.since(seen.0) < 120_000, "{key} after {} ms", now.since(seen.0));
            if request.path == "/v1/payment_intents" && seen.1 == 1 {
                assert_eq!(self.secret, None, "a charge while a payer may still finish another");
            }
        }
        assert!(self.world.due_in().is_some(), "a call is out and no alarm is set");
        self.out = Some(call);
    }

    fn charged(&self, top_up: &TopUpId) -> (i64, Currency) {
        let records = self.world.records();
        let wanted = records.iter().find(|record| record.id == *top_up).map(|record| &record.wanted);
        wanted.map_or((500, usd()), |wanted| (wanted.amount.map_or(500, MinorAmount::get), wanted.currency))
    }

    fn reply(&mut self, call: &Call, said: Said, is_out: bool) {
        let top_up = open_id(&self.world).unwrap_or_else(|| TopUpId::from_bytes([0; 16]));
        let (reply, intent) = said.of(call, &top_up, self.charged(&top_up));
        let before = self.world.records();
        let event = Event::Replied { verb: &call.verb, reply: &reply };
        let waiting: Vec<&Pay> = self.waiting.iter().collect();
        let advanced = self.world.account().advance(&event, &waiting, self.world.now).unwrap();
        // A late reply counts only where the record still waits for just that one.
        if is_out || self.world.records() != before {
            // A cancel that meets a success is followed by a read, which then counts.
            self.heard(intent, is_out && !matches!(call.verb, Verb::Cancel(..)));
        }
        self.forgets();
        self.tells(advanced);
    }

    /// Whatever is still out when a top-up is over concerns nobody any more.
    fn forgets(&mut self) {
        if open_id(&self.world).is_none() {
            self.before = self.out.take().or(self.before.take());
        }
    }

    /// The account was told of this PaymentIntent by a reply that it waited for.
    fn heard(&mut self, intent: Option<Intent>, for_certain: bool) {
        let Some(intent) = intent.map(Intent::read) else { return };
        let name = intent.id.as_str().to_owned();
        let status = intent.status.as_str();
        // What need not have been taken may have been.
        if status == "succeeded" && (for_certain || self.sources().contains(&name)) {
            let currency = Currency::parse(&intent.currency).unwrap();
            self.succeeded.insert(name.clone(), (intent.amount_received, currency));
        }
        if matches!(status, "succeeded" | "canceled") && self.secret.as_ref() == Some(&name) {
            self.secret = None;
        }
    }

    fn sources(&self) -> BTreeSet<String> {
        let rows = self.world.look_or_none("SELECT source FROM entry WHERE source IS NOT NULL");
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    }

    fn announce(&mut self, said: Said) {
        let Some(top_up) = open_id(&self.world) else { return };
        let (amount, currency) = self.charged(&top_up);
        let status = if matches!(said, Said::Fine | Said::Succeeded) { "succeeded" } else { "processing" };
        let intent = Intent::new(&format!("pi_{}", top_up.as_str()), status)
            .of(&top_up)
            .with("amount_received", json!(if status == "succeeded" { amount } else { 0 }))
            .with("currency", json!(currency.code()));
        let truth = intent.clone().read();
        let before = self.world.store.rows_changed();
        let advanced = self.world.account().advance(&Event::Announced(&truth), &[], self.world.now).unwrap();
        if status == "succeeded" {
            self.heard(Some(intent), true);
            self.seen.insert("announced");
            self.forgets();
        } else {
            assert_eq!(self.world.store.rows_changed(), before, "only a success is news");
        }
        assert!(advanced.is_none_or(|advanced| advanced.call.is_none() && advanced.answers.is_empty()));
    }

    /// The alarm rings: not while somebody is at it.
    fn ring(&mut self) {
        if self.out.is_some() || self.world.is_blank() {
            return;
        }
        let event = Event::Woke { here: &self.world.side };
        let waiting: Vec<&Pay> = self.waiting.iter().collect();
        let advanced = self.world.account().advance(&event, &waiting, self.world.now).unwrap();
        self.tells(advanced);
    }

    fn tells(&mut self, advanced: Option<Advanced>) {
        let waiting = std::mem::take(&mut self.waiting);
        let over = || Advanced {
            call: None,
            answers: waiting.iter().map(|_| Told::AskAgain { attached: None }).collect(),
            outcome: None,
            failure: None,
        };
        let advanced = advanced.unwrap_or_else(over);
        assert_eq!(advanced.answers.len(), waiting.len());
        let mut again = Vec::new();
        for (pay, told) in waiting.into_iter().zip(&advanced.answers) {
            match told {
                Told::Wait => self.waiting.push(pay),
                Told::Answer(answer) => self.answered(&pay.order, answer),
                Told::AskAgain { attached } => {
                    again.push(Pay { customer: attached.clone().or(pay.customer.clone()), ..pay });
                }
            }
        }
        if let Some(outcome) = &advanced.outcome {
            self.seen.insert(outcome.as_str());
        }
        if let Some(call) = advanced.call {
            self.goes_out(call);
        }
        for pay in again {
            self.pay(pay);
        }
    }

    /// The invariants.
    pub(crate) fn check(&self) {
        if self.world.is_blank() {
            assert!(self.told.is_empty() && self.succeeded.is_empty());
            return;
        }
        // 1: the sums and the running balances are checked where the entries are read.
        self.world.entries();
        let rows =
            self.world.store.look("SELECT currency, seq, kind, amount, balance, op, source FROM entry");
        let mut debits = BTreeMap::new();
        let mut credits = BTreeMap::new();
        for row in rows {
            let (currency, amount) = (row.text(0).unwrap(), row.integer(3).unwrap());
            match row.text(2).unwrap() {
                "debit" => {
                    // 2: a debit never makes a balance negative.
                    assert!(amount < 0 && row.integer(4).unwrap() >= 0);
                    let op = row.text(5).unwrap().to_owned();
                    debits.insert((currency.to_owned(), row.integer(1).unwrap()), op);
                }
                "topup" => {
                    let currency = Currency::parse(currency).unwrap();
                    let minor = amount / currency.units_per_minor();
                    let known = credits.insert(row.text(6).unwrap().to_owned(), (minor, currency));
                    assert_eq!(known, None);
                }
                kind => assert_eq!(kind, "reversal"),
            }
        }
        // 3: what Stripe said came in is credited, once, with its own amount; and nothing else is.
        assert_eq!(credits, self.succeeded);
        // 4: at most one top-up is unsettled.
        let open = self.world.records().iter().filter(|top_up| top_up.outcome().is_none()).count();
        assert!(open <= 1);
        // 5: who was told "paid" has one debit, and there is no other.
        let told: BTreeMap<_, _> =
            self.told.iter().map(|(key, op)| (key.clone(), op.as_str().to_owned())).collect();
        assert_eq!(debits, told);
        // 6: while something is open, somebody will look after it.
        assert!(open == 0 || self.world.due_in().is_some());
    }
}
