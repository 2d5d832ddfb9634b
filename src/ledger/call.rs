//! What the Worker asks of an account, and what it answers: the words between the two, as values.
//!
//! Kept true here: the words only grow. A Worker may speak for minutes to an object of the version before, so every
//! new field has a default and no old one changes its meaning (a test pins the form).

use serde::{Deserialize, Serialize};
use stripe402_core::protocol::{ClientId, Currency, ErrorCode, PaymentMethodId, Units};

use super::account::Announcement;
use super::amount::Offer;
use super::entries::{Op, Order};
use crate::stripe::{CustomerId, PaymentIntentId};

/// A call of the Worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Debit the price, if the balance covers it.
    Spend(Order),
    /// Debit the price; where the balance does not cover it, charge the card first.
    Pay(Box<Pay>),
    /// Give a debit back: nothing was served for it.
    Reverse {
        /// Its currency.
        currency: Currency,
        /// Its number.
        seq: i64,
        /// The attempt that made it.
        op: Op,
        /// The attempt that asks, where it is another (a later try under the same idempotency key).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<Op>,
    },
    /// Give back the debit that an attempt may have made, whose answer was lost.
    Undo {
        /// Its currency.
        currency: Currency,
        /// The attempt.
        op: Op,
    },
    /// The answer of a request with an idempotency key is about to go out.
    Deliver {
        /// The key.
        key: String,
        /// The attempt that runs under it.
        holder: Op,
    },
    /// Stripe announced something about a PaymentIntent of this account.
    Announce(Announcement),
}

/// A payment with a card that Stripe just told us about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pay {
    /// What is bought.
    pub order: Order,
    /// The client whose account this is. None: only the account's own row can tell.
    #[serde(default)]
    pub client_id: Option<ClientId>,
    /// The payment method as the payer named it.
    pub sent: PaymentMethodId,
    /// The payment method as Stripe returned it.
    pub method: PaymentMethodId,
    /// The Customer of this account that it is attached to. None: to nobody.
    pub customer: Option<CustomerId>,
    /// What may be charged.
    pub offer: Offer,
    /// What holds card testers back.
    pub limits: Limits,
}

/// What holds card testers back, per account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How many declines in one hour; none: no limit.
    pub declines_per_hour: Option<u32>,
    /// How much may be charged in a day; none: no limit.
    pub per_day: Option<Units>,
}

/// The answer of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The price was debited.
    Paid {
        /// The number of the debit.
        seq: i64,
        /// The balance after it.
        balance: Units,
        /// The PaymentIntent, if this request's card was charged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        charge: Option<PaymentIntentId>,
        /// The client, where the Worker may not know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<ClientId>,
        /// The attempt that made the debit, where it is an earlier one under the same idempotency key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        op: Option<Op>,
    },
    /// The balance does not cover the price. Nothing was written.
    Insufficient {
        /// The balance.
        balance: Units,
        /// Whether nobody ever tried to pay into this account.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unknown: bool,
    },
    /// Definitely refused, and in these words.
    Refused(Refused),
    /// Too much was tried: not now.
    Limited {
        /// In how many seconds.
        retry_after: u32,
        /// A sentence for the payer.
        message: String,
    },
    /// Nobody knows yet whether the card was charged. The same payment may be sent again.
    Pending {
        /// In how many seconds.
        retry_after: u32,
    },
    /// The debit was given back (now or before).
    Reversed {
        /// The balance now.
        balance: Units,
    },
    /// A request with the same idempotency key is running.
    Running {
        /// In how many seconds to ask again.
        retry_after: u32,
    },
    /// A request with the same idempotency key was answered.
    Delivered {
        /// Its debit.
        seq: i64,
        /// The balance now.
        balance: Units,
        /// The client.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<ClientId>,
    },
    /// The idempotency key was used for another request.
    OtherTarget,
    /// It is done (a delivery noted, an announcement applied).
    Done,
    /// It concerns nothing here.
    NotOurs,
}

/// A definite refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which of the protocol's codes.
    pub code: ErrorCode,
    /// A sentence for the payer.
    pub message: String,
    /// The balance as it is.
    pub balance: Units,
    /// What a payer's page needs to finish 3-D Secure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Whether the account takes and gives nothing until its dispute is over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
}

impl Refused {
    /// A refusal in these words.
    pub fn new(code: ErrorCode, message: String, balance: Units) -> Self {
        Self { code, message, balance, client_secret: None, frozen: false }
    }
}

/// Why a call or an answer could not be read.
#[derive(Debug, thiserror::Error)]
#[error("not a call or answer of ours")]
pub struct NotOurs;

/// Writes JSON with nothing but ASCII in it, so that it can stand in a header.
struct Ascii;

impl serde_json::ser::Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        for c in fragment.chars() {
            if c.is_ascii() && c != '\u{7f}' {
                write!(writer, "{c}")?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

/// Writes a call or an answer as the value of a header.
pub fn to_header<T: Serialize>(message: &T) -> Result<String, NotOurs> {
    let mut bytes = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Ascii);
    message.serialize(&mut serializer).map_err(|_| NotOurs)?;
    String::from_utf8(bytes).map_err(|_| NotOurs)
}

/// Reads a call or an answer from the value of a header.
pub fn from_header<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, NotOurs> {
    serde_json::from_str(text).map_err(|_| NotOurs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(number: i64) -> Units {
        Units::new(number).unwrap()
    }

    fn usd() -> Currency {
        Currency::parse("usd").unwrap()
    }

    #[test]
    fn the_words_are_pinned_since_an_object_of_another_version_reads_them() {
        let order = Order {
            currency: usd(),
            price: units(100),
            resource: "GET /api/joke".into(),
            op: Op::from_bytes([0xab; 16]),
            retried: false,
            key: None,
        };
        let op = "ab".repeat(16);
        let written = to_header(&Call::Spend(order)).unwrap();
        let pinned = format!(
            r#"{{"spend":{{"currency":"usd","price":100,"resource":"GET /api/joke","op":"{op}","retried":false}}}}"#
        );
        assert_eq!(written, pinned);

        let reverse = Call::Reverse { currency: usd(), seq: 7, op: Op::from_bytes([0xab; 16]), holder: None };
        let pinned = format!(r#"{{"reverse":{{"currency":"usd","seq":7,"op":"{op}"}}}}"#);
        assert_eq!(to_header(&reverse).unwrap(), pinned);
        assert_eq!(from_header::<Call>(&pinned).unwrap(), reverse);

        let paid = Answer::Paid { seq: 2, balance: units(49_900), charge: None, client_id: None, op: None };
        assert_eq!(to_header(&paid).unwrap(), r#"{"paid":{"seq":2,"balance":49900}}"#);
        let insufficient = Answer::Insufficient { balance: units(0), unknown: false };
        assert_eq!(to_header(&insufficient).unwrap(), r#"{"insufficient":{"balance":0}}"#);
    }

    #[test]
    fn a_sentence_in_any_script_fits_into_a_header_and_comes_back() {
        let refused = Refused::new(ErrorCode::CardDeclined, "Gesperrt für „☂“ 🂡\n\"x\"".into(), units(-5));
        let answer = Answer::Refused(refused);
        let header = to_header(&answer).unwrap();
        assert!(header.bytes().all(|b| (0x20..0x7f).contains(&b)), "{header}");
        assert_eq!(from_header::<Answer>(&header).unwrap(), answer);
    }

    #[test]
    fn a_field_of_a_later_version_is_ignored() {
        let later = r#"{"paid":{"seq":2,"balance":49900,"mood":"good"}}"#;
        assert!(matches!(from_header::<Answer>(later), Ok(Answer::Paid { seq: 2, .. })));
        assert!(from_header::<Answer>("{}").is_err());
    }
}
