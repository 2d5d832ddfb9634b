//! The table of paybacks: records read and written, and what they take of the balance.
//!
//! Kept true here: a record and what it takes of the balance are written in one transaction.

use stripe402_core::json::to_text;
use stripe402_core::protocol::{Currency, Units};

use super::entries::{self, Kind};
use super::payback::PayBack;
use super::record::Record;
use super::store::{Millis, Param, Row, Store, StoreError, at_most_one};

fn read(row: &Row) -> Result<PayBack, StoreError> {
    let value = serde_json::from_str(row.text(0)?).ok();
    value.as_ref().and_then(PayBack::read).ok_or(StoreError::Shape("a payback"))
}

fn all<S: Store>(store: &S, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<PayBack>, StoreError> {
    store.run(sql, params)?.iter().map(read).collect()
}

/// One by its name.
pub(super) fn by_id<S: Store>(store: &S, id: &str) -> Result<Option<PayBack>, StoreError> {
    Ok(all(store, "SELECT machine FROM payback WHERE id = ?1", &[id.into()])?.pop())
}

/// Those of a PaymentIntent.
pub(super) fn of_intent<S: Store>(store: &S, intent: &str) -> Result<Vec<PayBack>, StoreError> {
    all(store, "SELECT machine FROM payback WHERE payment_intent = ?1", &[intent.into()])
}

/// Those that are not settled.
pub(super) fn open<S: Store>(store: &S) -> Result<Vec<PayBack>, StoreError> {
    all(store, "SELECT machine FROM payback WHERE wake_at IS NOT NULL ORDER BY wake_at, id", &[])
}

/// When the first of them is due.
pub(super) fn wake_at<S: Store>(store: &S) -> Result<Option<Millis>, StoreError> {
    let rows = store.run("SELECT min(wake_at) FROM payback WHERE wake_at IS NOT NULL", &[])?;
    let row = at_most_one(rows)?.ok_or(StoreError::Shape("a time"))?;
    Ok(row.optional_integer(0)?.map(Millis))
}

/// Whether one that was asked for since a moment is at Stripe, and its bank has not confirmed it.
pub(super) fn is_pending<S: Store>(store: &S, since: Millis) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM payback WHERE at > ?1 AND json_extract(machine, '$.pending') LIMIT 1";
    Ok(!store.run(sql, &[since.into()])?.is_empty())
}

/// What those of a PaymentIntent take of its money.
pub(super) fn taken<S: Store>(store: &S, intent: &str) -> Result<Units, StoreError> {
    let sql = "SELECT coalesce(sum(taken), 0) FROM payback WHERE payment_intent = ?1";
    at_most_one(store.run(sql, &[intent.into()])?)?.ok_or(StoreError::Shape("a sum"))?.units(0)
}

/// Writes a record, new or changed, and books what it takes or gives back. Call it in a transaction.
pub(super) fn save<S: Store>(store: &S, payback: &mut PayBack, now: Millis) -> Result<(), StoreError> {
    let change = payback.taken.checked_sub(payback.due()).ok_or(StoreError::Shape("units"))?;
    if change != Units::ZERO {
        payback.taken = payback.due();
        let (currency, about, act): (Currency, _, _) =
            (payback.currency, payback.intent.as_str(), payback.act.as_str());
        entries::adjust(store, Kind::Refund, currency, change, about, Some(act), now)?;
    }
    let machine = to_text(&payback.write());
    store.run(
        "INSERT INTO payback (id, act, payment_intent, currency, units, taken, at, outcome, wake_at, machine)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (id) DO UPDATE SET taken = excluded.taken, outcome = excluded.outcome,
            wake_at = excluded.wake_at, machine = excluded.machine",
        &[
            payback.id.as_str().into(),
            payback.act.as_str().into(),
            payback.intent.as_str().into(),
            payback.currency.into(),
            payback.units.into(),
            payback.taken.into(),
            now.into(),
            payback.outcome().map(super::payback::Outcome::as_str).into(),
            payback.wake_at().into(),
            machine.as_str().into(),
        ],
    )?;
    Ok(())
}
