//! stripe402-edge: an edge paywall. A request comes in, one decision goes out, and a paid one costs one debit.
//!
//! The map, in the direction in which the modules depend on each other (all but the last are pure):
//! - [`stripe`]: Stripe's REST API as values.
//! - [`ledger`]: one client's money: entries, top-ups, and what may be done with them.
//! - [`reports`]: the statements that write into the reports' database, for tests on the host.
//! - [`gate`]: one request in, one decision out.
//! - [`pages`]: what a person sees in a browser.
//! - `worker`: the only module that knows Cloudflare. It exists on wasm32 alone.

pub mod gate;
pub mod ledger;
pub mod pages;
#[cfg(not(target_arch = "wasm32"))]
pub mod reports;
pub mod stripe;
#[cfg(target_arch = "wasm32")]
mod worker;
#[cfg(target_arch = "wasm32")]
pub use worker::Account;
