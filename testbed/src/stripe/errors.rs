//! Stripe's error answers. Every refusal of the double is one of these, with the fields Stripe sends and the
//! knowledge whether an idempotency key remembers it: refusals of parameters are forgotten, results are kept.

use serde_json::{Map, Value, json};

/// An error answer.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The object under `error`.
    pub(crate) error: Map<String, Value>,
    /// Whether the endpoint had begun to execute: then the answer is stored under the idempotency key.
    pub(crate) stored: bool,
    /// `Stripe-Should-Retry`; nothing means that the header is absent.
    pub(crate) should_retry: Option<bool>,
}

impl ApiError {
    fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        let mut error = Map::new();
        error.insert("type".into(), kind.into());
        error.insert("message".into(), message.into().into());
        Self { status, error, stored: false, should_retry: Some(false) }
    }

    /// 400 `invalid_request_error`, raised before anything was done.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// 402 `card_error`: a result, so it is stored.
    pub(crate) fn card(message: impl Into<String>) -> Self {
        Self::new(402, "card_error", message).stored()
    }

    /// 400 `idempotency_error`.
    pub(crate) fn idempotency(message: impl Into<String>) -> Self {
        Self::new(400, "idempotency_error", message)
    }

    /// 409: the first request with this key still runs. Not marked `Stripe-Should-Retry: false`: it is worth it.
    pub(crate) fn key_in_use(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably means you \
             submitted twice, and the other request is still going through): {key}. Please try again later."
        );
        Self {
            should_retry: None,
            ..Self::new(409, "idempotency_error", message).code("idempotency_key_in_use")
        }
    }

    /// An object that does not exist, named in the path (404) or by a parameter (400).
    pub(crate) fn missing(status: u16, noun: &str, id: &str, param: &str, other_mode: Option<bool>) -> Self {
        let mut message = format!("No such {noun}: '{id}'");
        match other_mode {
            None => {}
            Some(false) => message.push_str(
                "; a similar object exists in test mode, but a live mode key was used to make this request.",
            ),
            Some(true) => message.push_str(
                "; a similar object exists in live mode, but a test mode key was used to make this request.",
            ),
        }
        Self::invalid(message).status(status).code("resource_missing").param(param).stored()
    }

    /// A parameter that Stripe accepts and the double does not know how to act upon. Better refused than ignored.
    pub(crate) fn not_modelled(name: &str) -> Self {
        Self::invalid(format!(
            "The testbed does not model the parameter {name}. Stripe accepts it; this double refuses it rather \
             than ignore it."
        ))
        .code("testbed_not_modelled")
        .param(name)
    }

    /// A fault that a test has asked for.
    pub(crate) fn fault(status: u16, code: Option<&str>) -> Self {
        let (kind, message) = match (status, code) {
            (429, Some("lock_timeout")) => (
                "invalid_request_error",
                "This object cannot be accessed right now because another API request or Stripe process is \
                 currently accessing it. If you see this error intermittently, retry the request. If you see this \
                 error frequently and are making multiple concurrent requests to a single object, make your \
                 requests serially or at a lower rate. For more details, see \
                 https://stripe.com/docs/rate-limits#object-lock-timeouts.",
            ),
            (429, _) => (
                "invalid_request_error",
                "Request rate limit exceeded. Learn more about rate limits here \
                 https://stripe.com/docs/rate-limits.",
            ),
            (403, _) => (
                "invalid_request_error",
                "The provided key does not have the required permissions for this endpoint on account \
                 'acct_testbed'. Having the 'rak_payment_intent_write' permission would allow this request to \
                 continue.",
            ),
            (500.., _) => (
                "api_error",
                "An unknown error occurred. If you're contacting Stripe support, please include the request id.",
            ),
            _ => ("invalid_request_error", "A fault set by the testbed."),
        };
        let code = code.or((status == 429).then_some("rate_limit"));
        let error = Self::new(status, kind, message);
        let error = match code {
            Some(code) => error.code(code),
            None => error,
        };
        Self { should_retry: (code == Some("lock_timeout")).then_some(true), ..error }
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets the code, and the link to its page.
    pub(crate) fn code(self, code: &str) -> Self {
        let page = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
        self.with("code", code).with("doc_url", page)
    }

    pub(crate) fn param(self, name: &str) -> Self {
        self.with("param", name)
    }

    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.error.insert(field.into(), value.into());
        self
    }

    pub(crate) fn stored(mut self) -> Self {
        self.stored = true;
        self
    }

    /// The body that is sent; the link names the request as Stripe's dashboard would.
    pub(crate) fn body(&self, request: &str, livemode: bool) -> Value {
        let mut error = self.error.clone();
        let mode = if livemode { "" } else { "test/" };
        error.insert(
            "request_log_url".into(),
            format!("https://dashboard.stripe.com/{mode}logs/{request}").into(),
        );
        json!({ "error": error })
    }
}
