//! Whose account a payment method pays into: that of the Customer it is attached to, else that of its card.
//!
//! Kept true here: whoever paid in before `SERVER_SECRET` was rotated is found under the secret before it, and no money
//! moves; a payment method of another Customer at the same Stripe account is not chargeable here.

use secrecy::{ExposeSecret, SecretString};
use stripe402_core::config::Mode;
use stripe402_core::protocol::{AccountId, ClientId};
use wasm_bindgen::JsValue;

use super::account_client::{Unreachable, ask};
use super::setup::Setup;
use super::watch::Watch;
use crate::ledger::{Answer, Call};
use crate::stripe::{CustomerId, PaymentMethod};

/// An account, the client id where the card itself tells it, and the Customer that the card is attached to.
pub(super) type Payer = (AccountId, Option<ClientId>, Option<CustomerId>);

/// Why a payment method pays into no account.
pub(super) enum NoPayer {
    /// In a sentence for the payer.
    Refused(&'static str),
    /// An account that has to be asked does not answer.
    Unreachable,
}

impl From<Unreachable> for NoPayer {
    fn from(_: Unreachable) -> Self {
        Self::Unreachable
    }
}

/// Finds it.
pub(super) async fn payer(env: &JsValue, setup: &Setup, found: &PaymentMethod) -> Result<Payer, NoPayer> {
    if found.livemode != (setup.settings.mode == Mode::Live) {
        let sentence = "This payment method belongs to Stripe's other mode (test or live).";
        return Err(NoPayer::Refused(sentence));
    }
    let secrets = &setup.settings.secrets;
    let under = |secret: &SecretString| {
        let print = found.fingerprint.as_ref()?;
        Some(ClientId::derive(secret.expose_secret().as_bytes(), print.as_str()))
    };
    let by_card = under(&secrets.server_secret);
    let before = secrets.server_secret_previous.as_ref().and_then(under);
    let Some(customer) = &found.customer else {
        let sentence = "Only cards can pay here, and this one has no fingerprint.";
        let mut client_id = by_card.ok_or(NoPayer::Refused(sentence))?;
        if let Some(before) = before
            && !is_known(env, setup, &AccountId::of(&client_id)).await?
            && is_known(env, setup, &AccountId::of(&before)).await?
        {
            client_id = before;
        }
        return Ok((AccountId::of(&client_id), Some(client_id), None));
    };
    let others = || NoPayer::Refused("This payment method belongs to another customer.");
    let account = customer.account.as_deref().and_then(|id| AccountId::parse(id).ok()).ok_or_else(others)?;
    let ours = customer.deployment.as_deref().is_some_and(|tag| setup.is_ours(tag));
    // It may be under a secret from before the last rotation but one.
    if !ours && !is_known(env, setup, &account).await? {
        return Err(others());
    }
    let client_id = by_card.into_iter().chain(before).find(|id| AccountId::of(id) == account);
    Ok((account, client_id, Some(customer.id.clone())))
}

/// Whether somebody has ever tried to pay into this account here.
pub(super) async fn is_known(env: &JsValue, setup: &Setup, account: &AccountId) -> Result<bool, Unreachable> {
    match ask(env, setup, &Watch::default(), account, &Call::IsKnown).await? {
        Answer::Done => Ok(true),
        Answer::NotOurs => Ok(false),
        _ => Err(Unreachable),
    }
}
