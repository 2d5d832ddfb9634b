//! `/_testbed`: the tests' side of the double. Bodies and answers are JSON; what is wrong with an order is answered
//! with 400 and a sentence.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Stripe;
use super::errors::ApiError;
use super::events::Event;
use super::faults::Fault;
use super::fixtures::Fixture;
use super::ids;
use super::settings::Settings;
use super::webhooks::{self, Endpoint, Letter};
use super::world::{Context, Record, World};
use crate::shelf::{Shelf, lock};

type App = State<Arc<Stripe>>;

/// What is wrong with an order.
struct Refusal(StatusCode, Value);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self(StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST), error.error.into())
    }
}

type Answer = Result<Json<Value>, Refusal>;

pub(crate) fn router() -> Router<Arc<Stripe>> {
    Router::new()
        .route("/health", get(async || Json(json!({"ok": true}))))
        .route("/state", get(state))
        .route("/requests", get(requests))
        .route("/reset", post(reset))
        .route("/settings", get(settings).post(change_settings))
        .route("/prune_keys", post(prune_keys))
        .route("/faults", get(faults).post(add_faults).delete(remove_faults))
        .route("/payment_methods", post(add_payment_method))
        .route("/payment_intents/{id}/authenticate", post(authenticate))
        .route("/payment_intents/{id}/settle", post(settle))
        .route("/disputes", post(dispute))
        .route("/refunds", post(move_refund))
        .route("/webhooks", get(endpoints).post(add_endpoint).delete(remove_endpoints))
        .route("/webhooks/send", post(send))
}

/// Reads an order; the content type does not matter.
fn order<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Refusal::from(error.to_string()))
}

fn all<T: Record>(shelf: &Shelf<T>) -> Value {
    shelf.iter().map(Record::json).collect()
}

async fn state(State(stripe): App) -> Json<Value> {
    let mut state = {
        let world = lock(&stripe.world);
        json!({
            "payment_methods": all(&world.payment_methods),
            "customers": all(&world.customers),
            "payment_intents": all(&world.payment_intents),
            "charges": all(&world.charges),
            "refunds": all(&world.refunds),
            "disputes": all(&world.disputes),
            "events": world.events.iter().map(Event::with_deliveries).collect::<Value>(),
        })
    };
    state["keys"] = lock(&stripe.keys).json();
    Json(state)
}

async fn requests(State(stripe): App) -> Json<Value> {
    Json(lock(&stripe.log).json())
}

async fn reset(State(stripe): App) -> Json<Value> {
    stripe.reset();
    Json(json!({"ok": true}))
}

async fn prune_keys(State(stripe): App) -> Json<Value> {
    Json(json!({ "pruned": lock(&stripe.keys).prune() }))
}

async fn settings(State(stripe): App) -> Json<Value> {
    Json(json!(lock(&stripe.world).settings))
}

async fn change_settings(State(stripe): App, body: Bytes) -> Answer {
    let changes: Map<String, Value> = order(&body)?;
    let mut world = lock(&stripe.world);
    let mut settings = json!(world.settings);
    for (name, value) in changes {
        settings[name] = value;
    }
    world.settings =
        serde_json::from_value::<Settings>(settings).map_err(|error| Refusal::from(error.to_string()))?;
    Ok(Json(json!(world.settings)))
}

async fn faults(State(stripe): App) -> Json<Value> {
    Json(json!(lock(&stripe.faults).0))
}

async fn add_faults(State(stripe): App, body: Bytes) -> Answer {
    let fault: Fault = order(&body)?;
    fault.check()?;
    let mut faults = lock(&stripe.faults);
    faults.0.push(fault);
    Ok(Json(json!(faults.0)))
}

async fn remove_faults(State(stripe): App) -> Json<Value> {
    lock(&stripe.faults).0.clear();
    Json(json!([]))
}

async fn add_payment_method(State(stripe): App, body: Bytes) -> Answer {
    let fixture: Fixture = order(&body)?;
    Ok(Json(stripe.act(|world| world.lay_out(fixture))?))
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    #[serde(alias = "succeeded")]
    Success,
    #[serde(alias = "failed")]
    Fail,
}

#[derive(Deserialize)]
struct Decision {
    outcome: Outcome,
}

async fn authenticate(State(stripe): App, Path(id): Path<String>, body: Bytes) -> Answer {
    let success = matches!(order::<Decision>(&body)?.outcome, Outcome::Success);
    stripe.act(|world| world.authenticate(&id, success))?;
    Ok(Json(lock(&stripe.world).payment_intent(&id)?))
}

async fn settle(State(stripe): App, Path(id): Path<String>, body: Bytes) -> Answer {
    let success = matches!(order::<Decision>(&body)?.outcome, Outcome::Success);
    stripe.act(|world| world.settle(&id, success))?;
    Ok(Json(lock(&stripe.world).payment_intent(&id)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DisputeOrder {
    payment_intent: Option<String>,
    /// One that exists, where a payment has several.
    dispute: Option<String>,
    status: String,
    amount: Option<i64>,
    reason: Option<String>,
    /// Opens another dispute, though the payment has one.
    #[serde(default)]
    another: bool,
    /// Its events exist, but no endpoint is told on its own; `/_testbed/webhooks/send` still tells.
    #[serde(default)]
    unannounced: bool,
}

async fn dispute(State(stripe): App, body: Bytes) -> Answer {
    let order: DisputeOrder = order(&body)?;
    let changed = stripe.act(|world| {
        let events_before = world.outbox.len();
        let existing = order.dispute.clone().or_else(|| {
            let latest = world
                .disputes
                .iter()
                .rev()
                .find(|dispute| Some(&dispute.payment_intent) == order.payment_intent.as_ref());
            latest.filter(|_| !order.another).map(|dispute| dispute.id.clone())
        });
        let changed = match (existing, &order.payment_intent) {
            (Some(dispute), _) => world.move_dispute(&dispute, &order.status, order.amount),
            (None, Some(intent)) => {
                let livemode = world.payment_intents.get(intent).is_some_and(|found| found.livemode);
                let reason = order.reason.as_deref().unwrap_or("fraudulent");
                let context = Context::testbed(livemode);
                world.open_dispute(&context, intent, order.amount, &order.status, reason)
            }
            (None, None) => Err(ApiError::invalid("payment_intent or dispute is needed.")),
        };
        if order.unannounced {
            world.outbox.truncate(events_before);
        }
        changed
    })?;
    Ok(Json(changed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundOrder {
    refund: String,
    status: String,
}

async fn move_refund(State(stripe): App, body: Bytes) -> Answer {
    let order: RefundOrder = order(&body)?;
    Ok(Json(stripe.act(|world| world.move_refund(&order.refund, &order.status))?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointOrder {
    url: String,
    secret: String,
    #[serde(default = "every_event")]
    enabled_events: Vec<String>,
}

fn every_event() -> Vec<String> {
    vec!["*".to_owned()]
}

async fn endpoints(State(stripe): App) -> Json<Value> {
    let world = lock(&stripe.world);
    let endpoints = world.endpoints.iter().map(
        |endpoint| json!({"id": endpoint.id, "url": endpoint.url, "enabled_events": endpoint.enabled_events}),
    );
    Json(endpoints.collect())
}

async fn add_endpoint(State(stripe): App, body: Bytes) -> Answer {
    let order: EndpointOrder = order(&body)?;
    webhooks::check_url(&order.url)?;
    let endpoint = Endpoint {
        id: ids::fresh("we"),
        url: order.url,
        secret: order.secret,
        enabled_events: order.enabled_events,
    };
    let answer = json!({"id": endpoint.id, "url": endpoint.url, "enabled_events": endpoint.enabled_events});
    lock(&stripe.world).endpoints.push(endpoint);
    Ok(Json(answer))
}

async fn remove_endpoints(State(stripe): App) -> Json<Value> {
    lock(&stripe.world).endpoints.clear();
    Json(json!([]))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendOrder {
    /// An event that exists, sent again.
    event: Option<String>,
    /// Or a new event of this type …
    #[serde(rename = "type")]
    kind: Option<String>,
    /// … about this object: an id, or the object itself.
    object: Option<Value>,
    /// `livemode` of a new event, where it is not the object's.
    livemode: Option<bool>,
    /// The signature's time in seconds, where it is not now.
    timestamp: Option<i64>,
    /// Another secret than the endpoint's.
    secret: Option<String>,
}

async fn send(State(stripe): App, body: Bytes) -> Answer {
    let order: SendOrder = order(&body)?;
    let (event, letters) = {
        let mut world = lock(&stripe.world);
        let event = match (&order.event, &order.kind, &order.object) {
            (Some(event), _, _) => event.clone(),
            (None, Some(kind), Some(object)) => new_event(&mut world, kind, object, order.livemode)?,
            (None, _, _) => return Err("event, or type and object, are needed".to_owned().into()),
        };
        let found =
            world.events.get(&event).ok_or_else(|| ApiError::missing(404, "event", &event, "event", None))?;
        let letters: Vec<Letter> = world
            .endpoints
            .iter()
            .map(|endpoint| Letter {
                event: event.clone(),
                url: endpoint.url.clone(),
                secret: order.secret.clone().unwrap_or_else(|| endpoint.secret.clone()),
                timestamp: order.timestamp,
            })
            .collect();
        (found.json(), letters)
    };
    let mut deliveries = Vec::new();
    for letter in letters {
        let status = webhooks::send(&stripe, &letter, 1).await;
        deliveries.push(json!({"url": letter.url, "status": status}));
    }
    Ok(Json(json!({"event": event, "deliveries": deliveries})))
}

/// An event that nothing has caused; it is not delivered by itself.
fn new_event(
    world: &mut World,
    kind: &str,
    object: &Value,
    livemode: Option<bool>,
) -> Result<String, Refusal> {
    let object = match object.as_str() {
        None => object.clone(),
        Some(id) => world.object(id).ok_or_else(|| ApiError::missing(404, "object", id, "object", None))?,
    };
    let livemode = livemode.or(object["livemode"].as_bool()).unwrap_or(false);
    let event = world.emit(&Context::testbed(livemode), kind, object);
    world.outbox.retain(|waiting| *waiting != event);
    Ok(event)
}
