//! What is paid with: a card of the testbed's, with the client id that its fingerprint makes under our secret.

use serde_json::{Value, json};
use stripe402_core::protocol::{AccountId, ClientId, Payment, PaymentMethodId, Units, encode};

use crate::vectors;

/// A payment method of a card.
#[derive(Clone, Debug)]
pub struct Card {
    /// The payment method.
    pub method: PaymentMethodId,
    /// The card: two payment methods of one card have one fingerprint.
    pub fingerprint: String,
    /// Whose credits it fills.
    pub client: ClientId,
    /// The account's public name.
    pub account: AccountId,
}

impl Card {
    /// The payment method with this id, of the card with this fingerprint.
    pub fn new(method: &str, fingerprint: &str) -> Self {
        let client = ClientId::derive(vectors::text("serverSecret").as_bytes(), fingerprint);
        Self {
            method: PaymentMethodId::parse(method).expect("the id of a payment method"),
            fingerprint: fingerprint.to_owned(),
            account: AccountId::of(&client),
            client,
        }
    }

    /// The payment of a client who has only the card.
    pub fn pays(&self) -> String {
        self.payment(false, true, None)
    }

    /// The same, and names the amount of the top-up.
    pub fn tops_up(&self, units: i64) -> String {
        self.payment(false, true, Some(units))
    }

    /// The payment of a client who spends credits.
    pub fn spends(&self) -> String {
        self.payment(true, false, None)
    }

    /// The payment of a client who spends credits, and has the card at hand.
    pub fn spends_or_pays(&self) -> String {
        self.payment(true, true, None)
    }

    fn payment(&self, client: bool, method: bool, top_up: Option<i64>) -> String {
        let payment = Payment {
            client_id: client.then(|| self.client.clone()),
            payment_method: method.then(|| self.method.clone()),
            top_up: top_up.and_then(Units::new),
        };
        payment.to_header().expect("a payment can be written")
    }

    /// A payment as a client might write it: the version, and whatever else.
    pub fn writes(fields: &Value) -> String {
        let mut message = json!({"stripe402Version": 1});
        for (name, value) in fields.as_object().expect("fields") {
            message[name] = value.clone();
        }
        encode(&message).expect("JSON can be written")
    }
}
