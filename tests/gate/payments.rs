//! The order of the checks of a payment, and what a request that passes them all is bound to.

use serde_json::{Value, json};
use stripe402_core::protocol::Payment;
use stripe402_edge::gate::{Decision, Facts, Gate, PaidRequest};

use super::given::{answered, body, decoded, gate, header, payment, request, words};

const CLIENT: &str = "766e94750da80b514ef6675c355fdc148f94430a41cf7df629d92774ce722e96";

fn shop() -> Gate {
    gate(json!({ "ROUTES": {
        "GET /joke": { "amount": 100, "minTopUp": 50_000, "description": "Random joke", "mimeType": "text/plain" },
        "GET /dear": { "amount": 70_050, "currency": "eur" },
        "POST /joke": { "amount": 200 },
    }}))
}

/// What happens to a GET of `/joke` with this header.
fn sends(content: &Value) -> String {
    words(&shop().decide(&Facts { payment: Some(&payment(content)), ..request("GET", "http://h/joke") }))
}

/// What an accepted payment is.
fn accepted(facts: &Facts<'_>, check: impl Fn(&PaidRequest<'_>)) {
    match shop().decide(facts) {
        Decision::Pay(paid) => check(&paid),
        other => panic!("{}", words(&other)),
    }
}

#[test]
fn without_anything_to_pay_with_the_challenge_is_the_answer_whatever_else_is_wrong() {
    let gate = shop();
    let rows: [Option<String>; 6] = [
        None,
        Some(String::new()),
        Some("  ".to_owned()),
        Some(payment(&json!({}))),
        Some(payment(&json!({ "stripe402Version": 9, "topUpAmount": "x" }))),
        Some(payment(&json!({ "stripe402Version": 1, "clientId": null, "paymentMethodId": "" }))),
    ];
    for header in rows {
        let facts = Facts { payment: header.as_deref(), ..request("GET", "http://h/joke") };
        assert_eq!(words(&gate.decide(&facts)), "402 for 100", "{header:?}");
    }
}

#[test]
fn the_checks_come_in_the_order_of_the_protocol() {
    let id = "pm_1";
    let rows = [
        // Version before forms, forms before bounds.
        (json!({ "paymentMethodId": "nonsense", "topUpAmount": 1 }), "402 invalid_payment"),
        (json!({ "stripe402Version": 2, "paymentMethodId": id, "topUpAmount": 1 }), "402 invalid_payment"),
        (
            json!({ "stripe402Version": 1, "paymentMethodId": "nonsense", "topUpAmount": 1 }),
            "402 invalid_payment",
        ),
        (json!({ "stripe402Version": 1, "paymentMethodId": id, "topUpAmount": "x" }), "402 invalid_payment"),
        (
            json!({ "stripe402Version": 1, "paymentMethodId": id, "topUpAmount": 49_999 }),
            "402 top_up_below_minimum",
        ),
        (
            json!({ "stripe402Version": 1, "paymentMethodId": id, "topUpAmount": 1_000_001 }),
            "402 invalid_payment",
        ),
        (
            json!({ "stripe402Version": 1, "paymentMethodId": id, "topUpAmount": 50_000 }),
            "pay 100 for /joke on GET /joke",
        ),
        (
            json!({ "stripe402Version": 1, "paymentMethodId": id, "topUpAmount": 1_000_000 }),
            "pay 100 for /joke on GET /joke",
        ),
        (json!({ "stripe402Version": 1, "paymentMethodId": id }), "pay 100 for /joke on GET /joke"),
        // The bounds hold even where credits would do.
        (
            json!({ "stripe402Version": 1, "clientId": CLIENT, "topUpAmount": 49_999 }),
            "402 top_up_below_minimum",
        ),
        (json!({ "stripe402Version": 1, "clientId": CLIENT }), "pay 100 for /joke on GET /joke"),
    ];
    for (content, expected) in rows {
        assert_eq!(sends(&content), expected, "{content}");
    }
}

#[test]
fn the_sentence_says_which_check_it_was() {
    let sentence = |content: Value| {
        let header = payment(&content);
        let answer = answered(&shop(), &Facts { payment: Some(&header), ..request("GET", "http://h/joke") });
        body(&answer)["error"].as_str().unwrap().to_owned()
    };
    let version = sentence(json!({ "stripe402Version": 2, "paymentMethodId": "x", "topUpAmount": 1 }));
    assert!(version.contains("version 1"), "{version}");
    let form = sentence(json!({ "stripe402Version": 1, "paymentMethodId": "x", "topUpAmount": 1 }));
    assert!(form.starts_with("paymentMethodId must be"), "{form}");
    let low = sentence(json!({ "stripe402Version": 1, "paymentMethodId": "pm_1", "topUpAmount": 1 }));
    assert_eq!(low, "Top-up amount 1 is below the minimum of 50000");
}

#[test]
fn a_refusal_tells_nobodys_account_and_carries_the_challenge() {
    let gate = shop();
    let header_of = payment(&json!({ "stripe402Version": 1, "clientId": CLIENT, "topUpAmount": 1 }));
    let facts = Facts { payment: Some(&header_of), ..request("GET", "http://h/joke") };
    let answer = answered(&gate, &facts);
    let body = body(&answer);
    assert_eq!(
        (&body["success"], &body["clientId"], &body["creditsRemaining"]),
        (&json!(false), &json!(""), &json!(0))
    );
    let required = decoded(header(&answer, "payment-required").unwrap());
    assert_eq!(required["error"], "top_up_below_minimum");
    assert_eq!(required["accepts"][0]["minTopUp"], 50_000);
}

#[test]
fn the_challenge_names_the_canonical_path_the_price_and_a_top_up_that_covers_it() {
    let gate = shop();
    let answer = answered(&gate, &request("GET", "http://h/JOKE/?q=/x"));
    let required = decoded(header(&answer, "payment-required").unwrap());
    assert_eq!(required["resource"], json!({ "url": "/JOKE/", "mimeType": "text/plain" }));
    let answer = answered(&gate, &request("GET", "http://h/dear"));
    let accept = &decoded(header(&answer, "payment-required").unwrap())["accepts"][0];
    assert_eq!((&accept["amount"], &accept["currency"]), (&json!(70_050), &json!("eur")));
    assert_eq!(accept["minTopUp"], 70_100, "the price, rounded up to whole cents");
}

#[test]
fn a_request_that_may_pay_knows_its_terms_and_its_name() {
    let header = payment(&json!({ "stripe402Version": 1, "paymentMethodId": "pm_1", "topUpAmount": 60_000 }));
    let facts = Facts { payment: Some(&header), ..request("GET", "http://h/%6Aoke/?q=1") };
    accepted(&facts, |paid| {
        assert_eq!((paid.price.get(), paid.currency.code()), (100, "usd"));
        assert_eq!((paid.min_top_up.get(), paid.max_top_up.get()), (50_000, 1_000_000));
        assert_eq!(paid.max_per_day.get(), 4_000_000);
        assert_eq!(paid.resource("GET"), "GET /joke/");
        assert_eq!((paid.target.canonical.as_str(), paid.target.query.as_str()), ("/joke/", "?q=1"));
        let Payment { client_id, payment_method, top_up } = &paid.payment;
        assert!(client_id.is_none() && top_up.is_some_and(|units| units.get() == 60_000));
        assert_eq!(payment_method.as_ref().unwrap().as_str(), "pm_1");
        assert_eq!(paid.required.error, None);
        assert_eq!(paid.key, None);
    });
}

#[test]
fn a_long_path_is_cut_in_the_ledger_and_nowhere_else() {
    let gate = gate(json!({ "ROUTES": { "GET /*": { "amount": 1 } } }));
    let url = format!("http://h/{}", "ä".repeat(600));
    let header = payment(&json!({ "stripe402Version": 1, "clientId": CLIENT }));
    let Decision::Pay(paid) = gate.decide(&Facts { payment: Some(&header), ..request("GET", &url) }) else {
        panic!("not paid")
    };
    assert_eq!(paid.resource("GET").len(), "GET ".len() + 512);
    assert_eq!(paid.target.canonical.len(), 1 + 6 * 600);
}

#[test]
fn an_idempotency_key_is_bound_to_what_it_is_sent_with() {
    let header = payment(&json!({ "stripe402Version": 1, "clientId": CLIENT }));
    let target = |method: &str, path: &str, key: &str| {
        let url = format!("http://h{path}");
        let facts = Facts { payment: Some(&header), idempotency_key: Some(key), ..request(method, &url) };
        let mut found = None;
        match shop().decide(&facts) {
            Decision::Pay(paid) => found.clone_from(&paid.key),
            other => panic!("{}", words(&other)),
        }
        let key_of = found.unwrap();
        assert_eq!(key_of.key, key);
        key_of.target
    };
    let first = target("GET", "/joke?a=1", "k");
    assert_eq!(first, target("GET", "/joke?a=1", "another"), "the target is the request's, not the key's");
    assert_eq!(first, target("GET", "/%6aoke?a=1", "k"), "an escape of a plain character is no other path");
    for (method, path) in [
        ("GET", "/joke?a=2"),
        ("GET", "/joke"),
        ("HEAD", "/joke?a=1"),
        ("POST", "/joke?a=1"),
        ("GET", "/dear?a=1"),
    ] {
        assert_ne!(first, target(method, path, "k"), "{method} {path}");
    }
    let dearer = gate(json!({ "ROUTES": { "GET /joke": { "amount": 101 } } }));
    let facts =
        Facts { payment: Some(&header), idempotency_key: Some("k"), ..request("GET", "http://h/joke?a=1") };
    let Decision::Pay(paid) = dearer.decide(&facts) else { panic!("not paid") };
    assert_ne!(paid.key.unwrap().target, first, "nor may the price have changed");
}

#[test]
fn an_idempotency_key_that_is_too_long_or_unprintable_is_400_and_an_empty_one_is_none() {
    let header = payment(&json!({ "stripe402Version": 1, "clientId": CLIENT }));
    let gate = shop();
    let with = |key: &str| {
        let facts =
            Facts { payment: Some(&header), idempotency_key: Some(key), ..request("GET", "http://h/joke") };
        match gate.decide(&facts) {
            Decision::Pay(paid) => format!("pay, key {}", paid.key.is_some()),
            other => words(&other),
        }
    };
    assert_eq!(with(""), "pay, key false");
    assert_eq!(with(&"k".repeat(255)), "pay, key true");
    for key in ["k".repeat(256), "ä".to_owned(), "a\tb".to_owned(), "\u{7f}".to_owned()] {
        assert_eq!(with(&key), "400", "{key:?}");
    }
    let free = Facts { idempotency_key: Some("ä"), ..request("GET", "http://h/other") };
    assert_eq!(words(&gate.decide(&free)), "pass /other", "on a free path it is the origin's business");
    let unpaid = Facts { idempotency_key: Some("ä"), ..request("GET", "http://h/joke") };
    assert_eq!(words(&gate.decide(&unpaid)), "402 for 100", "the challenge comes first");
}
