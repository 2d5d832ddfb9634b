//! What may be spent: limits that are checked before anything that could cost money is sent.
//!
//! A [`Policy`] is a value; what was spent so far is in the [`Books`](crate::Books), which a [`Store`](crate::Store)
//! keeps. A policy without limits refuses nothing but payments over plain http to another machine.
//!
//! Prices and charges are two things. A *price* is what one request costs in credits; a *top-up* is what a card is
//! charged to buy credits, five dollars or more for a request of a cent. So each has its limits: `max_price` and budgets
//! for prices, `max_top_up` and top-up budgets for charges.

mod limits;
mod rule;

pub use limits::{Budget, Factor, InvalidFactor, Limits, Scope, Window};
pub use rule::{Refused, Rule};

use crate::origin::{Host, Origin};
use std::collections::BTreeMap;
use std::time::Duration;
use stripe402_core::protocol::{Accept, Currency, Units};

/// The limits of one payer.
///
/// ```
/// use stripe402_client::{Budget, Host, Limits, Policy, Window};
/// use stripe402_core::protocol::{Currency, Units};
/// let usd = Currency::USD;
/// let dollars = |text: &str| usd.parse_price(text).unwrap();
/// let policy = Policy::new()
///     .limits(usd, Limits::new().max_price(dollars("0.05")).max_top_up(dollars("20"))
///         .budget(Budget::spending(Window::Day, dollars("2"))))
///     .hosts([Host::parse("api.example").unwrap()]);
/// assert!(policy.needs_a_price());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    limits: BTreeMap<Currency, Limits>,
    hosts: Option<Vec<Host>>,
    max_price_rise: Option<Factor>,
    allow_http: bool,
    quote_lifetime: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}

/// What somebody is about to pay.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// To whom.
    pub origin: &'a Origin,
    /// The currency of both amounts.
    pub currency: Currency,
    /// The price of the request.
    pub price: Units,
    /// What a card may be charged for it; none if only credits are spent.
    pub top_up: Option<Units>,
    /// The price of the same request the last time.
    pub last_price: Option<(Currency, Units)>,
    /// Whether the request came here by a redirect from another origin.
    pub redirected: bool,
}

impl Policy {
    /// No limits, but https.
    pub const fn new() -> Self {
        Self {
            limits: BTreeMap::new(),
            hosts: None,
            max_price_rise: None,
            allow_http: false,
            quote_lifetime: Duration::from_mins(1),
        }
    }

    /// Limits for payments in a currency. As soon as one currency has limits, those without are refused.
    pub fn limits(mut self, currency: Currency, limits: Limits) -> Self {
        self.limits.insert(currency, limits);
        self
    }

    /// The limits of a currency, to be changed.
    pub fn limits_mut(&mut self, currency: Currency) -> &mut Limits {
        self.limits.entry(currency).or_default()
    }

    /// Pays these hosts only.
    pub fn hosts(mut self, hosts: impl IntoIterator<Item = Host>) -> Self {
        self.hosts = Some(hosts.into_iter().collect());
        self
    }

    /// Refuses a price that is more than so many times what the same request cost the last time.
    pub const fn max_price_rise(mut self, factor: Factor) -> Self {
        self.max_price_rise = Some(factor);
        self
    }

    /// Pays over plain http to other machines too: whoever is on the way can read what can be spent.
    pub const fn allow_http(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// How long a price that a server named, or that a receipt proved, is taken to hold. Within that time, credits are
    /// sent with the first request; after it, the price is asked for again. Zero asks each time. Default: one minute.
    /// Only where there is a limit on prices: without one, no price is asked for.
    pub const fn quote_lifetime(mut self, lifetime: Duration) -> Self {
        self.quote_lifetime = lifetime;
        self
    }

    /// How long a price is taken to hold, in milliseconds.
    pub(crate) fn quote_lifetime_ms(&self) -> i64 {
        i64::try_from(self.quote_lifetime.as_millis()).unwrap_or(i64::MAX)
    }

    /// Whether a price has to be known before credits are sent.
    pub fn needs_a_price(&self) -> bool {
        !self.limits.is_empty() || self.max_price_rise.is_some()
    }

    /// The budgets of a currency.
    pub(crate) fn budgets(&self, currency: Currency) -> &[Budget] {
        self.limits.get(&currency).map_or(&[], |limits| &limits.budgets)
    }

    /// Every limit for each currency, for people.
    pub fn all_limits(&self) -> impl Iterator<Item = (Currency, &Limits)> {
        self.limits.iter().map(|(currency, limits)| (*currency, limits))
    }

    /// Whom anything may be paid to at all: the rules that need no price.
    pub fn check_payee(&self, origin: &Origin, redirected: bool) -> Result<(), Refused> {
        if redirected {
            return Err(Refused::new(
                Rule::Redirect,
                format!(
                    "a redirect from another host, or after a payment, led to {origin}, which asks for payment"
                ),
            ));
        }
        if !origin.is_private() && !self.allow_http {
            let why = format!("{origin} is plain http: whoever is on the way could spend what is sent");
            return Err(Refused::new(Rule::HttpsOnly, why));
        }
        match &self.hosts {
            Some(hosts) if !hosts.iter().any(|host| host.covers(origin)) => Err(Refused::new(
                Rule::AllowedHosts,
                format!("{} is not among the allowed hosts", origin.host()),
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Checks an order against everything but the budgets, which need the books.
    pub fn check(&self, order: &Order<'_>) -> Result<(), Refused> {
        self.check_payee(order.origin, order.redirected)?;
        let Order { currency, price, .. } = *order;
        let none = Limits::default();
        let limits = match self.limits.get(&currency) {
            Some(limits) => limits,
            None if self.limits.is_empty() => &none,
            None => {
                let why = format!("there are no limits for {currency}, so nothing is paid in it");
                return Err(Refused::new(Rule::Currency, why));
            }
        };
        if let Some(most) = limits.max_price.filter(|most| price > *most) {
            let (price, most) = (currency.format(price), currency.format(most));
            return Err(Refused::new(
                Rule::MaxPrice,
                format!("the price is {price}, at most {most} is allowed"),
            ));
        }
        if let (Some(top_up), Some(most)) = (order.top_up, limits.max_top_up)
            && top_up > most
        {
            let (top_up, most) = (currency.format(top_up), currency.format(most));
            return Err(Refused::new(
                Rule::MaxTopUp,
                format!("the card would be charged {top_up}, at most {most} is allowed"),
            ));
        }
        if let (Some(factor), Some((before, last))) = (self.max_price_rise, order.last_price) {
            if before != currency {
                let why = format!("the price is in {currency}, and was in {before} the last time");
                return Err(Refused::new(Rule::PriceRise, why));
            }
            if factor.is_exceeded(last, price) {
                let (price, last) = (currency.format(price), currency.format(last));
                return Err(Refused::new(
                    Rule::PriceRise,
                    format!("the price is {price}, and was {last} the last time: more than {factor} times"),
                ));
            }
        }
        Ok(())
    }

    /// The first of a server's offers that the policy lets pass, or why it refuses the first.
    pub fn choose<'o>(
        &self,
        offers: &'o [Accept],
        order: impl Fn(&'o Accept) -> Order<'o>,
    ) -> Result<&'o Accept, Option<Refused>> {
        let mut first = None;
        for offer in offers {
            match self.check(&order(offer)) {
                Ok(()) => return Ok(offer),
                Err(refused) => first = first.or(Some(refused)),
            }
        }
        Err(first)
    }
}

#[cfg(test)]
mod tests;
