//! Faults: what a payment must survive, on demand; and the log that says what was sent.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Bed, CHARGE, Row, prove, send};

/// The fields of a charge for a new payer.
fn fields(bed: &Bed) -> Vec<(String, String)> {
    let payer = bed.payer("pm_card_visa");
    let own = [("customer".to_owned(), payer.0), ("payment_method".to_owned(), payer.1)];
    CHARGE.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).chain(own).collect()
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

const ROWS: &[Row] = &[
    ("drop_response: the charge happens, the answer never comes, a retry replays it", |bed| {
        let fields = fields(bed);
        bed.fault(&json!({"match": "POST /v1/payment_intents", "times": 1, "kind": "drop_response"}));
        let error = bed.keyed("k", "/v1/payment_intents", &borrowed(&fields)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(bed.count("charges"), 1);
        let reply = bed.keyed("k", "/v1/payment_intents", &borrowed(&fields)).unwrap().expect(200);
        assert_eq!(reply.header("idempotent-replayed"), Some("true"));
        assert_eq!(bed.count("charges"), 1);
        let log = bed.requests();
        let statuses: Vec<_> = log.iter().rev().take(2).map(|one| one["status"].clone()).collect();
        assert_eq!(statuses, [json!(200), json!(null)]);
    }),
    ("drop_response before the commit: nothing happens", |bed| {
        bed.fault(&json!({"match": "POST /v1/customers", "kind": "drop_response", "after_commit": false}));
        assert!(bed.keyed("k", "/v1/customers", &[]).is_err());
        assert_eq!(bed.count("customers"), 0);
    }),
    ("reset: the connection breaks before anything, or after everything", |bed| {
        for (after_commit, made) in [(false, 0), (true, 1)] {
            bed.fault(&json!({"match": "POST /v1/customers", "kind": "reset", "after_commit": after_commit}));
            let error = bed.keyed("k", "/v1/customers", &[]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
            assert_eq!(bed.count("customers"), made);
        }
    }),
    ("status: before the commit nothing is done or stored; after it the truth is replayed", |bed| {
        bed.fault(&json!({"match": "POST /v1/customers", "kind": "status", "status": 503}));
        bed.keyed("k", "/v1/customers", &[]).unwrap().expect(503);
        assert_eq!(bed.count("customers"), 0);
        bed.fault(
            &json!({"match": "POST /v1/customers", "kind": "status", "status": 500, "after_commit": true}),
        );
        bed.keyed("k", "/v1/customers", &[]).unwrap().expect(500);
        assert_eq!(bed.count("customers"), 1);
        let reply = bed.keyed("k", "/v1/customers", &[]).unwrap().expect(200);
        assert_eq!(reply.header("idempotent-replayed"), Some("true"));
    }),
    ("status, stored, before the commit: a 500 for ever, and nothing done", |bed| {
        bed.fault(
            &json!({"match": "POST /v1/customers", "kind": "status", "stored": true, "after_commit": false}),
        );
        for _ in 0..2 {
            bed.keyed("k", "/v1/customers", &[]).unwrap().expect(500);
        }
        assert_eq!(bed.count("customers"), 0);
        bed.keyed("k2", "/v1/customers", &[]).unwrap().expect(200);
    }),
    ("delay: the answer is late, once", |bed| {
        bed.fault(&json!({"match": "GET /v1/payment_methods/*", "kind": "delay", "delay_ms": 1500}));
        let late = Instant::now();
        bed.method("pm_card_visa");
        assert!(late.elapsed() >= Duration::from_millis(1500));
        let prompt = Instant::now();
        bed.method("pm_card_visa");
        assert!(prompt.elapsed() < Duration::from_millis(1500));
    }),
    ("skip and times choose which requests are met; DELETE takes faults away", |bed| {
        let fault =
            json!({"match": "POST /v1/customers", "kind": "status", "status": 502, "skip": 1, "times": 2});
        bed.fault(&fault);
        let statuses: Vec<u16> = (0..4).map(|_| bed.post("/v1/customers", &[]).status).collect();
        assert_eq!(statuses, [200, 502, 502, 200]);
        bed.fault(&fault);
        send(&bed.stripe, "DELETE", "/_testbed/faults", &[], b"").unwrap().expect(200);
        assert!((0..4).all(|_| bed.post("/v1/customers", &[]).status == 200));
    }),
    ("a wrong order is refused with a sentence", |bed| {
        let rows = [
            json!({"match": "POST", "kind": "status"}),
            json!({"match": "POST /v1/customers", "kind": "explode"}),
            json!({"match": "POST /v1/customers", "kind": "status", "status": 1000}),
            json!({"match": "POST /v1/customers", "kind": "status", "typo": 1}),
        ];
        for row in rows {
            let reply =
                send(&bed.stripe, "POST", "/_testbed/faults", &[], row.to_string().as_bytes()).unwrap();
            assert!(reply.status == 400 && reply["error"].is_string(), "{row}");
        }
    }),
    ("the request log: order, fields as sent, key, version, and no secrets", |bed| {
        let headers = [("idempotency-key", "k1"), ("stripe-version", "2026-07-29.dahlia")];
        let fields = [("metadata[a]", "x y"), ("expand[]", "sources"), ("expand[]", "tax")];
        bed.call("sk_test_very_secret", "POST", "/v1/customers", &headers, &fields).unwrap().expect(400);
        bed.get("/v1/payment_intents?limit=3&created[gte]=7").expect(200);
        let log = bed.requests();
        assert_eq!(log.len(), 2);
        assert_eq!((&log[0]["method"], &log[0]["path"]), (&json!("POST"), &json!("/v1/customers")));
        assert_eq!(log[0]["form"], json!({"metadata[a]": "x y", "expand[]": ["sources", "tax"]}));
        assert_eq!(log[0]["body"], "metadata%5Ba%5D=x+y&expand%5B%5D=sources&expand%5B%5D=tax");
        assert_eq!((&log[0]["idempotency_key"], &log[0]["status"]), (&json!("k1"), &json!(400)));
        assert_eq!(log[0]["stripe_version"], "2026-07-29.dahlia");
        assert_eq!(log[0]["authorization"], "Bearer sk_test_…");
        assert!(!log[0].to_string().contains("very_secret"));
        assert_eq!(log[1]["query"], json!({"limit": "3", "created[gte]": "7"}));
        assert!(log[1]["at_ms"].as_i64().unwrap() >= log[0]["at_ms"].as_i64().unwrap());
    }),
    ("reset clears everything, settings and faults included", |bed| {
        bed.order("/settings", &json!({"webhooks_paused": true, "later_ms": null}));
        bed.fault(&json!({"match": "* /v1/*", "kind": "status", "status": 500, "times": 100}));
        bed.order("/webhooks", &json!({"url": "http://localhost:1/", "secret": "s"}));
        bed.order("/reset", &json!({}));
        bed.customer();
        let settings = send(&bed.stripe, "GET", "/_testbed/settings", &[], b"").unwrap();
        assert_eq!((&settings["webhooks_paused"], &settings["later_ms"]), (&json!(false), &json!(200)));
        let endpoints = send(&bed.stripe, "GET", "/_testbed/webhooks", &[], b"").unwrap();
        assert_eq!(*endpoints.value(), json!([]));
        assert_eq!((bed.count("customers"), bed.requests().len()), (1, 1));
    }),
];

#[test]
fn faults_and_the_log() {
    prove(ROWS);
}
