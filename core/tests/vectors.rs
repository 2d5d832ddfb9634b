//! The recorded vectors of the reference implementation, byte for byte; and, by name, what differs on purpose.

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

use serde::Serialize;
use serde_json::{Map, Value, json};
use stripe402_core::config::{Binding, Input, Phase, Price, Route, Settings};
use stripe402_core::protocol::{
    Accept, Action, ClientId, Currency, ErrorCode, Payment, PaymentHeader, PaymentMethodId, PaymentRequired,
    PaymentResponse, Resource, Units, check_top_up, decode, decode_bytes, decode_payment, encode,
};

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/stripe402.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}

fn units(value: &Value) -> Units {
    Units::new(value.as_i64().unwrap()).unwrap()
}

/// The steps of the recorded flow, one by one.
fn flow(vectors: &Value) -> &Vec<Value> {
    let flow = vectors["flow"].as_array().unwrap();
    assert_eq!(flow.len(), 18, "the recording is complete");
    flow
}

fn step<'a>(vectors: &'a Value, name: &str) -> &'a Value {
    flow(vectors).iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name:?}"))
}

/// The configuration that the flow was recorded with, read by our parser.
fn settings(vectors: &Value) -> Settings {
    let vars: Map<String, Value> = [
        ("ROUTES", vectors["routes"].clone()),
        ("STRIPE_PUBLISHABLE_KEY", vectors["publishableKey"].clone()),
        ("STRIPE_SECRET_KEY", json!("sk_test_vectors")),
        ("SERVER_SECRET", vectors["serverSecret"].clone()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let bindings: Vec<_> =
        Binding::ALL.into_iter().filter(|binding| *binding != Binding::OriginService).collect();
    Settings::parse(Input { vars: &vars, bindings: &bindings, phase: Phase::Run }).unwrap().0
}

fn route<'a>(settings: &'a Settings, request: &Value) -> (&'a Route, String) {
    let path = text(request, "path").split('?').next().unwrap().to_owned();
    let key = format!("{} {path}", text(request, "method"));
    (settings.routes.iter().find(|route| route.key == key).unwrap_or_else(|| panic!("no route {key}")), path)
}

fn challenge(settings: &Settings, request: &Value, error: Option<ErrorCode>) -> PaymentRequired {
    let (route, url) = route(settings, request);
    let Price::Paid { amount, currency, min_top_up, .. } = route.price else {
        panic!("{} is free", route.key)
    };
    let accept = Accept {
        currency,
        amount,
        min_top_up,
        publishable_key: settings.publishable_key.clone(),
        description: route.description.clone(),
    };
    PaymentRequired {
        resource: Resource { url, description: None, mime_type: None },
        accepts: vec![accept],
        error,
    }
}

#[test]
fn every_challenge_has_the_recorded_bytes() {
    let vectors = vectors();
    let settings = settings(&vectors);
    let mut seen = 0;
    for step in flow(&vectors) {
        let Some(header) = step["response"]["payment-required"].as_str() else { continue };
        let error = step["response"]["body"]["error"].as_str().and_then(ErrorCode::parse);
        let ours = challenge(&settings, &step["request"], error);
        assert_eq!(encode(&ours).unwrap(), header, "{}", step["name"]);
        assert_eq!(serde_json::to_value(&ours).unwrap(), step["response"]["body"], "{}", step["name"]);
        let read: PaymentRequired = decode(header).unwrap();
        assert_eq!(read, ours, "{}", step["name"]);
        seen += 1;
    }
    assert_eq!(seen, 7);
}

#[test]
fn every_receipt_has_the_recorded_bytes() {
    let vectors = vectors();
    let mut seen = 0;
    for step in flow(&vectors) {
        let Some(header) = step["response"]["payment-response"].as_str() else { continue };
        let decoded = &step["response"]["paymentResponseDecoded"];
        let ours = PaymentResponse {
            success: decoded["success"].as_bool().unwrap(),
            charge_id: decoded["chargeId"].as_str().map(str::to_owned),
            credits_remaining: units(&decoded["creditsRemaining"]),
            client_id: text(decoded, "clientId").to_owned(),
            error: None,
            error_code: None,
            action: None,
        };
        assert_eq!(encode(&ours).unwrap(), header, "{}", step["name"]);
        assert_eq!(decode::<PaymentResponse>(header).unwrap(), ours, "{}", step["name"]);
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn every_failed_payment_has_the_recorded_body() {
    let vectors = vectors();
    let mut seen = 0;
    for step in flow(&vectors) {
        let body = &step["response"]["body"];
        if body["success"] != false {
            continue;
        }
        let ours = PaymentResponse {
            success: false,
            charge_id: None,
            credits_remaining: Units::ZERO,
            client_id: String::new(),
            error: body["error"].as_str().map(str::to_owned),
            error_code: body["errorCode"].as_str().and_then(ErrorCode::parse),
            action: None,
        };
        assert!(ours.error_code.is_some());
        assert_eq!(serde_json::to_value(&ours).unwrap(), *body, "{}", step["name"]);
        assert_eq!(
            serde_json::from_value::<PaymentResponse>(body.clone()).unwrap(),
            ours,
            "{}",
            step["name"]
        );
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn every_payment_header_is_read_and_written_as_recorded() {
    let vectors = vectors();
    let mut seen = 0;
    for step in flow(&vectors) {
        let decoded = &step["request"]["paymentDecoded"];
        if decoded.is_null() || step["name"] == "neither client id nor payment method" {
            continue;
        }
        let header = text(&step["request"], "payment");
        let PaymentHeader::Payment(payment) = decode_payment(Some(header)).unwrap() else {
            panic!("{} is no payment", step["name"]);
        };
        assert_eq!(payment.client_id.as_ref().map(ClientId::as_str), decoded["clientId"].as_str());
        assert_eq!(
            payment.payment_method.as_ref().map(PaymentMethodId::as_str),
            decoded["paymentMethodId"].as_str()
        );
        assert_eq!(payment.top_up.map(Units::get), decoded["topUpAmount"].as_i64());
        assert_eq!(payment.to_header().unwrap(), header, "{}", step["name"]);
        seen += 1;
    }
    assert_eq!(seen, 11);
}

#[test]
fn what_is_no_payment_is_answered_as_recorded() {
    let vectors = vectors();
    let malformed = step(&vectors, "malformed header");
    let refusal = decode_payment(malformed["request"]["payment"].as_str()).unwrap_err();
    assert_eq!(refusal.message, text(&malformed["response"]["body"], "error"));

    let neither = step(&vectors, "neither client id nor payment method");
    assert_eq!(decode_payment(neither["request"]["payment"].as_str()), Ok(PaymentHeader::None));
    assert_eq!(decode_payment(None), Ok(PaymentHeader::None));

    let below = step(&vectors, "top-up below minimum");
    let settings = settings(&vectors);
    let Price::Paid { min_top_up, max_top_up, .. } = route(&settings, &below["request"]).0.price else {
        panic!()
    };
    let top_up = units(&below["request"]["paymentDecoded"]["topUpAmount"]);
    let (code, sentence) = check_top_up(Some(top_up), min_top_up, max_top_up).unwrap_err();
    assert_eq!(code.as_str(), text(&below["response"]["body"], "errorCode"));
    assert_eq!(sentence, text(&below["response"]["body"], "error"));
}

#[test]
fn client_ids_are_derived_as_recorded() {
    let vectors = vectors();
    let ids = vectors["clientIds"].as_object().unwrap();
    assert_eq!(ids.len(), 4);
    for (name, id) in ids {
        let derived = ClientId::derive(text(id, "serverSecret").as_bytes(), text(id, "fingerprint"));
        assert_eq!(derived.as_str(), text(id, "clientId"), "{name}");
    }
}

#[test]
fn units_convert_as_recorded() {
    let vectors = vectors();
    let cents = vectors["unitsToCents"].as_array().unwrap();
    assert_eq!(cents.len(), 9);
    for pair in cents {
        assert_eq!(
            Currency::USD.charge_for(units(&pair[0])).unwrap().get(),
            pair[1].as_i64().unwrap(),
            "{pair}"
        );
    }
    let dollars = vectors["unitsToDollars"].as_array().unwrap();
    assert_eq!(dollars.len(), 9);
    for pair in dollars {
        assert_eq!(units(&pair[0]).to_decimal(), pair[1].as_str().unwrap(), "{pair}");
    }
}

#[test]
fn headers_are_coded_as_recorded() {
    // The order of the keys is that of the recording.
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        amount: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        currency: Option<&'a str>,
        #[serde(rename = "stripe402Version", skip_serializing_if = "Option::is_none")]
        version: Option<u32>,
        #[serde(rename = "clientId", skip_serializing_if = "Option::is_none")]
        client_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
    }
    let vectors = vectors();
    let list = vectors["encodeHeader"].as_array().unwrap();
    assert_eq!(list.len(), 3);
    for pair in list {
        let data = &pair["data"];
        let number = |key: &str| data[key].as_u64().map(|number| u32::try_from(number).unwrap());
        let typed = Data {
            amount: number("amount"),
            currency: data["currency"].as_str(),
            version: number("stripe402Version"),
            client_id: data["clientId"].as_str(),
            description: data["description"].as_str(),
        };
        assert_eq!(encode(&typed).unwrap(), text(pair, "encoded"));
        let bytes = decode_bytes(text(pair, "encoded")).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), *data);
    }
}

#[test]
fn difference_a_failed_payment_carries_a_challenge_with_its_code() {
    let vectors = vectors();
    let settings = settings(&vectors);
    let declined = step(&vectors, "declined card");
    assert!(declined["response"]["payment-required"].is_null(), "the reference sends none");
    let ours =
        serde_json::to_string(&challenge(&settings, &declined["request"], Some(ErrorCode::CardDeclined)))
            .unwrap();
    assert!(ours.starts_with(
        r#"{"stripe402Version":1,"resource":{"url":"/api/joke"},"accepts":[{"scheme":"stripe","#
    ));
    assert!(ours.ends_with(r#"}],"error":"card_declined"}"#), "{ours}");
}

#[test]
fn difference_three_d_secure_names_the_step_after_the_recorded_fields() {
    let vectors = vectors();
    let recorded = &step(&vectors, "3-D Secure needed")["response"]["body"];
    let mut ours: PaymentResponse = serde_json::from_value(recorded.clone()).unwrap();
    ours.action = Some(Action {
        kind: "stripe_handle_next_action".to_owned(),
        client_secret: "pi_1_secret_2".to_owned(),
    });
    assert_eq!(
        serde_json::to_string(&ours).unwrap(),
        r#"{"success":false,"creditsRemaining":0,"clientId":"","error":"Payment did not succeed. Status: requires_action","errorCode":"payment_failed","action":{"type":"stripe_handle_next_action","clientSecret":"pi_1_secret_2"}}"#
    );
    let shown = format!("{ours:?}");
    assert!(!shown.contains("pi_1_secret_2"), "{shown}");
    assert!(shown.contains("PaymentFailed") && shown.contains("stripe_handle_next_action"), "{shown}");
}

#[test]
fn difference_a_missing_or_other_version_is_refused() {
    for json in [r#"{"paymentMethodId":"pm_visa"}"#, r#"{"stripe402Version":2,"paymentMethodId":"pm_visa"}"#]
    {
        let header = encode(&serde_json::from_str::<Value>(json).unwrap()).unwrap();
        assert!(decode_payment(Some(&header)).unwrap_err().message.contains("speaks version 1"), "{json}");
    }
}

#[test]
fn difference_what_is_charged_is_what_is_credited() {
    // The reference charges 124 cents for 12345 units and credits 12345.
    let asked = Units::new(12_345).unwrap();
    let charged = Currency::USD.charge_for(asked).unwrap();
    assert_eq!(Currency::USD.units_of(charged).map(Units::get), Some(12_400));
}

#[test]
fn difference_a_dear_route_asks_for_enough() {
    let vectors = vectors();
    let mut dear = vectors.clone();
    dear["routes"]["POST /api/translate"]["amount"] = json!(70_001);
    let settings = settings(&dear);
    let Price::Paid { min_top_up, .. } = settings.routes.last().unwrap().price else { panic!() };
    assert_eq!(min_top_up.get(), 70_100, "the price, rounded up to a cent; the reference asks for 50000");
}

#[test]
fn difference_a_challenge_of_another_version_or_scheme_is_not_read() {
    let vectors = vectors();
    let body = step(&vectors, "challenge")["response"]["body"].clone();
    assert!(serde_json::from_value::<PaymentRequired>(body.clone()).is_ok());
    for (pointer, value) in [
        ("/stripe402Version", json!(2)),
        ("/accepts/0/scheme", json!("cash")),
        ("/accepts/0/currency", json!("xxx")),
        ("/accepts/0/amount", json!("100")),
        ("/accepts/0/minTopUp", json!(0.5)),
    ] {
        let mut other = body.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        assert!(serde_json::from_value::<PaymentRequired>(other).is_err(), "{pointer}");
    }
}

#[test]
fn optional_parts_of_a_resource_stand_in_their_order() {
    let resource = Resource {
        url: "/x".to_owned(),
        description: Some("A thing".to_owned()),
        mime_type: Some("application/json".to_owned()),
    };
    assert_eq!(
        serde_json::to_string(&resource).unwrap(),
        r#"{"url":"/x","description":"A thing","mimeType":"application/json"}"#
    );
    let frozen = PaymentRequired { resource, accepts: Vec::new(), error: Some(ErrorCode::PaymentFailed) };
    assert!(serde_json::to_string(&frozen).unwrap().ends_with(r#""accepts":[],"error":"payment_failed"}"#));
}

#[test]
fn debug_output_holds_no_credentials() {
    let id = "766e94750da80b514ef6675c355fdc148f94430a41cf7df629d92774ce722e96";
    let payment = Payment {
        client_id: ClientId::parse(id).ok(),
        payment_method: PaymentMethodId::parse("pm_1MqLiJLkdIwHu7ixUEgbFdYF").ok(),
        top_up: None,
    };
    let response = PaymentResponse {
        success: true,
        charge_id: None,
        credits_remaining: Units::ZERO,
        client_id: id.to_owned(),
        error: None,
        error_code: None,
        action: None,
    };
    let shown = format!("{payment:?} {response:?}");
    assert!(!shown.contains(id) && !shown.contains("pm_1MqLiJLkdIwHu7ixUEgbFdYF"), "{shown}");
}
