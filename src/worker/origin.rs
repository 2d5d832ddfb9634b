//! The way to the origin and back: one request out, its answer streamed through.
//!
//! Kept true here: the host comes from the configuration, never from the request; a priced request is forwarded in the
//! reading that was priced; bodies are never read; redirects are passed on; the timer ends when the headers are there.

use js_sys::Reflect;
use js_sys::futures::JsFuture;
use stripe402_core::config::{OriginTarget, Settings};
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, Headers, Request, RequestInit, RequestRedirect, Response};

use super::http::get;
use super::platform::{Fetcher, console_error, describe, global, within};
use crate::gate::Target;
use crate::gate::headers::{OURS_ON_PRICED, REMOVED_FROM_REQUEST, REMOVED_PREFIX, REMOVED_UNLESS_UPGRADE};
use crate::gate::path::origin_of;

/// Marks what we forward to the zone's own origin, so that a loop is seen.
const HOP: &str = "stripe402-hop";

/// Why there is no answer of the origin's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// It could not be reached, or cut the connection.
    Unreachable,
    /// It took too long.
    TimedOut,
    /// We would ask ourselves.
    Loop,
}

/// Asks the origin. `priced`: the request was judged in its canonical reading, and goes out in it.
pub(super) async fn ask(
    env: &JsValue,
    settings: &Settings,
    request: &Request,
    target: &Target,
    priced: bool,
) -> Result<Response, NoAnswer> {
    if settings.origin == OriginTarget::Zone && get(&request.headers(), HOP).is_some() {
        return Err(NoAnswer::Loop);
    }
    let controller = AbortController::new().map_err(|_| NoAnswer::Unreachable)?;
    let promise = start(env, settings, request, target, priced, &controller).map_err(|error| {
        console_error(&format!("stripe402: the origin could not be asked: {}", describe(&error)));
        NoAnswer::Unreachable
    })?;
    match within(JsFuture::from(promise), settings.origin_timeout_ms).await {
        Some(Ok(response)) => Ok(response.unchecked_into()),
        Some(Err(error)) => {
            console_error(&format!("stripe402: the origin did not answer: {}", describe(&error)));
            Err(NoAnswer::Unreachable)
        }
        None => {
            controller.abort();
            Err(NoAnswer::TimedOut)
        }
    }
}

fn start(
    env: &JsValue,
    settings: &Settings,
    request: &Request,
    target: &Target,
    priced: bool,
    controller: &AbortController,
) -> Result<js_sys::Promise, JsValue> {
    let path = if priced { &target.canonical } else { &target.raw };
    let here = request.url();
    let here = origin_of(&here);
    let url = match &settings.origin {
        OriginTarget::Zone | OriginTarget::Service => format!("{here}{path}{}", target.query),
        OriginTarget::Url { base, base_path } => format!("{base}{base_path}{path}{}", target.query),
    };
    // The old request serves as the init of the new one: method, headers and body come along, the body as a stream.
    let forwarded = Request::new_with_str_and_init(&url, request.unchecked_ref::<RequestInit>())?;
    let headers = forwarded.headers();
    clean(&headers, priced)?;
    match &settings.origin {
        OriginTarget::Zone => headers.set(HOP, "1")?,
        OriginTarget::Service => {}
        OriginTarget::Url { .. } => {
            let (scheme, host) = here.split_once("://").unwrap_or(("https", here));
            headers.set("x-forwarded-host", host)?;
            headers.set("x-forwarded-proto", scheme)?;
            match get(&headers, "cf-connecting-ip") {
                Some(address) => headers.set("x-forwarded-for", &address)?,
                None => headers.delete("x-forwarded-for")?,
            }
        }
    }
    let init = RequestInit::new();
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&controller.signal()));
    let fetcher: Fetcher = match &settings.origin {
        OriginTarget::Service => Reflect::get(env, &"ORIGIN".into())?.unchecked_into(),
        OriginTarget::Zone | OriginTarget::Url { .. } => global(),
    };
    fetcher.fetch_request(&forwarded, &init)
}

/// Removes what must not reach an origin.
fn clean(headers: &Headers, priced: bool) -> Result<(), JsValue> {
    for name in REMOVED_FROM_REQUEST {
        headers.delete(name)?;
    }
    if get(headers, "upgrade").is_none() {
        for name in REMOVED_UNLESS_UPGRADE {
            headers.delete(name)?;
        }
    }
    if priced {
        for name in OURS_ON_PRICED {
            headers.delete(name)?;
        }
    }
    let mut ours = Vec::new();
    for name in headers.keys() {
        if let Some(name) = name?.as_string()
            && name.starts_with(REMOVED_PREFIX)
        {
            ours.push(name);
        }
    }
    for name in ours {
        headers.delete(&name)?;
    }
    Ok(())
}
