//! What an account shows its owner: balances, and entries newest first, page by page.
//!
//! Kept true here: every entry stands on one page and on one only, however many are added meanwhile: a page goes on
//! below the numbers at which the one before ended, currency by currency.

use std::fmt::{self, Write as _};

use serde_json::Value;
use stripe402_core::protocol::{ClientId, Currency, Units};

use super::account::Account;
use super::record::Fields;
use super::store::{Millis, Row, Store, StoreError};

/// A page holds at most so many entries.
pub const MOST: u32 = 500;
/// What is exported of an account holds at most so many.
pub const MOST_EXPORTED: u32 = 10_000;

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Of this currency alone.
    pub currency: Option<Currency>,
    /// Where the page before ended.
    pub before: Option<Cursor>,
    /// How many entries; at most [`MOST`], in an export [`MOST_EXPORTED`].
    pub limit: u32,
    /// The client id, where its owner sent it and it may be repeated.
    pub client_id: Option<ClientId>,
}

/// Where a page ended: the number of the last entry that was shown, by currency. As text: `eur-7.usd-120`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<(Currency, i64)>);

impl Cursor {
    /// Reads one back.
    pub fn parse(text: &str) -> Option<Self> {
        let mut places = Vec::new();
        for place in text.split('.') {
            let (currency, seq) = place.split_once('-')?;
            let digits = !seq.is_empty() && seq.len() <= 15 && seq.bytes().all(|byte| byte.is_ascii_digit());
            places.push((Currency::parse(currency).ok()?, seq.parse().ok().filter(|_| digits)?));
        }
        Some(Self(places))
    }

    fn of(&self, currency: Currency) -> Option<i64> {
        self.0.iter().find(|(known, _)| *known == currency).map(|(_, seq)| *seq)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (currency, seq)) in self.0.iter().enumerate() {
            let dot = if nth == 0 { "" } else { "." };
            write!(f, "{dot}{currency}-{seq}")?;
        }
        Ok(())
    }
}

/// A page of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Every balance.
    pub balances: Vec<(Currency, Units)>,
    /// The entries, newest first.
    pub entries: Vec<Shown>,
    /// Where the next page goes on; none: this is the last.
    pub next: Option<Cursor>,
}

/// An entry as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its currency.
    pub currency: Currency,
    /// Its number in that.
    pub seq: i64,
    /// When.
    pub at: Millis,
    /// The word for what it is ([`super::entries::Kind`]).
    pub kind: String,
    /// What it added; negative: took.
    pub amount: Units,
    /// The balance after it.
    pub balance: Units,
    /// What was bought, or what it is about.
    pub resource: Option<String>,
    /// The PaymentIntent that brought it in.
    pub source: Option<String>,
    /// The operator's act that made it.
    pub act: Option<String>,
}

impl Shown {
    fn of_row(currency: Currency, row: &Row) -> Result<Self, StoreError> {
        let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
        Ok(Self {
            currency,
            seq: row.integer(0)?,
            at: Millis(row.integer(1)?),
            kind: row.text(2)?.to_owned(),
            amount: row.units(3)?,
            balance: row.units(4)?,
            resource: owned(row.optional_text(5)?),
            source: owned(row.optional_text(6)?),
            act: owned(row.optional_text(7)?),
        })
    }
}

// One step of the key per currency, however many entries there are.
const CURRENCIES: &str = "
    WITH RECURSIVE known (currency) AS (
        SELECT min(currency) FROM entry
        UNION ALL
        SELECT (SELECT min(currency) FROM entry WHERE currency > known.currency) FROM known
        WHERE known.currency IS NOT NULL
    )
    SELECT currency FROM known WHERE currency IS NOT NULL";

const ENTRIES: &str = "SELECT seq, at, kind, amount, balance, resource, source,
        CASE WHEN kind IN ('adjustment', 'refund') THEN op END FROM entry
    WHERE currency = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";

/// The currencies that there are entries in.
pub(super) fn currencies<S: Store>(store: &S) -> Result<Vec<Currency>, StoreError> {
    let read = |row: &Row| Currency::parse(row.text(0)?).map_err(|_| StoreError::Shape("a currency"));
    store.run(CURRENCIES, &[])?.iter().map(read).collect()
}

impl<S: Store> Account<'_, S> {
    /// A page of the statement. Reads only, and of an account of which nothing is known not even that.
    pub fn statement(&self, page: &Page) -> Result<Statement, StoreError> {
        let mut statement = Statement { balances: Vec::new(), entries: Vec::new(), next: None };
        let store = self.store();
        if store.is_blank()? {
            return Ok(statement);
        }
        let limit = page.limit.clamp(1, MOST_EXPORTED);
        // The entries of each currency, newest last, so that the next one is popped.
        let mut rows = Vec::new();
        for currency in currencies(store)? {
            statement.balances.push((currency, super::entries::balance(store, currency)?));
            if page.currency.is_some_and(|wanted| wanted != currency) {
                continue;
            }
            let below = page.before.as_ref().and_then(|before| before.of(currency)).unwrap_or(END);
            let more = i64::from(limit).saturating_add(1);
            let mut found = Vec::new();
            for row in store.run(ENTRIES, &[currency.into(), below.into(), more.into()])? {
                found.push(Shown::of_row(currency, &row)?);
            }
            found.reverse();
            rows.push((below, currency, found));
        }
        while statement.entries.len() < usize::try_from(limit).unwrap_or(1) {
            let at = |rows: &Vec<Shown>| rows.last().map(|entry| entry.at);
            let mut newest: Option<&mut (i64, Currency, Vec<Shown>)> = None;
            for one in &mut rows {
                if newest.as_ref().is_none_or(|newest| at(&one.2) >= at(&newest.2)) {
                    newest = Some(one);
                }
            }
            let Some((below, _, rows)) = newest else { break };
            let Some(entry) = rows.pop() else { break };
            *below = entry.seq;
            statement.entries.push(entry);
        }
        if rows.iter().any(|(.., rows)| !rows.is_empty()) {
            let mut places = Vec::new();
            for (below, currency, _) in rows {
                if below < END {
                    places.push((currency, below));
                }
            }
            statement.next = Some(Cursor(places));
        }
        Ok(statement)
    }
}

impl Statement {
    /// The statement as its owner gets it: entries are the reference implementation's transaction records, with currency
    /// and balance.
    pub fn to_json(&self, client_id: Option<&ClientId>) -> String {
        let client_id = client_id.map_or("", ClientId::as_str);
        let (mut balances, mut entries) = (Vec::new(), Vec::new());
        for (currency, balance) in &self.balances {
            let fields = Fields::default().with("currency", currency.code()).with("balance", balance.get());
            balances.push(fields.done());
        }
        for entry in &self.entries {
            entries.push(entry.to_json(client_id));
        }
        let next = self.next.as_ref().map(ToString::to_string);
        Fields::default()
            .with("clientId", client_id)
            .with("balances", balances)
            .with("entries", entries)
            .with("next", next)
            .text()
    }
}

impl Shown {
    /// `amount` is what a deduction took; of all others it is what was added, negative where it was taken.
    pub(super) fn to_json(&self, client_id: &str) -> Value {
        let (kind, amount) = match self.kind.as_str() {
            "debit" => ("deduction", self.amount.get().saturating_neg()),
            kind => (kind, self.amount.get()),
        };
        let about = match kind {
            "topup" | "refund" => "stripePaymentIntentId",
            "dispute" => "stripeDisputeId",
            _ => "resource",
        };
        // What an operator called an act is not for its client.
        let source = self.source.as_deref().filter(|_| self.act.is_none());
        Fields::default()
            .with("id", format!("{}-{}", self.currency, self.seq))
            .with("clientId", client_id)
            .with("type", kind)
            .with("amount", amount)
            .with("currency", self.currency.code())
            .with_some(about, source.or(self.resource.as_deref()))
            .with("createdAt", iso(self.at))
            .with("balance", self.balance.get())
            .done()
    }
}

/// Above every number.
const END: i64 = 999_999_999_999_999;

/// A moment as ISO 8601 in UTC, to the millisecond: what a JavaScript `Date` is in JSON.
pub fn iso(at: Millis) -> String {
    let (days, millis) = (at.0.div_euclid(86_400_000), at.0.rem_euclid(86_400_000));
    // Days since 1 March of year 0, in eras of 400 years (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let shifted = days.saturating_add(719_468);
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let leaps = of_era.div_euclid(1_460).saturating_sub(of_era.div_euclid(36_524));
    let leaps = leaps.saturating_add(of_era.div_euclid(146_096));
    let year = of_era.saturating_sub(leaps).div_euclid(365);
    let before =
        year.saturating_mul(365).saturating_add(year.div_euclid(4)).saturating_sub(year.div_euclid(100));
    let of_year = of_era.saturating_sub(before);
    let month = of_year.saturating_mul(5).saturating_add(2).div_euclid(153);
    let day =
        of_year.saturating_sub(month.saturating_mul(153).saturating_add(2).div_euclid(5)).saturating_add(1);
    let month = if month < 10 { month.saturating_add(3) } else { month.saturating_sub(9) };
    let year = year.saturating_add(era.saturating_mul(400)).saturating_add(i64::from(month <= 2));
    let (hour, rest) = (millis.div_euclid(3_600_000), millis.rem_euclid(3_600_000));
    let (minute, rest) = (rest.div_euclid(60_000), rest.rem_euclid(60_000));
    let (second, milli) = (rest.div_euclid(1_000), rest.rem_euclid(1_000));
    let mut text = String::with_capacity(24);
    let _ = write!(text, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_javascript_writes_them() {
        let rows = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_790_000_000_123, "2026-09-21T14:13:20.123Z"),
            (1_709_164_799_999, "2024-02-28T23:59:59.999Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (1_767_225_599_000, "2025-12-31T23:59:59.000Z"),
            (4_102_444_800_000, "2100-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ];
        for (at, text) in rows {
            assert_eq!(iso(Millis(at)), text);
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        for text in ["usd-1", "eur-7.usd-120"] {
            assert_eq!(Cursor::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "usd", "usd-", "usd--1", "xxx-1", "usd-1.", "usd-1e3", "usd-9999999999999999"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
