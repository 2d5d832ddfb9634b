//! An attempt to charge a card, from the checks that need no bank to the result. What it keeps true: an attempt
//! ends in exactly one of success, a decline, a wait for the payer, or a wait for the bank; and a PaymentIntent has
//! at most one successful charge.

use serde_json::{Value, json};

use super::cards::{Afterwards, ThreeDSecure};
use super::charges::Charge;
use super::declines::{self, Decline};
use super::errors::ApiError;
use super::ids;
use super::params::Params;
use super::payment_intents::{PaymentIntent, Status};
use super::payment_methods::{PaymentMethod, SPENT};
use super::world::{Context, Later, Place, Record, World, find};

/// What a confirmation asks for, checked.
#[derive(Debug)]
pub(crate) struct Attempt {
    method: String,
    off_session: bool,
    error_on_requires_action: bool,
    return_url: Option<String>,
}

impl Attempt {
    pub(crate) fn read(
        world: &World,
        context: &Context,
        intent: &PaymentIntent,
        method: Option<&str>,
        params: &Params,
    ) -> Result<Self, ApiError> {
        let Some(method) = method else {
            let hint = match &intent.customer {
                None => "You can either update the PaymentIntent with a payment method and then confirm it again, or \
                         confirm it again directly with a payment method or ConfirmationToken."
                    .to_owned(),
                Some(customer) => format!(
                    "To confirm the PaymentIntent with {customer}, specify a payment method attached to this customer \
                     along with the customer ID."
                ),
            };
            return Err(intent.unexpected_state(format!(
                "You cannot confirm this PaymentIntent because it's missing a payment method. {hint}"
            )));
        };
        world.check_usable(context, intent, method)?;
        Ok(Self {
            method: method.to_owned(),
            off_session: params.text("off_session").is_some_and(|word| word != "false"),
            error_on_requires_action: params.boolean("error_on_requires_action").unwrap_or(false),
            return_url: params.owned("return_url"),
        })
    }
}

impl World {
    /// Whether this payment method may pay this intent at all.
    pub(crate) fn check_usable(
        &self,
        context: &Context,
        intent: &PaymentIntent,
        method: &str,
    ) -> Result<(), ApiError> {
        let method = find(&self.payment_methods, method, context, Place::Param("payment_method"))?;
        if method.spent {
            return Err(ApiError::invalid(SPENT).stored());
        }
        match (&method.customer, &intent.customer) {
            (Some(owner), None) => {
                return Err(ApiError::invalid(format!(
                    "The `payment_method` parameter supplied {} belongs to the Customer {owner}. Please include the \
                     Customer in the `customer` parameter on the PaymentIntent.",
                    method.id
                ))
                .code("parameter_missing")
                .param("customer")
                .stored());
            }
            (Some(owner), Some(customer)) if owner != customer => {
                return Err(ApiError::invalid(format!(
                    "The customer does not have a payment method with the ID {}. The payment method must be attached \
                     to the customer.",
                    method.id
                ))
                .param("payment_method")
                .stored());
            }
            (Some(_), Some(_)) | (None, _) => {}
        }
        if !intent.payment_method_types.contains(&method.kind) {
            return Err(ApiError::invalid(format!(
                "The PaymentMethod provided ({}) is not allowed for this PaymentIntent. Please attach a PaymentMethod \
                 of one of the following types: {}.",
                method.kind,
                intent.payment_method_types.join(", ")
            ))
            .code("payment_intent_incompatible_payment_method")
            .param("payment_method")
            .stored());
        }
        Ok(())
    }

    /// The intent as JSON.
    pub(crate) fn payment_intent(&self, id: &str) -> Result<Value, ApiError> {
        self.payment_intents
            .get(id)
            .map(Record::json)
            .ok_or_else(|| ApiError::missing(404, PaymentIntent::NOUN, id, "intent", None))
    }

    /// Tries to charge. A decline is an error; waiting for the payer is not.
    pub(crate) fn confirm(&mut self, context: &Context, id: &str, attempt: &Attempt) -> Result<(), ApiError> {
        let (Some(intent), Some(method)) =
            (self.payment_intents.get_mut(id), self.payment_methods.get(&attempt.method))
        else {
            return Err(ApiError::missing(404, PaymentIntent::NOUN, id, "intent", None));
        };
        intent.payment_method = Some(attempt.method.clone());
        intent.last_payment_error = Value::Null;
        let asks = match method.nature.three_d_secure {
            ThreeDSecure::Never => false,
            ThreeDSecure::Always => true,
            ThreeDSecure::UnlessSetUp => !(attempt.off_session && method.set_up),
            ThreeDSecure::OnSession => !attempt.off_session,
        };
        if !asks {
            return self.charge(context, id);
        }
        if attempt.off_session || attempt.error_on_requires_action {
            return Err(self.fail(context, id, &declines::AUTHENTICATION_REQUIRED));
        }
        intent.status = Status::RequiresAction;
        intent.next_action = match &attempt.return_url {
            None => json!({
                "type": "use_stripe_sdk",
                "use_stripe_sdk": {"type": "stripe_3ds2_fingerprint", "three_d_secure_2_source": ids::fresh("src")},
            }),
            Some(url) => json!({
                "type": "redirect_to_url",
                "redirect_to_url": {"return_url": url, "url": format!("https://hooks.stripe.com/3d_secure_2/hosted?intent={id}")},
            }),
        };
        let waiting = intent.json();
        self.emit(context, "payment_intent.requires_action", waiting);
        Ok(())
    }

    /// The payer has answered the bank's question.
    pub(crate) fn authenticate(&mut self, id: &str, success: bool) -> Result<(), ApiError> {
        let Some(intent) = self.payment_intents.get_mut(id) else {
            return Err(ApiError::missing(404, PaymentIntent::NOUN, id, "intent", None));
        };
        if intent.status != Status::RequiresAction {
            return Err(intent.unexpected_state(format!(
                "This PaymentIntent has a status of {} and waits for no one.",
                intent.status.name()
            )));
        }
        let context = Context::testbed(intent.livemode);
        intent.next_action = Value::Null;
        // A decline is the payer's business from here on: it is on the intent, and nobody waits for an answer.
        let _declined = if success {
            self.charge(&context, id)
        } else {
            Err(self.fail(&context, id, &AUTHENTICATION_FAILED))
        };
        Ok(())
    }

    /// The bank has decided about a payment that was `processing`.
    pub(crate) fn settle(&mut self, id: &str, success: bool) -> Result<(), ApiError> {
        let Some(intent) = self.payment_intents.get(id) else {
            return Err(ApiError::missing(404, PaymentIntent::NOUN, id, "intent", None));
        };
        if intent.status != Status::Processing {
            return Err(intent.unexpected_state(format!(
                "This PaymentIntent has a status of {}, not processing.",
                intent.status.name()
            )));
        }
        let context = Context::testbed(intent.livemode);
        if success {
            self.succeed(&context, id);
        } else {
            self.fail(&context, id, &declines::GENERIC);
        }
        Ok(())
    }

    fn charge(&mut self, context: &Context, id: &str) -> Result<(), ApiError> {
        let Some(intent) = self.payment_intents.get_mut(id) else { return Ok(()) };
        let method = intent.payment_method.as_deref().and_then(|method| self.payment_methods.get(method));
        let Some(nature) = method.map(|method| method.nature) else { return Ok(()) };
        if let Some(decline) = nature.decline {
            return Err(self.fail(context, id, &decline));
        }
        if nature.processing {
            intent.status = Status::Processing;
            let processing = intent.json();
            self.emit(context, "payment_intent.processing", processing);
            return Ok(());
        }
        self.succeed(context, id);
        Ok(())
    }

    fn succeed(&mut self, context: &Context, id: &str) {
        let Some(charge) = self.make_charge(context, id, None) else { return };
        let Some(intent) = self.payment_intents.get_mut(id) else { return };
        intent.status = Status::Succeeded;
        intent.amount_received = intent.amount;
        intent.latest_charge = Some(charge.clone());
        intent.next_action = Value::Null;
        let succeeded = intent.json();
        let keeps = intent.setup_future_usage.clone();
        let customer = intent.customer.clone();
        let Some(method) = intent.payment_method.as_deref().and_then(|id| self.payment_methods.get_mut(id))
        else {
            return;
        };
        method.set_up = method.set_up || keeps.as_deref() == Some("off_session");
        let afterwards = method.nature.afterwards;
        let attached = match (&method.customer, keeps, customer) {
            (None, Some(_), Some(customer)) => {
                method.customer = Some(customer);
                Some(method.json())
            }
            (None, _, _) => {
                method.spent = true;
                None
            }
            (Some(_), _, _) => None,
        };
        let charged = self.charges.get(&charge).map_or(Value::Null, Record::json);
        self.emit(context, "charge.succeeded", charged);
        self.emit(context, "payment_intent.succeeded", succeeded);
        if let Some(attached) = attached {
            self.emit(context, "payment_method.attached", attached);
        }
        match afterwards {
            Afterwards::Dispute(status, reason) => {
                self.afterwards(Later::OpenDispute { payment_intent: id.to_owned(), status, reason });
            }
            Afterwards::FraudWarning => self.afterwards(Later::WarnOfFraud { charge }),
            Afterwards::Nothing | Afterwards::RefundFails | Afterwards::RefundPends => {}
        }
    }

    /// Ends an attempt with a decline, and gives the answer for whoever asked.
    fn fail(&mut self, context: &Context, id: &str, decline: &Decline) -> ApiError {
        let charge = if decline.charged { self.make_charge(context, id, Some(*decline)) } else { None };
        let mut error = decline.error();
        if let Some(charge) = &charge {
            error = error.with("charge", charge.as_str());
        }
        let Some(intent) = self.payment_intents.get_mut(id) else { return error };
        if let Some(method) = intent.payment_method.take().and_then(|id| self.payment_methods.get_mut(&id)) {
            // A failed attempt uses up a payment method that belongs to nobody, too.
            method.spent = method.customer.is_none();
            error = error.with("payment_method", method.json());
        }
        intent.status = Status::RequiresPaymentMethod;
        intent.next_action = Value::Null;
        intent.last_payment_error = Value::Object(error.error.clone());
        if charge.is_some() {
            intent.latest_charge.clone_from(&charge);
        }
        let failed = intent.json();
        if let Some(charge) = charge.and_then(|id| self.charges.get(&id)).map(Record::json) {
            self.emit(context, "charge.failed", charge);
        }
        self.emit(context, "payment_intent.payment_failed", failed.clone());
        error.with("payment_intent", failed)
    }

    fn make_charge(&mut self, context: &Context, id: &str, decline: Option<Decline>) -> Option<String> {
        let intent = self.payment_intents.get(id)?;
        let method = self.payment_methods.get(intent.payment_method.as_deref()?)?;
        let charge = Charge {
            id: ids::fresh("ch"),
            livemode: intent.livemode,
            created: context.now,
            amount: intent.amount,
            amount_refunded: 0,
            currency: intent.currency.clone(),
            customer: intent.customer.clone(),
            description: intent.description.clone(),
            disputed: false,
            decline,
            metadata: intent.metadata.clone(),
            payment_intent: intent.id.clone(),
            payment_method: method.id.clone(),
            payment_method_details: details(method),
            billing_details: method.json()["billing_details"].clone(),
            statement_descriptor_suffix: intent.statement_descriptor_suffix.clone(),
        };
        let id = charge.id.clone();
        self.charges.put(charge);
        Some(id)
    }
}

/// The payer failed the bank's question, or walked away from it.
const AUTHENTICATION_FAILED: Decline = Decline {
    code: "payment_intent_authentication_failure",
    decline_code: None,
    message: "We are unable to authenticate your payment method. Please choose a different payment method and try \
              again.",
    ..declines::AUTHENTICATION_REQUIRED
};

/// `payment_method_details` of a charge: the card without what only the payment method knows.
fn details(method: &PaymentMethod) -> Value {
    let mut details = json!({ "type": method.kind });
    details[&method.kind] = method.card.as_ref().map_or_else(
        || json!({}),
        |card| {
            let mut card = card.json();
            if let Some(card) = card.as_object_mut() {
                for field in ["display_brand", "generated_from", "networks", "three_d_secure_usage"] {
                    card.remove(field);
                }
            }
            card
        },
    );
    details
}
