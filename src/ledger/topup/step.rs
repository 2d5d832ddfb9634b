//! The machine's one step: a record and an event go in, the new record and at most one call come out.
//!
//! Kept true here: an event that does not fit the record changes nothing; the record that comes out is written down
//! before its call is made; time comes in as an argument.

use stripe402_core::protocol::{Currency, MinorAmount};

use super::{
    ACTION_SPAN, Asked, IN_FLIGHT, LOOK_AGAIN, Outcome, Sending, State, Step, StripeSide, TopUp, read, send,
};
use crate::ledger::store::Millis;
use crate::stripe::{
    CustomerId, PaymentIntent, PaymentIntentId, PaymentIntentStatus, Reply, Request, request,
};

/// Which call a reply belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// The nth send of the write with this key.
    Write {
        /// Its idempotency key.
        key: String,
        /// Which send.
        nth: u32,
    },
    /// The list of the Customer's PaymentIntents.
    List,
    /// The read of the PaymentMethod, after an attach was refused.
    Method,
    /// The read of a PaymentIntent.
    Read(PaymentIntentId),
    /// The nth cancel of a PaymentIntent.
    Cancel(PaymentIntentId, u32),
}

/// A call to be made, once the record that explains it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which it is.
    pub verb: Verb,
    /// What to send.
    pub request: Request,
    /// The API version that its bytes were made for.
    pub version: String,
}

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// An answer, or the lack of one, to a call of this top-up.
    Replied {
        /// To which call.
        verb: &'a Verb,
        /// What came back.
        reply: &'a Reply,
    },
    /// Nobody is at it, and its time may have come. `here` is the Stripe that our keys speak to now.
    Woke {
        /// Whose Stripe we speak to now.
        here: &'a StripeSide,
    },
    /// The payer, who was told to finish 3-D Secure, came back.
    CameBack {
        /// With the same payment, or for something else.
        asked: Asked,
        /// Whose Stripe we speak to now.
        here: &'a StripeSide,
    },
    /// Stripe's truth about a PaymentIntent of this top-up, read because a webhook hinted at it.
    Announced(&'a PaymentIntent),
}

/// What a step gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The record as it is now.
    pub top_up: TopUp,
    /// The call to make next.
    pub call: Option<Call>,
    /// The money that came in: to be credited in the transaction that writes the record.
    pub credit: Option<Credit>,
    /// The account's new Customer.
    pub customer: Option<CustomerId>,
    /// How many Customers the account has asked for: another one gets another key.
    pub customers: Option<u32>,
    /// What a payer's page needs to finish 3-D Secure: for those who wait now.
    pub client_secret: Option<String>,
    /// Why the last call failed, for the log.
    pub failure: Option<crate::stripe::Failure>,
}

/// Money that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// By which PaymentIntent: the source of the entry.
    pub intent: PaymentIntentId,
    /// How much, as Stripe says it received.
    pub amount: MinorAmount,
    /// In which currency.
    pub currency: Currency,
}

impl TopUp {
    pub(super) fn stay(self) -> Transition {
        Transition {
            top_up: self,
            call: None,
            credit: None,
            customer: None,
            customers: None,
            client_secret: None,
            failure: None,
        }
    }

    pub(super) fn to(mut self, state: State) -> Transition {
        self.state = state;
        self.stay()
    }

    pub(in crate::ledger) fn settle(self, outcome: Outcome) -> Transition {
        self.to(State::Settled(outcome))
    }

    pub(super) fn call(self, verb: Verb, request: Request) -> Transition {
        let version = self.side.version.clone();
        Transition { call: Some(Call { verb, request, version }), ..self.stay() }
    }

    /// Begins: the first call that is still missing.
    pub fn begin(self, now: Millis) -> Transition {
        send::next_write(self, now)
    }

    /// Goes one step.
    pub fn step(self, event: &Event<'_>, now: Millis) -> Transition {
        match event {
            Event::Replied { verb, reply } => self.replied(verb, reply, now),
            Event::Woke { here } => self.woke(here, now),
            Event::CameBack { asked, here } => self.came_back(*asked, here, now),
            Event::Announced(intent) => self.announced(intent, now),
        }
    }

    fn replied(self, verb: &Verb, reply: &Reply, now: Millis) -> Transition {
        match (&self.state, verb) {
            (State::Sending(sending), Verb::Write { key, nth })
                if sending.key == *key && sending.sends == *nth =>
            {
                let sending = sending.clone();
                send::replied(self, sending, reply, now)
            }
            (State::Sending(sending), Verb::Method) if sending.step == Step::Attach => {
                let sending = sending.clone();
                send::method_read(self, sending, reply, now)
            }
            (State::LookUp { .. }, Verb::List) => read::listed(self, reply, now),
            (State::Follow { intent, .. } | State::Action { intent, .. }, Verb::Read(read))
                if intent == read =>
            {
                read::read(self, reply, now)
            }
            (State::Cancel { intent, cancels, .. }, Verb::Cancel(canceled, nth))
                if intent == canceled && cancels == nth =>
            {
                read::canceled(self, reply, now)
            }
            _ => self.stay(),
        }
    }

    fn woke(mut self, here: &StripeSide, now: Millis) -> Transition {
        if self.wake_at().is_none_or(|at| now < at) {
            return self.stay();
        }
        if !self.is_of(here) && !mutant!(SentToAnotherStripe) {
            self.put_off(now.plus(super::FOREIGN_SPAN));
            return self.stay();
        }
        match self.state.clone() {
            State::Sending(sending) => send::again(self, sending, now),
            State::LookUp { .. } => read::list(self, now),
            State::Follow { .. } | State::Cancel { .. } => read::follow(self, now),
            State::Action { since, .. } if now >= since.plus(ACTION_SPAN) => {
                read::ask(self, Asked::Other, now)
            }
            // A read that a crash cut off: for what it was.
            State::Action { asked: Some(asked), .. } => read::ask(self, asked, now),
            State::Action { since, .. } => {
                self.put_off(since.plus(ACTION_SPAN));
                self.stay()
            }
            State::Settled(_) => self.stay(),
        }
    }

    fn came_back(self, asked: Asked, here: &StripeSide, now: Millis) -> Transition {
        match self.state {
            State::Action { since, .. } if self.is_of(here) => {
                let late = now >= since.plus(ACTION_SPAN);
                read::ask(self, if late { Asked::Other } else { asked }, now)
            }
            _ => self.stay(),
        }
    }

    fn announced(self, intent: &PaymentIntent, now: Millis) -> Transition {
        if !self.owns(intent) {
            return self.stay();
        }
        match self.state {
            State::Settled(Outcome::Credited { .. }) if !mutant!(CreditWithoutIndex) => self.stay(),
            // Whatever we believed before: money that came in is credited. What is over is not opened again for less.
            State::Settled(_) if intent.status == PaymentIntentStatus::Succeeded => {
                let before = self.clone();
                let transition = self.succeeded(intent, now);
                if transition.credit.is_some() { transition } else { before.stay() }
            }
            _ if intent.status == PaymentIntentStatus::Succeeded => self.succeeded(intent, now),
            _ => self.stay(),
        }
    }

    /// The PaymentIntent succeeded: credit what it says came in, in its own currency.
    pub(super) fn succeeded(self, intent: &PaymentIntent, now: Millis) -> Transition {
        let amount = MinorAmount::new(intent.amount_received);
        let currency = Currency::parse(&intent.currency).ok();
        let ours = intent.livemode == self.side.live;
        match (amount, currency) {
            (Some(amount), Some(currency)) if ours && currency.units_of(amount).is_some() => {
                let credit = Credit { intent: intent.id.clone(), amount, currency };
                let outcome = Outcome::Credited { intent: intent.id.clone(), amount, currency };
                Transition { credit: Some(credit), ..self.settle(outcome) }
            }
            // A success that says nothing we can credit: look at it again, never call it over.
            _ => self.watch(intent.id.clone(), now),
        }
    }

    /// Goes on reading a PaymentIntent that is not over.
    pub(super) fn watch(self, intent: PaymentIntentId, now: Millis) -> Transition {
        self.to(State::Follow { intent, reads: 0, cancels: 0, wake_at: now.plus(LOOK_AGAIN), missing: None })
    }

    /// Cancels a PaymentIntent that may no longer be paid.
    pub(super) fn cancel(mut self, intent: PaymentIntentId, before: u32, now: Millis) -> Transition {
        let nth = before.saturating_add(1);
        let request = request::cancel_payment_intent(&self.id, self.attempt, nth, &intent);
        self.state = State::Cancel { intent: intent.clone(), cancels: nth, wake_at: now.plus(IN_FLIGHT) };
        self.call(Verb::Cancel(intent, nth), request)
    }

    /// Whether it began with the Stripe that we speak to now. The API version may have moved on: the bytes of a
    /// resend go with the version that they were made for.
    pub fn is_of(&self, here: &StripeSide) -> bool {
        self.side.live == here.live && self.side.account == here.account
    }

    /// Is due at this time, if it is not over.
    pub(in crate::ledger) fn put_off(&mut self, to: Millis) {
        match &mut self.state {
            State::Sending(Sending { wake_at, .. })
            | State::LookUp { wake_at, .. }
            | State::Follow { wake_at, .. }
            | State::Action { wake_at, .. }
            | State::Cancel { wake_at, .. } => *wake_at = to,
            State::Settled(_) => {}
        }
    }
}
