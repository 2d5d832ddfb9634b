//! `payment-context`, verified as an origin would: by a library that is not ours.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use stripe402_e2e::{Config, Layout, Paywall, Request};

use crate::given::{SECRET, before, config, sends};
use crate::scripted::Scripted;

/// Names under which an origin could take a client's word for ours.
const LOOK_ALIKES: [&str; 5] =
    ["payment-context", "Payment-Context", "PAYMENT-CONTEXT", "stripe402-payment-context", "stripe402-hop"];

fn with_secret() -> Config {
    config().secret("ORIGIN_SECRET", SECRET)
}

fn verified(token: &str, audience: &str, secret: &str) -> Result<Value, ErrorKind> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    validation.leeway = 0;
    decode::<Value>(token, &DecodingKey::from_secret(secret.as_bytes()), &validation)
        .map(|data| data.claims)
        .map_err(jsonwebtoken::errors::Error::into_kind)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

#[test]
fn an_origin_can_verify_that_and_for_what_a_request_was_paid() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, with_secret());
    let card = paywall.stripe().card("proof");
    let began = now();

    let request =
        Request::post("/paid/%7Ea/X?q=1", "body").payment(card.pays()).header("payment-context", "forged");
    assert_eq!(sends(&paywall, request).status, 200);

    let asked = origin.last();
    let token = asked.header("payment-context").expect("one proof, and not the client's");
    let header = decode_header(token).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::HS256, Some("JWT")));
    assert_eq!(header.kid.as_ref().map(String::len), Some(16));
    let claims = verified(token, &origin.url(), SECRET).unwrap();
    for (name, value) in [
        ("iss", json!(format!("http://{}", paywall.address()))),
        ("aud", json!(origin.url())),
        ("sub", json!(card.account.as_str())),
        ("route", json!("* /paid/*")),
        ("amount", json!(100)),
        ("currency", json!("usd")),
        ("method", json!("POST")),
        ("path", json!("/paid/~a/X")),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert!((began - 1..=now()).contains(&iat), "{iat}");
    assert!(exp > iat && exp - iat <= 120, "{iat} {exp}");
    assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 16));
    for secret in [card.client.as_str(), card.method.as_str()] {
        assert!(!claims.to_string().contains(secret), "what could be spent stays here");
    }

    assert_eq!(verified(token, &origin.url(), &SECRET.replace('a', "b")), Err(ErrorKind::InvalidSignature));
    assert_eq!(verified(token, "https://other.example", SECRET), Err(ErrorKind::InvalidAudience));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{}.{signature}", signed.replacen(char::is_lowercase, "X", 1));
    assert!(verified(&forged, &origin.url(), SECRET).is_err());
}

#[test]
fn a_proof_names_the_path_that_arrives() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, with_secret());
    let card = paywall.stripe().card("proof_path");
    for target in [
        "/paid/%61%7e?q=/x",
        "/paid/Z%c3%bcrich",
        "/paid/Zürich",
        "/paid/a%20b%2Fc;d=e",
        "/paid/a//b/",
        "/paid/a|b[c]'d",
        "/paid/{a}^b\"c",
        "/PAID/x",
    ] {
        assert_eq!(sends(&paywall, Request::get(target).payment(card.pays())).status, 200, "{target}");
        let asked = origin.last();
        let claims = verified(asked.header("payment-context").unwrap(), &origin.url(), SECRET).unwrap();
        let arrived = asked.target().split('?').next().unwrap();
        assert_eq!(claims["path"].as_str(), Some(arrived), "{target}");
    }
    let before = origin.asked().len();
    for target in ["/paid/x/../y", "/paid/./x", "/paid/x\\y"] {
        assert_eq!(sends(&paywall, Request::get(target).payment(card.pays())).status, 400, "{target}");
    }
    assert_eq!(origin.asked().len(), before);
}

#[test]
fn each_request_has_a_proof_of_its_own_and_each_secret_a_key_id() {
    let origin = Scripted::with_headers(&[]);
    let paywall = before(&origin, with_secret());
    let card = paywall.stripe().card("proofs");
    for _ in 0..3 {
        assert_eq!(sends(&paywall, Request::get("/api/joke").payment(card.pays())).status, 200);
    }
    let tokens: Vec<_> =
        origin.asked().iter().map(|one| one.header("payment-context").unwrap().to_owned()).collect();
    let of = |name: &str| -> BTreeSet<String> {
        tokens.iter().map(|token| verified(token, &origin.url(), SECRET).unwrap()[name].to_string()).collect()
    };
    assert_eq!((of("jti").len(), of("sub").len()), (3, 1));
    // The first part is the same for one secret: docs/verify-payment.md relies on it.
    let first: BTreeSet<_> = tokens.iter().map(|token| token.split('.').next().unwrap().to_owned()).collect();
    assert_eq!(first.len(), 1);

    let rolled = before(&origin, config().secret("ORIGIN_SECRET", "another-secret-of-at-least-32-bytes!!"));
    let card = rolled.stripe().card("rolled");
    assert_eq!(sends(&rolled, Request::get("/api/joke").payment(card.pays())).status, 200);
    let other = origin.last().header("payment-context").unwrap().to_owned();
    assert_ne!(decode_header(&other).unwrap().kid, decode_header(&tokens[0]).unwrap().kid);
}

#[test]
fn what_looks_like_a_proof_never_reaches_the_origin_from_a_client() {
    let origin = Scripted::with_headers(&[]);
    for (name, config) in [("with", with_secret()), ("without", config())] {
        let paywall = before(&origin, config);
        let card = paywall.stripe().card(&format!("look_alike_{name}"));
        let dress = |request: Request| {
            LOOK_ALIKES.into_iter().fold(request, |request, name| request.header(name, "forged"))
        };
        for request in [Request::get("/free"), Request::get("/api/joke").payment(card.pays())] {
            assert_eq!(sends(&paywall, dress(request)).status, 200);
            let asked = origin.last();
            let there = asked.all("payment-context");
            assert!(there.iter().all(|value| *value != "forged"), "{name}: {there:?}");
            let expected = usize::from(name == "with" && asked.target() == "/api/joke");
            assert_eq!(there.len(), expected, "{name} {}", asked.target());
            let ours = |name: &&str| name.starts_with("stripe402") && *name != "stripe402-hop";
            assert!(!asked.names().iter().any(ours), "{:?}", asked.names());
            assert!(
                asked.header("stripe402-hop").is_some_and(|hop| hop != "forged"),
                "only we name ourselves"
            );
        }
    }
}

#[test]
fn a_service_binding_gets_a_proof_for_its_clients_name() {
    let service = "export default { async fetch(request) {
      return new Response(request.headers.get('payment-context'));
    } };";
    let paywall = Paywall::start_raw(with_secret().without("ORIGIN_URL"), Layout::new().origin_is(service));
    let card = paywall.stripe().card("proof_service");
    let answer = sends(&paywall, Request::get("/api/joke").payment(card.pays()));
    let here = format!("http://{}", paywall.address());
    assert_eq!(verified(&answer.text(), &here, SECRET).unwrap()["iss"], json!(here));
}
