//! What is decided before any route is asked: targets that cannot be read, and paths that are ours.

use serde_json::json;
use stripe402_edge::gate::decide::MAX_HEADERS;
use stripe402_edge::gate::path::MAX_PATH;
use stripe402_edge::gate::{Decision, Facts};

use super::given::{answered, body, decide, gate, gate_of, request, words};

#[test]
fn a_target_that_cannot_be_read_is_refused_and_never_free() {
    let gate = gate_of(&[("GET /a", 100)]);
    let long = format!("http://h/{}", "a".repeat(MAX_PATH));
    let fits = format!("http://h/{}", "a".repeat(MAX_PATH - 1));
    let rows = [
        ("GET", "http://h*", "400"),
        ("OPTIONS", "http://h*", "400"),
        ("GET", "http://h", "400"),
        ("GET", "http://h?a=/a", "400"),
        ("GET", "", "400"),
        ("GET", "http://h/%", "400"),
        ("GET", "http://h/a%2", "400"),
        ("GET", "http://h/a\u{1}", "400"),
        ("GET", long.as_str(), "414"),
        ("GET", "http://h/a?%", "402 for 100"),
    ];
    for (method, url, expected) in rows {
        assert_eq!(words(&gate.decide(&request(method, url))), expected, "{method} {url:.60}");
    }
    assert!(words(&gate.decide(&request("GET", &fits))).starts_with("pass "));
}

#[test]
fn a_request_with_more_headers_than_anybody_needs_is_431() {
    let gate = gate_of(&[("GET /a", 100)]);
    for (headers, expected) in [(0, "402 for 100"), (MAX_HEADERS, "402 for 100"), (MAX_HEADERS + 1, "431")] {
        let facts = Facts { headers, ..request("GET", "http://h/a") };
        assert_eq!(words(&gate.decide(&facts)), expected, "{headers}");
    }
}

#[test]
fn the_log_is_told_what_kind_of_answer_it_was_and_on_which_route() {
    let gate = gate(json!({ "CORS_ORIGINS": "*", "ROUTES": { "GET /a/:x": { "amount": 100 } } }));
    let page = Some("https://app.example");
    let asked = |method, url| request(method, url);
    let rows = [
        (asked("GET", "http://h/a/1"), ("challenge", Some("GET /a/:x"))),
        (Facts { payment: Some("%%%"), ..asked("GET", "http://h/a/1") }, ("refused", Some("GET /a/:x"))),
        (asked("POST", "http://h/a/1"), ("rejected", None)),
        (asked("GET", "http://h/%"), ("rejected", None)),
        (
            Facts { origin: page, preflight_for: Some("GET"), ..asked("OPTIONS", "http://h/a/1") },
            ("preflight", None),
        ),
    ];
    for (facts, expected) in rows {
        match gate.decide(&facts) {
            Decision::Answer(_, kind, route) => assert_eq!((kind, route), expected, "{facts:?}"),
            other => panic!("{}", words(&other)),
        }
    }
}

#[test]
fn the_query_is_no_part_of_the_path() {
    let gate = gate_of(&[("GET /a", 100)]);
    for path in ["/a?", "/a?x", "/a?/b", "/a/?a?b", "/a?../free"] {
        assert_eq!(decide(&gate, "GET", path), "402 for 100", "{path}");
    }
    assert_eq!(decide(&gate, "GET", "/b?/a"), "pass /b");
    let Decision::Pass(target) = gate.decide(&request("GET", "http://h/b?x=%zz&y#z")) else {
        panic!("not passed")
    };
    assert_eq!(target.query, "?x=%zz&y#z", "it goes on as it was sent");
}

#[test]
fn our_own_paths_are_never_forwarded() {
    // Not even where a route for everything is there.
    let everything = gate_of(&[("* /*", 100)]);
    let nothing = gate_of(&[("GET /a", 100)]);
    let rows = [
        ("GET", "/.well-known/stripe402/health", "health"),
        ("HEAD", "/.well-known/stripe402/health", "health"),
        ("GET", "/.Well-Known/STRIPE402/Health/", "health"),
        ("GET", "/.well-known/%73tripe402/health", "health"),
        ("GET", "/.well-known/stripe402/health?x", "health"),
        ("POST", "/.well-known/stripe402/health", "405 allow GET, HEAD"),
        ("OPTIONS", "/.well-known/stripe402/health", "405 allow GET, HEAD"),
        ("POST", "/.well-known/stripe402/webhook", "webhook"),
        ("GET", "/.well-known/stripe402/webhook", "405 allow POST"),
        ("GET", "/.well-known/stripe402", "discovery"),
        ("GET", "/.well-known/stripe402/", "discovery"),
        ("GET", "/.well-known/stripe402/unknown", "404"),
        ("POST", "/.well-known/stripe402/health/x", "404"),
    ];
    for (method, path, expected) in rows {
        assert_eq!(decide(&everything, method, path), expected, "{method} {path}");
        assert_eq!(decide(&nothing, method, path), expected, "{method} {path}");
    }
    assert_eq!(decide(&nothing, "GET", "/.well-known/stripe402x"), "pass /.well-known/stripe402x");
    assert_eq!(
        decide(&nothing, "GET", "/x/.well-known/stripe402/health"),
        "pass /x/.well-known/stripe402/health"
    );
    assert_eq!(decide(&everything, "GET", "/.well-known/other"), "402 for 100");
}

#[test]
fn an_answer_that_is_not_about_a_payment_is_problem_details() {
    let gate = gate(json!({ "UNMATCHED": "deny", "ROUTES": { "GET /a": { "amount": 100 } } }));
    let rows = [("GET", "http://h/x", 404), ("POST", "http://h/a", 405), ("GET", "http://h/%", 400)];
    for (method, url, status) in rows {
        let answer = answered(&gate, &request(method, url));
        let problem = body(&answer);
        assert_eq!((answer.status, answer.content_type), (status, "application/problem+json"));
        assert_eq!((&problem["type"], &problem["status"]), (&json!("about:blank"), &json!(status)));
        for field in ["title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {problem}");
        }
        let text = answer.body;
        assert!(!text.contains("/x"), "nothing of the request stands in it: {text}");
    }
}
