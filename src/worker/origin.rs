//! The way to the origin and back: one request out, its answer streamed through.
//!
//! Kept true here: the host comes from the configuration, never from the request; a priced request is forwarded in the
//! reading that was priced; bodies are never read; redirects are passed on; the timer ends when the headers are there.

use js_sys::Reflect;
use js_sys::futures::JsFuture;
use stripe402_core::config::OriginTarget;
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, Headers, Request, RequestCache, RequestInit, RequestRedirect, Response};

use super::http::{get, mutable};
use super::platform::{Fetcher, console_error, describe, either, global};
use super::setup::Setup;
use super::watch::Watch;

use crate::gate::Target;
use crate::gate::answer::Answer;
use crate::gate::cookie::without_ours;
use crate::gate::headers::{REMOVED_UNLESS_UPGRADE, is_ours_on_priced, is_removed};
use crate::gate::location::rewritten;
use crate::gate::path::origin_of;
use crate::gate::proof::PAYMENT_CONTEXT;

/// Names the deployment that has forwarded a request, so that a loop is seen.
const HOP: &str = "stripe402-hop";

/// Why there is no answer of the origin's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// It could not be reached, or cut the connection.
    Unreachable,
    /// It took too long.
    TimedOut,
    /// The client hung up, and took its request with it.
    ClientGone,
}

impl NoAnswer {
    /// What is said instead.
    pub(super) fn told(self) -> Answer {
        match self {
            Self::Unreachable => Answer::problem(502, "Bad gateway", "The origin could not be reached."),
            Self::TimedOut => Answer::problem(504, "Gateway timeout", "The origin took too long."),
            Self::ClientGone => Answer::problem(499, "Client closed request", "The client hung up."),
        }
    }
}

/// What is forwarded, and as what.
#[derive(Clone, Copy)]
pub(super) struct Forward<'a> {
    /// The client's request.
    pub(super) request: &'a Request,
    /// The names of its headers, each in a line.
    pub(super) names: &'a str,
    /// Its target.
    pub(super) target: &'a Target,
    /// Whether it was judged in its canonical reading, and goes out in it.
    pub(super) canonical: bool,
    /// Whether it is on a priced route: only we write our two headers there.
    pub(super) priced: bool,
    /// The proof that it was paid for.
    pub(super) proof: Option<&'a str>,
    /// Whether caches on the way may answer it.
    pub(super) cache: bool,
}

impl<'a> Forward<'a> {
    /// A request that costs nothing.
    pub(super) fn new(request: &'a Request, names: &'a str, target: &'a Target, canonical: bool) -> Self {
        Self { request, names, target, canonical, priced: false, proof: None, cache: true }
    }
}

/// Asks the origin.
pub(super) async fn ask(
    env: &JsValue,
    setup: &Setup,
    watch: &Watch,
    forward: Forward<'_>,
) -> Result<Response, NoAnswer> {
    let promise = start(env, setup, forward, None).map_err(|error| not_asked(&error))?;
    answer(JsFuture::from(promise), setup, watch, forward.request).await
}

/// Sends a request to the origin that may be taken back. (A signal of our own costs as much as the rest of the request's
/// headers: others have none, and end with the client or with our answer.)
pub(super) fn begin(env: &JsValue, setup: &Setup, forward: Forward<'_>) -> Result<Asked, NoAnswer> {
    let controller = AbortController::new().map_err(|_| NoAnswer::Unreachable)?;
    let promise = start(env, setup, forward, Some(&controller)).map_err(|error| not_asked(&error))?;
    Ok(Asked { promise: JsFuture::from(promise), controller })
}

fn not_asked(error: &JsValue) -> NoAnswer {
    console_error(&format!("stripe402: the origin could not be asked: {}", describe(error)));
    NoAnswer::Unreachable
}

/// Waits for the answer's headers. `request` is the client's.
async fn answer(
    promise: JsFuture,
    setup: &Setup,
    watch: &Watch,
    request: &Request,
) -> Result<Response, NoAnswer> {
    match watch.within(promise, setup.settings.origin_timeout_ms).await {
        Some(Ok(response)) => relocated(setup, request, response.unchecked_into()),
        Some(Err(_)) if request.signal().aborted() => Err(NoAnswer::ClientGone),
        Some(Err(error)) => {
            console_error(&format!("stripe402: the origin did not answer: {}", describe(&error)));
            Err(NoAnswer::Unreachable)
        }
        None => Err(NoAnswer::TimedOut),
    }
}

/// A request that is on its way.
pub(super) struct Asked {
    promise: JsFuture,
    controller: AbortController,
}

impl Asked {
    /// Waits for the answer's headers. `request` is the client's.
    pub(super) async fn answer(
        self,
        setup: &Setup,
        watch: &Watch,
        request: &Request,
    ) -> Result<Response, NoAnswer> {
        let answer = answer(self.promise, setup, watch, request).await;
        if answer.is_err() {
            self.controller.abort();
        }
        answer
    }

    /// Nobody wants the answer any more.
    pub(super) fn abort(&self) {
        self.controller.abort();
    }
}

fn start(
    env: &JsValue,
    setup: &Setup,
    forward: Forward<'_>,
    controller: Option<&AbortController>,
) -> Result<js_sys::Promise, JsValue> {
    let Forward { request, names, target, canonical, priced, proof, cache } = forward;
    let path = if canonical { &target.canonical } else { &target.raw };
    let here = request.url();
    let here = origin_of(&here);
    let url = match &setup.settings.origin {
        OriginTarget::Zone | OriginTarget::Service => format!("{here}{path}{}", target.query),
        OriginTarget::Url { base, base_path } => format!("{base}{base_path}{path}{}", target.query),
    };
    let headers = Headers::new_with_headers(&request.headers())?;
    clean(&headers, names, priced)?;
    headers.set(HOP, &setup.deployment)?;
    match &setup.settings.origin {
        OriginTarget::Zone | OriginTarget::Service => {}
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
    if let Some(proof) = proof {
        headers.set(PAYMENT_CONTEXT, proof)?;
    }
    // The body comes along as a stream.
    let init = RequestInit::new();
    init.set_headers(&headers);
    let (method, body) = (request.method(), request.body());
    let mut what = JsValue::from_str(&url);
    match body {
        // `fetch` takes such a body from a Request only.
        Some(_) if matches!(method.as_str(), "GET" | "HEAD") => {
            what = Request::new_with_str_and_init(&url, request.unchecked_ref::<RequestInit>())?.into();
        }
        // Not a Request made from the old one: it would be copied once more.
        body => {
            init.set_method(&method);
            if let Some(body) = body {
                init.set_body(&body);
            }
        }
    }
    init.set_redirect(RequestRedirect::Manual);
    if !cache {
        init.set_cache(RequestCache::NoStore);
    }
    // The client that goes away takes its request to the origin with it.
    let signal = request.signal();
    let signal = match controller {
        Some(controller) => either(&signal, &controller.signal())?,
        None => signal,
    };
    init.set_signal(Some(&signal));
    let fetcher: Fetcher = match &setup.settings.origin {
        OriginTarget::Service => {
            // What Cloudflare says of the client is for the Worker behind us, too.
            let cf = "cf".into();
            Reflect::set(&init, &cf, &Reflect::get(request, &cf)?)?;
            Reflect::get(env, &"ORIGIN".into())?.unchecked_into()
        }
        OriginTarget::Zone | OriginTarget::Url { .. } => global(),
    };
    fetcher.fetch(&what, &init)
}

/// The origin's answer, with a redirect to itself turned into one to us.
fn relocated(setup: &Setup, request: &Request, response: Response) -> Result<Response, NoAnswer> {
    let OriginTarget::Url { base, base_path } = &setup.settings.origin else { return Ok(response) };
    let Some(location) = get(&response.headers(), "location") else { return Ok(response) };
    let url = request.url();
    let Some(location) = rewritten(&location, base, base_path, origin_of(&url)) else { return Ok(response) };
    let changed = mutable(&response).and_then(|changed| {
        changed.headers().set("location", &location)?;
        Ok(changed)
    });
    changed.map_err(|error| {
        console_error(&format!("stripe402: a redirect could not be rewritten: {}", describe(&error)));
        NoAnswer::Unreachable
    })
}

/// Removes what must not reach an origin.
fn clean(headers: &Headers, names: &str, priced: bool) -> Result<(), JsValue> {
    let upgrade = names.lines().any(|name| name == "upgrade");
    for name in names.lines() {
        if is_removed(name)
            || (priced && is_ours_on_priced(name))
            || (!upgrade && REMOVED_UNLESS_UPGRADE.contains(&name))
        {
            headers.delete(name)?;
        }
    }
    if names.lines().any(|name| name == "cookie")
        && let Some(cookie) = get(headers, "cookie")
    {
        match without_ours(&cookie) {
            Some(left) if left == cookie => {}
            Some(left) => headers.set("cookie", &left)?,
            None => headers.delete("cookie")?,
        }
    }
    Ok(())
}
