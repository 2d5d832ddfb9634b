//! Why a card says no: the codes and sentences Stripe sends, one row each.

use serde_json::Value;

use super::errors::ApiError;

/// A reason to decline. The fields are named as in Stripe's error object.
#[allow(clippy::struct_field_names)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    /// Nothing if it was not the bank that refused.
    pub(crate) decline_code: Option<&'static str>,
    pub(crate) message: &'static str,
    pub(crate) param: Option<&'static str>,
    pub(crate) advice_code: Option<&'static str>,
    pub(crate) network_decline_code: Option<&'static str>,
    /// Whether the bank was asked, so that a failed charge exists.
    pub(crate) charged: bool,
    /// What `outcome.type` on the failed charge says.
    pub(crate) outcome: &'static str,
}

const fn declined(
    decline_code: &'static str,
    message: &'static str,
    advice: &'static str,
    network: &'static str,
) -> Decline {
    Decline {
        code: "card_declined",
        decline_code: Some(decline_code),
        message,
        param: None,
        advice_code: Some(advice),
        network_decline_code: Some(network),
        charged: true,
        outcome: "issuer_declined",
    }
}

/// A code that is its own decline code.
const fn refused(
    code: &'static str,
    message: &'static str,
    param: Option<&'static str>,
    advice: &'static str,
    network: &'static str,
) -> Decline {
    Decline { code, param, ..declined(code, message, advice, network) }
}

pub(crate) const GENERIC: Decline =
    declined("generic_decline", "Your card was declined.", "try_again_later", "01");
pub(crate) const INSUFFICIENT_FUNDS: Decline =
    declined("insufficient_funds", "Your card has insufficient funds.", "try_again_later", "51");
pub(crate) const LOST: Decline = declined("lost_card", "Your card was declined.", "do_not_try_again", "41");
pub(crate) const STOLEN: Decline =
    declined("stolen_card", "Your card was declined.", "do_not_try_again", "43");
pub(crate) const VELOCITY: Decline = declined(
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    "try_again_later",
    "65",
);
pub(crate) const EXPIRED: Decline =
    refused("expired_card", "Your card has expired.", Some("exp_month"), "confirm_card_data", "54");
pub(crate) const INCORRECT_CVC: Decline = refused(
    "incorrect_cvc",
    "Your card's security code is incorrect.",
    Some("cvc"),
    "confirm_card_data",
    "N7",
);
pub(crate) const PROCESSING_ERROR: Decline = refused(
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    None,
    "try_again_later",
    "96",
);
/// Radar blocks it before the bank hears of it.
pub(crate) const BLOCKED: Decline = Decline {
    network_decline_code: None,
    advice_code: Some("do_not_try_again"),
    outcome: "blocked",
    ..declined("fraudulent", "Your card was declined.", "do_not_try_again", "")
};
/// The bank wants the payer, and the payer is away. Stripe makes no charge for it.
pub(crate) const AUTHENTICATION_REQUIRED: Decline = Decline {
    network_decline_code: None,
    advice_code: None,
    charged: false,
    ..refused(
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        None,
        "",
        "",
    )
};

impl Decline {
    /// The error object, without the objects that a payment adds.
    pub(crate) fn error(&self) -> ApiError {
        let mut error = ApiError::card(self.message).code(self.code);
        if self.decline_code.is_none() {
            error = error.with("type", "invalid_request_error");
        }
        let optional = [
            ("decline_code", self.decline_code),
            ("param", self.param),
            ("advice_code", self.advice_code),
            ("network_decline_code", self.network_decline_code),
        ];
        for (field, value) in optional {
            if let Some(value) = value {
                error = error.with(field, Value::from(value));
            }
        }
        error
    }
}
