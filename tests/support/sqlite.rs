//! The ledger's [`Store`] on rusqlite: the same SQL as on the platform, on the host.
//!
//! Kept true here: values cross as they do on the platform (whole numbers only where a double is exact, text, null,
//! and nothing else); a transaction that gives an error leaves nothing behind, also inside of another one.

use std::cell::Cell;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};
use stripe402_edge::ledger::{Param, Row, Store, StoreError, Value};

/// The platform carries numbers as doubles: beyond this they are not exact, and refused.
const EXACT: i64 = 9_007_199_254_740_991;

/// One account's database.
pub(crate) struct Sqlite {
    connection: Connection,
    depth: Cell<u32>,
}

impl Sqlite {
    /// A database in memory.
    pub(crate) fn in_memory() -> Self {
        Self::on(Connection::open_in_memory())
    }

    /// A database in memory that is used a million times: small pages, and no statement is planned anew for the values
    /// that are bound to it.
    pub(crate) fn in_memory_for_long() -> Self {
        let sqlite = Self::in_memory();
        sqlite.look("PRAGMA page_size = 1024");
        let planned_once = DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
        sqlite.connection.set_db_config(planned_once, true).expect("a setting that SQLite knows");
        sqlite
    }

    /// A database in a file, which another one can be opened on later: what was durable.
    pub(crate) fn in_file(path: &Path) -> Self {
        Self::on(Connection::open(path))
    }

    fn on(connection: rusqlite::Result<Connection>) -> Self {
        let connection = connection.expect("a database");
        connection.set_prepared_statement_cache_capacity(64);
        Self { connection, depth: Cell::new(0) }
    }

    /// How many rows of tables were inserted, changed or deleted since it was opened. Rows of indexes and those that
    /// were rolled back count as SQLite counts them: the former not, the latter too.
    pub(crate) fn rows_changed(&self) -> u64 {
        self.connection.total_changes()
    }

    /// How SQLite would run a statement, line by line.
    pub(crate) fn plan(&self, sql: &str) -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let mut statement = self.connection.prepare(&sql).expect("a statement that can be explained");
        // The parameters stay null: the plan does not depend on them.
        let mut rows = statement.raw_query();
        let mut plan = Vec::new();
        while let Some(row) = rows.next().expect("a line of the plan") {
            plan.push(row.get(3).expect("the line's text"));
        }
        plan
    }

    /// Runs a script, as `wrangler d1 migrations apply` does.
    pub(crate) fn script(&self, sql: &str) {
        self.connection.execute_batch(sql).expect("a script that can be run");
    }

    /// A test's own look at the tables.
    pub(crate) fn look(&self, sql: &'static str) -> Vec<Row> {
        self.run(sql, &[]).expect("a statement that can be run")
    }
}

struct Bound<'a>(Param<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Param::Null => ValueRef::Null,
            Param::Integer(number) => ValueRef::Integer(number),
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn exact(number: i64) -> Result<i64, StoreError> {
    if (-EXACT..=EXACT).contains(&number) { Ok(number) } else { Err(StoreError::Shape("an exact number")) }
}

fn read(value: ValueRef<'_>) -> Result<Value, StoreError> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => exact(number).map(Value::Integer),
        ValueRef::Text(text) => str::from_utf8(text)
            .map(|text| Value::Text(text.to_owned()))
            .map_err(|_| StoreError::Shape("text")),
        ValueRef::Real(_) | ValueRef::Blob(_) => Err(StoreError::Shape("a whole number or text")),
    }
}

fn failed(error: &rusqlite::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}

impl Store for Sqlite {
    fn run(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        for param in params {
            if let Param::Integer(number) = param {
                exact(*number)?;
            }
        }
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| failed(&error))?;
        let columns = statement.column_count();
        let bound = params_from_iter(params.iter().map(|param| Bound(*param)));
        let mut rows = statement.query(bound).map_err(|error| failed(&error))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(|error| failed(&error))? {
            let values =
                (0..columns).map(|column| read(row.get_ref(column).map_err(|error| failed(&error))?));
            all.push(Row(values.collect::<Result<_, _>>()?));
        }
        Ok(all)
    }

    fn transaction<T, E: From<StoreError>>(&self, work: &mut dyn FnMut() -> Result<T, E>) -> Result<T, E> {
        let depth = self.depth.get();
        let run = |sql: &str| self.connection.execute_batch(sql).map_err(|error| failed(&error));
        run(&format!("SAVEPOINT step_{depth}"))?;
        self.depth.set(depth + 1);
        let outcome = work();
        self.depth.set(depth);
        if outcome.is_err() {
            run(&format!("ROLLBACK TO step_{depth}"))?;
        }
        run(&format!("RELEASE step_{depth}"))?;
        outcome
    }

    fn is_blank(&self) -> Result<bool, StoreError> {
        self.run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'entry'", &[])
            .map(|rows| rows.is_empty())
    }
}
