//! What a 402 asks for, read with care: whatever a server sends is a challenge, or none of ours.
//!
//! Kept true here: an offer that comes out of this has a currency that Stripe charges in, a positive price and a
//! positive smallest top-up. Offers in words that we do not know are left out, as the protocol may gain some.

use serde::Deserialize;
use serde_json::Value;
use stripe402_core::protocol::{Accept, ErrorCode, MalformedHeader, VERSION, decode};

/// A challenge: what the resource costs and how it can be paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// What is sold, as the server names it: a path.
    pub resource: String,
    /// The ways to pay that this client knows, in the server's order.
    pub offers: Vec<Accept>,
    /// How many more there were that it does not know.
    pub unknown: usize,
    /// Why a payment that was sent did not do; none if there was none, or in words that this client does not know.
    pub error: Option<ErrorCode>,
}

/// Why a 402 is not a challenge that could be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAChallenge {
    /// There is no `payment-required` header: some other 402.
    #[error("the 402 has no payment-required header")]
    NoHeader,
    /// There are several.
    #[error("the 402 has more than one payment-required header")]
    Repeated,
    /// It cannot be read; another protocol uses the same name.
    #[error("the payment-required header is {0}")]
    Malformed(MalformedHeader),
    /// It is of another version of the protocol.
    #[error("the payment-required header is of another version of the protocol, or of another protocol")]
    OtherVersion,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "stripe402Version")]
    version: Option<Value>,
    resource: Option<Value>,
    accepts: Option<Vec<Value>>,
    error: Option<Value>,
}

impl Challenge {
    /// Reads the `payment-required` headers of a 402.
    pub fn read<'h>(headers: impl IntoIterator<Item = &'h str>) -> Result<Self, NotAChallenge> {
        let mut headers = headers.into_iter();
        let header = headers.next().ok_or(NotAChallenge::NoHeader)?;
        // Base64 has no comma: it is how several headers arrive where they are joined.
        if headers.next().is_some() || header.contains(',') {
            return Err(NotAChallenge::Repeated);
        }
        let wire: Wire = decode(header).map_err(NotAChallenge::Malformed)?;
        if wire.version.and_then(|version| version.as_u64()) != Some(VERSION.into()) {
            return Err(NotAChallenge::OtherVersion);
        }
        let accepts = wire.accepts.ok_or(NotAChallenge::Malformed(MalformedHeader::NotJson))?;
        let all = accepts.len();
        let offers: Vec<Accept> = accepts.into_iter().filter_map(offer).collect();
        let resource = wire.resource.as_ref().and_then(|resource| resource.get("url")?.as_str());
        Ok(Self {
            resource: resource.unwrap_or_default().to_owned(),
            unknown: all.saturating_sub(offers.len()),
            offers,
            error: wire.error.as_ref().and_then(Value::as_str).and_then(ErrorCode::parse),
        })
    }
}

fn offer(value: Value) -> Option<Accept> {
    let offer: Accept = serde_json::from_value(value).ok()?;
    (offer.amount.is_positive() && offer.min_top_up.is_positive()).then_some(offer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use stripe402_core::protocol::{PaymentRequired, Units, encode};

    fn header(accepts: &Value) -> String {
        encode(&json!({"stripe402Version": 1, "resource": {"url": "/a"}, "accepts": accepts})).unwrap()
    }

    fn accept(change: &Value) -> Value {
        let mut accept = json!({"scheme": "stripe", "currency": "usd", "amount": 100, "minTopUp": 50_000,
            "publishableKey": "pk_test_x"});
        accept.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        accept
    }

    #[test]
    fn the_challenges_of_the_vectors_are_read_as_the_server_wrote_them() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../tests/vectors/stripe402.json")).unwrap();
        let mut read = 0;
        for step in vectors["flow"].as_array().unwrap() {
            let Some(header) = step["response"]["payment-required"].as_str() else { continue };
            let challenge = Challenge::read([header]).unwrap();
            let exact: PaymentRequired = decode(header).unwrap();
            assert_eq!(
                (challenge.resource, challenge.offers, challenge.unknown),
                (exact.resource.url, exact.accepts, 0)
            );
            read += 1;
        }
        assert!(read >= 3, "{read}");
    }

    #[test]
    fn offers_that_could_not_be_paid_are_left_out() {
        for change in [
            json!({"amount": 0}),
            json!({"amount": -100}),
            json!({"amount": "100"}),
            json!({"amount": 0.5}),
            json!({"amount": 1e300}),
            json!({"minTopUp": 0}),
            json!({"minTopUp": null}),
            json!({"currency": "USD"}),
            json!({"currency": "btc"}),
            json!({"scheme": "exact"}),
            json!({"publishableKey": 7}),
        ] {
            let challenge = Challenge::read([header(&json!([accept(&change), accept(&json!({}))])).as_str()]);
            let challenge = challenge.unwrap();
            assert_eq!((challenge.offers.len(), challenge.unknown), (1, 1), "{change}");
            assert_eq!(challenge.offers[0].amount, Units::new(100).unwrap());
        }
        let frozen = Challenge::read([header(&json!([])).as_str()]).unwrap();
        assert_eq!((frozen.offers.len(), frozen.unknown), (0, 0));
    }

    #[test]
    fn what_is_not_ours_is_said_to_be_so() {
        let good = header(&json!([accept(&json!({}))]));
        let x402 = encode(&json!({"x402Version": 2, "accepts": []})).unwrap();
        let later = encode(&json!({"stripe402Version": 2, "accepts": []})).unwrap();
        let no_list = encode(&json!({"stripe402Version": 1, "accepts": {}})).unwrap();
        let long = "A".repeat(10_000);
        let joined = format!("{good},{good}");
        let table: [(&[&str], NotAChallenge); 10] = [
            (&[], NotAChallenge::NoHeader),
            (&[&good, &good], NotAChallenge::Repeated),
            (&[&joined], NotAChallenge::Repeated),
            (&[""], NotAChallenge::Malformed(MalformedHeader::NotJson)),
            (&["garbage!"], NotAChallenge::Malformed(MalformedHeader::NotBase64)),
            (&["bnVsbA=="], NotAChallenge::Malformed(MalformedHeader::NotJson)),
            (&[&no_list], NotAChallenge::Malformed(MalformedHeader::NotJson)),
            (&[&long], NotAChallenge::Malformed(MalformedHeader::TooLong)),
            (&[&x402], NotAChallenge::OtherVersion),
            (&[&later], NotAChallenge::OtherVersion),
        ];
        for (headers, expected) in table {
            assert_eq!(Challenge::read(headers.iter().copied()), Err(expected), "{headers:?}");
        }
    }

    proptest! {
        /// Whatever a server sends, nothing but offers that can be paid comes out of it.
        #[test]
        fn whatever_stands_in_a_header(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Challenge::read([text.as_str()]);
            let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
            let _ = Challenge::read([base64.as_str()]);
        }

        #[test]
        fn offers_of_any_amounts(amount in any::<i64>(), least in any::<i64>(), float in any::<f64>()) {
            for change in [json!({"amount": amount, "minTopUp": least}), json!({"amount": float}), json!({"minTopUp": float})] {
                let challenge = Challenge::read([header(&json!([accept(&change)])).as_str()]).unwrap();
                for offer in challenge.offers {
                    prop_assert!(offer.amount.is_positive() && offer.min_top_up.is_positive());
                }
            }
        }
    }

    #[test]
    fn an_error_in_unknown_words_is_no_reason_to_fail() {
        let mut message = json!({"stripe402Version": 1, "accepts": [], "error": "insufficient_credits"});
        let read = |message: &Value| Challenge::read([encode(message).unwrap().as_str()]).unwrap().error;
        assert_eq!(read(&message), Some(ErrorCode::InsufficientCredits));
        for other in [json!("brand_new"), json!(7), json!(null)] {
            message["error"] = other;
            assert_eq!(read(&message), None);
        }
    }
}
