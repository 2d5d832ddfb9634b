//! Everything the pretend Stripe knows, and the rules for finding it.
//!
//! The world changes only through its own functions, one request at a time, without waiting: what must be sent
//! (`outbox`) or happen later (`later`) is left here for the server to pick up.

use std::time::Duration;

use serde_json::Value;

use super::cards;
use super::charges::Charge;
use super::customers::Customer;
use super::disputes::Dispute;
use super::errors::ApiError;
use super::events::Event;
use super::payment_intents::PaymentIntent;
use super::payment_methods::PaymentMethod;
use super::refunds::Refund;
use super::settings::Settings;
use super::webhooks::Endpoint;
use crate::clock;
use crate::shelf::{Shelf, Shelved};

/// Who asks, when, and in which mode.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Seconds since 1970.
    pub(crate) now: i64,
    pub(crate) livemode: bool,
    /// A publishable key: sees no fingerprints.
    pub(crate) publishable: bool,
    /// Card numbers come from Stripe.js, which may always send them.
    pub(crate) from_stripe_js: bool,
    pub(crate) request: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

impl Context {
    /// The testbed itself acts: a bank, a payer, a clock.
    pub(crate) fn testbed(livemode: bool) -> Self {
        Self {
            now: clock::seconds(),
            livemode,
            publishable: false,
            from_stripe_js: false,
            request: None,
            idempotency_key: None,
        }
    }
}

/// An object of the API.
pub(crate) trait Record: Shelved {
    /// What "No such …" calls it.
    const NOUN: &'static str;
    fn livemode(&self) -> bool;
    fn created(&self) -> i64;
    fn json(&self) -> Value;
}

/// Where a request named an object: a missing one is 404 in the path and 400 in a parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Path(&'static str),
    Param(&'static str),
}

/// What happens of its own accord some time after a request.
#[derive(Clone, Debug)]
pub(crate) enum Later {
    OpenDispute { payment_intent: String, status: &'static str, reason: &'static str },
    WarnOfFraud { charge: String },
    MoveRefund { refund: String, status: &'static str },
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) payment_methods: Shelf<PaymentMethod>,
    pub(crate) customers: Shelf<Customer>,
    pub(crate) payment_intents: Shelf<PaymentIntent>,
    pub(crate) charges: Shelf<Charge>,
    pub(crate) refunds: Shelf<Refund>,
    pub(crate) disputes: Shelf<Dispute>,
    pub(crate) events: Shelf<Event>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) settings: Settings,
    /// Ids of events that no one has been told of yet.
    pub(crate) outbox: Vec<String>,
    pub(crate) later: Vec<(Duration, Later)>,
}

impl World {
    /// The real id of a payment method: an alias (`pm_card_visa`) becomes a new object at every use.
    pub(crate) fn payment_method_id(
        &mut self,
        context: &Context,
        id: &str,
        place: Place,
    ) -> Result<String, ApiError> {
        if self.payment_methods.get(id).is_none()
            && let Some(card) = cards::by_alias(id)
        {
            if context.livemode {
                return Err(missing::<PaymentMethod>(id, place, Some(false)));
            }
            let made = PaymentMethod::of_test_card(card, context.now);
            let id = made.id.clone();
            self.payment_methods.put(made);
            return Ok(id);
        }
        find(&self.payment_methods, id, context, place).map(|found| found.id.clone())
    }

    /// Any object by its id.
    pub(crate) fn object(&self, id: &str) -> Option<Value> {
        fn on<T: Record>(shelf: &Shelf<T>, id: &str) -> Option<Value> {
            shelf.get(id).map(Record::json)
        }
        on(&self.payment_intents, id)
            .or_else(|| on(&self.charges, id))
            .or_else(|| on(&self.refunds, id))
            .or_else(|| on(&self.disputes, id))
            .or_else(|| on(&self.customers, id))
            .or_else(|| on(&self.payment_methods, id))
    }

    /// Sets something in motion that happens after the request.
    pub(crate) fn afterwards(&mut self, later: Later) {
        if let Some(milliseconds) = self.settings.later_ms {
            self.later.push((Duration::from_millis(milliseconds), later));
        }
    }

    /// It is later now.
    pub(crate) fn happen(&mut self, later: &Later) {
        match later {
            Later::OpenDispute { payment_intent, status, reason } => {
                let livemode = self.payment_intents.get(payment_intent).is_some_and(|found| found.livemode);
                let context = Context::testbed(livemode);
                // Refused only if the payment is gone, after a reset: then there is nothing to dispute.
                let _gone = self.open_dispute(&context, payment_intent, None, status, reason);
            }
            Later::WarnOfFraud { charge } => self.warn_of_fraud(charge),
            Later::MoveRefund { refund, status } => {
                // As above.
                let _gone = self.move_refund(refund, status);
            }
        }
    }
}

/// Finds an object as Stripe does: by id, and only in the key's mode.
pub(crate) fn find<'a, T: Record>(
    shelf: &'a Shelf<T>,
    id: &str,
    context: &Context,
    place: Place,
) -> Result<&'a T, ApiError> {
    match shelf.get(id) {
        Some(found) if found.livemode() == context.livemode => Ok(found),
        Some(other) => Err(missing::<T>(id, place, Some(other.livemode()))),
        None => Err(missing::<T>(id, place, None)),
    }
}

/// "No such …".
pub(crate) fn missing<T: Record>(id: &str, place: Place, exists_in_mode: Option<bool>) -> ApiError {
    let (status, param) = match place {
        Place::Path(param) => (404, param),
        Place::Param(param) => (400, param),
    };
    ApiError::missing(status, T::NOUN, id, param, exists_in_mode)
}
