//! Sums of what was spent, fine for what is recent and coarse for what is long ago.

use super::{Books, Millis};
use crate::policy::{Budget, Order, Policy, Refused, Rule, Scope, Window};
use serde::{Deserialize, Serialize};
use stripe402_core::protocol::{Currency, Units};

/// What was spent: the price of a request, or a charge of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Price,
    TopUp,
}

/// A sum, from a moment for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sum {
    host: String,
    currency: Currency,
    kind: Kind,
    from: Millis,
    length: Millis,
    amount: Units,
}

/// All sums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Spending(Vec<Sum>);

const MINUTE: Millis = 60_000;
const HOUR: Millis = Window::Hour.millis();
const DAY: Millis = Window::Day.millis();
const MONTH: Millis = Window::Month.millis();

impl Spending {
    pub(super) fn add(&mut self, host: &str, currency: Currency, kind: Kind, amount: Units, at: Millis) {
        if amount.is_positive() {
            let sum = Sum {
                host: host.to_owned(),
                currency,
                kind,
                from: start(at, MINUTE),
                length: MINUTE,
                amount,
            };
            self.merge(sum);
        }
    }

    fn merge(&mut self, sum: Sum) {
        let same = |known: &&mut Sum| {
            (known.from, known.length, known.kind, known.currency)
                == (sum.from, sum.length, sum.kind, sum.currency)
                && known.host == sum.host
        };
        match self.0.iter_mut().find(same) {
            Some(known) => known.amount = known.amount.checked_add(sum.amount).unwrap_or(Units::MAX),
            None => self.0.push(sum),
        }
    }

    /// Minutes become hours once an hour is over, hours become days; what is older than every window goes.
    pub(super) fn compact(&mut self, now: Millis) {
        for sum in std::mem::take(&mut self.0) {
            let age = now.saturating_sub(sum.end());
            let length = match age {
                MONTH.. => continue,
                DAY.. => DAY,
                HOUR.. => HOUR,
                _ => sum.length,
            };
            let length = length.max(sum.length);
            self.merge(Sum { from: start(sum.from, length), length, ..sum });
        }
    }
}

impl Sum {
    /// The last moment that it may stand for: it counts in a window until that is out of it.
    const fn end(&self) -> Millis {
        self.from.saturating_add(self.length)
    }
}

/// The start of the minute, hour or day that a moment is in.
fn start(at: Millis, length: Millis) -> Millis {
    at.checked_rem_euclid(length).map_or(at, |into| at.saturating_sub(into))
}

impl Books {
    pub(super) fn check_budgets(
        &self,
        policy: &Policy,
        order: &Order<'_>,
        now: Millis,
    ) -> Result<(), Refused> {
        for budget in policy.budgets(order.currency) {
            let host = order.origin.host();
            if matches!(&budget.scope, Scope::Host(one) if !one.covers(order.origin)) {
                continue;
            }
            let wanted = if budget.top_ups { order.top_up.unwrap_or(Units::ZERO) } else { order.price };
            if wanted.is_zero() {
                continue;
            }
            let spent = self.spent(budget, order.currency, host, now);
            let sum = spent.checked_add(wanted).unwrap_or(Units::MAX);
            if sum > budget.most {
                return Err(over(budget, order, host, spent, wanted));
            }
        }
        Ok(())
    }

    /// What counts towards a budget now, for a payment to this host.
    pub fn spent(&self, budget: &Budget, currency: Currency, host: &str, now: Millis) -> Units {
        let since = now.saturating_sub(budget.window.millis());
        let kind = if budget.top_ups { Kind::TopUp } else { Kind::Price };
        let counts = |of: &str| match &budget.scope {
            Scope::InAll => true,
            Scope::EachHost => of == host,
            Scope::Host(one) => one.may_cover(of),
        };
        let settled = self.spending.0.iter().filter(|sum| {
            sum.kind == kind && sum.currency == currency && sum.end() > since && counts(&sum.host)
        });
        let aside = self
            .aside
            .values()
            .filter(|aside| aside.currency == currency && aside.at > since && counts(&aside.host));
        let aside = aside.map(|aside| if budget.top_ups { aside.top_up } else { aside.price });
        let all = settled.map(|sum| sum.amount).chain(aside);
        all.fold(Units::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(Units::MAX))
    }
}

fn over(budget: &Budget, order: &Order<'_>, host: &str, spent: Units, wanted: Units) -> Refused {
    let [spent, wanted, most] = [spent, wanted, budget.most].map(|amount| order.currency.format(amount));
    let whose = match &budget.scope {
        Scope::InAll => "in all".to_owned(),
        Scope::EachHost => format!("for {host}"),
        Scope::Host(one) => format!("for {one}"),
    };
    let (rule, what, counted) = if budget.top_ups {
        (Rule::TopUpBudget, "the card would be charged", "charged")
    } else {
        (Rule::Budget, "the price is", "spent")
    };
    let window = budget.window;
    Refused::new(
        rule,
        format!("{what} {wanted}; {spent} of {most} {whose} were {counted} in the last {window}"),
    )
}
