//! Methods, and headers that say it is another one.

use check_bypass::corpus::{Form, latin1};
use check_bypass::wire::Endpoint;
use serde_json::json;
use std::time::Duration;
use stripe402_e2e::{Config, Layout, Paywall, Request};

use crate::given::{PAGE, sends};

fn config() -> Config {
    Config::new().var(
        "ROUTES",
        json!({
            "GET /lax/api/joke": { "amount": 100 },
            "POST /lax/api/joke": { "amount": 0 },
            "* /lax/api/weather": { "amount": 500 },
        }),
    )
}

#[test]
fn a_star_prices_every_method_and_options_reaches_no_priced_path() {
    let paywall = Paywall::start_raw(config(), Layout::new());
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "SEARCH", "PURGE"] {
        let answer = sends(&paywall, Request::new(method, "/lax/api/weather").body(""));
        assert_eq!(answer.status, 402, "{method}");
    }
    for target in ["/lax/api/weather", "/lax/api/joke", "/LAX/api/joke/"] {
        let plain = sends(&paywall, Request::new("OPTIONS", target));
        assert_eq!(plain.status, 405, "{target}");
        let preflight = Request::new("OPTIONS", target).header("origin", PAGE);
        let preflight = sends(&paywall, preflight.header("access-control-request-method", "GET"));
        assert_eq!(preflight.status, 405, "{target}");
    }
    assert_eq!(paywall.origin().arrived(), []);
    // What is free on the same path, and its preflight, are the origin's business.
    let preflight = Request::new("OPTIONS", "/lax/api/joke").header("access-control-request-method", "POST");
    sends(&paywall, preflight);
    sends(&paywall, Request::post("/lax/api/joke", ""));
    let methods: Vec<_> = paywall.origin().arrived().into_iter().map(|one| one.method).collect();
    assert_eq!(methods, ["OPTIONS", "POST"]);
}

#[test]
fn unlisted_methods_pass_where_the_operator_says_so_but_head_is_still_get() {
    let paywall = Paywall::start_raw(config().var("UNLISTED_METHODS", "free"), Layout::new());
    for (method, status) in [("GET", 402), ("HEAD", 402), ("PUT", 200), ("OPTIONS", 200), ("TRACE", 405)] {
        let answer = sends(&paywall, Request::new(method, "/lax/api/joke").body(""));
        assert_eq!(answer.status, status, "{method}");
    }
}

#[test]
fn no_header_turns_a_method_or_a_path_into_another_one() {
    let paywall = Paywall::start_raw(config(), Layout::new());
    let address = paywall.address();
    let endpoint = Endpoint { secure: false, host: address.ip().to_string(), port: address.port() };
    for name in [
        "x-http-method-override",
        "X-HTTP-Method",
        "x-method-override",
        "x-original-url",
        "X-Rewrite-URL",
        "x-forwarded-uri",
        "x-original-uri",
    ] {
        for value in ["GET", "/lax/api/joke"] {
            for (method, target) in [("POST", "/lax/api/health"), ("GET", "/"), ("POST", "/lax/api/joke")] {
                let form = Form {
                    rule: name.into(),
                    of: String::new(),
                    method: method.into(),
                    target: target.into(),
                    headers: vec![(name.into(), value.into()), (name.to_uppercase(), value.into())],
                };
                endpoint.exchange(&form.bytes(&address.to_string(), &[]), Duration::from_secs(10)).unwrap();
            }
        }
    }
    let arrived = paywall.origin().arrived();
    assert_eq!(arrived.len(), 42);
    for one in &arrived {
        let left = one.headers.iter().find(|(name, _)| name.contains("override") || name.contains("uri"));
        assert_eq!(left, None, "{} {}", one.method, one.target);
        assert!(!one.served || (one.method == "POST" && one.target == "/lax/api/joke"), "{one:?}");
    }
}

#[test]
fn what_has_no_path_is_400_and_reaches_nobody() {
    let paywall = Paywall::start_raw(config(), Layout::new());
    let address = paywall.address();
    let endpoint = Endpoint { secure: false, host: address.ip().to_string(), port: address.port() };
    for (line, status) in [
        ("GET *", 400),
        ("OPTIONS *", 400),
        ("POST *", 400),
        ("GET ?/lax/api/joke", 400),
        ("GET \\lax\\api\\joke", 400),
        ("GET ", 400),
        ("get /lax/api/joke", 501),
        ("GETT /lax/api/joke", 501),
    ] {
        let request =
            format!("{line} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let answer = endpoint.exchange(&latin1(&request), Duration::from_secs(10)).unwrap();
        assert_eq!(answer.status, status, "{line}: {}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!(paywall.origin().arrived(), []);
}
