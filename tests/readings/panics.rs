//! Whatever a stranger sends, a parser answers: a panic in an isolate would end the requests of others.

use std::sync::LazyLock;

use proptest::prelude::*;
use stripe402_core::protocol::{PaymentHeader, check_top_up, decode_payment};
use stripe402_edge::gate::location::rewritten;
use stripe402_edge::gate::path::origin_of;
use stripe402_edge::gate::readings::{is_plain, readings};
use stripe402_edge::gate::{Decision, Facts, Gate, Target};
use stripe402_edge::stripe::webhook::{BadDelivery, open};

use super::given::{config, targets};
use super::shop::gate;

/// Made once: to make it costs more than to ask it.
static GATE: LazyLock<Gate> = LazyLock::new(|| gate("/base"));

/// Any text, much of it of the characters that parsers look for.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,80}",
        "[/%.;?#\\\\:@0-9a-f \u{0}-\u{ff}]{0,60}",
        targets(),
        targets().prop_map(|target| format!("http://127.0.0.1:8402{target}")),
    ]
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn no_target_makes_the_gate_panic(
        method in texts(), url in texts(), payment in prop::option::of(texts()), key in prop::option::of(texts()),
        origin in prop::option::of(texts()), asked in prop::option::of(texts()), headers in any::<usize>(),
    ) {
        let facts = Facts {
            method: &method,
            url: &url,
            payment: payment.as_deref(),
            cookie: None,
            idempotency_key: key.as_deref(),
            origin: origin.as_deref(),
            preflight_for: asked.as_deref(),
            preflight_headers: asked.as_deref(),
            headers,
        };
        if let Decision::Answer(answer, ..) = GATE.decide(&facts) {
            prop_assert!((200..600).contains(&answer.status));
            let printable = |value: &String| value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
            prop_assert!(answer.headers.iter().all(|(_, value)| printable(value)), "{:?}", answer.headers);
        }
        let _ = (origin_of(&url), Target::of_url(&url), is_plain(&url));
        let _ = readings(&url, &method);
        let _ = rewritten(&url, "https://origin.example", "/base", &method);
    }

    #[test]
    fn no_payment_header_makes_the_reader_panic(text in texts(), json in any::<String>(), amount in any::<i64>()) {
        use base64::Engine as _;
        use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
        let message = serde_json::json!({"stripe402Version": 1, "clientId": json, "paymentMethodId": text, "topUpAmount": amount});
        let encoded = [text.clone(), STANDARD.encode(&json), URL_SAFE_NO_PAD.encode(message.to_string())];
        for header in encoded {
            match decode_payment(Some(&header)) {
                Ok(PaymentHeader::Payment(payment)) => {
                    prop_assert!(payment.client_id.is_some() || payment.payment_method.is_some());
                    let bound = stripe402_core::protocol::Units::ZERO;
                    let _ = check_top_up(payment.top_up, bound, bound);
                }
                Ok(PaymentHeader::None) => {}
                Err(invalid) => prop_assert!(!invalid.message.is_empty()),
            }
        }
    }

    #[test]
    fn no_delivery_makes_the_webhook_panic_and_none_passes_unsigned(
        body in any::<Vec<u8>>(), header in texts(), time in any::<i64>(), now in any::<i64>(), signature in "[0-9a-f]{64}",
    ) {
        for header in [header.clone(), format!("t={time},v1={signature}"), format!("t={time},v1={signature},{header}")] {
            let opened = open(&body, &header, "whsec_property", now);
            prop_assert!(matches!(opened, Err(BadDelivery::Header | BadDelivery::Signature)), "{:?}", opened);
        }
    }
}
