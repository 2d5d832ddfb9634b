//! Every mistake in a route table, with the line that is said of it.

use crate::given::{run, with_route};
use serde_json::{Value, json};

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
        ("OPTIONS /x", "OPTIONS cannot be sold: OPTIONS is never paid for, TRACE and CONNECT are refused"),
        ("TRACE /x", "TRACE cannot be sold: OPTIONS is never paid for, TRACE and CONNECT are refused"),
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
    for written in ["json", "/json", "a b/c", "text/", "a/b/c"] {
        let expected =
            format!(".mimeType: expected a media type such as application/json; found {written:?}");
        route_refused(KEY, json!({ "amount": 1, "mimeType": written }), &expected);
    }
    for fields in
        [json!({ "currency": "jpy", "minTopUp": "x" }), json!({ "currency": "xyz", "minTopUp": 4_999 })]
    {
        let mut fields = fields;
        fields["amount"] = json!(1);
        let errors = with_route(KEY, &fields).map(|_| ()).unwrap_err();
        assert_eq!(errors.len(), 1, "what follows from one mistake is not told as another: {errors:?}");
    }
    for (key, expected) in [
        ("POST /x", ".speculative: only GET can be asked ahead of the debit: POST may change something"),
        ("* /x", ".speculative: only GET can be asked ahead of the debit, and * is more"),
    ] {
        route_refused(key, json!({ "amount": 1, "speculative": true }), expected);
    }
}

#[test]
fn a_limit_that_many_routes_break_is_named_once() {
    refused(
        json!({ "MAX_TOP_UP": 10_000 }),
        &[r#"MAX_TOP_UP: below the smallest top-up of "GET /api/joke", 50000 units ($5.00); found 10000"#],
    );
}
