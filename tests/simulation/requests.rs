//! Requests that pay, from the client's first byte to the last word about them (`worker/pay`, `worker/entry`).
//!
//! Kept true here: the order in which the Worker asks, and what it does where it gets no answer: undo in the background,
//! give back before the answer starts, note a keyed answer as delivered before its first byte.

use stripe402_core::protocol::{AccountId, Currency, PaymentMethodId, Units};
use stripe402_edge::ledger::amount::Offer;
use stripe402_edge::ledger::{Answer, Call, Limits, Millis, Op, Order, Pay, RequestKey};
use stripe402_edge::stripe::{CustomerId, PaymentMethod, Reply, request};

use super::dice::Dice;
use super::link::Caller;
use super::stripe::DEPLOYMENT;
use super::world::{Asker, Event, World};
use super::{MINUTE, SECOND};

/// The advertised top-up, and the largest.
const MIN: i64 = 50_000;
const MAX: i64 = 1_000_000;
/// How long a keyed request that never ended holds its key (`gate/decide`).
const LEASE: i64 = 70 * SECOND;
/// How often somebody comes again.
const MOST_AGAIN: u32 = 3;

/// A request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) order: Order,
    /// The client whose id was sent.
    named: Option<usize>,
    /// The payment method that was sent.
    method: Option<String>,
    asked: Option<Units>,
    stage: Stage,
    /// How often it was sent before.
    again: u32,
    /// The debit that pays for it, and whose.
    pub(crate) paid: Option<Debit>,
    pub(crate) fate: Fate,
    /// What is still being done about it in the background.
    pub(crate) loose: u32,
    /// The accounts that were asked to debit it.
    pub(crate) at: Vec<usize>,
    pub(crate) last_arrival: Millis,
}

/// A debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Debit {
    pub(crate) account: usize,
    pub(crate) currency: Currency,
    pub(crate) seq: i64,
    pub(crate) op: Op,
}

/// What the Worker waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The debit by the client id that was sent.
    Spending,
    /// The debit by the client whom the isolate remembers for the payment method.
    SpendingKnown(usize),
    Retrieving,
    Paying(usize),
    Origin,
    Delivering,
    Over,
}

/// What the client got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing yet.
    Open,
    /// The answer that it paid for, `success: true`.
    Served,
    /// Another answer.
    NotServed,
    /// An answer that says nothing was served, though the account may have noted it as delivered.
    DeliveryUnknown,
    /// The client was gone before.
    HungUp,
}

impl World<'_> {
    /// Somebody sends a request.
    pub(crate) fn ask_for_something(&mut self, dice: &mut Dice) {
        let clients = self.objects.len();
        let card = dice.below(clients);
        let form = dice.weighted(&[(5, (true, true)), (5, (false, true)), (3, (true, false))]);
        // Client id A with card B is a thing that happens.
        let named = form.0.then(|| if dice.chance(900) { card } else { dice.below(clients) });
        let method = form.1.then(|| self.some_method(card, dice));
        let currency = if dice.chance(850) { Currency::USD } else { Currency::parse("eur").expect("euros") };
        let price = units(dice.weighted(&[(4, 100), (3, 9_000), (2, 30_000), (1, 50_000)]));
        let asked = dice.weighted(&[(6, None), (1, Some(50_001)), (1, Some(70_000)), (1, Some(400_000))]);
        let key = dice.chance(200).then(|| {
            // Few keys, so that they meet; some of them were meant for something else.
            let target = format!("{}{}{}", price.get(), currency, u8::from(dice.chance(60)));
            RequestKey { key: format!("k{}", dice.below(2)), target, lease: LEASE, retries: 0 }
        });
        let order = Order {
            currency,
            price,
            resource: "GET /api/joke".to_owned(),
            op: Op::from_bytes(dice.bytes()),
            retried: false,
            key,
        };
        self.begin(
            Request {
                order,
                named,
                method,
                asked: asked.map(units),
                stage: Stage::Over,
                again: 0,
                paid: None,
                fate: Fate::Open,
                loose: 0,
                at: Vec::new(),
                last_arrival: Millis(0),
            },
            dice,
        );
    }

    /// A payment method of a card: one of those it has, an alias, or a new one.
    fn some_method(&mut self, card: usize, dice: &mut Dice) -> String {
        let methods = &mut self.stripe.sides[self.here].methods;
        match dice.below(10) {
            0 => format!("pm_alias{card}"),
            1 => {
                let id = format!("pm_{}n{}", self.here, methods.len());
                let new = super::stripe::Method { id: id.clone(), card, customer: None, spent: false };
                methods.push(new);
                id
            }
            _ => {
                let own = |method: &&super::stripe::Method| {
                    method.card == card && !method.id.starts_with("pm_alias")
                };
                let own: Vec<&str> = methods.iter().filter(own).map(|method| method.id.as_str()).collect();
                // Mostly the same card again.
                let nth = if dice.chance(700) { 0 } else { dice.below(own.len()) };
                own[nth].to_owned()
            }
        }
    }

    fn begin(&mut self, request: Request, dice: &mut Dice) {
        let nth = self.requests.len();
        self.tell(|| {
            let Request { order, named, method, asked, .. } = &request;
            let key = order.key.as_ref().map(|key| format!(" under {} for {}", key.key, key.target));
            format!(
                "   request {nth}: {} {} by client {named:?}, card {method:?}, top-up {asked:?}{}",
                order.price,
                order.currency,
                key.unwrap_or_default()
            )
        });
        let named = request.named;
        self.requests.push(request);
        match named {
            Some(client) => self.spend(nth, client, Stage::Spending, dice),
            None => self.look_for_payer(nth, dice),
        }
    }

    fn spend(&mut self, nth: usize, client: usize, stage: Stage, dice: &mut Dice) {
        self.requests[nth].stage = stage;
        self.requests[nth].at.push(client);
        let call = Call::Spend(self.requests[nth].order.clone());
        self.begin_ask(client, call, Caller::Request(nth), dice);
    }

    /// The client id did not pay: is there a card, and whose is it?
    fn look_for_payer(&mut self, nth: usize, dice: &mut Dice) {
        let request = &self.requests[nth];
        let Some(method) = request.method.clone() else { return self.end(nth, Fate::NotServed, dice) };
        match self.known.get(&method) {
            Some(client) if request.named != Some(*client) => {
                let client = *client;
                self.spend(nth, client, Stage::SpendingKnown(client), dice);
            }
            _ => self.retrieve(nth, dice),
        }
    }

    fn retrieve(&mut self, nth: usize, dice: &mut Dice) {
        self.requests[nth].stage = Stage::Retrieving;
        let method = self.requests[nth].method.clone().unwrap_or_default();
        let request = request::retrieve_payment_method(&PaymentMethodId::parse(&method).expect("an id"));
        self.to_stripe(Asker::Retrieve(nth), request, dice);
    }

    /// Whose payment method this is: of the Customer it is attached to, else of its card.
    pub(crate) fn retrieved(&mut self, nth: usize, reply: &Reply, dice: &mut Dice) {
        if self.requests[nth].stage != Stage::Retrieving {
            return;
        }
        let Ok(found) = reply.object::<PaymentMethod>(true) else {
            return self.end(nth, Fate::NotServed, dice);
        };
        let Some((account, customer)) = self.payer(&found) else {
            return self.end(nth, Fate::NotServed, dice);
        };
        let request = &self.requests[nth];
        let by_card = found
            .fingerprint
            .as_ref()
            .map(|print| stripe402_core::protocol::ClientId::derive(&[7; 32], print.as_str()));
        let sent = PaymentMethodId::parse(request.method.as_deref().unwrap_or_default()).expect("an id");
        let limits = self.profile.limits;
        let call = Call::Pay(Box::new(Pay {
            order: request.order.clone(),
            client_id: by_card.filter(|id| AccountId::of(id) == self.objects[account].account),
            sent,
            method: found.id,
            customer,
            offer: Offer { min: units(MIN), max: units(MAX), asked: request.asked },
            limits: Limits {
                declines_per_hour: limits.then_some(3),
                per_day: limits.then(|| units(4 * MAX)),
            },
        }));
        if dice.chance(500) {
            self.stripe.act_meanwhile(self.objects[account].account.as_str(), self.now, dice);
        }
        self.requests[nth].stage = Stage::Paying(account);
        self.requests[nth].at.push(account);
        self.begin_ask(account, call, Caller::Request(nth), dice);
    }

    fn payer(&self, found: &PaymentMethod) -> Option<(usize, Option<CustomerId>)> {
        if found.livemode != self.stripe.sides[self.here].side.live {
            return None;
        }
        let account = match &found.customer {
            None => {
                let print = found.fingerprint.as_ref()?.as_str();
                AccountId::of(&stripe402_core::protocol::ClientId::derive(&[7; 32], print))
            }
            Some(customer) if customer.deployment.as_deref() == Some(DEPLOYMENT) => {
                AccountId::parse(customer.account.as_deref()?).ok()?
            }
            Some(_) => return None,
        };
        let nth = self.objects.iter().position(|object| object.account == account)?;
        Some((nth, found.customer.as_ref().map(|customer| customer.id.clone())))
    }

    /// An account answered a call that a request made, or did not.
    pub(crate) fn request_answered(&mut self, nth: usize, answer: Option<Answer>, dice: &mut Dice) {
        let request = &self.requests[nth];
        if request.fate != Fate::Open {
            return;
        }
        let account = match request.stage {
            Stage::Spending => request.named.unwrap_or_default(),
            Stage::SpendingKnown(account) | Stage::Paying(account) => account,
            Stage::Delivering => return self.handed_over(nth, answer.as_ref(), dice),
            Stage::Retrieving | Stage::Origin | Stage::Over => return,
        };
        match (answer, request.stage) {
            (None, _) => {
                // It may have been debited, and nothing will be served for it.
                self.undo(nth, account, 3, dice);
                self.end(nth, Fate::NotServed, dice);
                self.maybe_again(nth, dice);
            }
            (Some(Answer::Paid { seq, balance: _, charge: _, client_id: _, op }), stage) => {
                let own = request.order.op.clone();
                let debit = Debit { account, currency: request.order.currency, seq, op: op.unwrap_or(own) };
                self.check_paid(nth, &debit);
                if let (Stage::Paying(_), Some(method)) = (stage, &self.requests[nth].method) {
                    self.known.insert(method.clone(), account);
                }
                self.requests[nth].paid = Some(debit);
                self.requests[nth].stage = Stage::Origin;
                let served = !dice.fault(150);
                let slow = if dice.fault(60) { 75 * SECOND } else { 400 };
                self.in_a(dice.between(1, slow), Event::Origin(nth, served));
            }
            (Some(Answer::Insufficient { .. }), Stage::Spending) => self.look_for_payer(nth, dice),
            (Some(Answer::Insufficient { .. }), Stage::SpendingKnown(_)) => self.retrieve(nth, dice),
            (Some(answer), _) => {
                let secret = match &answer {
                    Answer::Refused(refused) => refused.client_secret.clone(),
                    _ => None,
                };
                if let Some(intent) = secret.as_deref().and_then(|secret| secret.strip_suffix("_secret")) {
                    self.stripe.hand_out(intent, self.now, dice);
                }
                self.end(nth, Fate::NotServed, dice);
                if secret.is_some() || matches!(answer, Answer::Pending { .. } | Answer::Running { .. }) {
                    self.maybe_again(nth, dice);
                }
            }
        }
    }

    /// The origin answered, or did not: what was not served is given back before our answer starts.
    pub(crate) fn origin_answered(&mut self, nth: usize, served: bool, dice: &mut Dice) {
        let request = &self.requests[nth];
        let (Fate::Open, Some(debit)) = (request.fate, request.paid.clone()) else { return };
        if served {
            let Some(key) = &request.order.key else { return self.end(nth, Fate::Served, dice) };
            let call = Call::Deliver { key: key.key.clone(), holder: request.order.op.clone() };
            self.requests[nth].stage = Stage::Delivering;
            return self.begin_ask(debit.account, call, Caller::Request(nth), dice);
        }
        self.tell(|| format!("   request {nth}: the origin fails"));
        self.reverse(nth, 5, dice);
        self.end(nth, Fate::NotServed, dice);
    }

    fn handed_over(&mut self, nth: usize, answer: Option<&Answer>, dice: &mut Dice) {
        let fate = match answer {
            Some(Answer::Done) => Fate::Served,
            Some(Answer::NotOurs) => Fate::NotServed,
            _ => Fate::DeliveryUnknown,
        };
        self.end(nth, fate, dice);
    }

    fn undo(&mut self, nth: usize, account: usize, left: u32, dice: &mut Dice) {
        let order = &self.requests[nth].order;
        let call = Call::Undo { currency: order.currency, op: order.op.clone() };
        self.requests[nth].loose += 1;
        self.begin_ask(account, call, Caller::Undo(nth, left - 1), dice);
    }

    pub(crate) fn undone(&mut self, nth: usize, left: u32, done: bool, dice: &mut Dice) {
        self.requests[nth].loose -= 1;
        self.changed = true;
        if !done && left > 0 {
            let account = self.requests[nth].at.last().copied().unwrap_or_default();
            self.undo(nth, account, left, dice);
        } else if !done {
            self.lose(nth, "undo_lost");
        }
    }

    fn reverse(&mut self, nth: usize, left: u32, dice: &mut Dice) {
        let request = &mut self.requests[nth];
        let Some(debit) = request.paid.clone() else { return };
        request.loose += 1;
        let holder = Some(request.order.op.clone());
        let call = Call::Reverse { currency: debit.currency, seq: debit.seq, op: debit.op, holder };
        self.begin_ask(debit.account, call, Caller::Reverse(nth, left), dice);
    }

    pub(crate) fn reversed(&mut self, nth: usize, left: u32, done: bool, dice: &mut Dice) {
        self.requests[nth].loose -= 1;
        self.changed = true;
        if !done && left > 0 {
            self.reverse(nth, left - 1, dice);
        } else if !done {
            self.lose(nth, "reversal_lost");
        } else if dice.fault(100) {
            // Asked for twice: the answer to the first was lost.
            self.reverse(nth, 0, dice);
        }
    }

    /// Nobody could be reached, however often it was tried: the log line is the record.
    fn lose(&mut self, nth: usize, line: &'static str) {
        self.tell(|| format!("   request {nth}: {line}"));
        self.coverage.lost(line);
        self.requests[nth].fate = Fate::HungUp;
    }

    fn end(&mut self, nth: usize, fate: Fate, _: &mut Dice) {
        self.tell(|| format!("   request {nth}: {fate:?}"));
        self.changed = true;
        self.requests[nth].fate = fate;
        self.requests[nth].stage = Stage::Over;
    }

    /// A client who was told that the same payment may come again lets it come again, mostly.
    fn maybe_again(&mut self, nth: usize, dice: &mut Dice) {
        if self.requests[nth].again < MOST_AGAIN && dice.fault(700) {
            let wait = dice.weighted(&[
                (5, (SECOND, 20 * SECOND)),
                (2, (20 * SECOND, 5 * MINUTE)),
                (1, (MINUTE, 70 * MINUTE)),
            ]);
            self.in_a(dice.between(wait.0, wait.1), Event::ComeAgain(nth));
        }
    }

    pub(crate) fn come_again(&mut self, nth: usize, dice: &mut Dice) {
        let mut again = self.requests[nth].clone();
        again.order.op = Op::from_bytes(dice.bytes());
        (again.again, again.paid, again.fate, again.loose) = (again.again + 1, None, Fate::Open, 0);
        (again.at, again.last_arrival) = (Vec::new(), Millis(0));
        if dice.chance(150) {
            // With another amount, or another card.
            again.order.price = units(60_000);
            again.asked = Some(units(70_000));
            if let Some(key) = &mut again.order.key {
                "another price".clone_into(&mut key.target);
            }
        }
        self.begin(again, dice);
    }

    /// Somebody hangs up. Their call to an object goes on in it, or is cut off in it, too.
    pub(crate) fn hang_up(&mut self, dice: &mut Dice) {
        let open = |(_, request): &(usize, &Request)| request.fate == Fate::Open;
        let open: Vec<usize> = self.requests.iter().enumerate().filter(open).map(|(nth, _)| nth).collect();
        if open.is_empty() {
            return;
        }
        let nth = dice.one_of(&open);
        self.end(nth, Fate::HungUp, dice);
        let cut = dice.chance(500);
        for ask in 0..self.asks.len() {
            if self.asks[ask].is_of(nth) && !std::mem::replace(&mut self.asks[ask].over, true) && cut {
                let account = self.asks[ask].account;
                self.objects[account].waiters.retain(|waiter| waiter.of.ask != ask);
            }
        }
    }
}

pub(crate) fn units(number: i64) -> Units {
    Units::new(number).expect("so few units")
}
