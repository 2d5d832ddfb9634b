//! Payment methods that a test lays out itself: with a chosen id, fingerprint, type and behaviour.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::cards;
use super::errors::ApiError;
use super::payment_methods::{Card, PaymentMethod};
use super::world::{Context, Record, World};

/// What `POST /_testbed/payment_methods` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixture {
    /// Kept at every retrieve.
    id: String,
    #[serde(rename = "type", default = "card")]
    kind: String,
    /// `null` for a card without one; left out, the card number's.
    #[serde(default)]
    fingerprint: Fingerprint,
    /// A test card's alias or number whose behaviour it has; left out, it works.
    #[serde(default)]
    behaviour: Option<String>,
    /// A customer that exists, to whom it is attached.
    #[serde(default)]
    customer: Option<String>,
    /// `card.wallet.type`
    #[serde(default)]
    wallet: Option<String>,
    #[serde(default)]
    livemode: bool,
    #[serde(default)]
    metadata: Map<String, Value>,
}

fn card() -> String {
    "card".to_owned()
}

/// Tells a fingerprint that is `null` from one that is left out.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Option<String>")]
enum Fingerprint {
    #[default]
    OfTheNumber,
    Given(Option<String>),
}

impl From<Option<String>> for Fingerprint {
    fn from(given: Option<String>) -> Self {
        Self::Given(given)
    }
}

impl World {
    /// Puts a fixed payment method into the world, in place of one with the same id.
    pub(crate) fn lay_out(&mut self, fixture: Fixture) -> Result<Value, ApiError> {
        let name = fixture.behaviour.as_deref().unwrap_or("4242424242424242");
        let test_card = cards::by_alias(name)
            .or_else(|| cards::by_number(name))
            .ok_or_else(|| ApiError::invalid(format!("No test card is called {name}.")).param("behaviour"))?;
        if let Some(customer) = &fixture.customer {
            let known = self.customers.get(customer).is_some_and(|found| found.livemode == fixture.livemode);
            if !known {
                return Err(ApiError::missing(400, "customer", customer, "customer", None));
            }
        }
        let context = Context::testbed(fixture.livemode);
        let mut shown = Card::of(test_card.number, Some(test_card), context.now);
        if let Fingerprint::Given(fingerprint) = fixture.fingerprint {
            shown.fingerprint = fingerprint;
        }
        shown.wallet = fixture.wallet;
        let made = PaymentMethod {
            id: fixture.id,
            card: (fixture.kind == "card").then_some(shown.clone()),
            kind: fixture.kind,
            customer: fixture.customer,
            metadata: fixture.metadata,
            ..PaymentMethod::of_card(shown, test_card.nature, fixture.livemode, context.now)
        };
        let answer = made.json();
        self.payment_methods.put(made);
        Ok(answer)
    }
}
