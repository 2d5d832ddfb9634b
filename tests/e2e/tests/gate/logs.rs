//! What the operator reads afterwards: a line for each decision, a data point for each line, and nothing in either that
//! could be spent.

use std::time::Duration;

use serde_json::{Value, json};
use stripe402_e2e::{Config, Layout, Paywall, Request, vectors, wait_for};

use crate::given::{config, sends};

/// A data set that says what is written into it.
const MEASURED: &str = "import worker, { Account } from './index.js';
  const METRICS = { writeDataPoint: (point) => console.log('POINT ' + JSON.stringify(point)) };
  export { Account };
  export default { fetch: (request, env, ctx) => worker.fetch(request, { ...env, METRICS }, ctx) };";

fn routes() -> Config {
    config().routes(&json!({ "GET /status/:code": { "amount": 100 }, "GET /free": { "amount": 0 } }))
}

fn points(paywall: &Paywall) -> Vec<Value> {
    let json = |line: &str| serde_json::from_str(line.split_once("POINT ")?.1).ok();
    paywall.said().lines().filter_map(json).collect()
}

fn lines(paywall: &Paywall) -> Vec<Value> {
    let is_line = |value: &Value| value.get("stripe402").is_some();
    let all = paywall.said();
    all.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(is_line).collect()
}

/// What was said, once there is so much of it: it comes through a pipe, after the answers.
fn awaited(paywall: &Paywall, count: usize, said: fn(&Paywall) -> Vec<Value>) -> Vec<Value> {
    wait_for(
        Duration::from_secs(10),
        || format!("{count} of them; it said:\n{}", paywall.said()),
        || Some(said(paywall)).filter(|said| said.len() == count),
    )
}

#[test]
fn each_decision_is_a_line_and_a_data_point() {
    let paywall = Paywall::start_raw(routes(), Layout::new().around_is(MEASURED).heard());
    let stripe = paywall.stripe();
    let (card, bad) = (stripe.card("logged"), stripe.card_like("logged_bad", "pm_card_chargeCustomerFail"));
    let (intent, gone) = (|card| stripe.payment_intents(card)[0]["id"].clone(), stripe.card("logged_gone"));
    let started = lines(&paywall).len();
    for request in [
        Request::get("/api/health"),
        Request::get("/free"),
        Request::get("/api/joke"),
        Request::get("/api/joke").payment(card.pays()),
        Request::get("/api/joke").payment(card.spends()),
        Request::get("/status/500").payment(card.spends()),
        Request::get("/api/joke").payment(bad.pays()),
        Request::get("/api/joke").payment(gone.spends()),
        Request::get("/api/joke").payment("nonsense"),
        Request::post("/.well-known/stripe402/top-up", r#"{"route":"GET /api/joke"}"#).payment(card.pays()),
    ] {
        sends(&paywall, request);
    }
    let lines = awaited(&paywall, started + 10, lines).split_off(started);
    let short = |account: &str| json!(account[..12]);
    let (joke, status) = (json!("GET /api/joke"), json!("GET /status/:code"));
    let (account, none) = (short(card.account.as_str()), Value::Null);
    let rows = [
        ("free", 200, &none, &none, &none, &none),
        ("free", 404, &json!("GET /free"), &none, &none, &none),
        ("challenge", 402, &joke, &none, &none, &none),
        ("paid", 200, &joke, &json!(100), &account, &intent(&card)),
        ("paid", 200, &joke, &json!(100), &account, &none),
        ("reversed", 500, &status, &none, &account, &none),
        ("refused", 402, &joke, &none, &short(bad.account.as_str()), &none),
        ("refused", 402, &joke, &none, &none, &none),
        ("refused", 402, &joke, &none, &none, &none),
        ("top-up", 200, &joke, &none, &account, &stripe.payment_intents(&card)[1]["id"]),
    ];
    for (line, (decision, status, route, units, account, charge)) in lines.iter().zip(rows) {
        let said = (&line["stripe402"], &line["status"], &line["route"], &line["units"]);
        assert_eq!(said, (&json!(decision), &json!(status), route, units), "{line}");
        assert_eq!((&line["account"], &line["charge"]), (account, charge), "{line}");
        assert!(line["ms"].is_u64() && line["method"].is_string(), "{line}");
        let asked_stripe = *charge != Value::Null || line["account"] == short(bad.account.as_str());
        assert_eq!(line["stripe_request"].is_string(), asked_stripe, "{line}");
    }
    // The request that decided is the last one, not the one that looked whose card it is.
    let (_, last) = stripe.requests().into_iter().rfind(|(word, _)| word == "charge").unwrap();
    assert_eq!(lines[9]["stripe_request"], last);

    let points = awaited(&paywall, started + lines.len(), points).split_off(started);
    for (point, line) in points.iter().zip(&lines) {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let blobs = ["stripe402", "route", "method", "currency"].map(text);
        assert_eq!(point["indexes"], json!([blobs[0]]));
        assert_eq!(point["blobs"], json!(blobs));
        let units = line["units"].as_i64().unwrap_or(0);
        assert_eq!(point["doubles"], json!([units, line["status"], line["ms"]]));
    }
}

#[test]
fn what_nobody_paid_for_can_be_left_out_of_the_log_and_is_counted_all_the_same() {
    let config = routes().var("LOG_UNPAID", "off").var("ORIGIN_TIMEOUT_MS", 300);
    let paywall = Paywall::start_raw(config, Layout::new().around_is(MEASURED).heard());
    let card = paywall.stripe().card("quiet");
    for (target, payment) in
        [("/api/health", None), ("/api/joke", None), ("/api/joke", Some(card.pays())), ("/slow?ms=900", None)]
    {
        let request = Request::get(target);
        sends(&paywall, payment.into_iter().fold(request, Request::payment));
    }
    let lines = awaited(&paywall, 2, lines);
    let told = |line: &Value| (line["stripe402"].clone(), line["status"].clone());
    assert_eq!(
        lines.iter().map(told).collect::<Vec<_>>(),
        [
            (json!("paid"), json!(200)),
            (json!("free"), json!(504)), // what went wrong is told in any case
        ]
    );
    awaited(&paywall, 4, points);
}

#[test]
fn nothing_that_could_be_spent_stands_in_the_log() {
    const SECRETS: [(&str, &str); 4] = [
        ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdef0123456789abcdef"),
        ("ORIGIN_SECRET", "an-origin-secret-of-at-least-32-bytes"),
        ("ADMIN_TOKEN", "an-admin-token-of-at-least-32-bytes!"),
        ("SERVER_SECRET_PREVIOUS", "a-previous-secret-of-at-least-32-bytes"),
    ];
    let config = SECRETS
        .iter()
        .fold(routes().var("TOP_UP_WAIT_MS", 400), |config, (name, value)| config.secret(name, value));
    let paywall = Paywall::start_raw(config, Layout::new().heard());
    let stripe = paywall.stripe();
    let card = stripe.card("told_nobody");
    let declined = stripe.card_like("told_declined", "pm_card_chargeCustomerFail");
    let bank = stripe.card_like("told_bank", "pm_card_threeDSecure2Required");
    let unsure = stripe.card("told_unsure");
    let mut payments = Vec::new();
    let mut asks = |target: &str, payment: String| {
        let answer = sends(&paywall, Request::get(target).payment(payment.clone()));
        payments.push(payment);
        answer.status
    };
    assert_eq!(asks("/api/joke", card.pays()), 200);
    assert_eq!(asks("/status/500", card.spends_or_pays()), 500);
    assert_eq!(asks("/api/joke", declined.pays()), 402);
    assert_eq!(asks("/api/joke", bank.pays()), 402);
    assert_eq!(asks("/api/joke", unsure.spends()), 402);
    assert_eq!(asks("/api/joke", stripe402_e2e::Card::new("pm_nobody_knows_it", "fp_x").pays()), 402);
    assert_eq!(asks("/api/joke", format!("{}!", card.spends())), 402);
    stripe.breaks(&json!({"match": "POST /v1/payment_intents", "kind": "status", "status": 500, "times": 9}));
    assert_eq!(asks("/api/joke", unsure.pays()), 503);
    let forged =
        Request::post("/.well-known/stripe402/webhook", "{}").header("stripe-signature", "t=1,v1=ab");
    assert_eq!(sends(&paywall, forged).status, 400);
    let wrong =
        Request::get("/.well-known/stripe402/admin/clients/x").header("authorization", "Bearer wrong-token");
    assert_eq!(sends(&paywall, wrong).status, 401);
    // Of a failure it is told whose it was, and under which name Stripe knows it.
    let is_told =
        |line: &&str| line.contains(unsure.account.short()) && line.contains("a call to Stripe failed");
    let failed = wait_for(
        Duration::from_secs(20),
        || format!("the call that failed; it said:\n{}", paywall.said()),
        || paywall.said().lines().find(is_told).map(ToOwned::to_owned),
    );
    assert!(failed.contains("(req_"), "{failed}");
    let said = paywall.said();
    let mut secrets: Vec<&str> = SECRETS.iter().map(|(_, value)| *value).collect();
    secrets.extend([vectors::text("serverSecret"), "sk_test_testbed", "wrong-token", "_secret_"]);
    for card in [&card, &declined, &bank, &unsure] {
        secrets.extend([card.client.as_str(), card.method.as_str(), &card.fingerprint]);
    }
    secrets.push("pm_nobody_knows_it");
    secrets.extend(payments.iter().map(String::as_str));
    for secret in secrets {
        assert!(!said.contains(secret), "{secret} stands in the log:\n{said}");
    }
}
