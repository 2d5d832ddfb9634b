//! The names of Stripe's objects that we keep or put into a URL.
//!
//! Kept true here: an id holds only what Stripe's own ids hold (a prefix, then letters, digits, underscores), so
//! that it can stand in a path or a form as it is. A value that does not parse never reaches a request.

use std::fmt;

use stripe402_core::protocol::digest::hex;

/// Why a string is not an id of Stripe's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id that starts with {prefix}")]
pub struct BadId {
    prefix: &'static str,
}

fn well_formed(text: &str, prefix: &'static str) -> Result<(), BadId> {
    let rest = text.strip_prefix(prefix).ok_or(BadId { prefix })?;
    let fits = !rest.is_empty() && text.len() <= 255;
    if fits && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        Ok(())
    } else {
        Err(BadId { prefix })
    }
}

macro_rules! stripe_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes the text of an id as Stripe writes it.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                well_formed(text, $prefix)?;
                Ok(Self(text.to_owned()))
            }

            /// The id as Stripe writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

stripe_id!(
    /// A Customer, `cus_…`: what cards are attached to.
    CustomerId, "cus_"
);
stripe_id!(
    /// A PaymentIntent, `pi_…`: one attempt to charge. It names the credit that it paid for.
    PaymentIntentId, "pi_"
);

stripe_id!(
    /// A dispute, `dp_…` (older ones `du_…`): a payer's bank took a payment back.
    DisputeId, "d"
);

/// The name of one top-up: 32 lower-case hex digits, from 16 random bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopUpId(String);

impl TopUpId {
    /// The id that these random bytes name.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(hex(&bytes))
    }

    /// Reads an id back from where it was kept.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        if text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadId { prefix: "32 hex digits" })
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What Stripe calls the same card across PaymentMethods (`card.fingerprint`). An identifier, not a secret, but
/// never logged: with the server secret it is a client id.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Takes a fingerprint that is not empty.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The fingerprint as Stripe wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_only_what_a_path_may_hold() {
        assert_eq!(CustomerId::parse("cus_Ab9_x").unwrap().as_str(), "cus_Ab9_x");
        for bad in ["", "cus_", "pi_1", "cus_a/b", "cus_a?x", "cus_a%2f", "cus_ü", "cus_a b"] {
            assert!(CustomerId::parse(bad).is_err(), "{bad}");
        }
        assert!(PaymentIntentId::parse(&format!("pi_{}", "a".repeat(252))).is_ok());
        assert!(PaymentIntentId::parse(&format!("pi_{}", "a".repeat(253))).is_err());
    }

    #[test]
    fn a_top_up_id_reads_back() {
        let id = TopUpId::from_bytes([0xab; 16]);
        assert_eq!(id.as_str(), "ab".repeat(16));
        assert_eq!(TopUpId::parse(id.as_str()), Ok(id));
        assert!(TopUpId::parse("AB").is_err());
    }

    #[test]
    fn a_fingerprint_does_not_show_itself() {
        assert_eq!(format!("{:?}", Fingerprint::new("Xt5EWLLDS7FJjR1c")), "Some(Fingerprint(…))");
        assert_eq!(Fingerprint::new(""), None);
    }
}
