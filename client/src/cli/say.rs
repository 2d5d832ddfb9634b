//! What is said, and where: results on standard output, all else on standard error.

use super::exit::Failed;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};

/// How the program talks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Say {
    json: bool,
    quiet: bool,
}

impl Say {
    pub(crate) const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether a program reads it.
    pub(crate) const fn json(self) -> bool {
        self.json
    }

    /// A result: a line for people, or an object for programs.
    pub(crate) fn result(self, line: impl FnOnce() -> String, object: impl FnOnce() -> Value) {
        let text = if self.json { object().to_string() } else { line() };
        if !text.is_empty() {
            // Whoever has closed the pipe does not want to know.
            drop(writeln!(std::io::stdout(), "{text}"));
        }
    }

    /// A remark after a body that went to standard output: on a terminal, on a line of its own.
    pub(crate) fn note_below(self, text: &str) {
        if std::io::stdout().is_terminal() && std::io::stderr().is_terminal() && !self.quiet && !self.json {
            drop(writeln!(std::io::stderr()));
        }
        self.note(text);
    }

    /// A remark beside the result, for people.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet && !self.json {
            drop(writeln!(std::io::stderr(), "stripe402: {text}"));
        }
    }

    /// Why there is no result.
    pub(crate) fn failed(self, failed: &Failed) {
        let Failed { exit, message, rule } = failed;
        if self.json {
            let mut error = json!({"kind": exit.word(), "message": message});
            if let (Some(rule), Some(error)) = (rule, error.as_object_mut()) {
                error.insert("rule".to_owned(), Value::from(*rule));
            }
            drop(writeln!(std::io::stdout(), "{}", json!({ "error": error })));
        } else {
            drop(writeln!(std::io::stderr(), "stripe402: {message}"));
        }
    }
}

/// Words of a server, for a terminal: without the characters that could steer it.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}
