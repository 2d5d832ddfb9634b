//! The protocol's error codes. A closed set: clients branch on them, so none is added or renamed.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a payment did not lead to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The payer declined. Client libraries use it; the server never sends it.
    PaymentRequired,
    /// The client id has too little credit, and no payment method came with it.
    InsufficientCredits,
    /// The card's issuer, or Stripe, refused the card.
    CardDeclined,
    /// The payment did not succeed for another reason, or its outcome is not known yet.
    PaymentFailed,
    /// The `payment` header cannot be read or breaks a rule.
    InvalidPayment,
    /// `topUpAmount` is less than the smallest top-up of this route.
    TopUpBelowMinimum,
}

impl ErrorCode {
    /// Every code, in the order of the specification.
    pub const ALL: [ErrorCode; 6] = [
        ErrorCode::PaymentRequired,
        ErrorCode::InsufficientCredits,
        ErrorCode::CardDeclined,
        ErrorCode::PaymentFailed,
        ErrorCode::InvalidPayment,
        ErrorCode::TopUpBelowMinimum,
    ];

    /// The code as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorCode::PaymentRequired => "payment_required",
            ErrorCode::InsufficientCredits => "insufficient_credits",
            ErrorCode::CardDeclined => "card_declined",
            ErrorCode::PaymentFailed => "payment_failed",
            ErrorCode::InvalidPayment => "invalid_payment",
            ErrorCode::TopUpBelowMinimum => "top_up_below_minimum",
        }
    }

    /// The code with this spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_as_str_agree() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(serde_json::from_value::<ErrorCode>(code.as_str().into()).unwrap(), code);
            assert_eq!(ErrorCode::parse(&code.to_string()), Some(code));
        }
        assert_eq!(ErrorCode::parse("Card_declined"), None);
    }
}
