//! The content, at the paths it belongs to: strict about paths and methods, as a good origin is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::{Content, bodies};

const JOKES: [&str; 6] = [
    "There are 10 kinds of people: those who read binary, and those who do not.",
    "A SQL query walks into a bar, goes up to two tables and asks: may I join you?",
    "I would tell you a UDP joke, but you might not get it.",
    "To understand recursion, you must first understand recursion.",
    "It works on my machine, so we ship the machine.",
    "402 is the loneliest status: everyone knows it, nobody returns it.",
];

/// Marks an answer with the name of its content.
fn given(name: &'static str, response: impl IntoResponse) -> Response {
    (Extension(Content(name)), response).into_response()
}

pub(crate) fn router() -> Router {
    Router::new()
        .route("/api/joke", get(joke))
        .route("/api/weather", get(weather))
        .route("/api/translate", post(translate))
        .route("/api/health", get(async || given("health", Json(json!({"ok": true})))))
        .route("/echo", any(echo))
        .route("/status/{code}", any(status))
        .route("/slow", any(slow))
        .route("/stream", get(stream))
        .route("/ws", any(web_socket))
        .route("/big", get(big))
        .route("/sink", post(sink))
        .route("/redirect", any(redirect))
        .route("/gzip", get(gzip))
        .route("/cookie", get(cookie))
}

async fn joke() -> Response {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed) % JOKES.len();
    given("joke", Json(json!({"joke": JOKES[number], "number": number})))
}

async fn weather() -> Response {
    let forecast = json!({"city": "Lisbon", "sky": "clear", "temperature": {"value": 21, "unit": "celsius"}});
    given("weather", Json(forecast))
}

/// Gives back what it got, in the language it came in.
async fn translate(body: String) -> Response {
    given("translation", Json(json!({"translation": body, "bytes": body.len()})))
}

async fn echo(request: Request) -> Response {
    given("echo", Json(bodies::described(request).await))
}

async fn status(Path(code): Path<u16>) -> Response {
    match StatusCode::from_u16(code) {
        Ok(status) if code >= 200 => given("status", (status, Json(json!({ "status": code })))),
        _ => (StatusCode::BAD_REQUEST, Json(json!({"error": "the code must be 200 to 999"}))).into_response(),
    }
}

#[derive(Deserialize)]
struct Slow {
    #[serde(default)]
    ms: u64,
}

async fn slow(Query(slow): Query<Slow>) -> Response {
    tokio::time::sleep(Duration::from_millis(slow.ms)).await;
    given("slow", Json(json!({"slept_ms": slow.ms})))
}

#[derive(Deserialize)]
#[serde(default)]
struct Stream {
    events: u64,
    ms: u64,
}

impl Default for Stream {
    fn default() -> Self {
        Self { events: 5, ms: 100 }
    }
}

/// Server-sent events: `?events=` of them, `?ms=` apart.
async fn stream(Query(stream): Query<Stream>) -> Response {
    let body = bodies::events(stream.events, Duration::from_millis(stream.ms));
    given("stream", ([(CONTENT_TYPE, "text/event-stream")], body))
}

async fn web_socket(upgrade: WebSocketUpgrade) -> Response {
    given("ws", upgrade.on_upgrade(talk))
}

/// Says everything back, until the other side closes.
async fn talk(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let back = match message {
            Message::Text(_) | Message::Binary(_) => socket.send(message).await,
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Close(_) => return,
        };
        if back.is_err() {
            return;
        }
    }
}

#[derive(Deserialize)]
struct Big {
    #[serde(default)]
    bytes: u64,
}

async fn big(Query(big): Query<Big>) -> Response {
    let headers =
        [(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_LENGTH, big.bytes.to_string())];
    given("big", (headers, bodies::zeros(big.bytes)))
}

async fn sink(body: Body) -> Response {
    match bodies::counted(body).await {
        Ok(bytes) => given("sink", Json(json!({ "bytes": bytes }))),
        Err(bytes) => (StatusCode::BAD_REQUEST, Json(json!({"error": "the body broke off", "bytes": bytes})))
            .into_response(),
    }
}

#[derive(Deserialize)]
struct Redirect {
    to: String,
    #[serde(default = "found")]
    status: u16,
}

fn found() -> u16 {
    302
}

async fn redirect(Query(redirect): Query<Redirect>) -> Response {
    match (StatusCode::from_u16(redirect.status), HeaderValue::from_str(&redirect.to)) {
        (Ok(status), Ok(to)) if status.is_redirection() => given("redirect", (status, [(LOCATION, to)])),
        _ => (StatusCode::BAD_REQUEST, Json(json!({"error": "to and status must make a redirect"})))
            .into_response(),
    }
}

async fn gzip() -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (HeaderName::from_static("content-encoding"), "gzip")];
    match bodies::gzipped(br#"{"gzipped":true}"#) {
        Ok(body) => given("gzip", (headers, body)),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn cookie() -> Response {
    let cookies =
        AppendHeaders([(SET_COOKIE, "first=1; Path=/"), (SET_COOKIE, "second=2; Path=/; HttpOnly")]);
    given("cookie", (cookies, Json(json!({"cookies": 2}))))
}
