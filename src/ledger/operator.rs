//! What an operator may do to an account and ask of it, and how that is answered.
//!
//! Kept true here: every act has a name, who did it and why; the same name again is the same act, and does nothing.

use serde_json::Value;
use stripe402_core::protocol::{Currency, Units};

use super::record::{Fields, Record, currency, optional, optional_text, owned, text};
use super::store::StoreError;

/// What stands before the name that an operator gave an act: it is no PaymentIntent's, and no attempt's to pay.
pub const ACT: &str = "act ";

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The balance is changed.
    Adjust,
    /// The account serves nothing and charges nothing.
    Freeze,
    /// It does again.
    Unfreeze,
    /// Unused credits go back to the cards that paid for them.
    Refund,
    /// What is open is looked after now.
    Resume,
    /// What is open at a Stripe account whose keys are gone, or that Stripe does not have any more, is over: it never
    /// happened.
    Settle,
    /// All that is known of the client is deleted.
    Erase,
    /// All of it is handed over to the reports anew.
    Report,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Adjust,
        Self::Freeze,
        Self::Unfreeze,
        Self::Refund,
        Self::Resume,
        Self::Settle,
        Self::Erase,
        Self::Report,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adjust => "adjust",
            Self::Freeze => "freeze",
            Self::Unfreeze => "unfreeze",
            Self::Refund => "refund",
            Self::Resume => "resume",
            Self::Settle => "settle",
            Self::Erase => "erase",
            Self::Report => "report",
        }
    }

    /// What a word means.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == word)
    }
}

/// An act of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Its name: [`ACT`] and what the operator called it.
    pub name: String,
    /// What is done.
    pub what: What,
    /// Who does it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// In which currency, where money moves.
    pub currency: Option<Currency>,
    /// How much: what is added to the balance, or goes back to the cards. None: all that is there.
    pub amount: Option<Units>,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The client's record.
    Client,
    /// A page of the entries.
    Transactions,
    /// What operators did.
    Acts,
    /// The balance, derived anew.
    Audit,
    /// All that is known.
    Export,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Client, Self::Transactions, Self::Acts, Self::Audit, Self::Export];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Transactions => "transactions",
            Self::Acts => "acts",
            Self::Audit => "audit",
            Self::Export => "export",
        }
    }

    /// What a word means.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str() == word)
    }
}

/// Why an act was not done, or nothing can be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// Nobody ever paid into this account.
    #[error("There is no such client.")]
    Unknown,
    /// The account is not in a state for it.
    #[error("{0}")]
    Conflict(String),
    /// An act of this name was something else.
    #[error("This Idempotency-Key was used for another act. Use a new one.")]
    OtherAct,
    /// Ours or the platform's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Objection {
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict(message.into())
    }

    /// The status that it has in HTTP.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Unknown => 404,
            Self::Conflict(_) => 409,
            Self::OtherAct => 422,
            Self::Store(_) => 503,
        }
    }
}

impl Record for Act {
    fn write(&self) -> Value {
        Fields::default()
            .with("name", self.name.as_str())
            .with("what", self.what.as_str())
            .with("by", self.by.as_str())
            .with("reason", self.reason.as_str())
            .with_some("currency", self.currency.map(Currency::code))
            .with_some("amount", self.amount.map(Units::get))
            .done()
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            name: owned(value, "name").filter(|name| name.starts_with(ACT))?,
            what: What::parse(text(value, "what")?)?,
            by: owned(value, "by")?,
            reason: owned(value, "reason")?,
            currency: optional_text(value, "currency", |_| currency(value, "currency"))?,
            amount: optional(value, "amount", |amount| Units::new(amount.as_i64()?))?,
        })
    }
}
