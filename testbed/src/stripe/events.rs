//! Events: what changed, with the object as it was at that moment. An event never changes once it exists.

use serde_json::{Value, json};

use super::errors::ApiError;
use super::ids;
use super::listing::{self, Page};
use super::params::Params;
use super::world::{Context, Place, Record, World, find};
use crate::shelf::Shelved;

/// The API version of the objects in events and answers.
pub(crate) const API_VERSION: &str = "2026-07-29.dahlia";

/// One attempt to deliver an event.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) url: String,
    pub(crate) attempt: usize,
    /// The answer's status; nothing if there was no answer.
    pub(crate) status: Option<u16>,
    pub(crate) at_ms: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) livemode: bool,
    pub(crate) created: i64,
    pub(crate) object: Value,
    pub(crate) previous: Option<Value>,
    pub(crate) request: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) deliveries: Vec<Delivery>,
}

impl Shelved for Event {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for Event {
    const NOUN: &'static str = "event";

    fn livemode(&self) -> bool {
        self.livemode
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        let mut data = json!({ "object": self.object });
        if let Some(previous) = &self.previous {
            data["previous_attributes"] = previous.clone();
        }
        json!({
            "id": self.id,
            "object": "event",
            "api_version": API_VERSION,
            "created": self.created,
            "data": data,
            "livemode": self.livemode,
            "pending_webhooks": 1,
            "request": {"id": self.request, "idempotency_key": self.idempotency_key},
            "type": self.kind,
        })
    }
}

impl Event {
    /// The event with what became of it, for `GET /_testbed/state`.
    pub(crate) fn with_deliveries(&self) -> Value {
        let deliveries: Vec<Value> = self
            .deliveries
            .iter()
            .map(|delivery| {
                json!({
                    "url": delivery.url,
                    "attempt": delivery.attempt,
                    "status": delivery.status,
                    "at_ms": delivery.at_ms,
                })
            })
            .collect();
        let mut event = self.json();
        event["deliveries"] = deliveries.into();
        event
    }
}

impl World {
    /// Something happened to an object.
    pub(crate) fn emit(&mut self, context: &Context, kind: &str, object: Value) -> String {
        self.announce(context, kind, object, None)
    }

    /// Something changed on an object; `previous` has the old values.
    pub(crate) fn emit_update(&mut self, context: &Context, kind: &str, object: Value, previous: Value) {
        self.announce(context, kind, object, Some(previous));
    }

    fn announce(&mut self, context: &Context, kind: &str, object: Value, previous: Option<Value>) -> String {
        let event = Event {
            id: ids::fresh("evt"),
            kind: kind.to_owned(),
            livemode: context.livemode,
            created: context.now,
            object,
            previous,
            request: context.request.clone(),
            idempotency_key: context.idempotency_key.clone(),
            deliveries: Vec::new(),
        };
        let id = event.id.clone();
        self.outbox.push(id.clone());
        self.events.put(event);
        id
    }
}

/// `GET /v1/events/:id`
pub(crate) fn retrieve(
    world: &mut World,
    context: &Context,
    id: &str,
    _: &Params,
) -> Result<Value, ApiError> {
    Ok(find(&world.events, id, context, Place::Path("id"))?.json())
}

/// `GET /v1/events`
pub(crate) fn list(
    world: &mut World,
    context: &Context,
    _: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let kind = params.text("type");
    let page = Page::read(context, params, "/v1/events");
    listing::page(&world.events, &page, |event| kind.is_none_or(|kind| event.kind == kind))
}
