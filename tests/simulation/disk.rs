//! An object's storage: what was written, and what of it is durable.
//!
//! Kept true here: a crash leaves exactly what the last flush wrote, tables, alarm and all. The tables are made once, by
//! the ledger's own statements; between histories they are emptied, which takes a hundredth of the time.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use stripe402_edge::ledger::schema::EMPTY;
use stripe402_edge::ledger::{Param, Row, Store, StoreError};

use crate::support::sqlite::Sqlite;

/// The storage of one object.
pub(crate) struct Disk {
    sqlite: Sqlite,
    /// The statements that made the tables, by their place in memory.
    made: RefCell<HashSet<usize>>,
    /// Whether nothing was ever written: now, and as of the last flush.
    blank: Cell<bool>,
    blank_kept: Cell<bool>,
    /// Whether there are writes that are not flushed.
    open: Cell<bool>,
}

impl Disk {
    /// A blank one. `make` lets the ledger make its tables on it.
    pub(crate) fn new(make: impl FnOnce(&Self)) -> Self {
        let disk = Self {
            sqlite: Sqlite::in_memory_for_long(),
            made: RefCell::default(),
            blank: Cell::new(true),
            blank_kept: Cell::new(true),
            open: Cell::new(false),
        };
        make(&disk);
        let tables = disk.sqlite.look("SELECT name FROM sqlite_master WHERE type = 'table'");
        assert_eq!(tables.len(), EMPTY.len(), "every table of the ledger is emptied between histories");
        disk.clear();
        disk
    }

    /// As if it had never been written to.
    pub(crate) fn clear(&self) {
        self.lose();
        self.wipe();
        self.blank_kept.set(true);
    }

    /// Deletes everything; durable with the next flush.
    pub(crate) fn wipe(&self) {
        for table in EMPTY {
            self.sqlite.look(table);
        }
        self.blank.set(true);
    }

    /// A turn begins: what it writes is lost until it is flushed.
    pub(crate) fn begin(&self) {
        if !self.open.replace(true) {
            self.sqlite.look("BEGIN");
        }
    }

    /// What was written is durable now.
    pub(crate) fn flush(&self) {
        if self.open.replace(false) {
            self.sqlite.look("COMMIT");
        }
        self.blank_kept.set(self.blank.get());
    }

    /// What was written since the last flush is gone.
    pub(crate) fn lose(&self) {
        if self.open.replace(false) {
            self.sqlite.look("ROLLBACK");
        }
        self.blank.set(self.blank_kept.get());
    }

    /// Whether nothing durable was ever written.
    pub(crate) fn was_blank(&self) -> bool {
        self.blank_kept.get()
    }

    /// Whether everything that was written is durable.
    pub(crate) fn is_flushed(&self) -> bool {
        !self.open.get()
    }

    /// Grows with every row that is written.
    pub(crate) fn writes(&self) -> u64 {
        self.sqlite.rows_changed()
    }

    /// A check's own look at the tables.
    pub(crate) fn look(&self, sql: &'static str) -> Vec<Row> {
        self.sqlite.look(sql)
    }
}

impl Store for Disk {
    fn run(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        if sql.starts_with("CREATE") {
            self.blank.set(false);
            if !self.made.borrow_mut().insert(sql.as_ptr().addr()) {
                return Ok(Vec::new());
            }
        }
        self.sqlite.run(sql, params)
    }

    fn transaction<T, E: From<StoreError>>(&self, work: &mut dyn FnMut() -> Result<T, E>) -> Result<T, E> {
        let blank = self.blank.get();
        let outcome = self.sqlite.transaction(work);
        if outcome.is_err() {
            self.blank.set(blank);
        }
        outcome
    }

    fn is_blank(&self) -> Result<bool, StoreError> {
        Ok(self.blank.get())
    }
}
