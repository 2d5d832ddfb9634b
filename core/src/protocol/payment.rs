//! What a client sent in its `payment` header, read once and checked.
//!
//! Keeps true that nothing unchecked goes further: whatever the header holds, the outcome is no payment at
//! all, a [`Payment`] whose parts have their forms, or a refusal that says why, before Stripe or an account
//! is asked.

use super::headers::{MAX_HEADER_BYTES, decode_bytes, encode};
use super::{ClientId, ErrorCode, PaymentMethodId, Units, VERSION};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use std::fmt;

/// A payment: who pays and, if credits do not reach, with which card and how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    /// Credits to spend.
    pub client_id: Option<ClientId>,
    /// The card to charge where they do not reach.
    pub payment_method: Option<PaymentMethodId>,
    /// How much to charge it, if not the smallest top-up.
    pub top_up: Option<Units>,
}

impl Payment {
    /// The value of the `payment` header that sends this.
    ///
    /// ```
    /// use stripe402_core::protocol::{Payment, PaymentMethodId};
    /// let payment = Payment { payment_method: PaymentMethodId::parse("pm_visa").ok(), ..Payment::default() };
    /// let value = payment.to_header().unwrap();
    /// assert_eq!(value, "eyJzdHJpcGU0MDJWZXJzaW9uIjoxLCJwYXltZW50TWV0aG9kSWQiOiJwbV92aXNhIn0=");
    /// ```
    pub fn to_header(&self) -> Result<String, serde_json::Error> {
        encode(self)
    }
}

impl Serialize for Payment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("stripe402Version", &VERSION)?;
        if let Some(client_id) = &self.client_id {
            fields.serialize_entry("clientId", client_id)?;
        }
        if let Some(payment_method) = &self.payment_method {
            fields.serialize_entry("paymentMethodId", payment_method)?;
        }
        if let Some(top_up) = self.top_up {
            fields.serialize_entry("topUpAmount", &top_up)?;
        }
        fields.end()
    }
}

/// What the `payment` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentHeader {
    /// Nothing that could pay: no header, an empty one, or neither client id nor payment method. The answer
    /// is the challenge.
    None,
    /// A payment to try.
    Payment(Payment),
}

/// A header that is refused; its code is always [`ErrorCode::InvalidPayment`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidPayment {
    /// A sentence for the caller, with nothing in it that the caller sent, but for a version number.
    pub message: String,
}

impl InvalidPayment {
    /// The code that goes with the message.
    pub const CODE: ErrorCode = ErrorCode::InvalidPayment;

    fn because(message: impl fmt::Display) -> Self {
        Self { message: message.to_string() }
    }

    fn malformed() -> Self {
        Self::because("Malformed payment header")
    }
}

/// The header's object, its fields still of any type. A key that stands twice is refused: which of the two
/// another reader would take is anyone's guess.
#[derive(Default)]
struct Fields {
    version: Option<Value>,
    client_id: Option<Value>,
    payment_method: Option<Value>,
    top_up: Option<Value>,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            // What is not an object is refused here: the words of the default would bring in those for any number.
            fn visit_unit<E: de::Error>(self) -> Result<Fields, E> {
                no_object()
            }
            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Fields, E> {
                no_object()
            }
            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Fields, E> {
                no_object()
            }
            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Fields, E> {
                no_object()
            }
            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Fields, E> {
                no_object()
            }
            fn visit_str<E: de::Error>(self, _: &str) -> Result<Fields, E> {
                no_object()
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<Fields, A::Error> {
                no_object()
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                let mut seen = Map::new();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "stripe402Version" => fields.version = map.next_value()?,
                        "clientId" => fields.client_id = map.next_value()?,
                        "paymentMethodId" => fields.payment_method = map.next_value()?,
                        "topUpAmount" => fields.top_up = map.next_value()?,
                        _ => {
                            map.next_value::<de::IgnoredAny>()?;
                        }
                    }
                    if seen.insert(key, Value::Null).is_some() {
                        return Err(de::Error::custom("a key stands twice"));
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn no_object<E: de::Error>() -> Result<Fields, E> {
    Err(E::custom("not an object"))
}

/// Reads the `payment` header, or its absence; the checks that need no route and no network, in the order
/// of the protocol: is there anything to pay with, the version, the forms.
pub fn decode_payment(header: Option<&str>) -> Result<PaymentHeader, InvalidPayment> {
    let value = header.unwrap_or_default().trim_matches([' ', '\t']);
    if value.is_empty() {
        return Ok(PaymentHeader::None);
    }
    if value.len() > MAX_HEADER_BYTES {
        return Err(InvalidPayment::because(format_args!(
            "The payment header is longer than {MAX_HEADER_BYTES} bytes"
        )));
    }
    // No alphabet of base64 has a comma: it is how two headers of one name arrive.
    if value.contains(',') {
        return Err(InvalidPayment::because("More than one payment header"));
    }
    let json = decode_bytes(value).map_err(|_| InvalidPayment::malformed())?;
    // As text, so that not even a field that is ignored may hold something else.
    let json = str::from_utf8(&json).map_err(|_| InvalidPayment::malformed())?;
    let fields: Fields = serde_json::from_str(json).map_err(|_| InvalidPayment::malformed())?;

    let client_id = present(fields.client_id);
    let payment_method = present(fields.payment_method);
    if client_id.is_none() && payment_method.is_none() {
        return Ok(PaymentHeader::None);
    }
    check_version(fields.version.as_ref())?;
    let client_id = client_id
        .map(|value| ClientId::parse(value.as_str().unwrap_or_default()))
        .transpose()
        .map_err(InvalidPayment::because)?;
    let payment_method = payment_method
        .map(|value| PaymentMethodId::parse(value.as_str().unwrap_or_default()))
        .transpose()
        .map_err(InvalidPayment::because)?;
    let top_up = fields.top_up.as_ref().map(top_up_amount).transpose()?;
    Ok(PaymentHeader::Payment(Payment { client_id, payment_method, top_up }))
}

/// An id that is there: `null` and `""` are not.
fn present(id: Option<Value>) -> Option<Value> {
    id.filter(|value| value.as_str() != Some(""))
}

fn check_version(version: Option<&Value>) -> Result<(), InvalidPayment> {
    let Some(version) = version else {
        return Err(InvalidPayment::because(format_args!(
            "stripe402Version is missing: this server speaks version {VERSION}"
        )));
    };
    if Units::of(version).is_some_and(|number| number.get() == i64::from(VERSION)) {
        return Ok(());
    }
    match version.as_u64() {
        Some(number) => Err(InvalidPayment::because(format_args!(
            "stripe402Version {number} is not supported: this server speaks version {VERSION}"
        ))),
        None => Err(InvalidPayment::because(format_args!(
            "stripe402Version must be the number {VERSION}: this server speaks version {VERSION}"
        ))),
    }
}

fn top_up_amount(value: &Value) -> Result<Units, InvalidPayment> {
    let units = Units::of(value).filter(|units| !units.is_negative());
    units.ok_or_else(|| {
        InvalidPayment::because(format_args!(
            "topUpAmount must be a whole number of units from 0 to {}",
            Units::MAX
        ))
    })
}

/// The bounds of `topUpAmount`, refused even where credits would do. Gives the code and the sentence.
pub fn check_top_up(top_up: Option<Units>, min: Units, max: Units) -> Result<(), (ErrorCode, String)> {
    match top_up {
        Some(amount) if amount < min => Err((
            ErrorCode::TopUpBelowMinimum,
            format!("Top-up amount {amount} is below the minimum of {min}"),
        )),
        Some(amount) if amount > max => {
            Err((ErrorCode::InvalidPayment, format!("Top-up amount {amount} is above the maximum of {max}")))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_of_a_top_up_are_inclusive() {
        let units = |value| Units::new(value).unwrap();
        let check = |amount: Option<i64>| check_top_up(amount.map(units), units(50_000), units(1_000_000));
        assert_eq!(check(None), Ok(()));
        assert_eq!(check(Some(50_000)), Ok(()));
        assert_eq!(check(Some(1_000_000)), Ok(()));
        assert_eq!(
            check(Some(49_999)),
            Err((
                ErrorCode::TopUpBelowMinimum,
                "Top-up amount 49999 is below the minimum of 50000".to_owned()
            ))
        );
        assert_eq!(check(Some(0)).unwrap_err().0, ErrorCode::TopUpBelowMinimum);
        assert_eq!(
            check(Some(1_000_001)),
            Err((
                ErrorCode::InvalidPayment,
                "Top-up amount 1000001 is above the maximum of 1000000".to_owned()
            ))
        );
    }
}
