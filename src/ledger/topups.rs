//! The table of top-ups: records read, written and counted.

use stripe402_core::json::to_text;
use stripe402_core::protocol::{Currency, Units};

use super::record::Record;
use super::store::{Millis, Param, Row, Store, StoreError, at_most_one};
use super::topup::TopUp;
use crate::stripe::TopUpId;

fn read(row: &Row) -> Result<TopUp, StoreError> {
    let value = serde_json::from_str(row.text(0)?).ok();
    value.as_ref().and_then(TopUp::read).ok_or(StoreError::Shape("a top-up"))
}

/// The unsettled top-up, if there is one.
pub(super) fn open<S: Store>(store: &S) -> Result<Option<TopUp>, StoreError> {
    let rows = store.run("SELECT machine FROM topup WHERE open = 1", &[])?;
    at_most_one(rows)?.as_ref().map(read).transpose()
}

/// A top-up by its name, settled or not.
pub(super) fn by_id<S: Store>(store: &S, id: &TopUpId) -> Result<Option<TopUp>, StoreError> {
    let rows = store.run("SELECT machine FROM topup WHERE id = ?1", &[id.as_str().into()])?;
    at_most_one(rows)?.as_ref().map(read).transpose()
}

/// The top-up that credited a deposit of this name since a moment: the record alone knows which deposit it is for.
pub(super) fn deposited_since<S: Store>(
    store: &S,
    name: &str,
    since: Millis,
) -> Result<Option<TopUp>, StoreError> {
    let rows = store.run(
        "SELECT machine FROM topup
         WHERE outcome = 'credited' AND settled_at > ?2 AND json_extract(machine, '$.wanted.deposit') = ?1
         ORDER BY settled_at DESC LIMIT 1",
        &[name.into(), since.into()],
    )?;
    at_most_one(rows)?.as_ref().map(read).transpose()
}

/// The top-ups that were credited in a currency, newest first; at most 200.
pub(super) fn credited<S: Store>(store: &S, currency: Currency) -> Result<Vec<TopUp>, StoreError> {
    let sql = "SELECT machine FROM topup WHERE outcome = 'credited' AND currency = ?1
        ORDER BY settled_at DESC, id LIMIT 200";
    store.run(sql, &[currency.into()])?.iter().map(read).collect()
}

/// How much of a top-up is booked as refunded, besides what operators gave back.
pub(super) fn refunded<S: Store>(store: &S, id: &TopUpId) -> Result<Units, StoreError> {
    let rows = store.run("SELECT refunded FROM topup WHERE id = ?1", &[id.as_str().into()])?;
    at_most_one(rows)?.ok_or(StoreError::Shape("a top-up"))?.units(0)
}

/// Notes how much of a top-up is booked as refunded.
pub(super) fn set_refunded<S: Store>(store: &S, id: &TopUpId, units: Units) -> Result<(), StoreError> {
    store.run("UPDATE topup SET refunded = ?2 WHERE id = ?1", &[id.as_str().into(), units.into()])?;
    Ok(())
}

/// Writes a record, new or changed.
pub(super) fn save<S: Store>(store: &S, top_up: &TopUp, now: Millis) -> Result<(), StoreError> {
    let machine = to_text(&top_up.write());
    let outcome = top_up.outcome();
    let currency = top_up.wanted.currency;
    let units = top_up.wanted.amount.and_then(|amount| currency.units_of(amount)).unwrap_or(Units::ZERO);
    store.run(
        "INSERT INTO topup (id, open, started_at, settled_at, outcome, currency, units, payment_intent, wake_at, machine)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (id) DO UPDATE SET open = excluded.open, settled_at = excluded.settled_at,
            outcome = excluded.outcome, payment_intent = excluded.payment_intent, wake_at = excluded.wake_at,
            machine = excluded.machine",
        &[
            top_up.id.as_str().into(),
            outcome.is_none().then_some(1).into(),
            now.into(),
            outcome.is_some().then_some(now).into(),
            outcome.map(super::topup::Outcome::as_str).into(),
            currency.into(),
            units.into(),
            top_up.intent().map(crate::stripe::PaymentIntentId::as_str).into(),
            top_up.wake_at().into(),
            machine.as_str().into(),
        ],
    )?;
    Ok(())
}

/// When the declines since a moment were, newest first; at most `limit` of them.
pub(super) fn declines_since<S: Store>(
    store: &S,
    since: Millis,
    limit: u32,
) -> Result<Vec<Millis>, StoreError> {
    let rows = store.run(
        "SELECT settled_at FROM topup WHERE outcome = 'declined' AND settled_at > ?1
         ORDER BY settled_at DESC LIMIT ?2",
        &[since.into(), i64::from(limit).into()],
    )?;
    rows.iter().map(|row| row.integer(0).map(Millis)).collect()
}

/// What was charged, or is being charged, in a currency since a moment, and when the oldest of it was.
pub(super) fn charged_since<S: Store>(
    store: &S,
    currency: Currency,
    since: Millis,
) -> Result<(i64, Option<Millis>), StoreError> {
    let params: [Param<'_>; 2] = [currency.into(), since.into()];
    let rows = store.run(
        "SELECT coalesce(sum(units), 0), min(coalesce(settled_at, started_at)) FROM topup
         WHERE currency = ?1 AND (open = 1 OR outcome = 'credited' AND settled_at > ?2)",
        &params,
    )?;
    let row = at_most_one(rows)?.ok_or(StoreError::Shape("a sum"))?;
    Ok((row.integer(0)?, row.optional_integer(1)?.map(Millis)))
}
