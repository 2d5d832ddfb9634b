//! A Worker without an origin behind it, and the many names of one header.

use stripe402_e2e::{Layout, Paywall, Request};

use crate::given::{SECRET, before, config, sends};
use crate::scripted::Scripted;

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
