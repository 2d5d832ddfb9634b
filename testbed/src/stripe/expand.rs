//! `expand[]`: which ids an answer may carry as whole objects, checked before anything is done, applied after.

use serde_json::{Value, json};

use super::errors::ApiError;
use super::world::{Record, World};

/// The kinds of object that answers are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Customer,
    PaymentMethod,
    PaymentIntent,
    Charge,
    Refund,
    Dispute,
    Event,
}

/// What an endpoint answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    One(Object),
    ListOf(Object),
}

/// The object that a field of another one can be expanded to.
fn field(object: Object, name: &str) -> Option<Object> {
    match (object, name) {
        (Object::PaymentMethod | Object::PaymentIntent | Object::Charge, "customer") => {
            Some(Object::Customer)
        }
        (Object::PaymentIntent, "payment_method") => Some(Object::PaymentMethod),
        (Object::PaymentIntent, "latest_charge") | (Object::Refund | Object::Dispute, "charge") => {
            Some(Object::Charge)
        }
        (Object::Charge | Object::Refund | Object::Dispute, "payment_intent") => Some(Object::PaymentIntent),
        (Object::Charge, "refunds") => Some(Object::Refund),
        _ => None,
    }
}

/// Refuses paths that lead nowhere, and paths of more than four steps.
pub(crate) fn check(answer: Answer, paths: &[String]) -> Result<(), ApiError> {
    for path in paths {
        let refuse =
            || ApiError::invalid(format!("This property cannot be expanded ({path}).")).param("expand");
        let (mut object, below) = match answer {
            Answer::One(object) => (object, path.as_str()),
            Answer::ListOf(object) => (object, path.strip_prefix("data.").ok_or_else(refuse)?),
        };
        if path.split('.').count() > 4 {
            return Err(
                ApiError::invalid("You cannot expand more than 4 levels of a property.").param("expand")
            );
        }
        for step in below.split('.') {
            // The list of a charge's refunds is itself an object with `data`.
            if step == "data" && object == Object::Refund {
                continue;
            }
            object = field(object, step).ok_or_else(refuse)?;
        }
    }
    Ok(())
}

/// Replaces ids by objects.
pub(crate) fn apply(world: &World, answer: &mut Value, paths: &[String]) {
    for path in paths {
        let steps: Vec<&str> = path.split('.').collect();
        descend(world, answer, &steps);
    }
}

fn descend(world: &World, value: &mut Value, steps: &[&str]) {
    let Some((step, below)) = steps.split_first() else { return };
    if let Value::Array(items) = value {
        for item in items {
            descend(world, item, steps);
        }
        return;
    }
    if *step == "refunds" && value["refunds"].is_null() {
        value["refunds"] = refunds_of(world, value["id"].as_str().unwrap_or_default());
    }
    let Some(child) = value.get_mut(*step) else { return };
    if let Some(object) = child.as_str().and_then(|id| world.object(id)) {
        *child = object;
    }
    descend(world, child, below);
}

fn refunds_of(world: &World, charge: &str) -> Value {
    let data: Vec<Value> =
        world.refunds.iter().rev().filter(|refund| refund.charge == charge).map(Record::json).collect();
    json!({"object": "list", "data": data, "has_more": false, "url": format!("/v1/charges/{charge}/refunds")})
}
