//! `SERVER_SECRET` is rotated: nobody loses credits, with their old client id or without.

use std::time::Duration;

use serde_json::json;
use stripe402_core::protocol::ClientId;
use stripe402_e2e::{Card, Config, Paywall, vectors, wait_for};

const NEXT: &str = "another-hmac-secret-of-more-than-32-bytes!";
const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";

/// A configuration that health tells from the others, by the number of its routes.
fn config(more: i64) -> Config {
    let routes: serde_json::Map<_, _> =
        (0..more).map(|nth| (format!("GET /route/{nth}"), json!({"amount": 100}))).collect();
    let config = Config::new().routes(&routes.into()).var("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET);
    config.in_a_file_of_its_own()
}

fn rotate(paywall: &mut Paywall, config: Config, routes: i64) {
    paywall.reconfigure(config, |health| health.status == 200 && health.json()["routes"] == routes);
}

#[test]
fn nobody_loses_credits() {
    let mut paywall = Paywall::start(config(0));
    let routes =
        paywall.visitor("rotation").gets("/.well-known/stripe402/health").json()["routes"].as_i64().unwrap();
    let stripe = paywall.stripe();
    let names = ["rotated_method", "rotated_card", "rotated_id", "rotated_late"];
    let [same, card, id, late] = names.map(|name| stripe.card(name));
    for card in [&same, &card, &id, &late] {
        let answer = paywall.visitor("before").pays("/api/joke", &card.pays());
        assert_eq!((answer.status, answer.receipt().credits_remaining.get()), (200, 49_900));
    }
    let before = vectors::text("serverSecret");
    let rotated = |more| config(more).secret("SERVER_SECRET", NEXT).secret("SERVER_SECRET_PREVIOUS", before);
    rotate(&mut paywall, rotated(1), routes + 1);
    let visitor = paywall.visitor("rotated");
    let spent = |card: &Card, payment: &str, left: i64| {
        let answer = visitor.pays("/api/joke", payment);
        assert_eq!(answer.status, 200, "{answer:?}");
        let receipt = answer.receipt();
        assert_eq!((receipt.credits_remaining.get(), receipt.charge_id), (left, None));
        assert_eq!(
            receipt.client_id,
            card.client.as_str(),
            "the old account goes on under its old client id"
        );
        assert_eq!(stripe.charges(card).len(), 1, "nothing was charged anew");
    };

    // Attached before: Stripe's metadata says whose it is, under the tag of that time.
    spent(&same, &same.pays(), 49_800);
    // The card typed in anew: its fingerprint says.
    let again = stripe.same_card(&card, "rotated_card_again");
    spent(&card, &again.pays(), 49_800);
    spent(&card, &again.pays(), 49_700);
    // The client id that was kept.
    spent(&id, &id.spends(), 49_800);

    // Who was never here gets an id under the new secret.
    let new = stripe.card("rotated_new");
    let receipt = visitor.pays("/api/joke", &new.pays()).receipt();
    let under_next = ClientId::derive(NEXT.as_bytes(), &new.fingerprint);
    assert_eq!((receipt.client_id.as_str(), receipt.credits_remaining.get()), (under_next.as_str(), 49_900));

    // What Stripe announces of a charge before the rotation is still ours.
    let url = format!("http://{}/.well-known/stripe402/webhook", paywall.address());
    stripe.posts("/_testbed/webhooks", &json!({"url": url, "secret": WEBHOOK_SECRET}).to_string());
    let (intent, ..) = &stripe.charges(&id)[0];
    stripe.posts("/v1/refunds", &format!("payment_intent={intent}&amount=100"));
    wait_for(
        Duration::from_secs(20),
        || "the refund to be booked".to_owned(),
        || (visitor.pays("/api/joke", &id.spends()).receipt().credits_remaining.get() < 40_000).then_some(()),
    );

    // Without the previous secret a card typed in anew is a stranger's: that is what it is for.
    rotate(&mut paywall, config(2).secret("SERVER_SECRET", NEXT), routes + 2);
    let visitor = paywall.visitor("forgotten");
    let stranger = stripe.same_card(&late, "rotated_late_again");
    let answer = visitor.pays("/api/joke", &stranger.pays());
    assert_eq!(answer.receipt().client_id, ClientId::derive(NEXT.as_bytes(), &late.fingerprint).as_str());
    let spent = visitor.pays("/api/joke", &late.spends()).receipt();
    assert_eq!(spent.credits_remaining.get(), 49_800, "the old client id works for ever");

    // What is attached, and what Stripe announces, names the account: under whichever secret that was.
    let attached = visitor.pays("/api/joke", &same.pays());
    assert_eq!(attached.status, 200, "{attached:?}");
    let receipt = attached.receipt();
    assert_eq!((receipt.client_id.as_str(), receipt.charge_id), (same.client.as_str(), None));
    let (intent, ..) = &stripe.charges(&same)[0];
    stripe.posts("/v1/refunds", &format!("payment_intent={intent}&amount=100"));
    wait_for(
        Duration::from_secs(20),
        || "the refund to be booked".to_owned(),
        || {
            let receipt = visitor.pays("/api/joke", &same.spends()).receipt();
            (receipt.credits_remaining.get() < 40_000).then_some(())
        },
    );
}
