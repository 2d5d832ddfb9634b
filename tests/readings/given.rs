//! A gate with routes of every shape, its prices as a list that this test matches by itself, and targets.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
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
    let vars: BTreeMap<String, Value> = vars.as_object().unwrap().clone().into_iter().collect();
    let bindings = BTreeSet::from([Binding::Accounts, Binding::Limiter]);
    let (settings, _) =
        Settings::parse(Input { vars: &vars, bindings: &bindings, phase: Phase::Run }).unwrap();
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

/// What targets are made of.
const PIECES: [&str; 66] = [
    "/",
    "/",
    "/",
    "%2f",
    "%2F",
    "%252f",
    "\\",
    "%5c",
    "%255C",
    "//",
    ".",
    "..",
    "/./",
    "/../",
    "%2e",
    "%2E%2e",
    "%252e",
    ";",
    ";a=b",
    "%3b",
    " ",
    "%20",
    "%2520",
    "%00",
    "%09",
    "%0d%0a",
    "%3f",
    "%23",
    "#",
    "%25",
    "%",
    "%zz",
    "%c0%af",
    "%c0%ae",
    "%e0%80%af",
    "%ef%bc%8f",
    "%ef%bc%8e",
    "\u{ff0f}",
    "%e2%84%aa",
    "%ef%bd%8a",
    "+",
    "api",
    "API",
    "joke",
    "Joke",
    "%6aoke",
    "%256aoke",
    "gold",
    "files",
    "FILES",
    "logo",
    "v1",
    "free",
    "x",
    "café",
    "caf%c3%a9",
    "CAF%C3%89",
    "a b",
    "a%20b",
    "host.example",
    "é",
    "\u{1}",
    "@scope",
    "%40",
    "pkg",
    "%2C",
];

/// Paths with a price or close to one.
const PATHS: [&str; 16] = [
    "/api/joke",
    "/api/gold",
    "/v1/7/x",
    "/v1/free/x",
    "/files",
    "/files/a/b",
    "/files/gold",
    "/files/logo",
    "/café/a%20b",
    "/free",
    "/base/api/joke",
    "/",
    "/files/upload",
    "/@scope/pkg",
    "/a,b",
    "/a%2cb",
];

/// Targets: a path with pieces thrown into it, or nothing but pieces.
pub(crate) fn targets() -> impl Strategy<Value = String> {
    let pieces = || prop::sample::select(&PIECES[..]);
    let throws = prop::collection::vec((any::<prop::sample::Index>(), pieces(), any::<bool>()), 0..4);
    let changed = (prop::sample::select(&PATHS[..]), throws).prop_map(|(path, throws)| {
        let mut letters: Vec<String> = path.chars().map(String::from).collect();
        for (at, piece, instead) in throws {
            let at = at.index(letters.len() + 1);
            if instead && at < letters.len() {
                piece.clone_into(&mut letters[at]);
            } else {
                letters.insert(at, piece.to_owned());
            }
        }
        letters.concat()
    });
    // One thing in place of slashes, everywhere.
    let joined = (prop::sample::select(&PATHS[..]), pieces(), pieces())
        .prop_map(|(path, between, behind)| format!("/{}{behind}", path[1..].replace('/', between)));
    let above =
        (pieces(), prop::sample::select(&PATHS[..])).prop_map(|(piece, path)| format!("/{piece}{path}"));
    let free = prop::collection::vec(pieces(), 1..9).prop_map(|pieces| format!("/{}", pieces.concat()));
    prop_oneof![5 => changed, 2 => joined, 2 => above, 2 => free]
}

/// A request for a target.
pub(crate) fn request<'a>(method: &'a str, url: &'a str, payment: Option<&'a str>) -> Facts<'a> {
    Facts {
        method,
        url,
        payment,
        idempotency_key: None,
        origin: None,
        preflight_for: None,
        preflight_headers: None,
        headers: 5,
    }
}
