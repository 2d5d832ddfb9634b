//! What the `payment` header may hold, and what is said of everything else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    reason = "a test may fail loudly, and its tables are long"
)]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use stripe402_core::protocol::{MAX_HEADER_BYTES, Payment, PaymentHeader, decode_payment};

const CLIENT: &str = "766e94750da80b514ef6675c355fdc148f94430a41cf7df629d92774ce722e96";

const MALFORMED: &str = "Malformed payment header";
const VERSION_MISSING: &str = "stripe402Version is missing: this server speaks version 1";
const VERSION_OTHER: &str = "stripe402Version 2 is not supported: this server speaks version 1";
const VERSION_FORM: &str = "stripe402Version must be the number 1: this server speaks version 1";
const CLIENT_ID: &str = "clientId must be 64 lower-case hexadecimal characters";
const PAYMENT_METHOD: &str = "paymentMethodId must be \"pm_\" followed by letters, digits and underscores, at most 255 characters in all";
const TOP_UP: &str = "topUpAmount must be a whole number of units from 0 to 9007199254740991";

fn header(json: impl AsRef<[u8]>) -> String {
    STANDARD.encode(json)
}

fn read(json: impl AsRef<[u8]>) -> Result<PaymentHeader, String> {
    decode_payment(Some(&header(json))).map_err(|refusal| refusal.message)
}

fn payment(json: &str) -> Payment {
    match read(json) {
        Ok(PaymentHeader::Payment(payment)) => payment,
        other => panic!("{json}: {other:?}"),
    }
}

#[test]
fn a_header_that_is_not_json_of_an_object_is_malformed() {
    let not_base64 = [
        "not-valid-base64!!!",
        "!!!!",
        "e30",
        "{}",
        "{\"clientId\":\"x\"}",
        "e",
        "=",
        "====",
        "e30==",
        "e3 0=",
        "e30=\n",
        "%7B%7D",
        "e30=e30=",
        "é",
        "\u{0}",
        "Bearer e30=",
        "e+3_",
        "A",
        "AB=C",
        "_",
        "0",
        "null",
        "undefined",
    ];
    let mut rows = 0;
    for value in not_base64 {
        // "e30" is base64 of "{}", without padding: a header that says nothing.
        let expected = if value == "e30" { Ok(PaymentHeader::None) } else { Err(MALFORMED.to_owned()) };
        assert_eq!(decode_payment(Some(value)).map_err(|refusal| refusal.message), expected, "{value:?}");
        rows += 1;
    }
    let deep = "[".repeat(3000);
    let not_an_object: [&[u8]; 32] = [
        b"null",
        b"true",
        b"0",
        b"1",
        b"-1.5",
        b"\"\"",
        b"\"text\"",
        b"[]",
        b"[{}]",
        b"[1,2]",
        b" ",
        b"{",
        b"}",
        b"{]",
        b"{}{}",
        b"{},",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{a:1}",
        b"{'a':1}",
        b"{\"a\":1,}",
        b"{\"a\":01}",
        b"{\"a\":NaN}",
        b"{\"a\":+1}",
        b"{\"topUpAmount\":1e400}",
        b"{\"a\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        b"{\"clientId\":\"\\ud800\"}",
        b"{\"a\":\"\n\"}",
        b"{}\0",
        b"// {}",
        deep.as_bytes(),
    ];
    for json in not_an_object {
        assert_eq!(read(json), Err(MALFORMED.to_owned()), "{:?}", String::from_utf8_lossy(json));
        rows += 1;
    }
    assert!(rows > 50);
}

#[test]
fn a_key_that_stands_twice_is_refused_however_it_is_spelt() {
    for json in [
        r#"{"stripe402Version":1,"paymentMethodId":"pm_a","paymentMethodId":"pm_b"}"#,
        r#"{"stripe402Version":1,"paymentMethodId":"pm_a","paymentMethodId":"pm_a"}"#,
        r#"{"stripe402Version":1,"paymentMethodId":"pm_a","payment\u004dethodId":"pm_b"}"#,
        r#"{"stripe402Version":1,"stripe402Version":2,"paymentMethodId":"pm_a"}"#,
        r#"{"stripe402Version":1,"paymentMethodId":"pm_a","topUpAmount":null,"topUpAmount":50000}"#,
        r#"{"stripe402Version":1,"paymentMethodId":"pm_a","other":1,"other":2}"#,
        r#"{"clientId":null,"clientId":null}"#,
    ] {
        assert_eq!(read(json), Err(MALFORMED.to_owned()), "{json}");
    }
}

#[test]
fn the_version_is_the_number_one() {
    for (version, message) in [
        ("2", VERSION_OTHER),
        ("null", VERSION_MISSING),
        ("0", "stripe402Version 0 is not supported: this server speaks version 1"),
        ("-1", VERSION_FORM),
        ("1.5", VERSION_FORM),
        ("\"1\"", VERSION_FORM),
        ("\"\"", VERSION_FORM),
        ("true", VERSION_FORM),
        ("[1]", VERSION_FORM),
        ("{}", VERSION_FORM),
        ("1e300", VERSION_FORM),
        (
            "18446744073709551615",
            "stripe402Version 18446744073709551615 is not supported: this server speaks version 1",
        ),
    ] {
        let json = format!(r#"{{"stripe402Version":{version},"paymentMethodId":"pm_visa"}}"#);
        assert_eq!(read(&json), Err(message.to_owned()), "{json}");
    }
    assert_eq!(read(r#"{"paymentMethodId":"pm_visa"}"#), Err(VERSION_MISSING.to_owned()));
    for version in ["1", "1.0", "1e0"] {
        let json = format!(r#"{{"stripe402Version":{version},"paymentMethodId":"pm_visa"}}"#);
        assert_eq!(payment(&json).payment_method.unwrap().as_str(), "pm_visa");
    }
}

#[test]
fn the_version_is_judged_before_the_forms() {
    assert_eq!(read(r#"{"stripe402Version":2,"clientId":5}"#), Err(VERSION_OTHER.to_owned()));
    assert_eq!(read(r#"{"clientId":"x","topUpAmount":"x"}"#), Err(VERSION_MISSING.to_owned()));
}

#[test]
fn a_client_id_has_its_form() {
    let upper = CLIENT.to_uppercase();
    let long = format!("{CLIENT}0");
    let quoted = |text: &str| format!("{text:?}");
    let bad = [
        quoted("abc123"),
        quoted(&upper),
        quoted(&long),
        quoted(&CLIENT[1..]),
        quoted(&format!(" {}", &CLIENT[1..])),
        quoted(&format!("{}g", &CLIENT[1..])),
        quoted(&format!("{}é", &CLIENT[2..])),
        quoted("../../etc"),
        "5".to_owned(),
        "0".to_owned(),
        "true".to_owned(),
        "false".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        format!("[{CLIENT:?}]"),
        quoted(" "),
    ];
    for value in bad {
        let json = format!(r#"{{"stripe402Version":1,"clientId":{value}}}"#);
        assert_eq!(read(&json), Err(CLIENT_ID.to_owned()), "{json}");
        let json = format!(r#"{{"stripe402Version":1,"clientId":{value},"paymentMethodId":"pm_visa"}}"#);
        assert_eq!(read(&json), Err(CLIENT_ID.to_owned()), "a good payment method does not excuse {json}");
    }
}

#[test]
fn a_payment_method_id_has_its_form() {
    let long = format!("\"pm_{}\"", "a".repeat(253));
    let bad = [
        "\"visa\"",
        "\"pm_\"",
        "\"PM_visa\"",
        "\"pm_a/attach\"",
        "\"pm_a?expand=customer\"",
        "\"pm_..\"",
        "\"pm_a%2f\"",
        "\"pm_a\\u0000\"",
        "\"pm_a\\n\"",
        "\" pm_a\"",
        "\"pm_ä\"",
        "\"tok_visa\"",
        "\"card_1\"",
        "\"src_1\"",
        "7",
        "false",
        "[]",
        "{\"id\":\"pm_a\"}",
        "\" \"",
        &long,
    ];
    for value in bad {
        let json = format!(r#"{{"stripe402Version":1,"paymentMethodId":{value}}}"#);
        assert_eq!(read(&json), Err(PAYMENT_METHOD.to_owned()), "{json}");
    }
}

#[test]
fn a_top_up_is_a_whole_number_of_units() {
    let bad = [
        "\"50000\"",
        "\"\"",
        "\"abc\"",
        "true",
        "false",
        "[]",
        "[50000]",
        "{}",
        "0.5",
        "50000.5",
        "-1",
        "-50000",
        "-0.5",
        "1e300",
        "-1e300",
        "9007199254740992",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775808",
        "1e-1",
    ];
    for value in bad {
        let json = format!(r#"{{"stripe402Version":1,"paymentMethodId":"pm_visa","topUpAmount":{value}}}"#);
        assert_eq!(read(&json), Err(TOP_UP.to_owned()), "{json}");
    }
    for (value, units) in [
        ("50000", 50_000),
        ("50000.0", 50_000),
        ("5e4", 50_000),
        ("5.0E+4", 50_000),
        ("0", 0),
        ("-0", 0),
        ("-0.0", 0),
        ("9007199254740991", 9_007_199_254_740_991),
    ] {
        let json = format!(r#"{{"stripe402Version":1,"paymentMethodId":"pm_visa","topUpAmount":{value}}}"#);
        assert_eq!(payment(&json).top_up.unwrap().get(), units, "{json}");
    }
    assert_eq!(
        payment(r#"{"stripe402Version":1,"paymentMethodId":"pm_visa","topUpAmount":null}"#).top_up,
        None
    );
}

#[test]
fn nothing_to_pay_with_is_no_payment_whatever_else_it_says() {
    for value in ["", " ", "\t ", "e30=", "e30"] {
        assert_eq!(decode_payment(Some(value)), Ok(PaymentHeader::None), "{value:?}");
    }
    for json in [
        "{}",
        r#"{"stripe402Version":1}"#,
        r#"{"stripe402Version":2}"#,
        r#"{"topUpAmount":50000}"#,
        r#"{"topUpAmount":"x"}"#,
        r#"{"clientId":null,"paymentMethodId":null}"#,
        r#"{"clientId":"","paymentMethodId":""}"#,
        r#"{"stripe402Version":1,"clientId":"","paymentMethodId":null,"topUpAmount":-1}"#,
        r#"{"ClientId":"x","client_id":"x","paymentmethodid":"pm_visa"}"#,
    ] {
        assert_eq!(read(json), Ok(PaymentHeader::None), "{json}");
    }
    let deep = format!("{{\"unknown\":{}{}}}", "[".repeat(3000), "]".repeat(3000));
    assert_eq!(read(deep), Ok(PaymentHeader::None), "what is skipped costs no stack");
}

#[test]
fn what_is_absent_and_what_is_unknown_is_left_out() {
    let both = format!(
        r#"{{"extra":{{"a":[1,{{}}]}},"paymentMethodId":"","topUpAmount":60000,"clientId":"{CLIENT}","stripe402Version":1,"z":null}}"#
    );
    let read = payment(&both);
    assert_eq!(read.client_id.unwrap().as_str(), CLIENT);
    assert_eq!(read.payment_method, None);
    assert_eq!(read.top_up.unwrap().get(), 60_000);
}

#[test]
fn every_usual_dialect_of_base64_is_read() {
    // Chosen so that both alphabets differ in it and padding is needed.
    let json = r#"{"stripe402Version":1,"paymentMethodId":"pm_visa","note":"??>>~~ "}"#;
    let values = [
        STANDARD.encode(json),
        STANDARD_NO_PAD.encode(json),
        URL_SAFE.encode(json),
        URL_SAFE_NO_PAD.encode(json),
    ];
    assert!(values[0].contains(['+', '/']) && values[0].ends_with('='), "{}", values[0]);
    for value in values {
        let spaced = format!(" {value}\t");
        for value in [&value, &spaced] {
            assert!(matches!(decode_payment(Some(value)), Ok(PaymentHeader::Payment(_))), "{value}");
        }
    }
}

#[test]
fn two_headers_in_one_are_refused() {
    let one = header(r#"{"stripe402Version":1,"paymentMethodId":"pm_visa"}"#);
    for value in [format!("{one}, {one}"), format!("{one},{one}"), format!("{one},"), ",".to_owned()] {
        let refusal = decode_payment(Some(&value)).unwrap_err();
        assert_eq!(refusal.message, "More than one payment header", "{value}");
    }
}

#[test]
fn a_header_may_have_8192_bytes() {
    let json = |filler: usize| {
        format!(r#"{{"stripe402Version":1,"paymentMethodId":"pm_visa","filler":"{}"}}"#, "x".repeat(filler))
    };
    let fits = MAX_HEADER_BYTES / 4 * 3 - json(0).len();
    let longest = header(json(fits));
    assert_eq!(longest.len(), MAX_HEADER_BYTES);
    assert!(matches!(decode_payment(Some(&longest)), Ok(PaymentHeader::Payment(_))));
    let refusal = decode_payment(Some(&header(json(fits + 1)))).unwrap_err();
    assert_eq!(refusal.message, "The payment header is longer than 8192 bytes");
}

#[test]
fn a_refusal_repeats_nothing_that_was_sent() {
    for field in ["clientId", "paymentMethodId", "topUpAmount", "stripe402Version"] {
        let json = format!(r#"{{"stripe402Version":1,"paymentMethodId":"pm_ok","{field}":"SPY<script>"}}"#);
        // `paymentMethodId` stands twice in one of them: refused, too.
        let message = read(&json).unwrap_err();
        assert!(!message.contains("SPY"), "{message}");
    }
}
