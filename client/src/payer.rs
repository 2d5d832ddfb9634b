//! Who decides: a [`Payer`] is asked when credits do not reach, and names a card or declines.

use crate::card::CardError;
use crate::origin::Origin;
use async_trait::async_trait;
use std::sync::Arc;
use stripe402_core::protocol::{Accept, ErrorCode, PaymentMethodId, Units};

/// Names a payment method, or declines: the protocol's `onPaymentRequired`.
///
/// It is asked once per request at most, only for what the [`Policy`](crate::Policy) allows, and after the credits that
/// are there have been tried.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
pub trait Payer: Send + Sync {
    /// What to pay with; none declines, and the 402 is the caller's answer.
    async fn pay(&self, ask: &Ask<'_>) -> Result<Option<Means>, PayerError>;
}

/// What is to be paid.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// To whom.
    pub origin: &'a Origin,
    /// What is sold, as the server names it: a path.
    pub resource: &'a str,
    /// Price, smallest top-up, and the key that makes a payment method of a card.
    pub offer: &'a Accept,
    /// Why credits did not do.
    pub error: Option<ErrorCode>,
}

/// What to pay with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Means {
    /// The card.
    pub payment_method: PaymentMethodId,
    /// How much to charge it; none: the smallest top-up.
    pub top_up: Option<Units>,
}

impl Means {
    /// A payment method, for the smallest top-up.
    pub const fn new(payment_method: PaymentMethodId) -> Self {
        Self { payment_method, top_up: None }
    }

    /// Charges so much instead.
    pub const fn top_up(mut self, units: Units) -> Self {
        self.top_up = Some(units);
        self
    }
}

/// A payer that could not say what to pay with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayerError {
    /// The card could not be made into a payment method.
    #[error(transparent)]
    Card(#[from] CardError),
    /// Another reason, for people.
    #[error("{0}")]
    Other(String),
}

/// Always the same payment method, for the smallest top-up that the server takes.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Payer for PaymentMethodId {
    async fn pay(&self, _: &Ask<'_>) -> Result<Option<Means>, PayerError> {
        Ok(Some(Means::new(self.clone())))
    }
}

/// Always the same.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Payer for Means {
    async fn pay(&self, _: &Ask<'_>) -> Result<Option<Means>, PayerError> {
        Ok(Some(self.clone()))
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl<P: Payer + ?Sized> Payer for Arc<P> {
    async fn pay(&self, ask: &Ask<'_>) -> Result<Option<Means>, PayerError> {
        (**self).pay(ask).await
    }
}

/// Spends the credits that are there, and never a card.
#[derive(Clone, Copy, Debug, Default)]
pub struct CreditsOnly;

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Payer for CreditsOnly {
    async fn pay(&self, _: &Ask<'_>) -> Result<Option<Means>, PayerError> {
        Ok(None)
    }
}

/// A function that decides, without waiting for anything.
///
/// ```
/// use stripe402_client::{Means, Payer, decide};
/// use stripe402_core::protocol::PaymentMethodId;
/// let card = PaymentMethodId::parse("pm_card_visa").unwrap();
/// let payer = decide(move |ask| {
///     (ask.offer.amount.get() <= 500).then(|| Means::new(card.clone()))
/// });
/// ```
pub fn decide(function: impl Fn(&Ask<'_>) -> Option<Means> + Send + Sync + 'static) -> impl Payer + 'static {
    struct Decides<F>(F);

    #[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
    #[cfg_attr(not(target_arch = "wasm32"), async_trait)]
    impl<F: Fn(&Ask<'_>) -> Option<Means> + Send + Sync> Payer for Decides<F> {
        async fn pay(&self, ask: &Ask<'_>) -> Result<Option<Means>, PayerError> {
            Ok((self.0)(ask))
        }
    }

    Decides(function)
}
