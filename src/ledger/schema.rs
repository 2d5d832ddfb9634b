//! The tables of one account, and the constraints that hold its invariants even if the code above were wrong.
//!
//! Kept true here: nothing is written for an account on which no payment was attempted; a source (a PaymentIntent,
//! an operator's act) is in the ledger once; a debit is reversed once; at most one top-up is unsettled. A debit is in
//! none of the partial indexes, so it costs one written row.

use super::store::{Store, StoreError};

/// The version of the tables below, kept in the account's row.
pub const VERSION: i64 = 1;

const TABLES: [&str; 20] = [
    // The last row of a currency is its balance. Without rowid: one row written per entry, found by its key.
    "CREATE TABLE IF NOT EXISTS entry (
        currency TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        amount INTEGER NOT NULL,
        balance INTEGER NOT NULL,
        resource TEXT,
        op TEXT,
        source TEXT,
        of_seq INTEGER,
        route TEXT,
        PRIMARY KEY (currency, seq)
    ) STRICT, WITHOUT ROWID",
    "CREATE UNIQUE INDEX IF NOT EXISTS entry_source ON entry (source) WHERE source IS NOT NULL",
    "CREATE UNIQUE INDEX IF NOT EXISTS entry_of ON entry (currency, of_seq) WHERE of_seq IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS account (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        version INTEGER NOT NULL,
        client_id TEXT NOT NULL,
        customer TEXT,
        customers INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,
        attempted_at INTEGER NOT NULL,
        frozen TEXT
    ) STRICT",
    // `open` is 1 while the top-up is unsettled and null afterwards: the index lets one such row be.
    // `machine` is the state machine's own record, as JSON (ledger/topup); the columns are what queries need of it.
    "CREATE TABLE IF NOT EXISTS topup (
        id TEXT PRIMARY KEY,
        open INTEGER,
        started_at INTEGER NOT NULL,
        settled_at INTEGER,
        outcome TEXT,
        currency TEXT NOT NULL,
        units INTEGER NOT NULL,
        payment_intent TEXT,
        refunded INTEGER NOT NULL DEFAULT 0,
        wake_at INTEGER,
        machine TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE UNIQUE INDEX IF NOT EXISTS topup_open ON topup (open) WHERE open IS NOT NULL",
    // The last of them are looked at, however many came before: the limits' declines and charges, what is handed over.
    "CREATE INDEX IF NOT EXISTS topup_settled ON topup (settled_at)",
    "CREATE TABLE IF NOT EXISTS dispute (
        id TEXT PRIMARY KEY,
        payment_intent TEXT NOT NULL,
        currency TEXT NOT NULL,
        amount INTEGER NOT NULL,
        status TEXT NOT NULL,
        withdrawn INTEGER NOT NULL DEFAULT 0,
        reinstated INTEGER NOT NULL DEFAULT 0,
        at INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS request_key (
        key TEXT PRIMARY KEY,
        target TEXT NOT NULL,
        currency TEXT NOT NULL,
        seq INTEGER NOT NULL,
        op TEXT NOT NULL,
        holder TEXT NOT NULL,
        state TEXT NOT NULL,
        at INTEGER NOT NULL,
        taken_at INTEGER NOT NULL,
        deliveries INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS request_key_debit ON request_key (currency, seq)",
    // The attempts that were given up, or tried again since: a copy of their call up to this one that still comes is not
    // debited.
    "CREATE TABLE IF NOT EXISTS undone (
        op TEXT PRIMARY KEY,
        at INTEGER NOT NULL,
        up_to INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    // What became of debits and their reversals after some months (ledger/compaction), and how far that has come.
    "CREATE TABLE IF NOT EXISTS summary (
        currency TEXT NOT NULL,
        hour INTEGER NOT NULL,
        resource TEXT NOT NULL,
        debits INTEGER NOT NULL,
        reversals INTEGER NOT NULL,
        amount INTEGER NOT NULL,
        PRIMARY KEY (currency, hour, resource)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS compacted (
        currency TEXT PRIMARY KEY,
        up_to INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    // What operators did, who and why. Its name is in the entries that it made.
    "CREATE TABLE IF NOT EXISTS act (
        id TEXT PRIMARY KEY,
        at INTEGER NOT NULL,
        what TEXT NOT NULL,
        by_whom TEXT NOT NULL,
        reason TEXT NOT NULL,
        currency TEXT,
        amount INTEGER
    ) STRICT, WITHOUT ROWID",
    // What goes back to cards (ledger/payback). `taken`: what of it the balance misses now.
    "CREATE TABLE IF NOT EXISTS payback (
        id TEXT PRIMARY KEY,
        act TEXT NOT NULL,
        payment_intent TEXT NOT NULL,
        currency TEXT NOT NULL,
        units INTEGER NOT NULL,
        taken INTEGER NOT NULL,
        at INTEGER NOT NULL,
        outcome TEXT,
        wake_at INTEGER,
        machine TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
    // What is handed over to the reports (ledger/reports): the number of the latest handover and of the latest that arrived,
    // how often it failed since, when it is tried again, and until when top-ups that were settled have arrived.
    "CREATE TABLE IF NOT EXISTS report (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        handover INTEGER NOT NULL,
        confirmed INTEGER NOT NULL DEFAULT 0,
        failures INTEGER NOT NULL DEFAULT 0,
        wake_at INTEGER,
        settled INTEGER NOT NULL DEFAULT 0
    ) STRICT",
    // How far the entries are in the sums below, which handover that goes with, and from which hour on sums have changed.
    "CREATE TABLE IF NOT EXISTS report_reach (
        currency TEXT PRIMARY KEY,
        folded INTEGER NOT NULL,
        number INTEGER NOT NULL,
        dirty INTEGER
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS report_usage (
        currency TEXT NOT NULL,
        hour INTEGER NOT NULL,
        resource TEXT NOT NULL,
        debits INTEGER NOT NULL,
        reversals INTEGER NOT NULL,
        amount INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        PRIMARY KEY (currency, hour, resource)
    ) STRICT, WITHOUT ROWID",
    // The entries that are neither debit nor reversal, until they have arrived.
    "CREATE TABLE IF NOT EXISTS report_movement (
        currency TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (currency, seq)
    ) STRICT, WITHOUT ROWID",
    // Top-ups, disputes and the account itself, as they arrived last.
    "CREATE TABLE IF NOT EXISTS reported (
        id TEXT PRIMARY KEY,
        row TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
];

/// Empties every table above.
pub const EMPTY: [&str; 15] = [
    "DELETE FROM entry",
    "DELETE FROM account",
    "DELETE FROM topup",
    "DELETE FROM dispute",
    "DELETE FROM request_key",
    "DELETE FROM undone",
    "DELETE FROM summary",
    "DELETE FROM compacted",
    "DELETE FROM act",
    "DELETE FROM payback",
    "DELETE FROM report",
    "DELETE FROM report_reach",
    "DELETE FROM report_usage",
    "DELETE FROM report_movement",
    "DELETE FROM reported",
];

/// Makes the tables that are not there. Call it inside the transaction that writes their first row.
pub fn create<S: Store>(store: &S) -> Result<(), StoreError> {
    for table in TABLES {
        if mutant!(CreditWithoutIndex) && table.contains("entry_source") {
            continue;
        }
        if mutant!(ReverseTwice) && table.contains("entry_of") {
            continue;
        }
        store.run(table, &[])?;
    }
    Ok(())
}

/// The tables of the first version, and the last that was added: where only some of them are, [`upgrade`] is due.
pub const MARKS: &str =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('entry', 'reported')";

/// Brings the tables of the version before up to this one, from which on there are reports.
pub fn upgrade<S: Store>(store: &S) -> Result<(), StoreError> {
    store.transaction(&mut || {
        store.run("ALTER TABLE entry ADD COLUMN route TEXT", &[])?;
        store.run("ALTER TABLE dispute ADD COLUMN at INTEGER NOT NULL DEFAULT 0", &[])?;
        create(store)
    })
}
