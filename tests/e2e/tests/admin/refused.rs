//! Nobody without the token learns or does anything: every path of the document, in every way to ask for it.

use serde_json::{Value, json};
use stripe402_core::protocol::Currency;
use stripe402_e2e::{Config, Layout, Paywall, Request, project};

use crate::{TOKEN, config, first_payment, sees, shared, with_token};

/// The document.
pub(crate) fn document() -> Value {
    let text = std::fs::read_to_string(project().join("docs/openapi.json")).expect("the document is there");
    serde_json::from_str(&text).expect("it is JSON")
}

/// Every method and path of it, for this account.
fn operations(account: &str) -> Vec<(String, String)> {
    let document = document();
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("an object").keys().filter(|key| *key != "parameters");
        methods.map(move |method| (method.to_uppercase(), path.replace("{account}", account)))
    });
    operations.collect()
}

/// To log in needs no token but the one in its body: see `sessions`.
fn is_log_in(method: &str, path: &str) -> bool {
    method == "POST" && path.ends_with("/admin/session")
}

fn request(method: &str, path: &str) -> Request {
    let request = Request::new(method, path).header("idempotency-key", "k1");
    if method == "POST" { request.body(json!({"by": "a", "reason": "b"}).to_string()) } else { request }
}

#[test]
fn no_path_answers_without_the_token_and_none_in_another_spelling() {
    // Without wrangler's proxy in front: every spelling reaches the Worker as it is, and thousands of requests take seconds.
    let paywall = Paywall::start_raw(config(), Layout::default());
    let visitor = paywall.visitor("admin-refused");
    let card = paywall.stripe().card("admin_refused");
    first_payment(visitor, &card);
    let operations = operations(card.account.as_str());
    assert!(operations.len() >= 23, "{operations:?}");
    let short = &TOKEN[..TOKEN.len() - 1];
    let upper = TOKEN.to_uppercase();
    let basic = "Basic YWRtaW46YW4tYWRtaW4tdG9rZW4tb2YtYXQtbGVhc3QtMzItYnl0ZXMhIQ==";
    let wrong = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(format!("Bearer {short}")),
        Some(format!("Bearer {TOKEN}x")),
        Some(format!("Bearer x{TOKEN}")),
        Some(format!("Bearer  {TOKEN}")),
        Some(format!("Bearer {upper}")),
        Some(format!("Bearer {TOKEN}, Bearer {TOKEN}")),
        Some(format!("Token {TOKEN}")),
        Some(TOKEN.to_owned()),
        Some(basic.to_owned()),
    ];
    for (method, path) in operations.iter().filter(|(method, path)| !is_log_in(method, path)) {
        let spellings = [
            path.clone(),
            format!("{path}/"),
            path.to_uppercase(),
            path.replace("admin", "Admin"),
            path.replace("admin", "%61dmin"),
            format!("{path}?token={TOKEN}"),
        ];
        for spelling in &spellings {
            for method in [method.as_str(), "HEAD", "OPTIONS", "PUT", "DELETE"] {
                for token in &wrong {
                    let mut request = request(method, spelling).header("cookie", format!("token={TOKEN}"));
                    if let Some(token) = token {
                        request = request.header("authorization", token.as_str());
                    }
                    let answer = visitor.asks(request);
                    assert_eq!(answer.status, 401, "{method} {spelling} {token:?}: {answer:?}");
                    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"admin\""));
                    assert!(
                        method == "HEAD"
                            || answer.json()["detail"].as_str().unwrap().contains("bearer token")
                    );
                }
            }
        }
        // With the token: this path, its methods, and nothing that is like them.
        for spelling in &spellings[1..5] {
            let answer = visitor.asks(with_token(request(method, spelling)));
            assert_eq!(answer.status, 404, "{method} {spelling}: {answer:?}");
        }
        let others = ["HEAD", "PUT", "DELETE", "OPTIONS", if method == "GET" { "POST" } else { "GET" }];
        for other in others.into_iter().filter(|other| other != method) {
            let answer = visitor.asks(with_token(request(other, path)));
            let allowed = if path.ends_with("/session") { "POST, DELETE" } else { method };
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{other} {path}");
        }
    }
    assert_eq!(visitor.reached().len(), 1, "nothing of it reached the origin");
    assert_eq!(sees(visitor, &card, "/acts")["acts"], json!([]), "and nothing was done");
}

#[test]
fn without_a_token_in_the_configuration_there_is_no_such_path() {
    let paywall = Paywall::start_raw(Config::new(), Layout::default());
    let visitor = paywall.visitor("no-admin");
    for (method, path) in operations(&"0".repeat(64)) {
        let answer = visitor.asks(with_token(request(&method, &path)));
        assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
    }
    assert!(visitor.reached().is_empty());
}

#[test]
fn whoever_guesses_tokens_is_held_back() {
    let paywall = Paywall::start(config().var("LIMITS", "on"));
    let visitor = paywall.visitor("guesses");
    let path = operations(&"0".repeat(64)).remove(0).1;
    let guess =
        |nth: u32| visitor.asks(Request::post(&path, "{}").header("authorization", format!("Bearer {nth}")));
    let statuses: Vec<u16> = (0..14).map(|nth| guess(nth).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 11, "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    let right = visitor.asks(with_token(Request::post(&path, "{}")));
    assert_eq!(
        (right.status, right.header("retry-after")),
        (429, Some("60")),
        "the next token is not even looked at"
    );
}

#[test]
fn what_is_sent_is_checked_field_by_field() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("admin-fields"));
    let card = stripe.card("admin_fields");
    first_payment(visitor, &card);
    let sends = |what: &str, key: Option<&str>, body: &str| {
        let mut request =
            with_token(Request::post(&format!("{}/{}/{what}", crate::CLIENTS, card.account), body));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        visitor.asks(request)
    };
    let good = r#"{"by":"a","reason":"b","currency":"usd","amount":1}"#;
    let rows = [
        ("adjust", None, good),
        ("adjust", Some("ü"), good),
        ("adjust", Some("a b"), good),
        ("adjust", Some("k"), ""),
        ("adjust", Some("k"), "[]"),
        ("adjust", Some("k"), r#"{"by":"a","reason":"b","currency":"usd"}"#),
        ("adjust", Some("k"), r#"{"by":"a","reason":"b","currency":"usd","amount":0}"#),
        ("adjust", Some("k"), r#"{"by":"a","reason":"b","currency":"usd","amount":1.5}"#),
        ("adjust", Some("k"), r#"{"by":"a","reason":"b","currency":"usd","amount":"1"}"#),
        ("adjust", Some("k"), r#"{"by":"a","reason":"b","currency":"usd","amount":1000000000001}"#),
        ("adjust", Some("k"), r#"{"by":"a","reason":"b","currency":"USD","amount":1}"#),
        ("adjust", Some("k"), r#"{"by":"a","reason":"b","amount":1}"#),
        ("adjust", Some("k"), r#"{"by":"a","currency":"usd","amount":1}"#),
        ("adjust", Some("k"), r#"{"by":"","reason":"b","currency":"usd","amount":1}"#),
        ("adjust", Some("k"), r#"{"by":"a\nb","reason":"b","currency":"usd","amount":1}"#),
        ("refund", None, r#"{"by":"a","reason":"b","currency":"usd"}"#),
        ("refund", Some("k"), r#"{"by":"a","reason":"b","currency":"usd","ammount":1}"#),
        ("refund", Some("k"), r#"{"by":"a","reason":"b","currency":"usd","amount":-1}"#),
        ("refund", Some("k"), r#"{"by":"a","reason":"b","currency":"usd","amount":null}"#),
        ("freeze", None, r#"{"by":"a","reason":"b","currency":"usd"}"#),
        ("freeze", None, r#"{"by":7,"reason":"b"}"#),
    ];
    for (what, key, body) in rows {
        let answer = sends(what, key, body);
        assert_eq!(answer.status, 400, "{what} {key:?} {body}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    assert_eq!(sends("freeze", None, &" ".repeat(9_000)).status, 413);
    assert_eq!(sees(visitor, &card, "/acts")["acts"], json!([]));
    for query in ["?limit=0", "?limit=501", "?limit=x", "?before=x", "?currency=xxx", "?before=", "?limit="] {
        let path = format!("{}/{}/transactions{query}", crate::CLIENTS, card.account);
        assert_eq!(visitor.asks(with_token(Request::get(&path))).status, 400, "{query}");
    }
}

#[test]
fn the_document_knows_every_currency_that_can_be_charged() {
    let mut known: Vec<&str> = Currency::all().map(Currency::code).collect();
    known.sort_unstable();
    assert_eq!(document()["components"]["schemas"]["Currency"]["enum"], json!(known));
}
