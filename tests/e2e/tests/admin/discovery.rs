//! What is for sale, told to whoever asks; and not told.

use serde_json::json;
use stripe402_e2e::{Config, Layout, Paywall, Request, vectors};

const PATH: &str = "/.well-known/stripe402";

#[test]
fn every_priced_route_is_told_and_nothing_that_is_free() {
    let routes = json!({"GET /free": {"amount": 0}, "* /euro/*": {"price": "0.05", "currency": "eur"}});
    let config = Config::new().routes(&routes).var("CORS_ORIGINS", "https://app.example");
    let paywall = Paywall::start_raw(config, Layout::default());
    let visitor = paywall.visitor("discovery");

    let answer = visitor.gets(PATH);

    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let told = answer.json();
    assert_eq!(told["stripe402Version"], 1);
    assert_eq!(told["publishableKey"], vectors::text("publishableKey"));
    assert_eq!(told["currencies"].as_array().unwrap().len(), 2, "{told}");
    let routes = told["routes"].as_array().unwrap();
    let of = |path: &str| routes.iter().find(|route| route["path"] == path);
    assert!(of("/free").is_none());
    let euro = of("/euro/*").expect("it is priced");
    assert_eq!(
        (&euro["method"], &euro["amount"], &euro["currency"]),
        (&json!("*"), &json!(500), &json!("eur"))
    );
    let joke = of("/api/joke").expect("it is priced");
    let challenge = visitor.gets("/api/joke").required();
    assert_eq!(joke["amount"], challenge.accepts[0].amount.get());
    assert_eq!(joke["minTopUp"], challenge.accepts[0].min_top_up.get());

    assert_eq!(visitor.gets(&format!("{PATH}/")).json(), told);
    assert!(visitor.asks(Request::new("HEAD", PATH)).body.is_empty());
    let page = visitor.asks(Request::get(PATH).header("origin", "https://app.example"));
    assert_eq!(page.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(visitor.asks(Request::post(PATH, "")).status, 405);
    assert!(visitor.reached().is_empty());
}

#[test]
fn with_discovery_off_nothing_is_told() {
    let paywall = Paywall::start_raw(Config::new().var("DISCOVERY", "off"), Layout::default());
    let answer = paywall.visitor("no-discovery").gets(PATH);
    assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")));
}
