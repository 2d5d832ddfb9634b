//! Stripe's objects, as far as we read them. They stay open: a field that we do not know is ignored, and a status
//! that we do not know is kept as such, never taken for a success.

use serde_json::Value;
use stripe402_core::protocol::PaymentMethodId;

use super::ids::{CustomerId, Fingerprint, PaymentIntentId};

/// A PaymentMethod as retrieved with its Customer. <https://docs.stripe.com/api/payment_methods/object>
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Metadata, which Stripe keeps beside an object: of all of it, what is text. <https://docs.stripe.com/metadata>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata(Vec<(String, String)>);

impl Metadata {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&String> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
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
    pub metadata: Metadata,
    /// Whether real money moved.
    pub livemode: bool,
}

/// A dispute. <https://docs.stripe.com/api/disputes/object>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// Its id.
    pub id: String,
    /// How much it is about, in minor units.
    pub amount: i64,
    /// The currency, as Stripe wrote it.
    pub currency: String,
    /// Its status, as Stripe wrote it.
    pub status: String,
}

/// A refund. <https://docs.stripe.com/api/refunds/object>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// How much, in minor units.
    pub amount: i64,
    /// Its status, as Stripe wrote it.
    pub status: String,
    /// The payback of ours that asked for it, by its metadata ([`REFUND_OURS`]).
    pub ours: Option<String>,
}

/// The name in a refund's metadata under which its payback stands.
pub const REFUND_OURS: &str = "stripe402_refund";

impl Refund {
    /// Whether it is not decided yet whether its money arrives.
    pub fn is_pending(&self) -> bool {
        matches!(self.status.as_str(), "pending" | "requires_action")
    }

    /// Whether its money is taken, or being taken. A refund that failed or was canceled took none.
    pub fn takes(&self) -> bool {
        matches!(self.status.as_str(), "pending" | "requires_action" | "succeeded")
    }
}

/// What can be read out of an answer. By hand, from a parsed value: derived readers of half a dozen types would be a
/// tenth of the whole Worker.
pub trait FromJson: Sized {
    /// Reads it; none if a field that must be there is not, or is not what it must be.
    fn from_json(value: &Value) -> Option<Self>;
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn metadata(value: &Value) -> Metadata {
    let fields = value.get("metadata").and_then(Value::as_object).into_iter().flatten();
    let texts = fields.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Metadata(texts.collect())
}

impl FromJson for PaymentMethod {
    fn from_json(value: &Value) -> Option<Self> {
        let fingerprint = value.get("card").and_then(|card| Fingerprint::new(text(card, "fingerprint")?));
        // An id or, when expanded, the object. A deleted Customer owns nothing any more.
        let customer = match value.get("customer") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => {
                Some(CustomerRef { id: CustomerId::parse(id).ok()?, account: None, deployment: None })
            }
            Some(object) if flag(object, "deleted") => None,
            Some(object) => {
                let metadata = metadata(object);
                Some(CustomerRef {
                    id: CustomerId::parse(text(object, "id")?).ok()?,
                    account: metadata.get("stripe402_account").cloned(),
                    deployment: metadata.get("stripe402_deployment").cloned(),
                })
            }
        };
        let id = PaymentMethodId::parse(text(value, "id")?).ok()?;
        Some(Self { id, fingerprint, customer, livemode: flag(value, "livemode") })
    }
}

impl FromJson for Customer {
    fn from_json(value: &Value) -> Option<Self> {
        let id = CustomerId::parse(text(value, "id")?).ok()?;
        (!flag(value, "deleted")).then_some(Self { id })
    }
}

impl FromJson for PaymentIntent {
    fn from_json(value: &Value) -> Option<Self> {
        Some(Self {
            id: PaymentIntentId::parse(text(value, "id")?).ok()?,
            status: text(value, "status")?.to_owned().into(),
            amount: value.get("amount")?.as_i64()?,
            amount_received: value.get("amount_received").and_then(Value::as_i64).unwrap_or(0),
            currency: text(value, "currency")?.to_owned(),
            client_secret: text(value, "client_secret").map(ToOwned::to_owned),
            metadata: metadata(value),
            livemode: flag(value, "livemode"),
        })
    }
}

impl FromJson for Dispute {
    fn from_json(value: &Value) -> Option<Self> {
        Some(Self {
            id: text(value, "id")?.to_owned(),
            amount: value.get("amount")?.as_i64()?,
            currency: text(value, "currency")?.to_owned(),
            status: text(value, "status")?.to_owned(),
        })
    }
}

impl FromJson for Refund {
    fn from_json(value: &Value) -> Option<Self> {
        // Refunds of old API versions have no status: they are done.
        let status = text(value, "status").unwrap_or("succeeded").to_owned();
        let ours = metadata(value).get(REFUND_OURS).cloned();
        Some(Self { amount: value.get("amount")?.as_i64()?, status, ours })
    }
}

/// One page of a list. <https://docs.stripe.com/api/pagination>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T> {
    /// The objects, newest first.
    pub data: Vec<T>,
    /// Whether there is more.
    pub has_more: bool,
}

impl<T: FromJson> FromJson for List<T> {
    fn from_json(value: &Value) -> Option<Self> {
        let data = value.get("data")?.as_array()?.iter().map(T::from_json).collect::<Option<_>>()?;
        Some(Self { data, has_more: flag(value, "has_more") })
    }
}
