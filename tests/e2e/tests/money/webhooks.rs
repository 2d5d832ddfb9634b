//! Who may announce, and whose it is.

use serde_json::json;
use stripe402_e2e::{Card, Config, Paywall, Request, Stripe};
use stripe402_testbed::{Options, Testbed};

use crate::{WEBHOOK_SECRET, config, controls, first_payment, sends, settles_at, shared};

const PATH: &str = "/.well-known/stripe402/webhook";

#[test]
fn a_forged_stale_or_unsigned_delivery_is_refused_and_changes_nothing() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("forged"));
    let card = stripe.card("forged");
    let intent = first_payment(visitor, &card);
    let now =
        i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs())
            .unwrap();

    let event = json!({"type": "payment_intent.succeeded", "object": intent});
    let with = |name: &str, value: serde_json::Value| {
        let mut event = event.clone();
        event[name] = value;
        event
    };
    assert_eq!(sends(shared(), &event), 200);
    assert_eq!(sends(shared(), &with("secret", json!("whsec_another"))), 400);
    assert_eq!(sends(shared(), &with("timestamp", json!(now - 301))), 400);
    assert_eq!(sends(shared(), &with("timestamp", json!(now + 400))), 400);
    let unsigned = visitor.asks(Request::post(PATH, event.to_string()));
    assert_eq!(unsigned.status, 400, "{unsigned:?}");
    for method in ["GET", "PUT", "DELETE"] {
        let answer = visitor.asks(Request::new(method, PATH));
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
    }
    let long = visitor.asks(Request::post(PATH, vec![b'x'; 1_000_001]));
    assert_eq!(long.status, 413, "{long:?}");

    settles_at(visitor, &card, 49_900);
}

#[test]
fn what_concerns_nobody_here_is_confirmed_and_ignored() {
    let stripe = shared().stripe();
    let other = stripe.posts("/v1/customers", "description=another+program");
    assert_eq!(sends(shared(), &json!({"type": "customer.created", "object": other["id"]})), 200);
    let live = json!({"type": "payment_intent.succeeded", "object": {"id": "pi_live", "object": "payment_intent"}, "livemode": true});
    assert_eq!(sends(shared(), &live), 200);
    // A PaymentIntent that Stripe does not know cannot be read: Stripe is to send it again.
    let unknown = json!({"type": "payment_intent.succeeded", "object": {"id": "pi_unknown", "object": "payment_intent"}});
    assert_eq!(sends(shared(), &unknown), 500);
}

#[test]
fn without_a_webhook_secret_there_is_no_endpoint() {
    let paywall = Paywall::start(Config::new());
    let answer = paywall.visitor("no-endpoint").asks(Request::post(PATH, "{}"));
    assert_eq!(answer.status, 404, "{answer:?}");
}

#[test]
fn two_deployments_on_one_stripe_account_credit_only_their_own() {
    let testbed = Testbed::start(Options::default()).expect("the testbed starts");
    let stripe = Stripe::at(&testbed.stripe_url());
    let with = |config: Config| config.var("STRIPE_API_BASE", testbed.stripe_url());
    let ours = Paywall::start(with(config()));
    let theirs =
        Paywall::start(with(config()).secret("SERVER_SECRET", "another-secret-of-at-least-32-bytes-here"));
    for paywall in [&ours, &theirs] {
        let url = format!("http://{}{PATH}", paywall.address());
        controls(stripe, "webhooks", &json!({"url": url, "secret": WEBHOOK_SECRET}));
    }
    let (here, there) = (ours.visitor("ours"), theirs.visitor("theirs"));
    let card = stripe.card("ours");
    let intent = first_payment(here, &card);

    // One card, two deployments: each its own account, its own customer, its own credits.
    let refused = there.pays("/api/joke", &card.pays());
    assert_eq!(refused.status, 402, "{refused:?}");
    assert_eq!(refused.failure().error.as_deref(), Some("This payment method belongs to another customer."));
    let same = stripe.same_card(&card, "theirs");
    let paid = there.pays("/api/joke", &same.pays());
    assert_eq!(paid.status, 200, "{paid:?}");
    let their_client = paid.receipt().client_id;
    assert_ne!(their_client, card.client.as_str());

    stripe.posts("/v1/refunds", &format!("payment_intent={intent}&amount=100"));
    settles_at(here, &card, 49_900 - 10_000);
    let theirs_spend = Card::writes(&json!({"clientId": their_client}));
    assert_eq!(there.pays("/api/joke", &theirs_spend).receipt().credits_remaining.get(), 49_800);
}
