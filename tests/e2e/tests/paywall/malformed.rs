//! Payment headers as no client should write them. Each has its defined answer; none gets a 500, an answer of the
//! origin's, or a call to Stripe.

use serde_json::{Value, json};
use stripe402_core::protocol::{ErrorCode, encode};
use stripe402_e2e::{Card, Request};

use crate::{assert_paid, assert_refused, shared};

/// A sentence of the refusals, with the code that goes with it.
type Refusal = (ErrorCode, &'static str);

const MALFORMED: Refusal = (ErrorCode::InvalidPayment, "Malformed payment header");
const TOO_LONG: Refusal = (ErrorCode::InvalidPayment, "The payment header is longer than 8192 bytes");
const TWICE: Refusal = (ErrorCode::InvalidPayment, "More than one payment header");
const NO_VERSION: Refusal =
    (ErrorCode::InvalidPayment, "stripe402Version is missing: this server speaks version 1");
const ODD_VERSION: Refusal =
    (ErrorCode::InvalidPayment, "stripe402Version must be the number 1: this server speaks version 1");
const CLIENT_ID: Refusal =
    (ErrorCode::InvalidPayment, "clientId must be 64 lower-case hexadecimal characters");
const METHOD_ID: Refusal = (
    ErrorCode::InvalidPayment,
    "paymentMethodId must be \"pm_\" followed by letters, digits and underscores, at most 255 characters in all",
);
const TOP_UP: Refusal =
    (ErrorCode::InvalidPayment, "topUpAmount must be a whole number of units from 0 to 9007199254740991");

/// Well-formed, and nothing that Stripe may ever hear of.
const METHOD: &str = "pm_malformed";

fn base64(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    // The project has its own coding for JSON alone; a string of bytes is what `openssl base64` would make of it.
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for three in bytes.as_ref().chunks(3) {
        let number =
            three.iter().chain(&[0, 0]).take(3).fold(0, |number, byte| number << 8 | usize::from(*byte));
        let four = [18, 12, 6, 0].map(|shift| ALPHABET[number >> shift & 63]);
        text.extend_from_slice(&four[..=three.len()]);
        text.resize(text.len() + 3 - three.len(), b'=');
    }
    text
}

/// Forms that say nothing of what they should.
fn not_a_payment() -> Vec<(Vec<u8>, Refusal)> {
    let json = |text: &str| (base64(text), MALFORMED);
    let raw = |bytes: &[u8]| (bytes.to_vec(), MALFORMED);
    let deep =
        format!(r#"{{"stripe402Version":1,"topUpAmount":{}{}}}"#, "[".repeat(2_000), "]".repeat(2_000));
    vec![
        raw(b"not-valid-base64!!!"),
        raw(b"%7B%7D"),
        raw(b"\"e30=\""),
        raw(b"Bearer e30="),
        raw(br#"{"stripe402Version":1}"#),
        raw(b"e30=="),
        raw(b"e3 0="),
        raw(b"e30=e30="),
        raw(b"="),
        raw(b"+/_-"),
        raw(b"\xff\xfe\xe9"),
        raw("é☂".as_bytes()),
        raw(b"e30=\xe9"),
        raw(b"e30\x01"),
        raw(b"e30\x7f"),
        json("null"),
        json("true"),
        json("1"),
        json("\"pm_malformed\""),
        json("[]"),
        json(r#"[{"stripe402Version":1,"paymentMethodId":"pm_malformed"}]"#),
        json("{"),
        json("{}{}"),
        json("{'stripe402Version':1}"),
        json("\u{feff}{}"),
        json(r#"{"stripe402Version":1,"paymentMethodId":"pm_malformed""#),
        json(r#"{"stripe402Version":1,"paymentMethodId":"pm_malformed","topUpAmount":NaN}"#),
        json(r#"{"stripe402Version":1,"paymentMethodId":"pm_malformed","paymentMethodId":"pm_malformed_2"}"#),
        json(r#"{"stripe402Version":2,"stripe402Version":1,"paymentMethodId":"pm_malformed"}"#),
        json(&deep),
        (base64(b"{\"stripe402Version\":1,\"paymentMethodId\":\"pm_malformed\",\"x\":\"\xff\"}"), MALFORMED),
        (vec![b'A'; 8_193], TOO_LONG),
        (vec![b'A'; 64_000], TOO_LONG),
        (
            base64(
                json!({"stripe402Version": 1, "paymentMethodId": METHOD, "x": "x".repeat(8_000)}).to_string(),
            ),
            TOO_LONG,
        ),
        (b"e30=, e30=".to_vec(), TWICE),
        (b",".to_vec(), TWICE),
    ]
}

/// Objects with a field that breaks a rule. What else they hold would pay.
fn broken_rules() -> Vec<(Value, Refusal)> {
    let mut rows = Vec::new();
    let mut row = |field: &str, values: &[Value], refusal: Refusal| {
        for value in values {
            let mut fields = json!({"stripe402Version": 1, "paymentMethodId": METHOD});
            fields[field] = value.clone();
            rows.push((fields, refusal));
        }
    };
    let hex = "0123456789abcdef".repeat(4);
    row("stripe402Version", &[json!(null)], NO_VERSION);
    row(
        "stripe402Version",
        &[json!("1"), json!(-1), json!(1.5), json!(true), json!([1]), json!({})],
        ODD_VERSION,
    );
    row(
        "clientId",
        &[
            json!("abc"),
            json!(hex.to_uppercase()),
            json!(hex[1..]),
            json!(format!("{hex}0")),
            json!(format!("{}g", &hex[1..])),
        ],
        CLIENT_ID,
    );
    row(
        "clientId",
        &[json!(format!(" {}", &hex[1..])), json!(5), json!(true), json!([hex]), json!({"id": hex})],
        CLIENT_ID,
    );
    row(
        "paymentMethodId",
        &[json!("pm_"), json!("PM_x"), json!("card_1"), json!("tok_visa"), json!(" pm_a")],
        METHOD_ID,
    );
    row(
        "paymentMethodId",
        &[json!("pm_a/b"), json!("pm_../customers"), json!("pm_a?b"), json!("pm_a#b")],
        METHOD_ID,
    );
    row(
        "paymentMethodId",
        &[json!("pm_a%2fb"), json!("pm_a\n"), json!("pm_ä"), json!("pm_\u{0}")],
        METHOD_ID,
    );
    row(
        "paymentMethodId",
        &[json!(format!("pm_{}", "a".repeat(253))), json!(7), json!([METHOD]), json!({"id": METHOD})],
        METHOD_ID,
    );
    row(
        "topUpAmount",
        &[json!("50000"), json!(""), json!(50_000.5), json!(-1), json!(1e300), json!(true)],
        TOP_UP,
    );
    row("topUpAmount", &[json!([50_000]), json!({}), json!(9_007_199_254_740_992_i64)], TOP_UP);
    let below = "Top-up amount 49999 is below the minimum of 50000";
    row("topUpAmount", &[json!(49_999)], (ErrorCode::TopUpBelowMinimum, below));
    let nothing = "Top-up amount 0 is below the minimum of 50000";
    row("topUpAmount", &[json!(0), json!(0.0)], (ErrorCode::TopUpBelowMinimum, nothing));
    let above = "Top-up amount 1000001 is above the maximum of 1000000";
    row("topUpAmount", &[json!(1_000_001)], (ErrorCode::InvalidPayment, above));
    let two = "stripe402Version 2 is not supported: this server speaks version 1";
    row("stripe402Version", &[json!(2)], (ErrorCode::InvalidPayment, two));
    rows
}

#[test]
fn what_is_not_a_payment_is_refused_in_one_sentence() {
    let visitor = shared().visitor("malformed");
    let rows = not_a_payment();
    assert!(rows.len() > 30);
    for (header, (code, sentence)) in rows {
        println!("{:?}", String::from_utf8_lossy(&header));
        let answer = visitor.asks(Request::get("/api/joke").payment(header));
        assert_refused(visitor, &answer, code, sentence);
    }
    assert_eq!(shared().stripe().calls_naming(METHOD), Vec::<String>::new());
}

#[test]
fn a_payment_that_breaks_a_rule_is_told_which_before_stripe_is_asked() {
    let visitor = shared().visitor("broken-rules");
    let rows = broken_rules();
    assert!(rows.len() > 40);
    for (fields, (code, sentence)) in rows {
        println!("{fields}");
        let answer = visitor.pays("/api/joke", &encode(&fields).unwrap());
        assert_refused(visitor, &answer, code, sentence);
    }
    let missing = encode(&json!({"paymentMethodId": METHOD})).unwrap();
    assert_refused(visitor, &visitor.pays("/api/joke", &missing), NO_VERSION.0, NO_VERSION.1);
    assert_eq!(shared().stripe().calls_naming(METHOD), Vec::<String>::new());
}

#[test]
fn two_payment_headers_are_refused_even_where_each_alone_would_do() {
    let visitor = shared().visitor("two-headers");
    let one = Card::writes(&json!({"paymentMethodId": METHOD}));
    for (first, second) in [(one.as_str(), one.as_str()), (one.as_str(), ""), ("", one.as_str()), ("", "")] {
        let answer = visitor.asks(Request::get("/api/joke").payment(first).header("Payment", second));
        assert_refused(visitor, &answer, TWICE.0, TWICE.1);
    }
    assert_eq!(shared().stripe().calls_naming(METHOD), Vec::<String>::new());
}

#[test]
fn what_is_no_http_at_all_the_runtime_refuses_itself() {
    let visitor = shared().visitor("no-http");
    for value in [&b"e3\x000="[..], b"e3\r\n 0=", b"e3\n0="] {
        let answer = visitor.asks(Request::get("/api/joke").payment(value));
        assert_eq!(answer.status, 400, "{value:?}: {answer:?}");
    }
    assert_eq!(visitor.reached(), []);
}

#[test]
fn null_and_empty_ids_are_absent() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("absent"));
    let challenge = visitor.gets("/api/joke");
    for fields in [
        json!({}),
        json!({"clientId": null, "paymentMethodId": null}),
        json!({"clientId": "", "paymentMethodId": ""}),
        json!({"clientId": null, "topUpAmount": 50_000}),
        json!({"stripe402Version": 9, "paymentMethodId": ""}),
        json!({"color": "green"}),
    ] {
        let answer = visitor.pays("/api/joke", &Card::writes(&fields));
        assert_eq!(answer.header("payment-required"), challenge.header("payment-required"), "{fields}");
        assert_eq!((answer.status, &answer.body), (402, &challenge.body), "{fields}");
    }
    assert_eq!(visitor.reached(), []);

    // Where the other id is there, it pays.
    let card = stripe.card("absent");
    let (client, method) = (card.client.as_str(), card.method.as_str());
    let rows = [
        (json!({"clientId": null, "paymentMethodId": method, "topUpAmount": null}), 49_900),
        (json!({"clientId": "", "paymentMethodId": method}), 49_800),
        (json!({"clientId": client, "paymentMethodId": null, "topUpAmount": null}), 49_700),
        (json!({"clientId": client, "paymentMethodId": "", "color": "green"}), 49_600),
        (json!({"clientId": client, "stripe402Version": 1.0}), 49_500),
    ];
    for (fields, credits) in rows {
        assert_paid(&visitor.pays("/api/joke", &Card::writes(&fields)), credits);
    }
    assert_eq!(stripe.charges(&card).len(), 1);
    assert_eq!(visitor.reached().len(), 5);
}

#[test]
fn four_dialects_of_base64_and_a_header_of_exactly_8_kb_are_read() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("dialects"));
    let card = stripe.card("dialects");
    // Chosen so that the standard alphabet needs both of its signs, and padding.
    let text =
        format!(r#"{{"stripe402Version":1,"paymentMethodId":"{}","x":"~~~???>>>¿¿"}}"#, card.method.as_str());
    let standard = String::from_utf8(base64(text)).unwrap();
    assert!(standard.contains('+') && standard.contains('/') && standard.ends_with('='), "{standard}");
    let url_safe = standard.replace('+', "-").replace('/', "_");
    let mut longest = format!(r#"{{"stripe402Version":1,"clientId":"{}","x":""#, card.client.as_str());
    longest.extend(std::iter::repeat_n('x', 8_192 / 4 * 3 - longest.len() - 2));
    longest.push_str("\"}");
    let longest = String::from_utf8(base64(longest)).unwrap();
    assert_eq!(longest.len(), 8_192);

    let forms = [
        standard.clone(),
        standard.trim_end_matches('=').to_owned(),
        url_safe.clone(),
        url_safe.trim_end_matches('=').to_owned(),
        format!(" \t{standard} \t"),
        longest,
    ];
    for (nth, form) in (1..).zip(forms) {
        assert_paid(&visitor.pays("/api/joke", &form), 50_000 - 100 * nth);
    }
    assert_eq!(visitor.reached().len(), 6);
}
