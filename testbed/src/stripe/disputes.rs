//! Disputes: the bank takes the money at once, unless it only inquires, and gives it back if the dispute is won.

use serde_json::{Value, json};

use super::errors::ApiError;
use super::ids;
use super::listing::{self, Page};
use super::params::Params;
use super::payment_intents::PaymentIntent;
use super::world::{Context, Place, Record, World, find};
use crate::shelf::Shelved;

#[derive(Clone, Debug)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) livemode: bool,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) brand: String,
    pub(crate) reason: String,
    pub(crate) status: String,
    /// The money left the account at some time.
    pub(crate) taken: bool,
    /// The money came back.
    pub(crate) returned: bool,
}

const STATUSES: [&str; 8] = [
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "won",
    "lost",
    "prevented",
];

impl Shelved for Dispute {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for Dispute {
    const NOUN: &'static str = "dispute";

    fn livemode(&self) -> bool {
        self.livemode
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        let movement = |id: &str, amount: i64, kind: &str| {
            json!({
                "id": self.id.replacen("dp_", id, 1),
                "object": "balance_transaction",
                "amount": amount,
                "currency": self.currency,
                "reporting_category": kind,
                "type": "adjustment",
            })
        };
        let mut movements = Vec::new();
        if self.taken {
            movements.push(movement("txn_taken_", -self.amount, "dispute"));
        }
        if self.returned {
            movements.push(movement("txn_returned_", self.amount, "dispute_reversal"));
        }
        json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": movements,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": {
                "due_by": self.created + 7 * 86_400,
                "has_evidence": false,
                "past_due": false,
                "submission_count": 0,
            },
            "is_charge_refundable": self.status.starts_with("warning_") && self.status != "warning_closed",
            "livemode": self.livemode,
            "metadata": {},
            "payment_intent": self.payment_intent,
            "payment_method_details": {
                "card": {"brand": self.brand, "case_type": if self.taken { "chargeback" } else { "inquiry" }, "network_reason_code": "83"},
                "type": "card",
            },
            "reason": self.reason,
            "status": self.status,
        })
    }
}

impl Dispute {
    /// The bank has the money now.
    pub(crate) fn withdrawn(&self) -> bool {
        self.taken && !self.returned
    }
}

/// `GET /v1/disputes/:id`
pub(crate) fn retrieve(
    world: &mut World,
    context: &Context,
    id: &str,
    _: &Params,
) -> Result<Value, ApiError> {
    Ok(find(&world.disputes, id, context, Place::Path("dispute"))?.json())
}

/// `GET /v1/disputes`
pub(crate) fn list(
    world: &mut World,
    context: &Context,
    _: &str,
    params: &Params,
) -> Result<Value, ApiError> {
    let (intent, charge) = (params.text("payment_intent"), params.text("charge"));
    let page = Page::read(context, params, "/v1/disputes");
    listing::page(&world.disputes, &page, |dispute| {
        intent.is_none_or(|intent| dispute.payment_intent == intent)
            && charge.is_none_or(|charge| dispute.charge == charge)
    })
}

impl World {
    /// A payer disputes a payment. A dispute may begin in any status; the events are those it would have had.
    pub(crate) fn open_dispute(
        &mut self,
        context: &Context,
        intent: &str,
        amount: Option<i64>,
        status: &str,
        reason: &str,
    ) -> Result<Value, ApiError> {
        check(status)?;
        let Some(intent) = self.payment_intents.get(intent) else {
            return Err(ApiError::missing(404, PaymentIntent::NOUN, intent, "payment_intent", None));
        };
        let paid = intent.latest_charge.as_deref().and_then(|charge| self.charges.get_mut(charge));
        let Some(charge) = paid.filter(|charge| charge.decline.is_none()) else {
            return Err(ApiError::invalid("The PaymentIntent has no successful charge to dispute."));
        };
        charge.disputed = true;
        let warning = status.starts_with("warning_");
        let dispute = Dispute {
            id: ids::fresh("dp"),
            livemode: charge.livemode,
            created: context.now,
            amount: amount.unwrap_or(charge.amount),
            currency: charge.currency.clone(),
            charge: charge.id.clone(),
            payment_intent: intent.id.clone(),
            brand: charge.payment_method_details["card"]["brand"].as_str().unwrap_or("visa").to_owned(),
            reason: reason.to_owned(),
            status: match status {
                "prevented" => status,
                _ if warning => "warning_needs_response",
                _ => "needs_response",
            }
            .to_owned(),
            taken: !warning && status != "prevented",
            returned: false,
        };
        let (id, taken, opened) = (dispute.id.clone(), dispute.taken, dispute.json());
        self.disputes.put(dispute);
        self.emit(context, "charge.dispute.created", opened.clone());
        if taken {
            self.emit(context, "charge.dispute.funds_withdrawn", opened);
        }
        self.move_dispute(&id, status, None)
    }

    /// The bank moves a dispute on.
    pub(crate) fn move_dispute(
        &mut self,
        id: &str,
        status: &str,
        amount: Option<i64>,
    ) -> Result<Value, ApiError> {
        check(status)?;
        let Some(dispute) = self.disputes.get_mut(id) else {
            return Err(ApiError::missing(404, Dispute::NOUN, id, "dispute", None));
        };
        let context = Context::testbed(dispute.livemode);
        dispute.amount = amount.unwrap_or(dispute.amount);
        let before = std::mem::replace(&mut dispute.status, status.to_owned());
        if before == status {
            return Ok(dispute.json());
        }
        let previous = json!({ "status": before });
        // An inquiry that became a dispute after all.
        let escalated =
            !dispute.taken && matches!(status, "needs_response" | "under_review" | "won" | "lost");
        dispute.taken = dispute.taken || escalated;
        let reinstated = status == "won" && !dispute.returned;
        dispute.returned = dispute.returned || reinstated;
        let moved = dispute.json();
        if escalated {
            self.emit(&context, "charge.dispute.funds_withdrawn", moved.clone());
        }
        if reinstated {
            self.emit(&context, "charge.dispute.funds_reinstated", moved.clone());
        }
        let closed = matches!(status, "won" | "lost" | "warning_closed" | "prevented");
        let event = if closed { "charge.dispute.closed" } else { "charge.dispute.updated" };
        self.emit_update(&context, event, moved.clone(), previous);
        Ok(moved)
    }

    /// The bank reports a payment as fraud, without a dispute.
    pub(crate) fn warn_of_fraud(&mut self, charge: &str) {
        let Some(charge) = self.charges.get(charge) else { return };
        let warning = json!({
            "id": ids::fresh("issfr"),
            "object": "radar.early_fraud_warning",
            "actionable": true,
            "charge": charge.id,
            "created": charge.created,
            "fraud_type": "misc",
            "livemode": charge.livemode,
            "payment_intent": charge.payment_intent,
        });
        let context = Context::testbed(charge.livemode);
        self.emit(&context, "radar.early_fraud_warning.created", warning);
    }
}

fn check(status: &str) -> Result<(), ApiError> {
    if STATUSES.contains(&status) {
        return Ok(());
    }
    Err(ApiError::invalid(format!("Invalid status: must be one of {}", STATUSES.join(", "))).param("status"))
}
