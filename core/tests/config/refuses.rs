//! Every mistake an operator can make, with the line that is said of it.

use crate::given::{SERVER_SECRET, parse, run, with, with_route};
use serde_json::{Value, json};
use stripe402_core::config::{Binding, Input, Phase, Settings};

const LIVE: &str = "pk_live_51abc";

/// These changes lead to exactly these lines.
fn refused(changes: Value, expected: &[&str]) {
    assert_eq!(run(&changes).map(|_| ()).unwrap_err(), expected, "{changes}");
}

/// One route, and what is said of it after `ROUTES "<key>"`.
fn route_refused(key: &str, fields: Value, expected: &str) {
    let errors = with_route(key, &fields).map(|_| ()).unwrap_err();
    assert_eq!(errors, [format!("ROUTES {key:?}{expected}")], "{fields}");
}

#[test]
fn keys_and_secrets() {
    const SECRET: &str = "openssl rand -hex 32";
    for (changes, expected) in [
        (
            json!({ "STRIPE_PUBLISHABLE_KEY": null }),
            "STRIPE_PUBLISHABLE_KEY: not set: expected pk_test_… or pk_live_… from Stripe's dashboard".to_owned(),
        ),
        (
            json!({ "STRIPE_PUBLISHABLE_KEY": "pk_test_replace_me" }),
            "STRIPE_PUBLISHABLE_KEY: still a placeholder: put your own key from Stripe's dashboard here".to_owned(),
        ),
        (
            json!({ "STRIPE_PUBLISHABLE_KEY": "sk_test_51Example" }),
            "STRIPE_PUBLISHABLE_KEY: expected pk_test_… or pk_live_…; this is a SECRET key: it must never stand here, roll it in Stripe's dashboard".to_owned(),
        ),
        (
            json!({ "STRIPE_PUBLISHABLE_KEY": "pk_test_" }),
            "STRIPE_PUBLISHABLE_KEY: expected pk_test_… or pk_live_…; this is not a whole key".to_owned(),
        ),
        (
            json!({ "STRIPE_PUBLISHABLE_KEY": "pk_prod_51abc" }),
            "STRIPE_PUBLISHABLE_KEY: expected pk_test_… or pk_live_… from Stripe's dashboard".to_owned(),
        ),
        (
            json!({ "STRIPE_PUBLISHABLE_KEY": { "key": "pk_test_51" } }),
            "STRIPE_PUBLISHABLE_KEY: expected text".to_owned(),
        ),
        (
            json!({ "STRIPE_SECRET_KEY": null }),
            "STRIPE_SECRET_KEY: not set: run \"wrangler secret put STRIPE_SECRET_KEY\"".to_owned(),
        ),
        (
            json!({ "STRIPE_SECRET_KEY": "pk_test_51Example" }),
            "STRIPE_SECRET_KEY: expected sk_test_… or sk_live_…, rk_test_… or rk_live_…; this is a publishable key".to_owned(),
        ),
        (
            json!({ "STRIPE_SECRET_KEY": "sk_test_replace_me" }),
            "STRIPE_SECRET_KEY: expected sk_test_… or sk_live_…, rk_test_… or rk_live_…; this is not a whole key".to_owned(),
        ),
        (
            json!({ "STRIPE_SECRET_KEY": "sk_test_51Example\n" }),
            "STRIPE_SECRET_KEY: has white space at its beginning or end (a line break, perhaps)".to_owned(),
        ),
        (
            json!({ "STRIPE_SECRET_KEY": "whsec_51Example" }),
            "STRIPE_SECRET_KEY: expected sk_test_… or sk_live_…, rk_test_… or rk_live_…; this is a webhook's signing secret".to_owned(),
        ),
        (
            json!({ "STRIPE_SECRET_KEY": "sk_live_51Example" }),
            "STRIPE_SECRET_KEY: a live key, but STRIPE_PUBLISHABLE_KEY is a test key: both are of one mode".to_owned(),
        ),
        (
            json!({ "STRIPE_PUBLISHABLE_KEY": LIVE, "STRIPE_SECRET_KEY": "rk_test_51Example" }),
            "STRIPE_SECRET_KEY: a test key, but STRIPE_PUBLISHABLE_KEY is a live key: both are of one mode".to_owned(),
        ),
        (
            json!({ "SERVER_SECRET": null }),
            "SERVER_SECRET: not set: run \"wrangler secret put SERVER_SECRET\"".to_owned(),
        ),
        (
            json!({ "SERVER_SECRET": "change-me-in-production" }),
            format!("SERVER_SECRET: 23 bytes long, expected at least 32: make one with \"{SECRET}\""),
        ),
        (
            json!({ "SERVER_SECRET": "0123456789abcdef0123456789abcde" }),
            format!("SERVER_SECRET: 31 bytes long, expected at least 32: make one with \"{SECRET}\""),
        ),
        (
            json!({ "SERVER_SECRET": "please-CHANGE-ME-in-production-0123456789" }),
            format!("SERVER_SECRET: a placeholder or too regular: make one with \"{SECRET}\""),
        ),
        (
            json!({ "SERVER_SECRET": "a".repeat(64) }),
            format!("SERVER_SECRET: a placeholder or too regular: make one with \"{SECRET}\""),
        ),
        (
            json!({ "SERVER_SECRET_PREVIOUS": "short" }),
            format!("SERVER_SECRET_PREVIOUS: 5 bytes long, expected at least 32: make one with \"{SECRET}\""),
        ),
        (
            json!({ "ORIGIN_SECRET": "replace-me-with-another-random-value" }),
            format!("ORIGIN_SECRET: a placeholder or too regular: make one with \"{SECRET}\""),
        ),
        (
            json!({ "ADMIN_TOKEN": "hunter2" }),
            format!("ADMIN_TOKEN: 7 bytes long, expected at least 32: make one with \"{SECRET}\""),
        ),
        (
            json!({ "STRIPE_WEBHOOK_SECRET": "sk_test_51Example" }),
            "STRIPE_WEBHOOK_SECRET: expected whsec_… from the webhook's page in Stripe's dashboard".to_owned(),
        ),
        (
            json!({ "STRIPE_WEBHOOK_SECRET": "whsec_" }),
            "STRIPE_WEBHOOK_SECRET: expected whsec_… from the webhook's page in Stripe's dashboard".to_owned(),
        ),
        (
            json!({ "ORIGIN_SECRET": SERVER_SECRET }),
            "ORIGIN_SECRET: the same as SERVER_SECRET: each is a secret of its own".to_owned(),
        ),
        (
            json!({ "SERVER_SECRET_PREVIOUS": SERVER_SECRET }),
            "SERVER_SECRET_PREVIOUS: the same as SERVER_SECRET: each is a secret of its own".to_owned(),
        ),
    ] {
        refused(changes, &[&expected]);
    }
}

#[test]
fn no_report_repeats_a_secret_or_what_stands_in_its_place() {
    for name in [
        "STRIPE_PUBLISHABLE_KEY",
        "STRIPE_SECRET_KEY",
        "SERVER_SECRET",
        "SERVER_SECRET_PREVIOUS",
        "STRIPE_WEBHOOK_SECRET",
        "ORIGIN_SECRET",
        "ADMIN_TOKEN",
    ] {
        for value in [
            json!("SPY"),
            json!(" sk_live_SPY"),
            json!(["SPY"]),
            json!({ "SPY": "SPY" }),
            json!("pk_test_SPY!"),
        ] {
            let errors = run(&json!({ name: value })).map(|_| ()).unwrap_err().join("\n");
            assert!(errors.contains(name) && !errors.contains("SPY"), "{errors}");
        }
    }
    for name in ["ORIGIN_URL", "STRIPE_API_BASE"] {
        let errors = run(&json!({ name: "https://user:SPY@example.com" })).map(|_| ()).unwrap_err();
        assert_eq!(errors, [format!("{name}: expected a URL without a user name or password")]);
    }
}

#[test]
fn bindings() {
    let parse = |changes: Value, bindings: &[Binding]| {
        parse(&with(&changes), bindings, Phase::Run).map(|_| ()).unwrap_err()
    };
    assert_eq!(
        parse(json!({}), &[Binding::Limiter]),
        [
            "ACCOUNTS: no binding of this name: the Durable Object class Account under [[durable_objects.bindings]]"
        ]
    );
    let live = json!({ "STRIPE_PUBLISHABLE_KEY": LIVE, "STRIPE_SECRET_KEY": "sk_live_51abc" });
    assert_eq!(
        parse(live, &[Binding::Accounts]),
        [
            "LIMITER: no rate limit of this name under [[ratelimits]]: card numbers can be tried out without a limit"
        ]
    );
    assert_eq!(
        parse(json!({ "ORIGIN_URL": "https://example.com" }), &[Binding::Accounts, Binding::OriginService]),
        ["ORIGIN_URL: there is a service binding ORIGIN, too: choose one of the two"]
    );
}

#[test]
fn single_values() {
    for (name, value, expected) in [
        (
            "CURRENCY",
            json!("USD"),
            r#"not a currency that Stripe charges in; write the three letters in lower case, such as "usd"; found "USD"; did you mean "usd"?"#,
        ),
        (
            "CURRENCY",
            json!("dollar"),
            r#"not a currency that Stripe charges in; write the three letters in lower case, such as "usd"; found "dollar""#,
        ),
        ("MIN_TOP_UP", json!("ten"), r#"expected a whole number from 1 to 9007199254740991; found "ten""#),
        ("MIN_TOP_UP", json!(0), "expected a whole number from 1 to 9007199254740991; found 0"),
        ("MIN_TOP_UP", json!(1.5), "expected a whole number from 1 to 9007199254740991; found 1.5"),
        ("MIN_TOP_UP", json!("5e4"), r#"expected a whole number from 1 to 9007199254740991; found "5e4""#),
        (
            "MIN_TOP_UP",
            json!(4999),
            "below the smallest charge that Stripe takes in usd, 5000 units ($0.50); found 4999",
        ),
        ("MAX_TOP_UP", json!(-1), "expected a whole number from 1 to 9007199254740991; found -1"),
        (
            "MAX_TOP_UP",
            json!(49_999),
            r#"below the smallest top-up of "GET /api/joke", 50000 units ($5.00); found 49999"#,
        ),
        (
            "MAX_TOP_UP",
            json!(9_999_999_901_i64),
            "above the largest charge that Stripe takes in usd, 9999999900 units ($999999.99); found 9999999901",
        ),
        (
            "MAX_TOP_UP_PER_DAY",
            json!(49_999),
            r#"below the smallest top-up of "GET /api/joke", 50000 units ($5.00); found 49999"#,
        ),
        ("UNMATCHED", json!("block"), r#"expected one of free, deny; found "block""#),
        (
            "UNLISTED_METHODS",
            json!("dney"),
            r#"expected one of deny, free; found "dney"; did you mean "deny"?"#,
        ),
        ("STRICT_PATHS", json!("maybe"), r#"expected true or false; found "maybe""#),
        ("STRICT_PATHS", json!(2), "expected true or false; found 2"),
        (
            "CHARGE_ON",
            json!("sucess"),
            r#"expected one of no-server-error, success, always; found "sucess"; did you mean "success"?"#,
        ),
        (
            "CORS_ORIGINS",
            json!("https://a.example/"),
            r#"expected web origins such as "https://app.example", without a path, or "*"; found "https://a.example/"; did you mean "https://a.example"?"#,
        ),
        (
            "CORS_ORIGINS",
            json!("https://A.example"),
            r#"expected web origins such as "https://app.example", without a path, or "*"; found "https://A.example"; did you mean "https://a.example"?"#,
        ),
        (
            "CORS_ORIGINS",
            json!("a.example"),
            r#"expected web origins such as "https://app.example", without a path, or "*"; found "a.example""#,
        ),
        (
            "CORS_ORIGINS",
            json!(["*", "https://a.example"]),
            r#""*" stands alone: it already allows every origin; found ["*","https://a.example"]"#,
        ),
        ("CORS_ORIGINS", json!({}), r#"expected a list such as ["a", "b"] or "a, b"; found {}"#),
        (
            "CORS_ORIGINS",
            json!("[\"https://a.example\""),
            r#"expected a list such as ["a", "b"] or "a, b"; found "[\"https://a.example\"""#,
        ),
        ("ORIGIN_TIMEOUT_MS", json!(99), "expected a whole number from 100 to 600000; found 99"),
        ("TOP_UP_WAIT_MS", json!("60001"), r#"expected a whole number from 100 to 60000; found "60001""#),
        ("MAX_DECLINES", json!(0), "expected a whole number from 1 to 1000000; found 0"),
        ("IDEMPOTENT_RETRIES", json!(101), "expected a whole number from 0 to 100; found 101"),
        ("COMPACT_AFTER_DAYS", json!(true), "expected a whole number from 1 to 3650; found true"),
        (
            "STATEMENT_DESCRIPTOR_SUFFIX",
            json!("A <B>"),
            r#"expected at most 22 characters with at least one letter: letters, digits, spaces and signs other than < > \ ' " *; found "A <B>""#,
        ),
        (
            "STATEMENT_DESCRIPTOR_SUFFIX",
            json!("12345"),
            r#"expected at most 22 characters with at least one letter: letters, digits, spaces and signs other than < > \ ' " *; found "12345""#,
        ),
        (
            "STATEMENT_DESCRIPTOR_SUFFIX",
            json!("TWENTY-THREE CHARACTERS"),
            r#"expected at most 22 characters with at least one letter: letters, digits, spaces and signs other than < > \ ' " *; found "TWENTY-THREE CHARACTERS""#,
        ),
        ("JURISDICTION", json!("EU"), r#"expected one of eu, fedramp; found "EU"; did you mean "eu"?"#),
        ("PAYWALL", json!("onn"), r#"expected true or false; found "onn""#),
        (
            "PAYWALL_NAME",
            json!("two\nlines"),
            r#"expected one line of at most 60 characters; found "two\nlines""#,
        ),
        ("PAYWALL_COLOR", json!("red"), r##"expected a colour such as #0a7cff; found "red""##),
        ("PAYWALL_COLOR", json!("#12345"), r##"expected a colour such as #0a7cff; found "#12345""##),
        (
            "PAYWALL_LOGO",
            json!("http://example.com/a.png"),
            r#"expected an https URL; found "http://example.com/a.png""#,
        ),
        (
            "SUPPORT_URL",
            json!("javascript:alert(1)"),
            r#"expected an https URL; found "javascript:alert(1)""#,
        ),
        ("TERMS_URL", json!("/terms"), r#"expected an https URL; found "/terms""#),
        ("DISCOVERY", json!([]), "expected true or false; found []"),
        ("ORIGIN_URL", json!("api.example.com"), r#"expected an http or https URL; found "api.example.com""#),
        (
            "ORIGIN_URL",
            json!("https://example.com/?a=1"),
            r#"expected a URL without a query or a fragment; found "https://example.com/?a=1""#,
        ),
        (
            "ORIGIN_URL",
            json!("https://exämple.com"),
            r#"expected a URL with a host (other than ASCII in its xn-- form); found "https://exämple.com""#,
        ),
        (
            "ORIGIN_URL",
            json!("https://example.com:99999"),
            r#"expected a port from 1 to 65535; found "https://example.com:99999""#,
        ),
        (
            "ORIGIN_URL",
            json!("https://example.com/a/../b"),
            r#"expected a URL with a plain path; found "https://example.com/a/../b""#,
        ),
        ("ORIGIN_URL", json!({ "url": "x" }), r#"expected text; found {"url":"x"}"#),
        ("STRIPE_API_BASE", json!("ftp://x"), r#"expected an http or https URL; found "ftp://x""#),
    ] {
        refused(json!({ name: value }), &[&format!("{name}: {expected}")]);
    }
}

#[test]
fn values_that_do_not_go_together() {
    refused(
        json!({ "MAX_TOP_UP": 500_000, "MAX_TOP_UP_PER_DAY": 400_000 }),
        &["MAX_TOP_UP_PER_DAY: below MAX_TOP_UP, 500000 units ($50.00); found 400000"],
    );
    refused(
        json!({ "STRIPE_PUBLISHABLE_KEY": LIVE, "STRIPE_SECRET_KEY": "sk_live_51abc", "STRIPE_API_BASE": "http://127.0.0.1:8420" }),
        &["STRIPE_API_BASE: only for tests: with a live key requests go to Stripe and nowhere else"],
    );
    refused(
        json!({ "ORIGIN_SECRET": "origin-0123456789abcdef0123456789", "ROUTES": { "GET /x": { "amount": 1, "speculative": true } } }),
        &[
            r#"ROUTES "GET /x".speculative: with ORIGIN_SECRET the origin expects a proof of payment, which is made after the debit"#,
        ],
    );
}

#[test]
fn route_tables() {
    const NONE: &str = r#"ROUTES: no route table: write [vars.ROUTES] with "GET /path" = { amount = 100 }"#;
    refused(json!({ "ROUTES": null }), &[NONE]);
    refused(json!({ "ROUTES": {} }), &[NONE]);
    refused(json!({ "ROUTES": "" }), &[NONE]);
    refused(json!({ "ROUTES": "{}" }), &[NONE]);
    refused(
        json!({ "ROUTES": { "GET /x": { "amount": 0 } } }),
        &["ROUTES: every route is free: at least one needs an amount above 0"],
    );
    refused(
        json!({ "ROUTES": ["GET /x"] }),
        &[r#"ROUTES: expected a table, or a JSON object as a string; found ["GET /x"]"#],
    );
    refused(
        json!({ "ROUTES": "[]" }),
        &[r#"ROUTES: expected a table, or a JSON object as a string; found "[]""#],
    );
    refused(
        json!({ "ROUTES": r#"{"GET /x":{"amount":1},"GET /x":{"amount":2}}"# }),
        &[
            r#"ROUTES: expected a table, or a JSON object as a string (the key "GET /x" stands twice at line 1 column 31); found "{\"GET /x\":{\"amount\":1},\"GET /x\":{\"amount\":2}}""#,
        ],
    );
    refused(
        json!({ "ROUTES_MORE": "{" }),
        &[
            r#"ROUTES_MORE: expected a table, or a JSON object as a string (EOF while parsing an object at line 1 column 1); found "{""#,
        ],
    );
    refused(
        json!({ "ROUTES_MORE": { "GET /API/Joke/": { "amount": 5 } } }),
        &[r#"ROUTES_MORE "GET /API/Joke/": sells the same requests as ROUTES "GET /api/joke""#],
    );
    refused(
        json!({ "ROUTES": { "GET /a/:x": { "amount": 1 }, "GET /a/:y": { "amount": 1 }, "POST /a/:y": { "amount": 1 } } }),
        &[r#"ROUTES "GET /a/:y": sells the same requests as ROUTES "GET /a/:x""#],
    );
}

#[test]
fn route_keys() {
    for (key, expected) in [
        (
            "/api/joke",
            r#"a route begins with a method, or with * for any method; did you mean "GET /api/joke"?"#,
        ),
        ("GET", r#"a route is a method and a path, such as "GET /api/joke""#),
        ("", r#"a route is a method and a path, such as "GET /api/joke""#),
        ("HEAD /x", r#"HEAD is sold as GET: write GET, it stands for both; did you mean "GET /x"?"#),
        ("get /x", r#"methods are written in upper case; did you mean "GET /x"?"#),
        ("ANY /x", r#"* stands for any method; did you mean "* /x"?"#),
        ("OPTIONS /x", "OPTIONS cannot be sold: OPTIONS is always free, TRACE and CONNECT always refused"),
        ("TRACE /x", "TRACE cannot be sold: OPTIONS is always free, TRACE and CONNECT always refused"),
        ("GTE /x", r#"not a method that can reach the Worker; did you mean "GET /x"?"#),
        ("FROBNICATE /x", "not a method that can reach the Worker"),
        ("GET x", r#"a path starts with "/"; did you mean "GET /x"?"#),
        ("GET https://example.com/x", r#"a path starts with "/""#),
        (
            "GET /x?y=1",
            r#"a route has no query: leave out "?" and what follows (or write %3F for the character)"#,
        ),
        (
            "GET /x#y",
            r##"a route has no fragment: leave out "#" and what follows (or write %23 for the character)"##,
        ),
        ("GET /x/{id}", "write :name instead of {name}"),
        ("GET /x/*/y", r#""*" stands only at the end, as "/*"; for one segment in the middle write :name"#),
        ("GET /x*", r#""*" stands only at the end, as "/*"; for one segment in the middle write :name"#),
        ("GET /x y", "write a space as %20, and no backslash"),
        ("GET /x//y", r#"a route has no empty segment: write one "/" where two stand"#),
        ("GET /x/../y", r#"a route has no "." or ".." segment"#),
        ("GET /x/:", r#"a name after ":" is made of letters, digits and underscores"#),
        ("GET /:a/:a", "the same :name stands twice"),
        ("GET /%4", r#""%" is followed by two hexadecimal digits"#),
        ("GET /.well-known/stripe402/health", "/.well-known/stripe402/ is the paywall's own"),
    ] {
        route_refused(key, json!({ "amount": 100 }), &format!(": {expected}"));
    }
}

#[test]
fn route_fields() {
    const KEY: &str = "GET /x";
    const FIELDS: &str = "no such field; there are amount, price, currency, minTopUp, description, mimeType, chargeOn, cache, paywall, speculative";
    for (fields, expected) in [
        (json!(100), ": expected a table such as { amount = 100 }; found 100".to_owned()),
        (json!({}), ".amount: an amount in units or a price such as \"0.05\" is needed; amount = 0 makes the path free".to_owned()),
        (json!({ "amount": 1, "price": "1" }), ".price: an amount is set, too: write one of the two".to_owned()),
        (json!({ "amont": 100 }), format!(".amont: {FIELDS}; did you mean \"amount\"?")),
        (json!({ "amount": 1, "min_top_up": 60_000 }), format!(".min_top_up: {FIELDS}; did you mean \"minTopUp\"?")),
        (json!({ "amount": 1, "colour": "red" }), format!(".colour: {FIELDS}")),
        (json!({ "amount": -1 }), ".amount: expected a whole number from 0 to 9007199254740991; found -1".to_owned()),
        (json!({ "amount": "0.01" }), ".amount: expected a whole number from 0 to 9007199254740991; found \"0.01\"".to_owned()),
        (json!({ "amount": 1.5 }), ".amount: expected a whole number from 0 to 9007199254740991; found 1.5".to_owned()),
        (json!({ "amount": true }), ".amount: expected a whole number from 0 to 9007199254740991; found true".to_owned()),
        (
            json!({ "amount": 10_000_000_000_i64 }),
            ".amount: above the largest charge that Stripe takes in usd, 9999999900 units ($999999.99); found 10000000000".to_owned(),
        ),
        (json!({ "price": "0.00001" }), ".price: a price has at most four decimals; found \"0.00001\"".to_owned()),
        (json!({ "price": "$1" }), ".price: a price is a decimal such as \"0.05\"; found \"$1\"".to_owned()),
        (json!({ "price": "1e3" }), ".price: a price is a decimal such as \"0.05\"; found \"1e3\"".to_owned()),
        (json!({ "price": "1000000000000" }), ".price: the price is too large; found \"1000000000000\"".to_owned()),
        (
            json!({ "amount": 1, "currency": "eru" }),
            ".currency: not a currency that Stripe charges in; write the three letters in lower case, such as \"usd\"; found \"eru\"; did you mean \"eur\"?".to_owned(),
        ),
        (
            json!({ "amount": 60_000, "minTopUp": 50_000 }),
            ".minTopUp: below the price, 60000 units ($6.00): one top-up has to pay for one request; found 50000".to_owned(),
        ),
        (
            json!({ "amount": 1, "minTopUp": 4_999 }),
            ".minTopUp: below the smallest charge that Stripe takes in usd, 5000 units ($0.50); found 4999".to_owned(),
        ),
        (
            json!({ "amount": 1, "minTopUp": 10_000_000_000_i64 }),
            ".minTopUp: above the largest charge that Stripe takes in usd, 9999999900 units ($999999.99)".to_owned(),
        ),
        (json!({ "amount": 1, "minTopUp": 0 }), ".minTopUp: expected a whole number from 1 to 9007199254740991; found 0".to_owned()),
        (
            json!({ "amount": 10_000, "currency": "jpy" }),
            ".minTopUp: a minTopUp is needed: the default of 50000 units (¥5) is below the smallest charge that Stripe takes in jpy; the smallest possible is 500000 units (¥50)".to_owned(),
        ),
        (
            json!({ "amount": 1, "currency": "huf" }),
            ".minTopUp: a minTopUp is needed: the default of 50000 units (5.00 HUF) is below the smallest charge that Stripe takes in huf; the smallest possible is 1750000 units (175.00 HUF)".to_owned(),
        ),
        (
            json!({ "amount": 5_000_001, "currency": "jpy" }),
            ".minTopUp: a minTopUp is needed: the default of 50000 units (¥5) is below the smallest charge that Stripe takes in jpy; the smallest possible is 5010000 units (¥501)".to_owned(),
        ),
        (
            json!({ "amount": 10_000, "currency": "krw" }),
            ".minTopUp: a minTopUp is needed: Stripe publishes no smallest charge for krw, so the default of 50000 units (5 KRW) may be too little; at least the price is possible, 10000 units (1 KRW)".to_owned(),
        ),
        (json!({ "amount": 1, "description": "a\u{7}b" }), ".description: expected one line of at most 500 characters; found \"a\\u0007b\"".to_owned()),
        (json!({ "amount": 1, "mimeType": "json" }), ".mimeType: expected a media type such as application/json; found \"json\"".to_owned()),
        (
            json!({ "amount": 1, "chargeOn": "Always" }),
            ".chargeOn: expected one of no-server-error, success, always; found \"Always\"; did you mean \"always\"?".to_owned(),
        ),
        (json!({ "amount": 1, "cache": "sometimes" }), ".cache: expected true or false; found \"sometimes\"".to_owned()),
        (json!({ "amount": 1, "paywall": 7 }), ".paywall: expected true or false; found 7".to_owned()),
    ] {
        route_refused(KEY, fields, &expected);
    }
    for (key, expected) in [
        ("POST /x", ".speculative: only GET can be asked ahead of the debit: POST may change something"),
        ("* /x", ".speculative: only GET can be asked ahead of the debit, and * is more"),
    ] {
        route_refused(key, json!({ "amount": 1, "speculative": true }), expected);
    }
}

#[test]
fn a_default_currency_without_a_default_top_up_needs_one_too() {
    let routes = json!({ "GET /x": { "amount": 10_000 } });
    let errors = run(&json!({ "CURRENCY": "jpy", "ROUTES": routes })).map(|_| ()).unwrap_err();
    assert!(errors[0].contains("the smallest possible is 500000 units (¥50)"), "{errors:?}");
    assert!(run(&json!({ "CURRENCY": "jpy", "MIN_TOP_UP": 500_000, "ROUTES": routes })).is_ok());
    refused(
        json!({ "CURRENCY": "jpy", "MIN_TOP_UP": 490_000, "ROUTES": { "GET /x": { "amount": 1, "minTopUp": 500_000 } } }),
        &["MIN_TOP_UP: below the smallest charge that Stripe takes in jpy, 500000 units (¥50); found 490000"],
    );
}

#[test]
fn a_limit_that_many_routes_break_is_named_once() {
    refused(
        json!({ "MAX_TOP_UP": 10_000 }),
        &[r#"MAX_TOP_UP: below the smallest top-up of "GET /api/joke", 50000 units ($5.00); found 10000"#],
    );
}

#[test]
fn every_mistake_is_reported_at_once_and_the_first_can_be_told_to_anyone() {
    let vars = with(
        &json!({ "SERVER_SECRET": null, "PAYWALL_COLOR": "red", "ROUTES": { "GET /x": { "amount": "SPY" }, "x": {} } }),
    );
    let bindings = [Binding::Limiter].into_iter().collect();
    let errors = Settings::parse(Input { vars: &vars, bindings: &bindings, phase: Phase::Run })
        .map(|_| ())
        .unwrap_err();
    let settings: Vec<String> = errors.iter().map(stripe402_core::config::ConfigError::setting).collect();
    assert_eq!(
        settings,
        [
            "SERVER_SECRET",
            "ACCOUNTS",
            "PAYWALL_COLOR",
            "ROUTES \"GET /x\".amount",
            "ROUTES \"x\"",
            "ROUTES \"x\".amount"
        ]
    );
    assert_eq!(errors.first().setting(), "SERVER_SECRET");
    assert_eq!(errors.to_string().lines().count(), 6);
    assert!(!settings.concat().contains("SPY"));
    assert_eq!(errors.into_vec().len(), 6);
}

#[test]
fn the_build_names_what_almost_is_a_setting() {
    let build = |changes: Value| {
        let mut changes = changes;
        for secret in ["STRIPE_SECRET_KEY", "SERVER_SECRET", "STRIPE_WEBHOOK_SECRET"] {
            let changes = changes.as_object_mut().unwrap();
            changes.entry(secret).or_insert(Value::Null);
        }
        parse(&with(&changes), &[Binding::Accounts, Binding::Limiter], Phase::Build).map(|_| ())
    };
    for (name, expected) in [
        ("ORIGIN_UR", r#"ORIGIN_UR: not a setting; did you mean "ORIGIN_URL"?"#),
        ("ROUTE", r#"ROUTE: not a setting; did you mean "ROUTES"?"#),
        ("routes", r#"routes: not a setting; did you mean "ROUTES"?"#),
        ("CORS_ORIGIN", r#"CORS_ORIGIN: not a setting; did you mean "CORS_ORIGINS"?"#),
        ("MAX_TOPUP", r#"MAX_TOPUP: not a setting; did you mean "MAX_TOP_UP"?"#),
        ("SERVER_SECRT", r#"SERVER_SECRT: not a setting; did you mean "SERVER_SECRET"?"#),
        ("ORIGIN", "ORIGIN: not a variable but a binding: a service binding: the origin is another Worker"),
        (
            "LIMITER",
            "LIMITER: not a variable but a binding: a rate limit against card testing (required with a live key)",
        ),
    ] {
        assert_eq!(build(json!({ name: "x" })).unwrap_err(), [expected]);
    }
    assert_eq!(
        build(json!({ "SERVER_SECRET": SERVER_SECRET })).unwrap_err(),
        [
            "SERVER_SECRET: a secret does not belong in [vars]: remove it and run \"wrangler secret put SERVER_SECRET\""
        ]
    );
    assert_eq!(build(json!({ "MY_OWN_THING": "x" })), Ok(()));
}
