//! The gate against careless origins, as properties: whatever a client sends, no reading of what is forwarded is of
//! something dearer than what was paid for. And nothing that a stranger can send makes a parser panic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test may fail loudly"
)]

mod readings {
    mod careless;
    mod given;
    mod panics;
    mod prices;
    mod shop;
}
