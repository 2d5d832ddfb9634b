//! Where a request comes in and its answer goes out.
//!
//! Kept true here: every path ends in an answer of ours or the origin's; on a priced route the origin's answer passes
//! only with a receipt; a debit for which nothing was served is given back before our answer starts.

use js_sys::Function;
use js_sys::futures::JsFuture;
use secrecy::ExposeSecret;
use stripe402_core::config::OriginTarget;
use stripe402_core::protocol::{PAYMENT, PAYMENT_RESPONSE, PaymentResponse, encode};
use wasm_bindgen::prelude::*;
use web_sys::{Headers, Request, Response};
// Only for what it does when the module starts and after a panic: `fetch` is exported by hand.
use worker as _;

use super::account_client::ask as ask_account;
use super::early::{self, Early};
use super::http::{allow_origin, get, mutable, respond};
use super::log::log;
use super::origin::{self, Forward, NoAnswer};
use super::pay::{Receipt, Till, delivered_before, unavailable};
use super::platform::{Context, console_error, describe, names, now, read};
use super::setup::{Setup, setup};
use super::task;
use super::watch::Watch;
use super::webhook;
use super::{account_page, admin, assets, browser, deposit};
use crate::gate::answer::Answer;
use crate::gate::cookie::Cookie;
use crate::gate::decide::{Decision, too_many_headers};
use crate::gate::headers::{
    CACHE_HEADERS_REMOVED, OURS_ON_PRICED, is_charged, private_cache_control, vary_with,
};
use crate::gate::path::origin_of;
use crate::gate::proof::{Proof, sign};
use crate::gate::record::Line;
use crate::gate::said::Said;
use crate::gate::{Own, PaidRequest};
use crate::ledger::{Answer as AccountAnswer, Call, Millis};

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
    if origin::is_loop(&setup.settings, &headers) {
        return respond(&Answer::misconfigured("ORIGIN_URL"), method, None);
    }
    let by_cookie = by_cookie(said, &headers);
    let said = match &by_cookie {
        None => *said,
        Some((cookie, key, names)) => said.paid_by(cookie, key.as_deref(), names),
    };
    let facts = said.facts;
    let cors = facts.origin.filter(|origin| setup.gate.allows_origin(origin));
    let here = origin_of(url);
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
            let answer = webhook::deliver(env, &setup, request).await?;
            log(env, &setup, Line { decision: "webhook", status: answer.status, ..line }, began);
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
            let canonical = matches!(decision, Decision::Free(..));
            let names = if said.names.is_empty() { &names(&headers) } else { said.names };
            if let Some(answer) = too_many_headers(names.lines().count()) {
                return respond(&answer, method, cors);
            }
            let forward = Forward { names, ..forward(target, canonical) };
            free(origin::ask(env, &setup.settings, &watch, forward).await, method, cors)
        }
        Decision::Pay(paid) => {
            let till = Till { env, setup: &setup, ctx, watch: &watch, headers: &headers, paid: &paid };
            let line = Line { route: Some(&paid.route.key), ..line };
            let forward = Forward { priced: true, cache: paid.route.cache, ..forward(&paid.target, true) };
            let early = Early::start(&till, forward);
            let receipt = match till.pay(method).await {
                Ok(receipt) => receipt,
                Err(answer) => {
                    if let Some(early) = early {
                        early.refused();
                    }
                    log(env, &setup, Line { decision: "refused", status: answer.status, ..line }, began);
                    return respond(&browser::shown(&setup, said.accept, &facts, answer), method, cors);
                }
            };
            let answer = if let Some(early) = early {
                early.paid(&setup.settings, &watch, request).await
            } else {
                let proof = prove(&setup, here, method, &paid, &receipt);
                let forward = Forward { proof: proof.as_deref(), ..forward };
                origin::ask(env, &setup.settings, &watch, forward).await
            };
            early::has_paid(&paid, &receipt.client_id);
            let (account, charge) = (receipt.account.short().to_owned(), receipt.charge.clone());
            let (response, charged) = delivered(&till, method, receipt, answer, cors).await?;
            let line = Line {
                decision: if charged { "paid" } else { "reversed" },
                status: response.status(),
                units: charged.then(|| paid.price.get()),
                currency: Some(paid.currency.code()),
                account: Some(&account),
                charge: charge.as_deref(),
                ..line
            };
            log(env, &setup, line, began);
            Ok(response)
        }
    }
}

/// What a request says that pays by cookie: the cookie, its idempotency key, the names of all its headers.
type ByCookie = (Cookie, Option<String>, String);

fn by_cookie(said: &Said<'_>, headers: &Headers) -> Option<ByCookie> {
    let cookie = browser::cookie(said.cookie?, headers)?;
    Some((cookie, get(headers, "idempotency-key"), names(headers)))
}

/// The proof for the origin, where it shares a secret with us.
fn prove(
    setup: &Setup,
    issuer: &str,
    method: &str,
    paid: &PaidRequest<'_>,
    receipt: &Receipt,
) -> Option<String> {
    let secret = setup.settings.secrets.origin_secret.as_ref()?;
    let audience = match &setup.settings.origin {
        OriginTarget::Url { base, .. } => base,
        OriginTarget::Zone | OriginTarget::Service => issuer,
    };
    let proof = Proof {
        issuer,
        audience,
        account: &receipt.account,
        op: &receipt.holder,
        route: &paid.route.key,
        amount: paid.price,
        currency: paid.currency,
        method,
        path: &paid.target.canonical,
    };
    sign(&proof, secret.expose_secret().as_bytes(), now())
}

/// A free request's answer: the origin's, untouched, or why there is none.
fn free(answer: Result<Response, NoAnswer>, method: &str, cors: Option<&str>) -> Result<Response, JsValue> {
    match answer {
        Ok(response) => Ok(response),
        Err(why) => respond(&no_answer(why), method, cors),
    }
}

fn no_answer(why: NoAnswer) -> Answer {
    match why {
        NoAnswer::Unreachable => Answer::problem(502, "Bad gateway", "The origin could not be reached."),
        NoAnswer::TimedOut => Answer::problem(504, "Gateway timeout", "The origin took too long."),
        NoAnswer::ClientGone => Answer::problem(499, "Client closed request", "The client hung up."),
    }
}

/// What goes back for a request that was paid: the origin's answer with the receipt, or, where nothing was served that
/// its route charges for, the same after the debit was given back.
async fn delivered(
    till: &Till<'_>,
    method: &str,
    receipt: Receipt,
    answer: Result<Response, NoAnswer>,
    cors: Option<&str>,
) -> Result<(Response, bool), JsValue> {
    let status = answer.as_ref().ok().map(Response::status);
    // Who hangs up after the debit has paid: giving it back would be a free ride on the origin. Nobody reads this answer.
    if matches!(answer, Err(NoAnswer::ClientGone)) {
        return Ok((respond(&no_answer(NoAnswer::ClientGone), method, cors)?, true));
    }
    let charged = is_charged(till.paid.route.charge_on, status);
    if charged && let Some(refusal) = hand_over(till, &receipt).await {
        if let Some(body) = answer.ok().and_then(|response| response.body()) {
            // An answer that nobody reads would hold its connection.
            drop(body.cancel());
        }
        return Ok((respond(&refusal, method, cors)?, true));
    }
    let mut response = if charged { receipt.success() } else { reverse(till, receipt).await };
    if till.paid.by_cookie {
        // What the cookie hides from the page's scripts stays hidden.
        response.client_id.clear();
    }
    let response_header = encode(&response).map_err(|error| js_sys::Error::new(&error.to_string()))?;
    let made = match answer {
        Ok(response) => {
            let response = mutable(&response)?;
            private(&response)?;
            if let Some(origin) = cors {
                allow_origin(&response.headers(), origin)?;
            }
            response
        }
        Err(why) => respond(&no_answer(why), method, cors)?,
    };
    made.headers().set(PAYMENT_RESPONSE, &response_header)?;
    Ok((made, charged))
}

/// Notes that the answer of a request with an idempotency key goes out, before its first byte does. The answer that goes
/// out instead, if another request has taken its place or the account cannot be asked: one debit pays for at most one.
async fn hand_over(till: &Till<'_>, receipt: &Receipt) -> Option<Answer> {
    let key = till.paid.key.as_ref()?;
    let call = Call::Deliver { key: key.key.clone(), holder: receipt.holder.clone() };
    match ask_account(till.env, till.setup, till.watch, &receipt.account, &call).await {
        Ok(AccountAnswer::Done) => None,
        Ok(AccountAnswer::NotOurs) => {
            let client_id = Some(&receipt.client_id).filter(|_| !till.paid.by_cookie);
            Some(delivered_before(receipt.balance, client_id))
        }
        Ok(_) | Err(_) => Some(unavailable(None)),
    }
}

/// A paid answer is for whoever paid: no shared cache keeps it, and nothing in it pretends to be ours.
fn private(response: &Response) -> Result<(), JsValue> {
    let headers = response.headers();
    for name in OURS_ON_PRICED.iter().chain(&CACHE_HEADERS_REMOVED) {
        headers.delete(name)?;
    }
    headers.set("cache-control", &private_cache_control(get(&headers, "cache-control").as_deref()))?;
    headers.set("vary", &vary_with(get(&headers, "vary").as_deref(), PAYMENT))
}

/// Gives a debit back. What is not confirmed in time is tried on after our answer, and what is lost even then is in
/// the log.
async fn reverse(till: &Till<'_>, receipt: Receipt) -> PaymentResponse {
    let call = Call::Reverse {
        currency: receipt.currency,
        seq: receipt.seq,
        op: receipt.op.clone(),
        holder: Some(receipt.holder.clone()),
    };
    let mut response = receipt.success();
    response.success = false;
    if let Ok(AccountAnswer::Reversed { balance }) =
        ask_account(till.env, till.setup, till.watch, &receipt.account, &call).await
    {
        response.credits_remaining = balance;
        response.error = Some("Nothing was served, so the request was not charged.".to_owned());
        return response;
    }
    response.error = Some("Nothing was served. The price of the request will be restored.".to_owned());
    let (env, setup) = (till.env.clone(), till.setup.clone());
    till.ctx.go_on(async move {
        for _ in 0..5 {
            if let Ok(AccountAnswer::Reversed { .. }) =
                ask_account(&env, &setup, &Watch::default(), &receipt.account, &call).await
            {
                return;
            }
        }
        console_error(&format!(
            "stripe402: reversal_lost account={} currency={} seq={}",
            receipt.account.short(),
            receipt.currency,
            receipt.seq
        ));
    });
    response
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
