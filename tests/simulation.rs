//! The ledger, simulated: the real ledger and the real top-up machine on SQLite, against a model of Stripe, in as many
//! histories as one has time for. After every step of every history all invariants are checked; a history that breaks one
//! is shrunk to the shortest that still does, and told.
//!
//! `N=1000000` runs so many histories, `SEED=7` tells one of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    missing_docs,
    reason = "a test may fail loudly"
)]

mod support;

mod simulation {
    pub(crate) mod announcing;
    pub(crate) mod books;
    pub(crate) mod calls;
    pub(crate) mod coverage;
    pub(crate) mod dice;
    pub(crate) mod disk;
    pub(crate) mod invariants;
    pub(crate) mod link;
    pub(crate) mod mutants;
    pub(crate) mod object;
    pub(crate) mod operating;
    pub(crate) mod paying;
    pub(crate) mod reports;
    pub(crate) mod requests;
    pub(crate) mod run;
    pub(crate) mod schedule;
    pub(crate) mod shrink;
    pub(crate) mod stripe;
    pub(crate) mod webhooks;
    pub(crate) mod wire;
    pub(crate) mod world;

    use stripe402_edge::ledger::Millis;

    /// When every history begins.
    pub(crate) const START: Millis = Millis(1_790_000_000_000);
    pub(crate) const SECOND: i64 = 1_000;
    pub(crate) const MINUTE: i64 = 60 * SECOND;
    pub(crate) const HOUR: i64 = 60 * MINUTE;
    pub(crate) const DAY: i64 = 24 * HOUR;
}

fn main() -> std::process::ExitCode {
    simulation::run::main()
}
