//! What Stripe may say to any call: in order, out of order, or not at all.

use proptest::prelude::*;
use serde_json::json;
use stripe402_core::protocol::Currency;
use stripe402_edge::ledger::topup::{Call, Verb};
use stripe402_edge::stripe::{Reply, TopUpId};

use crate::support::replies::{
    Intent, already_attached, attached, customer, declined, error, html, list, no_such_customer, refused,
    stored_error,
};

/// What Stripe says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Lost,
    Fine,
    Succeeded,
    Processing,
    RequiresAction,
    RequiresPaymentMethod,
    RequiresCapture,
    Canceled,
    Strange,
    Nothing,
    Declined,
    Refused,
    CustomerGone,
    AlreadyAttached,
    ServerError,
    StoredError,
    KeyReused,
    Html,
}

const ALL_SAID: [Said; 18] = [
    Said::Lost,
    Said::Fine,
    Said::Succeeded,
    Said::Processing,
    Said::RequiresAction,
    Said::RequiresPaymentMethod,
    Said::RequiresCapture,
    Said::Canceled,
    Said::Strange,
    Said::Nothing,
    Said::Declined,
    Said::Refused,
    Said::CustomerGone,
    Said::AlreadyAttached,
    Said::ServerError,
    Said::StoredError,
    Said::KeyReused,
    Said::Html,
];

pub(crate) fn said() -> impl Strategy<Value = Said> {
    // What leads on is as likely as all that does not: else few histories would reach a credit, or a cancel.
    prop_oneof![
        5 => Just(Said::Fine),
        2 => prop::sample::select(&[Said::RequiresAction, Said::RequiresCapture, Said::Processing][..]),
        5 => prop::sample::select(&ALL_SAID[..]),
    ]
}

impl Said {
    /// This, as the reply to a call; with the PaymentIntent in it, whose name and money are those of the charge.
    pub(crate) fn of(
        self,
        call: &Call,
        top_up: &TopUpId,
        charge: (i64, Currency),
    ) -> (Reply, Option<Intent>) {
        let (amount, currency) = charge;
        let status = match self {
            Self::Processing => "processing",
            Self::RequiresAction => "requires_action",
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresCapture => "requires_capture",
            Self::Canceled => "canceled",
            Self::Fine if matches!(call.verb, Verb::Cancel(..)) => "canceled",
            Self::Fine | Self::Succeeded => "succeeded",
            _ => "hovering",
        };
        let received = if status == "succeeded" { amount } else { 0 };
        let intent = Intent::new(&format!("pi_{}", top_up.as_str()), status)
            .of(top_up)
            .with("amount_received", json!(received))
            .with("currency", json!(currency.code()));
        let path = call.request.path.as_str();
        let reply = match self {
            Self::Lost => Reply::Lost,
            Self::Declined => declined("generic_decline", "no"),
            Self::Refused => refused(400, "parameter_unknown", "x", "y"),
            Self::CustomerGone => no_such_customer(),
            Self::AlreadyAttached => already_attached(),
            Self::ServerError => error(500, "api_error"),
            Self::StoredError => stored_error(),
            Self::KeyReused => error(400, "idempotency_error"),
            Self::Html => html(502),
            _ if path == "/v1/customers" => customer("cus_1"),
            _ if path.ends_with("/attach") => {
                attached(path.trim_start_matches("/v1/payment_methods/").trim_end_matches("/attach"), "cus_1")
            }
            _ if call.verb == Verb::Method => {
                let method =
                    path.trim_start_matches("/v1/payment_methods/").split('?').next().unwrap_or_default();
                attached(method, "cus_1")
            }
            Self::Nothing if call.verb == Verb::List => list(vec![]),
            _ if call.verb == Verb::List => return (intent.clone().listed(), Some(intent)),
            _ => return (intent.clone().reply(), Some(intent)),
        };
        (reply, None)
    }
}
