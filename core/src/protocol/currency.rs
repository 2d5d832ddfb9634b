//! Which currencies can be charged, and how units become what Stripe counts in.
//!
//! Keeps true that a charge covers the units it is for, is one that Stripe accepts (its last digits, its
//! eight digits at most), and is the smallest such. Source of the tables: Stripe, "Supported currencies",
//! <https://docs.stripe.com/currencies> (presentment currencies, zero-decimal, three-decimal, special cases,
//! minimum and maximum charge amounts).

use super::units::{MinorAmount, Units, decimal};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Charged in hundredths.
const TWO_DECIMALS: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn \
    bzd cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr \
    ils inr jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio \
    nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try \
    ttd twd tzs uah uyu uzs wst xcd xcg yer zar zmw";
/// Charged in whole major units.
const ZERO_DECIMALS: &str = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf";
/// Charged in thousandths, of which the last digit has to be 0.
const THREE_DECIMALS: &str = "bhd jod kwd omr tnd";
/// Told in hundredths, but charged in whole major units: the amount has to be divisible by 100.
const WHOLE_IN_HUNDREDTHS: &str = "isk ugx";

/// Stripe's minimum charge in minor units, where it publishes one.
const MINIMUMS: [(&str, i64); 24] = [
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
    ("huf", 17_500),
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

/// How Stripe counts a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Counting {
    TwoDecimals,
    ZeroDecimals,
    ThreeDecimals,
    WholeInHundredths,
}

const LISTS: [(Counting, &str); 4] = [
    (Counting::TwoDecimals, TWO_DECIMALS),
    (Counting::ZeroDecimals, ZERO_DECIMALS),
    (Counting::ThreeDecimals, THREE_DECIMALS),
    (Counting::WholeInHundredths, WHOLE_IN_HUNDREDTHS),
];

/// A currency that Stripe charges cards in.
///
/// ```
/// use stripe402_core::protocol::{Currency, Units};
/// let yen = Currency::parse("jpy").unwrap();
/// let price = Units::new(995_001).unwrap();
/// assert_eq!(yen.format(price), "¥99.5001");
/// assert_eq!(yen.charge_for(price).unwrap().get(), 100); // ¥100 covers it, ¥99 does not
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    counting: Counting,
}

/// A currency code that Stripe does not charge in, or that is not written in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a currency that Stripe charges in; write the three letters in lower case, such as \"usd\"")]
pub struct UnknownCurrency;

/// Why a price is not a number of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Not digits with at most one decimal point between them.
    #[error("a price is a decimal such as \"0.05\"")]
    NotADecimal,
    /// More than four decimals: a unit is 1/10,000 of the currency.
    #[error("a price has at most four decimals")]
    TooFine,
    /// More than 2^53 − 1 units.
    #[error("the price is too large")]
    TooLarge,
}

impl Currency {
    /// US dollar, the protocol's default.
    pub const USD: Currency = Currency { code: "usd", counting: Counting::TwoDecimals };

    /// The currency with this code: three lower-case letters that Stripe knows.
    pub fn parse(code: &str) -> Result<Currency, UnknownCurrency> {
        if code.len() != 3 {
            return Err(UnknownCurrency);
        }
        for (counting, codes) in LISTS {
            if let Some(code) = codes.split(' ').find(|known| *known == code) {
                return Ok(Currency { code, counting });
            }
        }
        Err(UnknownCurrency)
    }

    /// Every currency that Stripe charges in.
    pub fn all() -> impl Iterator<Item = Currency> {
        LISTS
            .into_iter()
            .flat_map(|(counting, codes)| codes.split(' ').map(move |code| Currency { code, counting }))
    }

    /// The three lower-case letters.
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// How many units one of Stripe's minor units is worth: 100 for usd, 10,000 for jpy, 10 for kwd.
    pub const fn units_per_minor(self) -> i64 {
        match self.counting {
            Counting::TwoDecimals | Counting::WholeInHundredths => 100,
            Counting::ZeroDecimals => 10_000,
            Counting::ThreeDecimals => 10,
        }
    }

    /// The units between one chargeable amount and the next: 100 for usd, 10,000 for jpy.
    pub const fn units_per_step(self) -> i64 {
        match self.counting {
            Counting::TwoDecimals | Counting::ThreeDecimals => 100,
            Counting::ZeroDecimals | Counting::WholeInHundredths => 10_000,
        }
    }

    /// The decimals in which people write amounts of it.
    const fn decimals(self) -> usize {
        match self.counting {
            Counting::TwoDecimals => 2,
            Counting::ZeroDecimals | Counting::WholeInHundredths => 0,
            Counting::ThreeDecimals => 3,
        }
    }

    /// The smallest amount that Stripe can charge and that covers the units. `None` if they are not
    /// positive or cost more than [`stripe_maximum`](Self::stripe_maximum).
    pub fn charge_for(self, units: Units) -> Option<MinorAmount> {
        let covering = self.round_up_chargeable(units)?;
        covering.get().checked_div(self.units_per_minor()).and_then(MinorAmount::new)
    }

    /// The largest amount that Stripe can be told and that these units cover. `None`: they cover none.
    pub fn charge_within(self, units: Units) -> Option<MinorAmount> {
        let steps = units.get().checked_div(self.units_per_step())?;
        let covered =
            steps.checked_mul(self.units_per_step())?.min(self.units_of(self.stripe_maximum())?.get());
        covered.checked_div(self.units_per_minor()).and_then(MinorAmount::new)
    }

    /// What an amount at Stripe is worth in units. `None` only beyond the range of [`Units`].
    pub fn units_of(self, amount: MinorAmount) -> Option<Units> {
        amount.get().checked_mul(self.units_per_minor()).and_then(Units::new)
    }

    /// The smallest chargeable number of units that is not below these. `None` as in
    /// [`charge_for`](Self::charge_for). Stripe's *minimum* is not applied here.
    pub fn round_up_chargeable(self, units: Units) -> Option<Units> {
        if !units.is_positive() {
            return None;
        }
        let steps = units
            .get()
            .checked_add(self.units_per_step())?
            .checked_sub(1)?
            .checked_div(self.units_per_step())?;
        let covering = Units::new(steps.checked_mul(self.units_per_step())?)?;
        (covering <= self.units_of(self.stripe_maximum())?).then_some(covering)
    }

    /// The smallest charge that Stripe accepts, where it publishes one. It holds for accounts that settle in
    /// this currency; elsewhere Stripe converts, so the true minimum can differ a little.
    pub fn stripe_minimum(self) -> Option<MinorAmount> {
        MINIMUMS.iter().find(|(code, _)| *code == self.code).and_then(|(_, least)| MinorAmount::new(*least))
    }

    /// The largest chargeable amount: eight digits, twelve for idr.
    pub const fn stripe_maximum(self) -> MinorAmount {
        let most = match self.counting {
            Counting::TwoDecimals if matches!(self.code.as_bytes(), b"idr") => 999_999_999_999,
            Counting::TwoDecimals | Counting::ZeroDecimals => 99_999_999,
            Counting::ThreeDecimals => 99_999_990,
            Counting::WholeInHundredths => 99_999_900,
        };
        match MinorAmount::new(most) {
            Some(amount) => amount,
            None => MinorAmount::ONE,
        }
    }

    /// The amount as people write it: `$0.01`, `€5.00`, `¥100`, `12.00 SEK`; with more decimals where the
    /// amount needs them: `$0.0001`.
    #[must_use]
    pub fn format(self, units: Units) -> String {
        let number = decimal(units, self.decimals());
        let (sign, number) = match number.strip_prefix('-') {
            Some(number) => ("-", number),
            None => ("", number.as_str()),
        };
        match self.code {
            "usd" => format!("{sign}${number}"),
            "eur" => format!("{sign}€{number}"),
            "gbp" => format!("{sign}£{number}"),
            "jpy" => format!("{sign}¥{number}"),
            code => format!("{sign}{number} {}", code.to_ascii_uppercase()),
        }
    }

    /// Reads a decimal price such as `"0.05"`, exactly: an error rather than a rounded price.
    pub fn parse_price(self, text: &str) -> Result<Units, PriceError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(PriceError::NotADecimal);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 4 {
            return Err(PriceError::TooFine);
        }
        let units: i64 = format!("{whole}{fraction:0<4}").parse().map_err(|_| PriceError::TooLarge)?;
        Units::new(units).ok_or(PriceError::TooLarge)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl fmt::Display for Currency {
    /// The code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Currency::parse(&code).map_err(|error| de::Error::custom(format_args!("{code:?} is {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn units(value: i64) -> Units {
        Units::new(value).unwrap()
    }

    #[test]
    fn codes_are_three_lower_case_letters_that_stripe_knows_and_each_stands_once() {
        for code in ["", "us", "USD", "Usd", "usdd", "usd ", "xxx", " us", "btc", "a b", "€"] {
            assert_eq!(Currency::parse(code), Err(UnknownCurrency), "{code:?}");
        }
        let all: Vec<_> = Currency::all().collect();
        let distinct: std::collections::BTreeSet<_> = all.iter().map(|currency| currency.code()).collect();
        assert_eq!(distinct.len(), all.len());
        assert!(all.len() > 135, "Stripe charges in more than 135 currencies, here are {}", all.len());
        for one in all {
            assert!(
                one.code().len() == 3 && one.code().bytes().all(|byte| byte.is_ascii_lowercase()),
                "{one}"
            );
            assert_eq!(Currency::parse(one.code()), Ok(one));
        }
        assert_eq!(format!("{} {:?}", Currency::USD, currency("usd")), "usd usd");
    }

    #[test]
    fn the_lists_have_the_lengths_that_stripe_publishes() {
        let count = |counting| Currency::all().filter(|one| one.counting == counting).count();
        assert_eq!(
            count(Counting::ZeroDecimals) + 1,
            16,
            "ugx is in Stripe's list of 16, but told in hundredths"
        );
        assert_eq!(count(Counting::ThreeDecimals), 5);
        assert_eq!(count(Counting::WholeInHundredths), 2);
        for (code, _) in MINIMUMS {
            assert!(currency(code).stripe_minimum().is_some());
        }
    }

    #[test]
    fn units_become_the_smallest_charge_that_covers_them() {
        let table = [
            ("usd", 1, 1),
            ("usd", 101, 2),
            ("usd", 50_000, 500),
            ("usd", 9_999_999_900, 99_999_999),
            ("jpy", 1, 1),
            ("jpy", 10_000, 1),
            ("jpy", 10_001, 2),
            ("krw", 5_000_000, 500),
            ("kwd", 1, 10),
            ("kwd", 100, 10),
            ("kwd", 51_240, 5130),
            ("kwd", 51_200, 5120),
            ("isk", 1, 100),
            ("isk", 10_001, 200),
            ("ugx", 50_000, 500),
            ("ugx", 50_001, 600),
            ("huf", 101, 2),
            ("twd", 101, 2),
            ("idr", 99_999_999_999_900, 999_999_999_999),
        ];
        for (code, from, minor) in table {
            let charge = currency(code).charge_for(units(from)).map(MinorAmount::get);
            assert_eq!(charge, Some(minor), "{from} units of {code}");
        }
    }

    #[test]
    fn what_cannot_be_charged_has_no_amount() {
        for (code, value) in [("usd", 0), ("usd", -1), ("usd", 9_999_999_901), ("kwd", 999_999_901)] {
            assert_eq!(currency(code).charge_for(units(value)), None, "{value} units of {code}");
            assert_eq!(currency(code).round_up_chargeable(units(value)), None, "{value} units of {code}");
        }
        for one in Currency::all() {
            assert_eq!(one.charge_for(Units::MAX), None, "{one}");
            let most = one.stripe_maximum();
            let worth = one.units_of(most).unwrap();
            assert_eq!(one.charge_for(worth), Some(most), "the maximum of {one} is chargeable");
            assert_eq!(one.charge_for(worth.checked_add(units(1)).unwrap()), None, "{one}");
        }
        assert_eq!(currency("jpy").units_of(MinorAmount::new(900_719_925_475).unwrap()), None);
    }

    #[test]
    fn every_minimum_is_chargeable_as_it_stands() {
        for one in Currency::all() {
            if let Some(least) = one.stripe_minimum() {
                assert_eq!(one.charge_for(one.units_of(least).unwrap()), Some(least), "{one}");
            }
        }
        assert_eq!(currency("usd").stripe_minimum().map(MinorAmount::get), Some(50));
        assert_eq!(currency("huf").stripe_minimum().map(MinorAmount::get), Some(17_500));
        assert_eq!(currency("krw").stripe_minimum(), None);
    }

    #[test]
    fn amounts_are_written_as_people_write_them() {
        let table = [
            ("usd", 100, "$0.01"),
            ("usd", 1, "$0.0001"),
            ("usd", 1_010, "$0.101"),
            ("usd", 0, "$0.00"),
            ("usd", -50_000, "-$5.00"),
            ("eur", 50_000, "€5.00"),
            ("gbp", 12_300, "£1.23"),
            ("jpy", 1_000_000, "¥100"),
            ("jpy", 5_000, "¥0.5"),
            ("sek", 120_000, "12.00 SEK"),
            ("kwd", 51_200, "5.120 KWD"),
            ("isk", 50_000, "5 ISK"),
            ("sek", -1, "-0.0001 SEK"),
        ];
        for (code, value, text) in table {
            assert_eq!(currency(code).format(units(value)), text);
        }
    }

    #[test]
    fn a_price_is_read_exactly_or_not_at_all() {
        for (text, value) in [
            ("0.05", 500),
            ("5", 50_000),
            ("0.0001", 1),
            ("1.2300000", 12_300),
            ("007", 70_000),
            ("0", 0),
            ("0.0", 0),
        ] {
            assert_eq!(Currency::USD.parse_price(text), Ok(units(value)), "{text}");
        }
        for text in [
            "", ".", ".5", "5.", "-1", "+1", "1e3", "1,5", "0x5", " 1", "1 ", "1.2.3", "٣", "NaN", "$5",
            "1.-5",
        ] {
            assert_eq!(Currency::USD.parse_price(text), Err(PriceError::NotADecimal), "{text:?}");
        }
        assert_eq!(Currency::USD.parse_price("0.00001"), Err(PriceError::TooFine));
        assert_eq!(Currency::USD.parse_price("1.00005"), Err(PriceError::TooFine));
        for text in ["900719925474.0992", "99999999999999999999999", "922337203685477.5808"] {
            assert_eq!(Currency::USD.parse_price(text), Err(PriceError::TooLarge), "{text}");
        }
    }

    #[test]
    fn json_carries_the_code() {
        assert_eq!(serde_json::to_string(&currency("eur")).unwrap(), "\"eur\"");
        assert_eq!(serde_json::from_str::<Currency>("\"eur\"").unwrap(), currency("eur"));
        let error = serde_json::from_str::<Currency>("\"EUR\"").unwrap_err().to_string();
        assert!(error.contains("not a currency that Stripe charges in"), "{error}");
    }
}
