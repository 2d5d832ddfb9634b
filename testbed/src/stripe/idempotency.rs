//! Idempotency keys. What they keep true: a key runs one request once; whoever sends it again gets the stored
//! answer, a refusal, or "still running", and never a second execution. Source: docs.stripe.com/api/idempotent_requests.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::errors::ApiError;

/// What names a request: the key, within a mode.
pub(crate) type Key = (bool, String);

/// An answer as it was sent the first time.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// `req_…` of the first execution.
    pub(crate) request: String,
}

#[derive(Debug)]
struct Entry {
    endpoint: String,
    fields: Vec<(String, String)>,
    /// Nothing while the first request runs.
    answer: Option<Stored>,
    order: u64,
}

/// Every key in use.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    entries: HashMap<Key, Entry>,
    next: u64,
}

/// What to do with a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Run it, and end with [`Keys::finish`].
    Run,
    Replay(Stored),
    Refuse(ApiError),
}

impl Keys {
    /// A request with a key arrives. `endpoint` is the path: keys are for one endpoint.
    pub(crate) fn begin(&mut self, key: &Key, endpoint: &str, fields: Vec<(String, String)>) -> Verdict {
        let Some(entry) = self.entries.get(key) else {
            self.next += 1;
            let entry = Entry { endpoint: endpoint.to_owned(), fields, answer: None, order: self.next };
            self.entries.insert(key.clone(), entry);
            return Verdict::Run;
        };
        if entry.endpoint != endpoint {
            return Verdict::Refuse(ApiError::idempotency(format!(
                "Keys for idempotent requests can only be used for the same endpoint they were first used for ('{}' vs \
                 '{endpoint}'). Try using a key other than '{}' if you meant to execute a different request.",
                entry.endpoint, key.1
            )));
        }
        if entry.fields != fields {
            return Verdict::Refuse(ApiError::idempotency(format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try \
                 using a key other than '{}' if you meant to execute a different request.",
                key.1
            )));
        }
        match &entry.answer {
            None => Verdict::Refuse(ApiError::key_in_use(&key.1)),
            Some(stored) => Verdict::Replay(stored.clone()),
        }
    }

    /// The first request is through: its answer is kept, or the key is free again.
    pub(crate) fn finish(&mut self, key: &Key, answer: Option<Stored>) {
        match answer {
            None => {
                self.entries.remove(key);
            }
            Some(answer) => {
                if let Some(entry) = self.entries.get_mut(key) {
                    entry.answer = Some(answer);
                }
            }
        }
    }

    /// A day has passed: finished keys are forgotten. Gives their number.
    pub(crate) fn prune(&mut self) -> usize {
        let before = self.entries.len();
        self.entries.retain(|_, entry| entry.answer.is_none());
        before - self.entries.len()
    }

    /// The keys in order of first use.
    pub(crate) fn json(&self) -> Value {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(_, entry)| entry.order);
        entries
            .into_iter()
            .map(|((livemode, key), entry)| {
                json!({
                    "key": key,
                    "livemode": livemode,
                    "endpoint": entry.endpoint,
                    "in_flight": entry.answer.is_none(),
                    "status": entry.answer.as_ref().map(|answer| answer.status),
                    "request": entry.answer.as_ref().map(|answer| &answer.request),
                })
            })
            .collect()
    }
}
