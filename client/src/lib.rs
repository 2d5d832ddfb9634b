//! The paying side of the stripe402 protocol: requests that a server answers with `402 Payment Required` are paid for and
//! sent again, within limits that are checked before anything is sent.
//!
//! - [`Paying`] is what pays: a [`Payer`], a [`Policy`] and a [`Store`]. It is middleware for reqwest (feature
//!   `middleware`, on native targets), and has a `fetch` for Rust Workers (feature `fetch`, on wasm32).
//! - [`Payer`] decides and names a payment method: a fixed `pm_…`, a [`CardPayer`], [`CreditsOnly`], a function
//!   ([`decide`]), or one of your own.
//! - [`Policy`] says what may be spent; [`Rule`] names each of its rules.
//! - [`Store`] keeps the [`Books`]: client ids by origin, last prices, what was spent. [`MemoryStore`], [`FileStore`].
//! - [`Outcome`] says what became of a request.
//!
//! One request is paid for at most once. The credits of the client id that is kept for an origin are tried first, the
//! card after that; an outcome that the server does not know yet (503 with `Retry-After`) is asked for with the very same
//! payment. Whoever has a client id can spend its credits: it is sent to its own origin only, and never logged.

#![cfg_attr(
    not(any(
        all(not(target_arch = "wasm32"), feature = "middleware"),
        all(target_arch = "wasm32", feature = "fetch")
    )),
    allow(dead_code, reason = "what both flavours share is used by neither")
)]

mod books;
mod card;
mod challenge;
#[cfg(all(not(target_arch = "wasm32"), feature = "command"))]
#[doc(hidden)]
pub mod cli;
mod error;
mod exchange;
#[cfg(all(target_arch = "wasm32", feature = "fetch"))]
mod fetch;
#[cfg(all(not(target_arch = "wasm32"), feature = "middleware"))]
mod middleware;
mod origin;
mod payer;
mod paying;
mod policy;
mod redirect;
mod store;

pub use books::{Books, Client, Ticket};
pub use card::{Card, CardError, CardPayer};
pub use challenge::{Challenge, NotAChallenge};
pub use error::Error;
pub use exchange::{Doubt, NotFollowed, Outcome, Paid};
pub use origin::{Host, InvalidHost, Origin};
pub use payer::{Ask, CreditsOnly, Means, Payer, PayerError, decide};
pub use paying::Paying;
pub use policy::{Budget, Factor, InvalidFactor, Limits, Order, Policy, Refused, Rule, Scope, Window};
pub use store::{Act, MemoryStore, Store, StoreError};

#[cfg(all(target_arch = "wasm32", feature = "fetch"))]
pub use fetch::{FetchError, Fetched};
#[cfg(not(target_arch = "wasm32"))]
pub use store::FileStore;
pub use stripe402_core::protocol;

/// The examples of the guide are compiled.
#[cfg(all(doctest, feature = "middleware", not(target_arch = "wasm32")))]
#[doc = include_str!("../../docs/client.md")]
struct Guide;
