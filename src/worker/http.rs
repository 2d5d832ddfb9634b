//! Responses and headers of the platform, made and read.

use wasm_bindgen::prelude::*;
use web_sys::{Headers, Response, ResponseInit};

use super::platform::ResponseLike;
use crate::gate::Answer;

/// Turns an answer of ours into a response. Every one is `no-store`. A HEAD request gets no body.
pub(super) fn respond(answer: &Answer, method: &str, cors: Option<&str>) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    headers.set("cache-control", "no-store")?;
    if !answer.content_type.is_empty() {
        headers.set("content-type", answer.content_type)?;
    }
    for (name, value) in &answer.headers {
        headers.append(name, value)?;
    }
    if let Some(origin) = cors {
        allow_origin(&headers, origin)?;
    }
    let init = ResponseInit::new();
    init.set_status(answer.status);
    init.set_headers(&headers);
    let body = (method != "HEAD" && answer.status != 204).then_some(answer.body.as_str());
    Response::new_with_opt_str_and_init(body, &init)
}

/// Lets a page of this origin read our headers, and when to come again.
pub(super) fn allow_origin(headers: &Headers, origin: &str) -> Result<(), JsValue> {
    // What the origin decided about its own answers stays.
    if get(headers, "access-control-allow-origin").is_none() {
        headers.set("access-control-allow-origin", origin)?;
        headers.append("vary", "origin")?;
    }
    headers.append("access-control-expose-headers", "payment-required, payment-response, retry-after")
}

/// The same response with headers that can be changed; its body and WebSocket come along untouched.
pub(super) fn mutable(response: &Response) -> Result<Response, JsValue> {
    let body = response.body().map_or(JsValue::NULL, JsValue::from);
    ResponseLike::like(&body, response).map(JsCast::unchecked_into)
}

/// Nobody reads this response: its body would hold its connection.
pub(super) fn unread(response: &Response) {
    if let Some(body) = response.body() {
        drop(body.cancel());
    }
}

/// A header's value; none if it is absent or cannot be read.
pub(super) fn get(headers: &Headers, name: &str) -> Option<String> {
    headers.get(name).ok().flatten()
}
