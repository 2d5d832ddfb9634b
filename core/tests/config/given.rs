//! A good configuration, and ways to spoil it.

use serde_json::{Map, Value, json};
use stripe402_core::config::{Binding, Input, Phase, Price, Settings, Warning};

pub(crate) const SERVER_SECRET: &str = "3f9c1e07b2d84a6f95e0c7a1b8d2f463";

/// What a Worker with two routes and test keys is given.
pub(crate) fn good() -> Value {
    json!({
        "ROUTES": {
            "GET /api/joke": { "amount": 100, "description": "Random joke" },
            "GET /api/weather": { "amount": 500, "description": "Weather data" },
        },
        "STRIPE_PUBLISHABLE_KEY": "pk_test_51Example",
        "STRIPE_SECRET_KEY": "sk_test_51Example",
        "SERVER_SECRET": SERVER_SECRET,
        "STRIPE_WEBHOOK_SECRET": "whsec_example",
    })
}

/// The same with these settings on top; `null` takes one away.
pub(crate) fn with(changes: &Value) -> Map<String, Value> {
    let mut settings = good();
    let settings: &mut Map<String, Value> = settings.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        settings.insert(name.clone(), value.clone());
    }
    settings
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

pub(crate) fn parse(
    vars: &Map<String, Value>,
    bindings: &[Binding],
    phase: Phase,
) -> Result<(Settings, Vec<Warning>), Vec<String>> {
    Settings::parse(Input { vars, bindings, phase })
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// What the Worker says to these changes.
pub(crate) fn run(changes: &Value) -> Result<(Settings, Vec<Warning>), Vec<String>> {
    parse(&with(changes), &[Binding::Accounts, Binding::Limiter], Phase::Run)
}

/// The settings with these changes.
pub(crate) fn settings(changes: &Value) -> Settings {
    match run(changes) {
        Ok((settings, _)) => settings,
        Err(errors) => panic!("{changes}: {errors:#?}"),
    }
}

/// The settings with this one route.
pub(crate) fn with_route(key: &str, fields: &Value) -> Result<(Settings, Vec<Warning>), Vec<String>> {
    run(&json!({ "ROUTES": { key: fields } }))
}

/// The bounds of a paid route: smallest top-up, largest, a day's.
pub(crate) fn bounds(settings: &Settings, key: &str) -> (i64, i64, i64) {
    let route = settings.routes.iter().find(|route| route.key == key).unwrap_or_else(|| panic!("no {key}"));
    match route.price {
        Price::Paid { min_top_up, max_top_up, max_top_up_per_day, .. } => {
            (min_top_up.get(), max_top_up.get(), max_top_up_per_day.get())
        }
        Price::Free => panic!("{key} is free"),
    }
}
