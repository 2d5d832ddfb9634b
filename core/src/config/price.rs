//! What a route costs and how much a card may be charged for it.
//!
//! Keeps true for every paid route: price ≤ smallest top-up ≤ largest top-up ≤ the day's limit; the smallest
//! top-up can be charged as it stands and is not below Stripe's minimum. Where a default cannot keep that, the
//! operator has to choose, and the error names the smallest amount.

use super::errors::Refusal;
use super::settings::Settings;
use super::value::Reader;
use crate::protocol::{Currency, Units};
use std::fmt::Write;

/// The smallest top-up where none is configured: 50,000 units, five of the currency.
pub const DEFAULT_MIN_TOP_UP: Units = match Units::new(50_000) {
    Some(units) => units,
    None => Units::ZERO,
};

/// What one request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Price {
    /// Nothing: forwarded without a payment.
    Free,
    /// An amount, and the bounds of what a card is charged when credits run out.
    Paid {
        /// The price of one request, above zero.
        amount: Units,
        /// The currency of all four amounts.
        currency: Currency,
        /// The smallest top-up, and the one charged when the client names none; chargeable as it stands.
        min_top_up: Units,
        /// The largest top-up.
        max_top_up: Units,
        /// The most that one account may top up within a day.
        max_top_up_per_day: Units,
    },
}

impl Price {
    /// Not free.
    pub const fn is_paid(&self) -> bool {
        matches!(self, Price::Paid { .. })
    }
}

/// The amounts that are set for all routes of one currency.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) currency: Currency,
    pub(crate) min: Option<Units>,
    pub(crate) max: Option<Units>,
    pub(crate) per_day: Option<Units>,
}

impl Limits {
    /// Reads `CURRENCY`, `MIN_TOP_UP`, `MAX_TOP_UP` and `MAX_TOP_UP_PER_DAY`.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let given = reader.given("CURRENCY").map(currency);
        let currency = given.and_then(|outcome| reader.note("CURRENCY", outcome)).unwrap_or(Currency::USD);
        let mut min = reader.optional("MIN_TOP_UP", amount);
        if let Some(amount) = min
            && let Err(refusal) = not_below_stripe(amount, currency)
        {
            reader.refuse("MIN_TOP_UP", refusal.found(&amount.get().into()));
            min = None;
        }
        let mut max = reader.optional("MAX_TOP_UP", amount);
        if let Some(amount) = max
            && let Err(refusal) = chargeable(amount, currency)
        {
            reader.refuse("MAX_TOP_UP", refusal.found(&amount.get().into()));
            max = None;
        }
        let per_day = reader.optional("MAX_TOP_UP_PER_DAY", amount);
        if let (Some(max), Some(per_day)) = (max, per_day)
            && per_day < max
        {
            let problem = format!("below MAX_TOP_UP, {}", spoken(currency, max));
            reader.refuse("MAX_TOP_UP_PER_DAY", Refusal::because(problem).found(&per_day.get().into()));
        }
        Self { currency, min, max, per_day }
    }

    /// The smallest top-up of a route. A refusal concerns its `minTopUp`.
    pub(crate) fn min_top_up(
        &self,
        amount: Units,
        currency: Currency,
        configured: Option<Units>,
    ) -> Result<Units, Refusal> {
        let base = match (configured, self.min.filter(|_| currency == self.currency)) {
            (Some(min), _) => {
                if min < amount {
                    let price = spoken(currency, amount);
                    let problem = format!("below the price, {price}: one top-up has to pay for one request");
                    return Err(Refusal::because(problem).found(&min.get().into()));
                }
                not_below_stripe(min, currency).map_err(|refusal| refusal.found(&min.get().into()))?;
                min
            }
            (None, Some(min)) => min,
            (None, None) => default_min(amount, currency)?,
        };
        chargeable(base.max(amount), currency)
    }

    /// The price with its bounds. Refusals concern the variables, so each is made once.
    pub(crate) fn price(
        &self,
        reader: &mut Reader<'_>,
        route: &str,
        amount: Units,
        currency: Currency,
        min: Units,
    ) -> Price {
        let ours = currency == self.currency;
        let per_day = self.per_day.filter(|_| ours);
        let most = currency.units_of(currency.stripe_maximum()).unwrap_or(Units::MAX);
        let max = self.max.filter(|_| ours).unwrap_or_else(|| {
            let usual = min.checked_mul(20).unwrap_or(most).min(most);
            per_day.map_or(usual, |per_day| usual.min(per_day))
        });
        let per_day = per_day.unwrap_or_else(|| max.checked_mul(4).unwrap_or(Units::MAX));
        for (name, limit) in [("MAX_TOP_UP", max), ("MAX_TOP_UP_PER_DAY", per_day)] {
            let said = reader.findings.errors.iter().any(|error| error.variable == name);
            if limit < min && !said && reader.given(name).is_some() {
                let problem = format!("below the smallest top-up of {route}, {}", spoken(currency, min));
                reader.refuse(name, Refusal::because(problem).found(&limit.get().into()));
            }
        }
        Price::Paid { amount, currency, min_top_up: min, max_top_up: max, max_top_up_per_day: per_day }
    }

    /// Says which limits do not reach a route, because they are amounts of another currency.
    pub(crate) fn warn_of_other_currency(&self, reader: &mut Reader<'_>, route: &str, currency: Currency) {
        let set = [("MIN_TOP_UP", self.min), ("MAX_TOP_UP", self.max), ("MAX_TOP_UP_PER_DAY", self.per_day)];
        for (name, _) in set.into_iter().filter(|(_, amount)| amount.is_some()) {
            if !reader.findings.warnings.iter().any(|warning| warning.setting == name) {
                let ours = self.currency;
                reader.warn(
                    name,
                    format!("an amount in {ours}; {route} is in {currency} and keeps the default"),
                );
            }
        }
    }
}

/// A number of units above zero.
pub(crate) fn amount(value: &serde_json::Value) -> Result<Units, Refusal> {
    let number = super::value::integer(value, 1, Units::MAX.get())?;
    Units::new(number).ok_or_else(|| Refusal::because("expected a smaller number of units"))
}

/// A currency's code.
pub(crate) fn currency(value: &serde_json::Value) -> Result<Currency, Refusal> {
    let code = super::value::text(value)?;
    Currency::parse(&code).map_err(|error| {
        let known = super::errors::nearest(&code, Currency::all().map(Currency::code));
        Refusal::because(error).found(value).nearest(known)
    })
}

/// `5000 units ($0.50)`.
pub(crate) fn spoken(currency: Currency, units: Units) -> String {
    format!("{units} units ({})", currency.format(units))
}

fn stripe_minimum(currency: Currency) -> Option<Units> {
    currency.stripe_minimum().and_then(|least| currency.units_of(least))
}

fn not_below_stripe(amount: Units, currency: Currency) -> Result<(), Refusal> {
    match stripe_minimum(currency) {
        Some(least) if amount < least => {
            let least = spoken(currency, least);
            Err(Refusal::because(format_args!(
                "below the smallest charge that Stripe takes in {currency}, {least}"
            )))
        }
        Some(_) | None => Ok(()),
    }
}

/// A price that one charge can cover; free is one, too.
pub(crate) fn payable(amount: Units, currency: Currency) -> Result<Units, Refusal> {
    if !amount.is_zero() {
        chargeable(amount, currency)?;
    }
    Ok(amount)
}

fn chargeable(amount: Units, currency: Currency) -> Result<Units, Refusal> {
    currency.round_up_chargeable(amount).ok_or_else(|| {
        let most = currency.units_of(currency.stripe_maximum()).unwrap_or(Units::MAX);
        let most = spoken(currency, most);
        Refusal::because(format_args!("above the largest charge that Stripe takes in {currency}, {most}"))
    })
}

/// The default, where it is enough to be charged.
fn default_min(amount: Units, currency: Currency) -> Result<Units, Refusal> {
    let smallest = |least: Units| match chargeable(least.max(amount), currency) {
        Ok(smallest) => spoken(currency, smallest),
        Err(refusal) => refusal.problem,
    };
    let usual = spoken(currency, DEFAULT_MIN_TOP_UP);
    match stripe_minimum(currency) {
        Some(least) if least <= DEFAULT_MIN_TOP_UP => Ok(DEFAULT_MIN_TOP_UP),
        Some(least) => Err(Refusal::because(format_args!(
            "a minTopUp is needed: the default of {usual} is below the smallest charge that Stripe takes in {currency}; \
             the smallest possible is {}",
            smallest(least)
        ))),
        None => Err(Refusal::because(format_args!(
            "a minTopUp is needed: Stripe publishes no smallest charge for {currency}, so the default of {usual} may be \
             too little; at least the price is possible, {}",
            smallest(Units::ZERO)
        ))),
    }
}

/// What every route costs, a line each, for the operator who has just built:
/// `GET /api/joke   100 units = $0.01, 500 requests per $5.00 top-up`.
pub fn price_table(settings: &Settings) -> String {
    let width = settings.routes.iter().map(|route| route.key.chars().count()).max().unwrap_or_default();
    let mut table = String::new();
    for route in &settings.routes {
        let line = match route.price {
            Price::Free => "free".to_owned(),
            Price::Paid { amount, currency, min_top_up, .. } => {
                let requests = min_top_up.get().checked_div(amount.get()).unwrap_or_default();
                let plural = if requests == 1 { "request" } else { "requests" };
                let (price, top_up) = (currency.format(amount), currency.format(min_top_up));
                format!("{amount} units = {price}, {requests} {plural} per {top_up} top-up")
            }
        };
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{:width$}   {line}", route.key);
    }
    table
}
