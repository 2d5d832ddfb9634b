//! The operator sees a client and acts on it.

use std::time::Duration;

use serde_json::{Value, json};
use stripe402_e2e::{Layout, Paywall, Request, wait_for};

use crate::{CLIENTS, acts, config, first_payment, sees, shared, with_token};

#[test]
fn a_client_is_found_by_its_client_id_and_shown_without_it() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("admin-sees"));
    let card = stripe.card("admin_sees");
    first_payment(visitor, &card);
    let find = |id: &str| {
        let body = json!({"clientId": id}).to_string();
        visitor.asks(with_token(Request::post(&format!("{CLIENTS}/find"), body)))
    };
    let found = find(card.client.as_str());
    assert_eq!(found.status, 200, "{found:?}");
    assert_eq!(found.json(), sees(visitor, &card, ""));
    let client = found.json();
    assert_eq!(client["account"], card.account.as_str());
    assert_eq!(client["clientId"], format!("{}…", &card.client.as_str()[..8]));
    assert_eq!(client["stripeCustomerId"], stripe.customers(&card)[0]);
    assert_eq!(client["balances"], json!([{"currency": "usd", "balance": 49_900}]));
    assert_eq!(
        (&client["frozen"], &client["disputed"], &client["topUp"]),
        (&json!(false), &json!(false), &Value::Null)
    );
    assert_eq!(find(&"0".repeat(64)).status, 404);
    assert_eq!(find("nobody").status, 400);

    let page = sees(visitor, &card, "/transactions?limit=1");
    assert_eq!(page["transactions"][0]["type"], "deduction");
    let next = page["next"].as_str().expect("there is another page");
    let rest = sees(visitor, &card, &format!("/transactions?before={next}"));
    assert_eq!((&rest["transactions"][0]["type"], &rest["next"]), (&json!("topup"), &Value::Null));
    assert_eq!(rest["transactions"][0]["stripePaymentIntentId"], stripe.charges(&card)[0].0);
    assert_eq!(sees(visitor, &card, "/audit")["ok"], true);
    for what in ["", "/transactions", "/acts", "/audit", "/export"] {
        assert!(!sees(visitor, &card, what).to_string().contains(card.client.as_str()), "{what}");
    }
    assert!(!shared().said().contains(card.client.as_str()));
}

#[test]
fn a_balance_is_adjusted_once_whatever_is_sent_again() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("admin-adjusts"));
    let card = stripe.card("admin_adjusts");
    first_payment(visitor, &card);
    let gift = json!({"currency": "usd", "amount": 10_000});
    for _ in 0..3 {
        let answer = acts(visitor, &card, "adjust", "gift-1", &gift);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["balances"][0]["balance"], 59_900);
    }
    let other = acts(visitor, &card, "adjust", "gift-1", &json!({"currency": "usd", "amount": 1}));
    assert_eq!((other.status, other.header("content-type")), (422, Some("application/problem+json")));
    let newest = &sees(visitor, &card, "/transactions")["transactions"][0];
    let said = [&newest["type"], &newest["by"], &newest["reason"], &newest["act"]];
    assert_eq!(said, ["adjustment", "Ada", "the client asked", "gift-1"]);
    let act = &sees(visitor, &card, "/acts")["acts"][0];
    assert_eq!(
        (&act["act"], &act["amount"], &act["id"]),
        (&json!("adjust"), &json!(10_000), &json!("gift-1"))
    );
    assert_eq!(visitor.pays("/api/joke", &card.spends()).receipt().credits_remaining.get(), 59_800);
}

#[test]
fn a_frozen_client_is_served_nothing_and_charged_nothing() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("admin-freezes"));
    let card = stripe.card("admin_freezes");
    first_payment(visitor, &card);
    assert_eq!(acts(visitor, &card, "freeze", "f1", &json!({})).json()["frozen"], true);
    for payment in [card.spends(), card.pays(), card.tops_up(60_000)] {
        let answer = visitor.pays("/api/joke", &payment);
        assert_eq!((answer.status, answer.required().accepts.len()), (402, 0), "{answer:?}");
    }
    assert_eq!(acts(visitor, &card, "unfreeze", "u1", &json!({})).json()["frozen"], false);
    assert_eq!(visitor.pays("/api/joke", &card.spends()).status, 200);
    assert_eq!((visitor.reached().len(), stripe.charges(&card).len()), (2, 1));
}

#[test]
fn unused_credits_go_back_to_the_card_and_the_client_can_be_erased() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("admin-refunds"));
    let card = stripe.card("admin_refunds");
    first_payment(visitor, &card);
    let refused = acts(visitor, &card, "erase", "e0", &json!({}));
    assert_eq!(refused.status, 409, "{refused:?}");

    for _ in 0..2 {
        let answer = acts(visitor, &card, "refund", "r1", &json!({"currency": "usd"}));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["balances"][0]["balance"], 0, "taken before Stripe was asked");
    }
    let settled = || (sees(visitor, &card, "")["refunds"] == json!([])).then_some(());
    wait_for(Duration::from_secs(20), || "the refund to be made".to_owned(), settled);
    let refunds = stripe.refunds(&card);
    assert_eq!(refunds.len(), 1, "{refunds:?}");
    assert_eq!(
        (&refunds[0]["amount"], &refunds[0]["payment_intent"]),
        (&json!(499), &json!(stripe.charges(&card)[0].0))
    );

    // Stripe announces what we did ourselves: it is booked once.
    for _ in 0..2 {
        let event = json!({"type": "charge.refunded", "object": refunds[0]["charge"]});
        stripe.posts("/_testbed/webhooks/send", &event.to_string());
    }
    assert_eq!(sees(visitor, &card, "")["balances"][0]["balance"], 0);
    let audit = sees(visitor, &card, "/audit");
    assert_eq!(audit["ok"], true, "{audit}");
    let spent = visitor.pays("/api/joke", &card.spends());
    assert_eq!(spent.json()["error"], "insufficient_credits");

    let export = sees(visitor, &card, "/export");
    assert_eq!(export["history"]["transactions"].as_array().unwrap().len(), 3);
    assert_eq!(export["topUps"][0]["outcome"], "credited");
    assert_eq!(acts(visitor, &card, "erase", "e1", &json!({})).json(), json!({"erased": true}));
    let path = format!("{CLIENTS}/{}", card.account);
    assert_eq!(visitor.asks(with_token(Request::get(&path))).status, 404);
    let again = visitor.pays("/api/joke", &card.pays());
    assert_eq!((again.status, again.receipt().credits_remaining.get()), (200, 49_900), "{again:?}");
}

#[test]
fn a_refund_that_a_crash_cut_off_is_made_once_by_the_alarm() {
    let mut paywall = Paywall::start_raw(config(), Layout::default());
    let stripe = paywall.stripe();
    let card = stripe.card("admin_crash");
    first_payment(paywall.visitor("crash"), &card);
    // Done, and the answer comes too late for the one who asked.
    stripe.breaks(&json!({"match": "POST /v1/refunds", "times": 1, "kind": "delay", "delay_ms": 15_000, "after_commit": true}));
    let answer = acts(paywall.visitor("crash"), &card, "refund", "r1", &json!({"currency": "usd"}));
    assert_eq!(answer.json()["refunds"][0]["state"], "sending", "{answer:?}");
    wait_for(
        Duration::from_secs(10),
        || "the refund to reach Stripe".to_owned(),
        || (!stripe.calls_naming("/v1/refunds").is_empty()).then_some(()),
    );
    paywall.kill();
    stripe.mends();
    paywall.start_again();

    let visitor = paywall.visitor("after");
    let settled = || (sees(visitor, &card, "")["refunds"] == json!([])).then_some(());
    wait_for(Duration::from_mins(1), || sees(visitor, &card, "").to_string(), settled);
    assert_eq!(stripe.refunds(&card).len(), 1);
    let calls = stripe.calls_naming("/v1/refunds");
    assert!(calls.len() > 1, "it was sent again: {calls:?}");
    assert_eq!(sees(visitor, &card, "/audit")["ok"], true);
    assert_eq!(sees(visitor, &card, "")["balances"][0]["balance"], 0);
}

#[test]
fn a_stuck_top_up_is_looked_after_at_once() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("admin-resumes"));
    let card = stripe.card_like("admin_resumes", "pm_card_authenticationRequired");
    let answer = visitor.pays("/api/joke", &card.pays());
    assert_eq!(answer.status, 402, "{answer:?}");
    let open = sees(visitor, &card, "")["topUp"].clone();
    assert_eq!(open["state"], "action");
    let intent = open["stripePaymentIntentId"].as_str().unwrap().to_owned();
    let refused = acts(visitor, &card, "settle", "s1", &json!({}));
    assert_eq!(refused.status, 409, "this Stripe can be asked: {refused:?}");
    stripe.authenticates(&intent, true);
    assert_eq!(acts(visitor, &card, "resume", "w1", &json!({})).status, 200);
    let credited = || (sees(visitor, &card, "")["topUp"].is_null()).then_some(());
    wait_for(Duration::from_secs(20), || "the credit".to_owned(), credited);
    assert_eq!(sees(visitor, &card, "")["balances"][0]["balance"], 50_000);
    let nothing = acts(visitor, &card, "resume", "w2", &json!({}));
    assert_eq!(nothing.status, 409, "{nothing:?}");
}

#[test]
fn an_account_of_a_version_that_knew_fewer_tables_gets_the_others() {
    let mut paywall = Paywall::start_raw(config(), Layout::default());
    let card = paywall.stripe().card("admin_older");
    first_payment(paywall.visitor("older"), &card);
    paywall.kill();
    for database in paywall.databases() {
        let connection = rusqlite::Connection::open(database).expect("a database");
        let newer = "DROP TABLE payback; DROP TABLE act; DROP TABLE report; DROP TABLE report_reach; DROP TABLE report_usage;
            DROP TABLE report_movement; DROP TABLE reported; ALTER TABLE entry DROP COLUMN route;
            ALTER TABLE dispute DROP COLUMN at";
        connection.execute_batch(newer).expect("its tables");
    }
    paywall.start_again();
    let visitor = paywall.visitor("newer");
    assert_eq!(visitor.pays("/api/joke", &card.spends()).receipt().credits_remaining.get(), 49_800);
    let answer = acts(visitor, &card, "adjust", "a1", &json!({"currency": "usd", "amount": 200}));
    assert_eq!(
        (answer.status, &answer.json()["balances"][0]["balance"]),
        (200, &json!(50_000)),
        "{answer:?}"
    );
    assert_eq!(sees(visitor, &card, "/audit")["ok"], true);
}
