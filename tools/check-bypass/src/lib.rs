//! Ways around a paywall: forms of a request for a priced resource that some origin, somewhere, serves as that
//! resource, while a careless gate in front takes them for something free.
//!
//! - [`corpus`] makes the forms, by rules, for any list of priced paths. `tests/vectors/bypass.json` is what it makes
//!   for the demo origin; the end-to-end tests send that.
//! - [`wire`] sends them as they are: no library between us and the socket that would tidy them up.
//! - [`check`] sends them to a deployment and says what got through: `make check-bypass URL=…`, `stripe402 check URL`.
//! - [`routes`] reads what has a price from `wrangler.toml`.
//!
//! Kept true here: every loop is bounded, in requests and in time.

// A program of the operator's machine: it reads the clock, and counts with plain integers.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::disallowed_methods)]

pub mod check;
pub mod corpus;
pub mod routes;
pub mod wire;
