//! Top-ups that debit nothing: what they are meant for, what they are called, and what is refused before Stripe is asked.

use serde_json::{Value, json};
use stripe402_edge::gate::{Answer, Facts, Gate, PaidRequest};
use stripe402_edge::ledger::Deposit;

use super::given::{body, decoded, gate, header, payment, request};

const URL: &str = "http://h/.well-known/stripe402/top-up";

fn shop() -> Gate {
    gate(json!({ "ROUTES": {
        "GET /joke": { "amount": 100, "description": "Random joke" },
        "GET /cats/:id": { "amount": 300, "currency": "eur" },
        "POST /images/*": { "amount": 400, "minTopUp": 70_000 },
        "GET /free": { "amount": 0 },
    }}))
}

fn asked<'g>(
    gate: &'g Gate,
    content: &Value,
    key: Option<&str>,
    body: &Value,
) -> Result<PaidRequest<'g>, Answer> {
    let header = payment(content);
    let facts = Facts { payment: Some(&header), idempotency_key: key, ..request("POST", URL) };
    gate.deposit(&facts, &body.to_string())
}

fn card() -> Value {
    json!({ "stripe402Version": 1, "paymentMethodId": "pm_1" })
}

#[test]
fn a_top_up_says_what_it_is_for_by_route_or_by_path() {
    let gate = shop();
    for (route, key, price, currency, min) in [
        ("GET /joke", "GET /joke", 100, "usd", 50_000),
        ("HEAD /Joke/", "GET /joke", 100, "usd", 50_000),
        ("/joke", "GET /joke", 100, "usd", 50_000),
        ("GET /cats/tom?x=1", "GET /cats/:id", 300, "eur", 50_000),
        ("GET /cats/:id", "GET /cats/:id", 300, "eur", 50_000),
        ("POST /images/*", "POST /images/*", 400, "usd", 70_000),
    ] {
        let paid = asked(&gate, &card(), Some("k"), &json!({ "route": route })).unwrap();
        assert_eq!((paid.route.key.as_str(), paid.price.get()), (key, price), "{route}");
        assert_eq!((paid.currency.code(), paid.min_top_up.get()), (currency, min), "{route}");
        let deposit = Deposit { name: "key k".to_owned(), kept: 86_400_000, receipt_email: None };
        assert_eq!(paid.deposit, Some(deposit));
    }
    for route in ["GET /free", "GET /nothing", "POST /joke", "GET joke", "", "GET /a%zz", "joke"] {
        let answer = asked(&gate, &card(), None, &json!({ "route": route })).unwrap_err();
        assert_eq!(answer.status, 404, "{route}");
    }
    for body in [json!(null), json!({}), json!({ "route": 1 }), json!("GET /joke"), json!([])] {
        assert_eq!(asked(&gate, &card(), None, &body).unwrap_err().status, 400, "{body}");
    }
}

#[test]
fn without_a_key_card_amount_and_currency_are_the_name_for_ten_minutes() {
    let gate = shop();
    let name = |content: Value, route: &str| {
        let asked = asked(&gate, &content, None, &json!({ "route": route })).unwrap();
        let deposit = asked.deposit.unwrap();
        assert_eq!(deposit.kept, 600_000);
        deposit.name
    };
    let plain = name(card(), "GET /joke");
    assert_eq!(plain, "card pm_1 50000 usd");
    let with =
        |amount: i64| json!({ "stripe402Version": 1, "paymentMethodId": "pm_1", "topUpAmount": amount });
    assert_eq!(name(with(50_000), "GET /joke"), plain, "the amount that is charged where none is named");
    assert_ne!(name(with(60_000), "GET /joke"), plain);
    assert_ne!(name(card(), "GET /cats/1"), plain);
}

#[test]
fn what_is_refused_is_refused_in_the_protocols_words_with_the_challenge_of_its_route() {
    let gate = shop();
    let rows = [
        (json!({ "stripe402Version": 1 }), 402, None),
        (json!({ "stripe402Version": 1, "clientId": "a".repeat(64) }), 402, Some("invalid_payment")),
        (json!({ "stripe402Version": 2, "paymentMethodId": "pm_1" }), 402, Some("invalid_payment")),
        (json!({ "stripe402Version": 1, "paymentMethodId": "x" }), 402, Some("invalid_payment")),
        (
            json!({ "stripe402Version": 1, "paymentMethodId": "pm_1", "topUpAmount": 49_999 }),
            402,
            Some("top_up_below_minimum"),
        ),
        (
            json!({ "stripe402Version": 1, "paymentMethodId": "pm_1", "topUpAmount": 1_000_001 }),
            402,
            Some("invalid_payment"),
        ),
    ];
    for (content, status, code) in rows {
        let answer = asked(&gate, &content, None, &json!({ "route": "GET /joke" })).unwrap_err();
        assert_eq!(answer.status, status, "{content}");
        let required = decoded(header(&answer, "payment-required").unwrap());
        assert_eq!(required["accepts"][0]["amount"], 100, "{content}");
        assert_eq!(required.get("error").and_then(Value::as_str), code, "{content}");
        assert_eq!(body(&answer).get("errorCode").and_then(Value::as_str), code, "{content}");
    }
}

#[test]
fn keys_and_addresses_have_their_forms() {
    let gate = shop();
    let joke = json!({ "route": "GET /joke" });
    for key in ["k".repeat(256), "ä".to_owned(), "a\tb".to_owned()] {
        assert_eq!(asked(&gate, &card(), Some(&key), &joke).unwrap_err().status, 400, "{key}");
    }
    assert!(asked(&gate, &card(), Some(&"k".repeat(255)), &joke).is_ok());
    let email =
        |email: Value| asked(&gate, &card(), None, &json!({ "route": "/joke", "receiptEmail": email }));
    for good in ["a@b.example", "ä+x@ö.example"] {
        assert_eq!(email(json!(good)).unwrap().deposit.unwrap().receipt_email.as_deref(), Some(good));
    }
    assert_eq!(email(json!(null)).unwrap().deposit.unwrap().receipt_email, None);
    for bad in
        [json!(""), json!("a"), json!("a@b"), json!("@b.c"), json!("a b@c.d"), json!("a@b@c.d"), json!(1)]
    {
        assert_eq!(email(bad.clone()).unwrap_err().status, 400, "{bad}");
    }
    let long = format!("{}@b.example", "a".repeat(250));
    assert_eq!(email(json!(long)).unwrap_err().status, 400);
}

#[test]
fn pages_of_allowed_origins_may_pay_in_and_read_accounts() {
    let gate =
        gate(json!({ "CORS_ORIGINS": "https://app.example", "ROUTES": { "GET /joke": { "amount": 100 } } }));
    let status = |path: &str, origin: &str| {
        let url = format!("http://h/.well-known/stripe402{path}");
        let facts = Facts { origin: Some(origin), preflight_for: Some("POST"), ..request("OPTIONS", &url) };
        super::given::answered(&gate, &facts).status
    };
    assert_eq!(status("/top-up", "https://app.example"), 204);
    assert_eq!(status("/account", "https://app.example"), 204);
    assert_eq!(status("/top-up", "https://evil.example"), 405);
    assert_eq!(status("/account/forget", "https://app.example"), 405);
    assert_eq!(status("/health", "https://app.example"), 405);
}
