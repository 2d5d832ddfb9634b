//! One request of `/v1`, from the socket to the answer.
//!
//! The order is Stripe's: the key that calls, the endpoint, the idempotency key, the parameters, the execution. A
//! request runs to its end even if its caller hangs up: that is what makes lost answers worth testing.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::auth::{self, Caller};
use super::errors::ApiError;
use super::events::API_VERSION;
use super::expand;
use super::faults::{Fault, FaultKind};
use super::form::Form;
use super::idempotency::{Key, Stored, Verdict};
use super::operations::{self, Operation};
use super::params;
use super::request_log::Entry;
use super::world::{Context, World};
use super::{Stripe, ids};
use crate::clock;
use crate::server::HangUp;
use crate::shelf::lock;

/// More than any request of Stripe's API needs.
const LARGEST_BODY: usize = 1024 * 1024;
/// Sent by the stand-in for Stripe.js, which may send card numbers under a publishable key.
const FROM_STRIPE_JS: &str = "x-testbed-stripe-js";

/// A request with all that is asked of it later.
struct Incoming {
    method: String,
    path: String,
    headers: HeaderMap,
    form: Form,
    key: Option<String>,
    /// `req_…`
    id: String,
}

/// An answer, not yet on the wire.
#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    body: String,
    content_type: &'static str,
    should_retry: Option<bool>,
    /// `req_…` of the first execution, and whether this is a later one.
    original: String,
    replayed: bool,
    /// Refused by the rate limiter, which says so in a header.
    rate_limited: bool,
}

/// How a request ends.
enum End {
    Answer(Answer),
    HangUp(HangUp),
}

/// Answers a request of the API.
pub(crate) async fn handle(State(stripe): State<Arc<Stripe>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let incoming = Incoming {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        form: Form::read(parts.uri.query().unwrap_or_default(), form_body(&parts.headers, &body)),
        key: header(&parts.headers, "idempotency-key"),
        headers: parts.headers,
        id: ids::fresh("req"),
    };
    let number = lock(&stripe.log).begin(Entry {
        method: incoming.method.clone(),
        path: incoming.path.clone(),
        query: Form::read(parts.uri.query().unwrap_or_default(), b"").json(),
        form: Form::read("", form_body(&incoming.headers, &body)).json(),
        body: String::from_utf8_lossy(&body).into_owned(),
        idempotency_key: incoming.key.clone(),
        stripe_version: header(&incoming.headers, "stripe-version"),
        authorization: auth::redacted(&incoming.headers),
        user_agent: header(&incoming.headers, "user-agent"),
        at_ms: clock::milliseconds(),
        status: None,
        replayed: false,
        request: incoming.id.clone(),
    });
    // Detached from the connection: the caller may go, the work goes on.
    let running = tokio::spawn(async move {
        let end = run(&stripe, &incoming).await;
        match end {
            End::HangUp(how) => how.response(),
            End::Answer(answer) => {
                lock(&stripe.log).answered(number, answer.status, answer.replayed);
                answer.response(&incoming)
            }
        }
    });
    running.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn run(stripe: &Arc<Stripe>, incoming: &Incoming) -> End {
    let fault = lock(&stripe.faults).take(&incoming.method, &incoming.path);
    let fault = fault.as_ref();
    if let Some(fault) = fault.filter(|fault| !fault.after_commit() && !fault.stored) {
        let end = match fault.kind {
            FaultKind::DropResponse => Some(End::HangUp(HangUp::Close)),
            FaultKind::Reset => Some(End::HangUp(HangUp::Reset)),
            FaultKind::Status => Some(End::Answer(faulty(fault, incoming))),
            FaultKind::Delay => None,
        };
        if let Some(end) = end {
            wait(fault).await;
            return end;
        }
    }
    let answer = answer(stripe, incoming, fault).await;
    match fault.filter(|fault| fault.after_commit()).map(|fault| (fault.kind, fault)) {
        Some((FaultKind::DropResponse, _)) => End::HangUp(HangUp::Close),
        Some((FaultKind::Reset, _)) => End::HangUp(HangUp::Reset),
        Some((FaultKind::Status, fault)) => End::Answer(faulty(fault, incoming)),
        Some((FaultKind::Delay, _)) | None => End::Answer(answer),
    }
}

async fn answer(stripe: &Arc<Stripe>, incoming: &Incoming, fault: Option<&Fault>) -> Answer {
    let (caller, operation, id) = match admit(incoming) {
        Ok(admitted) => admitted,
        Err(error) => return Answer::error(&error, incoming, false),
    };
    let key: Option<Key> = match &incoming.key {
        Some(key) if incoming.method == "POST" => Some((caller.livemode, key.clone())),
        _ => None,
    };
    if let Some(key) = &key {
        match lock(&stripe.keys).begin(key, &incoming.path, incoming.form.sorted()) {
            Verdict::Run => {}
            Verdict::Replay(stored) => return Answer::replay(stored),
            Verdict::Refuse(error) => return Answer::error(&error, incoming, caller.livemode),
        }
    }
    if let Some(fault) = fault.filter(|fault| !fault.after_commit()) {
        wait(fault).await;
    }
    let ordered = fault.filter(|fault| fault.stored && fault.kind == FaultKind::Status);
    let skipped = ordered.filter(|fault| !fault.after_commit());
    let context = Context {
        now: clock::seconds(),
        livemode: caller.livemode,
        publishable: caller.publishable,
        from_stripe_js: incoming.headers.contains_key(FROM_STRIPE_JS),
        request: Some(incoming.id.clone()),
        idempotency_key: key.as_ref().map(|key| key.1.clone()),
    };
    let (mut answer, mut stored) = match skipped {
        Some(fault) => (faulty(fault, incoming), true),
        None => match stripe.act(|world| execute(world, &context, operation, &id, &incoming.form)) {
            Ok(body) => (Answer::new(200, &body, incoming), true),
            Err(error) => (Answer::error(&error, incoming, caller.livemode), error.stored),
        },
    };
    if let Some(fault) = ordered {
        (answer, stored) = (faulty(fault, incoming), true);
    }
    if let Some(fault) = fault.filter(|fault| fault.after_commit()) {
        wait(fault).await;
    }
    if let Some(key) = &key {
        let kept = stored.then(|| Stored {
            status: answer.status,
            body: answer.body.clone(),
            request: incoming.id.clone(),
        });
        lock(&stripe.keys).finish(key, kept);
    }
    answer
}

/// What is checked before the idempotency key is looked at.
fn admit(incoming: &Incoming) -> Result<(Caller, &'static Operation, String), ApiError> {
    let caller = auth::caller(&incoming.headers)?;
    let (operation, id) = operations::find(&incoming.method, &incoming.path).ok_or_else(|| {
        ApiError::invalid(format!(
            "Unrecognized request URL ({}: {}). Please see https://stripe.com/docs or we can help at \
             https://support.stripe.com/.",
            incoming.method, incoming.path
        ))
        .status(404)
    })?;
    if caller.publishable && !operation.publishable {
        return Err(auth::secret_key_required());
    }
    let version = header(&incoming.headers, "stripe-version");
    if let Some(version) = version.filter(|version| !is_version(version)) {
        return Err(ApiError::invalid(format!("Invalid Stripe API version: {version}.")));
    }
    let content_type = header(&incoming.headers, "content-type");
    if content_type.is_some_and(|kind| !kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(ApiError::invalid(
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have \
             any questions, we can help at https://support.stripe.com/.",
        ));
    }
    match &incoming.key {
        Some(key) if incoming.method == "POST" && !(1..=255).contains(&key.chars().count()) => {
            Err(ApiError::invalid("Keys for idempotent requests must be between 1 and 255 characters."))
        }
        _ => Ok((caller, operation, id)),
    }
}

/// `2026-07-29.dahlia`, or an older one without a name.
fn is_version(version: &str) -> bool {
    let (date, name) = version.split_once('.').unwrap_or((version, "stable"));
    let shape: Vec<bool> = date.bytes().map(|byte| byte.is_ascii_digit()).collect();
    let digits = [true, true, true, true, false, true, true, false, true, true];
    shape == digits && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn execute(
    world: &mut World,
    context: &Context,
    operation: &Operation,
    id: &str,
    form: &Form,
) -> Result<Value, ApiError> {
    let params = params::check(operation.params, form.tree()?)?;
    let paths = params.texts("expand");
    expand::check(operation.answer, &paths)?;
    let mut body = (operation.run)(world, context, id, &params)?;
    expand::apply(world, &mut body, &paths);
    if context.publishable {
        hide_fingerprints(&mut body);
    }
    Ok(body)
}

fn hide_fingerprints(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("fingerprint");
            fields.values_mut().for_each(hide_fingerprints);
        }
        Value::Array(items) => items.iter_mut().for_each(hide_fingerprints),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Answer {
    fn new(status: u16, body: &Value, incoming: &Incoming) -> Self {
        Self {
            status,
            body: body.to_string(),
            content_type: "application/json",
            should_retry: Some(false),
            original: incoming.id.clone(),
            replayed: false,
            rate_limited: false,
        }
    }

    fn error(error: &ApiError, incoming: &Incoming, livemode: bool) -> Self {
        let body = error.body(&incoming.id, livemode);
        Self { should_retry: error.should_retry, ..Self::new(error.status, &body, incoming) }
    }

    fn replay(stored: Stored) -> Self {
        Self {
            status: stored.status,
            body: stored.body,
            content_type: "application/json",
            should_retry: Some(false),
            original: stored.request,
            replayed: true,
            rate_limited: false,
        }
    }

    fn response(self, incoming: &Incoming) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let mut set = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        set(CONTENT_TYPE.as_str(), self.content_type);
        set(CACHE_CONTROL.as_str(), "no-cache, no-store");
        set("request-id", &incoming.id);
        set("stripe-version", &header(&incoming.headers, "stripe-version").unwrap_or(API_VERSION.to_owned()));
        if incoming.method == "POST" {
            if let Some(key) = &incoming.key {
                set("idempotency-key", key);
                set("original-request", &self.original);
            }
            if let Some(retry) = self.should_retry {
                set("stripe-should-retry", if retry { "true" } else { "false" });
            }
            if self.replayed {
                set("idempotent-replayed", "true");
            }
        }
        if self.rate_limited {
            set("stripe-rate-limited-reason", "endpoint-rate");
        }
        response
    }
}

/// The answer that a fault gives.
fn faulty(fault: &Fault, incoming: &Incoming) -> Answer {
    let error = ApiError::fault(fault.status, fault.code.as_deref());
    let livemode = auth::caller(&incoming.headers).is_ok_and(|caller| caller.livemode);
    let mut answer = Answer::error(&error, incoming, livemode);
    if let Some(body) = &fault.body {
        body.clone_into(&mut answer.body);
        answer.content_type = "text/html";
    }
    answer.rate_limited = fault.status == 429 && fault.code.as_deref() != Some("lock_timeout");
    answer.should_retry = fault.should_retry.or(match fault.status {
        500.. | 409 | 429 => error.should_retry.filter(|retry| *retry),
        _ => error.should_retry,
    });
    answer
}

async fn wait(fault: &Fault) {
    tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
}

fn form_body<'a>(headers: &HeaderMap, body: &'a Bytes) -> &'a [u8] {
    let form = header(headers, "content-type")
        .is_none_or(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if form { body } else { b"" }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
