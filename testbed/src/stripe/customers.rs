//! Customers. A deleted one stays visible as deleted, and its payment methods are detached.

use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::ids;
use super::params::Params;
use super::world::{Context, Place, Record, World, find};
use crate::shelf::Shelved;

#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) livemode: bool,
    pub(crate) created: i64,
    pub(crate) deleted: bool,
    pub(crate) description: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) metadata: Map<String, Value>,
}

impl Shelved for Customer {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for Customer {
    const NOUN: &'static str = "customer";

    fn livemode(&self) -> bool {
        self.livemode
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        if self.deleted {
            return json!({"id": self.id, "object": "customer", "deleted": true});
        }
        json!({
            "id": self.id,
            "object": "customer",
            "address": null,
            "balance": 0,
            "created": self.created,
            "currency": null,
            "customer_account": null,
            "default_source": null,
            "delinquent": false,
            "description": self.description,
            "discount": null,
            "email": self.email,
            "invoice_prefix": self.id.chars().rev().take(8).collect::<String>().to_uppercase(),
            "invoice_settings": {
                "custom_fields": null,
                "default_payment_method": null,
                "footer": null,
                "rendering_options": null,
            },
            "livemode": self.livemode,
            "metadata": self.metadata,
            "name": self.name,
            "next_invoice_sequence": 1,
            "phone": self.phone,
            "preferred_locales": [],
            "shipping": null,
            "tax_exempt": "none",
            "test_clock": null,
        })
    }
}

impl Customer {
    /// A deleted customer cannot be used any more.
    pub(crate) fn alive(&self) -> Result<(), ApiError> {
        if self.deleted {
            Err(ApiError::missing(400, Self::NOUN, &self.id, "customer", None))
        } else {
            Ok(())
        }
    }
}

/// `POST /v1/customers`
pub(crate) fn create(
    world: &mut World,
    context: &Context,
    _: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let email = params.owned("email");
    if email.as_ref().is_some_and(|email| !email.contains('@')) {
        return Err(ApiError::invalid(format!("Invalid email address: {}", email.unwrap_or_default()))
            .code("email_invalid")
            .param("email"));
    }
    let customer = Customer {
        id: format!("cus_{}", ids::random(14)),
        livemode: context.livemode,
        created: context.now,
        deleted: false,
        description: params.owned("description"),
        email,
        name: params.owned("name"),
        phone: params.owned("phone"),
        metadata: params.object("metadata"),
    };
    let id = customer.id.clone();
    // A payment method that cannot be attached leaves no customer behind.
    if let Some(method) = params.text("payment_method") {
        let method = world.payment_method_id(context, method, Place::Param("payment_method"))?;
        world.attach(context, &method, &id)?;
    }
    let answer = customer.json();
    world.customers.put(customer);
    world.emit(context, "customer.created", answer.clone());
    Ok(answer)
}

/// `GET /v1/customers/:id`
pub(crate) fn retrieve(
    world: &mut World,
    context: &Context,
    id: &str,
    _: &Params,
) -> Result<Value, ApiError> {
    Ok(find(&world.customers, id, context, Place::Path("id"))?.json())
}

/// `DELETE /v1/customers/:id`
pub(crate) fn delete(world: &mut World, context: &Context, id: &str, _: &Params) -> Result<Value, ApiError> {
    let found = find(&world.customers, id, context, Place::Path("id"))?;
    found.alive().map_err(|error| error.status(404).param("id"))?;
    let before = found.json();
    let attached: Vec<String> = world
        .payment_methods
        .iter()
        .filter(|method| method.customer.as_deref() == Some(id))
        .map(|method| method.id.clone())
        .collect();
    for method in attached {
        world.detach(context, &method, id);
    }
    let Some(customer) = world.customers.get_mut(id) else { return Ok(Value::Null) };
    customer.deleted = true;
    let answer = customer.json();
    world.emit(context, "customer.deleted", before);
    Ok(answer)
}
