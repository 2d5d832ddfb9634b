//! The entries of an account: what came in, what went out, and the balance after each.
//!
//! Kept true here: every entry stores the balance that it leaves, computed by the database from the entry before it
//! in the same statement; a debit is one statement and never makes a balance negative; a credit is posted once per
//! source and a reversal once per debit, by unique indexes.

use std::fmt;

use stripe402_core::protocol::digest::hex;
use stripe402_core::protocol::{Currency, Units};

use super::request_keys::RequestKey;
use super::store::{Millis, Param, Row, Store, StoreError, at_most_one};

/// The name of one attempt to pay: 32 lower-case hex digits, from 16 random bytes of the edge. A call that is tried
/// again carries the same name, so that it is not paid twice.
#[derive(Clone, PartialEq, Eq)]
pub struct Op(String);

impl Op {
    /// The name that these random bytes give.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(hex(&bytes))
    }

    /// Reads a name back from where it was kept.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (text.len() == 32 && hex).then(|| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A card was charged, and the account credited with that.
    TopUp,
    /// A request was paid.
    Debit,
    /// A debit was given back, since nothing was served for it.
    Reversal,
    /// What was refunded at Stripe was taken (or, where a refund failed, given back).
    Refund,
    /// What a dispute took, or gave back.
    Dispute,
    /// What an operator added or took away.
    Adjustment,
}

impl Kind {
    /// The kind as it stands in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TopUp => "topup",
            Self::Debit => "debit",
            Self::Reversal => "reversal",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::Adjustment => "adjustment",
        }
    }
}

/// An entry that was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// Its number in its currency.
    pub seq: i64,
    /// The balance after it.
    pub balance: Units,
}

impl Posted {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { seq: row.integer(0)?, balance: row.units(1)? })
    }
}

/// What one request costs, and the name of the attempt to pay for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The currency of the price.
    pub currency: Currency,
    /// The price; more than zero.
    pub price: Units,
    /// What is bought: the route's method and the canonical path.
    pub resource: String,
    /// The route's key, where that is something else: what reports are summed up by.
    pub route: Option<String>,
    /// The name of the attempt.
    pub op: Op,
    /// Whether this may be the second try of a call that went through.
    pub retried: bool,
    /// Which copy of the attempt's call this is, from 1: an earlier one that comes later is not debited.
    pub nth: u32,
    /// The request's `Idempotency-Key`, if it has one.
    pub key: Option<RequestKey>,
}

/// How far back a retried call, or the undoing of one, looks for its debit: longer than any call waits for its answer
/// (TOP_UP_WAIT_MS is a minute at most, and the Worker waits two seconds longer) and than its undoing is tried.
pub const LOOK_BACK: i64 = 120_000;

// The last row is taken in the sub-select and its balance tested outside it: inside, an older and richer row would
// be taken, and the new one collide with its successor. `+?1`: with a bare parameter in this sub-select the
// platform's SQLite plans the statement anew at every run, which takes three times as long as all the rest of it.
const DEBIT: &str = "
    INSERT INTO entry (currency, seq, at, kind, amount, balance, resource, op, route)
    SELECT ?1, last.seq + 1, ?2, 'debit', -?3, last.balance - ?3, ?4, ?5, ?7
    FROM (SELECT seq, balance FROM entry WHERE currency = +?1 ORDER BY seq DESC LIMIT 1) AS last
    WHERE last.balance >= ?3 AND NOT EXISTS (SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review'))
        AND NOT EXISTS (SELECT 1 FROM account WHERE one = 1 AND frozen IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM undone WHERE op = ?5 AND up_to >= ?6)
    RETURNING seq, balance";

/// Debits the price of an order, if the balance covers it, the account is not frozen and nobody has given the attempt up:
/// one statement, one row. None: one of these is not so.
pub fn debit<S: Store>(store: &S, order: &Order, now: Millis) -> Result<Option<Posted>, StoreError> {
    let rows = store.run(
        if mutant!(FreezeForgotten) { DEBIT_FROZEN } else { DEBIT },
        &[
            order.currency.into(),
            now.into(),
            order.price.into(),
            order.resource.as_str().into(),
            order.op.as_str().into(),
            i64::from(order.nth).into(),
            order.route.as_deref().into(),
        ],
    )?;
    at_most_one(rows)?.as_ref().map(Posted::read).transpose()
}

/// [`super::mutants::Mutant::FreezeForgotten`]: only disputes freeze.
const DEBIT_FROZEN: &str = "
    INSERT INTO entry (currency, seq, at, kind, amount, balance, resource, op, route)
    SELECT ?1, last.seq + 1, ?2, 'debit', -?3, last.balance - ?3, ?4, ?5, ?7
    FROM (SELECT seq, balance FROM entry WHERE currency = +?1 ORDER BY seq DESC LIMIT 1) AS last
    WHERE last.balance >= ?3 AND NOT EXISTS (SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review'))
        AND NOT EXISTS (SELECT 1 FROM undone WHERE op = ?5 AND up_to >= ?6)
    RETURNING seq, balance";

// Walks back from the last entry by its key, and stops at the first that is too old: the account may hold millions.
const FIND_RECENT: &str = "
    WITH RECURSIVE back (seq, at, op, balance) AS (
        SELECT * FROM (SELECT seq, at, op, balance FROM entry WHERE currency = ?1 ORDER BY seq DESC LIMIT 1)
        UNION ALL
        SELECT e.seq, e.at, e.op, e.balance FROM back JOIN entry AS e ON e.currency = ?1 AND e.seq = back.seq - 1
        WHERE back.at >= ?2
    )
    SELECT seq, balance FROM back WHERE op = ?3 AND at >= ?2 LIMIT 1";

/// The debit that an attempt of this name already made, if that was within [`LOOK_BACK`].
pub fn find_recent<S: Store>(
    store: &S,
    currency: Currency,
    op: &Op,
    now: Millis,
) -> Result<Option<Posted>, StoreError> {
    let since = now.plus(LOOK_BACK.wrapping_neg());
    let rows = store.run(FIND_RECENT, &[currency.into(), since.into(), op.as_str().into()])?;
    at_most_one(rows)?.as_ref().map(Posted::read).transpose()
}

/// How long an attempt that was given up is remembered: longer than any network holds a call back.
const UNDONE_SPAN: i64 = 3_600_000;

/// Remembers that an attempt was given up: no copy of its call is debited any more.
pub(super) fn give_up<S: Store>(store: &S, op: &Op, now: Millis) -> Result<(), StoreError> {
    if mutant!(UndoneIsForgotten) {
        return Ok(());
    }
    forget_up_to(store, op, u32::MAX, now)
}

/// Remembers that a later copy of an attempt's call has come: those before it are not debited any more.
pub(super) fn come_again<S: Store>(store: &S, order: &Order, now: Millis) -> Result<(), StoreError> {
    if order.nth < 2 || mutant!(LateCopyIsDebited) {
        return Ok(());
    }
    forget_up_to(store, &order.op, order.nth.saturating_sub(1), now)
}

fn forget_up_to<S: Store>(store: &S, op: &Op, nth: u32, now: Millis) -> Result<(), StoreError> {
    store.run("DELETE FROM undone WHERE at < ?1", &[now.plus(UNDONE_SPAN.wrapping_neg()).into()])?;
    let sql = "INSERT INTO undone (op, at, up_to) VALUES (?1, ?2, ?3)
        ON CONFLICT (op) DO UPDATE SET at = excluded.at, up_to = max(up_to, excluded.up_to)";
    store.run(sql, &[op.as_str().into(), now.into(), i64::from(nth).into()]).map(drop)
}

/// Whether nobody waits for this copy of an attempt's call any more.
pub(super) fn is_given_up<S: Store>(store: &S, order: &Order) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM undone WHERE op = ?1 AND up_to >= ?2";
    Ok(!store.run(sql, &[order.op.as_str().into(), i64::from(order.nth).into()])?.is_empty())
}

const BALANCE: &str = "SELECT seq, balance FROM entry WHERE currency = ?1 ORDER BY seq DESC LIMIT 1";

/// The balance in a currency: that of the last entry, or zero.
pub fn balance<S: Store>(store: &S, currency: Currency) -> Result<Units, StoreError> {
    let rows = store.run(BALANCE, &[currency.into()])?;
    at_most_one(rows)?.map_or(Ok(Units::ZERO), |row| row.units(1))
}

const CREDIT: &str = "
    INSERT INTO entry (currency, seq, at, kind, amount, balance, source)
    SELECT ?1, last.seq + 1, ?2, ?3, ?4, last.balance + ?4, ?5
    FROM (SELECT seq, balance FROM entry WHERE currency = ?1
          UNION ALL SELECT 0, 0
          ORDER BY seq DESC LIMIT 1) AS last
    WHERE true
    ON CONFLICT DO NOTHING
    RETURNING seq, balance";

/// Posts what a source brought in (or, negative, took away), once: None if the source is in the ledger already.
pub fn post_source<S: Store>(
    store: &S,
    kind: Kind,
    currency: Currency,
    amount: Units,
    source: &str,
    now: Millis,
) -> Result<Option<Posted>, StoreError> {
    let params: [Param<'_>; 5] =
        [currency.into(), now.into(), kind.as_str().into(), amount.into(), source.into()];
    at_most_one(store.run(CREDIT, &params)?)?.as_ref().map(Posted::read).transpose()
}

const CREDIT_ACT: &str = "
    INSERT INTO entry (currency, seq, at, kind, amount, balance, source, op)
    SELECT ?1, last.seq + 1, ?2, ?3, ?4, last.balance + ?4, ?5, ?6
    FROM (SELECT seq, balance FROM entry WHERE currency = ?1
          UNION ALL SELECT 0, 0
          ORDER BY seq DESC LIMIT 1) AS last
    WHERE true
    ON CONFLICT DO NOTHING";

/// Posts what an operator's act added or took away, once: its name is the source.
pub(super) fn post_act<S: Store>(
    store: &S,
    currency: Currency,
    amount: Units,
    act: &str,
    now: Millis,
) -> Result<(), StoreError> {
    let source = (!mutant!(ActTwice)).then_some(act);
    let kind = Kind::Adjustment.as_str();
    let params = [currency.into(), now.into(), kind.into(), amount.into(), source.into(), act.into()];
    store.run(CREDIT_ACT, &params).map(drop)
}

// What Stripe took or gave, as a difference to what was booked before: the row that it is compared with keeps it from
// being booked twice, so it has no source of its own.
const ADJUST: &str = "
    INSERT INTO entry (currency, seq, at, kind, amount, balance, resource, op)
    SELECT ?1, last.seq + 1, ?2, ?3, ?4, last.balance + ?4, ?5, ?6
    FROM (SELECT seq, balance FROM entry WHERE currency = ?1
          UNION ALL SELECT 0, 0
          ORDER BY seq DESC LIMIT 1) AS last
    RETURNING seq, balance";

/// Posts a difference that Stripe's truth makes to what was booked; it may make the balance negative. `about` names the
/// PaymentIntent or dispute, `act` what an operator did to cause it.
pub fn adjust<S: Store>(
    store: &S,
    kind: Kind,
    currency: Currency,
    amount: Units,
    about: &str,
    act: Option<&str>,
    now: Millis,
) -> Result<(), StoreError> {
    let params: [Param<'_>; 6] =
        [currency.into(), now.into(), kind.as_str().into(), amount.into(), about.into(), act.into()];
    store.run(ADJUST, &params).map(drop)
}

// The amount is the debit's own, and the debit is found by its number and its attempt: a reversal cannot be asked
// for by a number alone.
const REVERSE: &str = "
    INSERT INTO entry (currency, seq, at, kind, amount, balance, resource, of_seq)
    SELECT ?1, last.seq + 1, ?2, 'reversal', -debit.amount, last.balance - debit.amount, debit.resource, debit.seq
    FROM (SELECT seq, balance FROM entry WHERE currency = ?1 ORDER BY seq DESC LIMIT 1) AS last,
         (SELECT seq, amount, resource FROM entry
          WHERE currency = ?1 AND seq = ?3 AND op = ?4 AND kind = 'debit') AS debit
    WHERE true
    ON CONFLICT DO NOTHING
    RETURNING seq, balance";

/// Gives a debit back, once. None: there is no such debit, or it was given back before.
pub fn reverse<S: Store>(
    store: &S,
    currency: Currency,
    seq: i64,
    op: &Op,
    now: Millis,
) -> Result<Option<Posted>, StoreError> {
    let rows = store.run(REVERSE, &[currency.into(), now.into(), seq.into(), op.as_str().into()])?;
    at_most_one(rows)?.as_ref().map(Posted::read).transpose()
}
