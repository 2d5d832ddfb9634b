//! Small records as JSON, written and read by hand.
//!
//! Kept true here: what is read is checked like what a stranger sent; a field that is missing where it must not be gives
//! no record, and one that is not known is ignored. By hand, since derived readers of these types would be a sixth of
//! the whole Worker.

#![allow(
    clippy::option_option,
    reason = "outside: whether it is a record at all; inside: whether the field is there"
)]

use serde_json::{Map, Value};
use stripe402_core::json::to_text;
use stripe402_core::protocol::{Currency, Units};

use super::store::Millis;

/// A type that stands as JSON in a row or a header.
pub trait Record: Sized {
    /// As JSON.
    fn write(&self) -> Value;

    /// Out of JSON; none if it is not one.
    fn read(value: &Value) -> Option<Self>;
}

/// The fields of a record that is being written.
#[derive(Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// With one more field.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// With one more field, if there is something to put into it.
    pub(super) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The whole.
    pub(super) fn done(self) -> Value {
        Value::Object(self.0)
    }

    /// The whole, as text.
    pub(super) fn text(self) -> String {
        to_text(&self.done())
    }

    /// The whole, under one name: a variant with its content.
    pub(super) fn under(self, name: &str) -> Value {
        Self::default().with(name, self.done()).done()
    }
}

/// The one field of a variant: its name and its content.
pub(super) fn variant(value: &Value) -> Option<(&str, &Value)> {
    let mut fields = value.as_object()?.iter();
    let (name, content) = fields.next()?;
    fields.next().is_none().then_some((name.as_str(), content))
}

/// A text.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

/// A text of its own.
pub(super) fn owned(value: &Value, name: &str) -> Option<String> {
    text(value, name).map(ToOwned::to_owned)
}

/// A field that has to be of its type if it is there.
pub(super) fn optional<T>(
    value: &Value,
    name: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Option<Option<T>> {
    match value.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(field) => read(field).map(Some),
    }
}

/// A text that has to parse if it is there.
pub(super) fn optional_text<T>(
    value: &Value,
    name: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<Option<T>> {
    optional(value, name, |field| parse(field.as_str()?))
}

/// A whole number.
pub(super) fn integer(value: &Value, name: &str) -> Option<i64> {
    value.get(name)?.as_i64()
}

/// A count.
pub(super) fn count(value: &Value, name: &str) -> Option<u32> {
    u32::try_from(integer(value, name)?).ok()
}

/// A flag that is false where it is not there.
pub(super) fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// An amount in units.
pub(super) fn units(value: &Value, name: &str) -> Option<Units> {
    Units::new(integer(value, name)?)
}

/// A currency.
pub(super) fn currency(value: &Value, name: &str) -> Option<Currency> {
    Currency::parse(text(value, name)?).ok()
}

/// A moment.
pub(super) fn moment(value: &Value, name: &str) -> Option<Millis> {
    integer(value, name).map(Millis)
}
