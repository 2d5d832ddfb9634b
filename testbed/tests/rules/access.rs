//! Who may call: keys, versions, content types, pages of other origins; and the stand-in for Stripe.js.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::client::{Row, prove, send};

const ROWS: &[Row] = &[
    ("§2 errors row 14: no key, a wrong one, an invalid one → 401", |bed| {
        let bare = send(&bed.stripe, "GET", "/v1/customers/cus_1", &[], b"").unwrap();
        bare.refused(401, None, None, "You did not provide an API key.");
        let get = |key: &str| bed.call(key, "GET", "/v1/customers/cus_1", &[], &[]).unwrap();
        let reply = get("sk_test_invalid_key").refused(
            401,
            None,
            None,
            "Invalid API Key provided: sk_test_*******_key",
        );
        assert_eq!(reply["error"]["type"], "invalid_request_error");
        for key in ["sk_test_", "sk_other_abc", "whsec_abc"] {
            get(key).refused(401, None, None, "Invalid API Key provided");
        }
    }),
    ("§2 errors row 14: a publishable key where a secret one is needed", |bed| {
        let required = Some("secret_key_required");
        bed.call("pk_test_a", "POST", "/v1/customers", &[], &[]).unwrap().refused(
            401,
            required,
            None,
            "publishable",
        );
        bed.call("pk_test_a", "GET", "/v1/payment_methods/pm_card_visa", &[], &[]).unwrap().refused(
            401,
            required,
            None,
            "publishable",
        );
    }),
    ("§2: Bearer and Basic; secret and restricted keys share one account", |bed| {
        let customer = bed.customer();
        let target = format!("/v1/customers/{customer}");
        for key in ["sk_test_another", "rk_test_restricted"] {
            bed.call(key, "GET", &target, &[], &[]).unwrap().expect(200);
        }
        let basic = format!("Basic {}", STANDARD.encode("sk_test_a:"));
        send(&bed.stripe, "GET", &target, &[("authorization", &basic)], b"").unwrap().expect(200);
        let logged = bed.requests().last().unwrap()["authorization"].clone();
        assert_eq!(logged, "Basic sk_test_…");
    }),
    ("§9: a page reads a PaymentIntent with the publishable key and the client secret", |bed| {
        let waiting = bed.paid("pm_card_authenticationRequired");
        let target = format!("/v1/payment_intents/{}", waiting.id());
        let get = |query: &str| bed.call("pk_test_a", "GET", &format!("{target}{query}"), &[], &[]).unwrap();
        get("").refused(400, Some("parameter_missing"), Some("client_secret"), "client_secret");
        get("?client_secret=wrong").refused(
            400,
            Some("payment_intent_invalid_parameter"),
            Some("client_secret"),
            "",
        );
        let secret = waiting["client_secret"].as_str().unwrap();
        assert_eq!(get(&format!("?client_secret={secret}")).expect(200)["status"], "requires_action");
    }),
    ("§0: the version is a date, with or without a name", |bed| {
        let with = |version: &str| {
            bed.call("sk_test_a", "POST", "/v1/customers", &[("stripe-version", version)], &[]).unwrap()
        };
        assert_eq!(with("2020-08-27").expect(200).header("stripe-version"), Some("2020-08-27"));
        with("2026-09-30.endive").expect(200);
        with("latest").refused(400, None, None, "Invalid Stripe API version: latest");
        assert_eq!(bed.post("/v1/customers", &[]).header("stripe-version"), Some("2026-07-29.dahlia"));
    }),
    ("§2: bodies are forms, not JSON; paths that do not exist are 404", |bed| {
        let headers = [("authorization", "Bearer sk_test_a"), ("content-type", "application/json")];
        send(&bed.stripe, "POST", "/v1/customers", &headers, b"{}").unwrap().refused(
            400,
            None,
            None,
            "application/x-www-form-urlencoded",
        );
        bed.get("/v1/nothing").refused(404, None, None, "Unrecognized request URL (GET: /v1/nothing)");
        bed.get("/v1/customers/cus_1/").refused(404, None, None, "Unrecognized request URL");
        bed.get("/v1/payment_methods/..%2Fcustomers").refused(404, None, None, "Unrecognized request URL");
        bed.call("sk_test_a", "PUT", "/v1/customers", &[], &[]).unwrap().expect(404);
    }),
    ("pages of this machine may call; no other page may", |bed| {
        let preflight = |origin: &str| {
            let headers = [
                ("origin", origin),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "authorization,x-testbed-stripe-js"),
            ];
            send(&bed.stripe, "OPTIONS", "/v1/payment_methods", &headers, b"").unwrap()
        };
        for origin in ["http://127.0.0.1:8402", "http://localhost:3000"] {
            let reply = preflight(origin).expect(204);
            assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
            assert_eq!(
                reply.header("access-control-allow-headers"),
                Some("authorization,x-testbed-stripe-js")
            );
        }
        for origin in ["http://example.com", "http://127.0.0.1.example.com", "null"] {
            assert_eq!(preflight(origin).header("access-control-allow-origin"), None, "{origin}");
        }
        let headers = [("origin", "http://127.0.0.1:8402")];
        let fields = [("type", "card"), ("card[token]", "tok_visa")];
        let reply =
            bed.call("pk_test_a", "POST", "/v1/payment_methods", &headers, &fields).unwrap().expect(200);
        assert_eq!(reply.header("access-control-allow-origin"), Some("http://127.0.0.1:8402"));
    }),
    ("the stand-in for Stripe.js is where Stripe's is", |bed| {
        for path in ["/v3/", "/dahlia/stripe.js"] {
            let reply = send(&bed.stripe, "GET", path, &[], b"").unwrap().expect(200);
            assert!(reply.header("content-type").unwrap().starts_with("text/javascript"));
            for name in [
                "window.Stripe",
                "elements:",
                "createPaymentMethod",
                "handleNextAction",
                "retrievePaymentIntent",
            ] {
                assert!(reply.text().contains(name), "{name}");
            }
        }
    }),
    ("a body over 1 MB is refused, and the double lives on", |bed| {
        let headers =
            [("authorization", "Bearer sk_test_a"), ("content-type", "application/x-www-form-urlencoded")];
        let body = vec![b'a'; 1024 * 1024 + 1];
        let reply = send(&bed.stripe, "POST", "/v1/customers", &headers, &body);
        assert!(reply.is_err() || reply.is_ok_and(|reply| reply.status == 413));
        assert_eq!(bed.state()["customers"], json!([]));
    }),
];

#[test]
fn access() {
    prove(ROWS);
}
