//! Where a request comes in and its answer goes out.
//!
//! Kept true here: every path ends in an answer of ours or the origin's.

use std::cell::RefCell;

use js_sys::Function;
use js_sys::futures::JsFuture;
use wasm_bindgen::prelude::*;
use web_sys::{Headers, Request, Response};
// Only for what it does when the module starts and after a panic: `fetch` is exported by hand.
use worker as _;

use super::http::{get, respond};
use super::log::log;
use super::origin::{self, Forward, NoAnswer};
use super::pay::Till;
use super::platform::{Context, console_error, describe, names, now, read};
use super::sale::serve;
use super::setup::{Setup, setup};
use super::task;
use super::trace::Trace;
use super::watch::Watch;
use super::webhook;
use super::{account_page, admin, assets, browser, deposit};
use crate::gate::Own;
use crate::gate::answer::Answer;
use crate::gate::cookie::Cookie;
use crate::gate::decide::{Decision, too_many_headers};
use crate::gate::record::Line;
use crate::gate::said::Said;
use crate::ledger::Millis;

/// The version of this package, for `…/health`.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// A request; its promise is made and handed in by `shim.js`. Exported by hand: the crate's macro would put every request's future into one queue.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "it is exported from the module, not from the crate")]
pub fn fetch(request: Request, env: JsValue, ctx: Context, resolve: Function, reject: Function) {
    let work = Box::pin(async move {
        let said = read(&request);
        let said = Said::new(&said);
        match handle(&request, &said, &env, &ctx).await {
            Ok(response) => Ok(response.into()),
            Err(error) => {
                console_error(&format!("stripe402: {}", describe(&error)));
                let answer =
                    Answer::problem(500, "Internal error", "Something went wrong. Nothing was served.");
                respond(&answer, said.facts.method, None).map(JsValue::from)
            }
        }
    });
    task::settle(resolve, reject, work);
}

async fn handle(
    request: &Request,
    said: &Said<'_>,
    env: &JsValue,
    ctx: &Context,
) -> Result<Response, JsValue> {
    let (method, url) = (said.facts.method, said.facts.url);
    let began = now();
    let setup = match setup(env) {
        Ok(setup) => setup,
        Err(setting) => return respond(&Answer::misconfigured(&setting), method, None),
    };
    let headers = request.headers();
    // Before anything else: a challenge of ours would be taken for the origin's answer, and be charged.
    if said.is_loop(&setup.deployment) {
        log(env, &setup, Line { decision: "loop", method, status: 500, ..Line::default() }, began);
        return respond(&Answer::misconfigured("ORIGIN_URL"), method, None);
    }
    let by_cookie = by_cookie(said, &headers);
    let said = match &by_cookie {
        None => *said,
        Some((cookie, key, names)) => said.paid_by(cookie, key.as_deref(), names),
    };
    let facts = said.facts;
    let cors = facts.origin.filter(|origin| setup.gate.allows_origin(origin));
    let line = Line { method, ..Line::default() };
    let forward = |target, canonical| Forward::new(request, said.names, target, canonical);
    let watch = Watch::default();
    let decision = setup.gate.decide(&facts);
    match decision {
        Decision::Answer(answer, decision, route) => {
            log(env, &setup, Line { decision, route, status: answer.status, ..line }, began);
            let answer =
                if route.is_some() { browser::shown(&setup, said.accept, &facts, answer) } else { answer };
            respond(&answer, method, cors)
        }
        Decision::Own(own @ (Own::Health | Own::Discovery)) => respond(&told(own, &setup), method, cors),
        Decision::Own(Own::Webhook) => {
            let mut trace = Trace::default();
            let answer = webhook::deliver(env, &setup, request, &mut trace).await?;
            let line = Line { decision: "webhook", status: answer.status, ..trace.line(line) };
            log(env, &setup, line, began);
            respond(&answer, method, None)
        }
        Decision::Own(Own::TopUp) => {
            let taken = deposit::take(env, &setup, ctx, request, &facts).await?;
            log(env, &setup, taken.line(line), began);
            respond(&taken.answer, method, cors)
        }
        Decision::Own(Own::Account) => {
            let answer = account_page::show(env, &setup, &headers, said.accept, &facts).await;
            respond(&answer, method, cors)
        }
        Decision::Own(Own::Admin) => operated(env, &setup, request, url, line, began).await,
        Decision::Own(Own::Forget) => respond(&account_page::forgotten(&headers), method, None),
        Decision::Pass(ref target) | Decision::Free(ref target, _) => {
            let route = match decision {
                Decision::Free(_, route) => Some(route.key.as_str()),
                _ => None,
            };
            let line = Line { decision: "free", route, ..line };
            let names = if said.names.is_empty() { &names(&headers) } else { said.names };
            let response = if let Some(answer) = too_many_headers(names.lines().count()) {
                respond(&answer, method, cors)?
            } else {
                let forward = Forward { names, ..forward(target, route.is_some()) };
                free(origin::ask(env, &setup, &watch, forward).await, method, cors)?
            };
            log(env, &setup, Line { status: response.status(), ..line }, began);
            Ok(response)
        }
        Decision::Pay(paid) => {
            let trace = RefCell::default();
            let till = Till { env, setup: &setup, ctx, watch: &watch, headers: &headers, paid: &paid, trace };
            serve(&till, request, &said, cors, began).await
        }
    }
}

/// What a request says that pays by cookie: the cookie, its idempotency key, the names of all its headers.
type ByCookie = (Cookie, Option<String>, String);

fn by_cookie(said: &Said<'_>, headers: &Headers) -> Option<ByCookie> {
    let cookie = browser::cookie(said.cookie?, headers)?;
    Some((cookie, get(headers, "idempotency-key"), names(headers)))
}

/// A free request's answer: the origin's, untouched, or why there is none.
fn free(answer: Result<Response, NoAnswer>, method: &str, cors: Option<&str>) -> Result<Response, JsValue> {
    match answer {
        Ok(response) => Ok(response),
        Err(why) => respond(&why.told(), method, cors),
    }
}

/// What the configuration alone tells.
fn told(own: Own, setup: &Setup) -> Answer {
    match own {
        Own::Discovery if setup.settings.discovery => {
            Answer::json(200, &crate::gate::discovery::report(&setup.settings))
        }
        Own::Discovery => crate::gate::own::not_found(),
        _ => Answer::json(200, &crate::gate::health::report(&setup.settings, VERSION)),
    }
}

/// An answer for the operator. No page of another origin reads it.
async fn operated(
    env: &JsValue,
    setup: &Setup,
    request: &Request,
    url: &str,
    line: Line<'_>,
    began: Millis,
) -> Result<Response, JsValue> {
    let answer = match assets::asked(setup, request, url) {
        Some(Ok(name)) => {
            let file = JsFuture::from(assets::serve(env, &name, request)?).await?;
            return Ok(file.unchecked_into());
        }
        Some(Err(answer)) => answer,
        None => {
            let told = admin::answer(env, setup, request, url).await;
            log(env, setup, told.line(line), began);
            told.answer
        }
    };
    respond(&answer, line.method, None)
}
