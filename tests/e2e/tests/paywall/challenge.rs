//! What a request without a payment gets.

use serde_json::json;
use stripe402_core::protocol::{decode_bytes, encode};
use stripe402_e2e::{Request, vectors};

use crate::shared;

#[test]
fn an_unpaid_request_is_told_the_price_in_header_and_body_byte_for_byte() {
    let visitor = shared().visitor("challenge");
    let recorded =
        vectors::vectors()["flow"].as_array().unwrap().iter().find(|step| step["name"] == "challenge");
    let recorded = recorded.unwrap()["response"]["payment-required"].as_str().unwrap();

    let answer = visitor.gets("/api/joke");

    assert_eq!(answer.status, 402);
    assert_eq!(answer.header("payment-required"), Some(recorded));
    assert_eq!(answer.body, decode_bytes(recorded).unwrap(), "the body is the header's JSON");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("payment-response"), None);
    assert_eq!(visitor.reached(), []);
}

#[test]
fn the_resource_is_the_canonical_path_and_what_the_client_wrote_stays_out() {
    let visitor = shared().visitor("challenge-resource");
    for (target, url) in [
        ("/api/joke?lang=de&payment=x", "/api/joke"),
        ("/api/%6Aoke", "/api/joke"),
        ("/status/%c3%a9", "/status/%C3%A9"),
        ("/Status/A%2fb", "/Status/A%2Fb"),
    ] {
        let answer = visitor.gets(target);
        assert_eq!(answer.status, 402, "{target}: {}", answer.text());
        assert_eq!(answer.required().resource.url, url, "{target}");
    }
    assert_eq!(visitor.reached(), []);
}

#[test]
fn a_head_request_is_challenged_by_the_header_alone() {
    let visitor = shared().visitor("challenge-head");
    let get = visitor.gets("/api/joke");

    let head = visitor.asks(Request::new("HEAD", "/api/joke"));

    assert_eq!(head.status, 402);
    assert_eq!(head.header("payment-required"), get.header("payment-required"));
    assert_eq!(head.header("cache-control"), Some("no-store"));
    assert_eq!(head.body, b"", "a body would be taken for the next answer");
    assert_eq!(visitor.reached(), []);
}

#[test]
fn every_route_advertises_what_its_own_settings_say() {
    let visitor = shared().visitor("challenge-routes");
    let offer = |target: &str| {
        let required = visitor.gets(target).required();
        assert_eq!(required.accepts.len(), 1, "{target}");
        let accept = required.accepts.into_iter().next().unwrap();
        json!([accept.currency, accept.amount, accept.min_top_up, accept.description])
    };
    assert_eq!(offer("/api/joke"), json!(["usd", 100, 50_000, "Random joke"]));
    assert_eq!(offer("/api/weather"), json!(["eur", 500, 100_000, "Weather data"]));
    // Better than the reference on purpose, "a route dearer than its minTopUp is served free after a top-up": the
    // smallest top-up is never below the price, and can be charged as it stands.
    assert_eq!(offer("/lax/api/weather"), json!(["usd", 60_050, 60_100, "Dearer than the usual top-up"]));
    assert_eq!(offer("/lax/gzip"), json!(["jpy", 20_000, 1_000_000, null]));
    assert_eq!(visitor.reached(), []);
}

#[test]
fn a_client_that_could_pay_but_sends_nothing_to_pay_with_is_challenged_too() {
    let visitor = shared().visitor("challenge-nothing");
    let plain = visitor.gets("/api/joke");
    for payment in [encode(&json!({"stripe402Version": 1})).unwrap(), String::new(), "  \t ".to_owned()] {
        let answer = visitor.pays("/api/joke", &payment);
        assert_eq!(answer.status, 402, "{payment:?}");
        assert_eq!(answer.header("payment-required"), plain.header("payment-required"), "{payment:?}");
        assert_eq!(answer.body, plain.body, "{payment:?}");
    }
    assert_eq!(visitor.reached(), []);
}
