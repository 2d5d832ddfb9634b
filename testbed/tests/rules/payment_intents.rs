//! §2: the parameters and statuses of PaymentIntents; §5: amounts.

use serde_json::json;

use crate::client::{Bed, CHARGE, Row, prove};

fn refused(bed: &Bed, fields: &[(&str, &str)], code: Option<&str>, param: Option<&str>, message: &str) {
    bed.post("/v1/payment_intents", fields).refused(400, code, param, message);
    assert_eq!(bed.count("payment_intents"), 0, "a refusal leaves nothing behind");
}

const ROWS: &[Row] = &[
    ("§2 parameters row 1: amount and currency are required, nothing else is", |bed| {
        let missing = Some("parameter_missing");
        refused(bed, &[("currency", "usd")], missing, Some("amount"), "Missing required param: amount.");
        refused(bed, &[("amount", "500")], missing, Some("currency"), "Missing required param: currency.");
        let made = bed.post("/v1/payment_intents", &[("amount", "500"), ("currency", "usd")]).expect(200);
        assert_eq!(made["status"], "requires_payment_method");
        assert_eq!(made["amount_received"], 0);
    }),
    ("§2 parameters row 2: confirm is false unless said; both calls together do the same as one", |bed| {
        let (customer, method) = bed.payer("pm_card_visa");
        let fields = [
            ("amount", "500"),
            ("currency", "usd"),
            ("customer", &customer),
            ("payment_method", &method),
            ("payment_method_types[]", "card"),
        ];
        let made = bed.post("/v1/payment_intents", &fields).expect(200);
        assert_eq!(made["status"], "requires_confirmation");
        let confirmed = bed.post(&format!("/v1/payment_intents/{}/confirm", made.id()), &[]).expect(200);
        assert_eq!(confirmed["status"], "succeeded");
        assert_eq!(bed.charge(&(customer, method), &[])["status"], "succeeded");
    }),
    ("§2 parameters row 3: off_session is a boolean, one_off or recurring, only with confirm=true", |bed| {
        let payer = bed.payer("pm_card_visa");
        for value in ["true", "false", "one_off", "recurring"] {
            bed.charge(&payer, &[("off_session", value)]).expect(200);
        }
        bed.charge(&payer, &[("off_session", "maybe")]).refused(
            400,
            None,
            Some("off_session"),
            "off_session",
        );
        let fields = [("amount", "500"), ("currency", "usd"), ("off_session", "true")];
        bed.post("/v1/payment_intents", &fields).refused(
            400,
            None,
            Some("off_session"),
            "`confirm` is set to true",
        );
    }),
    ("§2 parameters row 4: error_on_requires_action only with confirm=true", |bed| {
        let fields = [("amount", "500"), ("currency", "usd"), ("error_on_requires_action", "true")];
        refused(bed, &fields, None, Some("error_on_requires_action"), "`confirm` is set to true");
    }),
    ("§2 parameters row 5: payment_method_types closes the set: no return_url, no link", |bed| {
        let (customer, _) = bed.payer("pm_card_visa");
        assert_eq!(bed.paid("pm_card_visa")["payment_method_types"], json!(["card"]));
        bed.order("/payment_methods", &json!({"id": "pm_link", "type": "link", "customer": customer}));
        bed.charge(&(customer, "pm_link".into()), &[]).refused(
            400,
            Some("payment_intent_incompatible_payment_method"),
            Some("payment_method"),
            "(link) is not allowed",
        );
    }),
    (
        "§2 parameters row 6: automatic methods: enabled is required; a confirm needs return_url unless never",
        |bed| {
            let (customer, method) = bed.payer("pm_card_visa");
            let base = [
                ("amount", "500"),
                ("currency", "usd"),
                ("confirm", "true"),
                ("customer", customer.as_str()),
                ("payment_method", method.as_str()),
            ];
            let with = |more: &[(&str, &str)]| bed.post("/v1/payment_intents", &[&base, more].concat());
            with(&[]).refused(400, None, None, "you must provide a `return_url`");
            with(&[("automatic_payment_methods[enabled]", "true")]).refused(400, None, None, "return_url");
            with(&[("automatic_payment_methods[allow_redirects]", "never")]).refused(
                400,
                Some("parameter_missing"),
                Some("automatic_payment_methods[enabled]"),
                "Missing required param",
            );
            with(&[
                ("automatic_payment_methods[enabled]", "true"),
                ("automatic_payment_methods[allow_redirects]", "x"),
            ])
            .refused(
                400,
                None,
                Some("automatic_payment_methods[allow_redirects]"),
                "must be one of always or never",
            );
            let never = [
                ("automatic_payment_methods[enabled]", "true"),
                ("automatic_payment_methods[allow_redirects]", "never"),
            ];
            assert_eq!(with(&never).expect(200)["status"], "succeeded");
            with(&[("return_url", "https://example.com")]).expect(200);
        },
    ),
    ("§2 parameters row 7: payment_method_types and automatic_payment_methods exclude each other", |bed| {
        let fields = [
            ("amount", "500"),
            ("currency", "usd"),
            ("payment_method_types[]", "card"),
            ("automatic_payment_methods[enabled]", "true"),
        ];
        refused(
            bed,
            &fields,
            None,
            Some("automatic_payment_methods"),
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
        );
    }),
    ("§2 parameters row 8: an attached PaymentMethod needs its own customer", |bed| {
        let (customer, method) = bed.payer("pm_card_visa");
        let other = bed.customer();
        let fields = [&CHARGE[..], &[("payment_method", &method)]].concat();
        bed.post("/v1/payment_intents", &fields).refused(
            400,
            Some("parameter_missing"),
            Some("customer"),
            &format!("belongs to the Customer {customer}. Please include the Customer"),
        );
        bed.charge(&(other, method), &[]).refused(
            400,
            None,
            Some("payment_method"),
            "The payment method must be attached to the customer.",
        );
        assert_eq!(bed.count("payment_intents"), 0);
    }),
    ("§2 parameters row 9: without a payment method there is nothing to confirm", |bed| {
        bed.post("/v1/payment_intents", &CHARGE).refused(
            400,
            Some("payment_intent_unexpected_state"),
            None,
            "missing a payment method",
        );
    }),
    ("§2 parameters row 10: setup_future_usage attaches after success; never with off_session", |bed| {
        let (customer, method) = (bed.customer(), bed.method("pm_card_visa"));
        let payer = (customer.clone(), method.clone());
        bed.charge(&payer, &[("setup_future_usage", "off_session"), ("off_session", "true")]).refused(
            400,
            None,
            Some("off_session"),
            "You cannot confirm with `off_session=true` when `setup_future_usage` is also set",
        );
        bed.charge(&payer, &[("setup_future_usage", "off_session")]).expect(200);
        assert_eq!(bed.get(&format!("/v1/payment_methods/{method}"))["customer"], customer.as_str());
        bed.charge(&payer, &[("off_session", "true")]).expect(200);
    }),
    ("§2 parameters row 11: metadata: 50 keys, 40 and 500 characters; strings; shown in events", |bed| {
        let names: Vec<String> = (0..51).map(|number| format!("metadata[k{number}]")).collect();
        let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
        let base = [("amount", "500"), ("currency", "usd")];
        let with = |more: &[(&str, &str)]| bed.post("/v1/payment_intents", &[&base, more].concat());
        with(&pairs).refused(400, None, Some("metadata"), "50 keys");
        with(&pairs[..50]).expect(200);
        let (key40, key41) =
            (format!("metadata[{}]", "k".repeat(40)), format!("metadata[{}]", "k".repeat(41)));
        with(&[(&key40, "v")]).expect(200);
        with(&[(&key41, "v")]).refused(400, None, Some("metadata"), "40 characters");
        with(&[("metadata[a]", &"é".repeat(500))]).expect(200);
        with(&[("metadata[a]", &"v".repeat(501))]).refused(
            400,
            None,
            Some("metadata[a]"),
            "up to 500 characters",
        );
        let made = with(&[("metadata[units]", "50000"), ("metadata[gone]", "")]).expect(200);
        assert_eq!(made["metadata"], json!({"units": "50000"}));
        let state = bed.state();
        let event = state["events"].as_array().unwrap().last().unwrap();
        assert_eq!(event["data"]["object"]["metadata"]["units"], "50000");
    }),
    ("§2 parameters row 12: description has up to 1000 characters", |bed| {
        let base = [("amount", "500"), ("currency", "usd")];
        let with =
            |text: &str| bed.post("/v1/payment_intents", &[&base[..], &[("description", text)]].concat());
        assert_eq!(with(&"d".repeat(1000)).expect(200)["description"].as_str().unwrap().len(), 1000);
        with(&"d".repeat(1001)).refused(400, None, Some("description"), "at most 1000 characters");
    }),
    ("§2 parameters row 13: a suffix for cards; statement_descriptor on a card is an error", |bed| {
        let payer = bed.payer("pm_card_visa");
        bed.charge(&payer, &[("statement_descriptor", "SHOP")]).refused(
            400,
            Some("payment_intent_invalid_parameter"),
            Some("statement_descriptor"),
            "statement_descriptor_suffix",
        );
        let made = bed.charge(&payer, &[("statement_descriptor_suffix", "SHOP")]).expect(200);
        assert_eq!(made["statement_descriptor_suffix"], "SHOP");
        bed.charge(&payer, &[("statement_descriptor_suffix", &"S".repeat(23))]).refused(
            400,
            None,
            Some("statement_descriptor_suffix"),
            "at most 22 characters",
        );
    }),
    ("§2 parameters row 15: latest_charge is an id unless expanded", |bed| {
        let payer = bed.payer("pm_card_visa");
        assert!(bed.charge(&payer, &[])["latest_charge"].as_str().unwrap().starts_with("ch_"));
        let made =
            bed.charge(&payer, &[("expand[]", "latest_charge"), ("expand[]", "latest_charge.refunds")]);
        assert_eq!(made.expect(200)["latest_charge"]["refunds"]["data"], json!([]));
        bed.charge(&payer, &[("expand[]", "nothing")]).refused(
            400,
            None,
            Some("expand"),
            "cannot be expanded (nothing)",
        );
    }),
    ("§2 parameters row 16: what Stripe has and the double has not is refused, not ignored", |bed| {
        let fields = [("amount", "500"), ("currency", "usd"), ("on_behalf_of", "acct_1")];
        refused(bed, &fields, Some("testbed_not_modelled"), Some("on_behalf_of"), "does not model");
        let fields = [("amount", "500"), ("currency", "usd"), ("capture_method", "manual")];
        refused(bed, &fields, Some("testbed_not_modelled"), Some("capture_method"), "does not model");
    }),
    ("§2 statuses row 1: succeeded carries amount_received", |bed| {
        let paid = bed.paid("pm_card_visa");
        assert_eq!(
            (&paid["status"], &paid["amount_received"], &paid["livemode"]),
            (&json!("succeeded"), &json!(500), &json!(false))
        );
    }),
    ("§2 statuses row 2: requires_payment_method after a decline; a new method can succeed", |bed| {
        let payer = bed.payer("pm_card_chargeCustomerFail");
        let declined = bed.charge(&payer, &[]).expect(402);
        let intent = &declined["error"]["payment_intent"];
        assert_eq!(intent["status"], "requires_payment_method");
        assert_eq!(intent["last_payment_error"]["code"], "card_declined");
        let id = intent["id"].as_str().unwrap();
        assert_eq!(bed.get(&format!("/v1/payment_intents/{id}"))["status"], "requires_payment_method");
        let good = bed.method("pm_card_visa");
        bed.attach(&good, &payer.0).expect(200);
        let confirmed = bed.post(&format!("/v1/payment_intents/{id}/confirm"), &[("payment_method", &good)]);
        assert_eq!(confirmed.expect(200)["last_payment_error"], json!(null));
    }),
    ("§2 statuses row 3: requires_action carries the client secret and what to do", |bed| {
        let waiting = bed.paid("pm_card_authenticationRequired");
        assert_eq!(waiting["status"], "requires_action");
        assert_eq!(waiting["next_action"]["type"], "use_stripe_sdk");
        assert!(waiting["client_secret"].as_str().unwrap().starts_with(&format!("{}_secret_", waiting.id())));
        assert_eq!(waiting["latest_charge"], json!(null));
        assert_eq!(bed.count("charges"), 0);
        let payer = bed.payer("pm_card_authenticationRequired");
        let redirected = bed.charge(&payer, &[("return_url", "https://example.com/back")]).expect(200);
        assert_eq!(redirected["next_action"]["type"], "redirect_to_url");
    }),
    ("§2 statuses row 5: processing is not success; it settles later", |bed| {
        for (outcome, status) in [("success", "succeeded"), ("fail", "requires_payment_method")] {
            let made = bed.paid("pm_card_testbedProcessing");
            assert_eq!((&made["status"], &made["amount_received"]), (&json!("processing"), &json!(0)));
            let settled =
                bed.order(&format!("/payment_intents/{}/settle", made.id()), &json!({ "outcome": outcome }));
            assert_eq!(settled["status"], status);
        }
    }),
    ("§2 statuses row 7: canceled is terminal; a succeeded one cannot be canceled", |bed| {
        let waiting = bed.paid("pm_card_authenticationRequired").id();
        let cancel =
            |id: &str, fields: &[(&str, &str)]| bed.post(&format!("/v1/payment_intents/{id}/cancel"), fields);
        cancel(&waiting, &[("cancellation_reason", "bored")]).refused(
            400,
            None,
            Some("cancellation_reason"),
            "must be",
        );
        let canceled = cancel(&waiting, &[("cancellation_reason", "abandoned")]).expect(200);
        assert_eq!(
            (&canceled["status"], &canceled["cancellation_reason"]),
            (&json!("canceled"), &json!("abandoned"))
        );
        let unexpected = Some("payment_intent_unexpected_state");
        cancel(&waiting, &[]).refused(400, unexpected, None, "status of canceled");
        bed.post(&format!("/v1/payment_intents/{waiting}/confirm"), &[])
            .refused(400, unexpected, None, "canceled");
        let paid = bed.paid("pm_card_visa").id();
        let refused = cancel(&paid, &[]).refused(400, unexpected, None, "status of succeeded");
        assert_eq!(refused["error"]["payment_intent"]["id"], paid.as_str());
        bed.post(&format!("/v1/payment_intents/{paid}/confirm"), &[]).refused(
            400,
            unexpected,
            None,
            "already succeeded",
        );
        assert_eq!(bed.count("charges"), 1);
    }),
    ("§2 list: by customer and creation, newest first, in pages", |bed| {
        let payer = bed.payer("pm_card_visa");
        let stranger = bed.paid("pm_card_visa").id();
        let ids: Vec<String> = (0..5).map(|_| bed.charge(&payer, &[]).id()).collect();
        let list =
            |query: &str| bed.get(&format!("/v1/payment_intents?customer={}{query}", payer.0)).expect(200);
        let names = |reply: &crate::client::Reply| -> Vec<String> {
            let data = reply["data"].as_array().unwrap();
            data.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
        };
        let newest: Vec<String> = ids.iter().rev().cloned().collect();
        let all = list("");
        assert_eq!(
            (names(&all), &all["has_more"], &all["url"]),
            (newest.clone(), &json!(false), &json!("/v1/payment_intents"))
        );
        let page = list("&limit=2");
        assert_eq!((names(&page), &page["has_more"]), (newest[..2].to_vec(), &json!(true)));
        let page = list(&format!("&limit=3&starting_after={}", newest[1]));
        assert_eq!((names(&page), &page["has_more"]), (newest[2..].to_vec(), &json!(false)));
        let page = list(&format!("&limit=2&ending_before={}", newest[4]));
        assert_eq!((names(&page), &page["has_more"]), (newest[2..4].to_vec(), &json!(true)));
        assert_eq!(names(&list("&created[gte]=1")).len(), 5);
        assert_eq!(names(&list("&created[lt]=1")).len(), 0);
        assert_eq!(names(&list("&created%5Bgte%5D=99999999999")).len(), 0);
        assert!(names(&bed.get("/v1/payment_intents?limit=100")).contains(&stranger));
        list("&expand[]=data.customer");
        let refused = |query: &str, param: &str| {
            bed.get(&format!("/v1/payment_intents?{query}")).expect(400)["error"]["param"] == *param
        };
        assert!(refused("limit=0", "limit") && refused("limit=101", "limit"));
        assert!(refused("status=succeeded", "status"), "there is no filter by status");
        assert!(refused("metadata[a]=b", "metadata"), "there is no filter by metadata");
        assert!(refused("customer=cus_none", "customer") && refused("created[after]=1", "created[after]"));
    }),
    ("§5: minimum, maximum, decimals and letter case of amounts and currencies", |bed| {
        let rows = [
            ("50", "usd", None),
            ("49", "usd", Some("amount_too_small")),
            ("99999999", "usd", None),
            ("100000000", "usd", Some("amount_too_large")),
            ("50", "jpy", None),
            ("49", "jpy", Some("amount_too_small")),
            ("17500", "huf", None),
            ("17499", "huf", Some("amount_too_small")),
            ("5120", "kwd", None),
            ("5124", "kwd", Some("parameter_invalid_integer")),
            ("500", "isk", None),
            ("550", "isk", Some("parameter_invalid_integer")),
            ("999999999999", "idr", None),
            ("0", "usd", Some("parameter_invalid_integer")),
            ("-500", "usd", Some("parameter_invalid_integer")),
            ("5.00", "usd", Some("parameter_invalid_integer")),
        ];
        for (amount, currency, code) in rows {
            let reply = bed.post("/v1/payment_intents", &[("amount", amount), ("currency", currency)]);
            match code {
                None => assert_eq!(reply.expect(200)["currency"], currency),
                Some(code) => {
                    reply.refused(400, Some(code), Some("amount"), "");
                }
            }
        }
        for currency in ["USD", "xyz", "usdollar"] {
            let reply = bed.post("/v1/payment_intents", &[("amount", "500"), ("currency", currency)]);
            reply.refused(400, None, Some("currency"), &format!("Invalid currency: {currency}"));
        }
    }),
];

#[test]
fn payment_intents() {
    prove(ROWS);
}
