//! §3: a payment method and its customer; fingerprints.

use serde_json::json;

use crate::client::{CHARGE, Row, prove};

const SPENT: &str = "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, \
shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used \
again. To use a PaymentMethod multiple times, you must attach it to a Customer first.";

const ROWS: &[Row] = &[
    ("§3 row 1: used once without a customer, it is spent: for charges and for attaching", |bed| {
        let (customer, method) = (bed.customer(), bed.method("pm_card_visa"));
        let fields = [&CHARGE[..], &[("payment_method", &method)]].concat();
        bed.post("/v1/payment_intents", &fields).expect(200);
        bed.post("/v1/payment_intents", &fields).refused(400, None, None, SPENT);
        bed.attach(&method, &customer).refused(400, None, None, SPENT);
        bed.charge(&(customer, method), &[]).refused(400, None, None, SPENT);
        assert_eq!(bed.count("charges"), 1);
    }),
    ("§3 row 1: also when it was charged for a customer it is not attached to", |bed| {
        let payer = (bed.customer(), bed.method("pm_card_visa"));
        bed.charge(&payer, &[]).expect(200);
        bed.charge(&payer, &[]).refused(400, None, None, SPENT);
    }),
    ("§3 row 1: a failed first attempt uses it up, too", |bed| {
        let method = bed.method("pm_card_chargeCustomerFail");
        let fields = [&CHARGE[..], &[("payment_method", &method)]].concat();
        bed.post("/v1/payment_intents", &fields).expect(402);
        bed.post("/v1/payment_intents", &fields).refused(400, None, None, SPENT);
    }),
    ("§3 row 2: retrieve, customer, attach, charge: it can be charged again and again", |bed| {
        let payer = bed.payer("pm_card_visa");
        for _ in 0..3 {
            bed.charge(&payer, &[]).expect(200);
        }
        let declining = bed.payer("pm_card_chargeCustomerFail");
        for _ in 0..3 {
            bed.charge(&declining, &[]).expect(402);
        }
    }),
    ("§3 row 3: attaching what is attached → 400 without a code, to whomever", |bed| {
        let (customer, method) = bed.payer("pm_card_visa");
        for customer in [customer.clone(), bed.customer()] {
            let reply = bed.attach(&method, &customer).refused(
                400,
                None,
                None,
                "The payment method you provided has already been attached to a customer.",
            );
            assert_eq!(reply["error"]["type"], "invalid_request_error");
            assert_eq!(reply.header("stripe-should-retry"), Some("false"));
        }
        assert_eq!(bed.get(&format!("/v1/payment_methods/{method}"))["customer"], customer.as_str());
    }),
    ("§3 row 4: another customer's payment method cannot be charged", |bed| {
        let (_, method) = bed.payer("pm_card_visa");
        bed.charge(&(bed.customer(), method.clone()), &[]).refused(
            400,
            None,
            Some("payment_method"),
            &format!("The customer does not have a payment method with the ID {method}."),
        );
    }),
    ("§3 row 5: detached is for ever", |bed| {
        let payer = bed.payer("pm_card_visa");
        let target = format!("/v1/payment_methods/{}/detach", payer.1);
        assert_eq!(bed.post(&target, &[]).expect(200)["customer"], json!(null));
        bed.post(&target, &[]).refused(400, None, None, "not attached");
        bed.attach(&payer.1, &payer.0).refused(400, None, None, SPENT);
        bed.charge(&payer, &[]).refused(400, None, None, SPENT);
    }),
    ("§3 row 5: deleting a customer detaches; a deleted customer is gone for new business", |bed| {
        let payer = bed.payer("pm_card_visa");
        let target = format!("/v1/customers/{}", payer.0);
        let delete = || bed.call("sk_test_testbed", "DELETE", &target, &[], &[]).unwrap();
        assert_eq!(
            *delete().expect(200).value(),
            json!({"id": payer.0, "object": "customer", "deleted": true})
        );
        delete().expect(404);
        assert_eq!(bed.get(&target).expect(200)["deleted"], true);
        bed.charge(&payer, &[]).refused(400, Some("resource_missing"), Some("customer"), "No such customer");
        let fresh = bed.method("pm_card_visa");
        bed.attach(&fresh, &payer.0).refused(
            400,
            Some("resource_missing"),
            Some("customer"),
            "No such customer",
        );
        bed.attach(&payer.1, &bed.customer()).refused(400, None, None, SPENT);
    }),
    ("§3 row 7: POST /v1/customers takes a payment method and attaches it", |bed| {
        let method = bed.method("pm_card_visa");
        let customer = bed.post("/v1/customers", &[("payment_method", &method)]).expect(200).id();
        assert_eq!(bed.get(&format!("/v1/payment_methods/{method}"))["customer"], customer.as_str());
        bed.charge(&(customer, method), &[]).expect(200);
        bed.post("/v1/customers", &[("payment_method", "pm_card_visa_chargeDeclined")]).expect(402);
        assert_eq!(bed.count("customers"), 1, "a decline leaves no customer behind");
    }),
    ("§3 row 8: retrieve with a secret key: fingerprint, cvc_check unchecked, customer null", |bed| {
        let reply = bed.get("/v1/payment_methods/pm_card_mastercard").expect(200);
        assert_eq!(reply["card"]["fingerprint"].as_str().unwrap().len(), 16);
        assert_eq!(reply["card"]["checks"]["cvc_check"], "unchecked");
        assert_eq!(reply["customer"], json!(null));
        for required in ["brand", "exp_month", "exp_year", "funding", "last4"] {
            assert!(!reply["card"][required].is_null(), "{required}");
        }
    }),
    ("§3 row 8: the same number has the same fingerprint; a card can have none", |bed| {
        let number = [
            ("type", "card"),
            ("card[number]", "4242 4242 4242 4242"),
            ("card[exp_month]", "3"),
            ("card[exp_year]", "2039"),
            ("card[cvc]", "123"),
        ];
        let typed = bed.post("/v1/payment_methods", &number).expect(200);
        let alias = bed.get("/v1/payment_methods/pm_card_visa");
        let other = bed.get("/v1/payment_methods/pm_card_mastercard");
        assert_eq!(typed["card"]["fingerprint"], alias["card"]["fingerprint"]);
        assert_ne!(typed["card"]["fingerprint"], other["card"]["fingerprint"]);
        bed.order("/payment_methods", &json!({"id": "pm_none", "fingerprint": null}));
        bed.order("/payment_methods", &json!({"id": "pm_mine", "fingerprint": "FP0123456789"}));
        assert_eq!(bed.get("/v1/payment_methods/pm_none").expect(200)["card"]["fingerprint"], json!(null));
        assert_eq!(bed.get("/v1/payment_methods/pm_mine").expect(200)["card"]["fingerprint"], "FP0123456789");
    }),
    ("§3 row 8: a publishable key sees no fingerprint", |bed| {
        let fields = [("type", "card"), ("card[token]", "tok_visa")];
        let reply = bed.call("pk_test_a", "POST", "/v1/payment_methods", &[], &fields).unwrap().expect(200);
        assert_eq!(reply["card"]["last4"], "4242");
        assert!(reply["card"].get("fingerprint").is_none());
        let secret = bed.get(&format!("/v1/payment_methods/{}", reply.id()));
        assert!(secret["card"]["fingerprint"].is_string());
    }),
    ("§3 row 9: a wallet's card carries card.wallet.type", |bed| {
        bed.order(
            "/payment_methods",
            &json!({"id": "pm_phone", "wallet": "apple_pay", "fingerprint": "DEVICE"}),
        );
        let reply = bed.get("/v1/payment_methods/pm_phone").expect(200);
        assert_eq!(reply["card"]["wallet"]["type"], "apple_pay");
        assert!(reply["card"]["wallet"]["dynamic_last4"].is_string());
    }),
    ("§3 row 11: types other than card have no card hash", |bed| {
        bed.order("/payment_methods", &json!({"id": "pm_link", "type": "link"}));
        let reply = bed.get("/v1/payment_methods/pm_link").expect(200);
        assert_eq!((&reply["type"], &reply["card"]), (&json!("link"), &json!(null)));
        assert!(reply["link"]["email"].is_string());
        let made = bed.post("/v1/payment_methods", &[("type", "paypal")]).expect(200);
        assert_eq!(made["card"], json!(null));
    }),
    ("§3 row 14: card numbers under a publishable key are refused until switched on", |bed| {
        let fields = [
            ("type", "card"),
            ("card[number]", "4242424242424242"),
            ("card[exp_month]", "3"),
            ("card[exp_year]", "2039"),
            ("card[cvc]", "123"),
        ];
        let make = |headers: &[(&str, &str)]| {
            bed.call("pk_test_a", "POST", "/v1/payment_methods", headers, &fields).unwrap()
        };
        let refusal = "This integration surface is unsupported for publishable key tokenization";
        make(&[]).refused(400, None, None, refusal);
        make(&[("x-testbed-stripe-js", "1")]).expect(200);
        bed.post("/v1/payment_methods", &fields).expect(200);
        bed.order("/settings", &json!({"publishable_key_tokenization": true}));
        make(&[]).expect(200);
        bed.order("/reset", &json!({}));
        make(&[]).refused(400, None, None, refusal);
    }),
    ("expand: a payment method's customer; a fixed payment method keeps its id", |bed| {
        let customer = bed.post("/v1/customers", &[("metadata[tag]", "ours")]).id();
        bed.order("/payment_methods", &json!({"id": "pm_visa", "customer": customer}));
        let plain = bed.get("/v1/payment_methods/pm_visa").expect(200);
        assert_eq!((plain.id(), &plain["customer"]), ("pm_visa".to_owned(), &json!(customer)));
        let whole = bed.get("/v1/payment_methods/pm_visa?expand[]=customer").expect(200);
        assert_eq!(whole["customer"]["metadata"]["tag"], "ours");
        bed.charge(&(customer, "pm_visa".into()), &[]).expect(200);
    }),
];

#[test]
fn reuse_and_fingerprints() {
    prove(ROWS);
}
