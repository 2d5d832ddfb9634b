//! Between the Worker and an object: calls, their answers, and what gets lost on the way (`worker/account_client`).
//!
//! Kept true here: a call is tried at most three times, under the same name; now and then one is held up for so long that
//! the undoing of it arrives first; when an object dies, whoever waits for it learns that the call failed, and not whether
//! it was done.

use stripe402_edge::ledger::{Answer, Call, Millis};

use super::SECOND;
use super::dice::Dice;
use super::object::Object;
use super::world::{Event, World};

/// How often a call is tried.
const TRIES: u32 = 3;
/// How long all tries of a debit may take together.
const DEBIT_TIME: i64 = 2 * SECOND;
/// How long one who needs a charge waits in the object.
pub(crate) const TOP_UP_WAIT: i64 = 25 * SECOND;

/// One try of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Try {
    pub(crate) ask: usize,
    nth: u32,
}

/// A call, with all its tries.
pub(crate) struct Ask {
    pub(crate) account: usize,
    pub(crate) call: Call,
    /// What each try sent: one that is held up stays as it was.
    copies: Vec<Call>,
    from: Caller,
    nth: u32,
    /// The last try of which the caller knows that it failed.
    failed: u32,
    began: Millis,
    /// Whether the caller has its answer, or waits for none any more.
    pub(crate) over: bool,
}

/// Whoever calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A request, on its way.
    Request(usize),
    /// Its undoing, after the request was answered: so many tries are left.
    Undo(usize, u32),
    /// The giving back of its debit: so many tries are left after this one.
    Reverse(usize, u32),
    /// A delivery of a webhook.
    Delivery(usize),
    /// An act of the operator: so many tries are left after this one.
    Operator(usize, u32),
}

impl Ask {
    pub(crate) const fn new(account: usize, call: Call, from: Caller, began: Millis) -> Self {
        Self { account, call, copies: Vec::new(), from, nth: 0, failed: 0, began, over: false }
    }

    /// Whether a request waits for it.
    pub(crate) fn is_of(&self, request: usize) -> bool {
        self.from == Caller::Request(request)
    }

    /// Whether it may come later than its undoing.
    fn is_held_up_safely(&self, object: &Object<'_>) -> bool {
        matches!(self.from, Caller::Request(_)) && !object.disk.was_blank()
    }

    /// How long the caller waits in all.
    pub(crate) const fn limit(&self) -> i64 {
        match self.call {
            Call::Spend(_)
            | Call::Reverse { .. }
            | Call::Undo { .. }
            | Call::Deliver { .. }
            | Call::Show(_)
            | Call::IsKnown => DEBIT_TIME,
            Call::Pay(_) | Call::Announce(_) | Call::See(..) | Call::Act(_) => TOP_UP_WAIT + DEBIT_TIME,
        }
    }
}

impl World<'_> {
    /// Sends the next try of a call.
    pub(crate) fn send(&mut self, nth: usize, dice: &mut Dice) {
        let ask = &mut self.asks[nth];
        ask.nth += 1;
        ask.copies.push(ask.call.clone());
        let of = Try { ask: nth, nth: ask.nth };
        let from = ask.from;
        let (link, slow) = (self.profile.link, if dice.fault(self.profile.link) { 900 } else { 8 });
        if dice.fault(link) {
            return self.in_a(dice.between(1, slow), Event::Failed(of));
        }
        let mut at = self.now.plus(dice.between(1, slow));
        let ask = &self.asks[nth];
        // (A first payment that comes to a blank account after its undoing charges the card, and debits what it asked for:
        // a blank account has nowhere to remember what was given up.)
        if ask.is_held_up_safely(&self.objects[ask.account]) && dice.fault(link) {
            at = self.now.plus(dice.between(SECOND, 20 * SECOND));
            self.coverage.lost("a call that was held up");
            // The caller may learn that the connection broke, and send another copy before this one comes.
            if dice.chance(500) {
                self.in_a(dice.between(1, 900), Event::Failed(of));
            }
        } else if let Caller::Request(request) | Caller::Undo(request, _) | Caller::Reverse(request, _) = from
        {
            let last = &mut self.requests[request].last_arrival;
            at = at.max(last.plus(1));
            *last = at;
        }
        self.at(at, Event::Arrive(of));
    }

    /// A call reached its object.
    pub(crate) fn arrive(&mut self, of: Try, dice: &mut Dice) {
        let ask = &self.asks[of.ask];
        let (account, call) = (ask.account, ask.copies[of.nth as usize - 1].clone());
        self.objects[account].inside.push(of);
        self.tell(|| format!("   {account}: copy {} of call {} comes", of.nth, of.ask));
        if dice.fault(self.profile.link) {
            // Cut while it is in there: the object does not notice.
            let when = dice.one_of(&[50, 4 * SECOND]);
            self.in_a(dice.between(1, when), Event::Failed(of));
        }
        self.call(account, of, call, dice);
    }

    /// An answer left its object.
    pub(crate) fn carry_back(&mut self, of: Try, answer: Answer, dice: &mut Dice) {
        if dice.fault(self.profile.link) {
            return self.in_a(dice.between(1, 20), Event::Failed(of));
        }
        self.in_a(dice.between(1, 8), Event::Answered(of, answer));
    }

    pub(crate) fn answered(&mut self, of: Try, answer: Answer, dice: &mut Dice) {
        let ask = &mut self.asks[of.ask];
        if ask.over || ask.nth != of.nth {
            return;
        }
        ask.over = true;
        let from = ask.from;
        // Where a copy may still be on its way, what this request asks next is a later one (`worker/pay`).
        if let (Caller::Request(request), Call::Spend(order)) = (from, &ask.call)
            && order.retried
        {
            self.requests[request].order.nth = order.nth + 1;
        }
        self.tell(|| format!("   {from:?} is told {answer:?}"));
        self.called(from, Some(answer), dice);
    }

    pub(crate) fn failed(&mut self, of: Try, dice: &mut Dice) {
        let now = self.now;
        let ask = &mut self.asks[of.ask];
        // A try fails once, whatever else happens to it: the caller tries again once.
        if ask.over || ask.nth != of.nth || ask.failed == of.nth {
            return;
        }
        ask.failed = of.nth;
        let late = now.since(ask.began) > DEBIT_TIME;
        if late || ask.nth == TRIES || dice.fault(50) {
            return self.give_up(of.ask, dice);
        }
        // The same call, marked: the first may have gone through.
        match &mut ask.call {
            Call::Spend(order) => (order.retried, order.nth) = (true, order.nth + 1),
            Call::Pay(pay) => (pay.order.retried, pay.order.nth) = (true, pay.order.nth + 1),
            Call::Reverse { .. }
            | Call::Undo { .. }
            | Call::Deliver { .. }
            | Call::Announce(_)
            | Call::Show(_)
            | Call::IsKnown
            | Call::See(..)
            | Call::Act(_) => {}
        }
        let pause = i64::from(ask.nth) * 60;
        self.in_a(pause, Event::Again(of.ask));
    }

    pub(crate) fn send_again(&mut self, ask: usize, dice: &mut Dice) {
        if !self.asks[ask].over {
            self.send(ask, dice);
        }
    }

    /// The caller waits no longer: whether the object acted is not known.
    pub(crate) fn give_up(&mut self, ask: usize, dice: &mut Dice) {
        if std::mem::replace(&mut self.asks[ask].over, true) {
            return;
        }
        let from = self.asks[ask].from;
        self.tell(|| format!("   {from:?} gets no answer"));
        self.called(from, None, dice);
    }

    fn called(&mut self, from: Caller, answer: Option<Answer>, dice: &mut Dice) {
        match from {
            Caller::Request(request) => self.request_answered(request, answer, dice),
            Caller::Undo(request, left) => self.undone(request, left, answer.is_some(), dice),
            Caller::Reverse(request, left) => self.reversed(request, left, answer.is_some(), dice),
            Caller::Delivery(delivery) => self.announced(delivery, answer.as_ref(), dice),
            Caller::Operator(act, left) => self.operated(act, left, answer.is_some(), dice),
        }
    }
}
