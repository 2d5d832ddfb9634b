//! The limits of one currency.

use crate::origin::Host;
use std::fmt;
use stripe402_core::protocol::Units;

/// What may be spent in one currency. None of a kind: no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most that one request may cost.
    pub max_price: Option<Units>,
    /// The most that a card may be charged at a time.
    pub max_top_up: Option<Units>,
    /// What may be spent, and charged, in a time.
    pub budgets: Vec<Budget>,
}

impl Limits {
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most that one request may cost.
    pub const fn max_price(mut self, most: Units) -> Self {
        self.max_price = Some(most);
        self
    }

    /// The most that a card may be charged at a time.
    pub const fn max_top_up(mut self, most: Units) -> Self {
        self.max_top_up = Some(most);
        self
    }

    /// One more budget; all of them have to hold.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budgets.push(budget);
        self
    }
}

/// The most that may be spent, or charged, in a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Charges of cards, instead of prices of requests.
    pub top_ups: bool,
    /// The time, back from now.
    pub window: Window,
    /// Whose.
    pub scope: Scope,
    /// The most.
    pub most: Units,
}

impl Budget {
    /// For the prices of requests to all hosts together.
    pub const fn spending(window: Window, most: Units) -> Self {
        Self { top_ups: false, window, scope: Scope::InAll, most }
    }

    /// For the charges of cards by all hosts together.
    pub const fn top_ups(window: Window, most: Units) -> Self {
        Self { top_ups: true, window, scope: Scope::InAll, most }
    }

    /// The same for each host on its own.
    pub fn for_each_host(self) -> Self {
        Self { scope: Scope::EachHost, ..self }
    }

    /// The same for one host, or for all that the name covers together, as in a list of hosts.
    ///
    /// ```
    /// use stripe402_client::protocol::{Currency, Units};
    /// use stripe402_client::{Budget, Host, Window};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let most = Currency::USD.parse_price("2")?;
    /// let budget = Budget::spending(Window::Day, most).for_host(Host::parse("API.example:443")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_host(self, host: Host) -> Self {
        Self { scope: Scope::Host(host), ..self }
    }
}

/// Whose payments a budget counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All hosts together.
    InAll,
    /// Each host on its own.
    EachHost,
    /// This host, or all that the name covers together.
    Host(Host),
}

/// A time, back from now; it slides, so that a budget is never spent twice around midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// 30 days.
    Month,
}

impl Window {
    /// Every window, shortest first.
    pub const ALL: [Window; 3] = [Window::Hour, Window::Day, Window::Month];

    /// Its length in milliseconds.
    pub const fn millis(self) -> i64 {
        match self {
            Window::Hour => 3_600_000,
            Window::Day => 86_400_000,
            Window::Month => 2_592_000_000,
        }
    }

    /// `hour`, `day` or `month`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Window::Hour => "hour",
            Window::Day => "day",
            Window::Month => "month",
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many times the last price a price may be: a decimal of at least 1, kept in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor(u32);

/// Text that is no factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a decimal from 1 to 1000 such as \"1.5\", with at most three decimals")]
pub struct InvalidFactor;

impl Factor {
    /// Reads a decimal such as `1.5`.
    pub fn parse(text: &str) -> Result<Self, InvalidFactor> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(rest) || rest.len() > 3 {
            return Err(InvalidFactor);
        }
        let thousandths: u32 = format!("{whole}{rest:0<3}").parse().map_err(|_| InvalidFactor)?;
        if (1_000..=1_000_000).contains(&thousandths) { Ok(Self(thousandths)) } else { Err(InvalidFactor) }
    }

    /// Whether a price is more than so many times the last one.
    pub(crate) fn is_exceeded(self, last: Units, price: Units) -> bool {
        let allowed = i128::from(last.get()).saturating_mul(self.0.into());
        i128::from(price.get()).saturating_mul(1_000) > allowed
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1_000, self.0 % 1_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}
