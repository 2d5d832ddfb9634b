//! §6: events, their signatures, and their delivery.

use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::client::{Bed, Row, prove, send};
use crate::receiver::{Delivery, Receiver};

const SECRET: &str = "whsec_testbed";

fn register(bed: &Bed, events: &[&str]) -> Receiver {
    let receiver = Receiver::start();
    bed.order("/webhooks", &json!({"url": receiver.url, "secret": SECRET, "enabled_events": events}));
    receiver
}

/// Checks a signature as Stripe's libraries do; gives its time.
#[track_caller]
fn verify(delivery: &Delivery, secret: &str) -> i64 {
    let (time, v1) = delivery.signature.split_once(',').unwrap();
    let (time, v1) = (time.strip_prefix("t=").unwrap(), v1.strip_prefix("v1=").unwrap());
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time}.{}", delivery.body).as_bytes());
    let digits: Vec<u8> =
        v1.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    let sent: Vec<u8> = digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect();
    mac.verify_slice(&sent).expect("the signature fits");
    time.parse().unwrap()
}

const ROWS: &[Row] = &[
    ("§6: an event is signed over its exact bytes, with the whole secret as the key", |bed| {
        let receiver = register(bed, &["payment_intent.succeeded"]);
        let payer = bed.payer("pm_card_visa");
        let fields = [
            ("amount", "500"),
            ("currency", "usd"),
            ("confirm", "true"),
            ("payment_method_types[0]", "card"),
            ("customer", &payer.0),
            ("payment_method", &payer.1),
            ("metadata[top_up]", "t1"),
        ];
        let paid = bed.keyed("key-1", "/v1/payment_intents", &fields).unwrap().expect(200);
        let delivery = receiver.wait_for(1).remove(0);
        verify(&delivery, SECRET);
        let event = &delivery.event;
        assert_eq!((&event["object"], &event["type"]), (&json!("event"), &json!("payment_intent.succeeded")));
        assert_eq!((&event["livemode"], &event["api_version"]), (&json!(false), &json!("2026-07-29.dahlia")));
        assert_eq!(event["request"]["idempotency_key"], "key-1");
        assert_eq!(event["request"]["id"].as_str(), paid.header("request-id"));
        assert!(event["id"].as_str().unwrap().starts_with("evt_"));
        let object = &event["data"]["object"];
        assert_eq!((&object["id"], &object["metadata"]["top_up"]), (&json!(paid.id()), &json!("t1")));
        assert_eq!((&object["amount_received"], &object["customer"]), (&json!(500), &json!(payer.0)));
    }),
    ("§6: each change of a payment is announced", |bed| {
        bed.paid("pm_card_visa");
        assert_eq!(
            bed.events()[2..],
            ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
        );
        bed.order("/reset", &json!({}));
        bed.charge(&bed.payer("pm_card_chargeCustomerFail"), &[]).expect(402);
        assert_eq!(
            bed.events()[2..],
            ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
        );
        bed.order("/reset", &json!({}));
        let waiting = bed.paid("pm_card_authenticationRequired").id();
        bed.post(&format!("/v1/payment_intents/{waiting}/cancel"), &[]).expect(200);
        assert_eq!(
            bed.events()[2..],
            ["payment_intent.created", "payment_intent.requires_action", "payment_intent.canceled"]
        );
    }),
    ("§6: an answer that is not 2xx is followed by another attempt, with a fresh signature", |bed| {
        bed.order("/settings", &json!({"webhook_backoff_ms": [20, 1100]}));
        let receiver = register(bed, &["customer.created"]);
        receiver.answer(&[500, 302]);
        bed.customer();
        let got = receiver.wait_for(3);
        let times: Vec<i64> = got.iter().map(|one| verify(one, SECRET)).collect();
        assert!(times[2] > times[0], "{times:?}");
        assert!(got.iter().all(|one| one.body == got[0].body));
        let deliveries = bed.state()["events"][0]["deliveries"].clone();
        let statuses: Vec<&serde_json::Value> =
            deliveries.as_array().unwrap().iter().map(|one| &one["status"]).collect();
        assert_eq!(statuses, [&json!(500), &json!(302), &json!(200)]);
    }),
    ("§6: attempts are bounded", |bed| {
        bed.order("/settings", &json!({"webhook_backoff_ms": [10, 10]}));
        let receiver = register(bed, &["customer.created"]);
        receiver.answer(&[500, 500, 500, 500, 500]);
        bed.customer();
        receiver.wait_for(3);
    }),
    ("§6: an endpoint that is down does not harm; its attempts are listed", |bed| {
        bed.order("/settings", &json!({"webhook_backoff_ms": [10]}));
        bed.order("/webhooks", &json!({"url": "http://127.0.0.1:1/hook", "secret": SECRET}));
        bed.customer();
        bed.until("two attempts", |bed| {
            bed.state()["events"][0]["deliveries"].as_array().unwrap().len() == 2
        });
        assert_eq!(bed.state()["events"][0]["deliveries"][0]["status"], json!(null));
    }),
    ("§6: duplicates, a delay and a pause can be set", |bed| {
        bed.order("/settings", &json!({"webhook_duplicates": 2, "webhook_delay_ms": 50}));
        let receiver = register(bed, &["*"]);
        bed.customer();
        let got = receiver.wait_for(3);
        assert!(got.iter().all(|one| one.event["id"] == got[0].event["id"]));
        bed.order("/settings", &json!({"webhooks_paused": true}));
        bed.customer();
        receiver.wait_for(3);
        assert_eq!(bed.events().len(), 2);
    }),
    ("§6: an old event can be sent again, stale or with another secret", |bed| {
        bed.order("/settings", &json!({"webhooks_paused": true}));
        let receiver = register(bed, &["charge.refunded"]);
        bed.customer();
        let event = bed.state()["events"][0]["id"].clone();
        let sent = bed.order("/webhooks/send", &json!({ "event": event }));
        assert_eq!(sent["deliveries"], json!([{"url": receiver.url, "status": 200}]));
        bed.order(
            "/webhooks/send",
            &json!({"event": event, "timestamp": 1_000_000, "secret": "whsec_other"}),
        );
        let got = receiver.wait_for(2);
        assert_eq!(got[0].event["id"], event);
        assert_eq!(verify(&got[1], "whsec_other"), 1_000_000);
    }),
    ("§6: an event of any type about any object can be made up", |bed| {
        let receiver = register(bed, &["none"]);
        let paid = bed.paid("pm_card_visa").id();
        let order = json!({"type": "payment_intent.succeeded", "object": paid, "livemode": true});
        let sent = bed.order("/webhooks/send", &order);
        assert_eq!(sent["event"]["livemode"], true);
        bed.order("/webhooks/send", &json!({"type": "x.y", "object": {"id": "x_1"}}));
        let got = receiver.wait_for(2);
        assert_eq!(got[0].event["data"]["object"]["status"], "succeeded");
        assert_eq!(got[1].event["data"]["object"], json!({"id": "x_1"}));
    }),
    ("§6: a dispute can stay unannounced, and others are announced meanwhile", |bed| {
        let receiver = register(bed, &["charge.dispute.created"]);
        let (quiet, loud) = (bed.paid("pm_card_visa").id(), bed.paid("pm_card_visa").id());
        let order = json!({"payment_intent": quiet, "status": "needs_response", "unannounced": true});
        let dispute = bed.order("/disputes", &order);
        bed.order("/disputes", &json!({"payment_intent": loud, "status": "needs_response"}));
        let got = receiver.wait_for(1);
        assert_eq!(got[0].event["data"]["object"]["payment_intent"], loud.as_str());
        bed.order("/webhooks/send", &json!({"type": "charge.dispute.created", "object": dispute["id"]}));
        let got = receiver.wait_for(2);
        assert_eq!(got[1].event["data"]["object"]["payment_intent"], quiet.as_str());
    }),
    ("§6: events go to this machine only", |bed| {
        for url in
            ["https://127.0.0.1/x", "http://example.com/x", "http://127.0.0.1.example.com/x", "nonsense"]
        {
            let order = json!({"url": url, "secret": SECRET}).to_string();
            let reply = send(&bed.stripe, "POST", "/_testbed/webhooks", &[], order.as_bytes()).unwrap();
            assert_eq!(reply.status, 400, "{url}");
        }
    }),
    ("§6: events can be read and listed", |bed| {
        bed.paid("pm_card_visa");
        let listed = bed.get("/v1/events?type=charge.succeeded").expect(200);
        let id = listed["data"][0]["id"].as_str().unwrap();
        assert_eq!(bed.get(&format!("/v1/events/{id}")).expect(200)["type"], "charge.succeeded");
    }),
];

#[test]
fn webhooks() {
    prove(ROWS);
}
