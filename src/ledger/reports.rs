//! What the account hands over to the reports' database (`crate::reports`), so that an operator can ask across accounts.
//!
//! Kept true here: what is handed over are absolute values under a number that grows, so that it may come twice, late or
//! never, and is handed over again until its arrival is confirmed; sums are kept for ever, apart from the entries, which
//! compaction may delete once they are in them; a debit writes nothing of this. A step looks at a bounded number of
//! entries and is one transaction. The database writes the JSON.

use stripe402_core::protocol::{AccountId, Currency};

use super::account::Account;
use super::store::{Millis, Store, StoreError, at_most_one};

/// How many entries one step sums up, per currency.
const MOST: i64 = 5_000;
/// A handover holds at most so many rows of each kind.
pub const MOST_ROWS: i64 = 500;
/// How long after a handover that did not arrive the next one follows; twice as long each time, up to [`MOST_WAIT`].
const FIRST_WAIT: i64 = 60_000;
/// The longest such wait.
const MOST_WAIT: i64 = 3_600_000;

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// There are more entries to be summed up.
    Again,
    /// This is to be handed over.
    HandOver(Handover),
    /// Nothing is.
    Nothing,
}

/// What is to be handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Its number.
    pub number: i64,
    /// All of it, as JSON.
    pub json: String,
}

// One look-up per currency, where DISTINCT would read every entry. What has arrived is not dirty any more.
const REACHES: &str = "
    WITH RECURSIVE one (currency) AS (
        SELECT min(currency) FROM entry
        UNION ALL SELECT (SELECT min(currency) FROM entry WHERE currency > one.currency) FROM one
        WHERE one.currency IS NOT NULL
    )
    SELECT one.currency, (SELECT max(seq) FROM entry WHERE entry.currency = one.currency), r.folded,
        coalesce(r.number > coalesce((SELECT confirmed FROM report), 0), 0) AS open, r.dirty
    FROM one LEFT JOIN report_reach AS r ON r.currency = one.currency WHERE one.currency IS NOT NULL";

/// How far one currency has come.
struct Reach {
    currency: Currency,
    /// The number of its last entry.
    last: i64,
    /// The last that is in the sums; none: nothing was ever summed up.
    folded: Option<i64>,
    /// Whether something of it has not arrived.
    open: bool,
    /// The first hour of whose sums that may be so.
    dirty: Option<i64>,
}

fn reaches<S: Store>(store: &S) -> Result<Vec<Reach>, StoreError> {
    let mut reaches = Vec::new();
    for row in store.run(REACHES, &[])? {
        let open = row.integer(3)? != 0;
        reaches.push(Reach {
            currency: Currency::parse(row.text(0)?).map_err(|_| StoreError::Shape("a currency"))?,
            last: row.integer(1)?,
            folded: row.optional_integer(2)?,
            open,
            dirty: row.optional_integer(4)?.filter(|_| open),
        });
    }
    Ok(reaches)
}

/// The number of the latest handover; none: there was none yet.
fn latest<S: Store>(store: &S) -> Result<Option<i64>, StoreError> {
    at_most_one(store.run("SELECT handover FROM report", &[])?)?.map(|row| row.integer(0)).transpose()
}

// What was summed up before there were reports.
const BEGIN: &str = "
    INSERT INTO report_usage (currency, hour, resource, debits, reversals, amount, changed)
    SELECT currency, hour, resource, debits, reversals, -amount, ?2 FROM summary WHERE currency = ?1
    RETURNING hour";

const LAST_OF_STEP: &str =
    "SELECT seq FROM entry WHERE currency = ?1 AND seq > ?2 ORDER BY seq LIMIT 1 OFFSET ?3";

// What is given back counts in the hour of its debit: an hour says what the requests of that hour earned.
const SUM_UP: &str = "
    INSERT INTO report_usage (currency, hour, resource, debits, reversals, amount, changed)
    SELECT ?1, d.at / 3600000, coalesce(d.route, d.resource, ''), sum(e.kind = 'debit'), sum(e.kind = 'reversal'),
        -sum(e.amount), ?4
    FROM entry AS e JOIN entry AS d ON d.currency = ?1 AND d.seq = coalesce(e.of_seq, e.seq)
    WHERE e.currency = ?1 AND e.seq > ?2 AND e.seq <= ?3 AND e.kind IN ('debit', 'reversal')
    GROUP BY 2, 3
    ON CONFLICT (currency, hour, resource) DO UPDATE SET debits = debits + excluded.debits,
        reversals = reversals + excluded.reversals, amount = amount + excluded.amount, changed = excluded.changed
    RETURNING hour";

const NOTE_MOVEMENTS: &str = "
    INSERT INTO report_movement (currency, seq) SELECT currency, seq FROM entry
    WHERE currency = ?1 AND seq > ?2 AND seq <= ?3 AND kind NOT IN ('debit', 'reversal')";

const MOVE_ON: &str =
    "INSERT OR REPLACE INTO report_reach (currency, folded, number, dirty) VALUES (?1, ?2, ?3, ?4)";

/// Sums up entries that are not in the sums yet. Gives whether there are more.
fn fold<S: Store>(store: &S) -> Result<bool, StoreError> {
    // Later than whatever is under way: its arrival says nothing of this.
    let number = latest(store)?.unwrap_or(0).saturating_add(1);
    let mut more = false;
    for reach in reaches(store)? {
        let (currency, from) = (reach.currency, reach.folded.unwrap_or(0));
        if reach.last <= from {
            continue;
        }
        let mut hours = Vec::new();
        if reach.folded.is_none() {
            hours.extend(store.run(BEGIN, &[currency.into(), number.into()])?);
        }
        let most = [currency.into(), from.into(), MOST.saturating_sub(1).into()];
        let last_of_step = at_most_one(store.run(LAST_OF_STEP, &most)?)?;
        let to = last_of_step.map_or(Ok(reach.last), |row| row.integer(0))?;
        hours.extend(store.run(SUM_UP, &[currency.into(), from.into(), to.into(), number.into()])?);
        store.run(NOTE_MOVEMENTS, &[currency.into(), from.into(), to.into()])?;
        let mut dirty = reach.dirty;
        for row in hours {
            let hour = row.integer(0)?;
            dirty = Some(dirty.map_or(hour, |dirty| dirty.min(hour)));
        }
        store.run(MOVE_ON, &[currency.into(), to.into(), number.into(), dirty.into()])?;
        more |= to < reach.last;
    }
    Ok(more)
}

/// Before entries of a currency are deleted: up to which number they may be, since they are in the sums. None: all of them,
/// since there are no reports.
pub(super) fn before_deleting<S: Store>(store: &S, currency: Currency) -> Result<Option<i64>, StoreError> {
    if latest(store)?.is_none() || mutant!(CompactedUnreported) {
        return Ok(None);
    }
    fold(store)?;
    let reach = reaches(store)?.into_iter().find(|reach| reach.currency == currency);
    Ok(Some(reach.and_then(|reach| reach.folded).unwrap_or(0)))
}

macro_rules! frozen {
    () => {
        "a.frozen IS NOT NULL OR EXISTS (SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review'))"
    };
}

/// The rows of a kind that have changed since they arrived: `row` as JSON, its first element the name.
macro_rules! account {
    () => {
        concat!(
            "SELECT 'account' AS id, json_array('account', a.created_at, a.customer, ",
            frozen!(),
            ") AS row FROM account AS a WHERE EXISTS (SELECT 1 FROM entry)"
        )
    };
}
macro_rules! topup {
    () => {
        "SELECT id, settled_at, json_array(id, started_at, settled_at, outcome, nullif(substr(codes, instr(codes, '/') + 1), ''),
            currency, units, payment_intent) AS row
         FROM (SELECT *, json_extract(machine, '$.state.settled.declined.codes') AS codes FROM topup)
         WHERE outcome IS NOT NULL AND units > 0"
    };
}
macro_rules! dispute {
    () => {
        "SELECT id, json_array(id, at, payment_intent, currency, amount, status, withdrawn, reinstated) AS row FROM dispute"
    };
}
macro_rules! changed {
    ($rows:expr) => {
        concat!("(", $rows, ") AS t WHERE row IS NOT (SELECT row FROM reported WHERE reported.id = t.id)")
    };
}
macro_rules! list {
    ($row:literal, $from:expr) => {
        concat!("json((SELECT json_group_array(", $row, ") FROM (SELECT * FROM ", $from, " LIMIT 500) AS r))")
    };
}
/// The sums that have not arrived, of those of the hours since the first one of that kind.
macro_rules! usage {
    () => {
        "report_reach AS r JOIN report_usage AS u ON u.currency = r.currency AND u.hour >= r.dirty
         WHERE r.number > (SELECT confirmed FROM report) AND u.changed > (SELECT confirmed FROM report)"
    };
}

// When what has no entry to go by became due: settled top-ups after the usual time, all else at once.
const DUE: &str = concat!(
    "SELECT min(at) FROM (SELECT settled_at + ?1 AS at FROM ",
    changed!(topup!()),
    " UNION ALL SELECT ?2 FROM ",
    changed!(dispute!()),
    " UNION ALL SELECT ?2 FROM ",
    changed!(account!()),
    " UNION ALL SELECT ?2 FROM report_movement)"
);

const COMPOSE: &str = concat!(
    "SELECT json_object('account', ?1, 'handover', ?2, 'at', ?3, 'since', a.created_at, 'register', ",
    list!("json(row)", changed!(account!())),
    ", 'balance', ",
    list!(
        "json_array(currency, (SELECT balance FROM entry WHERE entry.currency = r.currency ORDER BY seq DESC LIMIT 1))",
        "report_reach WHERE number > (SELECT confirmed FROM report)"
    ),
    ", 'usage', ",
    list!("json_array(currency, hour, resource, debits, reversals, amount)", usage!()),
    ", 'movement', ",
    list!(
        "json_array(currency, seq, at, kind, amount, coalesce(source, resource))",
        "report_movement JOIN entry USING (currency, seq)"
    ),
    ", 'topup', ",
    list!("json(row)", changed!(topup!())),
    ", 'dispute', ",
    list!("json(row)", changed!(dispute!())),
    ") FROM account AS a WHERE a.one = 1"
);

const NUMBER: &str = "
    INSERT INTO report (one, handover, failures, wake_at) VALUES (1, ?1, 1, ?2)
    ON CONFLICT DO UPDATE SET handover = excluded.handover, failures = failures + 1, wake_at = excluded.wake_at";

// What is under way may have arrived or not: what it changes it changes from something that nobody knows.
const SENDING: &str = "
    DELETE FROM reported WHERE id IN (SELECT value ->> 0 FROM (
        SELECT value FROM json_each(?1, '$.register') UNION ALL SELECT value FROM json_each(?1, '$.topup')
        UNION ALL SELECT value FROM json_each(?1, '$.dispute')))";

// The rows that are named one by one.
const CONFIRM: [&str; 2] = [
    "INSERT OR REPLACE INTO reported (id, row) SELECT value ->> 0, value FROM (
        SELECT value FROM json_each(?1, '$.register') UNION ALL SELECT value FROM json_each(?1, '$.topup')
        UNION ALL SELECT value FROM json_each(?1, '$.dispute'))",
    "DELETE FROM report_movement WHERE (currency, seq) IN
        (SELECT value ->> 0, value ->> 1 FROM json_each(?1, '$.movement'))",
];
const IS_WHOLE: &str = "SELECT json_array_length(?1, '$.usage') < ?2";
const CONFIRM_ALL: &str = "UPDATE report SET confirmed = ?1, failures = 0, wake_at = NULL";
const CONFIRM_SOME: &str = "
    UPDATE report_usage SET changed = 0 FROM json_each(?1, '$.usage') AS j
    WHERE currency = j.value ->> 0 AND hour = j.value ->> 1 AND resource = j.value ->> 2 AND changed <= ?2";

impl<S: Store> Account<'_, S> {
    /// When there is something to hand over; none: there is nothing. `every`: how long after an entry that is, in
    /// milliseconds.
    pub fn report_at(&self, every: i64, now: Millis) -> Result<Option<Millis>, StoreError> {
        let store = self.store();
        if store.is_blank()? {
            return Ok(None);
        }
        let mut due = None;
        for reach in reaches(store)? {
            let folded = reach.folded.unwrap_or(0);
            let at = if reach.open {
                now
            } else if reach.last > folded {
                let sql = "SELECT at FROM entry WHERE currency = ?1 AND seq > ?2 ORDER BY seq LIMIT 1";
                let row = at_most_one(store.run(sql, &[reach.currency.into(), folded.into()])?)?;
                Millis(row.ok_or(StoreError::Shape("an entry"))?.integer(0)?).plus(every)
            } else {
                continue;
            };
            due = due.into_iter().chain([at]).min();
        }
        let rest = at_most_one(store.run(DUE, &[every.into(), now.into()])?)?;
        let rest = rest.ok_or(StoreError::Shape("a time"))?.optional_integer(0)?.map(Millis);
        let Some(due) = due.into_iter().chain(rest).min() else { return Ok(None) };
        // What did not arrive waits, and so does all that comes after it.
        let wait = at_most_one(store.run("SELECT wake_at FROM report", &[])?)?;
        let wait = wait.map(|row| row.optional_integer(0)).transpose()?.flatten();
        Ok(Some(wait.map_or(due, Millis)))
    }

    /// Sums up what is new; where that is all, composes what is to be handed over. Unless its arrival is confirmed, all of
    /// it is handed over again.
    pub fn report(&self, now: Millis) -> Result<Step, StoreError> {
        let store = self.store();
        let Some(owner) = self.owner()? else { return Ok(Step::Nothing) };
        let account = AccountId::of(&owner);
        store.transaction(&mut || {
            if fold(store)? {
                return Ok(Step::Again);
            }
            let failures = at_most_one(store.run("SELECT failures FROM report", &[])?)?;
            let failures = failures.map_or(Ok(0), |row| row.integer(0))?.clamp(0, 10);
            let wait = FIRST_WAIT.saturating_mul(1_i64.wrapping_shl(u32::try_from(failures).unwrap_or(0)));
            let wake_at = now.plus(wait.min(MOST_WAIT));
            // Larger than those of an account of the same client that was erased.
            let number = latest(store)?.unwrap_or(0).saturating_add(1).max(now.0);
            store.run(NUMBER, &[number.into(), wake_at.into()])?;
            let params = [account.as_str().into(), number.into(), now.into()];
            let row = at_most_one(store.run(COMPOSE, &params)?)?.ok_or(StoreError::Shape("a handover"))?;
            let json = row.text(0)?.to_owned();
            store.run(SENDING, &[json.as_str().into()])?;
            Ok(Step::HandOver(Handover { number, json }))
        })
    }

    /// A handover has arrived: what it held and has not changed since is not handed over again.
    pub fn confirm(&self, handover: &Handover) -> Result<(), StoreError> {
        let store = self.store();
        if store.is_blank()? {
            return Ok(());
        }
        store.transaction(&mut || {
            // Since then another one was made, or all is to be handed over anew.
            if latest(store)? != Some(handover.number) {
                return Ok(());
            }
            let (json, number) = (handover.json.as_str().into(), handover.number.into());
            for sql in CONFIRM {
                store.run(sql, &[json])?;
            }
            let whole = at_most_one(store.run(IS_WHOLE, &[json, MOST_ROWS.into()])?)?;
            if whole.ok_or(StoreError::Shape("a flag"))?.integer(0)? != 0 {
                store.run(CONFIRM_ALL, &[number])?;
            } else {
                store.run(CONFIRM_SOME, &[json, number])?;
                store.run("UPDATE report SET failures = 0, wake_at = NULL", &[])?;
            }
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
        for sql in ANEW {
            self.store().run(sql, &[])?;
        }
        Ok(())
    }
}

const ANEW: [&str; 5] = [
    "DELETE FROM report_reach",
    "DELETE FROM report_usage",
    "DELETE FROM report_movement",
    "DELETE FROM reported",
    "UPDATE report SET handover = handover + 1, failures = 0, wake_at = NULL",
];
