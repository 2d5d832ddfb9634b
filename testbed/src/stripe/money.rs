//! Amounts and currencies as Stripe accepts them: the smallest and largest charge, and the currencies whose minor
//! unit is not a hundredth. Source: docs.stripe.com/currencies.

use super::errors::ApiError;

/// Currencies that Stripe presents, in lower case as its API wants them.
const SUPPORTED: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp \
byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg \
huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr \
mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle \
sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw";

/// The smallest charge in API units. A currency that is not here is checked after conversion by Stripe, which the
/// double cannot do: there, 1 is enough.
const MINIMUM: &[(&str, i64)] = &[
    ("usd", 50),
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
];

const ZERO_DECIMAL: &[&str] = &[
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf",
];
const THREE_DECIMAL: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];
/// Sent with two decimals, which must be zero.
const WHOLE_HUNDREDS: &[&str] = &["isk", "ugx"];

/// Whether Stripe would charge this amount.
pub(crate) fn check(currency: &str, amount: i64) -> Result<(), ApiError> {
    if !SUPPORTED.split(' ').any(|known| known == currency) {
        return Err(ApiError::invalid(format!(
            "Invalid currency: {currency}. Stripe currently supports these currencies: {}",
            SUPPORTED.replace(' ', ", ")
        ))
        .param("currency"));
    }
    let integer =
        |message: &str| ApiError::invalid(message).code("parameter_invalid_integer").param("amount");
    if amount < 1 {
        return Err(integer("This value must be greater than or equal to 1."));
    }
    let largest = if currency == "idr" { 999_999_999_999 } else { 99_999_999 };
    if amount > largest {
        return Err(ApiError::invalid(format!("Amount must be no more than {}", shown(currency, largest)))
            .code("amount_too_large")
            .param("amount"));
    }
    if THREE_DECIMAL.contains(&currency) && amount % 10 != 0 {
        return Err(integer("The last digit of an amount in a three-decimal currency must be 0."));
    }
    if WHOLE_HUNDREDS.contains(&currency) && amount % 100 != 0 {
        return Err(integer("An amount in this currency must be evenly divisible by 100."));
    }
    let smallest = MINIMUM.iter().find(|(name, _)| *name == currency).map_or(1, |(_, least)| *least);
    if amount < smallest {
        return Err(ApiError::invalid(format!("Amount must be at least {}", shown(currency, smallest)))
            .code("amount_too_small")
            .param("amount"));
    }
    Ok(())
}

/// An amount in words, as Stripe's messages write it: `$0.50 usd`.
pub(crate) fn shown(currency: &str, amount: i64) -> String {
    let sign = match currency {
        "usd" => "$",
        "eur" => "€",
        "gbp" => "£",
        "jpy" => "¥",
        _ => "",
    };
    let digits = if ZERO_DECIMAL.contains(&currency) {
        amount.to_string()
    } else if THREE_DECIMAL.contains(&currency) {
        format!("{}.{:03}", amount / 1000, amount % 1000)
    } else {
        format!("{}.{:02}", amount / 100, amount % 100)
    };
    format!("{sign}{digits} {currency}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_each_currency() {
        let code = |currency, amount| {
            check(currency, amount).err().map(|error| error.error["code"].as_str().unwrap_or("").to_owned())
        };
        let rows = [
            ("usd", 49, Some("amount_too_small")),
            ("usd", 50, None),
            ("usd", 99_999_999, None),
            ("usd", 100_000_000, Some("amount_too_large")),
            ("usd", 0, Some("parameter_invalid_integer")),
            ("usd", -5, Some("parameter_invalid_integer")),
            ("jpy", 49, Some("amount_too_small")),
            ("jpy", 50, None),
            ("gbp", 30, None),
            ("huf", 17_499, Some("amount_too_small")),
            ("kwd", 5120, None),
            ("kwd", 5124, Some("parameter_invalid_integer")),
            ("isk", 500, None),
            ("isk", 550, Some("parameter_invalid_integer")),
            ("ugx", 500, None),
            ("ugx", 501, Some("parameter_invalid_integer")),
            ("idr", 999_999_999_999, None),
            ("idr", 1_000_000_000_000, Some("amount_too_large")),
        ];
        for (currency, amount, expected) in rows {
            assert_eq!(code(currency, amount).as_deref(), expected, "{amount} {currency}");
        }
        assert!(check("USD", 500).is_err());
        assert!(check("xyz", 500).is_err());
    }

    #[test]
    fn amounts_are_written_as_stripe_writes_them() {
        assert_eq!(shown("usd", 50), "$0.50 usd");
        assert_eq!(shown("jpy", 50), "¥50 jpy");
        assert_eq!(shown("kwd", 5120), "5.120 kwd");
    }
}
