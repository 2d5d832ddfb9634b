//! A write whose outcome is not known: the same bytes again under the same key, at most four times within two
//! minutes, and after that nothing is posted any more.

use stripe402_core::protocol::ErrorCode;
use stripe402_edge::ledger::account::Told;
use stripe402_edge::ledger::topup::{Call, StripeSide};
use stripe402_edge::stripe::Reply;

use super::given::{
    MINUTE, SECOND, World, answer, card, is_pending, is_post, known_card, line, paid, refused, side, usd,
};
use crate::support::replies::{
    self, Intent, already_attached, attached, customer, declined, error, html, in_use, server_error,
    stored_error,
};

/// Every answer that leaves it open whether a charge happened.
fn unknowns() -> Vec<Reply> {
    let lock = replies::refused(429, "lock_timeout", "-", "This object cannot be accessed right now");
    let mut open = serde_json::json!({ "error": { "type": "card_error", "code": "card_declined" } });
    open["error"]["payment_intent"] = serde_json::json!({ "id": "pi_1", "status": "processing" });
    vec![
        Reply::Lost,
        server_error(),
        error(503, "api_error"),
        html(502),
        html(200),
        html(400),
        in_use(),
        lock,
        error(429, "api_error"),
        error(401, "invalid_request_error"),
        error(403, "invalid_request_error"),
        error(418, "api_error"),
        replies::answered(402, &open),
        replies::answered(200, &serde_json::json!({ "id": "pi_1" })),
    ]
}

fn lose(world: &World, call: &Call) {
    let lost = world.reply(call, Reply::Lost, &[]);
    assert_eq!((lost.call, lost.outcome), (None, None));
}

#[test]
fn the_same_bytes_go_out_again_after_1_5_and_25_seconds_and_never_a_fifth_time() {
    for unknown in unknowns() {
        let mut world = World::new();
        let pay = card(1, "pm_1");
        let first = world.charging(&pay);
        let mut last = first.clone();
        let mut pauses = Vec::new();
        for _ in 0..3 {
            let told = world.reply(&last, unknown.clone(), &[&pay]);
            assert_eq!(
                (told.call, told.outcome, told.answers),
                (None, None, vec![Told::Wait]),
                "{unknown:?}"
            );
            assert!(told.failure.is_some());
            pauses.push(world.due_in().unwrap());
            last = world.alarm(&[]).call.unwrap();
            assert_eq!(last.request, first.request, "the very same request, key and all");
            assert_ne!(last.verb, first.verb, "but its reply is told from the first one's");
        }
        assert_eq!(pauses, [SECOND, 5 * SECOND, 25 * SECOND]);
        let given_up = world.reply(&last, unknown.clone(), &[&pay]);
        assert!(is_pending(answer(&given_up.answers[0])), "{unknown:?}");
        assert!(line(&given_up.call.unwrap()).starts_with("GET /v1/payment_intents?customer=cus_1&"));
    }
}

#[test]
fn what_a_resend_finds_out_counts_as_if_it_were_the_first() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let call = world.charging(&pay);
    lose(&world, &call);
    let again = world.alarm(&[]).call.unwrap();
    let done = world.reply(&again, replies::replayed(Intent::new("pi_1", "succeeded").reply()), &[&pay]);
    assert_eq!(paid(&done.answers[0]), (49_900, Some("pi_1")));

    let mut world = World::new();
    let call = world.charging(&pay);
    lose(&world, &call);
    let again = world.alarm(&[]).call.unwrap();
    let done = world.reply(&again, replies::replayed(declined("generic_decline", "Declined.")), &[&pay]);
    assert_eq!(refused(answer(&done.answers[0])), (ErrorCode::CardDeclined, "Declined."));
}

#[test]
fn a_refusal_of_a_resend_says_nothing_of_the_first_send() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let call = world.charging(&pay);
    lose(&world, &call);
    let again = world.alarm(&[]).call.unwrap();
    let told = world.reply(&again, replies::refused(400, "resource_missing", "customer", "gone"), &[&pay]);
    assert_eq!((told.outcome, told.answers), (None, vec![Told::Wait]));
    assert_eq!(world.outcomes(), ["-"], "the first send may have charged");
}

#[test]
fn a_reply_to_a_send_before_the_last_is_not_mistaken_for_the_last_ones() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let first = world.charging(&pay);
    lose(&world, &first);
    world.alarm(&[]).call.unwrap();
    let before = world.open();
    let late = world.reply(&first, replies::refused(400, "amount_too_small", "amount", "no"), &[&pay]);
    assert_eq!((late.call, late.answers), (None, vec![Told::Wait]));
    assert_eq!(world.open(), before);
}

#[test]
fn nothing_is_sent_again_whose_pause_would_end_after_the_two_minutes() {
    for (late, again) in [(119 * SECOND - 1, true), (119 * SECOND, false)] {
        let mut world = World::new();
        let call = world.charging(&card(1, "pm_1"));
        world.later(late);
        let told = world.reply(&call, Reply::Lost, &[]);
        assert_eq!(
            told.call.is_none() && told.outcome.is_none(),
            again,
            "answered after {late} ms: {told:?}"
        );
    }
}

#[test]
fn a_stored_server_error_is_asked_for_once_more_and_then_looked_up() {
    let mut world = World::new();
    let call = world.charging(&card(1, "pm_1"));
    world.reply(&call, server_error(), &[]);
    let second = world.alarm(&[]).call.unwrap();
    world.reply(&second, stored_error(), &[]);
    let third = world.alarm(&[]).call.unwrap();
    assert_eq!(third.request, call.request);
    let looked = world.reply(&third, stored_error(), &[]);
    assert!(line(&looked.call.unwrap()).starts_with("GET /v1/payment_intents?"));
}

#[test]
fn a_key_that_met_other_parameters_is_not_sent_again() {
    let mut world = World::new();
    let call = world.charging(&card(1, "pm_1"));
    let looked = world.reply(&call, error(400, "idempotency_error"), &[]);
    assert!(line(&looked.call.unwrap()).starts_with("GET /v1/payment_intents?"));
}

#[test]
fn when_a_crash_swallows_every_reply_the_alarm_sends_again_and_then_looks() {
    let mut world = World::new();
    let first = world.charging(&card(1, "pm_1"));
    let began = world.now;
    let mut sent = Vec::new();
    loop {
        let call = world.alarm(&[]).call.unwrap();
        if !is_post(Some(&call)) {
            break;
        }
        assert_eq!(call.request, first.request);
        sent.push(world.now.since(began) / SECOND);
    }
    assert_eq!(sent, [25, 50, 75]);
    assert_eq!(world.now.since(began), 100 * SECOND);
}

#[test]
fn an_account_that_was_gone_for_two_minutes_posts_nothing() {
    for (gone, posts) in [(2 * MINUTE - 1, true), (2 * MINUTE, false), (600 * MINUTE, false)] {
        let mut world = World::new();
        world.charging(&card(1, "pm_1"));
        world.later(gone);
        assert_eq!(is_post(world.wake(&[]).call.as_ref()), posts, "{gone} ms");
    }
}

#[test]
fn an_alarm_before_its_time_does_nothing() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    world.charging(&pay);
    let (before, changed) = (world.open(), world.store.rows_changed());
    world.later(25 * SECOND - 1);
    let early = world.wake(&[&pay]);
    assert_eq!((early.call, early.answers), (None, vec![Told::Wait]));
    assert_eq!((world.open(), world.store.rows_changed()), (before, changed));
}

#[test]
fn what_changed_meanwhile_in_our_settings_does_not_change_a_resend() {
    let mut world = World::new();
    let call = world.charging(&card(1, "pm_1"));
    lose(&world, &call);
    // A deploy: a later API version. The account and the mode are the same.
    world.side = StripeSide { version: "2027-01-01.next".to_owned(), ..side("51Example", false) };
    let again = world.alarm(&[]).call.unwrap();
    assert_eq!(again.request, call.request);
    assert_eq!(
        world.open()["side"]["version"],
        "2026-07-29.dahlia",
        "the version that the bytes were made for"
    );
}

#[test]
fn customer_and_attach_are_sent_again_too_and_let_go_since_they_move_no_money() {
    for attaching in [false, true] {
        let mut world = World::new();
        let pay = card(1, "pm_1");
        let mut call = world.drives(&pay);
        if attaching {
            call = world.next(&call, customer("cus_1"));
        }
        let first = call.request.clone();
        for _ in 0..3 {
            lose(&world, &call);
            call = world.alarm(&[]).call.unwrap();
            assert_eq!(call.request, first);
        }
        let over = world.reply(&call, Reply::Lost, &[&pay]);
        assert!(is_pending(answer(&over.answers[0])), "never called a failure of the card");
        assert_eq!((over.call, world.outcomes()), (None, vec!["never_happened".to_owned()]));
        // The payer's retry begins anew; with what was made, if it was.
        world.later(MINUTE);
        let pay = if attaching { known_card(2, "pm_1") } else { card(2, "pm_1") };
        let call = world.drives(&pay);
        assert_eq!(call.request.path, if attaching { "/v1/payment_intents" } else { "/v1/customers" });
    }
}

#[test]
fn a_stored_server_error_at_the_customer_locks_nobody_out() {
    // Stripe keeps a 500 under its key for a day at least. The next payment must not meet it again.
    let mut world = World::new();
    let call = world.drives(&card(1, "pm_1"));
    let key = call.request.key.clone();
    world.reply(&call, server_error(), &[]);
    let call = world.alarm(&[]).call.unwrap();
    world.reply(&call, stored_error(), &[]);
    let call = world.alarm(&[]).call.unwrap();
    world.reply(&call, stored_error(), &[]);
    assert_eq!(world.outcomes(), ["never_happened"]);

    world.later(MINUTE);
    let call = world.drives(&card(2, "pm_1"));
    assert_eq!(call.request.path, "/v1/customers");
    assert_ne!(call.request.key, key, "the key under which Stripe keeps a 500");
}

#[test]
fn a_customer_whose_answer_was_lost_is_not_made_twice() {
    let mut world = World::new();
    let first = world.drives(&card(1, "pm_1"));
    let mut call = first.clone();
    for _ in 0..3 {
        lose(&world, &call);
        call = world.alarm(&[]).call.unwrap();
    }
    world.reply(&call, Reply::Lost, &[]);
    world.later(MINUTE);
    let again = world.drives(&card(2, "pm_1"));
    assert_eq!(again.request, first.request, "the same key: Stripe gives the same Customer");
}

#[test]
fn an_attach_that_went_through_unseen_is_no_other_customers() {
    // The card was looked up before another request attached it to the very Customer that this one attaches it to.
    let mut world = World::credited();
    let late = card(1, "pm_2");
    let call = world.drives(&card(2, "pm_2"));
    world.reply(&call, attached("pm_2", "cus_1"), &[]);
    let call = world.drives(&late);
    assert!(call.request.path.ends_with("/pm_2/attach"));
    let told = world.reply(&call, already_attached(), &[&late]);
    let told = match told.call {
        // It may ask Stripe whose it is ...
        Some(read) => world.reply(&read, attached("pm_2", "cus_1"), &[&late]),
        None => told,
    };
    // ... or know. Either way it is ours, and pays.
    assert_eq!(paid(&told.answers[0]), (49_900, None));
    assert_eq!(world.balance(usd()), 49_900);
}
