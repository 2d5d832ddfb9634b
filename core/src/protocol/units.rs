//! Money as whole numbers: [`Units`] is what prices and balances count in, [`MinorAmount`] is what Stripe
//! is told. The two never mix without a [`Currency`](super::Currency), and neither is ever a float.
//!
//! One unit is 1/10,000 of a currency's major unit. Every value fits JavaScript's safe integers
//! (|x| ≤ 2^53 − 1), because it travels as a JSON number and is read by JavaScript on both sides.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use std::fmt;

/// The largest whole number that JSON readers in JavaScript keep exact: 2^53 − 1.
const MAX_SAFE: i64 = 9_007_199_254_740_991;

/// An amount in units, 1/10,000 of the major unit of whatever currency it belongs to; negative for a debt.
///
/// ```
/// use stripe402_core::protocol::Units;
/// let price = Units::new(12_345).unwrap();
/// assert_eq!(price.to_decimal(), "1.2345");
/// assert_eq!(Units::MAX.checked_add(price), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Units(i64);

impl Units {
    /// Nothing.
    pub const ZERO: Units = Units(0);
    /// The largest amount that can be told: 2^53 − 1 units.
    pub const MAX: Units = Units(MAX_SAFE);
    /// Units in one major unit (one dollar, one euro, one yen).
    pub const PER_MAJOR: i64 = 10_000;

    /// The amount, unless it is further from zero than 2^53 − 1.
    pub const fn new(value: i64) -> Option<Self> {
        if value > MAX_SAFE || value < -MAX_SAFE { None } else { Some(Self(value)) }
    }

    /// A whole JSON number within range; `50000.0` counts, a string does not.
    pub fn of(value: &Value) -> Option<Self> {
        value.as_i64().map_or_else(|| whole(value.as_f64()?), Units::new)
    }

    /// The amount that a JSON number is, as programs write them: `50000.0` counts, a fraction does not.
    pub fn from_json(number: &serde_json::Value) -> Option<Self> {
        number.as_i64().map_or_else(|| number.as_f64().and_then(whole), Self::new)
    }

    /// The number of units.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, unless it leaves the range.
    #[must_use]
    pub fn checked_add(self, other: Units) -> Option<Units> {
        self.0.checked_add(other.0).and_then(Units::new)
    }

    /// The difference, unless it leaves the range.
    #[must_use]
    pub fn checked_sub(self, other: Units) -> Option<Units> {
        self.0.checked_sub(other.0).and_then(Units::new)
    }

    /// The product, unless it leaves the range.
    #[must_use]
    pub fn checked_mul(self, times: i64) -> Option<Units> {
        self.0.checked_mul(times).and_then(Units::new)
    }

    /// The same amount on the other side of zero. Always `Some`: the range is symmetric.
    #[must_use]
    pub fn checked_neg(self) -> Option<Units> {
        self.0.checked_neg().and_then(Units::new)
    }

    /// Below zero: a debt.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Above zero.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Exactly zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Major units as a decimal with no zeros to spare: `"5"`, `"1.2345"`, `"0.0001"`.
    #[must_use]
    pub fn to_decimal(self) -> String {
        decimal(self, 0)
    }
}

/// Major units with at least `least` decimals, more only where the amount needs them.
pub(crate) fn decimal(units: Units, least: usize) -> String {
    let size = units.0.unsigned_abs();
    let (whole, rest) = (size / 10_000, size % 10_000);
    let mut digits = format!("{rest:04}");
    while digits.len() > least && digits.ends_with('0') {
        digits.pop();
    }
    let sign = if units.is_negative() { "-" } else { "" };
    if digits.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{digits}") }
}

impl fmt::Display for Units {
    /// The plain number of units, as it stands in the protocol's messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Units {
    /// A whole JSON number within range; `50000.0` counts, a string does not.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Units;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of units")
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Units, E> {
                Units::new(value).ok_or_else(|| E::invalid_value(de::Unexpected::Signed(value), &self))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Units, E> {
                let units = i64::try_from(value).ok().and_then(Units::new);
                units.ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Units, E> {
                whole(value).ok_or_else(|| E::invalid_value(de::Unexpected::Float(value), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A float that is a whole number within range.
fn whole(value: f64) -> Option<Units> {
    let in_range = (-9_007_199_254_740_991.0..=9_007_199_254_740_991.0).contains(&value);
    if !in_range || value.fract() != 0.0 {
        return None;
    }
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "whole and within 2^53 - 1, so the conversion is exact"
    )]
    Units::new(value as i64)
}

/// What Stripe's API calls `amount`: a positive whole number in a currency's minor unit, as Stripe counts
/// it for charges (cents for usd, yen for jpy, thousandths for kwd).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MinorAmount(i64);

impl MinorAmount {
    /// One minor unit.
    pub(crate) const ONE: MinorAmount = MinorAmount(1);

    /// The amount, if it is positive and within 2^53 − 1.
    pub const fn new(value: i64) -> Option<Self> {
        if value > 0 && value <= MAX_SAFE { Some(Self(value)) } else { None }
    }

    /// The number that Stripe is told.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl Serialize for MinorAmount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for MinorAmount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("not a positive amount"))
    }
}

impl fmt::Display for MinorAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(value: i64) -> Units {
        Units::new(value).unwrap()
    }

    #[test]
    fn the_range_ends_at_the_safe_integers() {
        assert_eq!(Units::new(MAX_SAFE), Some(Units::MAX));
        assert_eq!(Units::new(MAX_SAFE + 1), None);
        assert_eq!(Units::new(-MAX_SAFE - 1), None);
        assert_eq!(Units::new(i64::MIN), None);
        assert_eq!(Units::MAX.checked_add(units(1)), None);
        assert_eq!(Units::MAX.checked_neg().and_then(|low| low.checked_sub(units(1))), None);
        assert_eq!(Units::MAX.checked_mul(2), None);
        assert_eq!(units(7).checked_mul(-3), Some(units(-21)));
        assert_eq!(units(7).checked_neg(), Some(units(-7)));
        assert_eq!(units(7).checked_sub(units(9)), Some(units(-2)));
        assert_eq!([-1, 0, 1].map(|value| units(value).is_positive()), [false, false, true]);
        assert_eq!([-1, 0, 1].map(|value| units(value).is_negative()), [true, false, false]);
    }

    #[test]
    fn a_decimal_has_no_zeros_to_spare_and_keeps_its_sign() {
        for (value, text) in [(0, "0"), (10, "0.001"), (-1, "-0.0001"), (-50_000, "-5"), (90_010, "9.001")] {
            assert_eq!(units(value).to_decimal(), text);
        }
        assert_eq!(Units::MAX.to_decimal(), "900719925474.0991");
        assert_eq!(units(-42).to_string(), "-42");
    }

    #[test]
    fn json_numbers_are_read_when_they_are_whole_and_in_range() {
        for (json, value) in [("0", 0), ("50000.0", 50_000), ("5e4", 50_000), ("-3", -3), ("-0.0", 0)] {
            assert_eq!(serde_json::from_str::<Units>(json).unwrap(), units(value), "{json}");
        }
        for json in
            ["0.5", "1e300", "9007199254740992", "18446744073709551615", "-9007199254740992", "\"1\"", "null"]
        {
            assert!(serde_json::from_str::<Units>(json).is_err(), "{json}");
        }
        assert_eq!(serde_json::to_string(&units(-5)).unwrap(), "-5");
    }

    #[test]
    fn a_minor_amount_is_positive() {
        assert_eq!(MinorAmount::new(0), None);
        assert_eq!(MinorAmount::new(-1), None);
        assert_eq!(MinorAmount::new(i64::MAX), None);
        assert_eq!(MinorAmount::new(1).map(MinorAmount::get), Some(1));
        assert_eq!(MinorAmount::new(500).unwrap().to_string(), "500");
    }
}
