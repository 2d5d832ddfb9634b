//! An account's books, as the checks read them from its tables: what can be told from them alone.

use std::collections::{BTreeMap, HashMap};

use stripe402_edge::ledger::payback::PayBack;
use stripe402_edge::ledger::record::Record;
use stripe402_edge::ledger::topup::TopUp;
use stripe402_edge::ledger::{Row, Value};

use super::HOUR;
use super::coverage::outcome_of;
use super::disk::Disk;
use super::invariants::Violation;
use super::world::World;

/// What the checks last read of an account.
#[derive(Default)]
pub(crate) struct Books {
    /// How many rows had been written when it was read; none: read it again.
    read_at: Option<u64>,
    /// All that were ever posted: also those that have become sums since.
    pub(crate) entries: Vec<Entry>,
    /// The top-ups that are settled, by their name.
    pub(crate) outcomes: HashMap<String, String>,
    /// What goes, or went, back to cards, with the word for how that ended.
    pub(crate) paybacks: Vec<(PayBack, &'static str)>,
    /// Whether a dispute holds the account frozen.
    frozen: bool,
}

impl Books {
    /// What was written may be gone.
    pub(crate) fn forget(&mut self) {
        self.read_at = None;
    }

    /// The state of a top-up that is not open.
    pub(crate) fn outcome(&self, top_up: &str) -> &'static str {
        self.outcomes.get(top_up).map_or("unknown", |outcome| outcome_of(outcome))
    }
}

/// A row of the table `entry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) currency: String,
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) kind: String,
    pub(crate) amount: i64,
    pub(crate) balance: i64,
    pub(crate) about: Option<String>,
    pub(crate) op: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) of: Option<i64>,
}

impl Entry {
    fn read(row: Row) -> Option<Self> {
        let mut values = row.0.into_iter();
        let text = |value: Option<Value>| match value {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        let number = |value: Option<Value>| match value {
            Some(Value::Integer(number)) => Some(number),
            _ => None,
        };
        Some(Self {
            currency: text(values.next())?,
            seq: number(values.next())?,
            at: number(values.next())?,
            kind: text(values.next())?,
            amount: number(values.next())?,
            balance: number(values.next())?,
            about: text(values.next()),
            op: text(values.next()),
            source: text(values.next()),
            of: number(values.next()),
        })
    }
}

const ENTRIES: &str =
    "SELECT currency, seq, at, kind, amount, balance, resource, op, source, of_seq FROM entry
    ORDER BY currency, seq";
/// How a payback may have ended; not at all, first.
const PAID_BACK: [&str; 5] = ["", "done", "refused", "failed", "never_happened"];
const COMPACTED: &str = "SELECT currency, up_to FROM compacted";
const SUMMARY: &str = "SELECT currency, hour, resource, debits, reversals, amount FROM summary";
const FROZEN: &str = "SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review')
    UNION ALL SELECT 1 FROM account WHERE frozen IS NOT NULL LIMIT 1";
const PAYBACKS: &str = "SELECT id, coalesce(outcome, ''), machine FROM payback";
const TOP_UPS: &str = "SELECT id, open, outcome, CASE WHEN open THEN machine END FROM topup";

impl World<'_> {
    /// Reads an account's tables, if anything was written since, and checks what can be told from them alone.
    pub(crate) fn look_at(&mut self, account: usize) {
        let object = &mut self.objects[account];
        let writes = object.disk.writes();
        if object.books.read_at == Some(writes) {
            return;
        }
        object.books.read_at = Some(writes);
        self.changed = true;
        let entries: Option<Vec<Entry>> = object.disk.look(ENTRIES).into_iter().map(Entry::read).collect();
        let Some(entries) = entries else { return self.broke(1, || "an entry cannot be read".to_owned()) };
        let entries = match with_summed_up(&object.books.entries, entries, object.disk) {
            Ok(entries) => entries,
            Err(violation) => return self.break_rule(violation),
        };
        let mut open = Vec::new();
        object.books.outcomes.clear();
        for row in object.disk.look(TOP_UPS) {
            if let Ok(Some(machine)) = row.optional_text(3) {
                open.push(serde_json::from_str(machine).ok().and_then(|json| TopUp::read(&json)));
                continue;
            }
            let text = |column| row.text(column).unwrap_or_default().to_owned();
            object.books.outcomes.insert(text(0), text(2));
        }
        if open.len() > 1 {
            return self.broke(4, || format!("{} top-ups are open", open.len()));
        }
        object.open = open.pop().flatten();
        let rows = object.disk.look(PAYBACKS);
        let read = |row: &Row| {
            let machine = serde_json::from_str(row.text(2).unwrap_or_default()).ok();
            let word = PAID_BACK.into_iter().find(|word| row.text(1) == Ok(*word))?;
            Some((machine.as_ref().and_then(PayBack::read)?, word))
        };
        let paybacks: Option<Vec<_>> = rows.iter().map(read).collect();
        let Some(paybacks) = paybacks else { return self.broke(6, || "a payback cannot be read".to_owned()) };
        for (payback, word) in &paybacks {
            let before = object.books.paybacks.iter().find(|(one, _)| one.id == payback.id);
            if !word.is_empty() && before.is_none_or(|(_, before)| before != word) {
                self.coverage.pair("payback", word);
            }
        }
        object.books.paybacks = paybacks;
        let frozen = !object.disk.look(FROZEN).is_empty();
        let debits = |entries: &[Entry]| entries.iter().filter(|entry| entry.kind == "debit").count();
        let served = debits(&entries) > debits(&object.books.entries);
        let wrong = std::mem::replace(&mut object.books.frozen, frozen) && frozen && served;
        object.books.entries = entries;
        self.check_deposit(account);
        if wrong {
            self.broke(2, || "an account was debited while it was frozen".to_owned());
        }
        if let Err(violation) = check_entries(&self.objects[account].books.entries) {
            self.break_rule(violation);
        }
    }

    /// The debits of an attempt that were not given back.
    pub(crate) fn debits_left(&self, account: usize, op: &str) -> Vec<i64> {
        let entries = &self.objects[account].books.entries;
        let debits = entries.iter().filter(|entry| entry.kind == "debit" && entry.op.as_deref() == Some(op));
        let back = |debit: &&Entry| {
            !entries.iter().any(|entry| entry.currency == debit.currency && entry.of == Some(debit.seq))
        };
        debits.filter(back).map(|debit| debit.seq).collect()
    }
}

/// The entries that are there, and those that were before and have become sums: whose sums these are.
fn with_summed_up(before: &[Entry], mut entries: Vec<Entry>, disk: &Disk) -> Result<Vec<Entry>, Violation> {
    let reaches = disk.look(COMPACTED);
    let reach = |currency: &str| {
        let row = reaches.iter().find(|row| row.text(0) == Ok(currency));
        row.and_then(|row| row.integer(1).ok()).unwrap_or(0)
    };
    // What is missing for another reason was lost in a crash.
    let is_gone = |entry: &&Entry| {
        let there = entries.iter().any(|one| one.currency == entry.currency && one.seq == entry.seq);
        let debit = if entry.kind == "debit" { Some(entry.seq) } else { entry.of };
        !there && debit.is_some_and(|seq| seq <= reach(&entry.currency))
    };
    let gone: Vec<Entry> = before.iter().filter(is_gone).cloned().collect();
    let mut sums: BTreeMap<(&str, i64, &str), [i64; 3]> = BTreeMap::new();
    for debit in gone.iter().filter(|entry| entry.kind == "debit") {
        let resource = debit.about.as_deref().unwrap_or_default();
        let sum = sums.entry((&debit.currency, debit.at / HOUR, resource)).or_default();
        let back = gone.iter().find(|one| one.currency == debit.currency && one.of == Some(debit.seq));
        sum[0] += 1;
        sum[1] += i64::from(back.is_some());
        sum[2] += debit.amount + back.map_or(0, |back| back.amount);
    }
    let rows = disk.look(SUMMARY);
    let kept: BTreeMap<(&str, i64, &str), [i64; 3]> = rows
        .iter()
        .filter_map(|row| {
            let key = (row.text(0).ok()?, row.integer(1).ok()?, row.text(2).ok()?);
            Some((key, [row.integer(3).ok()?, row.integer(4).ok()?, row.integer(5).ok()?]))
        })
        .collect();
    if rows.len() != kept.len() || kept != sums {
        return Err(Violation::new(1, format!("the sums are {kept:?}, and stand for {sums:?}")));
    }
    entries.extend(gone);
    entries.sort_by(|one, other| (&one.currency, one.seq).cmp(&(&other.currency, other.seq)));
    Ok(entries)
}

/// Invariants 1 and 2, and that a debit is given back once.
fn check_entries(entries: &[Entry]) -> Result<(), Violation> {
    let mut last: Option<&Entry> = None;
    for entry in entries {
        let before = last.filter(|last| last.currency == entry.currency);
        let (seq, balance) = before.map_or((0, 0), |last| (last.seq, last.balance));
        if entry.seq != seq + 1 || entry.balance != balance + entry.amount {
            return Err(Violation::new(1, format!("{entry:?} does not follow {before:?}")));
        }
        if entry.kind == "debit" && entry.balance < 0 {
            return Err(Violation::new(2, format!("{entry:?} leaves a debt")));
        }
        let right = match (entry.kind.as_str(), entry.of) {
            ("reversal", Some(of)) => {
                let debit = entries.iter().find(|one| one.currency == entry.currency && one.seq == of);
                let back = entries.iter().filter(|one| one.currency == entry.currency && one.of == Some(of));
                debit.is_some_and(|debit| debit.kind == "debit" && debit.amount == -entry.amount)
                    && back.count() == 1
            }
            ("topup", of) => of.is_none() && entry.amount > 0,
            ("debit", of) => of.is_none() && entry.amount < 0 && entry.source.is_none(),
            ("refund" | "dispute", of) => of.is_none() && entry.about.is_some(),
            ("adjustment", of) => {
                let same = entries.iter().filter(|one| one.kind == "adjustment" && one.op == entry.op);
                of.is_none() && entry.op.is_some() && same.count() == 1
            }
            _ => false,
        };
        if !right {
            return Err(Violation::new(5, format!("{entry:?} is not right in {entries:?}")));
        }
        last = Some(entry);
    }
    Ok(())
}
