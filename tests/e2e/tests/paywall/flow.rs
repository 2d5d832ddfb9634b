//! The recorded flow of the reference implementation, step by step through the running Worker. Header bytes are
//! compared; where the design differs on purpose, the difference is named here, and the rest still compared.

use serde_json::{Value, json};
use stripe402_core::protocol::{PaymentResponse, decode_bytes, encode};
use stripe402_e2e::{Request, Response, vectors};

use crate::shared;

/// Where we differ from what was recorded, on purpose (design §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// "`payment-required` on challenges only": here on every 402, with `error` = the code.
    RequiredOnEvery402,
    /// The body of a payment that waits for 3-D Secure says how the payer can finish it: `action`.
    ActionFor3DSecure,
    /// `chargeId` is the testbed's PaymentIntent, not the stub's `pi_1`.
    ChargeIdOfTheTestbed,
}
use Difference::{ActionFor3DSecure, ChargeIdOfTheTestbed, RequiredOnEvery402};

#[test]
fn the_recorded_flow_is_answered_as_the_reference_did_but_for_named_differences() {
    let paywall = shared();
    let stripe = paywall.stripe();
    let visitor = paywall.visitor("flow");
    let behaviours = json!({
        "pm_visa": "pm_card_visa",
        "pm_mc": "pm_card_mastercard",
        "pm_3ds": "pm_card_authenticationRequired",
        "pm_declined": "pm_card_chargeDeclined",
    });
    for (method, fingerprint) in vectors::vectors()["fingerprints"].as_object().unwrap() {
        let card = stripe.lays_out_method(
            method,
            fingerprint.as_str().unwrap(),
            &json!({"behaviour": behaviours[method]}),
        );
        let recorded = &vectors::vectors()["clientIds"][method]["clientId"];
        assert_eq!(recorded, card.client.as_str(), "{method}");
    }

    let mut found = Vec::new();
    for step in vectors::vectors()["flow"].as_array().unwrap() {
        let name = step["name"].as_str().unwrap();
        let (request, recorded) = (&step["request"], &step["response"]);
        let mut sent = Request::new(request["method"].as_str().unwrap(), request["path"].as_str().unwrap())
            .header("x-step", name);
        if sent_a_body(request) {
            sent = sent.body("");
        }
        if let Some(payment) = request["payment"].as_str() {
            sent = sent.payment(payment);
        }
        let before = visitor.reached().len();

        let answer = visitor.asks(sent);

        assert_eq!(Value::from(answer.status), recorded["status"], "{name}: {}", answer.text());
        let reached = visitor.reached().len() - before;
        assert_eq!(
            reached,
            usize::from(answer.status == 200),
            "{name}: what was paid for is served, and nothing else"
        );
        compare_required(name, &answer, recorded, &mut found);
        compare_body(name, &answer, recorded, &mut found);
        compare_receipt(name, &answer, recorded, &mut found);
    }

    // Each difference is one that was meant to be there, and where it was meant to be.
    assert_eq!(
        found,
        [
            ("malformed header", RequiredOnEvery402),
            ("top-up below minimum", RequiredOnEvery402),
            ("declined card", RequiredOnEvery402),
            ("3-D Secure needed", RequiredOnEvery402),
            ("3-D Secure needed", ActionFor3DSecure),
            ("first payment, default top-up", ChargeIdOfTheTestbed),
            ("client id and payment method: top-up", ChargeIdOfTheTestbed),
            ("another card, larger top-up", ChargeIdOfTheTestbed),
        ]
    );
    let charged = |method: &str| {
        let fingerprint = vectors::vectors()["fingerprints"][method].as_str().unwrap();
        let charges = stripe.charges(&stripe402_e2e::Card::new(method, fingerprint));
        charges.into_iter().map(|(_, amount, currency)| (amount, currency)).collect::<Vec<_>>()
    };
    assert_eq!(charged("pm_visa"), [(500, "usd".into()), (1_000, "usd".into())]);
    assert_eq!(charged("pm_mc"), [(2_000, "usd".into())]);
    assert_eq!(charged("pm_3ds"), []);
    assert_eq!(charged("pm_declined"), []);
}

fn sent_a_body(request: &Value) -> bool {
    request["method"] == "POST"
}

fn compare_required(
    name: &'static str,
    answer: &Response,
    recorded: &Value,
    found: &mut Vec<(&'static str, Difference)>,
) {
    let header = answer.header("payment-required");
    match recorded["payment-required"].as_str() {
        Some(recorded) => assert_eq!(header, Some(recorded), "{name}"),
        None if answer.status == 402 => {
            found.push((name, RequiredOnEvery402));
            // All of it but `error` is the challenge of the route: here always the joke's.
            let mut required = answer.required();
            assert_eq!(json!(required.error), recorded["body"]["errorCode"], "{name}");
            required.error = None;
            let challenge = shared().visitor("flow-challenge").gets("/api/joke");
            assert_eq!(
                challenge.header("payment-required"),
                Some(encode(&required).unwrap().as_str()),
                "{name}"
            );
        }
        None => assert_eq!(header, None, "{name}"),
    }
}

fn compare_body(
    name: &'static str,
    answer: &Response,
    recorded: &Value,
    found: &mut Vec<(&'static str, Difference)>,
) {
    let body = &recorded["body"];
    if body.is_null() {
        return;
    }
    assert_eq!(answer.header("content-type"), Some("application/json"), "{name}");
    if let Some(header) = recorded["payment-required"].as_str() {
        assert_eq!(answer.body, decode_bytes(header).unwrap(), "{name}: the body is the header's JSON");
        assert_eq!(answer.json(), *body, "{name}");
        return;
    }
    let mut expected: PaymentResponse = serde_json::from_value(body.clone()).unwrap();
    expected.action = answer.failure().action;
    if let Some(action) = &expected.action {
        found.push((name, ActionFor3DSecure));
        assert!(action.client_secret.starts_with("pi_"), "{name}: a PaymentIntent's secret");
    }
    assert_eq!(answer.text(), serde_json::to_string(&expected).unwrap(), "{name}");
}

fn compare_receipt(
    name: &'static str,
    answer: &Response,
    recorded: &Value,
    found: &mut Vec<(&'static str, Difference)>,
) {
    let Some(header) = recorded["payment-response"].as_str() else {
        assert_eq!(answer.header("payment-response"), None, "{name}");
        return;
    };
    let mut expected: PaymentResponse =
        serde_json::from_value(recorded["paymentResponseDecoded"].clone()).unwrap();
    assert_eq!(encode(&expected).unwrap(), header, "{name}: the vector agrees with itself");
    let charge = answer.receipt().charge_id;
    assert_eq!(charge.is_some(), expected.charge_id.is_some(), "{name}: only what was charged is called so");
    if charge.is_some() {
        found.push((name, ChargeIdOfTheTestbed));
        expected.charge_id = charge;
    }
    assert_eq!(answer.header("payment-response"), Some(encode(&expected).unwrap().as_str()), "{name}");
}
