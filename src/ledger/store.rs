//! The database behind an account, as the ledger sees it: one statement in, rows out, and a transaction.
//!
//! Kept true here: the ledger's SQL runs unchanged on the platform (`SqlStorage`) and on the host (rusqlite), so
//! what the tests prove is what is deployed. Statements are constants; values are always bound, never written in.

use stripe402_core::protocol::{Currency, Units};

/// A value that is bound to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param<'a> {
    /// SQL's null.
    Null,
    /// A whole number; at most 2^53 in size, since the platform carries numbers as doubles.
    Integer(i64),
    /// Text.
    Text(&'a str),
}

impl From<i64> for Param<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Units> for Param<'_> {
    fn from(units: Units) -> Self {
        Self::Integer(units.get())
    }
}

impl From<Millis> for Param<'_> {
    fn from(at: Millis) -> Self {
        Self::Integer(at.0)
    }
}

impl From<Currency> for Param<'_> {
    fn from(currency: Currency) -> Self {
        Self::Text(currency.code())
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A value that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL's null.
    Null,
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
}

/// One row that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// The whole number in a column.
    pub fn integer(&self, column: usize) -> Result<i64, StoreError> {
        match self.0.get(column) {
            Some(Value::Integer(number)) => Ok(*number),
            _ => Err(StoreError::Shape("a whole number")),
        }
    }

    /// The text in a column.
    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(StoreError::Shape("text")),
        }
    }

    /// The text in a column that may be null.
    pub fn optional_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.text(column).map(Some),
        }
    }

    /// The whole number in a column that may be null.
    pub fn optional_integer(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.integer(column).map(Some),
        }
    }

    /// The units in a column.
    pub fn units(&self, column: usize) -> Result<Units, StoreError> {
        Units::new(self.integer(column)?).ok_or(StoreError::Shape("units"))
    }
}

/// Why the database did not do it. Always ours or the platform's, never the caller's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database refused the statement, or failed.
    #[error("the database failed: {0}")]
    Failed(String),
    /// A row is not of the form that we wrote.
    #[error("the database gave something else than {0}")]
    Shape(&'static str),
}

/// A moment, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Millis(pub i64);

impl Millis {
    /// The moment that lies `span` milliseconds later.
    pub const fn plus(self, span: i64) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// How many milliseconds lie between an earlier moment and this one; negative if it is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds since 1970: what Stripe counts in.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

/// A database that belongs to one account.
pub trait Store {
    /// Runs one statement to its end and gives its rows.
    fn run(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError>;

    /// Runs `work` as one transaction: all of it becomes durable, or, if it gives an error, none of it.
    fn transaction<T, E: From<StoreError>>(&self, work: &mut dyn FnMut() -> Result<T, E>) -> Result<T, E>;

    /// Whether nothing was ever written: then nobody may write a schema just to find that out.
    fn is_blank(&self) -> Result<bool, StoreError>;
}

/// The only row of an answer that has at most one.
pub(super) fn at_most_one(rows: Vec<Row>) -> Result<Option<Row>, StoreError> {
    let mut rows = rows.into_iter();
    let first = rows.next();
    match rows.next() {
        None => Ok(first),
        Some(_) => Err(StoreError::Shape("at most one row")),
    }
}
