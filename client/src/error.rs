//! Why a request has no answer.

use crate::payer::PayerError;
use crate::policy::Refused;
use crate::store::StoreError;
use stripe402_core::protocol::{Currency, Units};

/// Why a request has no answer. Nothing was paid, unless a variant says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The spend policy forbids it.
    #[error("payment refused by the spend policy: {0}")]
    Refused(#[from] Refused),
    /// The server asks for payment, but the request's body is a stream that has been sent and cannot be sent again.
    #[error(
        "the server asks for payment, and the request's body cannot be sent a second time: give the body as bytes, or ask \
         for the price first"
    )]
    BodyNotReplayable,
    /// The payer could not say what to pay with.
    #[error("{0}")]
    Payer(#[from] PayerError),
    /// The payer named less than the server takes.
    #[error("the top-up of {} is less than the server's smallest, {}", .currency.format(*.named), .currency.format(*.least))]
    TopUpBelowMinimum {
        /// Of both amounts.
        currency: Currency,
        /// The server's smallest.
        least: Units,
        /// What the payer named.
        named: Units,
    },
    /// An amount that Stripe cannot charge.
    #[error("the top-up is more than Stripe can charge")]
    TooLarge,
    /// The books could not be read or kept. If this comes after a payment was sent, it counts as spent.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The connection was lost after the payment was sent, and it was not sent again, or not any more. Whether it was made is
    /// not known; it counts as spent.
    #[error(
        "the connection was lost after the payment was sent, so nobody knows yet whether it was made: {0}"
    )]
    LostAfterPayment(String),
    /// The reqwest client follows redirects by itself, and would take payments along to wherever they lead.
    #[error(
        "the reqwest client follows redirects by itself: build it with redirect::Policy::none(), this middleware follows \
         them with care"
    )]
    ClientFollowsRedirects,
    /// Redirects without an end.
    #[error("more than {0} redirects")]
    TooManyRedirects(usize),
    /// The system gives no random bytes for an idempotency key.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// The request cannot carry a payment: its URL is not http or https.
    #[error("only http and https URLs can be paid for")]
    NotHttp,
    /// What cannot happen happened; the payment counts as spent.
    #[error("the payment took a turn that it should not take; this is a mistake in the client")]
    Confused,
}
