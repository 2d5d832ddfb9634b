//! The testbed's own tests: every rule it enforces, spoken over HTTP to running servers.
//!
//! A table names each rule by its section and row in the project's collection of facts about Stripe: §1 idempotency,
//! §2 PaymentIntents (its tables of parameters, statuses and errors), §3 reuse and fingerprints, §5 amounts,
//! §6 webhooks, §7 refunds, §8 test cards. Rows are counted from 1 in each table or list.

// Tests stop at the first thing that is not as it should be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods
)]

mod access;
mod cards;
mod client;
mod errors;
mod faults;
mod idempotency;
mod lax;
mod origin;
mod payment_intents;
mod program;
mod receiver;
mod refunds;
mod reuse;
mod webhooks;
