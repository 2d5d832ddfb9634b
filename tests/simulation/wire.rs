//! Between us and Stripe: calls, replies, and what gets lost or comes too late (`worker/stripe_http`).
//!
//! Kept true here: a call ends within twenty seconds for whoever made it, answered or not; what it does at Stripe it may
//! do all the same, and later.

use stripe402_edge::ledger::Millis;
use stripe402_edge::ledger::payback;
use stripe402_edge::ledger::topup::Verb;
use stripe402_edge::stripe::{Reply, Request};

use super::SECOND;
use super::dice::Dice;
use super::stripe::Treated;
use super::world::{Event, World};

/// How long a call to Stripe is waited for.
const CALL_TIMEOUT: i64 = 20 * SECOND;

/// Whoever asked Stripe.
#[derive(Debug, Clone)]
pub(crate) enum Asker {
    /// An object that drives its top-up.
    Drive { account: usize, generation: u32, verb: Verb },
    /// An object that reads what was announced.
    Truth { account: usize, generation: u32, reading: u32 },
    /// An object that gives credits back to cards.
    PayBack { account: usize, generation: u32, call: payback::Call },
    /// The Worker, for a request: whose payment method is this?
    Retrieve(usize),
    /// The Worker, for a webhook: whose PaymentIntent is this?
    Hint(usize),
}

/// A call to Stripe that is under way.
pub(crate) struct Out {
    pub(crate) from: Asker,
    pub(crate) request: Request,
    side: usize,
    sent_at: Millis,
    over: bool,
}

impl World<'_> {
    /// Sends a request to Stripe. What leaves an object has passed its gate by now.
    pub(crate) fn send_to_stripe(&mut self, from: Asker, request: Request, dice: &mut Dice) {
        self.tell(|| format!("   → Stripe {} {} {}", request.method.as_str(), request.path, request.body));
        let out = self.outs.len();
        let trouble = self.profile.stripe;
        // Slow where the payer, Stripe's announcement and our own call meet.
        let meets = matches!(&from, Asker::Drive { verb: Verb::Read(_) | Verb::Cancel(..), .. });
        let slow = if meets { 500 } else { 60 };
        self.outs.push(Out { from, request, side: self.here, sent_at: self.now, over: false });
        if dice.fault(trouble / 4) {
            let after = dice.one_of(&[20, CALL_TIMEOUT]);
            return self.in_a(after, Event::Replied(out, Reply::Lost, "no way there"));
        }
        let slow = if dice.fault(slow) { 3 * SECOND } else { 60 };
        self.in_a(dice.between(1, slow), Event::AtStripe(out));
    }

    pub(crate) fn at_stripe(&mut self, nth: usize, dice: &mut Dice) {
        let (side, request) = (self.outs[nth].side, self.outs[nth].request.clone());
        let said = if request.key.is_none() {
            let first = matches!(&self.outs[nth].from, Asker::Retrieve(_));
            let trouble = if first { self.profile.stripe / 2 } else { self.profile.stripe };
            self.stripe.get(side, &request.path, trouble, dice)
        } else {
            let profile = self.profile;
            match self.stripe.post(side, &request, self.now, &profile, dice) {
                Treated::Answered(said) => said,
                Treated::Running(span) => {
                    self.in_a(span, Event::Through(nth));
                    self.lose_late(nth);
                    return;
                }
            }
        };
        self.reply(nth, said.0, said.1, dice);
    }

    pub(crate) fn through(&mut self, nth: usize, dice: &mut Dice) {
        let (side, request, profile) = (self.outs[nth].side, self.outs[nth].request.clone(), self.profile);
        let said = self.stripe.finish(side, &request, self.now, &profile, dice);
        self.reply(nth, said.0, said.1, dice);
    }

    fn reply(&mut self, nth: usize, reply: Reply, said: &'static str, dice: &mut Dice) {
        if dice.fault(self.profile.stripe / 4) {
            let cut = self.now.plus(dice.between(1, 50));
            let lost = if dice.chance(500) { cut } else { self.outs[nth].sent_at.plus(CALL_TIMEOUT) };
            return self.at(lost, Event::Replied(nth, Reply::Lost, "answer lost"));
        }
        let slow = if dice.fault(60) { 3 * SECOND } else { 60 };
        self.in_a(dice.between(1, slow), Event::Replied(nth, reply, said));
        self.lose_late(nth);
    }

    /// Whoever asked waits twenty seconds and no longer.
    fn lose_late(&mut self, nth: usize) {
        let limit = self.outs[nth].sent_at.plus(CALL_TIMEOUT);
        self.at(limit, Event::Replied(nth, Reply::Lost, "timeout"));
    }

    pub(crate) fn replied(&mut self, nth: usize, reply: &Reply, said: &'static str, dice: &mut Dice) {
        if std::mem::replace(&mut self.outs[nth].over, true) {
            return;
        }
        let path = &self.outs[nth].request.path;
        let path = path.split('?').next().unwrap_or_default().to_owned();
        self.tell(|| format!("   ← Stripe {path}: {said}"));
        match self.outs[nth].from.clone() {
            Asker::Drive { account, generation, verb } => {
                if self.is_alive(account, generation) {
                    self.driven(account, &verb, reply, said, dice);
                }
            }
            Asker::Truth { account, generation, reading } => {
                if self.is_alive(account, generation) {
                    self.truth_read(account, reading, reply, dice);
                }
            }
            Asker::PayBack { account, generation, call } => {
                if self.is_alive(account, generation) {
                    self.paid_back(account, &call, reply, dice);
                }
            }
            Asker::Retrieve(request) => self.retrieved(request, reply, dice),
            Asker::Hint(delivery) => self.hinted(delivery, reply, dice),
        }
    }
}
