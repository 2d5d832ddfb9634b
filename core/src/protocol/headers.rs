//! The three headers of the protocol and their coding: base64 of JSON in UTF-8.
//!
//! Writes one dialect (standard alphabet, padded), reads the usual four. A header longer than
//! [`MAX_HEADER_BYTES`] is never decoded.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Server to client, on every 402 of ours: a [`PaymentRequired`](super::PaymentRequired).
pub const PAYMENT_REQUIRED: &str = "payment-required";
/// Client to server: a [`Payment`](super::Payment).
pub const PAYMENT: &str = "payment";
/// Server to client, on the answer that was paid for: a [`PaymentResponse`](super::PaymentResponse).
pub const PAYMENT_RESPONSE: &str = "payment-response";

/// The longest header that is read, in bytes as they stand on the wire.
pub const MAX_HEADER_BYTES: usize = 8192;

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// A header's value that is not base64 of what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedHeader {
    /// More than [`MAX_HEADER_BYTES`].
    #[error("longer than {MAX_HEADER_BYTES} bytes")]
    TooLong,
    /// Neither alphabet of base64.
    #[error("not base64")]
    NotBase64,
    /// Not JSON, or not of the right shape.
    #[error("not the JSON that this header carries")]
    NotJson,
}

/// The value of a header: standard base64 with padding, of the message's JSON.
///
/// ```
/// use stripe402_core::protocol::encode;
/// let value = encode(&serde_json::json!({"amount": 500, "currency": "usd"})).unwrap();
/// assert_eq!(value, "eyJhbW91bnQiOjUwMCwiY3VycmVuY3kiOiJ1c2QifQ==");
/// ```
pub fn encode<T: Serialize>(message: &T) -> Result<String, serde_json::Error> {
    Ok(STANDARD.encode(serde_json::to_vec(message)?))
}

/// The bytes in a header's value: standard or URL-safe alphabet (not both in one), with or without
/// padding, spaces and tabs around it ignored.
pub fn decode_bytes(value: &str) -> Result<Vec<u8>, MalformedHeader> {
    if value.len() > MAX_HEADER_BYTES {
        return Err(MalformedHeader::TooLong);
    }
    let value = value.trim_matches([' ', '\t']);
    let engine = if value.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    engine.decode(value).map_err(|_| MalformedHeader::NotBase64)
}

/// The message in a header's value; how a client reads `payment-required` and `payment-response`.
pub fn decode<T: DeserializeOwned>(value: &str) -> Result<T, MalformedHeader> {
    let json = decode_bytes(value)?;
    let json = str::from_utf8(&json).map_err(|_| MalformedHeader::NotJson)?;
    serde_json::from_str(json).map_err(|_| MalformedHeader::NotJson)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_dialects_of_base64_are_one() {
        let bytes: Vec<u8> = vec![0xfb, 0xff, 0xfe, 0x01];
        for value in ["+//+AQ==", "+//+AQ", "-__-AQ==", "-__-AQ", " +//+AQ==\t", "-__-AQ="] {
            assert_eq!(decode_bytes(value), Ok(bytes.clone()), "{value}");
        }
        for value in ["+/_-AQ==", "+//+A", "+//+A===", "=", "A", "+//+AQ==+//+AQ==", "+//+ AQ==", "+//+AR=="]
        {
            assert_eq!(decode_bytes(value), Err(MalformedHeader::NotBase64), "{value}");
        }
    }

    #[test]
    fn the_limit_is_on_what_stands_on_the_wire() {
        let longest = "A".repeat(MAX_HEADER_BYTES);
        assert_eq!(decode_bytes(&longest).map(|bytes| bytes.len()), Ok(MAX_HEADER_BYTES / 4 * 3));
        assert_eq!(decode_bytes(&format!("{longest}A")), Err(MalformedHeader::TooLong));
    }
}
