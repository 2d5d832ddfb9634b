//! The ways to an origin: the zone's own, an address with a base path, another Worker.

use std::time::Duration;

use check_bypass::wire::{Answer, Endpoint};
use serde_json::json;
use stripe402_e2e::{Config, Layout, Paywall, Request};

use crate::given::{before, config, pays, sends};
use crate::scripted::{Scripted, answer};

/// A request under a name of its own: what a Worker on a zone is asked by.
fn asks_as(paywall: &Paywall, host: &str, target: &str, more: &str) -> Answer {
    let address = paywall.address();
    let endpoint = Endpoint { secure: false, host: address.ip().to_string(), port: address.port() };
    let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{more}connection: close\r\n\r\n");
    endpoint.exchange(request.as_bytes(), Duration::from_secs(20)).unwrap()
}

#[test]
fn a_base_path_stands_before_every_path() {
    let origin = Scripted::with_headers(&[]);
    let paywall = Paywall::start_raw(config().var("ORIGIN_URL", origin.url() + "/v2/base/"), Layout::new());
    assert_eq!(pays(&paywall, "/paid/x?y=%2f", "base").status, 200);
    for (sent, arrived) in [
        ("/free/a%2Fb//c?d", "/v2/base/free/a%2Fb//c?d"),
        ("/", "/v2/base/"),
        ("/?q", "/v2/base/?q"),
        ("/x/../y", "/v2/base/y"),
        ("//x", "/v2/base//x"),
    ] {
        assert_eq!(sends(&paywall, Request::get(sent)).status, 200, "{sent}");
        assert_eq!(origin.last().target(), arrived, "{sent}");
    }
    assert_eq!(origin.asked()[0].target(), "/v2/base/paid/x?y=%2f");
}

#[test]
fn nobody_leaves_the_base_path() {
    // Above it stands what is not for sale, or what is: the demo origin's own `/api/joke`, and `/lax/api/joke`, which
    // this paywall sells as `/api/joke`.
    let testbed = stripe402_testbed::Testbed::start(stripe402_testbed::Options::default()).unwrap();
    let config = config().var("ORIGIN_URL", testbed.origin_url() + "/lax");
    let paywall = Paywall::start_raw(config, Layout::new());
    let origin = stripe402_e2e::Origin::of(&testbed);
    for target in [
        "/../api/joke",
        "/../lax/api/joke",
        "/%2e%2e/lax/api/joke",
        "/.%2e/lax/api/joke",
        "/..%2flax/api/joke",
        "/..%5clax/api/joke",
        "/..\\lax\\api\\joke",
        "/..;/lax/api/joke",
        "/%252e%252e/lax/api/joke",
        "/x/../../lax/api/joke",
        "/x/..//../../lax/api/joke",
        "/../LAX/api/joke",
        "/../lax/../api/joke",
        "/../",
        "/..",
    ] {
        let answer = sends(&paywall, Request::get(target));
        assert_eq!(answer.status, 400, "{target}: {}", answer.text());
    }
    assert_eq!(origin.arrived(), []);
    assert_eq!(
        sends(&paywall, Request::get("/api/x/../health")).status,
        200,
        "what stays inside is nobody's harm"
    );
    assert_eq!(pays(&paywall, "/api/joke", "inside").status, 200);
}

/// Says what it was asked, and asks the demo origin the same.
const SERVICE: &str = "export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const answer = await fetch(env.DEMO + url.pathname + url.search, request);
    const said = new Response(answer.body, answer);
    said.headers.set('x-asked', request.method + ' ' + request.url);
    said.headers.set('x-proof', String(request.headers.has('payment-context')));
    return said;
  },
};";

#[test]
fn a_service_binding_is_asked_under_the_clients_own_name() {
    let layout = Layout::new().origin_is(SERVICE);
    let paywall = Paywall::start_raw(config().without("ORIGIN_URL"), layout);
    let visitor = paywall.visitor("service");

    let free = asks_as(&paywall, "shop.example", "/api/health?x=1", "x-visitor: service\r\n");
    assert_eq!(free.status, 200);
    assert_eq!(free.header("x-asked"), Some("GET http://shop.example/api/health?x=1"));
    let unpaid = asks_as(&paywall, "shop.example", "/api/joke", "x-visitor: service\r\n");
    assert_eq!((unpaid.status, unpaid.header("x-asked")), (402, None));
    assert_eq!(visitor.reached().len(), 1);

    let card = paywall.stripe().card("service");
    let paid = visitor.pays("/api/joke", &card.pays());
    assert_eq!((paid.status, paid.receipt().success), (200, true), "{}", paid.text());
    assert_eq!(paid.header("x-asked"), Some(format!("GET http://{}/api/joke", paywall.address()).as_str()));
    assert_eq!(paid.header("x-proof"), Some("false"), "no secret, no proof");
    assert!(visitor.reached().iter().all(|one| one.header("payment").is_none()));
}

#[test]
fn a_service_that_throws_is_a_502_and_costs_nothing() {
    let throws = "export default { async fetch() { throw new Error('out of order'); } };";
    let paywall = Paywall::start_raw(config().without("ORIGIN_URL"), Layout::new().origin_is(throws));
    assert_eq!(sends(&paywall, Request::get("/free")).status, 502);
    let answer = pays(&paywall, "/api/joke", "throws");
    assert_eq!((answer.status, answer.receipt().success), (502, false));
    assert_eq!(answer.receipt().credits_remaining.get(), 50_000);
}

#[test]
fn on_a_zone_the_request_goes_where_its_name_points() {
    let origin = Scripted::with_headers(&["x-from: the zone"]);
    let paywall = Paywall::start_raw(config().without("ORIGIN_URL"), Layout::new());
    let name = origin.url().replace("http://", "");

    let free = asks_as(&paywall, &name, "/free?x", "x-forwarded-for: 192.0.2.1\r\n");
    assert_eq!((free.status, free.header("x-from")), (200, Some("the zone")));
    assert_eq!(origin.last().header("host"), Some(name.as_str()));
    assert_eq!(origin.last().target(), "/free?x");
    assert_eq!(asks_as(&paywall, &name, "/paid/x", "").status, 402);
    assert_eq!(origin.asked().len(), 1);

    let card = paywall.stripe().card("zone");
    let paid = asks_as(&paywall, &name, "/paid/x", &format!("payment: {}\r\n", card.pays()));
    assert_eq!((paid.status, paid.header("x-from")), (200, Some("the zone")));
}

#[test]
fn a_worker_that_would_ask_itself_says_which_setting_is_missing() {
    // As on workers.dev, where there is no zone behind the Worker.
    let paywall = Paywall::start_raw(config().without("ORIGIN_URL"), Layout::new());
    let answer = sends(&paywall, Request::get("/free"));
    assert_eq!(
        (answer.status, answer.json()["setting"].as_str()),
        (500, Some("ORIGIN_URL")),
        "{}",
        answer.text()
    );
}

#[test]
fn the_origin_is_told_the_clients_name_and_address_and_not_what_the_client_says_of_them() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, config());
    let lies = "x-forwarded-host: evil.example\r\nx-forwarded-proto: ftp\r\nx-forwarded-for: 203.0.113.9\r\n";
    asks_as(&paywall, "shop.example:8402", "/free", lies);
    let asked = origin.last();
    assert_eq!(asked.header("x-forwarded-host"), Some("shop.example:8402"));
    assert_eq!(asked.header("x-forwarded-proto"), Some("http"));
    assert_eq!(asked.header("x-forwarded-for"), None, "nobody knows it: Cloudflare did not say");
    assert_eq!(asked.header("host"), Some(origin.url().replace("http://", "").as_str()));

    asks_as(&paywall, "shop.example", "/free", &format!("{lies}cf-connecting-ip: 192.0.2.7\r\n"));
    assert_eq!(origin.last().header("x-forwarded-for"), Some("192.0.2.7"));
}

#[test]
fn a_redirect_to_the_origin_is_one_to_the_paywall_and_no_other() {
    let origin = Scripted::start(|asked| {
        let to = asked.target().split_once("to=").map_or("/", |(_, to)| to).to_owned();
        answer(302, &[&format!("location: {to}")], "")
    });
    let base = origin.url();
    let config = config().var("ORIGIN_URL", format!("{base}/base"));
    let paywall = Paywall::start_raw(config, Layout::new());
    let card = paywall.stripe().card("location");
    let here = format!("http://{}", paywall.address());
    for (said, seen) in [
        (format!("{base}/base/next?a=b"), format!("{here}/next?a=b")),
        (format!("{base}/base"), format!("{here}/")),
        ("/base/next".to_owned(), "/next".to_owned()),
        (format!("{base}/elsewhere"), format!("{base}/elsewhere")),
        ("https://other.example/next".to_owned(), "https://other.example/next".to_owned()),
        ("next".to_owned(), "next".to_owned()),
    ] {
        for target in [format!("/free?to={said}"), format!("/paid/x?to={said}")] {
            let answer = sends(&paywall, Request::get(&target).payment(card.pays()));
            assert_eq!((answer.status, answer.header("location")), (302, Some(seen.as_str())), "{target}");
        }
    }
}

#[test]
fn two_ways_to_the_origin_are_a_mistake_that_is_named() {
    let layout = Layout::new().origin_is(SERVICE).with_health(500);
    let paywall = Paywall::start_raw(Config::new().routes(&json!({})), layout);
    let answer = sends(&paywall, Request::get("/api/joke"));
    assert_eq!((answer.status, answer.json()["setting"].as_str()), (500, Some("ORIGIN_URL")));
}
