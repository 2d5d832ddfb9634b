//! stripe402-edge: an edge paywall. A request comes in, one decision goes out, and a paid one costs one debit.
//!
//! The map:
//! - [`ledger`]: one client's money: entries, top-ups, and what may be done with them.
//! - [`stripe`]: Stripe's REST API as values.

pub mod ledger;
pub mod stripe;
