//! §2: the table of errors.

use serde_json::json;

use crate::client::{Reply, Row, prove};

/// A decline of a card error, with the whole payment in it.
#[track_caller]
fn declined(
    reply: Reply,
    code: &str,
    decline_code: &str,
    advice: Option<&str>,
    param: Option<&str>,
) -> Reply {
    let reply = reply.expect(402);
    let error = &reply["error"];
    assert_eq!(error["type"], "card_error");
    assert_eq!(error["code"], code);
    assert_eq!(error["decline_code"], decline_code);
    assert_eq!(error["param"].as_str(), param);
    if advice.is_some() {
        assert_eq!(error["advice_code"].as_str(), advice);
    }
    assert!(error["message"].as_str().is_some_and(|message| message.ends_with('.')));
    assert!(error["doc_url"].as_str().is_some_and(|url| url.ends_with(&code.replace('_', "-"))));
    assert!(error["request_log_url"].as_str().is_some_and(|url| url.contains("/test/logs/req_")));
    let intent = &error["payment_intent"];
    assert_eq!(intent["status"], "requires_payment_method");
    assert_eq!(intent["payment_method"], json!(null));
    assert_eq!(intent["amount_received"], 0);
    assert_eq!(intent["latest_charge"], error["charge"]);
    assert_eq!(intent["last_payment_error"]["code"], code);
    assert_eq!(intent["last_payment_error"]["decline_code"], decline_code);
    assert_eq!(error["payment_method"]["object"], "payment_method");
    reply
}

/// Creates and confirms with the alias itself, as it was recorded: attached to nobody.
macro_rules! row {
    ($label:literal, $alias:literal, $code:literal, $decline:literal, $advice:expr, $param:expr) => {
        ($label, |bed| {
            let fields = [&crate::client::CHARGE[..], &[("payment_method", $alias)]].concat();
            let reply = declined(bed.post("/v1/payment_intents", &fields), $code, $decline, $advice, $param);
            let charge = reply["error"]["charge"].as_str().unwrap();
            let charge = bed.get(&format!("/v1/charges/{charge}")).expect(200);
            assert_eq!((&charge["status"], &charge["paid"]), (&json!("failed"), &json!(false)));
            assert_eq!(charge["failure_code"], $code);
        })
    };
}

const ROWS: &[Row] = &[
    row!(
        "§2 errors row 1: generic decline",
        "pm_card_visa_chargeDeclined",
        "card_declined",
        "generic_decline",
        Some("try_again_later"),
        None
    ),
    ("§2 errors row 1: its message and network code; the same on /confirm", |bed| {
        let payer = bed.payer("pm_card_chargeCustomerFail");
        let fields = [
            ("amount", "500"),
            ("currency", "usd"),
            ("customer", &payer.0),
            ("payment_method", &payer.1),
            ("payment_method_types[0]", "card"),
        ];
        let made = bed.post("/v1/payment_intents", &fields).expect(200).id();
        let reply = bed.post(&format!("/v1/payment_intents/{made}/confirm"), &[]);
        let reply = declined(reply, "card_declined", "generic_decline", Some("try_again_later"), None);
        assert_eq!(reply["error"]["message"], "Your card was declined.");
        assert_eq!(reply["error"]["network_decline_code"], "01");
        assert_eq!(reply["error"]["payment_intent"]["id"], made.as_str());
    }),
    row!(
        "§2 errors row 2: insufficient funds",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "card_declined",
        "insufficient_funds",
        None,
        None
    ),
    row!(
        "§2 errors row 3: lost card",
        "pm_card_visa_chargeDeclinedLostCard",
        "card_declined",
        "lost_card",
        Some("do_not_try_again"),
        None
    ),
    row!(
        "§2 errors row 3: stolen card",
        "pm_card_visa_chargeDeclinedStolenCard",
        "card_declined",
        "stolen_card",
        Some("do_not_try_again"),
        None
    ),
    row!(
        "§2 errors row 4: expired card",
        "pm_card_chargeDeclinedExpiredCard",
        "expired_card",
        "expired_card",
        None,
        Some("exp_month")
    ),
    row!(
        "§2 errors row 5: bad CVC",
        "pm_card_chargeDeclinedIncorrectCvc",
        "incorrect_cvc",
        "incorrect_cvc",
        None,
        Some("cvc")
    ),
    row!(
        "§2 errors row 6: processing error",
        "pm_card_chargeDeclinedProcessingError",
        "processing_error",
        "processing_error",
        None,
        None
    ),
    row!(
        "§2 errors row 7: velocity",
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "card_declined",
        "card_velocity_exceeded",
        None,
        None
    ),
    ("§2 errors row 8: off-session, and the bank wants the payer", |bed| {
        let payer = bed.payer("pm_card_authenticationRequired");
        let reply = bed.charge(&payer, &[("off_session", "true")]);
        let reply = declined(reply, "authentication_required", "authentication_required", None, None);
        let said = "Your card was declined. This transaction requires authentication.";
        assert_eq!(reply["error"]["message"], said);
    }),
    ("§2 errors row 9: error_on_requires_action", |bed| {
        let payer = bed.payer("pm_card_threeDSecure2Required");
        let reply = bed.charge(&payer, &[("error_on_requires_action", "true")]);
        declined(reply, "authentication_required", "authentication_required", None, None);
    }),
    ("§2 errors row 10: the payer fails 3-D Secure", |bed| {
        let waiting = bed.paid("pm_card_authenticationRequired").id();
        let after =
            bed.order(&format!("/payment_intents/{waiting}/authenticate"), &json!({"outcome": "fail"}));
        assert_eq!(after["status"], "requires_payment_method");
        assert_eq!(after["last_payment_error"]["code"], "payment_intent_authentication_failure");
        assert_eq!(after["next_action"], json!(null));
        assert_eq!(bed.count("charges"), 0);
    }),
    ("§2 errors row 11: an unknown object in the path → 404 resource_missing", |bed| {
        let missing = Some("resource_missing");
        let get = |path: &str| bed.get(path);
        get("/v1/payment_methods/pm_none").refused(
            404,
            missing,
            Some("payment_method"),
            "No such PaymentMethod: 'pm_none'",
        );
        get("/v1/customers/cus_none").refused(404, missing, Some("id"), "No such customer: 'cus_none'");
        get("/v1/payment_intents/pi_none").refused(
            404,
            missing,
            Some("intent"),
            "No such payment_intent: 'pi_none'",
        );
        get("/v1/refunds/re_none").refused(404, missing, Some("refund"), "No such refund: 're_none'");
        get("/v1/charges/ch_none").refused(404, missing, Some("charge"), "No such charge: 'ch_none'");
        get("/v1/disputes/dp_none").refused(404, missing, Some("dispute"), "No such dispute: 'dp_none'");
        bed.post("/v1/payment_intents/pi_none/cancel", &[]).refused(404, missing, Some("intent"), "pi_none");
        bed.attach("pm_none", "cus_none").refused(404, missing, Some("payment_method"), "pm_none");
    }),
    ("§2 errors row 12: an unknown object in a parameter → 400 resource_missing", |bed| {
        let missing = Some("resource_missing");
        let method = bed.method("pm_card_visa");
        bed.charge(&(bed.customer(), "pm_none".into()), &[]).refused(
            400,
            missing,
            Some("payment_method"),
            "No such PaymentMethod: 'pm_none'",
        );
        bed.charge(&("cus_none".into(), method.clone()), &[]).refused(
            400,
            missing,
            Some("customer"),
            "cus_none",
        );
        bed.attach(&method, "cus_none").refused(400, missing, Some("customer"), "cus_none");
    }),
    ("§2 errors row 13: an object of test mode under a live key, and the reverse", |bed| {
        let method = bed.method("pm_card_visa");
        let live = |target: &str| bed.call("sk_live_a", "GET", target, &[], &[]).unwrap();
        let missing = Some("resource_missing");
        for id in [method.as_str(), "pm_card_visa"] {
            live(&format!("/v1/payment_methods/{id}")).refused(
                404,
                missing,
                Some("payment_method"),
                "; a similar object exists in test mode, but a live mode key was used to make this request.",
            );
        }
        bed.order("/payment_methods", &json!({"id": "pm_live", "livemode": true}));
        assert_eq!(live("/v1/payment_methods/pm_live").expect(200)["livemode"], true);
        bed.get("/v1/payment_methods/pm_live").refused(
            404,
            missing,
            Some("payment_method"),
            "exists in live mode",
        );
    }),
    ("§2 errors row 15: a restricted key without a permission → 403", |bed| {
        bed.fault(&json!({"match": "POST /v1/payment_intents", "kind": "status", "status": 403}));
        let reply = bed.post("/v1/payment_intents", &[("amount", "500"), ("currency", "usd")]);
        let reply = reply.refused(403, None, None, "does not have the required permissions");
        assert_eq!(reply["error"]["type"], "invalid_request_error");
    }),
    ("§2 errors row 16: too small, too large", |bed| {
        let make = |amount: &str| bed.post("/v1/payment_intents", &[("amount", amount), ("currency", "usd")]);
        make("49").refused(400, Some("amount_too_small"), Some("amount"), "at least $0.50 usd");
        make("100000000").refused(
            400,
            Some("amount_too_large"),
            Some("amount"),
            "no more than $999999.99 usd",
        );
    }),
    ("§2 errors row 17: unknown parameters are refused, at every endpoint and depth", |bed| {
        let unknown = Some("parameter_unknown");
        let payer = bed.payer("pm_card_visa");
        bed.charge(&payer, &[("foo", "1")]).refused(
            400,
            unknown,
            Some("foo"),
            "Received unknown parameter: foo",
        );
        bed.charge(&payer, &[("foo", "1"), ("bar", "2")]).refused(
            400,
            unknown,
            Some("foo"),
            "Received unknown parameters: foo, bar",
        );
        bed.charge(&payer, &[("automatic_payment_methods[x]", "1")]).refused(
            400,
            unknown,
            Some("automatic_payment_methods[x]"),
            "",
        );
        bed.post("/v1/customers", &[("foo", "1")]).refused(400, unknown, Some("foo"), "");
        bed.post("/v1/refunds", &[("foo", "1")]).refused(400, unknown, Some("foo"), "");
        bed.attach(&payer.1, "cus_1&foo=1").expect(400);
        bed.get("/v1/customers/cus_1?foo=1").refused(400, unknown, Some("foo"), "");
        bed.get("/v1/refunds?customer=cus_1").refused(400, unknown, Some("customer"), "");
    }),
    ("§2 errors row 18: the rate limit → 429 rate_limit, with its reason in a header", |bed| {
        bed.fault(&json!({"match": "GET /v1/payment_methods/:id", "kind": "status", "status": 429}));
        let reply =
            bed.get("/v1/payment_methods/pm_card_visa").refused(429, Some("rate_limit"), None, "rate limit");
        assert!(reply.header("stripe-rate-limited-reason").is_some());
        bed.get("/v1/payment_methods/pm_card_visa").expect(200);
    }),
    ("§2 errors row 19: an object lock → 429 lock_timeout, Stripe-Should-Retry: true", |bed| {
        bed.fault(
            &json!({"match": "POST /v1/customers", "kind": "status", "status": 429, "code": "lock_timeout"}),
        );
        let reply =
            bed.post("/v1/customers", &[]).refused(429, Some("lock_timeout"), None, "cannot be accessed");
        assert_eq!(reply.header("stripe-rate-limited-reason"), None);
        assert_eq!(reply.header("stripe-should-retry"), Some("true"));
    }),
    ("§2 errors row 20: server trouble: api_error, or no JSON at all", |bed| {
        for status in [500, 502, 503, 504] {
            bed.fault(&json!({"match": "POST /v1/customers", "kind": "status", "status": status}));
            assert_eq!(bed.post("/v1/customers", &[]).expect(status)["error"]["type"], "api_error");
        }
        let page = "<html>Bad Gateway</html>";
        bed.fault(&json!({"match": "POST /v1/customers", "kind": "status", "status": 502, "body": page}));
        let reply = bed.post("/v1/customers", &[]).expect(502);
        assert_eq!((reply.text().as_str(), reply.header("content-type")), (page, Some("text/html")));
        assert_eq!(bed.count("customers"), 0);
    }),
];

#[test]
fn errors() {
    prove(ROWS);
}
