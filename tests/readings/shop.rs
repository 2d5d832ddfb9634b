//! A gate with routes of every shape, and its prices as a list that is matched here, without the gate.

use serde_json::{Map, Value, json};
use stripe402_core::config::{Binding, Input, Phase, Settings};
use stripe402_edge::gate::{Facts, Gate};

/// Method, path, price.
pub(crate) const ROUTES: [(&str, &str, i64); 13] = [
    ("GET", "/api/joke", 100),
    ("GET", "/api/gold", 5_000),
    ("POST", "/api/joke", 700),
    ("*", "/v1/:id/x", 300),
    ("GET", "/v1/free/x", 0),
    ("GET", "/files/*", 200),
    ("POST", "/files/*", 900),
    ("POST", "/files/upload", 50),
    ("GET", "/@scope/pkg", 600),
    ("PUT", "/a,b", 800),
    ("GET", "/files/gold", 9_000),
    ("GET", "/files/logo", 0),
    ("GET", "/café/a b", 400),
];

/// The path as the operator wrote it: some write escapes where none is needed, some have to.
fn written(path: &str) -> String {
    path.replace(' ', "%20").replace('@', "%40").replace("a,b", "a%2Cb")
}

/// The gate of these routes, in front of an origin below this base path.
pub(crate) fn gate(base_path: &str) -> Gate {
    let routes: Map<String, Value> = ROUTES
        .iter()
        .map(|(method, path, amount)| (format!("{method} {}", written(path)), json!({ "amount": amount })))
        .collect();
    let vars = json!({
        "STRIPE_PUBLISHABLE_KEY": "pk_test_51Example",
        "STRIPE_SECRET_KEY": "sk_test_51Example",
        "SERVER_SECRET": "an-hmac-secret-of-at-least-32-bytes!!",
        "ORIGIN_URL": format!("https://origin.example{base_path}"),
        "ROUTES": routes,
    });
    let vars = vars.as_object().unwrap();
    let bindings = [Binding::Accounts, Binding::Limiter];
    let (settings, _) = Settings::parse(Input { vars, bindings: &bindings, phase: Phase::Run }).unwrap();
    Gate::new(&settings)
}

/// What a request costs that is sent as this reading, found as an origin would that ignores letter case and final
/// slashes; nobody can pay for what is not sold by this method.
pub(crate) fn price(method: &str, reading: &str) -> i64 {
    let reading = reading.to_lowercase();
    let path: Vec<&str> =
        reading.strip_prefix('/').unwrap_or(&reading).trim_end_matches('/').split('/').collect();
    let fitting: Vec<_> = ROUTES.iter().filter(|(_, pattern, _)| fits(pattern, &path)).collect();
    let by_method = fitting.iter().filter(|(named, ..)| match *named {
        "*" => method != "OPTIONS",
        "GET" => matches!(method, "GET" | "HEAD"),
        other => other == method,
    });
    match by_method.max_by_key(|(_, pattern, _)| rank(pattern)) {
        Some((.., amount)) => *amount,
        None if fitting.iter().any(|(.., amount)| *amount > 0) => i64::MAX,
        None => 0,
    }
}

fn fits(pattern: &str, path: &[&str]) -> bool {
    let pattern: Vec<&str> = pattern[1..].split('/').collect();
    let open = pattern.last() == Some(&"*");
    let fixed = if open { &pattern[..pattern.len() - 1] } else { &pattern[..] };
    let same = |(name, segment): (&&str, &&str)| {
        if name.starts_with(':') { !segment.is_empty() } else { name == segment }
    };
    (path.len() == fixed.len() || (open && path.len() > fixed.len())) && fixed.iter().zip(path).all(same)
}

/// Literal over name over star, segment by segment; no two routes here are told apart by anything else.
fn rank(pattern: &str) -> Vec<u8> {
    let one = |segment: &str| match segment.as_bytes().first() {
        Some(b'*') => 0,
        Some(b':') => 1,
        _ => 2,
    };
    pattern.split('/').skip(1).map(one).collect()
}

/// A request for a target.
pub(crate) fn request<'a>(method: &'a str, url: &'a str, payment: Option<&'a str>) -> Facts<'a> {
    Facts {
        method,
        url,
        payment,
        cookie: None,
        idempotency_key: None,
        origin: None,
        preflight_for: None,
        preflight_headers: None,
        headers: 5,
    }
}
