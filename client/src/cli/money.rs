//! Amounts as people write them: `0.05`, `0.05eur`, `2/day`.

use crate::Window;
use crate::protocol::{Currency, Units};
use std::str::FromStr;

/// An amount, in dollars unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) currency: Currency,
    pub(crate) units: Units,
}

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let code = text.strip_prefix(number).unwrap_or_default().to_ascii_lowercase();
        let currency = if code.is_empty() {
            Currency::USD
        } else {
            Currency::parse(&code)
                .map_err(|_| format!("{code:?} is not a currency that Stripe charges in"))?
        };
        let number = number.trim().trim_start_matches('$');
        let units = currency.parse_price(number).map_err(|error| {
            format!("{error}, with the currency behind it if it is not dollars: \"0.05eur\"")
        })?;
        Ok(Self { currency, units })
    }
}

/// An amount for a time: `2/day`; a day if it says nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) amount: Amount,
    pub(crate) window: Window,
}

impl FromStr for Allowance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (amount, window) = text.split_once('/').unwrap_or((text, "day"));
        let known = Window::ALL.into_iter().find(|one| one.as_str() == window.trim());
        let window = known.ok_or("expected /hour, /day or /month behind the amount")?;
        Ok(Self { amount: amount.parse()?, window })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, currency, units) in [
            ("0", "usd", 0),
            ("0.05", "usd", 500),
            ("$0.05", "usd", 500),
            ("5 eur", "eur", 50_000),
            ("100JPY", "jpy", 1_000_000),
        ] {
            let amount: Amount = text.parse().unwrap();
            assert_eq!((amount.currency.code(), amount.units.get()), (currency, units), "{text}");
        }
        for text in ["", "five", "-1", "1.00001", "5btc", "eur", "1e3", "$"] {
            assert!(text.parse::<Amount>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_allowance_is_for_a_day_unless_it_says_otherwise() {
        for (text, window, units) in
            [("0", Window::Day, 0), ("2/hour", Window::Hour, 20_000), ("2eur/month", Window::Month, 20_000)]
        {
            let allowance: Allowance = text.parse().unwrap();
            assert_eq!((allowance.window, allowance.amount.units.get()), (window, units), "{text}");
        }
        assert!("2/year".parse::<Allowance>().is_err());
    }
}
