//! API keys. Every well-formed key belongs to the one account there is; its prefix says the mode.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::errors::ApiError;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) livemode: bool,
    pub(crate) publishable: bool,
}

/// Reads `Authorization: Bearer sk_…`, or Basic with the key as the user.
pub(crate) fn caller(headers: &HeaderMap) -> Result<Caller, ApiError> {
    let Some(key) = key(headers) else {
        return Err(refused(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer \
             auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for \
             details, or we can help at https://support.stripe.com/.",
        ));
    };
    let known = [
        ("sk_test_", false, false),
        ("rk_test_", false, false),
        ("sk_live_", true, false),
        ("rk_live_", true, false),
        ("pk_test_", false, true),
        ("pk_live_", true, true),
    ];
    known
        .into_iter()
        .find(|(prefix, ..)| key.len() > prefix.len() && key.starts_with(prefix) && !key.contains("invalid"))
        .map(|(_, livemode, publishable)| Caller { livemode, publishable })
        .ok_or_else(|| refused(format!("Invalid API Key provided: {}", masked(&key))))
}

/// A secret key is needed here.
pub(crate) fn secret_key_required() -> ApiError {
    refused(
        "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of \
         your API keys at https://dashboard.stripe.com/account/apikeys.",
    )
    .code("secret_key_required")
}

/// What the request log shows: the scheme, and the key's prefix.
pub(crate) fn redacted(headers: &HeaderMap) -> Option<String> {
    let scheme = headers.get(AUTHORIZATION)?.to_str().ok()?.split(' ').next()?;
    let key = key(headers).unwrap_or_default();
    let prefix: String = key.chars().take(8).collect();
    Some(format!("{scheme} {prefix}…"))
}

fn key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    let key = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => credentials.trim().to_owned(),
        "basic" => {
            let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
            decoded.split(':').next()?.to_owned()
        }
        _ => return None,
    };
    (!key.is_empty()).then_some(key)
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::invalid(message).status(401)
}

/// `sk_test_*****dkey`
fn masked(key: &str) -> String {
    let head: String = key.chars().take(8).collect();
    let rest: Vec<char> = key.chars().skip(8).collect();
    let tail: String = rest.iter().skip(rest.len().saturating_sub(4)).collect();
    format!("{head}{}{tail}", "*".repeat(rest.len().saturating_sub(4)))
}
