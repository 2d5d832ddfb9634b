//! Old debits become sums, so that an account that lives for years does not grow for ever.
//!
//! Kept true here: only debits and reversals go, a debit together with its reversal, and only when both are old; what
//! has a source, and the last entry of a currency (its balance), stays. What the sums say of a currency is what the
//! entries said that they stand for: balance = all entries + all sums, and no entry's number is given out twice. Where there
//! are reports, an entry is in their sums before it goes.
//! A step looks at a bounded number of entries; it is one transaction.

use stripe402_core::protocol::Currency;

use super::reports;
use super::store::{Millis, Store, StoreError, at_most_one};

/// How many entries one step looks at, per currency.
const MOST: i64 = 1_000;
/// How much later than it could the alarm comes: what a busy account spends in a day is summed up together.
const PATIENCE: i64 = 24 * 3_600_000;

// One look-up per currency, where DISTINCT would read every entry.
const CURRENCIES: &str = "
    WITH RECURSIVE one (currency) AS (
        SELECT min(currency) FROM entry
        UNION ALL SELECT (SELECT min(currency) FROM entry WHERE currency > one.currency) FROM one
        WHERE one.currency IS NOT NULL
    )
    SELECT currency, (SELECT up_to FROM compacted WHERE compacted.currency = one.currency),
           (SELECT max(seq) FROM entry WHERE entry.currency = one.currency)
    FROM one WHERE currency IS NOT NULL";

/// How far one currency's entries have been summed up, and the number of its last entry.
struct Reach {
    currency: Currency,
    up_to: i64,
    last: i64,
}

fn currencies<S: Store>(store: &S) -> Result<Vec<Reach>, StoreError> {
    let read = |row: super::store::Row| {
        let currency = Currency::parse(row.text(0)?).map_err(|_| StoreError::Shape("a currency"))?;
        Ok(Reach { currency, up_to: row.optional_integer(1)?.unwrap_or(0), last: row.integer(2)? })
    };
    store.run(CURRENCIES, &[])?.into_iter().map(read).collect()
}

// The first debit that has to wait: it is too young or the last entry, or its reversal is.
const FIRST_KEPT: &str = "
    SELECT e.seq FROM entry AS e
    LEFT JOIN entry AS r ON r.currency = ?1 AND r.of_seq = e.seq
    WHERE e.currency = ?1 AND e.seq > ?2 AND e.seq <= ?3 AND e.kind = 'debit'
        AND (e.at > ?4 OR e.seq = ?5 OR r.at > ?4 OR r.seq = ?5)
    ORDER BY e.seq LIMIT 1";

const SUM_UP: &str = "
    INSERT INTO summary (currency, hour, resource, debits, reversals, amount)
    SELECT d.currency, d.at / 3600000, coalesce(d.route, d.resource, ''), count(*), count(r.seq),
           sum(d.amount + coalesce(r.amount, 0))
    FROM entry AS d LEFT JOIN entry AS r ON r.currency = ?1 AND r.of_seq = d.seq
    WHERE d.currency = ?1 AND d.seq > ?2 AND d.seq <= ?3 AND d.kind = 'debit'
    GROUP BY 1, 2, 3
    ON CONFLICT (currency, hour, resource) DO UPDATE SET debits = debits + excluded.debits,
        reversals = reversals + excluded.reversals, amount = amount + excluded.amount";

const DELETE_REVERSALS: &str = "
    DELETE FROM entry WHERE currency = ?1 AND of_seq IN
        (SELECT seq FROM entry WHERE currency = ?1 AND seq > ?2 AND seq <= ?3 AND kind = 'debit')";

const DELETE_DEBITS: &str =
    "DELETE FROM entry WHERE currency = ?1 AND seq > ?2 AND seq <= ?3 AND kind = 'debit'";

const MOVE_ON: &str = "
    INSERT INTO compacted (currency, up_to) VALUES (?1, ?2)
    ON CONFLICT (currency) DO UPDATE SET up_to = excluded.up_to";

/// Sums up what is at least `keep` milliseconds old, one step in each currency. Call it in a transaction.
pub(super) fn step<S: Store>(store: &S, keep: i64, now: Millis) -> Result<(), StoreError> {
    let old = now.plus(keep.wrapping_neg());
    for Reach { currency, up_to, last } in currencies(store)? {
        let most = up_to.saturating_add(MOST).min(last);
        let params = [currency.into(), up_to.into(), most.into(), old.into(), last.into()];
        let kept = at_most_one(store.run(FIRST_KEPT, &params)?)?;
        let to = kept.map_or(Ok(most), |row| row.integer(0).map(|seq| seq.saturating_sub(1)))?;
        // What the reports do not have yet stays until they do.
        if to <= up_to || !reports::have_all(store)? {
            continue;
        }
        let range = [currency.into(), up_to.into(), to.into()];
        store.run(SUM_UP, &range)?;
        if !mutant!(ReversalsLeftBehind) {
            store.run(DELETE_REVERSALS, &range)?;
        }
        store.run(DELETE_DEBITS, &range)?;
        store.run(MOVE_ON, &[currency.into(), to.into()])?;
    }
    Ok(())
}

// The first debit that can go some day: neither it nor its reversal is the last entry.
const FIRST: &str = "
    SELECT max(d.at, coalesce(r.at, d.at)), r.seq FROM entry AS d
    LEFT JOIN entry AS r ON r.currency = ?1 AND r.of_seq = d.seq
    WHERE d.currency = ?1 AND d.seq > ?2 AND d.seq < ?3 AND d.kind = 'debit'
    ORDER BY d.seq LIMIT 1";

/// When there is something to sum up. None: not in sight; the next credit asks again.
pub(super) fn due<S: Store>(store: &S, keep: i64, now: Millis) -> Result<Option<Millis>, StoreError> {
    let span = keep.saturating_add(PATIENCE);
    let mut due = None;
    for Reach { currency, up_to, last } in currencies(store)? {
        let row = at_most_one(store.run(FIRST, &[currency.into(), up_to.into(), last.into()])?)?;
        let at = match row {
            Some(row) if row.optional_integer(1)? != Some(last) => Some(Millis(row.integer(0)?).plus(span)),
            Some(_) => None,
            // Debits set no alarm: when those that follow can be old, somebody has to look.
            None => {
                let sql = "SELECT at FROM entry WHERE currency = ?1 AND seq = ?2";
                let row = at_most_one(store.run(sql, &[currency.into(), last.into()])?)?;
                let at = row.ok_or(StoreError::Shape("the last entry"))?.integer(0)?;
                Some(Millis(at).plus(span)).filter(|at| *at > now)
            }
        };
        due = due.into_iter().chain(at).min();
    }
    Ok(due)
}
