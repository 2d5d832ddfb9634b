//! One JSON value, read as an operator means it.
//!
//! `50000` and `"50000"`, `true` and `"on"`, a list and `"a, b"`, a table and the same table as a JSON string
//! are alike: TOML, the dashboard, `--var` and `.dev.vars` each can write only some of them. An empty string
//! is a setting that is not set.

use super::errors::{ConfigError, Refusal, Warning, nearest};
use super::settings::{Input, Phase};
use super::variables::{Binding, default_of};
use crate::json::to_text;
use crate::protocol::Units;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use std::fmt;

/// What the checks found so far.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<ConfigError>,
    pub(crate) warnings: Vec<Warning>,
}

/// The settings while they are being read. A setting that is refused is noted and stands in for by nothing,
/// so that one pass finds every mistake.
pub(crate) struct Reader<'a> {
    pub(crate) vars: &'a Map<String, Value>,
    pub(crate) bindings: &'a [Binding],
    pub(crate) phase: Phase,
    pub(crate) findings: Findings,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: Input<'a>) -> Self {
        let Input { vars, bindings, phase } = input;
        Self { vars, bindings, phase, findings: Findings::default() }
    }

    /// The value, if one is set.
    pub(crate) fn given(&self, name: &str) -> Option<&'a Value> {
        self.vars.get(name).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.trim().is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => true,
        })
    }

    /// A setting without a default; `None` also where it is refused.
    pub(crate) fn optional<T>(&mut self, name: &str, read: fn(&Value) -> Result<T, Refusal>) -> Option<T> {
        let value = self.given(name)?;
        self.note(name, read(value))
    }

    /// A setting whose default stands in the table of variables.
    pub(crate) fn with_default<T: Default>(
        &mut self,
        name: &str,
        read: fn(&Value) -> Result<T, Refusal>,
    ) -> T {
        let outcome = match self.given(name) {
            Some(value) => read(value),
            None => read(&Value::from(default_of(name))),
        };
        self.note(name, outcome).unwrap_or_default()
    }

    /// Notes a refusal.
    pub(crate) fn note<T>(&mut self, name: &str, outcome: Result<T, Refusal>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(refusal) => {
                self.refuse(name, refusal);
                None
            }
        }
    }

    pub(crate) fn refuse(&mut self, name: &str, refusal: Refusal) {
        self.findings.errors.push(refusal.at(name, None));
    }

    pub(crate) fn warn(&mut self, setting: impl Into<String>, problem: impl Into<String>) {
        self.findings.warnings.push(Warning { setting: setting.into(), problem: problem.into() });
    }
}

/// A whole number, as a JSON number or in digits.
pub(crate) fn integer(value: &Value, least: i64, most: i64) -> Result<i64, Refusal> {
    let number = match value {
        Value::String(text) => text.trim().parse::<i64>().ok(),
        other => Units::of(other).map(Units::get),
    };
    number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        let expected = format!("expected a whole number from {least} to {most}");
        Refusal::because(expected).found(value)
    })
}

/// The same, as the type of a duration or a count.
pub(crate) fn small_integer(value: &Value, least: u32, most: u32) -> Result<u32, Refusal> {
    let number = integer(value, least.into(), most.into())?;
    u32::try_from(number).map_err(|_| Refusal::because("expected a smaller number").found(value))
}

/// Yes or no.
pub(crate) fn boolean(value: &Value) -> Result<bool, Refusal> {
    let word = match value {
        Value::Bool(truth) => return Ok(*truth),
        Value::Number(_) => to_text(value),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    };
    match word.as_str() {
        "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => Err(Refusal::because("expected true or false").found(value)),
    }
}

/// Text, without the spaces around it. A number or a truth value is taken as it is written.
pub(crate) fn text(value: &Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(_) => Ok(to_text(value)),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(Refusal::because("expected text").found(value))
        }
    }
}

/// Text of at most so many characters, none of them a control character.
pub(crate) fn line(value: &Value, most: usize) -> Result<String, Refusal> {
    let line = text(value)?;
    if line.chars().count() > most || line.chars().any(char::is_control) {
        return Err(
            Refusal::because(format_args!("expected one line of at most {most} characters")).found(value)
        );
    }
    Ok(line)
}

/// One of a few words.
pub(crate) fn choice<T: Copy>(value: &Value, words: &[(&'static str, T)]) -> Result<T, Refusal> {
    let word = text(value).unwrap_or_default();
    let names = words.iter().map(|(name, _)| *name);
    words.iter().find(|(name, _)| *name == word).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let expected = names.clone().collect::<Vec<_>>().join(", ");
        Refusal::because(format_args!("expected one of {expected}"))
            .found(value)
            .nearest(nearest(&word, names))
    })
}

/// A list of words: a list, the same as a JSON string, or words between commas.
pub(crate) fn list(value: &Value) -> Result<Vec<String>, Refusal> {
    let refusal = || Refusal::because("expected a list such as [\"a\", \"b\"] or \"a, b\"").found(value);
    let words: Vec<String> = match value {
        Value::Array(items) => items.iter().map(text).collect::<Result<_, _>>().map_err(|_| refusal())?,
        Value::String(text) if text.trim_start().starts_with('[') => {
            let items = serde_json::from_str::<Value>(text).map_err(|_| refusal())?;
            let words = items.as_array().into_iter().flatten().map(|item| item.as_str().map(str::to_owned));
            words.collect::<Option<_>>().ok_or_else(refusal)?
        }
        Value::String(text) => text.split(',').map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Err(refusal()),
    };
    let words = words.iter().map(|word| word.trim()).filter(|word| !word.is_empty());
    Ok(words.map(str::to_owned).collect())
}

/// A table, or the same as a JSON string; there a key that stands twice is refused, as TOML refuses it.
pub(crate) fn table(value: &Value) -> Result<Map<String, Value>, Refusal> {
    match value {
        Value::Object(table) => Ok(table.clone()),
        Value::String(text) => match serde_json::from_str::<Unique>(text) {
            Ok(Unique(Value::Object(table))) => Ok(table),
            Ok(_) => Err(Refusal::because("expected a table, or a JSON object as a string").found(value)),
            Err(error) => Err(Refusal::because(format_args!(
                "expected a table, or a JSON object as a string ({error})"
            ))
            .found(value)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err(Refusal::because("expected a table, or a JSON object as a string").found(value))
        }
    }
}

/// JSON in which no object has a key twice; `serde_json` alone would take the last one without a word.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Unique;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Unique, E> {
                Ok(Unique(Value::Null))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Unique, E> {
                Ok(Unique(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Unique, E> {
                Ok(Unique(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Unique, E> {
                Ok(Unique(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Unique, E> {
                Ok(Unique(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Unique, E> {
                Ok(Unique(value.into()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
                let mut list = Vec::new();
                while let Some(Unique(item)) = items.next_element()? {
                    list.push(item);
                }
                Ok(Unique(list.into()))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Unique, A::Error> {
                let mut table = Map::new();
                while let Some(key) = entries.next_key::<String>()? {
                    if table.contains_key(&key) {
                        return Err(de::Error::custom(format_args!("the key {key:?} stands twice")));
                    }
                    let Unique(value) = entries.next_value()?;
                    table.insert(key, value);
                }
                Ok(Unique(table.into()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
