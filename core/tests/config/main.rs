//! The configuration: what is accepted, what is refused and how, and `wrangler.toml` as a whole.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    reason = "a test may fail loudly, and its tables are long"
)]

mod accepts;
mod given;
mod refuses;
mod refuses_routes;
mod wrangler;
