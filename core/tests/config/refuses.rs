//! Every mistake an operator can make, with the line that is said of it.

use crate::given::{SERVER_SECRET, parse, run, with};
use serde_json::{Value, json};
use stripe402_core::config::{Binding, Input, Kind, Phase, Settings, VARIABLES, Variable};

const LIVE: &str = "pk_live_51abc";

/// These changes lead to exactly these lines.
fn refused(changes: Value, expected: &[&str]) {
    assert_eq!(run(&changes).map(|_| ()).unwrap_err(), expected, "{changes}");
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
            json!({ "STRIPE_PUBLISHABLE_KEY": "pk_test_51AbCdEfGhIjKlMn0001", "STRIPE_SECRET_KEY": "sk_test_51AbCdEfGhIjKlMN0002" }),
            "STRIPE_SECRET_KEY: of another Stripe account than STRIPE_PUBLISHABLE_KEY: what one takes the other cannot see".to_owned(),
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
fn a_secret_that_is_an_example_or_too_regular() {
    let strong = |secret: &str| run(&json!({ "SERVER_SECRET": secret })).is_ok();
    assert!(
        strong(&"abcde".repeat(7)) && !strong(&"abcd".repeat(8)),
        "five different characters are the least"
    );
    assert!(strong("the-beginning-of-a-long-secret-and-its-end"));
    for end in ["...", "…"] {
        assert!(!strong(&format!("the-beginning-of-a-long-secret-and{end}")), "{end}");
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
fn the_example_file_of_secrets_cannot_be_used_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../.dev.vars.example");
    let file = std::fs::read_to_string(path).unwrap();
    let mut names = Vec::new();
    for line in file.lines().map(|line| line.trim_start_matches("# ")) {
        let Some((name, value)) = line.split_once('=').filter(|(name, _)| !name.contains(' ')) else {
            continue;
        };
        let errors = run(&json!({ name: value })).map(|_| ()).unwrap_err();
        assert!(errors[0].starts_with(name), "{errors:?}");
        names.push(name.to_owned());
    }
    for name in &names {
        let known = |known: &&Variable| known.kind == Kind::Secret && known.name == name;
        assert!(VARIABLES.iter().any(|variable| known(&variable)), "{name} is no secret of ours");
    }
    for needed in ["STRIPE_SECRET_KEY", "SERVER_SECRET"] {
        assert!(names.iter().any(|name| name == needed), "{needed} is not in the example");
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
        ("COMPACT_AFTER_DAYS", json!(true), "expected a whole number from 2 to 3650; found true"),
        ("REPORT_SECONDS", json!(0), "expected a whole number from 1 to 3600; found 0"),
        ("REPORT_SECONDS", json!(3601), "expected a whole number from 1 to 3600; found 3601"),
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
        ("PAYWALL_COLOR", json!("red"), r#"expected a colour such as #0a7cff; found "red""#),
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
fn every_mistake_is_reported_at_once_and_the_first_can_be_told_to_anyone() {
    let vars = with(
        &json!({ "SERVER_SECRET": null, "PAYWALL_COLOR": "red", "ROUTES": { "GET /x": { "amount": "SPY" }, "x": {} } }),
    );
    let errors = Settings::parse(Input { vars: &vars, bindings: &[Binding::Limiter], phase: Phase::Run })
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
