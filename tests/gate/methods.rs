//! The rules about methods: which fits which route, and what becomes of those that no route names.

use serde_json::{Value, json};
use stripe402_edge::gate::{Facts, Gate};

use super::given::{answered, body, decide, gate, gate_of, header, request, words};

fn table(gate: &Gate, rows: &[(&str, &str, &str)]) {
    for (method, path, expected) in rows {
        assert_eq!(decide(gate, method, path), *expected, "{method} {path}");
    }
}

#[test]
fn head_costs_what_get_costs() {
    let gate = gate_of(&[("GET /a", 100), ("POST /b", 200), ("* /c", 300)]);
    table(
        &gate,
        &[("HEAD", "/a", "402 for 100"), ("HEAD", "/b", "405 allow POST"), ("HEAD", "/c", "402 for 300")],
    );
}

#[test]
fn a_star_is_any_method_but_options() {
    let gate = gate_of(&[("* /a", 100)]);
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "BREW", "get"] {
        assert_eq!(decide(&gate, method, "/a"), "402 for 100", "{method}");
    }
    assert_eq!(decide(&gate, "OPTIONS", "/a"), "405 allow ", "an origin blind to methods would serve it");
}

#[test]
fn on_one_path_the_exact_method_wins_over_the_star() {
    let gate = gate_of(&[("* /a", 100), ("GET /a", 200), ("POST /a", 0)]);
    table(
        &gate,
        &[
            ("GET", "/a", "402 for 200"),
            ("HEAD", "/a", "402 for 200"),
            ("POST", "/a", "free /a on POST /a"),
            ("PUT", "/a", "402 for 100"),
        ],
    );
}

#[test]
fn the_path_decides_before_the_method() {
    let gate = gate_of(&[("* /a/b", 100), ("GET /a/:x", 200), ("GET /a/*", 300)]);
    table(
        &gate,
        &[("GET", "/a/b", "402 for 100"), ("GET", "/a/c", "402 for 200"), ("GET", "/a", "402 for 300")],
    );
}

#[test]
fn a_more_specific_path_with_another_method_hides_nothing() {
    let gate = gate_of(&[("POST /v1/images/*", 400), ("GET /v1/images/logo", 0), ("DELETE /v1/*", 500)]);
    table(
        &gate,
        &[
            ("GET", "/v1/images/logo", "free /v1/images/logo on GET /v1/images/logo"),
            ("POST", "/v1/images/logo", "402 for 400"),
            ("DELETE", "/v1/images/logo", "402 for 500"),
            ("PUT", "/v1/images/logo", "405 allow DELETE, GET, HEAD, POST"),
            ("GET", "/v1/images/other", "405 allow DELETE, POST"),
        ],
    );
}

#[test]
fn a_method_that_no_route_names_is_405_on_a_priced_path_and_the_sentence_says_how_to_free_it() {
    let gate = gate_of(&[("GET /a", 100), ("PUT /a", 0)]);
    let answer = answered(&gate, &request("POST", "http://h/a"));
    assert_eq!((answer.status, answer.content_type), (405, "application/problem+json"));
    assert_eq!(header(&answer, "allow"), Some("GET, HEAD, PUT"));
    let detail = body(&answer)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("amount = 0"), "{detail}");
    table(&gate, &[("post", "/a", "405 allow GET, HEAD, PUT"), ("QUERY", "/A/", "405 allow GET, HEAD, PUT")]);
}

#[test]
fn a_path_that_is_priced_for_no_method_refuses_none() {
    let gate = gate_of(&[("GET /free", 0), ("GET /paid", 1)]);
    table(&gate, &[("POST", "/free", "pass /free"), ("OPTIONS", "/free", "pass /free")]);
}

#[test]
fn unlisted_methods_pass_where_the_operator_says_so() {
    let gate = gate(json!({ "UNLISTED_METHODS": "free", "ROUTES": { "GET /a": { "amount": 100 } } }));
    table(
        &gate,
        &[
            ("POST", "/a", "pass /a"),
            ("HEAD", "/a", "402 for 100"),
            ("GET", "/a", "402 for 100"),
            ("TRACE", "/a", "405 allow GET, HEAD, POST"),
        ],
    );
}

#[test]
fn trace_and_connect_are_refused_everywhere() {
    for unlisted in ["free", "deny"] {
        let gate = gate(json!({ "UNLISTED_METHODS": unlisted, "ROUTES": { "* /a": { "amount": 100 } } }));
        for method in ["TRACE", "CONNECT"] {
            for path in ["/a", "/free", "/.well-known/stripe402/health"] {
                assert!(decide(&gate, method, path).starts_with("405 "), "{method} {path}");
            }
        }
    }
}

fn preflight<'a>(url: &'a str, origin: Option<&'a str>, asked: Option<&'a str>) -> Facts<'a> {
    Facts { origin, preflight_for: asked, ..request("OPTIONS", url) }
}

fn with_cors(origins: Value) -> Gate {
    gate(json!({
        "CORS_ORIGINS": origins, "ROUTES": { "GET /a": { "amount": 100 }, "GET /b": { "amount": 0 } },
    }))
}

#[test]
fn options_is_answered_for_allowed_pages_and_reaches_no_priced_path() {
    let page = Some("https://app.example");
    let list = json!(["https://app.example"]);
    let rows = [
        (json!(null), page, Some("GET"), "/a", "405 allow GET, HEAD"),
        (list.clone(), page, Some("GET"), "/a", "204"),
        (list.clone(), page, Some("GET"), "/A/?x", "204"),
        (list.clone(), page, Some("DELETE"), "/a", "204"),
        (json!("*"), Some("https://any.example"), Some("GET"), "/a", "204"),
        (list.clone(), Some("https://evil.example"), Some("GET"), "/a", "405 allow GET, HEAD"),
        (list.clone(), Some("https://app.example.evil"), Some("GET"), "/a", "405 allow GET, HEAD"),
        (list.clone(), None, Some("GET"), "/a", "405 allow GET, HEAD"),
        (list.clone(), page, None, "/a", "405 allow GET, HEAD"),
        (list.clone(), page, Some("GET"), "/b", "free"),
        (list, page, Some("GET"), "/other", "pass /other"),
    ];
    for (origins, origin, asked, path, expected) in rows {
        let gate = with_cors(origins.clone());
        let url = format!("https://shop.example{path}");
        let found = words(&gate.decide(&preflight(&url, origin, asked)));
        // A path that is free for every method is the origin's own business.
        let expected = if expected == "free" { "pass /b" } else { expected };
        assert_eq!(found, expected, "{origins} {origin:?} {asked:?} {path}");
    }
}

#[test]
fn the_preflight_of_a_method_that_is_free_on_a_priced_path_is_the_origins_business() {
    let gate = gate_of(&[("GET /a", 100), ("POST /a", 0)]);
    let rows = [
        (Some("POST"), "/a", "pass /a"),
        (Some("GET"), "/a", "405 allow GET, HEAD, POST"),
        (Some("HEAD"), "/a", "405 allow GET, HEAD, POST"),
        (Some("PUT"), "/a", "405 allow GET, HEAD, POST"),
        (Some("POST"), "/x/../a", "400"),
        (None, "/a", "405 allow GET, HEAD, POST"),
    ];
    for (asked, path, expected) in rows {
        let url = format!("https://shop.example{path}");
        let facts = preflight(&url, Some("https://app.example"), asked);
        assert_eq!(words(&gate.decide(&facts)), expected, "{asked:?} {path}");
    }
}

#[test]
fn a_preflight_allows_what_the_page_asks_for_and_the_headers_that_a_payment_needs() {
    let gate = with_cors(json!("*"));
    let allowed = |asked: Option<&str>| {
        let facts = preflight("https://h/a", Some("https://app.example"), Some("GET"));
        let answer = answered(&gate, &Facts { preflight_headers: asked, ..facts });
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        let methods = header(&answer, "access-control-allow-methods").unwrap();
        assert!(["GET", "POST", "PATCH"].iter().all(|name| methods.split(", ").any(|one| one == *name)));
        header(&answer, "access-control-allow-headers").unwrap().to_owned()
    };
    assert_eq!(allowed(None), "payment, idempotency-key");
    assert_eq!(allowed(Some("")), "payment, idempotency-key");
    assert_eq!(allowed(Some("content-type, x-own_1")), "payment, idempotency-key, content-type, x-own_1");
    for strange in ["a\r\nset-cookie: x", "a;b", "a\"b", "ä", "*"] {
        assert_eq!(allowed(Some(strange)), "payment, idempotency-key", "{strange:?} is not repeated");
    }
}

#[test]
fn only_pages_that_are_listed_may_read_our_answers() {
    let rows = [
        (json!(null), "https://app.example", false),
        (json!("*"), "https://app.example", true),
        (json!("https://app.example, https://b.example:8443"), "https://b.example:8443", true),
        (json!(["https://app.example"]), "https://app.example", true),
        (json!(["https://app.example"]), "http://app.example", false),
        (json!(["https://app.example"]), "https://APP.example", false),
        (json!(["https://app.example"]), "null", false),
    ];
    for (origins, origin, allowed) in rows {
        assert_eq!(with_cors(origins.clone()).allows_origin(origin), allowed, "{origins} {origin}");
    }
}
