//! `POST /.well-known/stripe402/top-up`: for a person's page, and for programs that pay in before they ask.
//!
//! Kept true here: the same way to the card as a paid request's, the same limits; nothing is debited; a browser is told
//! to remember the client only where a page of this very origin, or no page at all, has asked.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::futures::JsFuture;
use stripe402_core::protocol::{ClientId, PAYMENT_RESPONSE, encode};
use wasm_bindgen::JsValue;
use web_sys::{Headers, Request};

use super::browser;
use super::http::get;
use super::pay::Till;
use super::platform::Context;
use super::setup::Setup;
use super::trace::Trace;
use super::watch::Watch;
use crate::gate::answer::Answer;
use crate::gate::cookie::remember;
use crate::gate::decide::Facts;
use crate::gate::deposit::MAX_BODY;
use crate::gate::record::Line;

/// What became of a top-up.
pub(super) struct TopUp {
    pub(super) answer: Answer,
    route: Option<String>,
    trace: Trace,
    charge: Option<String>,
}

impl TopUp {
    /// The line for the log.
    pub(super) fn line<'l>(&'l self, line: Line<'l>) -> Line<'l> {
        Line {
            decision: "top-up",
            route: self.route.as_deref(),
            status: self.answer.status,
            charge: self.charge.as_deref(),
            ..self.trace.line(line)
        }
    }
}

/// Takes a top-up.
pub(super) async fn take(
    env: &JsValue,
    setup: &Rc<Setup>,
    ctx: &Context,
    incoming: &Request,
    facts: &Facts<'_>,
) -> Result<TopUp, JsValue> {
    let headers = incoming.headers();
    let refused = |answer| TopUp { answer, route: None, trace: Trace::default(), charge: None };
    let length = get(&headers, "content-length").and_then(|text| text.parse::<usize>().ok());
    let body = match length {
        Some(length) if length <= MAX_BODY => {
            JsFuture::from(incoming.text()?).await?.as_string().unwrap_or_default()
        }
        Some(_) => {
            return Ok(refused(Answer::problem(413, "Too large", "A top-up is at most 8 KB long.")));
        }
        None => {
            return Ok(refused(Answer::problem(411, "Length required", "A top-up names its length.")));
        }
    };
    let asked = match setup.gate.deposit(facts, &body) {
        Ok(asked) => asked,
        Err(answer) => return Ok(refused(answer)),
    };
    let route = Some(asked.route.key.clone());
    let watch = Watch::default();
    let trace = RefCell::default();
    let till = Till { env, setup, ctx, watch: &watch, headers: &headers, paid: &asked, trace };
    let paid = till.pay(facts.method).await;
    let trace = till.trace.take();
    Ok(match paid {
        Err(answer) => TopUp { route, trace, ..refused(answer) },
        Ok(receipt) => {
            let response = receipt.success();
            let body = serde_json::to_string(&response).unwrap_or_default();
            let header = encode(&response).unwrap_or_default();
            let mut answer = Answer::json_text(body).with(PAYMENT_RESPONSE, header);
            if let Some(cookie) = to_remember(&headers, &receipt.client_id) {
                answer = answer.with("set-cookie", cookie);
            }
            TopUp { answer, route, trace, charge: receipt.charge }
        }
    })
}

fn to_remember(headers: &Headers, client_id: &ClientId) -> Option<String> {
    (!browser::fetched(headers).is_foreign()).then(|| remember(client_id))
}
