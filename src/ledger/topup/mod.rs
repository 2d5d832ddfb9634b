//! A top-up: how a card's money becomes credit, as a state machine without I/O.
//!
//! ```text
//! Customer ─► Attach ─► Charge ─► Credited
//!    │           │         ├── Declined, Refused   definite: a later try is a new top-up
//!    │           │         ├── Action              3-D Secure: resumed by the payer's retry, else cancelled
//!    └───────────┴─────────┴── no answer           the same bytes again for two minutes, then only look-ups
//! ```
//!
//! Kept true here: a request's exact bytes are in the record before it is sent, and every resend sends those; a
//! charge whose outcome is not known is never made again, and never called a failure; a PaymentIntent whose secret
//! was handed out is cancelled before the top-up ends without its money.

mod read;
mod record;
mod send;
mod step;

#[cfg(test)]
mod tests;

use stripe402_core::protocol::{AccountId, Currency, MinorAmount, PaymentMethodId};

pub use step::{Call, Event, Transition, Verb};

use super::store::Millis;
use crate::stripe::{self, CustomerId, PaymentIntentId, TopUpId};

/// One call of ours takes at most this long; after that it counts as unanswered.
pub const CALL_TIMEOUT: i64 = 20_000;
/// How long after a send the alarm asks what became of it: longer than any call.
pub const IN_FLIGHT: i64 = 25_000;
/// How long after its first send a request may be sent again.
pub const RESEND_WINDOW: i64 = 120_000;
/// How often a request is sent in all.
pub const MAX_SENDS: u32 = 4;
/// How long to wait before the second, third and fourth send.
pub const RESEND_AFTER: [i64; 3] = [1_000, 5_000, 25_000];
/// How far apart two look-ups must be that find nothing, and the first from the last send.
pub const LOOK_UP_SPAN: i64 = 300_000;
/// How long a look-up waits for the next where Stripe did not answer, or is still at it.
pub const LOOK_AGAIN: i64 = 30_000;
/// How long a payer has to finish 3-D Secure.
pub const ACTION_SPAN: i64 = 3_600_000;
/// How long a record waits that belongs to another Stripe account or mode than ours is now.
pub const FOREIGN_SPAN: i64 = 3_600_000;

/// Whose Stripe we speak to: a request that was made for one is never sent to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripeSide {
    /// Whether real cards are charged.
    pub live: bool,
    /// What tells one Stripe account from another; derived from the publishable key.
    pub account: String,
    /// The API version that the bytes were made for.
    pub version: String,
}

/// What the payer asked for, checked and ready to be charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whose account.
    pub account: AccountId,
    /// The payment method as the payer named it.
    pub sent: PaymentMethodId,
    /// The payment method as Stripe returned it: what is attached and charged.
    pub method: PaymentMethodId,
    /// Whether it is attached to the account's Customer already.
    pub attached: bool,
    /// The account's Customer, if it has one.
    pub customer: Option<CustomerId>,
    /// How many Customers the account had before.
    pub customers: u32,
    /// The currency.
    pub currency: Currency,
    /// How much to charge; none if the card is only to be attached, so that it may spend what is there.
    pub amount: Option<MinorAmount>,
    /// The deployment's tag, for Stripe's metadata.
    pub deployment: String,
    /// Put behind the operator's statement descriptor.
    pub descriptor_suffix: Option<String>,
    /// Where Stripe sends a receipt, if the payer asked for one.
    pub receipt_email: Option<String>,
    /// The deposit that asked for it, by its name; none if a payment did.
    pub deposit: Option<String>,
}

/// The record of one top-up: all that a fresh instance needs to go on with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopUp {
    /// Its name: in every idempotency key and in Stripe's metadata.
    pub id: TopUpId,
    /// Which attempt of it: part of the keys. Another one begins when the account's Customer is gone at Stripe.
    pub attempt: u32,
    /// What is to be charged.
    pub wanted: Wanted,
    /// Whose Stripe it began with.
    pub side: StripeSide,
    /// Where it stands.
    pub state: State,
}

/// A call that must be made by its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Create the account's Customer.
    Customer,
    /// Attach the card to it.
    Attach,
    /// Create and confirm the PaymentIntent.
    Charge,
}

/// A write that was sent, and is sent again as it was until its outcome is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// What it is for.
    pub step: Step,
    /// The path.
    pub path: String,
    /// The exact form body.
    pub body: String,
    /// The idempotency key.
    pub key: String,
    /// When it was first sent.
    pub first_at: Millis,
    /// When it was last sent.
    pub last_at: Millis,
    /// How often it was sent.
    pub sends: u32,
    /// When to look after it.
    pub wake_at: Millis,
    /// Whether Stripe repeated a stored server error: asking once more is enough.
    pub stored_error: bool,
}

/// What the read of a PaymentIntent is for, while the payer may be finishing 3-D Secure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The same payment came again: if the payer is not through, the same action is answered.
    Same,
    /// Something else is wanted, or time is up: it is cancelled unless it succeeded.
    Other,
}

/// Stripe says that there is nothing of this name, though it named it to us before: in test mode, whose data somebody
/// deleted; or to a key that is another's. Nothing is concluded from that but by an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Since when.
    pub since: Millis,
    /// When it last said so.
    pub last: Millis,
}

impl Missing {
    /// Stripe says so, not for the first time if it did `before`.
    #[must_use]
    pub fn said(before: Option<Self>, now: Millis) -> Self {
        Self { since: before.map_or(now, |before| before.since), last: now }
    }

    /// Whether that was said twice, as far apart as two look-ups that find nothing.
    pub const fn is_sure(self) -> bool {
        self.last.since(self.since) >= LOOK_UP_SPAN
    }
}

/// Where a top-up stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// A write is out, or waits to be sent again.
    Sending(Sending),
    /// The charge's outcome is not known and it may not be sent again: look for it at Stripe.
    LookUp {
        /// When the charge was first sent.
        first_at: Millis,
        /// When it was last sent.
        last_at: Millis,
        /// When a look-up first found nothing.
        missed_at: Option<Millis>,
        /// When to look again.
        wake_at: Millis,
    },
    /// The PaymentIntent is known and not over: read it until it is.
    Follow {
        /// Which.
        intent: PaymentIntentId,
        /// How often it was read.
        reads: u32,
        /// How often a cancel was sent.
        cancels: u32,
        /// When to read again.
        wake_at: Millis,
        /// Whether Stripe says that there is none, ever since it last showed it.
        missing: Option<Missing>,
    },
    /// The payer's bank asks for 3-D Secure, and the payer was told.
    Action {
        /// Which PaymentIntent.
        intent: PaymentIntentId,
        /// Since when.
        since: Millis,
        /// When to act: after an hour, or when a read of it that is under way is overdue.
        wake_at: Millis,
        /// What a read that is under way is for.
        asked: Option<Asked>,
    },
    /// A cancel of the PaymentIntent is out.
    Cancel {
        /// Which.
        intent: PaymentIntentId,
        /// The nth cancel: part of its key.
        cancels: u32,
        /// When to look after it.
        wake_at: Millis,
    },
    /// It is over.
    Settled(Outcome),
}

/// How a top-up ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The card was charged; the account holds the credit.
    Credited {
        /// By which PaymentIntent.
        intent: PaymentIntentId,
        /// How much, in minor units.
        amount: MinorAmount,
        /// In which currency.
        currency: Currency,
    },
    /// The card was attached, which is all that was wanted.
    Attached,
    /// The card was declined.
    Declined {
        /// In words for the payer.
        message: String,
        /// Stripe's codes, for the log.
        codes: String,
    },
    /// Stripe refused the request, or ended the PaymentIntent without money.
    Refused {
        /// In words for the payer.
        message: String,
    },
    /// Looked for twice and not found: it never happened.
    NeverHappened,
    /// Cancelled before it was paid.
    Canceled,
}

impl Outcome {
    /// The word under which it stands in the table.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Credited { .. } => "credited",
            Self::Attached => "attached",
            Self::Declined { .. } => "declined",
            Self::Refused { .. } => "refused",
            Self::NeverHappened => "never_happened",
            Self::Canceled => "canceled",
        }
    }
}

impl TopUp {
    /// When somebody has to look after it, if nothing happens before; none once it is settled.
    pub const fn wake_at(&self) -> Option<Millis> {
        match &self.state {
            State::Sending(Sending { wake_at, .. })
            | State::LookUp { wake_at, .. }
            | State::Follow { wake_at, .. }
            | State::Action { wake_at, .. }
            | State::Cancel { wake_at, .. } => Some(*wake_at),
            State::Settled(_) => None,
        }
    }

    /// The PaymentIntent, once it is known.
    pub const fn intent(&self) -> Option<&PaymentIntentId> {
        match &self.state {
            State::Follow { intent, .. } | State::Action { intent, .. } | State::Cancel { intent, .. } => {
                Some(intent)
            }
            State::Settled(Outcome::Credited { intent, .. }) => Some(intent),
            State::Sending(_) | State::LookUp { .. } | State::Settled(_) => None,
        }
    }

    /// How it ended, if it did.
    pub const fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Settled(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Whether Stripe says that its PaymentIntent is not there, and said so before.
    pub fn is_missing(&self) -> bool {
        matches!(&self.state, State::Follow { missing: Some(missing), .. } if missing.is_sure())
    }

    /// Whether a payer names the card that this top-up charges: as sent, or as returned.
    pub fn names(&self, method: &PaymentMethodId) -> bool {
        *method == self.wanted.sent || *method == self.wanted.method
    }

    fn top_up_of(intent: &stripe::PaymentIntent) -> Option<&str> {
        intent.metadata.get("stripe402_top_up").map(String::as_str)
    }

    /// Whether Stripe's PaymentIntent says that it belongs to this top-up, by our own metadata and mode.
    pub fn owns(&self, intent: &stripe::PaymentIntent) -> bool {
        Self::top_up_of(intent) == Some(self.id.as_str()) && intent.livemode == self.side.live
    }
}
