//! A request on its way through the Worker (`worker/pay`, `worker/entry`).
//!
//! Kept true here: the order in which the Worker asks, and what it does where it gets no answer: undo in the background,
//! give back before the answer starts, note a keyed answer as delivered before its first byte.

use stripe402_core::protocol::{AccountId, ClientId, PaymentMethodId};
use stripe402_edge::ledger::amount::Offer;
use stripe402_edge::ledger::{Answer, Call, Deposit, Limits, Pay};
use stripe402_edge::stripe::{CustomerId, PaymentMethod, Reply, request};

use super::dice::Dice;
use super::link::Caller;
use super::requests::{Debit, Fate, Stage, units};
use super::stripe::{DEPLOYMENT, SERVER_SECRET};
use super::wire::Asker;
use super::world::{Event, World};
use super::{DAY, SECOND};

/// The advertised top-up, and the largest.
const MIN: i64 = 50_000;
const MAX: i64 = 1_000_000;

impl World<'_> {
    pub(crate) fn spend(&mut self, nth: usize, client: usize, stage: Stage, dice: &mut Dice) {
        self.requests[nth].stage = stage;
        self.requests[nth].at.push(client);
        let call = Call::Spend(self.requests[nth].order.clone());
        self.begin_ask(client, call, Caller::Request(nth), dice);
    }

    /// The client id did not pay: is there a card, and whose is it?
    pub(crate) fn look_for_payer(&mut self, nth: usize, dice: &mut Dice) {
        let request = &self.requests[nth];
        let Some(method) = request.method.clone() else { return self.end(nth, Fate::NotServed) };
        match self.known.get(&method) {
            Some(client) if request.deposit.is_none() && request.named != Some(*client) => {
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
        self.send_to_stripe(Asker::Retrieve(nth), request, dice);
    }

    /// Whose payment method this is: of the Customer it is attached to, else of its card.
    pub(crate) fn retrieved(&mut self, nth: usize, reply: &Reply, dice: &mut Dice) {
        if self.requests[nth].stage != Stage::Retrieving {
            return;
        }
        let Ok(found) = reply.object::<PaymentMethod>(true) else {
            return self.end(nth, Fate::NotServed);
        };
        let Some((account, customer)) = self.payer(&found) else {
            return self.end(nth, Fate::NotServed);
        };
        let request = &self.requests[nth];
        let by_card =
            found.fingerprint.as_ref().map(|print| ClientId::derive(&SERVER_SECRET, print.as_str()));
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
            deposit: request.deposit.clone().map(|name| Deposit { name, kept: DAY, receipt_email: None }),
        }));
        if dice.chance(700) {
            self.stripe.act_meanwhile(self.objects[account].account.as_str(), self.now, dice);
        }
        self.requests[nth].stage = Stage::Paying(account);
        self.requests[nth].at.push(account);
        self.begin_ask(account, call, Caller::Request(nth), dice);
    }

    fn payer(&self, found: &PaymentMethod) -> Option<(usize, Option<CustomerId>)> {
        if found.livemode != self.side().live {
            return None;
        }
        let account = match &found.customer {
            None => {
                let print = found.fingerprint.as_ref()?.as_str();
                AccountId::of(&ClientId::derive(&SERVER_SECRET, print))
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
            Stage::Delivering => return self.handed_over(nth, answer.as_ref()),
            Stage::Retrieving | Stage::Origin | Stage::Over => return,
        };
        match (answer, request.stage) {
            (None, _) => {
                // It may have been debited, and nothing will be served for it.
                self.undo(nth, account, 3, dice);
                self.end(nth, Fate::NotServed);
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
            (Some(Answer::Deposited { balance: _, charge, client_id: _ }), _) => {
                self.check_deposited(nth, account, charge.as_str());
                // Nothing is bought: like who is not served, it has no debit.
                self.end(nth, Fate::NotServed);
                // The answer does not reach everybody.
                if dice.fault(300) {
                    self.maybe_again(nth, dice);
                }
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
                self.end(nth, Fate::NotServed);
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
            let Some(key) = &request.order.key else { return self.end(nth, Fate::Served) };
            let call = Call::Deliver { key: key.key.clone(), holder: request.order.op.clone() };
            self.requests[nth].stage = Stage::Delivering;
            return self.begin_ask(debit.account, call, Caller::Request(nth), dice);
        }
        self.tell(|| format!("   request {nth}: the origin fails"));
        self.reverse(nth, 5, dice);
        self.end(nth, Fate::NotServed);
    }

    fn handed_over(&mut self, nth: usize, answer: Option<&Answer>) {
        let fate = match answer {
            Some(Answer::Done) => Fate::Served,
            Some(Answer::NotOurs) => Fate::NotServed,
            _ => Fate::DeliveryUnknown,
        };
        self.end(nth, fate);
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

    pub(crate) fn end(&mut self, nth: usize, fate: Fate) {
        self.tell(|| format!("   request {nth}: {fate:?}"));
        self.changed = true;
        self.requests[nth].fate = fate;
        self.requests[nth].stage = Stage::Over;
    }
}
