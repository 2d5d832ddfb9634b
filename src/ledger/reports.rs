//! What the account hands over to the reports' database (`worker/reports.js`), so that an operator can ask across accounts.
//!
//! Kept true here: what is handed over are absolute values under a number that grows, so that it may come twice, late or
//! never, and is handed over again until its arrival is confirmed; sums are kept for ever, apart from the entries, which
//! compaction may delete once they are in them; a debit writes nothing of this. A step looks at a bounded number of
//! entries and is one transaction. The database does the work and writes the JSON: rows that are read only to be written
//! would cost the Worker kilobytes.

use stripe402_core::protocol::AccountId;

use super::account::Account;
use super::store::{Millis, Param, Store, StoreError};

/// One look-up per currency, where DISTINCT would read every entry. `last`: the number of its last entry; `folded`: that of
/// the last one in the sums; `open`: whether something of it has not arrived; `dirty`: the first hour of whose sums that may
/// be so.
macro_rules! currencies {
    () => {
        "(WITH RECURSIVE one (currency) AS (
            SELECT min(currency) FROM entry
            UNION ALL SELECT (SELECT min(currency) FROM entry WHERE currency > one.currency) FROM one
            WHERE one.currency IS NOT NULL
        )
        SELECT *, iif(folded IS NULL, 0, iif(open, was_dirty, NULL)) AS dirty FROM (
            SELECT one.currency, (SELECT max(seq) FROM entry WHERE entry.currency = one.currency) AS last, r.folded,
                coalesce(r.number > coalesce((SELECT confirmed FROM report), 0), 0) AS open, r.dirty AS was_dirty
            FROM one LEFT JOIN report_reach AS r ON r.currency = one.currency WHERE one.currency IS NOT NULL)
        ) AS c"
    };
}

macro_rules! is_behind {
    () => {
        "last > coalesce(folded, 0)"
    };
}

/// The next step of every currency: the entries after `a`, up to `z`, at most 5,000.
macro_rules! steps {
    () => {
        concat!(
            "(SELECT currency, dirty, coalesce(folded, 0) AS a, coalesce((SELECT seq FROM entry AS e
                WHERE e.currency = c.currency AND seq > coalesce(folded, 0) ORDER BY seq LIMIT 1 OFFSET 4999), last) AS z
            FROM ",
            currencies!(),
            " WHERE ",
            is_behind!(),
            ") AS s"
        )
    };
}

/// The debits and reversals of a step, each with the debit that it is about: what is given back counts in the hour of its
/// debit, so that an hour says what the requests of that hour earned.
macro_rules! spent {
    () => {
        "entry AS e CROSS JOIN entry AS d ON d.currency = s.currency AND d.seq = coalesce(e.of_seq, e.seq)
         WHERE e.currency = s.currency AND e.seq > s.a AND e.seq <= s.z AND e.kind IN ('debit', 'reversal')"
    };
}

/// Later than whatever is under way: its arrival says nothing of what is summed up now.
macro_rules! next {
    () => {
        "(SELECT coalesce(max(handover), 0) + 1 FROM report)"
    };
}

/// Sums up entries that are not in the sums yet.
const FOLD: [&str; 4] = [
    // What became sums before there were reports.
    concat!(
        "INSERT INTO report_usage (currency, hour, resource, debits, reversals, amount, changed)
         SELECT currency, hour, resource, debits, reversals, -amount, ",
        next!(),
        " FROM summary WHERE currency NOT IN (SELECT currency FROM report_reach)"
    ),
    concat!(
        "INSERT INTO report_usage (currency, hour, resource, debits, reversals, amount, changed)
         SELECT s.currency, d.at / 3600000, coalesce(d.route, d.resource, ''), sum(e.kind = 'debit'),
            sum(e.kind = 'reversal'), -sum(e.amount), ",
        next!(),
        " FROM ",
        steps!(),
        " CROSS JOIN ",
        spent!(),
        " GROUP BY 1, 2, 3
         ON CONFLICT DO UPDATE SET debits = debits + excluded.debits, reversals = reversals + excluded.reversals,
            amount = amount + excluded.amount, changed = excluded.changed"
    ),
    concat!(
        "INSERT INTO report_movement (currency, seq) SELECT e.currency, e.seq FROM ",
        steps!(),
        " CROSS JOIN entry AS e
         WHERE e.currency = s.currency AND e.seq > s.a AND e.seq <= s.z AND e.kind NOT IN ('debit', 'reversal')"
    ),
    concat!(
        "INSERT OR REPLACE INTO report_reach (currency, folded, number, dirty)
         SELECT currency, z, ",
        next!(),
        ", min(coalesce(dirty, hour), coalesce(hour, dirty))
         FROM (SELECT *, (SELECT min(d.at) / 3600000 FROM ",
        spent!(),
        ") AS hour FROM ",
        steps!(),
        ")"
    ),
];

const MORE: &str = concat!("SELECT 1 FROM ", currencies!(), " WHERE ", is_behind!(), " LIMIT 1");

fn all<S: Store>(store: &S, statements: &[&'static str], params: &[Param<'_>]) -> Result<(), StoreError> {
    for sql in statements {
        store.run(sql, params)?;
    }
    Ok(())
}

/// One step. Gives whether all entries are in the sums now.
fn fold<S: Store>(store: &S) -> Result<bool, StoreError> {
    all(store, &FOLD, &[])?;
    Ok(store.run(MORE, &[])?.is_empty())
}

/// Before entries are deleted: whether they may be, since all are in the sums, or since there are no reports.
pub(super) fn have_all<S: Store>(store: &S) -> Result<bool, StoreError> {
    if mutant!(CompactedUnreported) {
        return Ok(true);
    }
    Ok(store.run("SELECT 1 FROM report", &[])?.is_empty() || fold(store)?)
}

/// The rows of a kind that have changed since they arrived: `row` as JSON, its first element the name.
macro_rules! changed {
    ($rows:expr) => {
        concat!("(", $rows, ") AS t WHERE row IS NOT (SELECT row FROM reported WHERE reported.id = t.id)")
    };
}
macro_rules! account {
    () => {
        changed!(
            "SELECT 'account' AS id, json_array('account', created_at, customer, frozen IS NOT NULL OR EXISTS
                (SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review'))) AS row
             FROM account WHERE EXISTS (SELECT 1 FROM entry)"
        )
    };
}
// Whatever changes one settles it anew. Two clocks differ by less than an hour.
macro_rules! topup {
    () => {
        changed!(
            "SELECT id, settled_at, json_array(id, started_at, settled_at, outcome,
                nullif(substr(codes, instr(codes, '/') + 1), ''), currency, units, payment_intent) AS row
             FROM (SELECT *, json_extract(machine, '$.state.settled.declined.codes') AS codes FROM topup)
             WHERE settled_at >= (SELECT coalesce(max(settled), 0) - 3600000 FROM report) AND units > 0"
        )
    };
}
macro_rules! dispute {
    () => {
        changed!(
            "SELECT id, json_array(id, at, payment_intent, currency, amount, status, withdrawn, reinstated) AS row
             FROM dispute"
        )
    };
}

// Entries, settled top-ups and a new account after the usual time, all else at once. What did not arrive waits, and so does all that
// comes after it.
const DUE: &str = concat!(
    "SELECT iif(min(at) IS NULL, NULL, coalesce((SELECT wake_at FROM report), min(at))) FROM (
        SELECT iif(open, ?2, ?1 + (SELECT at FROM entry AS e
            WHERE e.currency = c.currency AND seq > coalesce(folded, 0) ORDER BY seq LIMIT 1)) AS at FROM ",
    currencies!(),
    " WHERE open OR ",
    is_behind!(),
    " UNION ALL SELECT settled_at + ?1 FROM ",
    topup!(),
    " UNION ALL SELECT ?2 FROM ",
    dispute!(),
    " UNION ALL SELECT iif(EXISTS (SELECT 1 FROM report), ?2, (row ->> 1) + ?1) FROM ",
    account!(),
    " UNION ALL SELECT ?2 FROM report_movement)"
);

// Larger than the numbers of an account of the same client that was erased. The next one follows after the usual time, and
// after twice as long each time that nothing arrives, up to an hour.
const NUMBER: &str = "
    INSERT INTO report (one, handover, failures, wake_at) VALUES (1, ?1, 1, ?1 + ?2)
    ON CONFLICT DO UPDATE SET handover = max(handover + 1, ?1), failures = failures + 1,
        wake_at = ?1 + min(?2 << min(failures, 12), max(?2, 3600000))";

/// At most 500 rows of a kind.
macro_rules! list {
    ($row:literal, $from:expr) => {
        concat!("json((SELECT json_group_array(", $row, ") FROM (SELECT * FROM ", $from, " LIMIT 500) AS r))")
    };
}

const COMPOSE: &str = concat!(
    "SELECT json_object('account', ?1, 'handover', handover, 'at', ?2, 'since', created_at, 'register', ",
    list!("json(row)", account!()),
    ", 'balance', ",
    list!(
        "json_array(currency, (SELECT balance FROM entry WHERE entry.currency = r.currency ORDER BY seq DESC LIMIT 1))",
        "report_reach WHERE number > (SELECT confirmed FROM report)"
    ),
    ", 'usage', ",
    list!(
        "json_array(currency, hour, resource, debits, reversals, amount)",
        "report_reach AS r CROSS JOIN report_usage AS u ON u.currency = r.currency AND u.hour >= r.dirty
         WHERE r.number > (SELECT confirmed FROM report) AND u.changed > (SELECT confirmed FROM report)"
    ),
    ", 'movement', ",
    list!(
        "json_array(currency, seq, at, kind, amount, coalesce(source, resource))",
        "report_movement JOIN entry USING (currency, seq)"
    ),
    ", 'topup', ",
    list!("json(row)", topup!()),
    ", 'dispute', ",
    list!("json(row)", dispute!()),
    ") FROM report, account"
);

/// The rows of a handover that are compared as they arrived.
macro_rules! compared {
    () => {
        "(SELECT value FROM json_each(?1, '$.register') UNION ALL SELECT value FROM json_each(?1, '$.topup')
        UNION ALL SELECT value FROM json_each(?1, '$.dispute'))"
    };
}

// What is under way may have arrived or not: what it changes it changes from something that nobody knows.
const SENDING: &str = concat!("DELETE FROM reported WHERE id IN (SELECT value ->> 0 FROM ", compared!(), ")");

/// Only if no other was made since, nor all is to be handed over anew.
macro_rules! is_latest {
    () => {
        " (SELECT handover FROM report) = ?1 ->> 'handover'"
    };
}

// Where there were more sums than a handover holds, those that it held are marked one by one.
const CONFIRM: [&str; 4] = [
    concat!(
        "INSERT OR REPLACE INTO reported (id, row) SELECT value ->> 0, value FROM ",
        compared!(),
        " WHERE",
        is_latest!()
    ),
    concat!(
        "DELETE FROM report_movement WHERE (currency, seq) IN
            (SELECT value ->> 0, value ->> 1 FROM json_each(?1, '$.movement')) AND",
        is_latest!()
    ),
    concat!(
        "UPDATE report_usage SET changed = 0 FROM json_each(?1, '$.usage') AS j
         WHERE currency = j.value ->> 0 AND hour = j.value ->> 1 AND resource = j.value ->> 2
            AND changed <= ?1 ->> 'handover' AND json_array_length(?1, '$.usage') = 500 AND",
        is_latest!()
    ),
    concat!(
        "UPDATE report SET failures = 0, wake_at = NULL,
            confirmed = iif(json_array_length(?1, '$.usage') < 500, handover, confirmed),
            settled = iif(json_array_length(?1, '$.topup') < 500,
                max(settled, (SELECT coalesce(max(value ->> 2), 0) FROM json_each(?1, '$.topup'))), settled) WHERE",
        is_latest!()
    ),
];

/// All is summed up and handed over anew.
const ANEW: [&str; 5] = [
    "DELETE FROM report_reach",
    "DELETE FROM report_usage",
    "DELETE FROM report_movement",
    "DELETE FROM reported",
    "UPDATE report SET handover = handover + 1, failures = 0, wake_at = NULL, settled = 0",
];

impl<S: Store> Account<'_, S> {
    /// When there is something to hand over; none: there is nothing. `every`: how long after an entry that is, in
    /// milliseconds.
    pub fn report_at(&self, every: i64, now: Millis) -> Result<Option<Millis>, StoreError> {
        if self.store().is_blank()? {
            return Ok(None);
        }
        let rows = self.store().run(DUE, &[every.into(), now.into()])?;
        rows.first().map_or(Ok(None), |row| row.optional_integer(0)).map(|at| at.map(Millis))
    }

    /// Sums up what is new; where that is all, composes what is to be handed over, as JSON. None: there is more to be summed
    /// up (or nobody's account). Unless its arrival is confirmed, all of it is handed over again, after `every` milliseconds
    /// and later and later.
    pub fn report(&self, every: i64, now: Millis) -> Result<Option<String>, StoreError> {
        let store = self.store();
        let Some(owner) = self.owner()? else { return Ok(None) };
        let account = AccountId::of(&owner);
        store.transaction(&mut || {
            if !fold(store)? {
                return Ok(None);
            }
            store.run(NUMBER, &[now.into(), every.into()])?;
            let rows = store.run(COMPOSE, &[account.as_str().into(), now.into()])?;
            let Some(row) = rows.first() else { return Ok(None) };
            let json = row.text(0)?;
            store.run(SENDING, &[json.into()])?;
            Ok(Some(json.to_owned()))
        })
    }

    /// A handover has arrived: what it held and has not changed since is not handed over again.
    pub fn confirm(&self, handover: &str) -> Result<(), StoreError> {
        let store = self.store();
        if store.is_blank()? {
            return Ok(());
        }
        store.transaction(&mut || {
            all(store, &CONFIRM, &[handover.into()])?;
            if mutant!(ConfirmedUnsent) {
                let sql = "UPDATE report_reach SET folded =
                    (SELECT max(seq) FROM entry WHERE entry.currency = report_reach.currency)";
                store.run(sql, &[])?;
            }
            Ok(())
        })
    }

    /// Everything is to be handed over anew, summed up from the entries and from what became of older ones.
    pub(super) fn report_anew(&self) -> Result<(), StoreError> {
        all(self.store(), &ANEW, &[])
    }
}
