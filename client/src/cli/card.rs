//! A card from the environment, or asked for without an echo, when it is needed and not before.

use super::money::Amount;
use crate::protocol::{PaymentMethodId, Units};
use crate::{Ask, Card, CardError, CardPayer, Means, Payer, PayerError};
use async_trait::async_trait;
use tokio::sync::OnceCell;

/// Where card numbers go instead of to Stripe: in tests, on this machine. The library refuses anything else.
pub(crate) const STRIPE: &str = "STRIPE402_STRIPE_API";

/// A payment method that was named.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) payment_method: PaymentMethodId,
    pub(crate) top_up: Option<Amount>,
}

#[async_trait]
impl Payer for Named {
    async fn pay(&self, ask: &Ask<'_>) -> Result<Option<Means>, PayerError> {
        Ok(Some(Means { payment_method: self.payment_method.clone(), top_up: units(self.top_up, ask)? }))
    }
}

/// Asks for the card once somebody wants to be paid.
#[derive(Debug, Default)]
pub(crate) struct AskedFor {
    payer: OnceCell<CardPayer>,
    top_up: Option<Amount>,
}

impl AskedFor {
    pub(crate) fn new(top_up: Option<Amount>) -> Self {
        Self { payer: OnceCell::new(), top_up }
    }
}

#[async_trait]
impl Payer for AskedFor {
    async fn pay(&self, ask: &Ask<'_>) -> Result<Option<Means>, PayerError> {
        let top_up = units(self.top_up, ask)?;
        let what = format!("{} asks for {}", ask.origin, ask.offer.currency.format(ask.offer.amount));
        let payer = self.payer.get_or_try_init(|| async {
            let card = tokio::task::spawn_blocking(move || read(&what));
            let card = card.await.map_err(|error| PayerError::Other(error.to_string()))??;
            Ok::<_, PayerError>(payer(card)?.top_up(top_up))
        });
        payer.await?.pay(ask).await
    }
}

/// The amount of the top-up in units, if it is in the currency that is asked for.
fn units(top_up: Option<Amount>, ask: &Ask<'_>) -> Result<Option<Units>, PayerError> {
    match top_up {
        Some(amount) if amount.currency != ask.offer.currency => {
            let (named, asked) = (amount.currency, ask.offer.currency);
            Err(PayerError::Other(format!("--top-up is in {named}, and the server asks for {asked}")))
        }
        Some(amount) => Ok(Some(amount.units)),
        None => Ok(None),
    }
}

/// Pays with a card, at Stripe.
pub(crate) fn payer(card: Card) -> Result<CardPayer, CardError> {
    match std::env::var(STRIPE).ok().filter(|url| !url.is_empty()) {
        Some(url) => CardPayer::at(card, &url),
        None => CardPayer::new(card),
    }
}

fn read(what: &str) -> Result<Card, PayerError> {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(number) = given("STRIPE402_CARD_NUMBER") {
        let expiry = given("STRIPE402_CARD_EXPIRY").ok_or(CardError::Expiry)?;
        return Ok(Card::parse(&number, &expiry, given("STRIPE402_CARD_CVC").as_deref())?);
    }
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt).map_err(|_| {
            let why = "there is no terminal to ask for the card on: set STRIPE402_CARD_NUMBER, STRIPE402_CARD_EXPIRY and \
                       STRIPE402_CARD_CVC, or use --payment-method";
            PayerError::Other(why.to_owned())
        })
    };
    let number = ask(&format!("{what}. The card goes to Stripe only.\nCard number: "))?;
    let expiry = ask("Expiry (MM/YY): ")?;
    let cvc = ask("Security code: ")?;
    Ok(Card::parse(&number, &expiry, Some(&cvc))?)
}
