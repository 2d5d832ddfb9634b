//! The gate on the host: settings as an operator writes them, one request in, one decision out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::needless_pass_by_value,
    reason = "a test may fail loudly"
)]

mod gate {
    mod cookies;
    mod decisions;
    mod deposits;
    mod given;
    mod methods;
    mod oracle;
    mod payments;
    mod routes;
    mod vectors;
}
