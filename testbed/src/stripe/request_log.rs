//! Every request that reached `/v1`, in order: what a test counts calls by.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// So many are kept; older ones are forgotten, but counted.
const KEPT: usize = 100_000;

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Value,
    pub(crate) form: Value,
    pub(crate) body: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) stripe_version: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) at_ms: i64,
    /// Nothing while it runs, or if no answer was sent.
    pub(crate) status: Option<u16>,
    pub(crate) replayed: bool,
    pub(crate) request: String,
}

#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: VecDeque<Entry>,
    forgotten: u64,
}

impl RequestLog {
    /// Writes a request down; the number names it.
    pub(crate) fn begin(&mut self, entry: Entry) -> u64 {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
            self.forgotten += 1;
        }
        self.entries.push_back(entry);
        self.forgotten + self.entries.len() as u64 - 1
    }

    /// Notes how it was answered.
    pub(crate) fn answered(&mut self, number: u64, status: u16, replayed: bool) {
        let place = number.checked_sub(self.forgotten).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) {
            entry.status = Some(status);
            entry.replayed = replayed;
        }
    }

    /// Forgets all; numbers given out before name nothing any more.
    pub(crate) fn clear(&mut self) {
        self.forgotten += self.entries.len() as u64;
        self.entries.clear();
    }

    pub(crate) fn json(&self) -> Value {
        let entries = self.entries.iter().map(|entry| {
            json!({
                "method": entry.method,
                "path": entry.path,
                "query": entry.query,
                "form": entry.form,
                "body": entry.body,
                "idempotency_key": entry.idempotency_key,
                "stripe_version": entry.stripe_version,
                "authorization": entry.authorization,
                "user_agent": entry.user_agent,
                "status": entry.status,
                "replayed": entry.replayed,
                "request": entry.request,
                "at_ms": entry.at_ms,
            })
        });
        entries.collect()
    }
}
