//! `GET /.well-known/stripe402`: what is for sale, for agents that look before they ask.
//!
//! Kept true here: it says no more than the challenges of these routes would.

use serde_json::{Value, json};
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
        routes.push(json!({
            "method": method,
            "path": path,
            "amount": amount.get(),
            "currency": currency.code(),
            "minTopUp": min_top_up.get(),
            "maxTopUp": max_top_up.get(),
            "description": route.description,
            "mimeType": route.mime_type,
        }));
    }
    json!({
        "stripe402Version": 1,
        "scheme": "stripe",
        "publishableKey": settings.publishable_key,
        "currencies": currencies,
        "routes": routes,
    })
}
