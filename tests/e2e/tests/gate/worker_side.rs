//! A Worker without an origin behind it, and the many names of one header.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use stripe402_e2e::{Layout, Paywall, Request};

use crate::given::{SECRET, before, config, sends};
use crate::scripted::{Scripted, answer as said};

#[test]
fn a_worker_that_would_ask_itself_charges_nothing() {
    // As on workers.dev, where there is no zone behind the Worker.
    let paywall = Paywall::start_raw(config().without("ORIGIN_URL"), Layout::new());
    let card = paywall.stripe().card("loop");
    let answer = sends(&paywall, Request::get("/api/joke").payment(card.pays()));
    assert_eq!(
        (answer.status, answer.json()["setting"].as_str()),
        (500, Some("ORIGIN_URL")),
        "{}",
        answer.text()
    );
    let receipt = answer.receipt();
    assert_eq!((receipt.success, receipt.credits_remaining.get()), (false, 50_000));
}

#[test]
fn a_worker_that_is_its_own_origin_charges_nothing_and_asks_itself_once() {
    // Whatever way leads back to it: another name of it, or of what stands before it.
    let way_back: Arc<OnceLock<SocketAddr>> = Arc::default();
    let address = Arc::clone(&way_back);
    let relay = Scripted::start(move |asked| {
        let request = asked.names().into_iter().filter(|name| !["host", "connection"].contains(name));
        let request = request.fold(Request::get(asked.target()), |request, name| {
            asked.all(name).into_iter().fold(request, |request, value| request.header(name, value))
        });
        let answer = request.send(*address.get().unwrap()).unwrap();
        said(answer.status, &[], answer.body)
    });
    let paywall = before(&relay, config());
    way_back.set(paywall.address()).unwrap();
    for request in [Request::get("/free"), Request::get("/api/joke")] {
        let answer = sends(&paywall, request);
        assert!([500, 402].contains(&answer.status), "{answer:?}");
    }
    let card = paywall.stripe().card("own_origin");
    let answer = sends(&paywall, Request::get("/api/joke").payment(card.pays()));
    assert_eq!((answer.status, answer.json()["setting"].as_str()), (500, Some("ORIGIN_URL")), "{answer:?}");
    assert_eq!((answer.receipt().success, answer.receipt().credits_remaining.get()), (false, 50_000));
    assert_eq!(relay.asked().len(), 2, "once for what is free, once for what is paid");
    // Another paywall on the way is none of that.
    let other = sends(&paywall, Request::get("/api/joke").header("stripe402-hop", "0123456789abcdef"));
    assert_eq!(other.status, 402);
}

#[test]
fn a_status_without_a_body_has_none_whatever_the_origin_sends() {
    for status in [204, 205, 304] {
        let origin = Scripted::start(move |_| said(status, &["x-said: yes"], "what has no place there"));
        let paywall = before(&origin, config());
        let card = paywall.stripe().card("bodiless");
        let answer = sends(&paywall, Request::get("/api/joke").payment(card.pays()));
        assert_eq!((answer.status, answer.text().as_ref()), (status, ""), "{answer:?}");
        assert_eq!((answer.receipt().success, answer.header("x-said")), (true, Some("yes")));
    }
}

#[test]
fn an_underscore_is_no_way_around_the_names_that_are_removed() {
    // CGI and WSGI make one variable of `payment-context` and `payment_context`.
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, config().secret("ORIGIN_SECRET", SECRET));
    let card = paywall.stripe().card("underscores");
    let look_alikes =
        ["payment_context", "X_Original_URL", "x_http-method_override", "stripe402_call", "payment_"];
    for request in [Request::get("/free"), Request::get("/api/joke").payment(card.pays())] {
        let request = look_alikes.into_iter().fold(request, |request, name| request.header(name, "forged"));
        let request = request.header("payment_response", "forged").header("x_kept", "yes");
        assert_eq!(sends(&paywall, request).status, 200);
        let asked = origin.last();
        let forged: Vec<_> =
            asked.names().into_iter().filter(|name| asked.all(name).contains(&"forged")).collect();
        let expected: &[&str] =
            if asked.target() == "/free" { &["payment_", "payment_response"] } else { &["payment_"] };
        assert_eq!(forged, expected, "{}", asked.target());
        assert_eq!(asked.header("x_kept"), Some("yes"));
    }
}

#[test]
fn an_interim_answer_of_the_origin_is_none() {
    // What an origin says before it reads a body that comes with `Expect: 100-continue`, or without.
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
    let origin = Scripted::start(move |_| [interim.as_slice(), &said(200, &[], "what is sold")].concat());
    let paywall = before(&origin, config());
    let card = paywall.stripe().card("interim");
    let answer = sends(&paywall, Request::post("/paid/x", "a body").payment(card.pays()));
    assert_eq!((answer.status, answer.text().as_ref()), (200, "what is sold"), "{answer:?}");
    assert!(answer.receipt().success);
    // Here the runtime says 100 itself, and then the one answer.
    let expects = Request::post("/paid/x", "a body").payment(card.pays()).header("expect", "100-continue");
    let answer = sends(&paywall, expects);
    let (status, text) = (answer.status, answer.text());
    assert!(
        status == 100 && text.starts_with("HTTP/1.1 200 ") && text.ends_with("what is sold"),
        "{answer:?}"
    );
    assert_eq!(text.matches("HTTP/1.1").count(), 1, "{answer:?}");
    assert_eq!(origin.asked().len(), 2);
}
