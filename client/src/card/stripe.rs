//! `POST /v1/payment_methods` with a publishable key (<https://docs.stripe.com/api/payment_methods/create>).

use super::CardError;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use stripe402_core::protocol::PaymentMethodId;
use url::Url;

/// The version of Stripe's API that this was written for.
const VERSION: &str = "2026-07-29.dahlia";
/// What Stripe links to where card numbers are refused under a publishable key.
const TOKENIZATION: [&str; 2] = ["publishable key tokenization", "card-tokenization-restrictions"];

/// Makes a payment method of a card.
pub(super) async fn create(url: &Url, key: &str, form: &SecretString) -> Result<PaymentMethodId, CardError> {
    let (status, body) = post(url, key, form).await?;
    read(status, &body)
}

fn read(status: u16, body: &[u8]) -> Result<PaymentMethodId, CardError> {
    let not_stripe =
        || CardError::Unreachable(format!("it answered {status}, with nothing that could be read"));
    let answer: Value = serde_json::from_slice(body).map_err(|_| not_stripe())?;
    if status == 200 {
        let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
        return PaymentMethodId::parse(id).map_err(|_| not_stripe());
    }
    let error = answer.get("error").ok_or_else(not_stripe)?;
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    if TOKENIZATION.iter().any(|words| message.contains(words)) {
        return Err(CardError::TokenizationOff);
    }
    // Stripe's sentences about cards never quote them; its others may quote parameters.
    if error.get("type").and_then(Value::as_str) == Some("card_error") {
        return Err(CardError::Refused(message.to_owned()));
    }
    let code = error.get("code").and_then(Value::as_str).unwrap_or("no code");
    Err(CardError::Unreachable(format!("it answered {status}, {code}")))
}

#[cfg(all(not(target_arch = "wasm32"), feature = "middleware"))]
async fn post(url: &Url, key: &str, form: &SecretString) -> Result<(u16, Vec<u8>), CardError> {
    use std::time::Duration;
    let failed = |error: reqwest::Error| {
        let error = error.without_url();
        let what = if error.is_timeout() { "it took too long" } else { "it cannot be reached" };
        CardError::Unreachable(what.to_owned())
    };
    crate::middleware::provide_tls();
    // Never through a redirect: a card goes to one address.
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(failed)?;
    let request = client
        .post(url.clone())
        .bearer_auth(key)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("stripe-version", VERSION)
        .body(form.expose_secret().to_owned());
    let answer = request.send().await.map_err(failed)?;
    let status = answer.status().as_u16();
    Ok((status, answer.bytes().await.map_err(failed)?.to_vec()))
}

#[cfg(all(target_arch = "wasm32", feature = "fetch"))]
async fn post(url: &Url, key: &str, form: &SecretString) -> Result<(u16, Vec<u8>), CardError> {
    let headers = [
        ("authorization", format!("Bearer {key}")),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("stripe-version", VERSION.to_owned()),
    ];
    crate::fetch::post(url.as_str(), &headers, form.expose_secret())
        .await
        .map_err(|_| CardError::Unreachable("it cannot be reached".to_owned()))
}

#[cfg(not(any(
    all(not(target_arch = "wasm32"), feature = "middleware"),
    all(target_arch = "wasm32", feature = "fetch")
)))]
#[expect(clippy::unused_async, reason = "in place of one that waits")]
async fn post(_: &Url, _: &str, form: &SecretString) -> Result<(u16, Vec<u8>), CardError> {
    let (_, _) = (form.expose_secret().len(), VERSION);
    Err(CardError::Unreachable("built without the feature that sends it".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_answers_become_a_payment_method_or_a_sentence() {
        let error = |kind: &str, message: &str| {
            serde_json::json!({"error": {"type": kind, "code": "x_code", "message": message}}).to_string()
        };
        let refusal = "This integration surface is unsupported for publishable key tokenization. To enable this \
                       functionality, please visit https://dashboard.stripe.com/settings/integration.";
        let table = [
            (200, r#"{"id":"pm_1Abc"}"#.to_owned(), Ok("pm_1Abc")),
            (200, r#"{"id":"tok_1"}"#.to_owned(), Err("nothing that could be read")),
            (200, "<html>".to_owned(), Err("nothing that could be read")),
            (400, error("invalid_request_error", refusal), Err("has to switch on")),
            (402, error("card_error", "Your card number is incorrect."), Err("card number is incorrect")),
            (
                401,
                error("invalid_request_error", "Invalid API Key: pk_test_x"),
                Err("it answered 401, x_code"),
            ),
            (500, "{}".to_owned(), Err("it answered 500")),
        ];
        for (status, body, expected) in table {
            match (read(status, body.as_bytes()), expected) {
                (Ok(id), Ok(wanted)) => assert_eq!(id.as_str(), wanted),
                (Err(error), Err(wanted)) => assert!(error.to_string().contains(wanted), "{error}"),
                (found, _) => panic!("{body}: {found:?}"),
            }
        }
    }
}
