//! The ledger on the host: the real SQL on SQLite, the real top-up machine against a Stripe that says what each test
//! lets it say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::needless_pass_by_value,
    reason = "a test may fail loudly"
)]

mod support;

mod ledger {
    mod action;
    mod announced;
    mod attempts;
    mod compaction;
    mod credits;
    mod debits;
    mod deposits;
    mod erased;
    mod first_payment;
    mod given;
    mod history;
    mod joining;
    mod kept;
    mod keyed_cards;
    mod limits;
    mod look_ups;
    mod missing;
    mod operator;
    mod paybacks;
    mod plans;
    mod properties;
    mod records;
    mod reporting;
    mod reports;
    mod reports_drawn;
    mod request_keys;
    mod resends;
    mod said;
    mod statements;
    mod store;
    mod words;
}
