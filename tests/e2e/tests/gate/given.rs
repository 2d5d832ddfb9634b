//! What most tests here start from.

use serde_json::json;
use stripe402_e2e::{Config, Layout, Paywall, Request, Response};

use crate::scripted::Scripted;

/// 32 bytes, as every secret here.
pub(crate) const SECRET: &str = "an-origin-secret-of-at-least-32-bytes";

/// A page whose origin is allowed where `CORS_ORIGINS` names it.
pub(crate) const PAGE: &str = "https://app.example";

/// Everything below `/paid` costs 100, whatever the method.
pub(crate) fn config() -> Config {
    Config::new().var("ROUTES", json!({ "* /paid/*": { "amount": 100 }, "GET /api/joke": { "amount": 100 } }))
}

/// In front of this origin.
pub(crate) fn before(origin: &Scripted, config: Config) -> Paywall {
    Paywall::start_raw(config.var("ORIGIN_URL", origin.url()), Layout::new())
}

/// A paid GET, with a card of this name.
pub(crate) fn pays(paywall: &Paywall, target: &str, name: &str) -> Response {
    let card = paywall.stripe().card(name);
    sends(paywall, Request::get(target).payment(card.pays()))
}

/// Sends a request, and gives the whole answer.
pub(crate) fn sends(paywall: &Paywall, request: Request) -> Response {
    request.send(paywall.address()).unwrap_or_else(|error| panic!("{error}\n{}", paywall.said()))
}
