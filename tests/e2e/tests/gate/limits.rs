//! Headers and targets that are too many, too long or too strange: each has its answer, and none reaches the origin.

use std::fmt::Write as _;
use std::time::Duration;

use check_bypass::wire::Endpoint;
use stripe402_core::protocol::ErrorCode;
use stripe402_e2e::{Request, Response};

use crate::given::{before, config, sends};
use crate::scripted::Scripted;

fn many(request: Request, count: usize) -> Request {
    (0..count).fold(request, |request, nth| request.header(&format!("x-filler-{nth}"), "x"))
}

fn refused(answer: &Response) -> Option<ErrorCode> {
    assert_eq!(answer.status, 402, "{answer:?}");
    assert_eq!(answer.required().error, answer.failure().error_code);
    answer.failure().error_code
}

#[test]
fn more_headers_than_anybody_needs_are_431() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, config());
    let card = paywall.stripe().card("headers");
    for request in [Request::get("/free"), Request::get("/paid/x").payment(card.pays())] {
        let answer = sends(&paywall, many(request, 300));
        assert_eq!((answer.status, answer.header("content-type")), (431, Some("application/problem+json")));
        assert_eq!(answer.json()["status"], 431);
    }
    assert_eq!(origin.asked().len(), 0);
    assert!(paywall.stripe().calls(&card).is_empty());
    // A challenge reads none of them.
    assert_eq!(sends(&paywall, many(Request::get("/paid/x"), 300)).status, 402);
    assert_eq!(sends(&paywall, many(Request::get("/free"), 150)).status, 200);
    assert_eq!(sends(&paywall, many(Request::get("/paid/x"), 150)).status, 402);
    assert_eq!(origin.last().names().iter().filter(|name| name.starts_with("x-filler")).count(), 150);
}

#[test]
fn a_payment_header_that_is_too_long_or_stands_twice_is_no_payment() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, config());
    let card = paywall.stripe().card("limits");
    let long = "A".repeat(8_193);
    let longer = "A".repeat(60_000);
    for request in [
        Request::get("/paid/x").payment(long.as_str()),
        Request::get("/paid/x").payment(longer.as_str()),
        Request::get("/paid/x").payment(card.pays()).payment(card.pays()),
        Request::get("/paid/x").payment(card.pays()).header("PAYMENT", ""),
        Request::get("/paid/x").payment("ä€☂".as_bytes()),
        Request::get("/paid/x").payment(b"\xff\xfe".as_slice()),
    ] {
        assert_eq!(refused(&sends(&paywall, request)), Some(ErrorCode::InvalidPayment));
    }
    assert_eq!(origin.asked().len(), 0);
    assert_eq!(paywall.stripe().calls(&card), Vec::<String>::new());
    // On a free route it is nobody's business, and goes nowhere.
    assert_eq!(sends(&paywall, Request::get("/free").payment(long.as_str())).status, 200);
    assert_eq!(origin.last().header("payment"), None);
}

#[test]
fn a_path_over_4_kb_is_414_and_a_long_query_is_nobodys_business() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, config());
    let path = |start: &str, length: usize| format!("{start}{}", "a".repeat(length - start.len()));
    for (target, status) in [
        (path("/free/", 4_096), 200),
        (path("/free/", 4_097), 414),
        (path("/paid/", 4_096), 402),
        (path("/paid/", 4_097), 414),
        (format!("/free?{}", "q".repeat(8_000)), 200),
        (format!("/paid/x?{}", "q".repeat(8_000)), 402),
    ] {
        let answer = sends(&paywall, Request::get(&target));
        assert_eq!(answer.status, status, "{} bytes: {}", target.len(), answer.text());
    }
    assert_eq!(origin.asked().len(), 2);
}

#[test]
fn headers_that_are_not_ascii_arrive_as_they_are_or_not_at_all() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, config());
    let card = paywall.stripe().card("not_ascii");
    let request =
        Request::get("/paid/x").header("x-name", "Zürich ☂".as_bytes()).header("x-latin", b"\xe9".as_slice());
    let answer = sends(&paywall, request.payment(card.pays()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(origin.last().header("x-name"), Some("Zürich ☂"));
}

#[test]
fn two_lengths_or_two_framings_smuggle_nothing() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, config());
    let address = paywall.address();
    let endpoint = Endpoint { secure: false, host: address.ip().to_string(), port: address.port() };
    let hidden = "GET /paid/x HTTP/1.1\r\nhost: h\r\n\r\n";
    for framing in [
        format!("content-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("content-length: 5\r\ncontent-length: 0\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("content-length: +0\r\n\r\n{hidden}"),
        format!("content-length: {}\r\n\r\n{hidden}", hidden.len()),
    ] {
        let mut request = String::new();
        let _ = write!(request, "POST /free HTTP/1.1\r\nhost: {address}\r\n{framing}");
        drop(endpoint.exchange(request.as_bytes(), Duration::from_secs(2)));
    }
    std::thread::sleep(Duration::from_millis(200));
    let lines: Vec<_> = origin.asked().into_iter().map(|one| one.line).collect();
    assert!(lines.iter().all(|line| line == "POST /free HTTP/1.1"), "{lines:?}");
}
