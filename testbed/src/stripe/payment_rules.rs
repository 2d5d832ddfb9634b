//! The rules between the parameters of a PaymentIntent, which no table of single parameters can hold.
//! Source: docs.stripe.com/api/payment_intents/create.

use super::errors::ApiError;
use super::params::Params;

/// `automatic_payment_methods`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Automatic {
    /// `payment_method_types` was given instead.
    Off,
    On {
        redirects: bool,
    },
}

/// A payer who is away cannot set up the card for later.
pub(crate) fn check_session(off_session: bool, future_usage: bool) -> Result<(), ApiError> {
    if off_session && future_usage {
        return Err(ApiError::invalid(
            "You cannot confirm with `off_session=true` when `setup_future_usage` is also set on the \
             PaymentIntent. The customer needs to be on-session to perform the steps which may be required to set \
             up the PaymentMethod for future usage. Please confirm this PaymentIntent with your customer \
             on-session.",
        )
        .param("off_session"));
    }
    Ok(())
}

/// The rules between parameters (docs.stripe.com/api/payment_intents/create).
pub(crate) fn check_together(params: &Params, confirm: bool) -> Result<Automatic, ApiError> {
    let off_session = params.text("off_session").is_some_and(|word| word != "false");
    check_session(off_session, params.has("setup_future_usage"))?;
    if !confirm {
        for name in
            ["off_session", "error_on_requires_action", "return_url", "mandate_data", "use_stripe_sdk"]
        {
            if params.has(name) {
                return Err(ApiError::invalid(format!(
                    "The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is set to \
                     true."
                ))
                .param(name));
            }
        }
    }
    if confirm && !params.has("payment_method") {
        return Err(ApiError::invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the \
             PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a \
             payment method or ConfirmationToken.",
        )
        .code("payment_intent_unexpected_state"));
    }
    let automatic = params.hash("automatic_payment_methods");
    if params.has("payment_method_types") && automatic.is_some() {
        return Err(ApiError::invalid(
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
        )
        .param("automatic_payment_methods"));
    }
    if params.has("payment_method_types") {
        return Ok(Automatic::Off);
    }
    let redirects = automatic.as_ref().and_then(|hash| hash.text("allow_redirects")) != Some("never");
    if automatic.is_some_and(|hash| hash.boolean("enabled") == Some(false)) {
        return Err(ApiError::invalid(
            "You must provide `payment_method_types` when `automatic_payment_methods[enabled]` is false.",
        )
        .param("automatic_payment_methods[enabled]"));
    }
    if confirm && redirects && !params.has("return_url") {
        return Err(ApiError::invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of \
             these payment methods might redirect your customer off of your page, you must provide a `return_url`. If \
             you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to \
             `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and \
             Payment Intents.",
        ));
    }
    Ok(Automatic::On { redirects })
}
