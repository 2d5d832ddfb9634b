//! A corpus as a file: `tests/vectors/bypass.json`.

use serde::Deserialize;
use serde_json::json;

use super::{Form, Priced, forms};

/// What stands at the head of the file.
const ABOUT: &str = "Forms of priced requests, made by the rules in tools/check-bypass/src/corpus from `priced` and \
                     `spread` (to how many of them each rule is applied). `of`: what a careless origin could take the \
                     form for. `target` and `headers` go over the wire as they stand; each character is one byte \
                     (Latin-1). No form pays. After a change of the rules: UPDATE=1 cargo test -p \
                     stripe402-check-bypass --test vectors";

/// A corpus.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Corpus {
    /// To how many requests each rule is applied.
    pub spread: usize,
    /// The requests that have a price.
    pub priced: Vec<Priced>,
    /// The forms.
    pub forms: Vec<Form>,
}

impl Corpus {
    /// Applies the rules of today.
    pub fn made_of(priced: Vec<Priced>, spread: usize) -> Self {
        Self { forms: forms(&priced, spread), priced, spread }
    }

    /// Reads a file.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Writes a file: a line for every request and for every form.
    pub fn write(&self) -> Result<String, serde_json::Error> {
        let priced: Result<Vec<_>, _> = self.priced.iter().map(serde_json::to_string).collect();
        let forms: Result<Vec<_>, _> = self.forms.iter().map(serde_json::to_string).collect();
        Ok(format!(
            "{{\n\"about\": {},\n\"spread\": {},\n\"priced\": [\n{}\n],\n\"forms\": [\n{}\n]\n}}\n",
            json!(ABOUT),
            self.spread,
            priced?.join(",\n"),
            forms?.join(",\n")
        ))
    }
}
