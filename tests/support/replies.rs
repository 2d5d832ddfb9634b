//! Stripe's answers as values, in the form of its API: what a scripted Stripe says.

use serde_json::{Value, json};
use stripe402_edge::stripe::{Answer, PaymentIntent, Reply, TopUpId};

/// An answer with this status and body.
pub(crate) fn answered(status: u16, body: &Value) -> Reply {
    Reply::Answered(Answer { status, body: body.to_string(), replayed: false, request_id: None })
}

/// The same answer, as Stripe repeats what it stored under an idempotency key.
pub(crate) fn replayed(reply: Reply) -> Reply {
    match reply {
        Reply::Answered(answer) => Reply::Answered(Answer { replayed: true, ..answer }),
        Reply::Lost => Reply::Lost,
    }
}

/// An answer whose body is no JSON.
pub(crate) fn html(status: u16) -> Reply {
    let body = "<html>upstream connect error</html>".to_owned();
    Reply::Answered(Answer { status, body, replayed: false, request_id: None })
}

/// A Customer.
pub(crate) fn customer(id: &str) -> Reply {
    answered(200, &json!({ "id": id, "object": "customer" }))
}

/// A PaymentMethod that is attached to a Customer.
pub(crate) fn attached(method: &str, customer: &str) -> Reply {
    answered(
        200,
        &json!({ "id": method, "type": "card", "card": { "fingerprint": "fp" }, "customer": customer }),
    )
}

/// A PaymentIntent: of test mode, worth 500 cents, and of no top-up. Changed by the methods.
#[derive(Debug, Clone)]
pub(crate) struct Intent(Value);

impl Intent {
    /// A PaymentIntent with a status. A succeeded one has received its amount.
    pub(crate) fn new(id: &str, status: &str) -> Self {
        Self(json!({
            "id": id, "object": "payment_intent", "status": status, "amount": 500,
            "amount_received": if status == "succeeded" { 500 } else { 0 },
            "currency": "usd", "client_secret": format!("{id}_secret_x"), "livemode": false, "metadata": {},
        }))
    }

    /// One that says whose top-up it is.
    pub(crate) fn of(mut self, top_up: &TopUpId) -> Self {
        self.0["metadata"] = json!({ "stripe402_top_up": top_up.as_str() });
        self
    }

    /// One with another field.
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.0[field] = value;
        self
    }

    /// As the answer to its creation, read or cancel.
    pub(crate) fn reply(self) -> Reply {
        answered(200, &self.0)
    }

    /// As the only one on a Customer's list.
    pub(crate) fn listed(self) -> Reply {
        list(vec![self])
    }

    /// As the value that the machine is told.
    pub(crate) fn read(self) -> PaymentIntent {
        self.reply().object(true).expect("a PaymentIntent")
    }
}

/// A Customer's list of PaymentIntents.
pub(crate) fn list(intents: Vec<Intent>) -> Reply {
    let data: Vec<Value> = intents.into_iter().map(|intent| intent.0).collect();
    answered(200, &json!({ "object": "list", "data": data, "has_more": false }))
}

/// A card's refusal, with the PaymentIntent that it left behind.
pub(crate) fn declined(code: &str, message: &str) -> Reply {
    let intent = json!({ "id": "pi_declined", "status": "requires_payment_method" });
    answered(
        402,
        &json!({ "error": {
            "type": "card_error", "code": "card_declined", "decline_code": code, "message": message,
            "payment_intent": intent,
        }}),
    )
}

/// A request that Stripe refuses.
pub(crate) fn refused(status: u16, code: &str, param: &str, message: &str) -> Reply {
    answered(
        status,
        &json!({ "error": {
            "type": "invalid_request_error", "code": code, "param": param, "message": message,
        }}),
    )
}

/// The Customer is gone at Stripe.
pub(crate) fn no_such_customer() -> Reply {
    refused(400, "resource_missing", "customer", "No such customer: 'cus_1'")
}

/// The card is attached already, to whomever.
pub(crate) fn already_attached() -> Reply {
    let message = "The payment method you provided has already been attached to a customer.";
    answered(400, &json!({ "error": { "type": "invalid_request_error", "message": message } }))
}

/// An error of another kind with this status.
pub(crate) fn error(status: u16, kind: &str) -> Reply {
    answered(status, &json!({ "error": { "type": kind, "message": "something" } }))
}

/// A 500, executed now.
pub(crate) fn server_error() -> Reply {
    error(500, "api_error")
}

/// A 500 that Stripe had stored.
pub(crate) fn stored_error() -> Reply {
    replayed(server_error())
}

/// The same key is still at work.
pub(crate) fn in_use() -> Reply {
    answered(
        409,
        &json!({ "error": {
            "type": "idempotency_error", "code": "idempotency_key_in_use",
            "message": "There is currently another in-progress request using this Idempotent Key",
        }}),
    )
}
