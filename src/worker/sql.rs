//! The ledger's [`Store`] on `ctx.storage.sql`.
//!
//! Kept true here: a whole number crosses as a double only where that is exact; a cursor is drained at once; a
//! constraint that fails is an error of ours, not an exception through the module.

use std::cell::Cell;

use js_sys::Array;
use wasm_bindgen::JsValue;

use super::platform::{Sql, Storage, describe};
use crate::ledger::{Param, Row, Store, StoreError, Value, schema};

const EXACT: i64 = 9_007_199_254_740_991;

/// The database of one object.
pub(super) struct SqlStore {
    storage: Storage,
    sql: Sql,
    has_tables: Cell<bool>,
}

impl SqlStore {
    pub(super) fn new(storage: Storage) -> Self {
        let sql = storage.sql();
        Self { storage, sql, has_tables: Cell::new(false) }
    }

    /// Called after everything was deleted.
    pub(super) fn forget(&self) {
        self.has_tables.set(false);
    }
}

fn failed(error: &JsValue) -> StoreError {
    StoreError::Failed(describe(error))
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "checked to be exact")]
fn bind(param: &Param<'_>) -> Result<JsValue, StoreError> {
    match param {
        Param::Null => Ok(JsValue::NULL),
        Param::Text(text) => Ok(JsValue::from_str(text)),
        Param::Integer(number) if (-EXACT..=EXACT).contains(number) => Ok(JsValue::from_f64(*number as f64)),
        Param::Integer(_) => Err(StoreError::Shape("an exact number")),
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "checked to be exact"
)]
fn read(value: &JsValue) -> Result<Value, StoreError> {
    if value.is_null() || value.is_undefined() {
        return Ok(Value::Null);
    }
    if let Some(number) = value.as_f64() {
        let whole = number.fract() == 0.0 && number.abs() <= EXACT as f64;
        return if whole {
            Ok(Value::Integer(number as i64))
        } else {
            Err(StoreError::Shape("a whole number"))
        };
    }
    value.as_string().map(Value::Text).ok_or(StoreError::Shape("a number or text"))
}

impl Store for SqlStore {
    fn run(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let bound = Array::new();
        for param in params {
            bound.push(&bind(param)?);
        }
        let cursor = self.sql.exec(sql, &bound).map_err(|error| failed(&error))?;
        let rows = cursor.raw().and_then(|rows| rows.to_array()).map_err(|error| failed(&error))?;
        rows.iter()
            .map(|row| Array::from(&row).iter().map(|value| read(&value)).collect::<Result<_, _>>().map(Row))
            .collect()
    }

    fn transaction<T, E: From<StoreError>>(&self, work: &mut dyn FnMut() -> Result<T, E>) -> Result<T, E> {
        let mut result = None;
        let ran = self.storage.transaction_sync(&mut || {
            let outcome = work();
            let good = outcome.is_ok();
            result = Some(outcome);
            if good { Ok(JsValue::UNDEFINED) } else { Err(JsValue::from_str("rolled back")) }
        });
        match (ran, result) {
            (Err(error), None | Some(Ok(_))) => Err(failed(&error).into()),
            (_, Some(outcome)) => outcome,
            (Ok(_), None) => Err(StoreError::Failed("the transaction did not run".to_owned()).into()),
        }
    }

    fn is_blank(&self) -> Result<bool, StoreError> {
        if self.has_tables.get() {
            return Ok(false);
        }
        // Not one statement on a database that has no page yet: even a read could make the file.
        if self.sql.database_size().map_err(|error| failed(&error))? == 0.0 {
            return Ok(true);
        }
        let tables = self.run(schema::MARKS, &[])?.len();
        // Made by a version that knew fewer.
        if tables == 1 {
            schema::upgrade(self)?;
        }
        self.has_tables.set(tables > 0);
        Ok(tables == 0)
    }
}
