//! The answers to forms of every kind, on either runtime: raw workerd hands targets on untouched; wrangler's proxy
//! resolves dots, turns backslashes into slashes, and encodes what is not ASCII, before the gate sees them.

use std::time::Duration;

use check_bypass::corpus::latin1;
use check_bypass::wire::Endpoint;
use stripe402_e2e::{Layout, Paywall};

use crate::gate_on;

/// Method, target, the status on raw workerd, the status through wrangler's proxy.
const ANSWERS: [(&str, &str, u16, u16); 40] = [
    ("GET", "/lax/api/joke", 402, 402),
    ("HEAD", "/lax/api/joke", 402, 402),
    ("GET", "/LAX/Api/%4aoke/?x", 402, 402),
    ("GET", "/lax/stream/x/y", 402, 402),
    ("GET", "/lax/stream/x/../y", 400, 402),
    ("GET", "/lax/stream/x\\y", 400, 402),
    ("GET", "/lax/api%2fjoke", 400, 400),
    ("GET", "/lax/api%252fjoke", 400, 400),
    ("GET", "/lax/api%5cjoke", 400, 400),
    ("GET", "/lax/api\\joke", 400, 402),
    ("GET", "/lax//api/joke", 400, 400),
    ("GET", "//host.example/lax/api/joke", 400, 400),
    ("GET", "/lax/x/../api/joke", 400, 402),
    ("GET", "/lax/x/%2e%2e/api/joke", 400, 402),
    ("GET", "/lax/x/..%2fapi/joke", 400, 400),
    ("GET", "/../lax/api/joke", 400, 402),
    ("GET", "/lax/x/..;/api/joke", 400, 400),
    ("GET", "/lax/api;a=b/joke", 400, 400),
    ("GET", "/lax/api/joke;a=b", 400, 400),
    ("GET", "/lax/api/joke.", 400, 400),
    ("GET", "/lax/api/joke%20", 400, 400),
    ("GET", "/lax/api/joke%00", 400, 400),
    ("GET", "/lax/api%c0%afjoke", 400, 400),
    ("GET", "/lax/\u{c3}\u{a9}/../api/joke", 400, 402),
    ("GET", "/lax/api/joke%zz", 400, 400),
    ("GET", "/lax/api/joke%", 400, 400),
    ("GET", "/lax/api/joke%u002e", 400, 400),
    ("GET", "lax/api/joke", 400, 400),
    ("GET", "?/lax/api/joke", 400, 400),
    ("GET", "http://host.example/lax/api/joke", 402, 402),
    ("GET", "http://127.0.0.1/lax/x/../api/joke", 400, 402),
    ("GET", "*", 400, 500),
    ("OPTIONS", "*", 400, 500),
    ("OPTIONS", "/lax/api/joke", 405, 405),
    ("POST", "/lax/api/joke", 405, 405),
    ("GET", "/lax/api/translate", 405, 405),
    ("PROPFIND", "/lax/api/joke", 405, 405),
    ("TRACE", "/lax/api/health", 405, 405),
    ("get", "/lax/api/joke", 501, 501),
    ("FETCH", "/lax/api/joke", 501, 501),
];

fn compare(runtime: &str, paywall: &Paywall, expected: impl Fn(&(&str, &str, u16, u16)) -> u16) {
    let address = paywall.address();
    let endpoint = Endpoint { secure: false, host: address.ip().to_string(), port: address.port() };
    for row in &ANSWERS {
        let (method, target, ..) = row;
        let length = if *method == "GET" { "" } else { "content-length: 0\r\n" };
        let request =
            format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\n{length}connection: close\r\n\r\n");
        let answer = endpoint.exchange(&latin1(&request), Duration::from_secs(20)).unwrap();
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, expected(row), "{runtime}: {method} {target}: {body}");
        if answer.status == 402 {
            assert!(answer.header("payment-required").is_some(), "{runtime}: {method} {target}");
        }
    }
    assert_eq!(paywall.origin().arrived(), [], "{runtime}: none of these may reach the origin");
}

#[test]
fn every_kind_of_form_has_its_answer() {
    compare("raw workerd", &Paywall::start_raw(gate_on(), Layout::new()), |row| row.2);
    compare("wrangler dev", &Paywall::start(gate_on()), |row| row.3);
}
