//! Our own answers, as values: status, headers, body.
//!
//! Kept true here: every 402 carries the `payment-required` header; every answer of ours is `no-store`; bodies are the
//! protocol's messages byte for byte, or problem details (RFC 9457); nothing that a client sent stands in them but its
//! own client id.

use stripe402_core::config::{Price, Route};
use stripe402_core::json::to_text;
use stripe402_core::protocol::{
    Accept, Action, ClientId, ErrorCode, PAYMENT_REQUIRED, PaymentRequired, PaymentResponse, Resource, Units,
    encode,
};

use crate::pages::Page;

/// An answer of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, besides those that every answer of ours has.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// Its media type.
    pub content_type: &'static str,
}

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const HTML: &str = "text/html; charset=utf-8";

/// A refused payment, in the protocol's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed<'a> {
    /// Which of the protocol's codes.
    pub code: ErrorCode,
    /// A sentence for the payer.
    pub message: String,
    /// The client id that the caller itself sent, and its balance: nobody else's is ever told.
    pub client: Option<(&'a ClientId, Units)>,
    /// What a payer's page needs to finish 3-D Secure.
    pub client_secret: Option<String>,
    /// Whether nothing can be paid now, so that automatic payers should stop.
    pub frozen: bool,
}

impl Answer {
    fn new(status: u16, content_type: &'static str, body: String) -> Self {
        Self { status, headers: Vec::new(), body, content_type }
    }

    /// The same with one more header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// 402: what the request costs and how to pay for it. The body is the header's JSON.
    pub fn challenge(required: &PaymentRequired) -> Self {
        let body = serde_json::to_string(required).unwrap_or_default();
        let header = encode(required).unwrap_or_default();
        Self::new(402, JSON, body).with(PAYMENT_REQUIRED, header)
    }

    /// 402: the payment failed, and why.
    pub fn failed(required: &PaymentRequired, failed: &Failed<'_>) -> Self {
        let mut required = required.clone();
        required.error = Some(failed.code);
        if failed.frozen {
            required.accepts.clear();
        }
        let body = serde_json::to_string(&failed.response()).unwrap_or_default();
        Self::new(402, JSON, body).with(PAYMENT_REQUIRED, encode(&required).unwrap_or_default())
    }

    /// 429: too much was tried.
    pub fn limited(failed: &Failed<'_>, retry_after: u32) -> Self {
        let body = serde_json::to_string(&failed.response()).unwrap_or_default();
        Self::new(429, JSON, body).with("retry-after", retry_after.to_string())
    }

    /// 503: nobody knows whether the card was charged, or something that is needed cannot be reached. The same
    /// payment may be sent again.
    pub fn unavailable(failed: &Failed<'_>, retry_after: u32) -> Self {
        let body = serde_json::to_string(&failed.response()).unwrap_or_default();
        Self::new(503, JSON, body).with("retry-after", retry_after.to_string())
    }

    /// Anything that is not about a payment: problem details.
    pub fn problem(status: u16, title: &str, detail: &str) -> Self {
        Self::problem_about(status, title, detail, None)
    }

    /// 500: the configuration is wrong. Names the setting, never its value.
    pub fn misconfigured(setting: &str) -> Self {
        let detail =
            format!("The setting {setting} is missing or wrong. The operator finds the reason in the log.");
        Self::problem_about(500, "Configuration error", &detail, Some(setting))
    }

    /// 404: it needs a binding that is not there.
    pub fn unbound(binding: &str) -> Self {
        let detail = format!("{binding} is not bound in wrangler.toml: docs/operations.md says how.");
        Self::problem_about(404, "Not found", &detail, Some(binding))
    }

    fn problem_about(status: u16, title: &str, detail: &str, setting: Option<&str>) -> Self {
        let mut problem = serde_json::json!({
            "type": "about:blank",
            "title": title,
            "status": status,
            "detail": detail,
        });
        if let (Some(setting), Some(object)) = (setting, problem.as_object_mut()) {
            object.insert("setting".to_owned(), setting.into());
        }
        Self::new(status, PROBLEM, to_text(&problem))
    }

    /// 200 with JSON.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, JSON, to_text(body))
    }

    /// 200 with JSON that is written already.
    pub fn json_text(body: String) -> Self {
        Self::new(200, JSON, body)
    }

    /// The same answer as a page: its status and headers stay, so that programs read it as ever.
    pub fn paged(mut self, page: Page) -> Self {
        (self.body, self.content_type) = (page.html, HTML);
        self.with("content-security-policy", page.policy)
            .with("referrer-policy", "no-referrer")
            .with("x-content-type-options", "nosniff")
    }

    /// 204: a preflight's answer, and other things without a body.
    pub fn empty() -> Self {
        Self::new(204, "", String::new())
    }
}

impl Failed<'_> {
    /// The message in the protocol's form.
    pub fn response(&self) -> PaymentResponse {
        PaymentResponse {
            success: false,
            charge_id: None,
            credits_remaining: self.client.map_or(Units::ZERO, |(_, balance)| balance),
            client_id: self.client.map_or_else(String::new, |(id, _)| id.as_str().to_owned()),
            error: Some(self.message.clone()),
            error_code: Some(self.code),
            action: self.client_secret.as_ref().map(|secret| Action {
                kind: "stripe_handle_next_action".to_owned(),
                client_secret: secret.clone(),
            }),
        }
    }
}

/// What a request on a route costs, in the protocol's form. None: the route is free.
pub fn required(route: &Route, publishable_key: &str, canonical_path: &str) -> Option<PaymentRequired> {
    let Price::Paid { amount, currency, min_top_up, .. } = route.price else { return None };
    Some(PaymentRequired {
        resource: Resource {
            url: canonical_path.to_owned(),
            description: None,
            mime_type: route.mime_type.clone(),
        },
        accepts: vec![Accept {
            currency,
            amount,
            min_top_up,
            publishable_key: publishable_key.to_owned(),
            description: route.description.clone(),
        }],
        error: None,
    })
}
