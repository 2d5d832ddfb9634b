//! A payback: credits that go back to the card that paid for them, as a state machine without I/O.
//!
//! Kept true here: its credits are taken before its first byte is sent; the bytes are in the record, and every resend
//! sends those; credits come back only where Stripe refused, or was looked through twice and has no such refund. Where
//! Stripe has lost the charge itself, an operator decides.

use form_urlencoded::Serializer;
use serde_json::Value;
use stripe402_core::protocol::{AccountId, Currency, MinorAmount, Units};

use super::record::{Fields, Record, count, currency, flag, moment, optional, owned, text, units, variant};
use super::store::Millis;
use super::topup::{
    FOREIGN_SPAN, IN_FLIGHT, LOOK_AGAIN, LOOK_UP_SPAN, MAX_SENDS, Missing, RESEND_AFTER, RESEND_WINDOW,
    StripeSide,
};
use crate::stripe::object::List;
use crate::stripe::{
    Failure, Method, PaymentIntentId, REFUND_OURS, Refund, Refusal, Reply, Request, Unknown, request,
};

/// The record of one payback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayBack {
    /// Its name: in its idempotency key and in Stripe's metadata.
    pub id: String,
    /// The operator's act that asked for it.
    pub act: String,
    /// The charge that it gives back, or some of it.
    pub intent: PaymentIntentId,
    /// The currency.
    pub currency: Currency,
    /// The credits that this is worth.
    pub units: Units,
    /// How many of them are taken from the balance now: all or none.
    pub taken: Units,
    /// Whose Stripe holds the charge.
    pub side: StripeSide,
    /// The exact form body.
    pub body: String,
    /// Whether its money has not arrived yet, as far as is known: the bank may still send it back.
    pub pending: bool,
    /// Where it stands.
    pub state: State,
}

/// Where a payback stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It waits to be sent, or is out.
    Sending {
        /// When it was first sent.
        first_at: Millis,
        /// When it was last sent.
        last_at: Millis,
        /// How often it was sent.
        sends: u32,
        /// Whether Stripe repeated a stored server error.
        stored_error: bool,
        /// When to look after it.
        wake_at: Millis,
    },
    /// Its outcome is not known, and it may not be sent again: look for it at Stripe.
    LookUp {
        /// When it was last sent.
        last_at: Millis,
        /// When a look-up first found nothing.
        missed_at: Option<Millis>,
        /// When to look again.
        wake_at: Millis,
        /// Whether Stripe says that there is no such charge, ever since it last showed one.
        missing: Option<Missing>,
    },
    /// It is over.
    Settled(Outcome),
}

/// How a payback ended. What Stripe announces later is booked all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Stripe has the refund.
    Done,
    /// Stripe refused it.
    Refused,
    /// Stripe had it, and the bank sent it back.
    Failed,
    /// Looked for twice and not found.
    NeverHappened,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Done, Self::Refused, Self::Failed, Self::NeverHappened];

    /// The word under which it stands in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::NeverHappened => "never_happened",
        }
    }
}

/// A call to be made, once the record that explains it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Of which payback.
    pub id: String,
    /// Which send; none: it looks.
    pub nth: Option<u32>,
    /// What to send.
    pub request: Request,
    /// The API version that its bytes were made for.
    pub version: String,
}

/// The form body of a refund. <https://docs.stripe.com/api/refunds/create>
pub(super) fn body(
    account: &AccountId,
    deployment: &str,
    id: &str,
    intent: &PaymentIntentId,
    amount: MinorAmount,
) -> String {
    Serializer::new(String::new())
        .append_pair("payment_intent", intent.as_str())
        .append_pair("amount", &amount.to_string())
        .append_pair("reason", "requested_by_customer")
        .append_pair("metadata[stripe402_account]", account.as_str())
        .append_pair(&format!("metadata[{REFUND_OURS}]"), id)
        .append_pair("metadata[stripe402_deployment]", deployment)
        .finish()
}

impl PayBack {
    /// When somebody has to look after it; none once it is settled.
    pub const fn wake_at(&self) -> Option<Millis> {
        match &self.state {
            State::Sending { wake_at, .. } | State::LookUp { wake_at, .. } => Some(*wake_at),
            State::Settled(_) => None,
        }
    }

    /// How it ended, if it did.
    pub const fn outcome(&self) -> Option<Outcome> {
        match &self.state {
            State::Settled(outcome) => Some(*outcome),
            State::Sending { .. } | State::LookUp { .. } => None,
        }
    }

    /// Whether Stripe says that its charge is not there, and said so before.
    pub fn is_missing(&self) -> bool {
        matches!(&self.state, State::LookUp { missing: Some(missing), .. } if missing.is_sure())
    }

    /// Whether it began with the Stripe that we speak to now.
    pub fn is_of(&self, here: &StripeSide) -> bool {
        self.side.live == here.live && self.side.account == here.account
    }

    /// Is due at this time, if it is not over.
    pub(super) fn put_off(&mut self, to: Millis) {
        if let State::Sending { wake_at, .. } | State::LookUp { wake_at, .. } = &mut self.state {
            *wake_at = to;
        }
    }

    /// The call that is due. None: nothing is; it may have been put off.
    pub fn wake(&mut self, here: &StripeSide, now: Millis) -> Option<Call> {
        if self.wake_at().is_none_or(|at| now < at) {
            return None;
        }
        if !self.is_of(here) {
            self.put_off(now.plus(FOREIGN_SPAN));
            return None;
        }
        match &mut self.state {
            State::Sending { first_at, last_at, sends, wake_at, .. } => {
                if *sends == 0 {
                    *first_at = now;
                }
                if *sends >= MAX_SENDS || now.since(*first_at) >= RESEND_WINDOW {
                    let last_at = *last_at;
                    self.state = State::LookUp { last_at, missed_at: None, wake_at: now, missing: None };
                    return Some(self.look(now));
                }
                *sends = sends.saturating_add(1);
                (*last_at, *wake_at) = (now, now.plus(IN_FLIGHT));
                let nth = *sends;
                let request = Request {
                    method: Method::Post,
                    path: "/v1/refunds".to_owned(),
                    body: self.body.clone(),
                    key: Some(format!("{}.refund", self.id)),
                };
                Some(self.call(Some(nth), request))
            }
            State::LookUp { .. } => Some(self.look(now)),
            State::Settled(_) => None,
        }
    }

    fn look(&mut self, now: Millis) -> Call {
        self.put_off(now.plus(IN_FLIGHT));
        self.call(None, request::list_refunds(&self.intent))
    }

    fn call(&self, nth: Option<u32>, request: Request) -> Call {
        Call { id: self.id.clone(), nth, request, version: self.side.version.clone() }
    }

    /// A call of it was answered, or not. Gives why it failed, for the log.
    pub fn replied(&mut self, nth: Option<u32>, reply: &Reply, now: Millis) -> Option<Failure> {
        match (&self.state, nth) {
            (State::Sending { sends, .. }, Some(nth)) if *sends == nth => self.answered(nth, reply, now),
            (State::LookUp { .. }, None) => self.listed(reply, now),
            _ => None,
        }
    }

    fn answered(&mut self, nth: u32, reply: &Reply, now: Millis) -> Option<Failure> {
        let failure = match reply.object::<Refund>(nth == 1) {
            Ok(refund) => {
                self.is(&refund);
                return None;
            }
            Err(failure) => failure,
        };
        match failure {
            Failure::Declined(_) | Failure::Refused(_) => self.settle(Outcome::Refused),
            Failure::Unknown(_) if mutant!(PayBackForgotten) => self.settle(Outcome::Refused),
            Failure::Unknown(unknown) => self.unanswered(unknown, now),
        }
        Some(failure)
    }

    fn unanswered(&mut self, unknown: Unknown, now: Millis) {
        let State::Sending { first_at, last_at, sends, stored_error, wake_at } = &mut self.state else {
            return;
        };
        let stored = matches!(unknown, Unknown::StoredServer { .. });
        let pointless = unknown == Unknown::KeyReused || (stored && *stored_error);
        let pause = usize::try_from(sends.saturating_sub(1)).ok().and_then(|nth| RESEND_AFTER.get(nth));
        match pause.map(|pause| now.plus(*pause)) {
            Some(at) if !pointless && at.since(*first_at) < RESEND_WINDOW => {
                *stored_error |= stored;
                *wake_at = at;
            }
            _ => {
                let last_at = *last_at;
                self.state = State::LookUp { last_at, missed_at: None, wake_at: now, missing: None };
            }
        }
    }

    fn listed(&mut self, reply: &Reply, now: Millis) -> Option<Failure> {
        let list = match reply.object::<List<Refund>>(true) {
            Ok(list) => list,
            Err(failure) => {
                let gone = matches!(failure, Failure::Refused(Refusal::Missing { .. }));
                let pause = if gone { self.missed(now) } else { LOOK_AGAIN };
                self.put_off(now.plus(pause));
                return Some(failure);
            }
        };
        if let Some(refund) = list.data.iter().find(|refund| refund.ours.as_ref() == Some(&self.id)) {
            self.is(refund);
            return None;
        }
        let State::LookUp { last_at, missed_at, wake_at, missing } = &mut self.state else { return None };
        *missing = None;
        match *missed_at {
            _ if list.has_more => *wake_at = now.plus(LOOK_AGAIN),
            _ if now.since(*last_at) < LOOK_UP_SPAN => *wake_at = last_at.plus(LOOK_UP_SPAN),
            None => {
                *missed_at = Some(now);
                *wake_at = now.plus(LOOK_UP_SPAN);
            }
            Some(missed) if now.since(missed) < LOOK_UP_SPAN => *wake_at = missed.plus(LOOK_UP_SPAN),
            Some(_) => self.settle(Outcome::NeverHappened),
        }
        None
    }

    /// Stripe has no such charge any more. Gives how long to wait: five minutes once, then an hour each time.
    fn missed(&mut self, now: Millis) -> i64 {
        let State::LookUp { missing, .. } = &mut self.state else { return LOOK_AGAIN };
        let first = missing.is_none();
        *missing = Some(Missing::said(*missing, now));
        if first { LOOK_UP_SPAN } else { FOREIGN_SPAN }
    }

    /// Stripe's truth about it.
    pub(super) fn is(&mut self, refund: &Refund) {
        self.settle(if refund.takes() { Outcome::Done } else { Outcome::Failed });
        self.pending = refund.is_pending();
    }

    pub(super) fn settle(&mut self, outcome: Outcome) {
        self.state = State::Settled(outcome);
    }

    /// How many of its credits the balance has to miss.
    pub(super) fn due(&self) -> Units {
        match self.outcome() {
            None | Some(Outcome::Done) => self.units,
            Some(Outcome::Refused | Outcome::Failed | Outcome::NeverHappened) => Units::ZERO,
        }
    }
}

impl Record for PayBack {
    fn write(&self) -> Value {
        Fields::default()
            .with("id", self.id.as_str())
            .with("act", self.act.as_str())
            .with("intent", self.intent.as_str())
            .with("currency", self.currency.code())
            .with("units", self.units.get())
            .with("taken", self.taken.get())
            .with("side", self.side.write())
            .with("body", self.body.as_str())
            .with("pending", self.pending)
            .with("state", self.state.write())
            .done()
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: owned(value, "id")?,
            act: owned(value, "act")?,
            intent: PaymentIntentId::parse(text(value, "intent")?).ok()?,
            currency: currency(value, "currency")?,
            units: units(value, "units")?,
            taken: units(value, "taken")?,
            side: StripeSide::read(value.get("side")?)?,
            body: owned(value, "body")?,
            pending: flag(value, "pending"),
            state: State::read(value.get("state")?)?,
        })
    }
}

impl Record for State {
    fn write(&self) -> Value {
        let fields = Fields::default();
        match self {
            Self::Sending { first_at, last_at, sends, stored_error, wake_at } => fields
                .with("first_at", first_at.0)
                .with("last_at", last_at.0)
                .with("sends", *sends)
                .with("stored_error", *stored_error)
                .with("wake_at", wake_at.0)
                .under("sending"),
            Self::LookUp { last_at, missed_at, wake_at, missing } => fields
                .with("last_at", last_at.0)
                .with_some("missed_at", missed_at.map(|at| at.0))
                .with("wake_at", wake_at.0)
                .with_some("missing", missing.map(|missing| missing.write()))
                .under("look_up"),
            Self::Settled(outcome) => fields.under(outcome.as_str()),
        }
    }

    fn read(value: &Value) -> Option<Self> {
        let (name, content) = variant(value)?;
        Some(match name {
            "sending" => Self::Sending {
                first_at: moment(content, "first_at")?,
                last_at: moment(content, "last_at")?,
                sends: count(content, "sends")?,
                stored_error: flag(content, "stored_error"),
                wake_at: moment(content, "wake_at")?,
            },
            "look_up" => Self::LookUp {
                last_at: moment(content, "last_at")?,
                missed_at: optional(content, "missed_at", Value::as_i64)?.map(Millis),
                wake_at: moment(content, "wake_at")?,
                missing: optional(content, "missing", Missing::read)?,
            },
            name => Self::Settled(Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == name)?),
        })
    }
}
