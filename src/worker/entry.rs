//! Where a request comes in and its answer goes out.
//!
//! Kept true here: every path ends in an answer of ours or the origin's; on a priced route the origin's answer passes
//! only with a receipt; a debit for which nothing was served is given back before our answer starts.

use stripe402_core::protocol::{PAYMENT, PAYMENT_RESPONSE, PaymentResponse, encode};
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};
use worker::{Context, Env, event};

use super::account_client::ask as ask_account;
use super::http::{allow_origin, get, mutable, respond};
use super::origin::{self, NoAnswer};
use super::pay::{Receipt, Till, delivered_before, unavailable};
use super::platform::{console_error, describe};
use super::setup::{Setup, setup};
use super::webhook;
use crate::gate::answer::Answer;
use crate::gate::decide::{Decision, Facts, Own};
use crate::gate::headers::{
    CACHE_HEADERS_REMOVED, OURS_ON_PRICED, is_charged, private_cache_control, vary_with,
};
use crate::ledger::{Answer as AccountAnswer, Call};

/// The version of this package, for `…/health`.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, ctx: Context) -> Result<Response, worker::Error> {
    let env: JsValue = env.into();
    let method = request.method();
    match handle(&request, &method, &env, &ctx).await {
        Ok(response) => Ok(response),
        Err(error) => {
            console_error(&format!("stripe402: {}", describe(&error)));
            let answer = Answer::problem(500, "Internal error", "Something went wrong. Nothing was served.");
            respond(&answer, &method, None).map_err(worker::Error::from)
        }
    }
}

async fn handle(request: &Request, method: &str, env: &JsValue, ctx: &Context) -> Result<Response, JsValue> {
    let setup = match setup(env) {
        Ok(setup) => setup,
        Err(setting) => return respond(&Answer::misconfigured(&setting), method, None),
    };
    let headers = request.headers();
    let url = request.url();
    let payment = get(&headers, PAYMENT);
    let from = get(&headers, "origin");
    let idempotency_key = if payment.is_some() { get(&headers, "idempotency-key") } else { None };
    let preflight_for =
        if method == "OPTIONS" { get(&headers, "access-control-request-method") } else { None };
    let facts = Facts {
        method,
        url: &url,
        payment: payment.as_deref(),
        idempotency_key: idempotency_key.as_deref(),
        origin: from.as_deref(),
        preflight_for: preflight_for.as_deref(),
    };
    let cors = from.as_deref().filter(|origin| setup.gate.allows_origin(origin));
    match setup.gate.decide(&facts) {
        Decision::Answer(answer) => respond(&answer, method, cors),
        Decision::Own(Own::Health) => respond(&health(&setup), method, cors),
        Decision::Own(Own::Webhook) => respond(&webhook::deliver(env, &setup, request).await?, method, None),
        Decision::Pass(target) => {
            free(origin::ask(env, &setup.settings, request, &target, false).await, method, cors)
        }
        Decision::Free(target, _) => {
            free(origin::ask(env, &setup.settings, request, &target, true).await, method, cors)
        }
        Decision::Pay(paid) => {
            let till = Till { env, setup: &setup, ctx, headers: &headers, paid: &paid };
            let receipt = match till.pay(method).await {
                Ok(receipt) => receipt,
                Err(answer) => return respond(&answer, method, cors),
            };
            let answer = origin::ask(env, &setup.settings, request, &paid.target, true).await;
            delivered(&till, method, receipt, answer, cors).await
        }
    }
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
        NoAnswer::Loop => Answer::misconfigured("ORIGIN_URL"),
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
) -> Result<Response, JsValue> {
    let status = answer.as_ref().ok().map(Response::status);
    let charged = is_charged(till.paid.route.charge_on, status);
    if charged && let Some(refusal) = hand_over(till, &receipt).await {
        return respond(&refusal, method, cors);
    }
    let response = if charged { receipt.success() } else { reverse(till, receipt).await };
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
    Ok(made)
}

/// Notes that the answer of a request with an idempotency key goes out, before its first byte does. The answer that goes
/// out instead, if another request has taken its place or the account cannot be asked: one debit pays for at most one.
async fn hand_over(till: &Till<'_>, receipt: &Receipt) -> Option<Answer> {
    let key = till.paid.key.as_ref()?;
    let call = Call::Deliver { key: key.key.clone(), holder: receipt.holder.clone() };
    match ask_account(till.env, till.setup, &receipt.account, &call).await {
        Ok(AccountAnswer::Done) => None,
        Ok(AccountAnswer::NotOurs) => Some(delivered_before(receipt.balance, Some(&receipt.client_id))),
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
        ask_account(till.env, till.setup, &receipt.account, &call).await
    {
        response.credits_remaining = balance;
        response.error = Some("Nothing was served, so the request was not charged.".to_owned());
        return response;
    }
    response.error = Some("Nothing was served. The price of the request will be restored.".to_owned());
    let (env, setup) = (till.env.clone(), till.setup.clone());
    till.ctx.wait_until(async move {
        for _ in 0..5 {
            if let Ok(AccountAnswer::Reversed { .. }) =
                ask_account(&env, &setup, &receipt.account, &call).await
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

fn health(setup: &Setup) -> Answer {
    Answer::json(200, &crate::gate::health::report(&setup.settings, VERSION))
}
