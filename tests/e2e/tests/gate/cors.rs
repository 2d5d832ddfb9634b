//! Pages of other origins: whose preflights are answered, and whose scripts may read what we say.

use stripe402_e2e::{Config, Paywall, Request, Response};

use crate::given::{PAGE, before, config, sends};
use crate::scripted::Scripted;

const EVIL: &str = "https://evil.example";

fn open_to_page() -> Config {
    config().var("CORS_ORIGINS", PAGE)
}

fn preflight(paywall: &Paywall, target: &str, page: &str, method: &str) -> Response {
    let request = Request::new("OPTIONS", target).header("origin", page);
    let request = request.header("access-control-request-method", method);
    sends(paywall, request.header("access-control-request-headers", "payment, x-own, idempotency-key"))
}

/// The names in a header that may stand more than once.
fn names(answer: &Response, header: &str) -> Vec<String> {
    let all = answer.headers.all(header).join(",");
    all.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect()
}

#[track_caller]
fn assert_readable(answer: &Response, page: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(page), "{answer:?}");
    let exposed = names(answer, "access-control-expose-headers");
    for ours in ["payment-required", "payment-response", "retry-after"] {
        assert_eq!(exposed.iter().filter(|name| *name == ours).count(), 1, "{ours}: {exposed:?}");
    }
    assert!(names(answer, "vary").contains(&"origin".to_owned()), "{answer:?}");
}

#[test]
fn the_preflight_of_a_priced_request_from_an_allowed_page_is_answered_here() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, open_to_page());
    for method in ["GET", "POST", "DELETE"] {
        let answer = preflight(&paywall, "/paid/x", PAGE, method);
        assert_eq!((answer.status, answer.body.as_slice()), (204, b"".as_slice()));
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
        assert!(names(&answer, "access-control-allow-methods").contains(&method.to_ascii_lowercase()));
        let allowed = names(&answer, "access-control-allow-headers");
        for header in ["payment", "idempotency-key", "x-own"] {
            assert!(allowed.contains(&header.to_owned()), "{header} in {allowed:?}");
        }
    }
    // Not for others, and not past us to an origin that would serve it.
    let refused = preflight(&paywall, "/paid/x", EVIL, "GET");
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (405, None));
    assert_eq!(origin.asked().len(), 0);
    // A free path is the origin's own.
    assert_eq!(preflight(&paywall, "/free", PAGE, "GET").status, 200);
    assert_eq!(origin.last().line, "OPTIONS /free HTTP/1.1");
}

#[test]
fn an_allowed_page_can_read_a_402_and_a_receipt_and_no_other_page_can() {
    let origin = Scripted::with_headers(&["access-control-expose-headers: x-theirs", "vary: accept"]);
    let paywall = before(&origin, open_to_page());
    let card = paywall.stripe().card("cors");
    let asks = |page: &str, payment: Option<String>| {
        let mut request = Request::get("/paid/x").header("origin", page);
        if let Some(payment) = payment {
            request = request.payment(payment);
        }
        sends(&paywall, request)
    };
    let (unpaid, refused, paid) =
        (asks(PAGE, None), asks(PAGE, Some("nonsense".into())), asks(PAGE, Some(card.pays())));
    assert_eq!((unpaid.status, refused.status, paid.status), (402, 402, 200));
    for answer in [&unpaid, &refused, &paid] {
        assert_readable(answer, PAGE);
    }
    assert!(
        names(&paid, "access-control-expose-headers").contains(&"x-theirs".to_owned()),
        "merged, not replaced"
    );
    assert!(
        names(&paid, "vary").contains(&"accept".to_owned())
            && names(&paid, "vary").contains(&"payment".to_owned())
    );
    for answer in [
        asks(EVIL, None),
        asks(EVIL, Some(card.pays())),
        asks("null", None),
        asks("https://app.example.evil", None),
    ] {
        assert_eq!(answer.header("access-control-allow-origin"), None, "{answer:?}");
        assert!(!names(&answer, "access-control-expose-headers").contains(&"payment-required".to_owned()));
    }
    // What is refused before any route is readable as well: a page should see why.
    let problem = sends(&paywall, Request::get("/x/../paid/x").header("origin", PAGE));
    assert_eq!(problem.status, 400);
    assert_readable(&problem, PAGE);
}

#[test]
fn an_origin_that_decides_about_its_own_answers_is_not_overruled() {
    let origin = Scripted::with_headers(&[
        "access-control-allow-origin: *",
        "access-control-expose-headers: x-theirs",
    ]);
    let paywall = before(&origin, open_to_page());
    let card = paywall.stripe().card("cors_theirs");
    let answer = sends(&paywall, Request::get("/paid/x").header("origin", PAGE).payment(card.pays()));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let exposed = names(&answer, "access-control-expose-headers");
    assert_eq!(exposed, ["x-theirs", "payment-required", "payment-response", "retry-after"]);
    let free = sends(&paywall, Request::get("/free").header("origin", PAGE));
    assert_eq!(names(&free, "access-control-expose-headers"), ["x-theirs"], "free answers are untouched");
}

#[test]
fn a_star_lets_every_page_read() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, config().var("CORS_ORIGINS", "*"));
    let answer = sends(&paywall, Request::get("/paid/x").header("origin", EVIL));
    assert_eq!(answer.status, 402);
    assert_readable(&answer, EVIL);
    assert_eq!(preflight(&paywall, "/paid/x", EVIL, "GET").status, 204);
    assert_eq!(
        answer.header("access-control-allow-credentials"),
        None,
        "no page acts with anybody's cookies"
    );
}

#[test]
fn without_cors_origins_nothing_is_said_of_pages() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, config());
    let answer = sends(&paywall, Request::get("/paid/x").header("origin", PAGE));
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (402, None));
    assert_eq!(preflight(&paywall, "/paid/x", PAGE, "GET").status, 405);
    assert_eq!(origin.asked().len(), 0);
}
