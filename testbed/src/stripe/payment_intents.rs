//! PaymentIntents: what may be asked for, and how one moves from status to status. How a card is charged is in
//! `charging`.

use serde_json::{Map, Value, json};

use super::charging::Attempt;
use super::errors::ApiError;
use super::ids;
use super::listing::{self, Page};
use super::money;
use super::params::Params;
use super::payment_rules::{Automatic, check_session, check_together};
use super::world::{Context, Place, Record, World, find};
use crate::shelf::Shelved;

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    Succeeded,
    Canceled,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    pub(crate) livemode: bool,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) amount_received: i64,
    pub(crate) currency: String,
    pub(crate) customer: Option<String>,
    pub(crate) payment_method: Option<String>,
    pub(crate) status: Status,
    pub(crate) client_secret: String,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) payment_method_types: Vec<String>,
    pub(crate) automatic: Automatic,
    pub(crate) capture_method: String,
    pub(crate) setup_future_usage: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) statement_descriptor_suffix: Option<String>,
    pub(crate) latest_charge: Option<String>,
    pub(crate) last_payment_error: Value,
    pub(crate) next_action: Value,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) cancellation_reason: Option<String>,
}

impl Shelved for PaymentIntent {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for PaymentIntent {
    const NOUN: &'static str = "payment_intent";

    fn livemode(&self) -> bool {
        self.livemode
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        let automatic = match self.automatic {
            Automatic::Off => Value::Null,
            Automatic::On { redirects } => {
                json!({"enabled": true, "allow_redirects": if redirects { "always" } else { "never" }})
            }
        };
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": self.amount_received,
            "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": automatic,
            "canceled_at": self.canceled_at,
            "cancellation_reason": self.cancellation_reason,
            "capture_method": self.capture_method,
            "client_secret": self.client_secret,
            "confirmation_method": "automatic",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_account": null,
            "description": self.description,
            "excluded_payment_method_types": null,
            "last_payment_error": self.last_payment_error,
            "latest_charge": self.latest_charge,
            "livemode": self.livemode,
            "metadata": self.metadata,
            "next_action": self.next_action,
            "on_behalf_of": null,
            "payment_method": self.payment_method,
            "payment_method_configuration_details": null,
            "payment_method_options": {
                "card": {"installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic"},
            },
            "payment_method_types": self.payment_method_types,
            "processing": null,
            "receipt_email": self.receipt_email,
            "review": null,
            "setup_future_usage": self.setup_future_usage,
            "shipping": null,
            "source": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": self.statement_descriptor_suffix,
            "status": self.status.name(),
            "transfer_data": null,
            "transfer_group": null,
        })
    }
}

impl PaymentIntent {
    /// A refusal because of the status, with the object in it, as Stripe sends it.
    pub(crate) fn unexpected_state(&self, message: impl Into<String>) -> ApiError {
        ApiError::invalid(message)
            .code("payment_intent_unexpected_state")
            .with("payment_intent", self.json())
            .stored()
    }
}

/// `POST /v1/payment_intents`
pub(crate) fn create(
    world: &mut World,
    context: &Context,
    _: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let currency = params.owned("currency").unwrap_or_default();
    let amount = params.integer("amount").unwrap_or_default();
    money::check(&currency, amount)?;
    let confirm = params.boolean("confirm").unwrap_or(false);
    let automatic = check_together(params, confirm)?;
    let types = match automatic {
        Automatic::Off => params.texts("payment_method_types"),
        Automatic::On { redirects: true } => vec!["card".into(), "link".into(), "cashapp".into()],
        Automatic::On { redirects: false } => vec!["card".into(), "link".into()],
    };
    if params.has("statement_descriptor") && types.iter().any(|kind| kind == "card") {
        return Err(ApiError::invalid(
            "The `statement_descriptor` parameter is not supported for the `card` payment method type. Please \
             provide `statement_descriptor_suffix` instead.",
        )
        .code("payment_intent_invalid_parameter")
        .param("statement_descriptor"));
    }
    if params.text("capture_method") == Some("manual") {
        return Err(ApiError::not_modelled("capture_method"));
    }
    let customer = params.owned("customer");
    if let Some(customer) = &customer {
        find(&world.customers, customer, context, Place::Param("customer"))?.alive()?;
    }
    let method = match params.text("payment_method") {
        Some(method) => Some(world.payment_method_id(context, method, Place::Param("payment_method"))?),
        None => None,
    };
    let id = ids::fresh("pi");
    let intent = PaymentIntent {
        client_secret: format!("{id}_secret_{}", ids::random(25)),
        id: id.clone(),
        livemode: context.livemode,
        created: context.now,
        amount,
        amount_received: 0,
        currency,
        customer,
        status: if method.is_some() { Status::RequiresConfirmation } else { Status::RequiresPaymentMethod },
        payment_method: method,
        description: params.owned("description"),
        metadata: params.object("metadata"),
        payment_method_types: types,
        automatic,
        capture_method: params.owned("capture_method").unwrap_or_else(|| "automatic_async".into()),
        setup_future_usage: params.owned("setup_future_usage"),
        receipt_email: params.owned("receipt_email"),
        statement_descriptor_suffix: params.owned("statement_descriptor_suffix"),
        latest_charge: None,
        last_payment_error: Value::Null,
        next_action: Value::Null,
        canceled_at: None,
        cancellation_reason: None,
    };
    // What can be refused without a bank is refused before the object exists.
    let attempt = match (confirm, &intent.payment_method) {
        (false, None) => None,
        (false, Some(method)) => {
            world.check_usable(context, &intent, method)?;
            None
        }
        (true, method) => Some(Attempt::read(world, context, &intent, method.as_deref(), params)?),
    };
    world.emit(context, "payment_intent.created", intent.json());
    world.payment_intents.put(intent);
    if let Some(attempt) = attempt {
        world.confirm(context, &id, &attempt)?;
    }
    world.payment_intent(&id)
}

/// `GET /v1/payment_intents/:id`, with a secret key, or a publishable one and the client secret.
pub(crate) fn retrieve(
    world: &mut World,
    context: &Context,
    id: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let found = find(&world.payment_intents, id, context, Place::Path("intent"))?;
    let secret = params.text("client_secret");
    if context.publishable && secret.is_none() {
        return Err(ApiError::invalid("Missing required param: client_secret.")
            .code("parameter_missing")
            .param("client_secret"));
    }
    if secret.is_some_and(|secret| secret != found.client_secret) {
        return Err(ApiError::invalid(
            "The client_secret provided does not match the client_secret associated with this PaymentIntent.",
        )
        .code("payment_intent_invalid_parameter")
        .param("client_secret"));
    }
    Ok(found.json())
}

/// `GET /v1/payment_intents`
pub(crate) fn list(
    world: &mut World,
    context: &Context,
    _: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let customer = params.text("customer");
    if let Some(customer) = customer {
        find(&world.customers, customer, context, Place::Param("customer"))?;
    }
    let page = Page::read(context, params, "/v1/payment_intents");
    listing::page(&world.payment_intents, &page, |intent| {
        customer.is_none() || intent.customer.as_deref() == customer
    })
}

/// `POST /v1/payment_intents/:id/confirm`
pub(crate) fn confirm(
    world: &mut World,
    context: &Context,
    id: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let mut intent = find(&world.payment_intents, id, context, Place::Path("intent"))?.clone();
    match intent.status {
        Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction => {}
        Status::Succeeded => {
            return Err(intent.unexpected_state(
                "You cannot confirm this PaymentIntent because it has already succeeded after being previously \
                 confirmed.",
            ));
        }
        Status::Processing | Status::Canceled => {
            return Err(intent.unexpected_state(format!(
                "You cannot confirm this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of \
                 the following statuses may be confirmed: requires_confirmation, requires_action.",
                intent.status.name()
            )));
        }
    }
    let off_session = params.text("off_session").is_some_and(|word| word != "false");
    if let Some(usage) = params.owned("setup_future_usage") {
        intent.setup_future_usage = Some(usage);
    }
    check_session(off_session, intent.setup_future_usage.is_some())?;
    let method = match params.text("payment_method") {
        Some(method) => Some(world.payment_method_id(context, method, Place::Param("payment_method"))?),
        None => intent.payment_method.clone(),
    };
    let attempt = Attempt::read(world, context, &intent, method.as_deref(), params)?;
    world.payment_intents.put(intent);
    world.confirm(context, id, &attempt)?;
    world.payment_intent(id)
}

/// `POST /v1/payment_intents/:id/cancel`
pub(crate) fn cancel(
    world: &mut World,
    context: &Context,
    id: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let found = find(&world.payment_intents, id, context, Place::Path("intent"))?;
    if matches!(found.status, Status::Succeeded | Status::Canceled | Status::Processing) {
        return Err(found.unexpected_state(format!(
            "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of the \
             following statuses may be canceled: requires_payment_method, requires_capture, \
             requires_confirmation, requires_action.",
            found.status.name()
        )));
    }
    let Some(intent) = world.payment_intents.get_mut(id) else { return Ok(Value::Null) };
    intent.status = Status::Canceled;
    intent.canceled_at = Some(context.now);
    intent.cancellation_reason = params.owned("cancellation_reason");
    intent.next_action = Value::Null;
    let answer = intent.json();
    world.emit(context, "payment_intent.canceled", answer.clone());
    Ok(answer)
}
