//! What must hold after every step, and at the end: the six invariants of the design, read from the tables themselves.

use std::collections::BTreeMap;

use stripe402_core::protocol::{Currency, MinorAmount};
use stripe402_edge::ledger::topup::{Call as StripeCall, RESEND_WINDOW, State, Verb};
use stripe402_edge::ledger::{Millis, Pay, StoreError};
use stripe402_edge::stripe::{Method, Request};

use super::requests::{Debit, Fate, Request as Paid};
use super::stripe::Intent;
use super::world::World;
use super::{DAY, SECOND};

/// The debits that can still be claimed under an idempotency key.
const CLAIMABLE: &str = "SELECT seq FROM request_key WHERE state = 'running'";

/// Every key, what it was sent for, what became of it, and when it was last used.
const KEYS: &str = "SELECT key, target, state, taken_at FROM request_key";

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which of the six; 0: the simulation met something that it does not know.
    pub(crate) invariant: u8,
    pub(crate) what: String,
}

impl Violation {
    pub(crate) fn new(invariant: u8, what: String) -> Self {
        Self { invariant, what }
    }

    pub(crate) fn store(error: &StoreError) -> Self {
        Self::new(0, format!("the ledger failed: {error}"))
    }

    pub(crate) fn endless() -> Self {
        Self::new(0, "it does not end".to_owned())
    }

    pub(crate) fn unasked_call(call: &StripeCall) -> Self {
        Self::new(6, format!("an announcement made a call: {:?}", call.verb))
    }

    pub(crate) fn unread_event(kind: &str) -> Self {
        Self::new(0, format!("the event {kind} was not read"))
    }
}

impl World<'_> {
    pub(crate) fn break_rule(&mut self, violation: Violation) {
        self.tell(|| format!("*** {violation:?}"));
        if self.broken.is_none() {
            self.broken = Some(violation);
        }
    }

    pub(crate) fn broke(&mut self, invariant: u8, what: impl FnOnce() -> String) {
        self.break_rule(Violation::new(invariant, what()));
    }

    /// Checks every account against what Stripe holds and what clients were told.
    pub(crate) fn check(&mut self) {
        for account in 0..self.objects.len() {
            self.look_at(account);
        }
        if !std::mem::take(&mut self.changed) {
            return;
        }
        for account in 0..self.objects.len() {
            if let Err(violation) = self.check_credits(account) {
                return self.break_rule(violation);
            }
        }
        if let Err(violation) = self.check_answers() {
            self.break_rule(violation);
        }
    }

    /// Invariant 3: a credit names a PaymentIntent of this account that succeeded, once, with its amount and currency. And
    /// none that succeeded is called a failure.
    fn check_credits(&self, account: usize) -> Result<(), Violation> {
        let object = &self.objects[account];
        let books = &object.books;
        let mut credited: Vec<&str> = Vec::new();
        for entry in books.entries.iter().filter(|entry| entry.kind == "topup") {
            let source = entry.source.as_deref().unwrap_or_default();
            let Some(intent) = self.stripe.find(source) else {
                return Err(Violation::new(3, format!("{source} is credited and does not exist")));
            };
            let right = intent.status == "succeeded"
                && intent.account == object.account.as_str()
                && intent.currency == entry.currency
                && Some(entry.amount) == in_units(intent, intent.amount);
            if !right || credited.contains(&source) {
                return Err(Violation::new(3, format!("{source} is credited wrongly or twice: {entry:?}")));
            }
            credited.push(source);
        }
        for (payback, outcome) in &books.paybacks {
            let refund = self.stripe.find(payback.intent.as_str()).and_then(|intent| {
                intent.refunds.iter().find(|refund| refund.ours.as_ref() == Some(&payback.id))
            });
            let fits = match *outcome {
                "done" | "failed" => refund.is_some(),
                "refused" => refund.is_none_or(|refund| !refund.takes()),
                _ => true,
            };
            if !fits || payback.taken > payback.units {
                return Err(Violation::new(3, format!("payback {} is {outcome} without Stripe", payback.id)));
            }
        }
        for (top_up, outcome) in &books.outcomes {
            let paid = self.stripe.has_paid(top_up);
            let fits = match (outcome.as_str(), paid) {
                ("credited", Some(intent)) => credited.contains(&intent.id.as_str()),
                ("credited", None) | ("declined" | "refused" | "canceled" | "attached", Some(_)) => false,
                _ => true,
            };
            if !fits {
                let paid = paid.map(|intent| &intent.id);
                return Err(Violation::new(3, format!("top-up {top_up} is {outcome}, Stripe says {paid:?}")));
            }
        }
        Ok(())
    }

    /// Invariant 5: who was served has one debit, not given back, and no other answer has the same; who was answered
    /// without being served has none left.
    fn check_answers(&self) -> Result<(), Violation> {
        let mut served: Vec<&Debit> = Vec::new();
        for (nth, request) in self.requests.iter().enumerate() {
            match request.fate {
                Fate::Served => {
                    let Some(debit) = &request.paid else {
                        return Err(Violation::new(5, format!("request {nth} was served for nothing")));
                    };
                    let left = self.debits_left(debit.account, debit.op.as_str());
                    if left != [debit.seq] || served.contains(&debit) {
                        return Err(Violation::new(
                            5,
                            format!("request {nth} was served for {debit:?}, its debits are {left:?}"),
                        ));
                    }
                    served.push(debit);
                }
                Fate::NotServed if request.loose == 0 && request.order.key.is_none() => {
                    for account in &request.at {
                        let left = self.debits_left(*account, request.order.op.as_str());
                        if !left.is_empty() {
                            return Err(Violation::new(
                                5,
                                format!("request {nth} paid {left:?} for nothing"),
                            ));
                        }
                    }
                }
                Fate::NotServed | Fate::Open | Fate::HungUp | Fate::DeliveryUnknown => {}
            }
        }
        Ok(())
    }

    /// Invariant 5 at the end, for requests with an idempotency key: a debit that pays for no answer was given back, or can
    /// still be claimed under its key.
    fn check_keyed(&self) -> Result<(), Violation> {
        for (nth, request) in self.requests.iter().enumerate() {
            let Some(key) = &request.order.key else { continue };
            let same = |one: &&Paid| one.order.key.as_ref().is_some_and(|other| other.key == key.key);
            // Whoever was cut off has paid.
            if self.requests.iter().filter(same).any(|one| one.fate != Fate::NotServed) {
                continue;
            }
            for account in &request.at {
                let claimable = self.objects[*account].disk.look(CLAIMABLE);
                let claimable: Vec<i64> = claimable.iter().filter_map(|row| row.integer(0).ok()).collect();
                let left = self.debits_left(*account, request.order.op.as_str());
                if left.iter().any(|seq| !claimable.contains(seq)) {
                    let what = format!("request {nth} paid {left:?} for nothing, under {}", key.key);
                    return Err(Violation::new(5, what));
                }
            }
        }
        Ok(())
    }

    /// An account said that it debited: it did, by this attempt's name and this price.
    pub(crate) fn check_paid(&mut self, nth: usize, debit: &Debit) {
        let order = &self.requests[nth].order;
        let price = order.price.get();
        let entries = &self.objects[debit.account].books.entries;
        let found =
            entries.iter().find(|entry| entry.currency == debit.currency.code() && entry.seq == debit.seq);
        let fits = found.is_some_and(|entry| {
            entry.kind == "debit" && entry.amount == -price && entry.op.as_deref() == Some(debit.op.as_str())
        });
        if !fits {
            self.broke(5, || format!("request {nth} was told that {debit:?} pays {price}"));
        }
    }

    /// An account said that a deposit is there: it was asked for one, the PaymentIntent is credited, and once for its name.
    pub(crate) fn check_deposited(&mut self, nth: usize, account: usize, charge: &str) {
        let asked = self.requests[nth].deposit.is_some();
        let entries = &self.objects[account].books.entries;
        let credited = entries.iter().any(|entry| entry.source.as_deref() == Some(charge));
        if !asked || !credited {
            self.broke(5, || format!("request {nth} was told that {charge} is its deposit"));
        }
    }

    /// Whether the key of a payment says what becomes of it: its request was debited, and that was not given back, or it was
    /// another request's.
    pub(crate) fn is_decided(&self, account: usize, pay: &Pay, now: Millis) -> bool {
        let disk = &self.objects[account].disk;
        let (Some(key), None, false) = (&pay.order.key, &pay.deposit, disk.was_blank()) else { return false };
        disk.look(KEYS).iter().any(|row| {
            let voided = row.text(2) == Ok("void") && row.text(1) == Ok(key.target.as_str());
            let kept = row.integer(3).is_ok_and(|at| now.since(Millis(at)) <= DAY);
            row.text(0) == Ok(key.key.as_str()) && kept && !voided
        })
    }

    /// Invariant 5: whose key is decided is charged nothing.
    pub(crate) fn check_no_charge(&mut self, account: usize, pay: &Pay) {
        let open = self.objects[account].open.as_ref();
        if open.is_some_and(|open| open.wanted.amount.is_some()) {
            let key = pay.order.key.clone();
            self.broke(5, || format!("a card is charged for a request that is decided under {key:?}"));
        }
    }

    /// A top-up begins for a deposit: none that was begun for the same deposit is credited. (One that was looked for and not
    /// found may still be, later.)
    pub(crate) fn check_deposit(&mut self, account: usize) {
        let Some(open) = &self.objects[account].open else { return };
        let Some(name) = open.wanted.deposit.clone() else { return };
        let (id, now) = (open.id.as_str().to_owned(), self.now);
        let of_name = self.deposits.entry((account, name.clone())).or_default();
        if of_name.iter().any(|(known, _)| *known == id) {
            return;
        }
        let outcomes = &self.objects[account].books.outcomes;
        let credited = |(known, begun): &&(String, Millis)| {
            outcomes.get(known).is_some_and(|outcome| outcome == "credited") && now.since(*begun) < DAY
        };
        let before = of_name.iter().find(credited).cloned();
        of_name.push((id.clone(), now));
        if let Some((before, _)) = before {
            self.broke(3, || format!("deposit {name} is charged by {id}, and was by {before}"));
        }
    }

    /// Invariant 6, when a turn makes a call: the record that the turn wrote holds its very bytes.
    pub(crate) fn check_call(&mut self, account: usize, call: &StripeCall) {
        self.look_at(account);
        let explained = match (self.objects[account].open.as_ref().map(|open| &open.state), &call.verb) {
            (Some(State::Sending(sending)), Verb::Write { key, nth }) => {
                sending.key == *key
                    && sending.sends == *nth
                    && sending.body == call.request.body
                    && sending.path == call.request.path
                    && call.request.key.as_ref() == Some(key)
            }
            (Some(State::Cancel { intent, cancels, .. }), Verb::Cancel(canceled, nth)) => {
                intent == canceled && cancels == nth
            }
            (Some(_), Verb::Method | Verb::List | Verb::Read(_)) => call.request.method == Method::Get,
            _ => false,
        };
        if !explained {
            self.broke(6, || format!("no record explains {call:?}"));
        }
    }

    /// Invariant 6, when bytes leave for Stripe: what explains them is durable, they are the same under the same key, and
    /// not later than two minutes after the first time (cancels excepted).
    pub(crate) fn check_bytes(&mut self, account: usize, request: &Request) {
        let Some(key) = &request.key else { return };
        if !self.objects[account].disk.is_flushed() {
            return self.broke(6, || format!("{key} is sent before its record is durable"));
        }
        if request.path == "/v1/refunds" {
            return self.check_refund_bytes(account, request, key);
        }
        let here = self.side();
        if self.objects[account].open.as_ref().is_some_and(|open| !open.is_of(here)) {
            return self.broke(6, || format!("{key} is sent to another Stripe than its record's"));
        }
        let top_up = self.objects[account].open.as_ref().map(|open| open.id.as_str().to_owned());
        self.check_same_bytes(top_up, request, key);
    }

    /// The same for what goes back to a card: its credits are taken, durably, and by a record that holds these bytes.
    fn check_refund_bytes(&mut self, account: usize, request: &Request, key: &str) {
        self.look_at(account);
        let here = self.side();
        let paybacks = &self.objects[account].books.paybacks;
        let found = paybacks.iter().find(|(one, _)| format!("{}.refund", one.id) == key);
        let right = found.is_some_and(|(payback, outcome)| {
            let booked = payback.taken == payback.units || !outcome.is_empty();
            payback.body == request.body && payback.is_of(here) && booked
        });
        if !right {
            let what = format!("no record explains {key}: {found:?}");
            return self.broke(6, || what);
        }
        self.check_same_bytes(None, request, key);
    }

    fn check_same_bytes(&mut self, top_up: Option<String>, request: &Request, key: &str) {
        let now = self.now;
        let bytes = format!("{} {}", request.path, request.body);
        // A Customer's key belongs to the account: another top-up that finds none yet uses it again, and may.
        let first = *self.first_sent.entry((top_up, key.to_owned())).or_insert(now);
        let before = self.bytes_of.entry(key.to_owned()).or_insert_with(|| bytes.clone());
        let (same, late) = (*before == bytes, now.since(first));
        // Clocks of two instances differ by seconds.
        let limit = RESEND_WINDOW + 5 * SECOND;
        if !same {
            self.broke(6, || format!("{key} is sent with other bytes: {bytes}"));
        } else if late > limit && !request.path.ends_with("/cancel") {
            self.broke(6, || format!("{key} is sent {} s after the first time", late / SECOND));
        }
    }

    /// At rest: no top-up is open, but for those that another Stripe has to answer.
    pub(crate) fn check_nothing_is_stuck(&mut self) {
        let here = self.side();
        let stuck =
            self.objects.iter().filter_map(|object| object.open.as_ref()).find(|open| open.is_of(here));
        if let Some(open) = stuck {
            let what = format!("a top-up is stuck: {:?}", open.state);
            return self.broke(4, || what);
        }
        let mut paybacks = self.objects.iter().flat_map(|object| &object.books.paybacks);
        let stuck = paybacks.find(|(one, outcome)| outcome.is_empty() && one.is_of(here));
        if let Some((payback, _)) = stuck {
            let what = format!("a payback is stuck: {:?}", payback.state);
            self.broke(4, || what);
        }
    }

    /// At the end, to the unit: what Stripe holds of an account's money is what its entries say came in.
    pub(crate) fn check_the_books(&mut self) {
        if let Err(violation) = self.check_keyed() {
            return self.break_rule(violation);
        }
        for account in 0..self.objects.len() {
            let object = &self.objects[account];
            let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
            for (_, intent) in self.stripe.intents() {
                if intent.account == object.account.as_str() {
                    let sum = &mut sums.entry(&intent.currency).or_default().0;
                    *sum += in_units(intent, intent.kept()).unwrap_or(0);
                }
            }
            for entry in &object.books.entries {
                if matches!(entry.kind.as_str(), "topup" | "refund" | "dispute") {
                    sums.entry(&entry.currency).or_default().1 += entry.amount;
                }
            }
            let wrong = sums.into_iter().find(|(_, (stripe, ours))| stripe != ours);
            if let Some((currency, (stripe, ours))) = wrong {
                let what = format!("account {account}: Stripe keeps {stripe} {currency}, we booked {ours}");
                return self.broke(3, || what);
            }
        }
    }
}

fn in_units(intent: &Intent, minor: i64) -> Option<i64> {
    let currency = Currency::parse(&intent.currency).ok()?;
    match minor {
        0 => Some(0),
        minor if minor < 0 => in_units(intent, -minor).map(|units| -units),
        minor => Some(currency.units_of(MinorAmount::new(minor)?)?.get()),
    }
}
