//! Stripe's API over `fetch`.
//!
//! Kept true here: a call ends within twenty seconds, answered or lost; an answer is read only up to a limit; the
//! secret key goes to the configured base and nowhere else (redirects are not followed).

use js_sys::futures::JsFuture;
use secrecy::ExposeSecret;
use stripe402_core::config::Settings;
use wasm_bindgen::prelude::*;
use web_sys::{Headers, RequestInit, RequestRedirect, Response};

use super::http::get;
use super::platform::{abort_after, global};
use crate::ledger::topup::CALL_TIMEOUT;
use crate::stripe::{Answer, Method, Reply, Request};

/// Longer answers are not read: Stripe's are a few kilobytes, a page of a list some hundred.
const MAX_ANSWER: u64 = 2_000_000;

/// Sends a request and reads the answer. `version`: the API version that its bytes were made for.
pub(super) async fn send(settings: &Settings, request: &Request, version: &str) -> Reply {
    ask(settings, request, version).await.unwrap_or(Reply::Lost)
}

async fn ask(settings: &Settings, request: &Request, version: &str) -> Result<Reply, JsValue> {
    let headers = Headers::new()?;
    let key = settings.secrets.stripe_secret_key.expose_secret();
    headers.set("authorization", &format!("Bearer {key}"))?;
    headers.set("stripe-version", version)?;
    let init = RequestInit::new();
    init.set_method(request.method.as_str());
    if request.method == Method::Post {
        headers.set("content-type", "application/x-www-form-urlencoded")?;
        init.set_body(&JsValue::from_str(&request.body));
    }
    if let Some(key) = &request.key {
        headers.set("idempotency-key", key)?;
    }
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    let timeout = u32::try_from(CALL_TIMEOUT).unwrap_or(20_000);
    init.set_signal(Some(&abort_after(timeout)?));
    let url = format!("{}{}", settings.stripe_api_base, request.path);
    let response: Response = JsFuture::from(global().fetch_url(&url, &init)?).await?.unchecked_into();
    let headers = response.headers();
    let replayed = get(&headers, "idempotent-replayed").is_some_and(|value| value == "true");
    let request_id = get(&headers, "request-id");
    let status = response.status();
    let length = get(&headers, "content-length").and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let body = if length > MAX_ANSWER {
        String::new()
    } else {
        JsFuture::from(response.text()?).await?.as_string().unwrap_or_default()
    };
    Ok(Reply::Answered(Answer { status, body, replayed, request_id }))
}
