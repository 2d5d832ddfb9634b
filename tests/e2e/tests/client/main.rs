//! The paying side: the client library and the command `stripe402`, against the running Worker, and against servers that
//! lie.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

mod command;
mod given;
mod honest;
mod liars;
mod lost;
mod processes;
mod redirects;
#[path = "../gate/scripted.rs"]
#[allow(dead_code, reason = "the gate's tests use the rest")]
mod scripted;
mod told;
mod worker;
