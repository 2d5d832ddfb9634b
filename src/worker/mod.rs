//! The only module that knows Cloudflare: it hands facts to the pure modules and carries out what they decide.
//!
//! Kept true here: no decision about money or about a path is made in this module; `passThroughOnException` is never
//! called; an error on a paid route is an answer of ours, never the origin's.

mod account_client;
mod account_object;
mod account_operator;
mod account_page;
mod admin;
mod assets;
mod browser;
mod debit_queue;
mod deposit;
mod early;
mod entry;
mod http;
mod limits;
mod log;
mod origin;
mod pay;
mod payer;
mod platform;
mod reporting;
mod reports;
mod sale;
mod setup;
mod sql;
mod stripe_http;
mod task;
mod trace;
mod truth;
mod waiters;
mod watch;
mod webhook;

pub use account_object::Account;
