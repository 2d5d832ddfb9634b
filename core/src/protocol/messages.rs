//! The two messages that a server sends, as they stand in headers and bodies.
//!
//! The order of the keys is part of the format: it is the reference implementation's, and challenges are
//! compared byte for byte. What is absent is left out, never `null`.

use super::{Currency, ErrorCode, Units};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// The version of the protocol, `stripe402Version` in every message that starts an exchange.
pub const VERSION: u32 = 1;

/// The only scheme of the protocol.
const SCHEME: &str = "stripe";

/// The challenge: what the resource costs and how to pay for it.
///
/// Reading one refuses any version but [`VERSION`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequired {
    /// What is sold.
    pub resource: Resource,
    /// The ways to pay; empty where paying again would not help (a frozen account).
    pub accepts: Vec<Accept>,
    /// Why a payment that was sent did not do.
    pub error: Option<ErrorCode>,
}

/// What is sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// The canonical path, without the query.
    pub url: String,
    /// The route's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The media type of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
}

/// One way to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// The currency of both amounts.
    pub currency: Currency,
    /// The price of this request.
    pub amount: Units,
    /// The smallest top-up, and the one that is charged when the client names none.
    pub min_top_up: Units,
    /// Stripe's publishable key, with which the client turns a card into a payment method.
    pub publishable_key: String,
    /// The route's description.
    pub description: Option<String>,
}

impl Serialize for PaymentRequired {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("PaymentRequired", 4)?;
        fields.serialize_field("stripe402Version", &VERSION)?;
        fields.serialize_field("resource", &self.resource)?;
        fields.serialize_field("accepts", &self.accepts)?;
        if let Some(error) = self.error {
            fields.serialize_field("error", &error)?;
        }
        fields.end()
    }
}

impl<'de> Deserialize<'de> for PaymentRequired {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            #[serde(rename = "stripe402Version")]
            version: u32,
            resource: Resource,
            accepts: Vec<Accept>,
            #[serde(default)]
            error: Option<ErrorCode>,
        }
        let Wire { version, resource, accepts, error } = Wire::deserialize(deserializer)?;
        if version != VERSION {
            return Err(de::Error::custom(format_args!("stripe402Version {version} is not {VERSION}")));
        }
        Ok(Self { resource, accepts, error })
    }
}

impl Serialize for Accept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Accept", 6)?;
        fields.serialize_field("scheme", SCHEME)?;
        fields.serialize_field("currency", &self.currency)?;
        fields.serialize_field("amount", &self.amount)?;
        fields.serialize_field("minTopUp", &self.min_top_up)?;
        fields.serialize_field("publishableKey", &self.publishable_key)?;
        if let Some(description) = &self.description {
            fields.serialize_field("description", description)?;
        }
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Accept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            scheme: String,
            currency: Currency,
            amount: Units,
            min_top_up: Units,
            publishable_key: String,
            #[serde(default)]
            description: Option<String>,
        }
        let Wire { scheme, currency, amount, min_top_up, publishable_key, description } =
            Wire::deserialize(deserializer)?;
        if scheme != SCHEME {
            return Err(de::Error::custom(format_args!("scheme {scheme:?} is not {SCHEME:?}")));
        }
        Ok(Self { currency, amount, min_top_up, publishable_key, description })
    }
}

/// What became of a payment: the `payment-response` header of a paid answer, and the body of a failed one.
///
/// `Debug` shows neither the client id nor a client secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentResponse {
    /// The request was paid for and served.
    pub success: bool,
    /// The PaymentIntent, only where this request's card was charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge_id: Option<String>,
    /// The balance after this request; 0 to a caller who did not send the client id.
    pub credits_remaining: Units,
    /// The payer's client id; empty to a caller who did not send it and did not pay.
    pub client_id: String,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// A code for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<ErrorCode>,
    /// What the payer has to do before a retry (3-D Secure). In bodies only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
}

impl fmt::Debug for PaymentResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentResponse")
            .field("success", &self.success)
            .field("charge_id", &self.charge_id)
            .field("credits_remaining", &self.credits_remaining)
            .field("client_id", &if self.client_id.is_empty() { "" } else { "…" })
            .field("error", &self.error)
            .field("error_code", &self.error_code)
            .field("action", &self.action)
            .finish()
    }
}

/// A step that only the payer can take: an extension to the protocol, beside the fields that it names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// The kind of step: `stripe_handle_next_action`, what Stripe.js does by `handleNextAction`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The PaymentIntent's client secret, for Stripe.js `handleNextAction`.
    pub client_secret: String,
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").field("kind", &self.kind).field("client_secret", &"…").finish()
    }
}
