//! Stripe's objects, as far as we read them. They stay open: a field that we do not know is ignored, and a status
//! that we do not know is kept as such, never taken for a success.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use stripe402_core::protocol::PaymentMethodId;

use super::ids::{CustomerId, Fingerprint, PaymentIntentId};

/// A PaymentMethod as retrieved with its Customer. <https://docs.stripe.com/api/payment_methods/object>
#[derive(Debug, Clone)]
pub struct PaymentMethod {
    /// The id that Stripe answered with; an alias such as `pm_card_visa` becomes a new object at every retrieve.
    pub id: PaymentMethodId,
    /// The card's fingerprint; none for what is not a card, and for cards that Stripe gives none.
    pub fingerprint: Option<Fingerprint>,
    /// The Customer that it is attached to.
    pub customer: Option<CustomerRef>,
    /// Whether it is a real card's.
    pub livemode: bool,
}

/// The Customer of a PaymentMethod, and what it says about whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerRef {
    /// Its id.
    pub id: CustomerId,
    /// `metadata.stripe402_account`, as written.
    pub account: Option<String>,
    /// `metadata.stripe402_deployment`, as written.
    pub deployment: Option<String>,
}

/// A Customer, as created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
}

/// Where a PaymentIntent stands. <https://docs.stripe.com/payments/paymentintents/lifecycle>
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentIntentStatus {
    /// The money is ours: credit `amount_received`, once.
    Succeeded,
    /// Declined, or never paid. No money moved.
    RequiresPaymentMethod,
    /// The payer's bank asks for 3-D Secure.
    RequiresAction,
    /// Created, and not confirmed.
    RequiresConfirmation,
    /// Authorised, and not captured.
    RequiresCapture,
    /// Not settled yet: wait.
    Processing,
    /// Ended without money.
    Canceled,
    /// A status of a later API version: never credited, looked at again later.
    Other(String),
}

impl PaymentIntentStatus {
    /// The status as Stripe writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Succeeded => "succeeded",
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresAction => "requires_action",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresCapture => "requires_capture",
            Self::Processing => "processing",
            Self::Canceled => "canceled",
            Self::Other(text) => text,
        }
    }
}

impl From<String> for PaymentIntentStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "succeeded" => Self::Succeeded,
            "requires_payment_method" => Self::RequiresPaymentMethod,
            "requires_action" => Self::RequiresAction,
            "requires_confirmation" => Self::RequiresConfirmation,
            "requires_capture" => Self::RequiresCapture,
            "processing" => Self::Processing,
            "canceled" => Self::Canceled,
            _ => Self::Other(text),
        }
    }
}

/// A PaymentIntent. <https://docs.stripe.com/api/payment_intents/object>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentIntent {
    /// Its id: the name of the credit.
    pub id: PaymentIntentId,
    /// Where it stands.
    pub status: PaymentIntentStatus,
    /// What was asked for, in minor units.
    pub amount: i64,
    /// What came in, in minor units.
    pub amount_received: i64,
    /// The currency, as Stripe wrote it.
    pub currency: String,
    /// What a page needs to finish 3-D Secure. Handed to the payer, never logged.
    pub client_secret: Option<String>,
    /// Our metadata: account, top-up, deployment.
    pub metadata: BTreeMap<String, String>,
    /// Whether real money moved.
    pub livemode: bool,
}

/// A field that may be an id or, when expanded, the object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Expandable<T> {
    Id(String),
    Object(T),
}

#[derive(Deserialize)]
struct RawCustomer {
    id: String,
    #[serde(default)]
    deleted: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RawCard {
    fingerprint: Option<String>,
}

#[derive(Deserialize)]
struct RawPaymentMethod {
    id: String,
    #[serde(default)]
    livemode: bool,
    card: Option<RawCard>,
    customer: Option<Expandable<RawCustomer>>,
}

#[derive(Deserialize)]
struct RawPaymentIntent {
    id: String,
    status: String,
    amount: i64,
    #[serde(default, deserialize_with = "null_as_default")]
    amount_received: i64,
    currency: String,
    client_secret: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    livemode: bool,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

fn custom<E: serde::de::Error>(error: impl std::fmt::Display) -> E {
    E::custom(error)
}

impl<'de> Deserialize<'de> for PaymentMethod {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = RawPaymentMethod::deserialize(d)?;
        let customer = match raw.customer {
            None => None,
            Some(Expandable::Id(id)) => Some(CustomerRef {
                id: CustomerId::parse(&id).map_err(custom)?,
                account: None,
                deployment: None,
            }),
            // A deleted Customer owns nothing any more.
            Some(Expandable::Object(object)) if object.deleted => None,
            Some(Expandable::Object(mut object)) => Some(CustomerRef {
                id: CustomerId::parse(&object.id).map_err(custom)?,
                account: object.metadata.remove("stripe402_account"),
                deployment: object.metadata.remove("stripe402_deployment"),
            }),
        };
        Ok(Self {
            id: PaymentMethodId::parse(&raw.id).map_err(custom)?,
            fingerprint: raw.card.and_then(|card| Fingerprint::new(&card.fingerprint?)),
            customer,
            livemode: raw.livemode,
        })
    }
}

impl<'de> Deserialize<'de> for Customer {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = RawCustomer::deserialize(d)?;
        if raw.deleted {
            return Err(custom("the customer is deleted"));
        }
        Ok(Self { id: CustomerId::parse(&raw.id).map_err(custom)? })
    }
}

impl<'de> Deserialize<'de> for PaymentIntent {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = RawPaymentIntent::deserialize(d)?;
        Ok(Self {
            id: PaymentIntentId::parse(&raw.id).map_err(custom)?,
            status: raw.status.into(),
            amount: raw.amount,
            amount_received: raw.amount_received,
            currency: raw.currency,
            client_secret: raw.client_secret,
            metadata: raw.metadata,
            livemode: raw.livemode,
        })
    }
}

/// One page of a list. <https://docs.stripe.com/api/pagination>
#[derive(Debug, Clone, Deserialize)]
pub struct List<T> {
    /// The objects, newest first.
    pub data: Vec<T>,
    /// Whether there is more.
    #[serde(default)]
    pub has_more: bool,
}
