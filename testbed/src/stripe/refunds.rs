//! Refunds: never more than the charge, and a refund that succeeded can still fail later.

use serde_json::{Map, Value, json};

use super::cards::Afterwards;
use super::errors::ApiError;
use super::ids;
use super::listing::{self, Page};
use super::money;
use super::params::Params;
use super::world::{Context, Later, Place, Record, World, find};
use crate::shelf::Shelved;

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) livemode: bool,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) metadata: Map<String, Value>,
}

impl Shelved for Refund {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for Refund {
    const NOUN: &'static str = "refund";

    fn livemode(&self) -> bool {
        self.livemode
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        let mut object = json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": self.id.replacen("re_", "txn_", 1),
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "destination_details": {"card": {"type": "refund", "reference_status": "pending", "reference_type": "acquirer_reference_number"}, "type": "card"},
            "metadata": self.metadata,
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": self.status,
            "transfer_reversal": null,
        });
        match self.status.as_str() {
            "failed" => {
                object["failure_reason"] = "unknown".into();
                object["failure_balance_transaction"] = self.id.replacen("re_", "txn_failed_", 1).into();
            }
            "pending" => object["pending_reason"] = "processing".into(),
            _ => {}
        }
        object
    }
}

/// The statuses that take money from the charge.
const TAKES: [&str; 3] = ["pending", "requires_action", "succeeded"];
/// Every status of a refund.
const STATUSES: [&str; 5] = ["pending", "requires_action", "succeeded", "failed", "canceled"];

/// `POST /v1/refunds`
pub(crate) fn create(
    world: &mut World,
    context: &Context,
    _: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let (intent, charge) = (params.text("payment_intent"), params.text("charge"));
    let charge = match (intent, charge) {
        (None, None) => {
            return Err(ApiError::invalid(
                "One of the following params should be provided for this request: \
                payment_intent or charge.",
            )
            .code("parameter_missing"));
        }
        (_, Some(charge)) => find(&world.charges, charge, context, Place::Param("charge"))?,
        (Some(intent), None) => {
            let intent = find(&world.payment_intents, intent, context, Place::Param("payment_intent"))?;
            let paid = intent.latest_charge.as_deref().and_then(|charge| world.charges.get(charge));
            paid.filter(|charge| charge.decline.is_none()).ok_or_else(|| {
                ApiError::invalid(format!(
                    "This PaymentIntent ({}) does not have a successful charge to refund.",
                    intent.id
                ))
                .param("payment_intent")
                .stored()
            })?
        }
    };
    if intent.is_some_and(|intent| charge.payment_intent != intent) {
        return Err(ApiError::invalid("The charge does not belong to the PaymentIntent.")
            .param("charge")
            .stored());
    }
    if charge.decline.is_some() {
        return Err(ApiError::invalid(format!("Charge {} has not been paid.", charge.id))
            .param("charge")
            .stored());
    }
    let blocking = world.disputes.iter().any(|dispute| dispute.charge == charge.id && dispute.withdrawn());
    if blocking {
        return Err(ApiError::invalid(format!(
            "Charge {} has been charged back; cannot issue a refund.",
            charge.id
        ))
        .code("charge_disputed")
        .stored());
    }
    let rest = charge.amount - charge.amount_refunded;
    if rest == 0 {
        return Err(ApiError::invalid(format!("Charge {} has already been refunded.", charge.id))
            .code("charge_already_refunded")
            .stored());
    }
    let amount = params.integer("amount").unwrap_or(rest);
    if amount < 1 {
        return Err(ApiError::invalid("Invalid positive integer")
            .code("parameter_invalid_integer")
            .param("amount"));
    }
    if amount > rest {
        return Err(ApiError::invalid(format!(
            "Refund amount ({}) is greater than unrefunded amount on charge ({})",
            money::shown(&charge.currency, amount),
            money::shown(&charge.currency, rest)
        ))
        .param("amount")
        .stored());
    }
    let afterwards = world.payment_methods.get(&charge.payment_method).map(|method| method.nature.afterwards);
    let refund = Refund {
        id: ids::fresh("re"),
        livemode: context.livemode,
        created: context.now,
        amount,
        currency: charge.currency.clone(),
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent.clone(),
        status: if afterwards == Some(Afterwards::RefundPends) { "pending" } else { "succeeded" }.into(),
        reason: params.owned("reason"),
        metadata: params.object("metadata"),
    };
    let (id, charge) = (refund.id.clone(), refund.charge.clone());
    let answer = refund.json();
    world.refunds.put(refund);
    world.sum_up(&charge);
    world.emit(context, "refund.created", answer.clone());
    let charge = world.charges.get(&charge).map_or(Value::Null, Record::json);
    world.emit(context, "charge.refunded", charge);
    let status = match afterwards {
        Some(Afterwards::RefundFails) => Some("failed"),
        Some(Afterwards::RefundPends) => Some("succeeded"),
        Some(Afterwards::Nothing | Afterwards::Dispute(..) | Afterwards::FraudWarning) | None => None,
    };
    if let Some(status) = status {
        world.afterwards(Later::MoveRefund { refund: id, status });
    }
    Ok(answer)
}

/// `GET /v1/refunds/:id`
pub(crate) fn retrieve(
    world: &mut World,
    context: &Context,
    id: &str,
    _: &Params,
) -> Result<Value, ApiError> {
    Ok(find(&world.refunds, id, context, Place::Path("refund"))?.json())
}

/// `GET /v1/refunds`
pub(crate) fn list(
    world: &mut World,
    context: &Context,
    _: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let (intent, charge) = (params.text("payment_intent"), params.text("charge"));
    if let Some(intent) = intent {
        find(&world.payment_intents, intent, context, Place::Param("payment_intent"))?;
    }
    if let Some(charge) = charge {
        find(&world.charges, charge, context, Place::Param("charge"))?;
    }
    let page = Page::read(context, params, "/v1/refunds");
    listing::page(&world.refunds, &page, |refund| {
        intent.is_none_or(|intent| refund.payment_intent == intent)
            && charge.is_none_or(|charge| refund.charge == charge)
    })
}

impl World {
    /// The bank moves a refund to another status.
    pub(crate) fn move_refund(&mut self, id: &str, status: &str) -> Result<Value, ApiError> {
        if !STATUSES.contains(&status) {
            return Err(ApiError::invalid(format!("Invalid status: must be one of {}", STATUSES.join(", ")))
                .param("status"));
        }
        let Some(refund) = self.refunds.get_mut(id) else {
            return Err(ApiError::missing(404, Refund::NOUN, id, "refund", None));
        };
        let before = std::mem::replace(&mut refund.status, status.to_owned());
        let context = Context::testbed(refund.livemode);
        let charge = refund.charge.clone();
        let moved = refund.json();
        self.sum_up(&charge);
        if before != status {
            let previous = json!({ "status": before });
            self.emit_update(&context, "refund.updated", moved.clone(), previous.clone());
            self.emit_update(&context, "charge.refund.updated", moved.clone(), previous);
            if status == "failed" {
                self.emit(&context, "refund.failed", moved.clone());
            }
        }
        Ok(moved)
    }

    /// What was refunded of a charge is the sum of its refunds that take money.
    fn sum_up(&mut self, charge: &str) {
        let sum = self
            .refunds
            .iter()
            .filter(|refund| refund.charge == charge && TAKES.contains(&refund.status.as_str()))
            .map(|refund| refund.amount)
            .sum();
        if let Some(charge) = self.charges.get_mut(charge) {
            charge.amount_refunded = sum;
        }
    }
}
