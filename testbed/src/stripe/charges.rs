//! Charges: one per attempt at a bank. Only payments make them, only refunds and disputes change them.

use serde_json::{Map, Value, json};

use super::declines::Decline;
use super::errors::ApiError;
use super::params::Params;
use super::world::{Context, Place, Record, World, find};
use crate::shelf::Shelved;

#[derive(Clone, Debug)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) livemode: bool,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) amount_refunded: i64,
    pub(crate) currency: String,
    pub(crate) customer: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) disputed: bool,
    pub(crate) decline: Option<Decline>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) payment_intent: String,
    pub(crate) payment_method: String,
    pub(crate) payment_method_details: Value,
    pub(crate) billing_details: Value,
    pub(crate) statement_descriptor_suffix: Option<String>,
}

impl Shelved for Charge {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for Charge {
    const NOUN: &'static str = "charge";

    fn livemode(&self) -> bool {
        self.livemode
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        let paid = self.decline.is_none();
        let outcome = match self.decline {
            None => json!({
                "advice_code": null,
                "network_advice_code": null,
                "network_decline_code": null,
                "network_status": "approved_by_network",
                "reason": null,
                "risk_level": "normal",
                "seller_message": "Payment complete.",
                "type": "authorized",
            }),
            Some(decline) => json!({
                "advice_code": decline.advice_code,
                "network_advice_code": null,
                "network_decline_code": decline.network_decline_code,
                "network_status": if decline.outcome == "blocked" { "not_sent_to_network" } else { "declined_by_network" },
                "reason": decline.decline_code,
                "risk_level": if decline.outcome == "blocked" { "highest" } else { "normal" },
                "seller_message": "The bank did not return any further details with this decline.",
                "type": decline.outcome,
            }),
        };
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": if paid { self.amount } else { 0 },
            "amount_refunded": self.amount_refunded,
            "application": null,
            "application_fee": null,
            "application_fee_amount": null,
            "balance_transaction": if paid { json!(self.id.replacen("ch_", "txn_", 1)) } else { Value::Null },
            "billing_details": self.billing_details,
            "calculated_statement_descriptor": "TESTBED",
            "captured": paid,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "disputed": self.disputed,
            "failure_balance_transaction": null,
            "failure_code": self.decline.map(|decline| decline.code),
            "failure_message": self.decline.map(|decline| decline.message),
            "fraud_details": {},
            "livemode": self.livemode,
            "metadata": self.metadata,
            "on_behalf_of": null,
            "outcome": outcome,
            "paid": paid,
            "payment_intent": self.payment_intent,
            "payment_method": self.payment_method,
            "payment_method_details": self.payment_method_details,
            "receipt_email": null,
            "receipt_number": null,
            "receipt_url": null,
            "refunded": paid && self.amount_refunded == self.amount,
            "review": null,
            "shipping": null,
            "source": null,
            "source_transfer": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": self.statement_descriptor_suffix,
            "status": if paid { "succeeded" } else { "failed" },
            "transfer_data": null,
            "transfer_group": null,
        })
    }
}

/// `GET /v1/charges/:id`
pub(crate) fn retrieve(
    world: &mut World,
    context: &Context,
    id: &str,
    _: &Params,
) -> Result<Value, ApiError> {
    Ok(find(&world.charges, id, context, Place::Path("charge"))?.json())
}
