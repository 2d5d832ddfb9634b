//! What reached the origin: every request is counted, the last 100,000 are kept, unless that is switched off.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Content, ReadAs};
use crate::clock;
use crate::shelf::lock;

/// So many requests are kept.
const KEPT: usize = 100_000;
/// The content that is sold: what `served` means.
const PAID: [&str; 3] = ["joke", "weather", "translation"];

#[derive(Debug)]
struct Entry {
    number: u64,
    method: Method,
    target: Uri,
    headers: HeaderMap,
    at_ms: i64,
    /// Nothing while it runs.
    status: Option<u16>,
    content: Option<&'static str>,
    read_as: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Log {
    entries: Mutex<VecDeque<Entry>>,
    record: AtomicBool,
    total: AtomicU64,
    served: AtomicU64,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            record: AtomicBool::new(true),
            total: AtomicU64::new(0),
            served: AtomicU64::new(0),
        }
    }
}

impl Log {
    /// Counts a request, and writes it down; the number names it.
    pub(crate) fn begin(&self, method: &Method, target: &Uri, headers: &HeaderMap) -> u64 {
        let number = self.total.fetch_add(1, Ordering::Relaxed);
        if !self.record.load(Ordering::Relaxed) {
            return number;
        }
        let entry = Entry {
            number,
            method: method.clone(),
            target: target.clone(),
            headers: headers.clone(),
            at_ms: clock::milliseconds(),
            status: None,
            content: None,
            read_as: None,
        };
        let mut entries = lock(&self.entries);
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(entry);
        number
    }

    /// Notes what a request was given.
    pub(crate) fn answered(&self, number: u64, response: &Response) {
        let content = response.extensions().get::<Content>().map(|content| content.0);
        if content.is_some_and(|content| PAID.contains(&content)) {
            self.served.fetch_add(1, Ordering::Relaxed);
        }
        if !self.record.load(Ordering::Relaxed) {
            return;
        }
        // The requests under way are the latest: look from the end.
        if let Some(entry) = lock(&self.entries).iter_mut().rev().find(|entry| entry.number == number) {
            entry.status = Some(response.status().as_u16());
            entry.content = content;
            entry.read_as = response.extensions().get::<ReadAs>().map(|read| read.0.clone());
        }
    }

    fn json(&self) -> Value {
        let entries = lock(&self.entries);
        entries.iter().map(Entry::json).collect()
    }
}

impl Entry {
    fn json(&self) -> Value {
        let headers: Vec<(&str, String)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        json!({
            "method": self.method.as_str(),
            "path": self.target.to_string(),
            "headers": headers,
            "status": self.status,
            "served": self.content.is_some_and(|content| PAID.contains(&content)),
            "content": self.content,
            "read_as": self.read_as,
            "at_ms": self.at_ms,
        })
    }
}

/// `/_origin`: what the tests ask.
pub(crate) fn router(log: Arc<Log>) -> Router {
    Router::new()
        .route("/requests", get(async |State(log): State<Arc<Log>>| Json(log.json())))
        .route("/count", get(count))
        .route("/reset", post(reset))
        .route("/settings", post(settings))
        .with_state(log)
}

async fn count(State(log): State<Arc<Log>>) -> Json<Value> {
    Json(json!({
        "total": log.total.load(Ordering::Relaxed),
        "served": log.served.load(Ordering::Relaxed),
        "recorded": lock(&log.entries).len(),
    }))
}

async fn reset(State(log): State<Arc<Log>>) -> Json<Value> {
    lock(&log.entries).clear();
    log.total.store(0, Ordering::Relaxed);
    log.served.store(0, Ordering::Relaxed);
    Json(json!({"ok": true}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Whether requests are written down; they are counted always.
    record: bool,
}

async fn settings(State(log): State<Arc<Log>>, body: Bytes) -> Response {
    match serde_json::from_slice::<Settings>(&body) {
        Ok(settings) => {
            log.record.store(settings.record, Ordering::Relaxed);
            Json(json!({"record": settings.record})).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()}))).into_response(),
    }
}
