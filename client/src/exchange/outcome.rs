//! What became of a request, for its caller.

use crate::challenge::{Challenge, NotAChallenge};
use crate::error::Error;
use crate::store::StoreError;
use stripe402_core::protocol::{Currency, ErrorCode, PaymentResponse, Units};

/// What became of a request. It is in the extensions of every answer that the middleware gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody asked for a payment, and none was sent.
    Free,
    /// It was paid for.
    Paid(Paid),
    /// It was paid for, and the server gave the price back, since its origin failed. A card may have been charged; that
    /// is credit now.
    Reversed(Paid),
    /// The payer declined; the answer is the 402.
    Declined(Challenge),
    /// A payment was sent, and refused; the answer is the 402, and says why.
    Failed {
        /// The protocol's code, if it is one that this client knows.
        code: Option<ErrorCode>,
        /// What was asked for.
        challenge: Challenge,
    },
    /// Nobody knows whether a card was charged, and it took too long to find out; the answer is the 503, or what a
    /// repetition of the payment was refused with for another reason (429). The same request can be sent again later:
    /// nobody is charged twice.
    Unknown,
    /// There is nothing that could be paid now; the answer is the 402.
    NoOffer(Challenge),
    /// A 402 that is not of this protocol, or cannot be read; it is the answer.
    NotOurs(NotAChallenge),
    /// A payment was sent, and the server refused the request for another reason; it was not debited.
    Rejected,
}

/// What was paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// What the request cost; none where it was paid from credits at a price that was not asked for.
    pub price: Option<(Currency, Units)>,
    /// What the card was charged, if it was.
    pub charged: Option<Units>,
    /// The server's receipt, if there is one that could be read.
    pub receipt: Option<PaymentResponse>,
    /// What is wrong with the receipt.
    pub doubt: Option<Doubt>,
    /// Why the books could not be written after it was paid for: the client id may not be kept, and what was put aside
    /// stays aside, and counts.
    pub not_kept: Option<StoreError>,
    /// The answer is a redirect that was paid for; this is why it was not followed to its end.
    pub not_followed: Option<NotFollowed>,
}

/// Why a redirect that was paid for was not followed to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFollowed {
    /// Where it leads, payment is asked for, or something else went wrong.
    #[error("{0}")]
    Failed(Box<Error>),
    /// Where it leads, there is a 402 that nothing could be paid for.
    #[error("where it leads, there is a 402 that cannot be paid")]
    AnotherPayment,
    /// Where it leads, nobody answered.
    #[error("there is no answer from where it leads")]
    NoAnswer,
}

/// What is wrong with a receipt. The request was answered, but what the server says of the payment is not believed: no
/// client id is taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// There is none, though a payment was sent.
    #[error("there is no receipt")]
    NoReceipt,
    /// It cannot be read.
    #[error("the receipt cannot be read")]
    Unreadable,
    /// The client id in it is none.
    #[error("the receipt has no client id")]
    NoClientId,
    /// Credits of one client were sent, and the receipt is another's.
    #[error("the receipt is another client's")]
    OtherClient,
    /// A charge that nobody allowed.
    #[error("the receipt names a charge, but no card was sent")]
    ChargedWithoutACard,
}
