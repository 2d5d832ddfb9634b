//! JSON values as text, floats among them.
//!
//! What `serde_json` writes floats with is a tenth of the whole Worker, and only an operator's mistake (`amount = 1.5`)
//! ever makes it write one. So here they are written without its tables; nothing in the Worker calls a value's own
//! `to_string`.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};
use std::io;

/// The JSON of a value on one line, as `serde_json` writes it; a float of more than fifteen digits is rounded.
///
/// ```
/// let value = serde_json::json!({ "amount": [1.5, 100] });
/// assert_eq!(stripe402_core::json::to_text(&value), r#"{"amount":[1.5,100]}"#);
/// ```
pub fn to_text(value: &Value) -> String {
    struct OneLine;
    impl Formatter for OneLine {
        fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
            writer.write_all(float(value).as_bytes())
        }
    }
    let mut bytes = Vec::with_capacity(128);
    match value.serialize(&mut Serializer::with_formatter(&mut bytes, OneLine)) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
        // Memory takes all that is written into it.
        Err(_) => String::new(),
    }
}

/// A float as JSON: the shortest decimal that is read as this float if it has at most fifteen digits, else rounded to
/// about as many. `null` for what is not finite.
pub fn float(value: f64) -> String {
    if !value.is_finite() {
        return "null".to_owned();
    }
    let (size, sign) = (value.abs(), if value.is_sign_negative() { "-" } else { "" });
    if size == 0.0 || size >= 1e-5 {
        let mut scale = 1.0;
        for decimals in 0_usize..=15 {
            // Both are whole and exact, so their quotient is the float that this decimal is read as.
            let digits = (size * scale).round();
            #[expect(clippy::float_cmp, reason = "whether it is the same float")]
            if digits < 1e16 && digits / scale == size {
                let digits = format!("{:0>1$}", whole(digits), decimals.saturating_add(1));
                let (before, after) = split(&digits, digits.len().saturating_sub(decimals));
                return format!("{sign}{before}.{}", if after.is_empty() { "0" } else { after });
            }
            scale *= 10.0;
        }
    }
    let (mut digits, mut exponent) = (size, 14_i32);
    while digits.round() >= 1e15 {
        (digits, exponent) = (digits / 10.0, exponent.saturating_add(1));
    }
    while digits.round() < 1e14 {
        (digits, exponent) = (digits * 10.0, exponent.saturating_sub(1));
    }
    let digits = whole(digits.round()).to_string();
    match split(digits.trim_end_matches('0'), 1) {
        (first, "") => format!("{sign}{first}e{exponent:+}"),
        (first, rest) => format!("{sign}{first}.{rest}e{exponent:+}"),
    }
}

fn split(digits: &str, at: usize) -> (&str, &str) {
    digits.split_at_checked(at).unwrap_or((digits, ""))
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole, not negative and below 10^16, so the conversion is exact"
)]
const fn whole(digits: f64) -> u64 {
    digits as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_is_written_as_serde_json_writes_it() {
        let text =
            r#"{"a":[null,true,1,-5,18446744073709551615,"ü\n\u0000",{}],"b":[1.5,0.0,-0.05,1e300,50000.0]}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(to_text(&value), value.to_string());
    }

    #[test]
    fn floats_of_few_digits_are_written_as_serde_json_writes_them() {
        for value in [
            0.0,
            -0.0,
            1.0,
            1.5,
            -0.1,
            50_000.0,
            0.05,
            0.000_01,
            0.000_009,
            1e-7,
            1.5e-7,
            1e15,
            1e16,
            1e20,
            1e22,
            1.234e30,
            1e300,
            123_456_789.123_456,
            99_999_999_999_999.0,
            0.1,
            12.34,
        ] {
            assert_eq!(float(value), Value::from(value).to_string());
        }
        assert_eq!(float(f64::NAN), "null");
    }

    #[test]
    fn a_float_of_more_digits_is_rounded() {
        assert_eq!(float(0.1 + 0.2), "3e-1");
        assert_eq!(float(1.0 / 3.0), "3.33333333333333e-1");
        assert_eq!(float(9.999_999_999_999_996e20), "1e+21");
        assert_eq!(float(f64::MAX), "1.79769313486232e+308");
        assert!(float(f64::from_bits(1)).ends_with("e-324"));
    }

    proptest! {
        #[test]
        fn every_decimal_of_up_to_fourteen_digits_is_kept(digits in -99_999_999_999_999_i64..=99_999_999_999_999, decimals in 0_u32..=10) {
            let text = format!("{digits}e-{decimals}");
            let value: f64 = text.parse().unwrap();
            prop_assert_eq!(float(value), Value::from(value).to_string());
        }

        #[test]
        fn every_float_is_written_nearly(value in any::<f64>()) {
            prop_assume!(value.is_normal());
            let read: f64 = float(value).parse().unwrap();
            prop_assert!((read / value - 1.0).abs() < 1e-13, "{value} {read}");
        }
    }
}
