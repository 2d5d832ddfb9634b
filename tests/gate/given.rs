//! A gate from settings as they stand in `wrangler.toml`, requests, and decisions in a few words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use stripe402_core::config::{Binding, Input, Phase, Settings};
use stripe402_edge::gate::answer::Answer;
use stripe402_edge::gate::{Decision, Facts, Gate, Own};

/// Settings that are good, with these on top.
pub(crate) fn settings(changes: Value) -> Settings {
    let good = json!({
        "STRIPE_PUBLISHABLE_KEY": "pk_test_51Example",
        "STRIPE_SECRET_KEY": "sk_test_51Example",
        "SERVER_SECRET": "an-hmac-secret-of-at-least-32-bytes!!",
    });
    let fields = |value: Value| -> Map<String, Value> { value.as_object().unwrap().clone() };
    let vars: Map<String, Value> = fields(good).into_iter().chain(fields(changes)).collect();
    let bindings = [Binding::Accounts, Binding::Limiter];
    let parsed = Settings::parse(Input { vars: &vars, bindings: &bindings, phase: Phase::Run });
    parsed.unwrap_or_else(|errors| panic!("{errors}")).0
}

/// A gate with these settings.
pub(crate) fn gate(changes: Value) -> Gate {
    Gate::new(&settings(changes))
}

/// A gate with these routes: key and price in units.
pub(crate) fn gate_of(routes: &[(&str, i64)]) -> Gate {
    let routes: Map<String, Value> =
        routes.iter().map(|(key, amount)| ((*key).to_owned(), json!({ "amount": amount }))).collect();
    gate(json!({ "ROUTES": routes }))
}

/// A request with nothing but its method and path.
pub(crate) fn request<'a>(method: &'a str, url: &'a str) -> Facts<'a> {
    Facts {
        method,
        url,
        payment: None,
        cookie: None,
        idempotency_key: None,
        origin: None,
        preflight_for: None,
        preflight_headers: None,
        headers: 5,
    }
}

/// A `payment` header with this content.
pub(crate) fn payment(content: &Value) -> String {
    STANDARD.encode(content.to_string())
}

/// The header's content.
pub(crate) fn decoded(header: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(header).unwrap()).unwrap()
}

/// The body, as JSON.
pub(crate) fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

pub(crate) fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let mut values =
        answer.headers.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    let value = values.next();
    assert_eq!(values.next(), None, "{name} stands twice");
    value
}

/// The answer that a request gets from us.
pub(crate) fn answered(gate: &Gate, facts: &Facts<'_>) -> Answer {
    match gate.decide(facts) {
        Decision::Answer(answer, ..) => answer,
        other => panic!("not answered: {}", words(&other)),
    }
}

/// What happens to a request, in a few words.
pub(crate) fn words(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Pass(target) => format!("pass {}", target.raw),
        Decision::Free(target, route) => format!("free {} on {}", target.canonical, route.key),
        Decision::Pay(paid) => {
            format!("pay {} for {} on {}", paid.price, paid.target.canonical, paid.route.key)
        }
        Decision::Own(Own::Discovery) => "discovery".to_owned(),
        Decision::Own(Own::Health) => "health".to_owned(),
        Decision::Own(Own::Webhook) => "webhook".to_owned(),
        Decision::Own(Own::TopUp) => "top-up".to_owned(),
        Decision::Own(Own::Account) => "account".to_owned(),
        Decision::Own(Own::Forget) => "forget".to_owned(),
        Decision::Own(Own::Admin) => "admin".to_owned(),
        Decision::Answer(answer, ..) => match (answer.status, header(answer, "allow")) {
            (402, None) => match body(answer).get("errorCode") {
                Some(code) => format!("402 {}", code.as_str().unwrap()),
                None => format!("402 for {}", body(answer)["accepts"][0]["amount"]),
            },
            (status, Some(allow)) => format!("{status} allow {allow}"),
            (status, None) => status.to_string(),
        },
    }
}

/// What happens to a request without a payment.
pub(crate) fn decide(gate: &Gate, method: &str, path: &str) -> String {
    words(&gate.decide(&request(method, &format!("http://shop.example{path}"))))
}
