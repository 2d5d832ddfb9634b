//! A request that pays, from its debit to its answer.
//!
//! Kept true here: the origin's answer passes only with a receipt; a debit for which nothing was served is given back
//! before our answer starts.

use secrecy::ExposeSecret;
use stripe402_core::config::OriginTarget;
use stripe402_core::protocol::{PAYMENT, PAYMENT_RESPONSE, PaymentResponse, encode};
use wasm_bindgen::JsValue;
use web_sys::{Headers, Request, Response};

use super::account_client::ask as ask_account;
use super::browser;
use super::early::{self, Early};
use super::http::{allow_origin, get, mutable, respond, unread};
use super::log::log;
use super::origin::{self, Forward, NoAnswer};
use super::pay::{Receipt, Till, delivered_before, unavailable};
use super::platform::{console_error, describe, now};
use super::setup::Setup;
use super::watch::Watch;
use crate::gate::PaidRequest;
use crate::gate::answer::Answer;
use crate::gate::headers::{
    CACHE_HEADERS_REMOVED, OURS_ON_PRICED, is_charged, private_cache_control, vary_with,
};
use crate::gate::path::origin_of;
use crate::gate::proof::{Proof, sign};
use crate::gate::record::Line;
use crate::gate::said::Said;
use crate::ledger::{Answer as AccountAnswer, Call, Millis};

/// Takes the payment, asks the origin, and gives what goes back. `began`: when the request came in.
pub(super) async fn serve(
    till: &Till<'_>,
    request: &Request,
    said: &Said<'_>,
    cors: Option<&str>,
    began: Millis,
) -> Result<Response, JsValue> {
    let Till { env, setup, watch, paid, .. } = *till;
    let method = said.facts.method;
    let line = Line { method, route: Some(&paid.route.key), ..Line::default() };
    let forward = Forward::new(request, said.names, &paid.target, true);
    let forward = Forward { priced: true, cache: paid.route.cache, ..forward };
    let early = Early::start(till, forward);
    let receipt = match till.pay(method).await {
        Ok(receipt) => receipt,
        Err(answer) => {
            if let Some(early) = early {
                early.refused();
            }
            let trace = till.trace.take();
            let line = Line { decision: "refused", status: answer.status, ..trace.line(line) };
            log(env, setup, line, began);
            return respond(&browser::shown(setup, said.accept, &said.facts, answer), method, cors);
        }
    };
    let answer = if let Some(early) = early {
        early.paid(setup, watch, request).await
    } else {
        let proof = prove(setup, origin_of(said.facts.url), method, paid, &receipt);
        let forward = Forward { proof: proof.as_deref(), ..forward };
        origin::ask(env, setup, watch, forward).await
    };
    early::has_paid(paid, &receipt.client_id);
    let (account, charge) = (receipt.account.short().to_owned(), receipt.charge.clone());
    let (response, charged) = delivered(till, method, receipt, answer, cors).await?;
    let trace = till.trace.take();
    let line = Line {
        decision: if charged { "paid" } else { "reversed" },
        status: response.status(),
        units: charged.then(|| paid.price.get()),
        currency: Some(paid.currency.code()),
        account: Some(&account),
        charge: charge.as_deref(),
        stripe_request: trace.stripe_request.as_deref(),
        ..line
    };
    log(env, setup, line, began);
    Ok(response)
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

/// What goes back for a request that was paid: the origin's answer with the receipt, or, where nothing was served that
/// its route charges for, the same after the debit was given back.
async fn delivered(
    till: &Till<'_>,
    method: &str,
    receipt: Receipt,
    answer: Result<Response, NoAnswer>,
    cors: Option<&str>,
) -> Result<(Response, bool), JsValue> {
    // All that can fail comes before it is known who pays: what could not be made ready was not served.
    let answer = answer.and_then(|response| ready(&response, cors));
    let status = answer.as_ref().ok().map(Response::status);
    // Who hangs up after the debit has paid: giving it back would be a free ride on the origin. Nobody reads this answer.
    if matches!(answer, Err(NoAnswer::ClientGone)) {
        return Ok((respond(&NoAnswer::ClientGone.told(), method, cors)?, true));
    }
    let charged = is_charged(till.paid.route.charge_on, status);
    if charged && let Some(refusal) = hand_over(till, &receipt).await {
        if let Ok(response) = &answer {
            unread(response);
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
        Ok(response) => response,
        Err(why) => respond(&why.told(), method, cors)?,
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

/// The origin's answer, ready to go out on a paid route but for its receipt.
fn ready(response: &Response, cors: Option<&str>) -> Result<Response, NoAnswer> {
    let made = mutable(response).and_then(|made| {
        private(&made.headers())?;
        if let Some(origin) = cors {
            allow_origin(&made.headers(), origin)?;
        }
        Ok(made)
    });
    made.map_err(|error| {
        console_error(&format!("stripe402: the origin's answer cannot be passed on: {}", describe(&error)));
        unread(response);
        NoAnswer::Unreachable
    })
}

/// A paid answer is for whoever paid: no shared cache keeps it, and nothing in it pretends to be ours.
fn private(headers: &Headers) -> Result<(), JsValue> {
    for name in OURS_ON_PRICED.iter().chain(&CACHE_HEADERS_REMOVED) {
        headers.delete(name)?;
    }
    headers.set("cache-control", &private_cache_control(get(headers, "cache-control").as_deref()))?;
    headers.set("vary", &vary_with(get(headers, "vary").as_deref(), PAYMENT))
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
    let (env, setup, units) = (till.env.clone(), till.setup.clone(), till.paid.price);
    till.ctx.go_on(async move {
        for _ in 0..5 {
            if let Ok(AccountAnswer::Reversed { .. }) =
                ask_account(&env, &setup, &Watch::default(), &receipt.account, &call).await
            {
                return;
            }
        }
        console_error(&format!(
            "stripe402: reversal_lost account={} currency={} units={units} seq={}",
            receipt.account, receipt.currency, receipt.seq
        ));
    });
    response
}
