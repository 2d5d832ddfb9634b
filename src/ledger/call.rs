//! What the Worker asks of an account, and what it answers: the words between the two, as values.
//!
//! Kept true here: the words only grow. A Worker may speak for minutes to an object of the version before, so every
//! new field has a default and no old one changes its meaning (`words` writes them, and pins their form).

use stripe402_core::protocol::{ClientId, Currency, ErrorCode, PaymentMethodId, Units};

use super::account::Announcement;
use super::amount::Offer;
use super::entries::{Op, Order};
use super::operator::{Act, View};
use super::statement::Page;
use crate::stripe::{CustomerId, PaymentIntentId};

/// A call of the Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Debit the price, if the balance covers it.
    Spend(Order),
    /// Debit the price; where the balance does not cover it, charge the card first. With a deposit: only charge and
    /// credit.
    Pay(Box<Pay>),
    /// Give a debit back: nothing was served for it.
    Reverse {
        /// Its currency.
        currency: Currency,
        /// Its number.
        seq: i64,
        /// The attempt that made it.
        op: Op,
        /// The attempt that asks, where it is another (a later try under the same idempotency key).
        holder: Option<Op>,
    },
    /// Give back the debit that an attempt may have made, whose answer was lost.
    Undo {
        /// Its currency.
        currency: Currency,
        /// The attempt.
        op: Op,
    },
    /// The answer of a request with an idempotency key is about to go out.
    Deliver {
        /// The key.
        key: String,
        /// The attempt that runs under it.
        holder: Op,
    },
    /// Stripe announced something about a PaymentIntent of this account.
    Announce(Announcement),
    /// Show a page of the statement.
    Show(Page),
    /// Whether anybody ever tried to pay into this account.
    IsKnown,
    /// Show an operator something; the page is that of the entries.
    See(View, Page),
    /// An operator's act.
    Act(Box<Act>),
}

/// A payment with a card that Stripe just told us about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pay {
    /// What is bought.
    pub order: Order,
    /// The client whose account this is. None: only the account's own row can tell.
    pub client_id: Option<ClientId>,
    /// The payment method as the payer named it.
    pub sent: PaymentMethodId,
    /// The payment method as Stripe returned it.
    pub method: PaymentMethodId,
    /// The Customer of this account that it is attached to. None: to nobody.
    pub customer: Option<CustomerId>,
    /// What may be charged.
    pub offer: Offer,
    /// What holds card testers back.
    pub limits: Limits,
    /// Whether the card is only to be charged and the account credited. None: the order is debited.
    pub deposit: Option<Deposit>,
}

/// A top-up that is asked for by itself: nothing is debited, the order says what it is meant to pay for later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// What tells this top-up from another: the same name again is the same top-up, and charges nothing.
    pub name: String,
    /// For how many milliseconds after the credit that holds.
    pub kept: i64,
    /// Where Stripe sends a receipt, if the payer asked for one.
    pub receipt_email: Option<String>,
}

/// What holds card testers back, per account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many declines in one hour; none: no limit.
    pub declines_per_hour: Option<u32>,
    /// How much may be charged in a day; none: no limit.
    pub per_day: Option<Units>,
}

/// The answer of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The price was debited.
    Paid {
        /// The number of the debit.
        seq: i64,
        /// The balance after it.
        balance: Units,
        /// The PaymentIntent, if this request's card was charged.
        charge: Option<PaymentIntentId>,
        /// The client, where the Worker may not know it.
        client_id: Option<ClientId>,
        /// The attempt that made the debit, where it is an earlier one under the same idempotency key.
        op: Option<Op>,
    },
    /// The card was charged and the account credited, now or before under the same name. Nothing was debited.
    Deposited {
        /// The balance now.
        balance: Units,
        /// The PaymentIntent.
        charge: PaymentIntentId,
        /// The client, where the Worker may not know it.
        client_id: Option<ClientId>,
    },
    /// The balance does not cover the price. Nothing was written.
    Insufficient {
        /// The balance.
        balance: Units,
        /// Whether nobody ever tried to pay into this account.
        unknown: bool,
    },
    /// Definitely refused, and in these words.
    Refused(Refused),
    /// Too much was tried: not now.
    Limited {
        /// In how many seconds.
        retry_after: u32,
        /// A sentence for the payer.
        message: String,
    },
    /// Nobody knows yet whether the card was charged. The same payment may be sent again.
    Pending {
        /// In how many seconds.
        retry_after: u32,
    },
    /// The debit was given back (now or before).
    Reversed {
        /// The balance now.
        balance: Units,
    },
    /// A request with the same idempotency key is running.
    Running {
        /// In how many seconds to ask again.
        retry_after: u32,
    },
    /// A request with the same idempotency key was answered.
    Delivered {
        /// Its debit.
        seq: i64,
        /// The balance now.
        balance: Units,
        /// The client.
        client_id: Option<ClientId>,
    },
    /// The idempotency key was used for another request.
    OtherTarget,
    /// A page of the statement, as the JSON that its owner gets; or what an operator sees.
    Statement(String),
    /// What an operator asked for is not done.
    Objected {
        /// The status that it has in HTTP.
        status: u16,
        /// A sentence for the operator.
        message: String,
    },
    /// It is done (a delivery noted, an announcement applied).
    Done,
    /// It concerns nothing here.
    NotOurs,
}

/// A definite refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which of the protocol's codes.
    pub code: ErrorCode,
    /// A sentence for the payer.
    pub message: String,
    /// The balance as it is.
    pub balance: Units,
    /// What a payer's page needs to finish 3-D Secure.
    pub client_secret: Option<String>,
    /// Whether the account takes and gives nothing until its dispute is over.
    pub frozen: bool,
}

impl Refused {
    /// A refusal in these words.
    pub fn new(code: ErrorCode, message: String, balance: Units) -> Self {
        Self { code, message, balance, client_secret: None, frozen: false }
    }
}
