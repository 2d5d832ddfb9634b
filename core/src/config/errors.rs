//! What is wrong with a configuration, said so that it can be mended: where, what was found, what was
//! expected, what was probably meant. One line each.

use crate::json::to_text;
use serde_json::Value;
use std::fmt;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable, secret, binding or table of `wrangler.toml`: `ROUTES`, `MAX_TOP_UP`, `ACCOUNTS`.
    pub variable: String,
    /// The place inside it: `"GET /api/joke".amount`.
    pub key: Option<String>,
    /// The value as JSON, shortened; never a secret's.
    pub found: Option<String>,
    /// What is wrong or what was expected.
    pub problem: String,
    /// The name or value that was probably meant.
    pub nearest: Option<String>,
}

impl ConfigError {
    /// The setting's name with the place inside it, and no values: fit to be told to any caller.
    pub fn setting(&self) -> String {
        match &self.key {
            Some(key) => format!("{} {key}", self.variable),
            None => self.variable.clone(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting(), self.problem)?;
        if let Some(found) = &self.found {
            write!(f, "; found {found}")?;
        }
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean {nearest}?")?;
        }
        Ok(())
    }
}

/// Every mistake of a configuration, at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.iter().map(ConfigError::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors {
    first: Box<ConfigError>,
    rest: Vec<ConfigError>,
}

impl ConfigErrors {
    /// All of them, if there are any.
    pub(crate) fn new(errors: Vec<ConfigError>) -> Option<Self> {
        let mut errors = errors.into_iter();
        let first = errors.next()?;
        Some(Self { first: Box::new(first), rest: errors.collect() })
    }

    /// The first one: the setting that a 500 answer names.
    pub fn first(&self) -> &ConfigError {
        &self.first
    }

    /// All of them, in the order of the checks.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        std::iter::once(self.first.as_ref()).chain(&self.rest)
    }

    /// All of them, owned.
    pub fn into_vec(self) -> Vec<ConfigError> {
        std::iter::once(*self.first).chain(self.rest).collect()
    }
}

/// Something that works but is probably not wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The setting, as in [`ConfigError::setting`].
    pub setting: String,
    /// What it means for the operator.
    pub problem: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}

/// Why a value is refused, before it is known where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) problem: String,
    pub(crate) found: Option<String>,
    pub(crate) nearest: Option<String>,
}

impl Refusal {
    /// A refusal that does not repeat the value.
    pub(crate) fn because(problem: impl fmt::Display) -> Self {
        Self { problem: problem.to_string(), found: None, nearest: None }
    }

    /// The same, with the value that was found.
    pub(crate) fn found(self, value: &Value) -> Self {
        Self { found: Some(shortened(value)), ..self }
    }

    /// The same, with a guess at what was meant.
    pub(crate) fn nearest(self, nearest: Option<impl fmt::Display>) -> Self {
        Self { nearest: nearest.map(|guess| format!("\"{guess}\"")), ..self }
    }

    /// The refusal at its place.
    pub(crate) fn at(self, variable: impl Into<String>, key: Option<String>) -> ConfigError {
        let Self { problem, found, nearest } = self;
        ConfigError { variable: variable.into(), key, found, problem, nearest }
    }
}

/// A value as JSON, at most some 80 characters of it.
fn shortened(value: &Value) -> String {
    let json = to_text(value);
    if json.chars().count() <= 80 {
        return json;
    }
    json.chars().take(77).chain("…".chars()).collect()
}

/// The candidate that a word was probably meant to be: equal but for case, hyphens and underscores, or at
/// most two letters off (one, for a word of up to four).
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_', ' '], "");
    let word = plain(word);
    let limit = if word.chars().count() <= 4 { 1 } else { 2 };
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_everything_in_it() {
        let error = Refusal::because("expected a whole number")
            .found(&"ten\nunits".into())
            .nearest(Some("10"))
            .at("ROUTES", Some("\"GET /\".amount".to_owned()));
        assert_eq!(
            error.to_string(),
            r#"ROUTES "GET /".amount: expected a whole number; found "ten\nunits"; did you mean "10"?"#
        );
        assert_eq!(error.setting(), r#"ROUTES "GET /".amount"#);
    }

    #[test]
    fn a_long_value_is_shortened_between_characters() {
        let found = Refusal::because("x").found(&"ü".repeat(500).into()).found.unwrap();
        assert_eq!(found.chars().count(), 78);
        assert!(found.ends_with('…'));
    }

    #[test]
    fn the_nearest_name_is_close_or_none() {
        let names = ["amount", "minTopUp", "price", "cache"];
        for (word, expected) in [
            ("amont", Some("amount")),
            ("ammounts", Some("amount")),
            ("min_top_up", Some("minTopUp")),
            ("MINTOPUP", Some("minTopUp")),
            ("pirce", Some("price")),
            ("cost", None),
            ("", None),
            ("cashe", Some("cache")),
        ] {
            assert_eq!(nearest(word, names), expected, "{word}");
        }
    }
}
