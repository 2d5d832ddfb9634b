//! The gate in every surrounding that it may stand in: other origins, other bindings, broken neighbours. All on raw
//! workerd, so that nothing tidies up a request before the Worker sees it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

mod caches;
mod clients;
mod closed;
mod cors;
mod docs;
mod given;
mod limits;
mod logs;
mod methods;
mod origins;
mod proof;
mod scripted;
mod speculative;
mod streams;
mod worker_side;
