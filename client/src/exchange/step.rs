//! The words between the machine and the loop that does what it says.

use super::answer::{Answer, Settled};
use super::outcome::Outcome;
use crate::books::Target;
use crate::error::Error;
use crate::payer::Means;
use crate::policy::{Policy, Refused};
use std::sync::Arc;
use std::time::Duration;
use stripe402_core::protocol::{Accept, ClientId, Currency, ErrorCode, Payment, Units};

/// What is known before the first request.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) policy: Arc<Policy>,
    pub(crate) target: Target,
    /// Who we are there.
    pub(crate) client: Option<ClientId>,
    /// A price that still holds.
    pub(crate) quote: Option<(Currency, Units)>,
    /// What it cost the last time.
    pub(crate) last_price: Option<(Currency, Units)>,
    /// A redirect from another origin, or from a request that was paid for, led here.
    pub(crate) redirected: bool,
    /// The request can be sent more than once.
    pub(crate) replayable: bool,
    /// Sending it again does no harm, even if the first one arrived.
    pub(crate) repeatable: bool,
}

/// What to do next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Send the request, with this payment.
    Send(Option<Payment>),
    /// Put an order aside in the books.
    PutAside { currency: Currency, price: Units, top_up: Option<Units> },
    /// Wait until nobody else of this payer is charging a card at this origin, and look into the books again.
    Turn,
    /// Ask the payer.
    Ask { offer: Accept, resource: String, error: Option<ErrorCode> },
    /// Wait; then send the last request again.
    Wait(Duration),
    /// It is over: the last answer is the caller's.
    Done(Box<Done>),
    /// It is over without an answer.
    Fail { error: Box<Error>, settled: Settled },
    /// It is over: the connection's own error is the caller's.
    FailAsLost { settled: Settled },
}

/// How it ended.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    pub(crate) settled: Settled,
    /// Who we turned out to be.
    pub(crate) client: Option<ClientId>,
    /// The price, and whether it was asked for in this exchange.
    pub(crate) price: Option<(Currency, Units)>,
    pub(crate) asked: bool,
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Answer(Answer),
    /// The connection broke, or none was made.
    Lost(Arrived),
    Aside(Result<(), Refused>),
    /// It is our turn; these are the client and the number of its top-ups now.
    Turned {
        client: Option<ClientId>,
        topped_up: bool,
    },
    Means(Option<Means>),
    Waited,
}

/// Whether a request without an answer reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// No connection was made.
    No,
    /// Nobody knows.
    Perhaps,
    /// It did, and must not be sent again.
    Yes,
}
