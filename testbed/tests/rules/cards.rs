//! §8: test cards. Each alias and number does what Stripe's table says.

use serde_json::json;

use crate::client::{Bed, Row, prove};

/// A new payment method from a card number.
fn typed(bed: &Bed, number: &str) -> String {
    let fields = [
        ("type", "card"),
        ("card[number]", number),
        ("card[exp_month]", "12"),
        ("card[exp_year]", "34"),
        ("card[cvc]", "314"),
    ];
    bed.post("/v1/payment_methods", &fields).expect(200).id()
}

/// Both the alias and the number.
fn both(bed: &Bed, alias: &str, number: &str) -> [String; 2] {
    [bed.method(alias), typed(bed, number)]
}

/// Declines when attached.
fn declines_at_attach(bed: &Bed, alias: &str, number: &str, code: &str, decline_code: &str) {
    for method in both(bed, alias, number) {
        let reply = bed.attach(&method, &bed.customer()).expect(402);
        let error = &reply["error"];
        assert_eq!((&error["type"], &error["code"]), (&json!("card_error"), &json!(code)), "{alias}");
        assert_eq!(error["decline_code"], decline_code, "{alias}");
        let after = bed.get(&format!("/v1/payment_methods/{method}"));
        assert_eq!(after["customer"], json!(null), "{alias} stays unattached");
    }
}

/// Asks the payer on-session; then ends as said.
fn asks(bed: &Bed, alias: &str, number: &str, then: Option<&str>) {
    for method in both(bed, alias, number) {
        let customer = bed.customer();
        bed.attach(&method, &customer).expect(200);
        let waiting = bed.charge(&(customer, method), &[]).expect(200);
        assert_eq!(waiting["status"], "requires_action", "{alias}");
        let after = bed.order(
            &format!("/payment_intents/{}/authenticate", waiting.id()),
            &json!({"outcome": "success"}),
        );
        match then {
            None => assert_eq!(after["status"], "succeeded", "{alias}"),
            Some(decline_code) => {
                assert_eq!(after["status"], "requires_payment_method", "{alias}");
                assert_eq!(after["last_payment_error"]["decline_code"], decline_code, "{alias}");
            }
        }
    }
}

const ROWS: &[Row] = &[
    ("§8 row 1: the brands succeed; each GET of an alias makes a new object", |bed| {
        let rows = [
            ("pm_card_visa", "visa", "4242"),
            ("pm_card_visa_debit", "visa", "5556"),
            ("pm_card_mastercard", "mastercard", "4444"),
            ("pm_card_mastercard_debit", "mastercard", "8210"),
            ("pm_card_mastercard_prepaid", "mastercard", "5100"),
            ("pm_card_amex", "amex", "0005"),
            ("pm_card_discover", "discover", "1117"),
            ("pm_card_diners", "diners", "0004"),
            ("pm_card_jcb", "jcb", "0505"),
            ("pm_card_unionpay", "unionpay", "0005"),
        ];
        for (alias, brand, last4) in rows {
            let reply = bed.get(&format!("/v1/payment_methods/{alias}")).expect(200);
            assert_eq!((&reply["card"]["brand"], &reply["card"]["last4"]), (&json!(brand), &json!(last4)));
            assert_ne!(reply.id(), alias);
            assert_ne!(reply.id(), bed.method(alias));
            assert_eq!(bed.paid(alias)["status"], "succeeded", "{alias}");
        }
    }),
    ("§8 row 1: an alias in a POST makes a new object, too", |bed| {
        let customer = bed.customer();
        let attached = bed.attach("pm_card_visa", &customer).expect(200);
        assert_ne!(attached.id(), "pm_card_visa");
        bed.attach("pm_card_visa", &customer).expect(200);
        bed.charge(&(customer, attached.id()), &[]).expect(200);
    }),
    ("§8 row 2: generic decline", |bed| {
        declines_at_attach(
            bed,
            "pm_card_visa_chargeDeclined",
            "4000000000000002",
            "card_declined",
            "generic_decline",
        );
        declines_at_attach(
            bed,
            "pm_card_chargeDeclined",
            "4000000000000002",
            "card_declined",
            "generic_decline",
        );
    }),
    ("§8 row 3: insufficient funds", |bed| {
        let alias = "pm_card_visa_chargeDeclinedInsufficientFunds";
        declines_at_attach(bed, alias, "4000000000009995", "card_declined", "insufficient_funds");
    }),
    ("§8 row 4: lost, stolen", |bed| {
        let lost = "pm_card_visa_chargeDeclinedLostCard";
        declines_at_attach(bed, lost, "4000000000009987", "card_declined", "lost_card");
        let stolen = "pm_card_visa_chargeDeclinedStolenCard";
        declines_at_attach(bed, stolen, "4000000000009979", "card_declined", "stolen_card");
    }),
    ("§8 row 5: expired", |bed| {
        let alias = "pm_card_chargeDeclinedExpiredCard";
        declines_at_attach(bed, alias, "4000000000000069", "expired_card", "expired_card");
    }),
    ("§8 row 6: incorrect CVC", |bed| {
        let alias = "pm_card_chargeDeclinedIncorrectCvc";
        declines_at_attach(bed, alias, "4000000000000127", "incorrect_cvc", "incorrect_cvc");
    }),
    ("§8 row 7: processing error", |bed| {
        let alias = "pm_card_chargeDeclinedProcessingError";
        declines_at_attach(bed, alias, "4000000000000119", "processing_error", "processing_error");
    }),
    ("§8 row 8: velocity", |bed| {
        let alias = "pm_card_visa_chargeDeclinedVelocityLimitExceeded";
        declines_at_attach(bed, alias, "4000000000006975", "card_declined", "card_velocity_exceeded");
    }),
    ("§8 row 9: chargeCustomerFail: the attach succeeds, the charge declines", |bed| {
        for method in both(bed, "pm_card_chargeCustomerFail", "4000000000000341") {
            let customer = bed.customer();
            assert_eq!(bed.attach(&method, &customer).expect(200)["customer"], customer.as_str());
            let reply = bed.charge(&(customer, method), &[]).expect(402);
            assert_eq!(reply["error"]["decline_code"], "generic_decline");
        }
    }),
    ("§8 row 10: authenticationRequiredOnSetup: off-session fails unless set up first", |bed| {
        asks(bed, "pm_card_authenticationRequiredOnSetup", "4000002500003155", None);
        let payer = bed.payer("pm_card_authenticationRequiredOnSetup");
        let off = |payer: &(String, String)| bed.charge(payer, &[("off_session", "true")]);
        assert_eq!(off(&payer).expect(402)["error"]["code"], "authentication_required");
        let waiting = bed.charge(&payer, &[("setup_future_usage", "off_session")]).expect(200).id();
        bed.order(&format!("/payment_intents/{waiting}/authenticate"), &json!({"outcome": "success"}));
        assert_eq!(off(&payer).expect(200)["status"], "succeeded");
    }),
    ("§8 row 11: authenticationRequired: always", |bed| {
        asks(bed, "pm_card_authenticationRequired", "4000002760003184", None);
        let payer = bed.payer("pm_card_authenticationRequired");
        let reply = bed.charge(&payer, &[("off_session", "true")]).expect(402);
        assert_eq!(reply["error"]["code"], "authentication_required");
    }),
    ("§8 row 12: authenticationRequiredSetupForOffSession: off-session succeeds, on-session asks", |bed| {
        let (alias, number) = ("pm_card_authenticationRequiredSetupForOffSession", "4000003800000446");
        asks(bed, alias, number, None);
        let payer = bed.payer(alias);
        assert_eq!(bed.charge(&payer, &[("off_session", "true")]).expect(200)["status"], "succeeded");
    }),
    ("§8 row 13: 3-D Secure, then insufficient funds", |bed| {
        let alias = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds";
        asks(bed, alias, "4000008260003178", Some("insufficient_funds"));
    }),
    ("§8 row 14: 3-D Secure required; and declined after it", |bed| {
        asks(bed, "pm_card_threeDSecure2Required", "4000000000003220", None);
        let alias = "pm_card_threeDSecureRequiredChargeDeclined";
        asks(bed, alias, "4000008400001629", Some("generic_decline"));
    }),
    ("§8 row 15: blocked by Radar", |bed| {
        let reply = bed.charge(&bed.payer("pm_card_radarBlock"), &[]).expect(402);
        assert_eq!(reply["error"]["decline_code"], "fraudulent");
        assert_eq!(bed.state()["charges"][0]["outcome"]["type"], "blocked");
    }),
    ("§8 row 16: createDispute: succeeds, then is disputed as fraudulent", |bed| {
        let paid = bed.paid("pm_card_createDispute");
        assert_eq!(paid["status"], "succeeded");
        bed.until("the dispute", |bed| bed.count("disputes") == 1);
        let dispute = &bed.state()["disputes"][0];
        assert_eq!(
            (&dispute["status"], &dispute["reason"]),
            (&json!("needs_response"), &json!("fraudulent"))
        );
        assert_eq!(dispute["payment_intent"], paid.id().as_str());
        assert_eq!(dispute["metadata"], json!({}));
        assert_eq!(bed.state()["charges"][0]["disputed"], true);
    }),
    ("§8 row 17: not received, inquiry, early warning", |bed| {
        let reached = |number: &str| {
            let customer = bed.customer();
            let method = typed(bed, number);
            bed.attach(&method, &customer).expect(200);
            bed.charge(&(customer, method), &[]).expect(200);
        };
        reached("4000000000002685");
        bed.until("the dispute", |bed| bed.count("disputes") == 1);
        assert_eq!(bed.state()["disputes"][0]["reason"], "product_not_received");
        reached("4000000000001976");
        bed.until("the inquiry", |bed| bed.count("disputes") == 2);
        let inquiry = &bed.state()["disputes"][1];
        assert_eq!(
            (&inquiry["status"], &inquiry["balance_transactions"]),
            (&json!("warning_needs_response"), &json!([]))
        );
        reached("4000000000005423");
        bed.until("the warning", |bed| {
            bed.events().contains(&"radar.early_fraud_warning.created".to_owned())
        });
        assert_eq!(bed.count("disputes"), 2);
    }),
    ("§8 row 18: refundFail: succeeds, fails later", |bed| {
        let paid = bed.paid("pm_card_refundFail");
        let refund = bed.post("/v1/refunds", &[("payment_intent", &paid.id())]).expect(200);
        assert_eq!(refund["status"], "succeeded");
        bed.until("the failure", |bed| bed.state()["refunds"][0]["status"] == "failed");
        assert_eq!(bed.state()["refunds"][0]["failure_reason"], "unknown");
        assert_eq!(bed.state()["charges"][0]["amount_refunded"], 0);
        assert!(bed.events().contains(&"refund.failed".to_owned()));
    }),
    ("§8 row 19: a refund that is pending, then succeeds", |bed| {
        let customer = bed.customer();
        let method = typed(bed, "4000000000007726");
        bed.attach(&method, &customer).expect(200);
        let paid = bed.charge(&(customer, method), &[]).expect(200);
        let refund = bed.post("/v1/refunds", &[("payment_intent", &paid.id())]).expect(200);
        assert_eq!((&refund["status"], &refund["pending_reason"]), (&json!("pending"), &json!("processing")));
        bed.until("the success", |bed| bed.state()["refunds"][0]["status"] == "succeeded");
    }),
    ("§8 row 20: bypassPending succeeds", |bed| {
        assert_eq!(bed.paid("pm_card_bypassPending")["status"], "succeeded");
    }),
    ("§8 note: tokens stand for the same cards", |bed| {
        let make = |token: &str| bed.post("/v1/payment_methods", &[("type", "card"), ("card[token]", token)]);
        assert_eq!(make("tok_visa").expect(200)["card"]["last4"], "4242");
        let method = make("tok_chargeDeclined").expect(200).id();
        bed.attach(&method, &bed.customer()).expect(402);
        make("tok_none").refused(400, Some("resource_missing"), Some("card[token]"), "No such token");
    }),
    ("§8 note: numbers, dates and codes are checked before a card exists", |bed| {
        let rows = [
            ("4242424242424241", "12", "2034", "123", "incorrect_number"),
            ("4242424242424242", "13", "2034", "123", "invalid_expiry_month"),
            ("4242424242424242", "12", "2019", "123", "invalid_expiry_year"),
            ("4242424242424242", "12", "2034", "12", "invalid_cvc"),
            ("4111111111111111", "12", "2034", "123", "card_declined"),
        ];
        for (number, month, year, cvc, code) in rows {
            let fields = [
                ("type", "card"),
                ("card[number]", number),
                ("card[exp_month]", month),
                ("card[exp_year]", year),
                ("card[cvc]", cvc),
            ];
            let reply = bed.post("/v1/payment_methods", &fields).expect(402);
            assert_eq!(reply["error"]["code"], code, "{number}");
        }
        let fields = [("type", "card"), ("card[number]", "4242424242424242")];
        bed.post("/v1/payment_methods", &fields).refused(
            400,
            Some("parameter_missing"),
            Some("card[exp_month]"),
            "Missing required param: card[exp_month].",
        );
        assert_eq!(bed.count("payment_methods"), 0);
    }),
    ("§8 note: a fixed payment method can behave as any alias", |bed| {
        let customer = bed.customer();
        bed.order("/payment_methods", &json!({"id": "pm_bad", "behaviour": "pm_card_visa_chargeDeclined"}));
        bed.attach("pm_bad", &customer).expect(402);
        bed.order(
            "/payment_methods",
            &json!({"id": "pm_poor", "behaviour": "4000000000000341", "customer": customer}),
        );
        bed.charge(&(customer, "pm_poor".into()), &[]).expect(402);
    }),
];

#[test]
fn test_cards() {
    prove(ROWS);
}
