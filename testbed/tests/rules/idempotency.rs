//! §1: idempotency keys.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::client::{Bed, CHARGE, Row, prove};

const ROWS: &[Row] = &[
    ("§1 row 1: a key has up to 255 characters", |bed| {
        let fields = [("description", "a")];
        bed.keyed(&"k".repeat(255), "/v1/customers", &fields).unwrap().expect(200);
        bed.keyed(&"k".repeat(256), "/v1/customers", &fields).unwrap().refused(
            400,
            None,
            None,
            "255 characters",
        );
        assert_eq!(bed.count("customers"), 1);
    }),
    ("§1 row 2: a pruned key is a new request", |bed| {
        let first = bed.keyed("k", "/v1/customers", &[("name", "a")]).unwrap().expect(200).id();
        assert_eq!(bed.keyed("k", "/v1/customers", &[("name", "a")]).unwrap().id(), first);
        assert_eq!(bed.order("/prune_keys", &json!({})), json!({"pruned": 1}));
        assert_ne!(bed.keyed("k", "/v1/customers", &[("name", "a")]).unwrap().id(), first);
        assert_eq!(bed.count("customers"), 2);
    }),
    ("§1 row 3: status and body of the first request are stored and replayed", |bed| {
        let first = bed.keyed("k", "/v1/customers", &[("name", "a"), ("email", "a@b")]).unwrap().expect(200);
        let second = bed.keyed("k", "/v1/customers", &[("email", "a@b"), ("name", "a")]).unwrap().expect(200);
        assert_eq!(first.body, second.body);
        assert_eq!(bed.count("customers"), 1);
    }),
    ("§1 row 3: a 500 is stored too, though the charge went through", |bed| {
        let payer = bed.payer("pm_card_visa");
        bed.fault(&json!({
            "match": "POST /v1/payment_intents", "kind": "status", "status": 500, "stored": true, "after_commit": true,
        }));
        let mut fields = CHARGE.to_vec();
        fields.extend([("customer", payer.0.as_str()), ("payment_method", payer.1.as_str())]);
        for replayed in [None, Some("true"), Some("true")] {
            let reply = bed.keyed("k", "/v1/payment_intents", &fields).unwrap().expect(500);
            assert_eq!(reply["error"]["type"], "api_error");
            assert_eq!(reply.header("idempotent-replayed"), replayed);
        }
        assert_eq!(bed.state()["payment_intents"][0]["status"], "succeeded");
        assert_eq!(bed.count("payment_intents"), 1);
    }),
    ("§1 row 4: refused parameters, 401, 404 and 429 are not stored", |bed| {
        let fields = [("amount", "500"), ("currency", "usd")];
        bed.keyed("k", "/v1/payment_intents", &[("amount", "500")]).unwrap().expect(400);
        bed.keyed("k", "/v1/payment_intents", &[("amount", "1"), ("currency", "usd")]).unwrap().expect(400);
        bed.fault(&json!({"match": "POST /v1/payment_intents", "kind": "status", "status": 429}));
        bed.keyed("k", "/v1/payment_intents", &fields).unwrap().expect(429);
        let key = [("idempotency-key", "k")];
        bed.call("sk_wrong", "POST", "/v1/payment_intents", &key, &fields).unwrap().expect(401);
        bed.keyed("k", "/v1/nothing", &fields).unwrap().expect(404);
        let reply = bed.keyed("k", "/v1/payment_intents", &fields).unwrap().expect(200);
        assert_eq!(reply.header("idempotent-replayed"), None);
    }),
    ("§1 row 5: a 402 is stored; the same key never tries the card again", |bed| {
        let payer = bed.payer("pm_card_chargeCustomerFail");
        let mut fields = CHARGE.to_vec();
        fields.extend([("customer", payer.0.as_str()), ("payment_method", payer.1.as_str())]);
        let first = bed.keyed("k", "/v1/payment_intents", &fields).unwrap().expect(402);
        let second = bed.keyed("k", "/v1/payment_intents", &fields).unwrap().expect(402);
        assert_eq!(first.body, second.body);
        assert_eq!(bed.count("charges"), 1);
        bed.keyed("k2", "/v1/payment_intents", &fields).unwrap().expect(402);
        assert_eq!(bed.count("charges"), 2);
    }),
    ("§1 row 5: a 400 raised by the execution is stored", |bed| {
        let payer = bed.payer("pm_card_visa");
        let target = format!("/v1/payment_methods/{}/attach", payer.1);
        let fields = [("customer", payer.0.as_str())];
        bed.keyed("k", &target, &fields).unwrap().expect(400);
        let again = bed.keyed("k", &target, &fields).unwrap().expect(400);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }),
    ("§1 row 6: a key on GET and DELETE has no effect", |bed| {
        let customer = bed.customer();
        let target = format!("/v1/customers/{customer}");
        let key = [("idempotency-key", "k")];
        let call = |method: &str| bed.call("sk_test_testbed", method, &target, &key, &[]).unwrap();
        assert_eq!(call("GET").expect(200)["object"], "customer");
        assert_eq!(call("DELETE").expect(200)["deleted"], true);
        call("DELETE").expect(404);
        assert_eq!(bed.state()["keys"], json!([]));
    }),
    ("§1 row 8: a replay says Idempotent-Replayed: true, a first answer does not", |bed| {
        let first = bed.keyed("k", "/v1/customers", &[]).unwrap();
        let second = bed.keyed("k", "/v1/customers", &[]).unwrap();
        assert_eq!(first.header("idempotent-replayed"), None);
        assert_eq!(second.header("idempotent-replayed"), Some("true"));
    }),
    ("§1 row 9: a POST answer echoes key, original request and version", |bed| {
        let headers = [("idempotency-key", "k"), ("stripe-version", "2026-06-24.dahlia")];
        let call = |fields: &[(&str, &str)]| {
            bed.call("sk_test_testbed", "POST", "/v1/customers", &headers, fields).unwrap()
        };
        let (refused, first, second) = (call(&[("x", "1")]), call(&[]), call(&[]));
        for reply in [&refused, &first, &second] {
            assert_eq!(reply.header("idempotency-key"), Some("k"));
            assert_eq!(reply.header("stripe-version"), Some("2026-06-24.dahlia"));
            assert!(reply.header("request-id").unwrap().starts_with("req_"));
        }
        for reply in [&refused, &first] {
            assert_eq!(reply.header("original-request"), reply.header("request-id"));
        }
        assert_eq!(second.header("original-request"), first.header("request-id"));
        assert_ne!(second.header("request-id"), first.header("request-id"));
    }),
    ("§1 row 10: the same key with other parameters → 400 idempotency_error", |bed| {
        bed.keyed("k1", "/v1/customers", &[("name", "a")]).unwrap().expect(200);
        let reply = bed.keyed("k1", "/v1/customers", &[("name", "b")]).unwrap().refused(
            400,
            None,
            None,
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try \
             using a key other than 'k1' if you meant to execute a different request.",
        );
        assert_eq!(reply["error"]["type"], "idempotency_error");
        assert_eq!(bed.count("customers"), 1);
    }),
    ("§1 row 11: the same key on another endpoint → 400 idempotency_error", |bed| {
        bed.keyed("k", "/v1/customers", &[]).unwrap().expect(200);
        let fields = [("amount", "500"), ("currency", "usd")];
        let reply = bed.keyed("k", "/v1/payment_intents", &fields).unwrap().refused(
            400,
            None,
            None,
            "for the same endpoint they were first used for ('/v1/customers' vs '/v1/payment_intents')",
        );
        assert_eq!(reply["error"]["type"], "idempotency_error");
    }),
    ("§1 row 12: the same key while the first runs → 409 idempotency_key_in_use", |bed| {
        bed.fault(&json!({"match": "POST /v1/customers", "kind": "delay", "delay_ms": 600}));
        thread::scope(|scope| {
            let first = scope.spawn(|| bed.keyed("k", "/v1/customers", &[]).unwrap());
            bed.until("the first request", |bed| bed.count("keys") == 1);
            bed.keyed("k", "/v1/customers", &[]).unwrap().refused(
                409,
                Some("idempotency_key_in_use"),
                None,
                "There is currently another in-progress request using this Idempotent Key (that probably means you \
                 submitted twice, and the other request is still going through): k. Please try again later.",
            );
            let first = first.join().unwrap().expect(200);
            let replay = bed.keyed("k", "/v1/customers", &[]).unwrap().expect(200);
            assert_eq!(replay.body, first.body);
        });
        assert_eq!(bed.count("customers"), 1);
    }),
    ("§1 row 12: also while a caller has hung up and the work goes on", |bed| {
        bed.fault(
            &json!({"match": "POST /v1/customers", "kind": "delay", "delay_ms": 400, "after_commit": true}),
        );
        let stream = std::net::TcpStream::connect(&bed.stripe).unwrap();
        let request = "POST /v1/customers HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk_test_a\r\nidempotency-key: \
                       k\r\ncontent-length: 0\r\n\r\n";
        std::io::Write::write_all(&mut &stream, request.as_bytes()).unwrap();
        bed.until("the first request", |bed| bed.count("keys") == 1);
        drop(stream);
        bed.keyed("k", "/v1/customers", &[]).unwrap().expect(409);
        thread::sleep(Duration::from_millis(600));
        let replay = bed.keyed("k", "/v1/customers", &[]).unwrap().expect(200);
        assert_eq!(replay.header("idempotent-replayed"), Some("true"));
        assert_eq!(bed.count("customers"), 1);
    }),
    ("§1 row 15: Stripe-Should-Retry: false on POST answers, never on GET", |bed| {
        let payer = bed.payer("pm_card_chargeCustomerFail");
        let statuses = [
            (bed.post("/v1/customers", &[]), 200),
            (bed.post("/v1/customers", &[("x", "1")]), 400),
            (bed.charge(&payer, &[]), 402),
        ];
        for (reply, status) in statuses {
            assert_eq!(reply.expect(status).header("stripe-should-retry"), Some("false"));
        }
        assert_eq!(bed.get("/v1/customers/cus_none").expect(404).header("stripe-should-retry"), None);
        assert_eq!(bed.get("/v1/payment_methods/pm_card_visa").header("stripe-should-retry"), None);
    }),
    ("§1 note: keys of test and live mode are apart", |bed| {
        let key = [("idempotency-key", "k")];
        bed.call("sk_test_a", "POST", "/v1/customers", &key, &[]).unwrap().expect(200);
        let live = bed.call("sk_live_a", "POST", "/v1/customers", &key, &[]).unwrap().expect(200);
        assert_eq!(live["livemode"], true);
        assert_eq!(live.header("idempotent-replayed"), None);
    }),
];

#[test]
fn idempotency() {
    prove(ROWS);
}

#[test]
fn many_at_once_with_one_key_make_one_charge() {
    let bed = Bed::start();
    let payer = bed.payer("pm_card_visa");
    let mut fields = CHARGE.to_vec();
    fields.extend([("customer", payer.0.as_str()), ("payment_method", payer.1.as_str())]);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let reply = bed.keyed("one", "/v1/payment_intents", &fields).unwrap();
                assert!(matches!(reply.status, 200 | 409), "{}", reply.text());
            });
        }
    });
    assert_eq!(bed.count("charges"), 1);
}
