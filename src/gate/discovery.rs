//! `GET /.well-known/stripe402`: what is for sale, for agents that look before they ask.
//!
//! Kept true here: it says no more than the challenges of these routes would.

use serde_json::{Map, Value, json};
use stripe402_core::config::{Price, Settings};

/// The protocol's version, the key that cards are tokenized with, and every priced route.
pub fn report(settings: &Settings) -> Value {
    let mut currencies = Vec::new();
    let mut routes = Vec::new();
    for route in &settings.routes {
        let Price::Paid { amount, currency, min_top_up, max_top_up, .. } = route.price else { continue };
        let (method, path) = route.key.split_once(' ').unwrap_or(("*", &route.key));
        if !currencies.contains(&currency.code()) {
            currencies.push(currency.code());
        }
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        let texts = [("method", method), ("path", path), ("currency", currency.code())];
        let optional = [("description", &route.description), ("mimeType", &route.mime_type)];
        let optional = optional.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        for (name, text) in texts.into_iter().chain(optional) {
            put(name, text.into());
        }
        for (name, units) in [("amount", amount), ("minTopUp", min_top_up), ("maxTopUp", max_top_up)] {
            put(name, units.get().into());
        }
        routes.push(Value::Object(fields));
    }
    json!({
        "stripe402Version": 1,
        "scheme": "stripe",
        "publishableKey": settings.publishable_key,
        "currencies": currencies,
        "routes": routes,
    })
}
