//! PaymentMethods. What they keep true: one belongs to at most one customer, once and for ever; one that was used
//! without a customer, or was detached, is spent.

use serde_json::{Map, Value, json};

use super::cards::{self, Nature, TestCard};
use super::errors::ApiError;
use super::ids;
use super::listing::{self, Page};
use super::params::Params;
use super::world::{Context, Place, Record, World, find};
use crate::shelf::Shelved;

pub(crate) const SPENT: &str = "The provided PaymentMethod was previously used with a PaymentIntent without Customer \
attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not \
be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.";

const NO_NUMBERS: &str = "This integration surface is unsupported for publishable key tokenization. To enable this \
functionality, please visit https://dashboard.stripe.com/settings/integration. You can find out more at \
https://support.stripe.com/questions/card-tokenization-restrictions-using-publishable-keys.";

/// The card of a payment method, as Stripe shows it.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) brand: String,
    pub(crate) funding: String,
    pub(crate) country: String,
    pub(crate) last4: String,
    pub(crate) exp_month: i64,
    pub(crate) exp_year: i64,
    pub(crate) fingerprint: Option<String>,
    pub(crate) cvc_check: Option<&'static str>,
    pub(crate) wallet: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct PaymentMethod {
    pub(crate) id: String,
    pub(crate) livemode: bool,
    pub(crate) created: i64,
    pub(crate) kind: String,
    pub(crate) card: Option<Card>,
    pub(crate) customer: Option<String>,
    pub(crate) billing_details: Map<String, Value>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) nature: Nature,
    /// Used without a customer, or detached.
    pub(crate) spent: bool,
    /// Authenticated by its holder for payments off-session.
    pub(crate) set_up: bool,
}

impl Shelved for PaymentMethod {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for PaymentMethod {
    const NOUN: &'static str = "PaymentMethod";

    fn livemode(&self) -> bool {
        self.livemode
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        let mut object = json!({
            "id": self.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": {"address": null, "email": null, "name": null, "phone": null, "tax_id": null},
            "created": self.created,
            "customer": self.customer,
            "customer_account": null,
            "livemode": self.livemode,
            "metadata": self.metadata,
            "type": self.kind,
        });
        for (field, value) in &self.billing_details {
            object["billing_details"][field] = value.clone();
        }
        object[&self.kind] = match &self.card {
            Some(card) => card.json(),
            None if self.kind == "link" => json!({"email": "payer@example.com"}),
            None => json!({}),
        };
        object
    }
}

impl Card {
    pub(crate) fn json(&self) -> Value {
        let wallet = self.wallet.as_ref().map(|kind| {
            let mut wallet = json!({"type": kind, "dynamic_last4": self.last4});
            wallet[kind] = json!({});
            wallet
        });
        json!({
            "brand": self.brand,
            "checks": {
                "address_line1_check": null,
                "address_postal_code_check": null,
                "cvc_check": self.cvc_check,
            },
            "country": self.country,
            "display_brand": self.brand,
            "exp_month": self.exp_month,
            "exp_year": self.exp_year,
            "fingerprint": self.fingerprint,
            "funding": self.funding,
            "generated_from": null,
            "last4": self.last4,
            "networks": {"available": [self.brand], "preferred": null},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": true},
            "wallet": wallet,
        })
    }

    /// A card with this number; the expiry of the test aliases is a year from now.
    pub(crate) fn of(number: &str, card: Option<&TestCard>, now: i64) -> Self {
        Self {
            brand: card.map_or("visa", |card| card.brand).to_owned(),
            funding: card.map_or("credit", |card| card.funding).to_owned(),
            country: card.map_or("US", |card| card.country).to_owned(),
            last4: number.chars().skip(number.len().saturating_sub(4)).collect(),
            exp_month: 11,
            exp_year: year(now) + 1,
            fingerprint: Some(cards::fingerprint(number)),
            cvc_check: Some("unchecked"),
            wallet: None,
        }
    }
}

impl PaymentMethod {
    /// A new object for a test card's alias.
    pub(crate) fn of_test_card(card: &TestCard, now: i64) -> Self {
        Self::of_card(Card::of(card.number, Some(card), now), card.nature, false, now)
    }

    pub(crate) fn of_card(card: Card, nature: Nature, livemode: bool, now: i64) -> Self {
        Self {
            id: ids::fresh("pm"),
            livemode,
            created: now,
            kind: "card".into(),
            card: Some(card),
            customer: None,
            billing_details: Map::new(),
            metadata: Map::new(),
            nature,
            spent: false,
            set_up: false,
        }
    }
}

/// `POST /v1/payment_methods`
pub(crate) fn create(
    world: &mut World,
    context: &Context,
    _: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let kind = params.text("type").ok_or_else(|| {
        ApiError::invalid("Missing required param: type.").code("parameter_missing").param("type")
    })?;
    let mut made = match (kind, params.hash("card")) {
        ("card", Some(card)) => from_card(world, context, &card)?,
        ("card", None) => {
            return Err(ApiError::invalid("Missing required param: card.")
                .code("parameter_missing")
                .param("card"));
        }
        (_, Some(_)) => {
            return Err(ApiError::invalid(format!("You must not pass card with type {kind}.")).param("card"));
        }
        (kind, None) => PaymentMethod {
            kind: kind.to_owned(),
            card: None,
            ..PaymentMethod::of_card(
                Card::of("4242424242424242", None, context.now),
                cards::WORKS,
                context.livemode,
                context.now,
            )
        },
    };
    made.billing_details = params.object("billing_details");
    made.metadata = params.object("metadata");
    let answer = made.json();
    world.payment_methods.put(made);
    Ok(answer)
}

fn from_card(world: &World, context: &Context, card: &Params) -> Result<PaymentMethod, ApiError> {
    if let Some(token) = card.text("token") {
        let missing = |mode| ApiError::missing(400, "token", token, "card[token]", mode);
        return match (cards::by_token(token), context.livemode) {
            (Some(card), false) => Ok(PaymentMethod::of_test_card(card, context.now)),
            (Some(_), true) => Err(missing(Some(false))),
            (None, _) => Err(missing(None)),
        };
    }
    if context.publishable && !context.from_stripe_js && !world.settings.publishable_key_tokenization {
        return Err(ApiError::invalid(NO_NUMBERS));
    }
    let needed = |name: &str| {
        card.owned(name).ok_or_else(|| {
            let name = format!("card[{name}]");
            ApiError::invalid(format!("Missing required param: {name}."))
                .code("parameter_missing")
                .param(&name)
        })
    };
    let number = needed("number")?.replace([' ', '-'], "");
    let exp_month = needed("exp_month")?;
    let exp_year = needed("exp_year")?;
    let wrong = |code: &str, message: &str, param: &str| Err(ApiError::card(message).code(code).param(param));
    if !cards::plausible(&number) {
        return wrong("incorrect_number", "Your card number is incorrect.", "number");
    }
    let exp_month: i64 = exp_month.parse().unwrap_or(0);
    let exp_year: i64 = exp_year.parse().unwrap_or(0);
    let exp_year = if (0..100).contains(&exp_year) { exp_year + 2000 } else { exp_year };
    if !(1..=12).contains(&exp_month) {
        return wrong("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month");
    }
    if !(year(context.now)..year(context.now) + 50).contains(&exp_year) {
        return wrong("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year");
    }
    let cvc = card.text("cvc");
    if cvc.is_some_and(|cvc| !(3..=4).contains(&cvc.len()) || !cvc.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return wrong("invalid_cvc", "Your card's security code is invalid.", "cvc");
    }
    let test_card = cards::by_number(&number);
    let wrong_mode = |decline_code: &str, message: &str| {
        Err(ApiError::card(message).code("card_declined").with("decline_code", decline_code))
    };
    match (test_card, context.livemode) {
        (None, false) => {
            return wrong_mode(
                "test_mode_live_card",
                "Your card was declined. Your request was in test mode, but used a non test card. For a list of \
                 valid test cards, visit: https://stripe.com/docs/testing.",
            );
        }
        (Some(_), true) => {
            return wrong_mode(
                "live_mode_test_card",
                "Your card was declined. Your request was in live mode, but used a known test card.",
            );
        }
        (None, true) | (Some(_), false) => {}
    }
    let shown = Card {
        exp_month,
        exp_year,
        cvc_check: cvc.map(|_| "unchecked"),
        ..Card::of(&number, test_card, context.now)
    };
    let nature = test_card.map_or(cards::WORKS, |card| card.nature);
    Ok(PaymentMethod::of_card(shown, nature, context.livemode, context.now))
}

/// `GET /v1/payment_methods/:id`
pub(crate) fn retrieve(
    world: &mut World,
    context: &Context,
    id: &str,
    _: &Params,
) -> Result<Value, ApiError> {
    let place = Place::Path("payment_method");
    let id = world.payment_method_id(context, id, place)?;
    Ok(find(&world.payment_methods, &id, context, place)?.json())
}

/// `GET /v1/payment_methods`
pub(crate) fn list(
    world: &mut World,
    context: &Context,
    _: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let (customer, kind) = (params.text("customer"), params.text("type"));
    if let Some(customer) = customer {
        find(&world.customers, customer, context, Place::Param("customer"))?;
    }
    let page = Page::read(context, params, "/v1/payment_methods");
    listing::page(&world.payment_methods, &page, |method| {
        customer.is_some()
            && method.customer.as_deref() == customer
            && kind.is_none_or(|kind| method.kind == kind)
    })
}

/// `POST /v1/payment_methods/:id/attach`
pub(crate) fn attach(
    world: &mut World,
    context: &Context,
    id: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let place = Place::Path("payment_method");
    let id = world.payment_method_id(context, id, place)?;
    let customer = params.owned("customer").ok_or_else(|| {
        ApiError::invalid("Missing required param: customer.").code("parameter_missing").param("customer")
    })?;
    find(&world.customers, &customer, context, Place::Param("customer"))?.alive()?;
    world.attach(context, &id, &customer)
}

/// `POST /v1/payment_methods/:id/detach`
pub(crate) fn detach(world: &mut World, context: &Context, id: &str, _: &Params) -> Result<Value, ApiError> {
    let found = find(&world.payment_methods, id, context, Place::Path("payment_method"))?;
    let Some(customer) = found.customer.clone() else {
        return Err(ApiError::invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
        )
        .stored());
    };
    Ok(world.detach(context, id, &customer))
}

impl World {
    /// Attaches a payment method to a customer: once, and only if the card is good for it.
    pub(crate) fn attach(&mut self, context: &Context, id: &str, customer: &str) -> Result<Value, ApiError> {
        let Some(method) = self.payment_methods.get_mut(id) else {
            return Err(ApiError::missing(404, PaymentMethod::NOUN, id, "payment_method", None));
        };
        if method.customer.is_some() {
            return Err(ApiError::invalid(
                "The payment method you provided has already been attached to a customer.",
            )
            .stored());
        }
        if method.spent {
            return Err(ApiError::invalid(SPENT).stored());
        }
        if let (Some(decline), true) = (method.nature.decline, method.nature.at_attach) {
            return Err(decline.error());
        }
        method.customer = Some(customer.to_owned());
        if let Some(card) = &mut method.card
            && card.cvc_check.is_some()
        {
            card.cvc_check = Some("pass");
        }
        let attached = method.json();
        self.emit(context, "payment_method.attached", attached.clone());
        Ok(attached)
    }

    /// Detaches a payment method, for ever.
    pub(crate) fn detach(&mut self, context: &Context, id: &str, customer: &str) -> Value {
        let Some(method) = self.payment_methods.get_mut(id) else { return Value::Null };
        method.customer = None;
        method.spent = true;
        let detached = method.json();
        self.emit_update(
            context,
            "payment_method.detached",
            detached.clone(),
            json!({ "customer": customer }),
        );
        detached
    }
}

/// The year of a time, near enough for an expiry date: a mean year has 31,556,952 seconds.
fn year(now: i64) -> i64 {
    1970 + now / 31_556_952
}
