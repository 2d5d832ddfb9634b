//! Why a payment is not made.

use std::fmt;

/// A rule of a [`Policy`](super::Policy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The host is not on the list.
    AllowedHosts,
    /// Plain http to another machine.
    HttpsOnly,
    /// The currency has no limits, and others have.
    Currency,
    /// The request costs more than one may cost.
    MaxPrice,
    /// The card would be charged more than one charge may be.
    MaxTopUp,
    /// The prices of an hour, a day or a month.
    Budget,
    /// The charges of an hour, a day or a month.
    TopUpBudget,
    /// The price rose by more than a factor since the last time.
    PriceRise,
    /// The price is another one than a moment ago, when it was asked for.
    PriceChanged,
    /// A redirect led to who asks for payment.
    Redirect,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Rule; 10] = [
        Rule::AllowedHosts,
        Rule::HttpsOnly,
        Rule::Currency,
        Rule::MaxPrice,
        Rule::MaxTopUp,
        Rule::Budget,
        Rule::TopUpBudget,
        Rule::PriceRise,
        Rule::PriceChanged,
        Rule::Redirect,
    ];

    /// The rule's name, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::AllowedHosts => "allowed-hosts",
            Rule::HttpsOnly => "https-only",
            Rule::Currency => "currency",
            Rule::MaxPrice => "max-price",
            Rule::MaxTopUp => "max-top-up",
            Rule::Budget => "budget",
            Rule::TopUpBudget => "top-up-budget",
            Rule::PriceRise => "price-rise",
            Rule::PriceChanged => "price-changed",
            Rule::Redirect => "redirect",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A payment that the policy does not allow: which rule, and why. Nothing was sent that could cost money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {why}")]
pub struct Refused {
    /// The rule.
    pub rule: Rule,
    /// The reason, for people; without secrets.
    pub why: String,
}

impl Refused {
    pub(crate) fn new(rule: Rule, why: impl Into<String>) -> Self {
        Self { rule, why: why.into() }
    }
}
