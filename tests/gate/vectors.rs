//! The recorded flow of the reference implementation, as far as the gate answers it: the challenge's bytes, and the
//! refusals of what was sent.

use serde_json::{Value, json};
use stripe402_edge::gate::{Answer, Decision, Facts, Gate};

use super::given::{body, decoded, gate, header, request};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/stripe402.json")).unwrap()
}

fn recorded(vectors: &Value) -> Gate {
    gate(json!({
        "ROUTES": vectors["routes"],
        "STRIPE_PUBLISHABLE_KEY": vectors["publishableKey"],
        "SERVER_SECRET": vectors["serverSecret"],
    }))
}

fn answer(gate: &Gate, step: &Value) -> Option<Answer> {
    let url = format!("http://127.0.0.1:8402{}", step["request"]["path"].as_str().unwrap());
    let method = step["request"]["method"].as_str().unwrap();
    let facts = Facts { payment: step["request"]["payment"].as_str(), ..request(method, &url) };
    match gate.decide(&facts) {
        Decision::Answer(answer, ..) => Some(answer),
        _ => None,
    }
}

#[test]
fn every_challenge_that_needs_no_account_has_the_recorded_bytes() {
    let vectors = vectors();
    let gate = recorded(&vectors);
    let mut seen = 0;
    for step in vectors["flow"].as_array().unwrap() {
        let Some(answer) = answer(&gate, step) else { continue };
        let Some(recorded) = step["response"]["payment-required"].as_str() else { continue };
        assert_eq!(answer.status, 402, "{}", step["name"]);
        assert_eq!(header(&answer, "payment-required"), Some(recorded), "{}", step["name"]);
        assert_eq!(body(&answer), step["response"]["body"], "{}", step["name"]);
        assert_eq!(
            answer.body.as_bytes(),
            decoded_bytes(recorded),
            "{}: the body is the header's JSON",
            step["name"]
        );
        seen += 1;
    }
    assert_eq!(seen, 5);
}

fn decoded_bytes(header: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(header).unwrap()
}

#[test]
fn every_refusal_that_needs_no_account_has_the_recorded_body_and_beyond_the_reference_the_challenge() {
    let vectors = vectors();
    let gate = recorded(&vectors);
    let mut seen = Vec::new();
    for step in vectors["flow"].as_array().unwrap() {
        let Some(answer) = answer(&gate, step) else { continue };
        if step["response"].get("payment-required").is_some() {
            continue;
        }
        let code = step["response"]["body"]["errorCode"].clone();
        assert_eq!(
            (answer.status, body(&answer)),
            (402, step["response"]["body"].clone()),
            "{}",
            step["name"]
        );
        let required = decoded(header(&answer, "payment-required").unwrap());
        assert_eq!(required["error"], code, "on every 402, with the code");
        assert_eq!(required["accepts"].as_array().unwrap().len(), 1);
        seen.push(code);
    }
    assert_eq!(seen, ["invalid_payment", "top_up_below_minimum"]);
}

#[test]
fn every_other_step_goes_on_to_an_account_or_passes() {
    let vectors = vectors();
    let gate = recorded(&vectors);
    let flow = vectors["flow"].as_array().unwrap();
    let others: Vec<&str> = flow
        .iter()
        .filter(|step| answer(&gate, step).is_none())
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    assert_eq!(others.len(), flow.len() - 7);
    assert_eq!(others[0], "free route");
    assert!(others.contains(&"unknown client id"), "whose balance only the account knows");
}
