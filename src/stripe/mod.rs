//! Stripe's REST API as values: what to send, and what an answer means. Nothing here does I/O.
//!
//! Kept true here: a request's bytes are a function of its arguments alone (so that a resend is the same
//! request), and no answer is called a refusal unless Stripe's rules make it definite.

pub mod error;
pub mod ids;
pub mod object;
pub mod request;
pub mod response;
pub mod webhook;

pub use error::{Decline, Failure, Refusal, Unknown};
pub use ids::{CustomerId, DisputeId, Fingerprint, PaymentIntentId, TopUpId};
pub use object::{
    Customer, CustomerRef, Dispute, PaymentIntent, PaymentIntentStatus, PaymentMethod, REFUND_OURS, Refund,
};
pub use request::{Method, Request};
pub use response::{Answer, Reply};

/// The version of Stripe's API that every request names, so that an account's own default never decides what
/// our parsers meet. <https://docs.stripe.com/api/versioning>
pub const API_VERSION: &str = "2026-07-29.dahlia";

/// Where Stripe's API is, unless a test key points elsewhere.
pub const API_BASE: &str = "https://api.stripe.com";
