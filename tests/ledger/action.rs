//! 3-D Secure: the payer is told what to do, comes back, and is credited once; what the payer could still finish is
//! cancelled before anything else is charged.

use serde_json::json;
use stripe402_core::protocol::{ErrorCode, PaymentMethodId};
use stripe402_edge::ledger::account::Told;
use stripe402_edge::ledger::topup::Call;
use stripe402_edge::ledger::{Answer, Pay, Refused};
use stripe402_edge::stripe::Reply;

use super::given::{
    HOUR, MINUTE, SECOND, World, answer, card, eur, for_price, id, in_currency, is_pending, known_card, line,
    paid, usd,
};
use crate::support::replies::{Intent, refused, server_error};

fn open() -> Reply {
    Intent::new("pi_1", "requires_action").reply()
}

fn succeeded() -> Reply {
    Intent::new("pi_1", "succeeded").reply()
}

/// What the payer was told to do.
fn secret(told: &Told) -> Option<&str> {
    match answer(told) {
        Answer::Refused(Refused { code: ErrorCode::PaymentFailed, message, client_secret, .. }) => {
            assert_eq!(message, "Payment did not succeed. Status: requires_action");
            client_secret.as_deref()
        }
        other => panic!("no action: {other:?}"),
    }
}

/// A first payment with `pm_1` whose bank asks for 3-D Secure; the payer was told.
fn asked() -> World {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let call = world.charging(&pay);
    let told = world.reply(&call, open(), &[&pay]);
    assert_eq!((told.call, secret(&told.answers[0])), (None, Some("pi_1_secret_x")));
    world
}

/// The payer comes back with this: the PaymentIntent is read first.
fn comes_back(world: &mut World, pay: &Pay) -> Call {
    let read = world.drives(pay);
    assert_eq!(line(&read), "GET /v1/payment_intents/pi_1 -");
    read
}

fn assert_cancels(call: Option<Call>, nth: u32) -> Call {
    let call = call.expect("a cancel");
    let key = format!("{}.1.cancel.{nth}", id(1).as_str());
    assert_eq!(line(&call), format!("POST /v1/payment_intents/pi_1/cancel {key}"));
    call
}

#[test]
fn the_payer_is_told_and_has_an_hour() {
    let world = asked();
    assert_eq!(world.due_in(), Some(HOUR));
    assert_eq!((world.outcomes(), world.entries().len()), (vec!["-".to_owned()], 0));
    assert!(!world.open().to_string().contains("_secret_"), "the secret is Stripe's to keep");
}

#[test]
fn the_same_payment_again_is_told_the_same_action_as_long_as_it_waits() {
    let mut world = asked();
    for number in 2..5 {
        world.later(10 * MINUTE);
        let pay = known_card(number, "pm_1");
        let read = comes_back(&mut world, &pay);
        let told = world.reply(&read, open(), &[&pay]);
        assert_eq!((told.call, secret(&told.answers[0])), (None, Some("pi_1_secret_x")));
    }
    assert_eq!(world.due_in(), Some(30 * MINUTE), "the hour counts from the first time");
}

#[test]
fn once_the_payer_is_through_the_retry_is_credited_and_debited() {
    let mut world = asked();
    world.later(MINUTE);
    let pay = known_card(2, "pm_1");
    let read = comes_back(&mut world, &pay);
    let done = world.reply(&read, succeeded(), &[&pay]);
    assert_eq!(paid(&done.answers[0]), (49_900, Some("pi_1")));
    assert_eq!(world.outcomes(), ["credited"]);
}

#[test]
fn the_same_payment_is_known_by_the_card_as_sent_or_as_returned() {
    let mut world = World::new();
    let alias = PaymentMethodId::parse("pm_card_3ds").unwrap();
    let pay = Pay { sent: alias.clone(), ..card(1, "pm_1") };
    let call = world.charging(&pay);
    world.reply(&call, open(), &[&pay]);
    for again in [Pay { sent: alias, ..card(2, "pm_2") }, known_card(3, "pm_1")] {
        let read = comes_back(&mut world, &again);
        let told = world.reply(&read, open(), &[&again]);
        assert_eq!(secret(&told.answers[0]), Some("pi_1_secret_x"));
    }
}

#[test]
fn any_other_payment_cancels_first_and_only_then_charges() {
    let others = [
        ("another card", card(2, "pm_2")),
        ("another currency", in_currency(eur(), known_card(2, "pm_1"))),
        ("more than this charge can pay", {
            let mut pay = for_price(50_001, known_card(2, "pm_1"));
            pay.offer.asked = stripe402_core::protocol::Units::new(60_000);
            pay
        }),
    ];
    for (why, other) in others {
        let mut world = asked();
        let read = comes_back(&mut world, &other);
        let told = world.reply(&read, open(), &[&other]);
        assert_eq!(told.answers, [Told::Wait], "{why}");
        let cancel = assert_cancels(told.call, 1);
        let over = world.reply(&cancel, Intent::new("pi_1", "canceled").reply(), &[&other]);
        assert!(matches!(over.answers[0], Told::AskAgain { .. }), "{why}");
        assert_eq!(world.outcomes(), ["canceled"]);
        world.later(1);
        let next = world.drives(&other);
        assert!(next.request.key.unwrap().starts_with(id(3).as_str()), "{why}: a top-up of its own");
    }
}

#[test]
fn a_payment_that_the_charge_and_the_balance_cover_together_is_the_same() {
    let mut world = World::credited();
    let pay = for_price(60_000, known_card(1, "pm_1"));
    let call = world.charges(&pay);
    world.reply(&call, open(), &[&pay]);
    let again = for_price(100_000, known_card(2, "pm_1"));
    let read = comes_back(&mut world, &again);
    let told = world.reply(&read, open(), &[&again]);
    assert_eq!(secret(&told.answers[0]), Some("pi_1_secret_x"));
}

#[test]
fn another_payment_meets_the_success_and_is_paid_by_it() {
    let mut world = asked();
    let other = for_price(200, known_card(2, "pm_9"));
    let read = comes_back(&mut world, &other);
    let done = world.reply(&read, succeeded(), &[&other]);
    assert_eq!((paid(&done.answers[0]), world.outcomes()), ((49_800, None), vec!["credited".to_owned()]));
}

#[test]
fn after_an_hour_the_alarm_cancels() {
    let mut world = asked();
    let read = world.alarm(&[]).call.unwrap();
    assert_eq!(line(&read), "GET /v1/payment_intents/pi_1 -");
    let cancel = assert_cancels(world.reply(&read, open(), &[]).call, 1);
    world.reply(&cancel, Intent::new("pi_1", "canceled").reply(), &[]);
    assert_eq!(world.outcomes(), ["canceled"]);
}

#[test]
fn after_an_hour_the_same_payment_is_not_told_the_old_action() {
    let mut world = asked();
    world.later(HOUR);
    let pay = known_card(2, "pm_1");
    let read = comes_back(&mut world, &pay);
    let told = world.reply(&read, open(), &[&pay]);
    assert_eq!(told.answers, [Told::Wait]);
    assert_cancels(told.call, 1);
}

#[test]
fn a_cancel_that_loses_against_a_success_credits() {
    let cannot =
        refused(400, "payment_intent_unexpected_state", "intent", "You cannot cancel this PaymentIntent");
    for reply in [cannot, Reply::Lost, server_error(), succeeded()] {
        let mut world = asked();
        let read = world.alarm(&[]).call.unwrap();
        let cancel = assert_cancels(world.reply(&read, open(), &[]).call, 1);
        let after = world.reply(&cancel, reply.clone(), &[]);
        assert_eq!(after.failure.is_some(), reply != succeeded(), "the log is told: {reply:?}");
        let again = after.call.unwrap();
        assert_eq!(line(&again), "GET /v1/payment_intents/pi_1 -", "{reply:?}");
        world.reply(&again, succeeded(), &[]);
        assert_eq!(
            (world.outcomes(), world.balance(usd())),
            (vec!["credited".to_owned()], 50_000),
            "{reply:?}"
        );
    }
}

#[test]
fn a_cancel_that_did_nothing_is_repeated_under_a_new_key_after_a_pause() {
    let mut world = asked();
    let read = world.alarm(&[]).call.unwrap();
    let cancel = assert_cancels(world.reply(&read, open(), &[]).call, 1);
    let read = world.reply(&cancel, server_error(), &[]).call.unwrap();
    let rest = world.reply(&read, open(), &[]);
    assert_eq!(rest.call, None, "not in a tight circle");
    let read = world.alarm(&[]).call.unwrap();
    assert_cancels(world.reply(&read, open(), &[]).call, 2);
}

#[test]
fn a_cancel_that_a_crash_swallowed_is_found_by_a_read() {
    let mut world = asked();
    let read = world.alarm(&[]).call.unwrap();
    assert_cancels(world.reply(&read, open(), &[]).call, 1);
    assert_eq!(world.due_in(), Some(25 * SECOND));
    let read = world.alarm(&[]).call.unwrap();
    assert_eq!(line(&read), "GET /v1/payment_intents/pi_1 -");
    world.reply(&read, Intent::new("pi_1", "canceled").reply(), &[]);
    assert_eq!(world.outcomes(), ["canceled"]);
}

#[test]
fn a_payer_who_failed_at_the_bank_starts_anew_after_the_cancel() {
    let mut world = asked();
    let pay = known_card(2, "pm_1");
    let read = comes_back(&mut world, &pay);
    let failed = Intent::new("pi_1", "requires_payment_method").reply();
    let cancel = assert_cancels(world.reply(&read, failed, &[&pay]).call, 1);
    let over = world.reply(&cancel, Intent::new("pi_1", "canceled").reply(), &[&pay]);
    assert!(matches!(over.answers[0], Told::AskAgain { .. }));
    world.later(1);
    let call = world.charges(&pay);
    assert!(call.request.key.unwrap().starts_with(id(3).as_str()));
}

#[test]
fn what_is_still_being_settled_after_3_d_secure_is_followed() {
    let mut world = asked();
    let pay = known_card(2, "pm_1");
    let read = comes_back(&mut world, &pay);
    let told = world.reply(&read, Intent::new("pi_1", "processing").reply(), &[&pay]);
    assert!(is_pending(answer(&told.answers[0])));
    let read = world.alarm(&[]).call.unwrap();
    world.reply(&read, succeeded(), &[]);
    assert_eq!(world.balance(usd()), 50_000);
}

#[test]
fn a_read_that_failed_leaves_the_action_as_it_was() {
    let mut world = asked();
    let pay = known_card(2, "pm_1");
    world.later(MINUTE);
    let read = comes_back(&mut world, &pay);
    let told = world.reply(&read, Reply::Lost, &[&pay]);
    assert!(is_pending(answer(&told.answers[0])));
    assert!(told.failure.is_some(), "the log is told");
    assert_eq!(world.due_in(), Some(59 * MINUTE));
    let read = comes_back(&mut world, &pay);
    let told = world.reply(&read, open(), &[&pay]);
    assert_eq!(secret(&told.answers[0]), Some("pi_1_secret_x"));
}

#[test]
fn a_read_before_a_cancel_is_repeated_until_it_is_answered() {
    let mut world = asked();
    let read = world.alarm(&[]).call.unwrap();
    assert_eq!(world.reply(&read, Reply::Lost, &[]).call, None);
    assert_eq!(world.due_in(), Some(30 * SECOND));
    let read = world.alarm(&[]).call.unwrap();
    assert_cancels(world.reply(&read, open(), &[]).call, 1);
}

#[test]
fn two_who_come_back_at_once_are_one_read_and_both_are_told() {
    let mut world = asked();
    let (one, two, other) = (known_card(2, "pm_1"), known_card(3, "pm_1"), card(4, "pm_2"));
    let read = comes_back(&mut world, &one);
    world.joins(&two);
    world.joins(&other);
    let told = world.reply(&read, open(), &[&one, &two, &other]);
    assert_eq!(secret(&told.answers[0]), Some("pi_1_secret_x"));
    assert_eq!(secret(&told.answers[1]), Some("pi_1_secret_x"));
    assert!(matches!(told.answers[2], Told::AskAgain { .. }), "whose own turn then cancels");
}

#[test]
fn those_who_waited_for_the_charge_with_another_card_ask_again() {
    let mut world = World::new();
    let (pay, other) = (card(1, "pm_1"), card(2, "pm_2"));
    let call = world.charging(&pay);
    let told = world.reply(&call, open(), &[&other, &pay]);
    assert!(matches!(told.answers[0], Told::AskAgain { .. }));
    assert!(secret(&told.answers[1]).is_some());
}

#[test]
fn an_action_without_a_secret_is_nothing_that_a_payer_could_do() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let call = world.charging(&pay);
    let without = Intent::new("pi_1", "requires_action").with("client_secret", json!(null));
    let told = world.reply(&call, without.reply(), &[&pay]);
    assert!(is_pending(answer(&told.answers[0])));
}

#[test]
fn whoever_waits_with_that_card_through_a_cancel_is_not_told_that_it_is_anothers() {
    // The card was looked up before the charge that asked for 3-D Secure had attached it.
    let mut world = asked();
    let other = card(2, "pm_2");
    let early = card(3, "pm_1");
    let read = comes_back(&mut world, &other);
    world.joins(&early);
    let cancel = assert_cancels(world.reply(&read, open(), &[&other, &early]).call, 1);
    let over = world.reply(&cancel, Intent::new("pi_1", "canceled").reply(), &[&other, &early]);
    assert!(
        matches!(&over.answers[1], Told::AskAgain { attached: Some(customer) } if customer.as_str() == "cus_1"),
        "its card is attached by now, and a second attach would be refused: {:?}",
        over.answers[1]
    );
}
