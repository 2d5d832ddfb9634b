//! Idempotency keys of requests: one key names one request, and one debit pays for at most one delivered answer.
//!
//! Kept true here: a key is bound to its target for a day after its last use; while a request under it runs, nobody else
//! does; a key whose answer was delivered is not served again beyond what the operator allows; a key whose debit was
//! given back is debited anew.

use stripe402_core::protocol::Currency;

use super::entries::{Op, Order};
use super::store::{Millis, Store, StoreError, at_most_one};

/// How long a key is kept after its last use: after a request under it was let through, or its answer was delivered.
pub const KEPT: i64 = 24 * 3_600_000;
/// How long after a delivery further deliveries may be allowed.
pub const REDELIVER_WITHIN: i64 = 600_000;

/// An `Idempotency-Key`, as the edge hands it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The key, as sent.
    pub key: String,
    /// A digest of what it was sent with: method, canonical path, query, price.
    pub target: String,
    /// After how many milliseconds a request that never ended counts as lost.
    pub lease: i64,
    /// How many further deliveries the operator allows.
    pub retries: u32,
}

/// What a key stands for when a request comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keyed {
    /// Nothing: debit, and write the key down.
    New,
    /// A debit whose answer was not delivered (or may be delivered again): forward without another.
    Replay {
        /// The debit.
        seq: i64,
        /// The attempt that made it.
        op: Op,
    },
    /// The same request is running.
    Running,
    /// It was answered.
    Delivered {
        /// Its debit.
        seq: i64,
    },
    /// The key was used for another request.
    OtherTarget,
}

/// Looks a key up, and takes it if it may be served again. Call it in the transaction that debits.
pub(super) fn take<S: Store>(store: &S, order: &Order, now: Millis) -> Result<Keyed, StoreError> {
    let Some(key) = &order.key else { return Ok(Keyed::New) };
    // By its last use, not its first: a request that took its key over late is still running, and its client, who may
    // come once more, has paid.
    let rows = store.run(
        "SELECT target, state, seq, op, taken_at, deliveries, holder FROM request_key WHERE key = ?1 AND taken_at >= ?2",
        &[key.key.as_str().into(), oldest(now).into()],
    )?;
    let Some(row) = at_most_one(rows)? else { return Ok(Keyed::New) };
    if row.text(0)? != key.target {
        return Ok(Keyed::OtherTarget);
    }
    let (seq, op) = (row.integer(2)?, Op::parse(row.text(3)?).ok_or(StoreError::Shape("an attempt"))?);
    let taken_at = Millis(row.integer(4)?);
    let age = now.since(taken_at);
    let again = match row.text(1)? {
        // Its debit was given back: this request is debited like the first.
        "void" => return Ok(Keyed::New),
        // The same attempt again: its first call took the key, and the answer was lost.
        "running" if row.text(6)? == order.op.as_str() => true,
        "running" if age < key.lease => return Ok(Keyed::Running),
        "running" => true,
        _ => row.integer(5)? <= i64::from(key.retries) && age < REDELIVER_WITHIN,
    };
    if !again {
        return Ok(Keyed::Delivered { seq });
    }
    store.run(
        "UPDATE request_key SET state = 'running', taken_at = ?2, holder = ?3 WHERE key = ?1",
        &[key.key.as_str().into(), now.into(), order.op.as_str().into()],
    )?;
    Ok(Keyed::Replay { seq, op })
}

/// Keys that were last used before this are free.
const fn oldest(now: Millis) -> Millis {
    now.plus(KEPT.wrapping_neg())
}

/// Whether what [`take`] says of an order is decided by its key, and not by a debit that is still to be made. Changes
/// nothing, and takes nothing.
pub(super) fn is_decided<S: Store>(store: &S, order: &Order, now: Millis) -> Result<bool, StoreError> {
    let Some(key) = &order.key else { return Ok(false) };
    // Of another target it is refused even where its debit was given back.
    let rows = store.run(
        "SELECT 1 FROM request_key WHERE key = ?1 AND taken_at >= ?3 AND (state <> 'void' OR target <> ?2)",
        &[key.key.as_str().into(), key.target.as_str().into(), oldest(now).into()],
    )?;
    Ok(!rows.is_empty())
}

/// Writes a key down beside the debit that it names: one that is new, was given back, or was kept long enough.
pub(super) fn bind<S: Store>(store: &S, order: &Order, seq: i64, now: Millis) -> Result<(), StoreError> {
    let Some(key) = &order.key else { return Ok(()) };
    // All of them are looked at for that: for one request in 256, which the name of its attempt draws.
    if order.op.as_str().ends_with("00") {
        store.run("DELETE FROM request_key WHERE taken_at < ?1", &[oldest(now).into()])?;
    }
    store.run(
        "INSERT INTO request_key (key, target, currency, seq, op, holder, state, at, taken_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, 'running', ?6, ?6)
         ON CONFLICT (key) DO UPDATE SET target = excluded.target, currency = excluded.currency, seq = excluded.seq,
            op = excluded.op, holder = excluded.holder, state = 'running', at = excluded.at, taken_at = excluded.taken_at,
            deliveries = 0",
        &[
            key.key.as_str().into(),
            key.target.as_str().into(),
            order.currency.into(),
            seq.into(),
            order.op.as_str().into(),
            now.into(),
        ],
    )?;
    Ok(())
}

/// Marks a request as delivered, if it is still the one that runs under its key. False: it is not, and its answer
/// must not go out.
pub(super) fn deliver<S: Store>(store: &S, key: &str, holder: &Op, now: Millis) -> Result<bool, StoreError> {
    let rows = store.run(
        "UPDATE request_key SET state = 'delivered', deliveries = deliveries + 1, taken_at = ?3
         WHERE key = ?1 AND holder = ?2 AND state = 'running' RETURNING seq",
        &[key.into(), holder.as_str().into(), now.into()],
    )?;
    if at_most_one(rows)?.is_some() {
        return Ok(true);
    }
    // The same request again: its first call went through, and the answer was lost.
    let rows = store.run(
        "SELECT 1 FROM request_key WHERE key = ?1 AND holder = ?2 AND state = 'delivered'",
        &[key.into(), holder.as_str().into()],
    )?;
    Ok(!rows.is_empty())
}

/// Whether the debit may be given back: it has no key, or the request that asks is the one that runs under it. Frees
/// the key for another try. Call it in the transaction that reverses.
pub(super) fn release<S: Store>(
    store: &S,
    currency: Currency,
    seq: i64,
    holder: &Op,
) -> Result<bool, StoreError> {
    let rows = store.run(
        "SELECT holder, state, key, deliveries FROM request_key WHERE currency = ?1 AND seq = ?2",
        &[currency.into(), seq.into()],
    )?;
    let Some(row) = at_most_one(rows)? else { return Ok(true) };
    if row.text(0)? != holder.as_str() || row.text(1)? != "running" {
        return Ok(false);
    }
    let delivered_before = row.integer(3)? > 0;
    // What was delivered once has been paid for: a further delivery that failed leaves it so.
    let state = if delivered_before { "delivered" } else { "void" };
    store.run("UPDATE request_key SET state = ?2 WHERE key = ?1", &[row.text(2)?.into(), state.into()])?;
    Ok(!delivered_before)
}
