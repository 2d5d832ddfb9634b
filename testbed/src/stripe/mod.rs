//! The Stripe double: the part of Stripe's API that the paywall uses, as strict as Stripe is known to be.
//!
//! | module | what it keeps |
//! | --- | --- |
//! | [`api`] | one request of `/v1`: keys, idempotency, faults, headers |
//! | [`operations`], [`params`], [`form`], [`expand`], [`listing`] | what may be asked for, and how |
//! | [`world`] and the objects | what there is, and how it changes |
//! | [`charging`], [`cards`], [`declines`] | what a card does |
//! | [`events`], [`webhooks`] | who is told |
//! | [`control`], [`faults`], [`settings`], [`request_log`] | the tests' side: `/_testbed` |

mod api;
mod auth;
mod cards;
mod charges;
mod charging;
mod control;
mod cors;
mod customers;
mod declines;
mod disputes;
mod errors;
mod events;
mod expand;
mod faults;
mod fixtures;
mod form;
mod idempotency;
mod ids;
mod listing;
mod money;
mod operations;
mod params;
mod payment_intents;
mod payment_methods;
mod payment_rules;
mod refunds;
mod request_log;
mod settings;
mod webhooks;
mod world;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware;
use axum::routing::get;

use self::faults::Faults;
use self::idempotency::Keys;
use self::request_log::RequestLog;
use self::settings::Settings;
use self::world::{Later, World};
use crate::shelf::lock;

/// The double's whole state. Locks are held for single steps, never across a wait.
#[derive(Debug)]
pub(crate) struct Stripe {
    world: Mutex<World>,
    keys: Mutex<Keys>,
    faults: Mutex<Faults>,
    log: Mutex<RequestLog>,
    client: reqwest::Client,
    /// The settings a reset goes back to.
    initial: Settings,
}

impl Stripe {
    /// Changes the world, then sets in motion what the change has left to do.
    pub(crate) fn act<T>(self: &Arc<Self>, change: impl FnOnce(&mut World) -> T) -> T {
        let (result, events, later) = {
            let mut world = lock(&self.world);
            let result = change(&mut world);
            (result, std::mem::take(&mut world.outbox), std::mem::take(&mut world.later))
        };
        for event in events {
            webhooks::deliver(self, &event);
        }
        for (delay, later) in later {
            tokio::spawn(Arc::clone(self).happen(delay, later));
        }
        result
    }

    /// Lets something happen after a while.
    async fn happen(self: Arc<Self>, delay: Duration, later: Later) {
        tokio::time::sleep(delay).await;
        self.act(|world| world.happen(&later));
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        *lock(&self.world) = World { settings: self.initial.clone(), ..World::default() };
        *lock(&self.keys) = Keys::default();
        *lock(&self.faults) = Faults::default();
        lock(&self.log).clear();
    }
}

/// The double's routes.
pub(crate) fn router(publishable_key_tokenization: bool) -> Router {
    let initial = Settings { publishable_key_tokenization, ..Settings::default() };
    let stripe = Arc::new(Stripe {
        world: Mutex::new(World { settings: initial.clone(), ..World::default() }),
        keys: Mutex::default(),
        faults: Mutex::default(),
        log: Mutex::default(),
        client: webhooks::client(),
        initial,
    });
    Router::new()
        .route("/v3/", get(stripe_js))
        .route("/v3/stripe.js", get(stripe_js))
        .route("/dahlia/stripe.js", get(stripe_js))
        .nest("/_testbed", control::router())
        .fallback(api::handle)
        .layer(middleware::from_fn(cors::layer))
        .with_state(stripe)
}

/// A stand-in for Stripe.js; it finds the API on the origin that it was loaded from.
async fn stripe_js() -> ([(axum::http::HeaderName, &'static str); 2], &'static str) {
    let headers = [(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (headers, include_str!("../../assets/stripe.js"))
}
