//! How much a top-up charges.
//!
//! Kept true here: never more than the payer named, or than the advertised minimum where none was named, but for
//! rounding up to what can be charged; and never an amount that would still not pay for the request.

use stripe402_core::protocol::{Currency, ErrorCode, MinorAmount, Units};

use super::call::Refused;

/// What a payer is offered, from our own configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The smallest top-up: charged where the payer names none.
    pub min: Units,
    /// The largest.
    pub max: Units,
    /// What the payer named.
    pub asked: Option<Units>,
}

/// The charge that makes a balance cover a price.
pub fn to_charge(
    currency: Currency,
    balance: Units,
    price: Units,
    offer: &Offer,
) -> Result<MinorAmount, Refused> {
    let owed = if balance.is_negative() { balance.checked_neg() } else { None };
    let missing = price.checked_sub(balance).and_then(|units| currency.round_up_chargeable(units));
    let owes_too_much = || {
        let text = owed.map_or_else(String::new, |owed| currency.format(owed));
        Refused::new(
            ErrorCode::PaymentFailed,
            format!("This account owes {text}, more than one top-up can pay. Nothing was charged."),
            balance,
        )
    };
    let missing = match missing {
        Some(missing) if owed.is_none_or(|owed| owed <= offer.max) && missing <= offer.max => missing,
        // Without a debt this cannot be: the configuration keeps every price within its top-ups.
        _ => return Err(owes_too_much()),
    };
    let named = offer.asked.unwrap_or(offer.min);
    let charge = currency.charge_for(named);
    let enough = |charge: &MinorAmount| {
        currency
            .units_of(*charge)
            .and_then(|units| units.checked_add(balance))
            .is_some_and(|after| after >= price)
    };
    charge.filter(enough).ok_or_else(|| {
        Refused::new(
            ErrorCode::TopUpBelowMinimum,
            format!("Top-up amount {named} is below the minimum of {missing}"),
            balance,
        )
    })
}

/// The charge of a deposit: what the payer named, or the advertised minimum; enough to pay for what it is meant for.
pub fn to_deposit(
    currency: Currency,
    balance: Units,
    price: Units,
    offer: &Offer,
) -> Result<MinorAmount, Refused> {
    if balance < price {
        return to_charge(currency, balance, price, offer);
    }
    currency.charge_for(offer.asked.unwrap_or(offer.min)).ok_or_else(|| {
        Refused::new(ErrorCode::PaymentFailed, "This amount cannot be charged.".to_owned(), balance)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(number: i64) -> Units {
        Units::new(number).unwrap()
    }

    fn charge(
        currency: &str,
        balance: i64,
        price: i64,
        asked: Option<i64>,
    ) -> Result<i64, (ErrorCode, String)> {
        let offer = Offer { min: units(50_000), max: units(1_000_000), asked: asked.map(units) };
        to_charge(Currency::parse(currency).unwrap(), units(balance), units(price), &offer)
            .map(MinorAmount::get)
            .map_err(|refused| (refused.code, refused.message))
    }

    #[test]
    fn without_a_named_amount_exactly_the_minimum_is_charged() {
        assert_eq!(charge("usd", 0, 100, None), Ok(500));
        assert_eq!(charge("usd", 99, 100, None), Ok(500));
        assert_eq!(charge("usd", 0, 50_000, None), Ok(500));
    }

    #[test]
    fn a_named_amount_is_charged_rounded_up_to_a_chargeable_one() {
        assert_eq!(charge("usd", 0, 100, Some(50_001)), Ok(501));
        assert_eq!(charge("jpy", 0, 100, Some(50_001)), Ok(6));
        assert_eq!(charge("kwd", 0, 100, Some(50_001)), Ok(5_010));
    }

    #[test]
    fn a_debt_that_the_amount_would_not_cover_is_named() {
        assert_eq!(
            charge("usd", -10_000, 50_000, None),
            Err((ErrorCode::TopUpBelowMinimum, "Top-up amount 50000 is below the minimum of 60000".into()))
        );
        assert_eq!(charge("usd", -10_000, 50_000, Some(60_000)), Ok(600));
    }

    #[test]
    fn a_deposit_is_charged_whatever_is_there() {
        let deposit = |balance: i64, asked: Option<i64>| {
            let offer = Offer { min: units(50_000), max: units(1_000_000), asked: asked.map(units) };
            let usd = Currency::parse("usd").unwrap();
            to_deposit(usd, units(balance), units(100), &offer)
                .map(MinorAmount::get)
                .map_err(|error| error.code)
        };
        assert_eq!(deposit(0, None), Ok(500));
        assert_eq!(deposit(9_000_000, None), Ok(500));
        assert_eq!(deposit(100, Some(70_001)), Ok(701));
        assert_eq!(deposit(-50_000, None), Err(ErrorCode::TopUpBelowMinimum));
        assert_eq!(deposit(-50_000, Some(60_000)), Ok(600));
        assert_eq!(deposit(9_000_000, Some(0)), Err(ErrorCode::PaymentFailed));
    }

    #[test]
    fn an_account_that_owes_more_than_the_largest_top_up_is_not_charged() {
        for balance in [-1_000_001, -999_999] {
            let (code, message) = charge("usd", balance, 100, Some(1_000_000)).unwrap_err();
            assert_eq!(code, ErrorCode::PaymentFailed);
            assert!(message.starts_with("This account owes $"), "{message}");
        }
        assert_eq!(charge("usd", -999_900, 100, Some(1_000_000)), Ok(10_000));
    }
}
