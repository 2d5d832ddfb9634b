//! Which requests are for sale: methods, spellings of a path, and what passes free.

use serde_json::json;
use stripe402_core::protocol::digest::{hex, sha256};
use stripe402_e2e::{Request, Response};

use crate::{assert_paid, shared};

/// What the origin's echo says of a request.
fn echoed(answer: &Response) -> (String, String, String) {
    let json = answer.json();
    let text = |field: &str| json[field].as_str().unwrap().to_owned();
    (text("method"), text("target"), text("sha256"))
}

#[test]
fn a_request_on_no_route_passes_untouched_with_its_body_and_query() {
    let visitor = shared().visitor("free");
    let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let target = "/lax/echo?x=1&y=%2F%20&&z=%zz+a";

    let answer = visitor.asks(Request::new("PUT", target).header("x-kept", "as it is").body(body.clone()));

    assert_eq!(answer.status, 200);
    assert_eq!(echoed(&answer), ("PUT".into(), target.into(), hex(&sha256(&body))));
    for ours in ["payment-required", "payment-response", "cache-control", "vary"] {
        assert_eq!(answer.header(ours), None, "{ours}");
    }
    let reached = visitor.reached();
    assert_eq!(reached.len(), 1);
    assert_eq!(reached[0].header("x-kept"), Some("as it is"));
}

#[test]
fn a_free_path_is_forwarded_as_it_was_sent() {
    let visitor = shared().visitor("free-as-sent");
    let targets = ["/free//a%2Fb", "/free/%C3%A9;v=1", "/Free/x/", "/free/%7e?a=b?c", "/"];
    for target in targets {
        assert_eq!(visitor.gets(target).status, 404, "the origin's own word on {target}");
    }
    assert_eq!(visitor.reached().iter().map(|one| one.target.as_str()).collect::<Vec<_>>(), targets);
}

#[test]
fn a_payment_on_a_free_route_is_neither_taken_nor_passed_on() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("free-with-payment"));
    let card = stripe.card("free_with_payment");
    for target in ["/api/health", "/lax/api/health"] {
        let answer = visitor.pays(target, &card.pays());
        assert_eq!((answer.status, answer.header("payment-response")), (200, None), "{target}");
    }
    assert_eq!(stripe.calls(&card), Vec::<String>::new());
    let reached = visitor.reached();
    assert_eq!(reached.len(), 2);
    assert!(
        reached.iter().all(|one| one.header("payment").is_none()),
        "who reads the origin's log could spend it"
    );
}

#[test]
fn a_paid_post_brings_its_body_and_query_byte_for_byte() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("paid-post"));
    let card = stripe.card("paid_post");
    let text = r#"{"prompt":"Zürich ☂","n":1}"#.as_bytes().to_vec();
    let bytes: Vec<u8> = (0..=255).rev().cycle().take(300_000).collect();
    for (nth, body) in (1..).zip([text, bytes, Vec::new()]) {
        let request =
            Request::post("/echo?q=%C3%A9&q=2", body.clone()).header("content-type", "application/x-test");
        let answer = visitor.asks(request.payment(card.pays()));
        assert_paid(&answer, 50_000 - 100 * nth);
        assert_eq!(echoed(&answer), ("POST".into(), "/echo?q=%C3%A9&q=2".into(), hex(&sha256(&body))));
    }
    let reached = visitor.reached();
    assert_eq!(reached.len(), 3);
    assert_eq!(reached[0].header("content-type"), Some("application/x-test"));
}

#[test]
fn a_body_that_is_not_paid_for_goes_nowhere() {
    let visitor = shared().visitor("unpaid-post");
    let answer = visitor.asks(Request::post("/echo", vec![b'x'; 200_000]));
    assert_eq!(answer.status, 402);
    assert_eq!(answer.required().resource.url, "/echo");
    assert_eq!(visitor.reached(), []);
}

#[test]
fn a_head_request_on_a_paid_get_route_costs_the_same_and_has_no_body() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("paid-head"));
    let card = stripe.card("paid_head");
    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);

    let answer = visitor.asks(Request::new("HEAD", "/api/joke").payment(card.spends()));

    assert_eq!(assert_paid(&answer, 49_800), None);
    assert_eq!(answer.body, b"");
    let methods: Vec<_> = visitor.reached().into_iter().map(|one| one.method).collect();
    assert_eq!(methods, ["GET", "HEAD"]);
}

#[test]
fn a_method_that_no_route_names_is_refused_with_those_that_are() {
    let visitor = shared().visitor("methods");
    for (method, path, allow) in [
        ("POST", "/api/joke", "GET, HEAD"),
        ("DELETE", "/api/joke", "GET, HEAD"),
        ("PATCH", "/api/joke/", "GET, HEAD"),
        ("PROPFIND", "/API/joke", "GET, HEAD"),
        ("GET", "/api/translate", "POST"),
        ("HEAD", "/api/translate", "POST"),
        ("POST", "/status/200", "GET, HEAD, PATCH, PUT"),
    ] {
        let answer = visitor.asks(Request::new(method, path).body("x"));
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some(allow)),
            "{method} {path}: {answer:?}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{method} {path}");
        if method == "HEAD" {
            assert_eq!(answer.body, b"");
        } else {
            let problem = answer.json();
            assert_eq!(problem["status"], 405);
            assert!(problem["detail"].as_str().unwrap().contains("amount = 0"), "how to free it: {problem}");
        }
    }
    assert_eq!(visitor.reached(), []);
}

#[test]
fn trace_is_never_answered_and_what_is_no_method_the_runtime_refuses() {
    let visitor = shared().visitor("trace");
    for path in ["/api/joke", "/api/health"] {
        assert_eq!(visitor.asks(Request::new("TRACE", path)).status, 405, "{path}");
    }
    for method in ["get", "FETCH"] {
        assert_eq!(visitor.asks(Request::new(method, "/api/joke")).status, 501, "{method}");
    }
    assert_eq!(visitor.reached(), []);
}

#[test]
fn options_reaches_the_origin_on_free_paths_only() {
    let visitor = shared().visitor("options");

    // An origin that does not look at methods, as `/lax` is, would serve it.
    for target in ["/api/joke", "/lax/api/joke"] {
        let answer = visitor.asks(Request::new("OPTIONS", target));
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{target}");
    }
    assert_eq!(visitor.reached(), []);

    let answer = visitor.asks(Request::new("OPTIONS", "/api/health"));
    assert_eq!(answer.status, 405, "the origin's own word: it has no CORS");
    let reached = visitor.reached();
    assert_eq!(
        reached.iter().map(|one| (one.method.as_str(), one.status)).collect::<Vec<_>>(),
        [("OPTIONS", Some(405))]
    );
}

#[test]
fn every_spelling_of_a_paid_path_is_priced() {
    let visitor = shared().visitor("spellings");
    // `/lax/…` is an origin that would serve the joke on each of these.
    for target in [
        "/lax/api/joke",
        "/lax/api/joke/",
        "/LAX/Api/JOKE",
        "/lax/api/%6aoke",
        "/%6C%61%78/%61pi/jok%65",
        "/Lax/API/%4A%4f%4Be/",
        "/lax/api/joke?",
        "/lax/api/joke?a=/free",
        "/api/joke/",
        "/API/JOKE",
        "/api/jok%65/?x=1",
    ] {
        for method in ["GET", "HEAD"] {
            let answer = visitor.asks(Request::new(method, target));
            assert_eq!(answer.status, 402, "{method} {target}");
            assert_eq!(answer.required().accepts[0].amount.get(), 100, "{method} {target}");
        }
    }
    assert_eq!(visitor.reached(), []);
}

#[test]
fn a_paid_path_is_forwarded_in_the_reading_that_was_priced_with_the_clients_own_letters() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("canonical"));
    let card = stripe.card("canonical");
    for (nth, (sent, forwarded)) in (1..).zip([
        ("/LAX/Api/%6AOKE/?Q=%2f", "/LAX/Api/jOKE/?Q=%2f"),
        ("/status/%32%30%30", "/status/200"),
        ("/lax/api/joke", "/lax/api/joke"),
    ]) {
        assert_paid(&visitor.pays(sent, &card.pays()), 50_000 - 100 * nth);
        assert_eq!(visitor.reached().last().unwrap().target, forwarded);
    }
}

#[test]
fn our_own_paths_are_never_forwarded() {
    let visitor = shared().visitor("own-paths");
    for (method, path, status) in [
        ("GET", "/.well-known/stripe402/health", 200),
        ("HEAD", "/.well-known/stripe402/health", 200),
        ("GET", "/.Well-Known/STRIPE402/Health/", 200),
        ("DELETE", "/.well-known/stripe402/health", 405),
        ("GET", "/.well-known/stripe402/nothing-of-ours", 404),
        ("GET", "/.well-known/stripe402/a/b", 404),
    ] {
        let answer = visitor.asks(Request::new(method, path));
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
    }
    assert_eq!(visitor.reached(), []);
    // Its neighbours are the origin's.
    assert_eq!(visitor.gets("/.well-known/stripe402x").status, 404);
    assert_eq!(visitor.reached().len(), 1);
}

#[test]
fn health_says_what_is_switched_on_and_no_secret() {
    let answer = shared().visitor("health").gets("/.well-known/stripe402/health");
    assert_eq!(answer.status, 200);
    let health = answer.json();
    for (field, value) in [
        ("status", json!("ok")),
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("mode", json!("test")),
        ("origin", json!("url")),
        ("rateLimit", json!(false)), // LIMITS is off in tests
        ("webhooks", json!(false)),
        ("originProof", json!(false)),
        ("reports", json!(false)),
        ("metrics", json!(false)),
        ("admin", json!(false)),
        ("paywall", json!(true)),
    ] {
        assert_eq!(health[field], value, "{field}");
    }
    assert_eq!(health["routes"], 19, "the priced ones");
    let warnings = health["warnings"].to_string();
    assert!(warnings.contains("STRIPE_WEBHOOK_SECRET"), "{warnings}");
    for secret in [stripe402_e2e::vectors::text("serverSecret"), "sk_test_testbed"] {
        assert!(!answer.text().contains(secret));
    }
}
