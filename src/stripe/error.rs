//! What an answer that is not the object means: who is at fault, whether anything may have happened, and what the
//! payer may be told.
//!
//! Kept true here: a refusal is called definite only where Stripe's rules make it so; everything else is `Unknown`
//! and is asked again, never taken for "nothing happened". No text of Stripe's reaches a payer but a card error's.

use serde_json::Value;

use super::object::FromJson;

/// Why a call did not give its object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The card was refused. Definite: no money moved.
    #[error("declined: {0:?}")]
    Declined(Decline),
    /// Stripe refused the request itself. Definite only on the first send of a request.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Nobody knows whether it happened.
    #[error("unknown: {0}")]
    Unknown(Unknown),
}

/// A card's refusal, in words for the payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decline {
    /// The sentence for the payer: Stripe's, or the generic one where Stripe's would help a thief.
    pub message: String,
    /// Stripe's codes, for the log: `code` or `code/decline_code`.
    pub codes: String,
}

/// What Stripe found wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such object (or none that this key may see).
    #[error("no such object ({param})")]
    Missing {
        /// The parameter that named it, as Stripe says.
        param: String,
    },
    /// The PaymentMethod is attached to a Customer already.
    #[error("already attached to a customer")]
    AlreadyAttached,
    /// The PaymentMethod was used up, detached, or is another's.
    #[error("the payment method cannot be used again")]
    Spent,
    /// The amount is outside of what Stripe takes.
    #[error("the amount is outside of Stripe's limits ({code})")]
    Amount {
        /// Stripe's code.
        code: String,
    },
    /// Anything else: most likely ours to mend.
    #[error("invalid request ({code} {param})")]
    Invalid {
        /// Stripe's code, or "-".
        code: String,
        /// The parameter, or "-".
        param: String,
    },
}

impl Refusal {
    /// The sentence for the payer.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "No such payment method.",
            Self::AlreadyAttached => "This payment method belongs to another customer.",
            Self::Spent => "This payment method cannot be used again. Create a new one from the card.",
            Self::Amount { .. } => "The amount is outside of what the card network takes.",
            Self::Invalid { .. } => "The payment was refused. Nothing was charged.",
        }
    }
}

/// Why nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// No answer: refused connection, reset, timeout.
    #[error("no answer")]
    NoAnswer,
    /// 409, or a lock: the same request is still running.
    #[error("still running at Stripe")]
    InProgress,
    /// 429: Stripe did not begin.
    #[error("Stripe's rate limit")]
    RateLimited,
    /// 5xx, executed now.
    #[error("Stripe answered {status}")]
    Server {
        /// The status.
        status: u16,
    },
    /// 5xx that Stripe had stored: asking again gives the same.
    #[error("Stripe repeated a stored {status}")]
    StoredServer {
        /// The status.
        status: u16,
    },
    /// Not JSON, or not the object that was asked for.
    #[error("unreadable answer with status {status}")]
    Unreadable {
        /// The status.
        status: u16,
    },
    /// 401 or 403: our key is wrong or lacks a permission. Ours to mend.
    #[error("our Stripe key was refused with {status}")]
    Misconfigured {
        /// The status.
        status: u16,
    },
    /// The same idempotency key with other parameters: a mistake of ours, and the first may have gone through.
    #[error("idempotency key met other parameters")]
    KeyReused,
    /// Any other refusal of a request that was sent before: what the first send did is not known.
    #[error("refused with {status} after an earlier send")]
    RefusedLate {
        /// The status.
        status: u16,
    },
    /// A card error that speaks of a PaymentIntent which is not over.
    #[error("a card error with an open PaymentIntent")]
    OpenAfterDecline,
}

/// Stripe's error object, as far as it decides anything.
/// <https://docs.stripe.com/api/errors>
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    kind: String,
    code: String,
    decline_code: String,
    message: String,
    param: String,
    /// Whether it speaks of a PaymentIntent that is not over.
    open_intent: bool,
}

/// Declines whose reason would help whoever found or stole the card.
/// <https://docs.stripe.com/declines/codes>: "generic" is what Stripe advises to show for these.
const KEPT_FROM_THE_PAYER: [&str; 7] = [
    "lost_card",
    "stolen_card",
    "pickup_card",
    "restricted_card",
    "fraudulent",
    "merchant_blacklist",
    "security_violation",
];

/// What everyone is told of such a decline.
const GENERIC: &str = "Your card was declined.";

impl FromJson for ErrorBody {
    fn from_json(value: &Value) -> Option<Self> {
        let error = value.get("error").filter(|error| error.is_object())?;
        let text = |name| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let intent = error.get("payment_intent").filter(|intent| !intent.is_null());
        let status = |intent: &Value| intent.get("status").and_then(Value::as_str).map(ToOwned::to_owned);
        Some(Self {
            kind: text("type"),
            code: text("code"),
            decline_code: text("decline_code"),
            message: text("message"),
            param: text("param"),
            open_intent: intent.is_some_and(|intent| {
                !matches!(status(intent).as_deref(), Some("requires_payment_method" | "canceled"))
            }),
        })
    }
}

impl ErrorBody {
    pub(super) fn classify(self, status: u16, replayed: bool, first_send: bool) -> Failure {
        if self.kind == "idempotency_error" && status != 409 {
            return Failure::Unknown(Unknown::KeyReused);
        }
        match status {
            402 => self.decline(),
            401 | 403 => Failure::Unknown(Unknown::Misconfigured { status }),
            409 => Failure::Unknown(Unknown::InProgress),
            429 if self.code == "lock_timeout" => Failure::Unknown(Unknown::InProgress),
            429 => Failure::Unknown(Unknown::RateLimited),
            500.. if replayed => Failure::Unknown(Unknown::StoredServer { status }),
            500.. => Failure::Unknown(Unknown::Server { status }),
            400 | 404 if self.kind == "invalid_request_error" && first_send => {
                Failure::Refused(self.refusal())
            }
            _ => Failure::Unknown(Unknown::RefusedLate { status }),
        }
    }

    /// A 402 ends the attempt only where its PaymentIntent is over, or there is none.
    fn decline(self) -> Failure {
        if self.open_intent {
            return Failure::Unknown(Unknown::OpenAfterDecline);
        }
        let shown = self.kind == "card_error"
            && !KEPT_FROM_THE_PAYER.contains(&self.decline_code.as_str())
            && !KEPT_FROM_THE_PAYER.contains(&self.code.as_str())
            && (1..=500).contains(&self.message.len());
        Failure::Declined(Decline {
            message: if shown { self.message } else { GENERIC.to_owned() },
            codes: [self.code, self.decline_code].join("/").trim_matches('/').to_owned(),
        })
    }

    fn refusal(self) -> Refusal {
        let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let (code, param) = (or_dash(self.code), or_dash(self.param));
        // Stripe gives these two no code: its words are all there is (facts: recorded answers).
        if self.message.contains("already been attached to a customer") {
            return Refusal::AlreadyAttached;
        }
        if self.message.contains("may not be used again")
            || self.message.contains("does not have a payment method with the ID")
            || self.message.contains("was detached from a Customer")
        {
            return Refusal::Spent;
        }
        match code.as_str() {
            "resource_missing" => Refusal::Missing { param },
            "amount_too_small" | "amount_too_large" => Refusal::Amount { code },
            _ => Refusal::Invalid { code, param },
        }
    }
}

#[cfg(test)]
mod tests;
