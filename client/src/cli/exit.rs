//! Exit codes: what scripts decide by. They are listed in the manual page.

use crate::{CardError, Error, PayerError};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// An answer came, with a status below 400.
    Ok,
    /// An answer came, with an error status that has nothing to do with payment; or a redirect that was paid for, and that
    /// leads to no answer.
    HttpError,
    /// The command line or the configuration is wrong.
    Usage,
    /// The server could not be reached, or what it sent could not be read.
    Unreachable,
    /// It costs money, and there is nothing to pay with.
    NothingToPayWith,
    /// The payment was refused, by the server or the card's bank.
    PaymentFailed,
    /// The spend policy forbids it; nothing was paid.
    Refused,
    /// Nobody knows yet whether the card was charged.
    Unknown,
    /// A file of this program's, or one to write to, cannot be used.
    Local,
    /// `check` or `doctor` found something.
    Found,
}

impl Exit {
    /// Every one.
    pub(crate) const ALL: [Exit; 10] = [
        Exit::Ok,
        Exit::HttpError,
        Exit::Usage,
        Exit::Unreachable,
        Exit::NothingToPayWith,
        Exit::PaymentFailed,
        Exit::Refused,
        Exit::Unknown,
        Exit::Local,
        Exit::Found,
    ];

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::HttpError => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::NothingToPayWith => 4,
            Exit::PaymentFailed => 5,
            Exit::Refused => 6,
            Exit::Unknown => 7,
            Exit::Local => 8,
            Exit::Found => 9,
        }
    }

    /// A word for programs, in `--json`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Exit::Ok => "ok",
            Exit::HttpError => "http_error",
            Exit::Usage => "usage",
            Exit::Unreachable => "unreachable",
            Exit::NothingToPayWith => "nothing_to_pay_with",
            Exit::PaymentFailed => "payment_failed",
            Exit::Refused => "refused",
            Exit::Unknown => "unknown_outcome",
            Exit::Local => "local",
            Exit::Found => "found",
        }
    }

    /// What it means, for the manual page.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "An answer came, with a status below 400; or the command did what it should.",
            Exit::HttpError => {
                "An answer came, with an error status that has nothing to do with payment; or a redirect that was paid \
                 for, and that leads to another payment or to no answer."
            }
            Exit::Usage => "The command line or the configuration is wrong.",
            Exit::Unreachable => "The server could not be reached, or what it sent could not be read.",
            Exit::NothingToPayWith => {
                "It costs money, and there is nothing to pay with, or nothing that could be paid now."
            }
            Exit::PaymentFailed => "The payment was refused, by the server or by the card's bank.",
            Exit::Refused => {
                "The spend policy forbids it; the message begins with the rule's name. Nothing was paid."
            }
            Exit::Unknown => {
                "Nobody knows yet whether the card was charged. The same command later charges nobody twice."
            }
            Exit::Local => "A file of this program's, or the one to write to, cannot be used.",
            Exit::Found => "check: something got through; doctor: something is wrong.",
        }
    }
}

/// Why there is no result.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// A sentence for people.
    pub(crate) message: String,
    /// The rule of the policy.
    pub(crate) rule: Option<&'static str>,
}

impl Failed {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), rule: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::Refused(refused) => {
                return Self {
                    exit: Exit::Refused,
                    message: refused.to_string(),
                    rule: Some(refused.rule.as_str()),
                };
            }
            Error::Payer(PayerError::Card(card)) => match card {
                CardError::Number | CardError::Expiry | CardError::Cvc | CardError::NotStripe => Exit::Usage,
                CardError::Unreachable(_) => Exit::Unreachable,
                CardError::PublishableKey | CardError::TokenizationOff | CardError::Refused(_) => {
                    Exit::PaymentFailed
                }
            },
            Error::Payer(PayerError::Other(_)) | Error::TopUpBelowMinimum { .. } | Error::NotHttp => {
                Exit::Usage
            }
            Error::LostAfterPayment(_) => Exit::Unknown,
            Error::Store(_) | Error::NoRandomness => Exit::Local,
            Error::TooLarge => Exit::PaymentFailed,
            // What the server's answers led to, and what may be added later.
            _ => Exit::Unreachable,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<reqwest_middleware::Error> for Failed {
    fn from(error: reqwest_middleware::Error) -> Self {
        if let Some(error) = Error::of(&error) {
            return error.clone().into();
        }
        match error {
            reqwest_middleware::Error::Reqwest(error) => error.into(),
            reqwest_middleware::Error::Middleware(error) => Self::new(Exit::Unreachable, error.to_string()),
        }
    }
}

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Self {
        Self::new(Exit::Unreachable, format!("no answer: {}", crate::middleware::reason(error.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_has_a_number_and_a_word_of_its_own() {
        for (nth, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), nth);
        }
        let words: std::collections::BTreeSet<_> = Exit::ALL.map(Exit::word).into();
        assert_eq!(words.len(), Exit::ALL.len());
    }
}
