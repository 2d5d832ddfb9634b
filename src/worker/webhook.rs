//! Stripe's webhooks: `POST /.well-known/stripe402/webhook`.
//!
//! Kept true here: a delivery is confirmed only once what it hints at is durable in the account, or concerns nothing
//! here; everything else is an error, so that Stripe sends it again.

use js_sys::Uint8Array;
use js_sys::futures::JsFuture;
use secrecy::ExposeSecret;
use stripe402_core::config::Mode;
use stripe402_core::protocol::AccountId;
use wasm_bindgen::JsValue;
use web_sys::Request;

use super::account_client::ask;
use super::http::get;
use super::payer::is_known;
use super::platform::{console_error, now};
use super::setup::Setup;
use super::stripe_http;
use super::trace::Trace;
use super::watch::Watch;
use crate::gate::Answer;
use crate::ledger::account::{Announcement, DisputeFlags};
use crate::ledger::{Answer as AccountAnswer, Call};
use crate::stripe::webhook::{Hint, MAX_BODY, open};
use crate::stripe::{API_VERSION, PaymentIntent, TopUpId, request};

/// Takes a delivery. `trace`: whose it was.
pub(super) async fn deliver(
    env: &JsValue,
    setup: &Setup,
    incoming: &Request,
    trace: &mut Trace,
) -> Result<Answer, JsValue> {
    let Some(secret) = &setup.settings.secrets.webhook_secret else {
        let detail = "This deployment takes no webhooks: STRIPE_WEBHOOK_SECRET is not set.";
        return Ok(Answer::problem(404, "Not found", detail));
    };
    let headers = incoming.headers();
    let length = get(&headers, "content-length").and_then(|text| text.parse::<usize>().ok());
    match length {
        None => return Ok(Answer::problem(411, "Length required", "A delivery names its length.")),
        Some(length) if length > MAX_BODY => {
            return Ok(Answer::problem(413, "Too large", "A delivery is at most 1 MB long."));
        }
        Some(_) => {}
    }
    let body = JsFuture::from(incoming.array_buffer()?).await?;
    let body = Uint8Array::new(&body).to_vec();
    let signature = get(&headers, "stripe-signature").unwrap_or_default();
    let event = match open(&body, &signature, secret.expose_secret(), now().seconds()) {
        Ok(event) => event,
        Err(bad) => return Ok(Answer::problem(400, "Refused", &format!("{bad}."))),
    };
    let live = setup.settings.mode == Mode::Live;
    let Some(hint) = event.hint.filter(|_| event.livemode == live) else { return Ok(ignored()) };
    let reply =
        stripe_http::send(&setup.settings, &request::retrieve_payment_intent(hint.intent()), API_VERSION)
            .await;
    trace.stripe_request = reply.request_id().map(ToOwned::to_owned);
    let intent = match reply.object::<PaymentIntent>(true) {
        Ok(intent) => intent,
        Err(failure) => {
            let id = reply.request_name();
            console_error(&format!(
                "stripe402: the PaymentIntent of {} could not be read: {failure} ({id})",
                event.id
            ));
            return Ok(again());
        }
    };
    let Some((account, announcement)) = meant(&intent, hint) else { return Ok(ignored()) };
    let tag = intent.metadata.get("stripe402_deployment").map(String::as_str).unwrap_or_default();
    // Another deployment's at the same Stripe account, if it is not from before the last rotation but one.
    if !setup.is_ours(tag) {
        match is_known(env, setup, &account).await {
            Ok(true) => {}
            Ok(false) => return Ok(ignored()),
            Err(_) => return Ok(again()),
        }
    }
    trace.account = Some(account.clone());
    match ask(env, setup, &Watch::default(), &account, &Call::Announce(announcement)).await {
        Ok(AccountAnswer::Done) => Ok(Answer::json(200, &serde_json::json!({ "received": true }))),
        Ok(AccountAnswer::NotOurs) => Ok(ignored()),
        Ok(_) | Err(_) => {
            let (id, kind) = (event.id, event.kind);
            console_error(&format!(
                "stripe402: account {}: {id} ({kind}) could not be booked",
                account.short()
            ));
            Ok(again())
        }
    }
}

/// Which account an event means, by the metadata of its PaymentIntent; none: it is nobody's here.
fn meant(intent: &PaymentIntent, hint: Hint) -> Option<(AccountId, Announcement)> {
    let account = AccountId::parse(intent.metadata.get("stripe402_account")?).ok()?;
    let top_up = TopUpId::parse(intent.metadata.get("stripe402_top_up")?).ok()?;
    let announcement = match hint {
        Hint::Intent(intent) => Announcement::Intent { top_up, intent },
        Hint::Refunds(intent) => Announcement::Refunds { top_up, intent },
        Hint::Dispute { intent, dispute, withdrawn, reinstated } => {
            Announcement::Dispute { top_up, intent, dispute, flags: DisputeFlags { withdrawn, reinstated } }
        }
    };
    Some((account, announcement))
}

fn ignored() -> Answer {
    Answer::json(200, &serde_json::json!({ "received": true, "ignored": true }))
}

fn again() -> Answer {
    Answer::problem(500, "Not booked", "Nothing was lost: send it again.")
}
