//! Who pays: [`ClientId`], a bearer secret; [`AccountId`], its name where a secret must not appear; and
//! [`PaymentMethodId`], Stripe's name for a card.
//!
//! A value of these types has passed its check, so it can go into a URL, a header or a key as it stands.
//! `Debug` never shows what could be spent.

use super::digest::{hex, hmac_sha256, sha256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Text that is not the identity it was taken for. Says what was expected, never what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct InvalidId {
    expected: &'static str,
}

/// 64 lower-case hexadecimal characters.
fn is_hex_64(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The first characters of ASCII text.
fn head(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text)
}

/// A client's credential: the lower-case hex HMAC-SHA256 of a card's fingerprint under the server's
/// secret. Whoever knows it can spend the credits, so it is never logged and never part of a URL.
///
/// ```
/// use stripe402_core::protocol::ClientId;
/// let id = ClientId::derive(b"an-hmac-secret-of-at-least-32-bytes!!", "Xt5EWLLDS7FJjR1c");
/// assert_eq!(id.as_str(), "766e94750da80b514ef6675c355fdc148f94430a41cf7df629d92774ce722e96");
/// assert_eq!(format!("{id:?}"), "ClientId(766e9475…)");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// Exactly 64 lower-case hexadecimal characters.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if is_hex_64(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { expected: "clientId must be 64 lower-case hexadecimal characters" })
        }
    }

    /// The id of the client that pays with the card of this fingerprint.
    pub fn derive(server_secret: &[u8], fingerprint: &str) -> Self {
        Self(hex(&hmac_sha256(server_secret, fingerprint.as_bytes())))
    }

    /// The secret itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientId({}…)", head(&self.0, 8))
    }
}

/// The public name of a client's account: hex SHA-256 of `"stripe402 account "` and the client id. It
/// names the Durable Object, the JWT's `sub` and Stripe's metadata, and cannot be turned back into a
/// credential.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(String);

impl AccountId {
    /// The account of a client.
    pub fn of(client: &ClientId) -> Self {
        Self(hex(&sha256(format!("stripe402 account {}", client.as_str()).as_bytes())))
    }

    /// Exactly 64 lower-case hexadecimal characters.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if is_hex_64(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { expected: "an account id is 64 lower-case hexadecimal characters" })
        }
    }

    /// All 64 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 characters, for people and log lines.
    pub fn short(&self) -> &str {
        head(&self.0, 12)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({}…)", self.short())
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Stripe's id of a payment method: `pm_`, then letters, digits and underscores, 255 bytes at most. So it
/// can stand in a path of Stripe's API without escaping, and nothing else can.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentMethodId(String);

impl PaymentMethodId {
    /// Checks the form; whether Stripe knows it is Stripe's to say.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match text.strip_prefix("pm_") {
            Some(rest) if !rest.is_empty() && text.len() <= 255 && rest.bytes().all(word) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidId {
                expected: "paymentMethodId must be \"pm_\" followed by letters, digits and underscores, at most 255 \
                           characters in all",
            }),
        }
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `pm_…` and the last four characters, for people and log lines.
    pub fn short(&self) -> String {
        let rest = self.0.get(3..).unwrap_or_default();
        // Of an id hardly longer than that, four characters would be most of it.
        let last =
            if rest.len() >= 12 { rest.get(rest.len().saturating_sub(4)..).unwrap_or_default() } else { "" };
        format!("pm_…{last}")
    }
}

impl fmt::Debug for PaymentMethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PaymentMethodId({})", self.short())
    }
}

/// Marks what this deployment created at Stripe: the first 16 hex of HMAC-SHA256(server secret,
/// `"deployment"`). Staging and production may share a Stripe account; each leaves the other's alone.
pub fn deployment_tag(server_secret: &[u8]) -> String {
    head(&hex(&hmac_sha256(server_secret, b"deployment")), 16).to_owned()
}

macro_rules! as_json_string {
    ($($id:ident),*) => { $(
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $id::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    )* };
}

as_json_string!(ClientId, AccountId, PaymentMethodId);

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "766e94750da80b514ef6675c355fdc148f94430a41cf7df629d92774ce722e96";

    #[test]
    fn a_client_id_is_64_lower_case_hex() {
        assert_eq!(ClientId::parse(CLIENT).unwrap().as_str(), CLIENT);
        let upper = CLIENT.to_uppercase();
        let long = format!("{CLIENT}0");
        let short = CLIENT.get(1..).unwrap();
        let odd = format!("{short}g");
        let wide = format!("{}é", CLIENT.get(2..).unwrap());
        let spaced = format!("{short} ");
        for text in ["", "abc123", &upper, &long, short, &odd, &wide, &spaced] {
            assert!(ClientId::parse(text).is_err(), "{text:?}");
            assert!(AccountId::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_payment_method_id_cannot_leave_its_place_in_a_path() {
        let longest = format!("pm_{}", "a".repeat(252));
        for text in ["pm_visa", "pm_card_visa", "pm_1MqLiJLkdIwHu7ixUEgbFdYF", "pm__", &longest] {
            assert_eq!(PaymentMethodId::parse(text).unwrap().as_str(), text);
        }
        let too_long = format!("{longest}a");
        let bad = [
            "", "pm_", "pm", "PM_x", "card_1", "tok_visa", "pm_a/b", "pm_../x", "pm_a?b", "pm_a#b",
            "pm_a%2f", "pm_a b", "pm_a\n", "pm_ä", "pm_a-b", " pm_a", "pm_a.", "pm_\0", &too_long,
        ];
        for text in bad {
            assert!(PaymentMethodId::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn debug_shows_nothing_that_could_be_spent() {
        let client = ClientId::parse(CLIENT).unwrap();
        assert_eq!(format!("{client:?}"), "ClientId(766e9475…)");
        let card = PaymentMethodId::parse("pm_1MqLiJLkdIwHu7ixUEgbFdYF").unwrap();
        assert_eq!(format!("{card:?}"), "PaymentMethodId(pm_…FdYF)");
        assert_eq!(PaymentMethodId::parse("pm_visa").unwrap().short(), "pm_…");
    }

    #[test]
    fn the_account_and_the_tag_are_pinned() {
        // printf 'stripe402 account 766e…2e96' | sha256sum; printf deployment | openssl dgst -sha256 -hmac …
        let account = AccountId::of(&ClientId::parse(CLIENT).unwrap());
        assert_eq!(account.as_str(), "07654f69af9c90ffedd1d7f78a21b00c08988c1b12e91283542bb159fa9b81ff");
        assert_eq!(account.to_string(), account.as_str());
        assert_eq!(format!("{account:?}"), format!("AccountId({}…)", account.as_str().get(..12).unwrap()));
        assert_eq!(deployment_tag(b"an-hmac-secret-of-at-least-32-bytes!!"), "6966633ab72f1e8f");
    }

    #[test]
    fn json_is_checked_like_any_other_text() {
        assert!(serde_json::from_str::<ClientId>("\"abc\"").is_err());
        assert!(serde_json::from_str::<PaymentMethodId>("\"pm_/\"").is_err());
        let card: PaymentMethodId = serde_json::from_str("\"pm_visa\"").unwrap();
        assert_eq!(serde_json::to_string(&card).unwrap(), "\"pm_visa\"");
    }
}
