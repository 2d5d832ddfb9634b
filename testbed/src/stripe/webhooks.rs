//! Webhook endpoints and how an event reaches one: signed over the exact bytes with a fresh time stamp at every
//! attempt, again after a pause when the answer is not 2xx, and never for ever.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Stripe;
use super::events::Delivery;
use super::world::Record;
use crate::clock;
use crate::hex::hex;
use crate::shelf::lock;

/// Where events are sent.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) url: String,
    /// The key of the signature, used as it is.
    pub(crate) secret: String,
    /// Event types, or `*`.
    pub(crate) enabled_events: Vec<String>,
}

impl Endpoint {
    pub(crate) fn wants(&self, kind: &str) -> bool {
        self.enabled_events.iter().any(|enabled| enabled == "*" || enabled == kind)
    }
}

/// The client that delivers. It waits 10 seconds for an answer, and follows no redirects, as Stripe does not.
pub(crate) fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10));
    // Without TLS and a proxy there is nothing that can fail here.
    #[allow(clippy::expect_used)]
    builder.build().expect("a plain HTTP client")
}

/// Events go to this machine only.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    let local = reqwest::Url::parse(url)
        .is_ok_and(|url| url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "localhost")));
    if local { Ok(()) } else { Err(format!("url must be http://127.0.0.1 or http://localhost, not {url}")) }
}

/// The `Stripe-Signature` header for a body.
pub(crate) fn signature(secret: &str, at: i64, body: &str) -> String {
    // HMAC takes keys of any length; this cannot fail.
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex(&mac.finalize().into_bytes()))
}

/// What to send, and how it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) event: String,
    pub(crate) url: String,
    pub(crate) secret: String,
    /// The time in the signature; nothing means now.
    pub(crate) timestamp: Option<i64>,
}

/// Delivers an event to every endpoint that wants it, with pauses and retries. Returns at once.
pub(crate) fn deliver(stripe: &Arc<Stripe>, event: &str) {
    let (letters, settings) = {
        let world = lock(&stripe.world);
        let Some(kind) = world.events.get(event).map(|event| event.kind.clone()) else { return };
        if world.settings.webhooks_paused {
            return;
        }
        let letters: Vec<Letter> = world
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.wants(&kind))
            .map(|endpoint| Letter {
                event: event.to_owned(),
                url: endpoint.url.clone(),
                secret: endpoint.secret.clone(),
                timestamp: None,
            })
            .collect();
        (letters, world.settings.clone())
    };
    for letter in letters {
        for _ in 0..=settings.webhook_duplicates {
            let (stripe, letter) = (Arc::clone(stripe), letter.clone());
            let delay = Duration::from_millis(settings.webhook_delay_ms);
            let pauses = settings.webhook_backoff_ms.clone();
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                let mut pauses = pauses.into_iter();
                let mut attempt = 1;
                while !accepted(send(&stripe, &letter, attempt).await) {
                    let Some(pause) = pauses.next() else { return };
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    attempt += 1;
                }
            });
        }
    }
}

fn accepted(status: Option<u16>) -> bool {
    status.is_some_and(|status| (200..300).contains(&status))
}

/// One attempt; the answer's status, if there was an answer.
pub(crate) async fn send(stripe: &Stripe, letter: &Letter, attempt: usize) -> Option<u16> {
    let body = lock(&stripe.world).events.get(&letter.event).map(|event| event.json().to_string())?;
    let at = letter.timestamp.unwrap_or_else(clock::seconds);
    let request = stripe
        .client
        .post(&letter.url)
        .header("content-type", "application/json; charset=utf-8")
        .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("stripe-signature", signature(&letter.secret, at, &body))
        .body(body);
    let status = request.send().await.ok().map(|answer| answer.status().as_u16());
    let delivery = Delivery { url: letter.url.clone(), attempt, status, at_ms: clock::milliseconds() };
    if let Some(event) = lock(&stripe.world).events.get_mut(&letter.event) {
        event.deliveries.push(delivery);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn a_signature_is_the_hmac_of_time_and_body() {
        // Computed with: printf '1492774577.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
        assert_eq!(
            signature("whsec_test", 1_492_774_577, r#"{"id":"evt_1"}"#),
            "t=1492774577,v1=7656fc2882a7ca0a651666b36bf2f2f22ee204f54f608f227498a2419f2890b2"
        );
    }
}
