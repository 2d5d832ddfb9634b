//! What caches between the paywall and the payer may keep, and what pretends to be ours in an origin's answer.

use serde_json::json;
use stripe402_e2e::{Config, Request};

use crate::given::{before, config, pays, sends};
use crate::scripted::{Scripted, answer};

/// An origin that says what stands in the query, header by header: `?cache-control=public&vary=accept`.
fn says_what_is_asked() -> Scripted {
    Scripted::start(|asked| {
        let query = asked.target().split_once('?').map_or("", |(_, query)| query).to_owned();
        let lines: Vec<String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| format!("{name}: {}", value.replace('+', " ")))
            .collect();
        answer(200, &lines.iter().map(String::as_str).collect::<Vec<_>>(), "said")
    })
}

#[test]
fn a_paid_answer_is_never_a_shared_caches() {
    let origin = says_what_is_asked();
    let paywall = before(&origin, config());
    let card = paywall.stripe().card("caches");
    for (said, cache_control, vary) in [
        ("", "private, no-store", "payment"),
        ("cache-control=public", "private", "payment"),
        ("cache-control=public,+max-age=60,+s-maxage=600", "private, max-age=60", "payment"),
        ("cache-control=S-MaxAge=600", "private", "payment"),
        ("cache-control=no-cache&cache-control=public", "private, no-cache", "payment"),
        ("cache-control=max-age=60&vary=accept", "private, max-age=60", "accept, payment"),
        ("vary=*", "private, no-store", "*"),
        ("vary=Payment,+Accept", "private, no-store", "Payment, Accept"),
    ] {
        let answer = sends(&paywall, Request::get(&format!("/paid/x?{said}")).payment(card.pays()));
        assert_eq!(answer.status, 200, "{said}");
        assert_eq!(answer.header("cache-control"), Some(cache_control), "{said}");
        assert_eq!(answer.headers.all("vary").join(", "), vary, "{said}");
    }
    let said = "cdn-cache-control=public&cloudflare-cdn-cache-control=max-age=9&surrogate-control=max-age=9&\
                expires=Thu,+01+Dec+2094+16:00:00+GMT&etag=x&last-modified=y";
    let answer = sends(&paywall, Request::get(&format!("/paid/x?{said}")).payment(card.pays()));
    for gone in ["cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "expires"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    assert_eq!((answer.header("etag"), answer.header("last-modified")), (Some("x"), Some("y")));
    // An error that was not paid for is nobody's to keep, either.
    let failed = before(&Scripted::start(|_| answer_of_500()), config());
    let answer = pays(&failed, "/paid/x", "cached_500");
    assert_eq!((answer.status, answer.header("cache-control")), (500, Some("private")));
}

fn answer_of_500() -> Vec<u8> {
    answer(500, &["cache-control: public"], "")
}

#[test]
fn a_free_answer_is_the_origins_own() {
    let origin = says_what_is_asked();
    let paywall = before(&origin, config());
    let said = "cache-control=public,+s-maxage=9&surrogate-control=x&vary=accept&payment-response=theirs&\
                payment-required=theirs";
    let answer = sends(&paywall, Request::get(&format!("/free?{said}")));
    for (name, value) in [
        ("cache-control", "public, s-maxage=9"),
        ("surrogate-control", "x"),
        ("vary", "accept"),
        ("payment-response", "theirs"),
        ("payment-required", "theirs"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
}

#[test]
fn an_origin_cannot_speak_for_us_on_a_priced_route() {
    let origin = says_what_is_asked();
    let paywall = before(&origin, config());
    let said = "payment-response=theirs&payment-required=theirs&x-other=theirs";
    let answer = pays(&paywall, &format!("/paid/x?{said}"), "speaks");
    assert_eq!(answer.status, 200);
    assert!(answer.receipt().success, "one receipt, and it is ours");
    assert_eq!((answer.header("payment-required"), answer.header("x-other")), (None, Some("theirs")));
}

#[test]
fn what_is_ours_to_answer_is_no_store() {
    let origin = says_what_is_asked();
    let paywall = before(&origin, config());
    for (request, status) in [
        (Request::get("/paid/x"), 402),
        (Request::get("/paid/x").payment("nonsense"), 402),
        (Request::get("/x/../paid/x"), 400),
        (Request::new("TRACE", "/free"), 405),
        (Request::get(&format!("/{}", "a".repeat(5_000))), 414),
        (Request::get("/.well-known/stripe402/none"), 404),
        (Request::get("/.well-known/stripe402/health"), 200),
    ] {
        let answer = sends(&paywall, request);
        assert_eq!((answer.status, answer.header("cache-control")), (status, Some("no-store")), "{answer:?}");
    }
}

#[test]
fn cookies_and_compressed_bodies_come_as_they_were_sent() {
    // "hello" in gzip: whoever decoded it would show.
    const BODY: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0x86, 0xa6, 0x10, 0x36, 5, 0,
        0, 0,
    ];
    let origin = Scripted::start(|_| {
        let headers = [
            "content-encoding: gzip",
            "content-type: text/plain",
            "set-cookie: first=1; Path=/; HttpOnly",
            "set-cookie: second=a, b; Expires=Thu, 01 Dec 2094 16:00:00 GMT",
        ];
        answer(200, &headers, BODY)
    });
    let paywall = before(&origin, config());
    let card = paywall.stripe().card("untouched");
    for target in ["/free", "/paid/x"] {
        let request = Request::get(target).header("accept-encoding", "gzip").header("cookie", "a=1; b=2");
        let answer = sends(&paywall, request.payment(card.pays()));
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(
            answer.headers.all("set-cookie"),
            ["first=1; Path=/; HttpOnly", "second=a, b; Expires=Thu, 01 Dec 2094 16:00:00 GMT"],
            "{target}"
        );
        assert_eq!(answer.header("content-encoding"), Some("gzip"), "{target}");
        assert_eq!(answer.body, BODY, "{target}");
        assert_eq!(origin.last().header("cookie"), Some("a=1; b=2"), "{target}");
    }
}

#[test]
fn a_paid_request_passes_caches_by_unless_its_route_says_otherwise() {
    let origin = Scripted::with_headers(&[]);
    let routes = json!({ "GET /paid/*": { "amount": 100 }, "GET /cached": { "amount": 100, "cache": true } });
    let paywall = before(&origin, Config::new().var("ROUTES", routes));
    let card = paywall.stripe().card("by_caches");
    for (target, said) in [("/paid/x", Some("no-cache")), ("/cached", None), ("/free", None)] {
        assert_eq!(sends(&paywall, Request::get(target).payment(card.spends_or_pays())).status, 200);
        assert_eq!(origin.last().header("cache-control"), said, "{target}");
    }
}
