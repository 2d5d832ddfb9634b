//! What a payer has to remember: client ids, the last prices, and what was spent. A value without I/O; a
//! [`Store`](crate::Store) keeps it.
//!
//! Kept true here: what may cost money is put aside *before* it is sent, and counts as spent from that moment. Only who
//! knows that nothing was spent takes it back. So whoever crashes, or never hears the outcome, has spent too little
//! rather than too much. What grows is bounded: sums are kept by minute, hour and day, and the oldest prices go first.

mod spending;

use crate::origin::Origin;
use crate::policy::{Order, Policy, Refused};
use serde::{Deserialize, Serialize};
use spending::{Kind, Spending};
use std::collections::BTreeMap;
use stripe402_core::protocol::{ClientId, Currency, Units};

/// Milliseconds since 1970.
pub(crate) type Millis = i64;

/// So many prices are remembered.
const MOST_PRICES: usize = 2_000;
/// What was put aside so long ago is part of the sums.
const SETTLED_BY_NOW: Millis = 86_400_000;

/// The books of one payer. As JSON they hold client ids: who reads them can spend the credits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Books {
    version: Version,
    #[serde(default)]
    clients: BTreeMap<String, Client>,
    #[serde(default)]
    prices: BTreeMap<String, Price>,
    #[serde(default)]
    spending: Spending,
    #[serde(default)]
    aside: BTreeMap<u64, Aside>,
    #[serde(default)]
    last_number: u64,
}

/// The form of the books: another one is refused, since what it means is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
struct Version;

impl TryFrom<u32> for Version {
    type Error = String;
    fn try_from(number: u32) -> Result<Self, String> {
        if number == 1 { Ok(Self) } else { Err(format!("version {number} is not 1")) }
    }
}

impl From<Version> for u32 {
    fn from(_: Version) -> u32 {
        1
    }
}

/// Who we are at an origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// The secret that spends the credits there.
    pub client_id: ClientId,
    /// The credits that were left, as of the last receipt.
    #[serde(default)]
    pub balances: BTreeMap<String, Units>,
    /// How often a card was charged for credits there.
    #[serde(default)]
    pub top_ups: u64,
}

/// What a request cost the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    currency: Currency,
    amount: Units,
    at: Millis,
}

/// What was put aside for one payment that is not known to be over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Aside {
    host: String,
    currency: Currency,
    price: Units,
    #[serde(default)]
    top_up: Units,
    at: Millis,
}

/// The number of what was put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// A request, as far as its price is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) origin: Origin,
    /// Method and path: HEAD costs what GET costs, and the query costs nothing.
    pub(crate) name: String,
}

impl Target {
    pub(crate) fn new(origin: Origin, method: &str, path: &str) -> Self {
        let method = if method == "HEAD" { "GET" } else { method };
        Self { name: format!("{method} {}{path}", origin.as_str()), origin }
    }
}

impl Books {
    /// Who we are at an origin, if we paid there before.
    pub fn client(&self, origin: &Origin) -> Option<&Client> {
        self.clients.get(origin.as_str())
    }

    /// Everyone we are, by origin.
    pub fn clients(&self) -> impl Iterator<Item = (&str, &Client)> {
        self.clients.iter().map(|(origin, client)| (origin.as_str(), client))
    }

    /// Forgets who we are at an origin: the credits there can be reached with the card only.
    pub fn forget(&mut self, origin: &str) -> bool {
        self.clients.remove(origin).is_some()
    }

    /// Remembers who we are at an origin. Another client id than before starts without balances.
    pub fn remember(&mut self, origin: &Origin, client_id: &ClientId) -> &mut Client {
        let fresh = || Client { client_id: client_id.clone(), balances: BTreeMap::new(), top_ups: 0 };
        let client = self.clients.entry(origin.as_str().to_owned()).or_insert_with(fresh);
        if client.client_id != *client_id {
            client.client_id = client_id.clone();
            client.balances.clear();
        }
        client
    }

    /// What a request cost the last time.
    pub(crate) fn last_price(&self, target: &Target) -> Option<(Currency, Units)> {
        self.prices.get(&target.name).map(|price| (price.currency, price.amount))
    }

    /// What a request costs, if that was said within the lifetime.
    pub(crate) fn quote(&self, target: &Target, lifetime: Millis, now: Millis) -> Option<(Currency, Units)> {
        let price = self.prices.get(&target.name)?;
        let age = now.checked_sub(price.at)?;
        (age >= 0 && age < lifetime).then_some((price.currency, price.amount))
    }

    /// A request costs this.
    pub(crate) fn price_is(&mut self, target: &Target, currency: Currency, amount: Units, now: Millis) {
        self.prices.insert(target.name.clone(), Price { currency, amount, at: now });
        while self.prices.len() > MOST_PRICES {
            let oldest = self.prices.iter().min_by_key(|(_, price)| price.at).map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { return };
            self.prices.remove(&oldest);
        }
    }

    /// A request was paid for at a price that was asked for just now, or that the balance proves: it holds for a while.
    /// `left` are the credits that the receipt names.
    pub(crate) fn paid(
        &mut self,
        target: &Target,
        price: (Currency, Units),
        asked: bool,
        left: Option<Units>,
        now: Millis,
    ) {
        let (currency, amount) = price;
        let client = self.clients.get_mut(target.origin.as_str());
        let before = client.and_then(|client| {
            let before = client.balances.get(currency.code()).copied();
            if let Some(left) = left {
                client.balances.insert(currency.code().to_owned(), left);
            }
            before
        });
        let proved = before.zip(left).is_some_and(|(before, left)| before.checked_sub(left) == Some(amount));
        if asked || proved {
            self.price_is(target, currency, amount, now);
        }
    }

    /// Puts aside what an order may cost, in place of what was put aside for the same payment before; or says which
    /// rule forbids it, and takes that back.
    pub fn put_aside(
        &mut self,
        policy: &Policy,
        order: &Order<'_>,
        instead_of: Option<Ticket>,
        now: Millis,
    ) -> Result<Ticket, Refused> {
        if let Some(ticket) = instead_of {
            self.take_back(ticket);
        }
        self.check(policy, order, now)?;
        self.compact(now);
        self.last_number = self.last_number.saturating_add(1);
        let aside = Aside {
            host: order.origin.host().to_owned(),
            currency: order.currency,
            price: order.price,
            top_up: order.top_up.unwrap_or(Units::ZERO),
            at: now,
        };
        self.aside.insert(self.last_number, aside);
        Ok(Ticket(self.last_number))
    }

    /// Whether an order would be allowed now, budgets included.
    pub fn check(&self, policy: &Policy, order: &Order<'_>, now: Millis) -> Result<(), Refused> {
        policy.check(order)?;
        self.check_budgets(policy, order, now)
    }

    /// Nothing of it was spent.
    pub fn take_back(&mut self, ticket: Ticket) {
        self.aside.remove(&ticket.0);
    }

    /// So much of it was spent, now.
    pub fn settle(&mut self, ticket: Ticket, price: Units, top_up: Units, now: Millis) {
        if let Some(aside) = self.aside.remove(&ticket.0) {
            self.spending.add(&aside.host, aside.currency, Kind::Price, price, now);
            self.spending.add(&aside.host, aside.currency, Kind::TopUp, top_up, now);
        }
    }

    /// What was put aside long ago, and never settled, is taken as spent when it was put aside.
    fn compact(&mut self, now: Millis) {
        let long_ago = now.saturating_sub(SETTLED_BY_NOW);
        let (old, open): (BTreeMap<_, _>, _) =
            std::mem::take(&mut self.aside).into_iter().partition(|(_, aside)| aside.at < long_ago);
        self.aside = open;
        for aside in old.into_values() {
            self.spending.add(&aside.host, aside.currency, Kind::Price, aside.price, aside.at);
            self.spending.add(&aside.host, aside.currency, Kind::TopUp, aside.top_up, aside.at);
        }
        self.spending.compact(now);
    }
}

#[cfg(test)]
mod tests;
