//! One client's money: entries, top-ups, and what may be done with them.
//!
//! The invariants that this module holds, after every step and every crash:
//! 1. For each currency, balance = sum of all entries, and every entry stores the running balance.
//! 2. A debit never makes a balance negative.
//! 3. Every succeeded PaymentIntent of ours is credited exactly once, with its own amount and currency.
//! 4. At most one unsettled top-up per account; debits never wait for it.
//! 5. An answer with `success:true` has exactly one debit.
//! 6. No byte goes to Stripe before the row that explains it is on disk.

/// Whether a deliberate bug is switched on ([`mutants`]); the constant `false` in what is deployed.
#[cfg(any(test, feature = "mutants"))]
macro_rules! mutant {
    ($name:ident) => {
        $crate::ledger::mutants::active() == Some($crate::ledger::mutants::Mutant::$name)
    };
}
#[cfg(not(any(test, feature = "mutants")))]
macro_rules! mutant {
    ($name:ident) => {
        false
    };
}

pub mod account;
pub mod alarm;
pub mod amount;
pub mod call;
pub mod compaction;
pub mod disputes;
pub mod entries;
#[cfg(any(test, feature = "mutants"))]
pub mod mutants;
pub mod operator;
pub mod payback;
mod paybacks;
pub mod record;
pub mod reports;
pub mod request_keys;
pub mod schema;
pub mod statement;
pub mod store;
pub mod topup;
mod topups;
pub mod views;
pub mod words;

pub use account::{Account, Advanced, Paying, Spent};
pub use call::{Answer, Call, Deposit, Limits, Pay, Refused};
pub use entries::{Op, Order, Posted};
pub use request_keys::RequestKey;
pub use store::{Millis, Param, Row, Store, StoreError, Value};
