//! A charge that nobody answered for: looked up until Stripe's own word decides, and never made again.

use serde_json::json;
use stripe402_edge::ledger::account::UNSURE_SPAN;
use stripe402_edge::ledger::topup::Call;
use stripe402_edge::ledger::{Advanced, Answer};
use stripe402_edge::stripe::Reply;

use super::given::{
    DAY, MINUTE, SECOND, START, World, answer, card, id, is_pending, is_post, known_card, line, paid_at_once,
    usd,
};
use crate::support::replies::{Intent, answered, html, list, refused, server_error};

/// A charge of `pm_1` that was sent once and never heard of; two minutes later the alarm looks for it.
fn looking() -> (World, Call) {
    let mut world = World::new();
    world.charging(&card(1, "pm_1"));
    world.later(2 * MINUTE);
    let call = world.wake(&[]).call.unwrap();
    (world, call)
}

fn nothing() -> Reply {
    list(vec![])
}

/// The alarm rings until something else than a read is due or the top-up is over; every read gets this reply.
fn alarms(world: &mut World, reply: &Reply, most: usize) -> (Vec<i64>, Option<Advanced>) {
    let mut pauses = Vec::new();
    for _ in 0..most {
        pauses.push(world.due_in().unwrap() / SECOND);
        let call = world.alarm(&[]).call.expect("a read");
        assert!(!is_post(Some(&call)), "{}", line(&call));
        let advanced = world.reply(&call, reply.clone(), &[]);
        if advanced.call.is_some() || advanced.outcome.is_some() {
            return (pauses, Some(advanced));
        }
    }
    (pauses, None)
}

#[test]
fn it_lists_what_the_customer_paid_since_the_first_send() {
    let (_, call) = looking();
    let since = START.seconds() - 60;
    assert_eq!(
        line(&call),
        format!("GET /v1/payment_intents?customer=cus_1&created%5Bgte%5D={since}&limit=100 -")
    );
}

#[test]
fn a_success_is_credited_with_its_own_amount_and_debits_nobody() {
    let (world, call) = looking();
    let others = vec![
        Intent::new("pi_other", "succeeded"),
        Intent::new("pi_theirs", "succeeded").of(&id(9)),
        Intent::new("pi_1", "succeeded").of(&id(1)).with("amount_received", json!(620)),
    ];
    let done = world.reply(&call, list(others), &[]);
    assert_eq!((done.call, world.outcomes()), (None, vec!["credited".to_owned()]));
    assert_eq!(world.balance(usd()), 62_000);
    let source = &world.store.look("SELECT source FROM entry")[0];
    assert_eq!(source.text(0).unwrap(), "pi_1");
}

#[test]
fn not_found_twice_five_minutes_apart_it_never_happened() {
    let (mut world, call) = looking();
    let first = world.reply(&call, nothing(), &[]);
    assert_eq!((first.call, first.outcome), (None, None));
    // The first look that counts is five minutes after the last send, the second five minutes after that.
    let (pauses, over) = alarms(&mut world, &nothing(), 9);
    assert_eq!(pauses, [180, 300]);
    assert!(over.is_some_and(|over| over.call.is_none()));
    assert_eq!(world.outcomes(), ["never_happened"]);
    assert_eq!(world.now.since(START), 10 * MINUTE);
    assert_eq!(world.entries().len(), 0);
    let call = world.drives(&known_card(2, "pm_1"));
    assert!(is_post(Some(&call)), "a new payment may begin");
}

#[test]
fn a_look_that_comes_too_early_does_not_count() {
    let (mut world, call) = looking();
    world.reply(&call, nothing(), &[]);
    for _ in 0..5 {
        // Whoever reads oftener than the alarm, say after restarts, proves nothing by it.
        let again = world.reply(&call, nothing(), &[]);
        assert_eq!(again.outcome, None);
    }
    world.now = START.plus(5 * MINUTE);
    let call = world.wake(&[]).call.unwrap();
    world.reply(&call, nothing(), &[]);
    world.later(5 * MINUTE - 1);
    world.reply(&call, nothing(), &[]);
    assert_eq!(world.outcomes(), ["-"]);
    world.later(1);
    world.reply(&call, nothing(), &[]);
    assert_eq!(world.outcomes(), ["never_happened"]);
}

#[test]
fn it_is_credited_when_only_the_second_look_finds_it() {
    let (mut world, call) = looking();
    world.reply(&call, nothing(), &[]);
    let missed = world.alarm(&[]).call.unwrap();
    world.reply(&missed, nothing(), &[]);
    let again = world.alarm(&[]).call.unwrap();
    world.reply(&again, Intent::new("pi_1", "succeeded").of(&id(1)).listed(), &[]);
    assert_eq!((world.outcomes(), world.balance(usd())), (vec!["credited".to_owned()], 50_000));
}

#[test]
fn a_look_that_failed_decides_nothing_and_comes_again_in_half_a_minute() {
    let more = answered(200, &json!({ "object": "list", "data": [], "has_more": true }));
    for reply in [Reply::Lost, server_error(), html(200), more.clone()] {
        let (mut world, call) = looking();
        let failed = world.reply(&call, reply.clone(), &[]);
        assert_eq!((failed.call, failed.outcome), (None, None), "{reply:?}");
        // A list that goes on is no failure of Stripe's.
        assert_eq!(failed.failure.is_some(), reply != more, "the log is told: {reply:?}");
        let (pauses, over) = alarms(&mut world, &reply, 40);
        assert!(pauses.iter().all(|pause| *pause == 30), "{reply:?}: {pauses:?}");
        assert!(over.is_none() && world.outcomes() == ["-"], "{reply:?}");
    }
}

#[test]
fn a_customer_that_this_stripe_never_knew_holds_no_payment_either() {
    // Keys of another Stripe account met a charge that was about to be made: without an end the account would be locked.
    let (mut world, call) = looking();
    let missing = || refused(404, "resource_missing", "customer", "No such customer");
    world.reply(&call, missing(), &[]);
    let again = world.alarm(&[]).call.unwrap();
    world.reply(&again, missing(), &[]);
    let last = world.alarm(&[]).call.unwrap();
    world.reply(&last, missing(), &[]);
    assert_eq!(world.outcomes(), ["never_happened"]);
}

#[test]
fn an_account_whose_charge_was_never_found_is_kept_however_late_stripe_announces_it() {
    let (mut world, call) = looking();
    world.reply(&call, nothing(), &[]);
    alarms(&mut world, &nothing(), 3);
    assert_eq!(world.outcomes(), ["never_happened"]);
    assert_eq!(UNSURE_SPAN, 7 * 24 * 3_600 * SECOND);
    assert_eq!(world.account().wake_at(super::given::KEEP, world.now).unwrap(), None);
    assert!(!world.account().is_over(START.plus(100 * UNSURE_SPAN)).unwrap());
    // Rolled forward a day later, announced after three more.
    let paid = Intent::new("pi_1", "succeeded").of(&id(1)).read();
    world.account().announce_intent(&id(1), &paid, START.plus(4 * DAY)).unwrap();
    assert_eq!((world.outcomes(), world.balance(usd())), (vec!["credited".to_owned()], 50_000));
}

#[test]
fn what_could_still_be_paid_is_canceled_and_only_then_over() {
    for status in ["requires_payment_method", "requires_action", "requires_confirmation", "requires_capture"]
    {
        let (mut world, call) = looking();
        let found = world.reply(&call, Intent::new("pi_1", status).of(&id(1)).listed(), &[]);
        let cancel = found.call.unwrap();
        let key = format!("{}.1.cancel.1", id(1).as_str());
        assert_eq!(line(&cancel), format!("POST /v1/payment_intents/pi_1/cancel {key}"), "{status}");
        assert_eq!(world.outcomes(), ["-"]);
        world.joins(&known_card(2, "pm_1"));
        let waiting = known_card(3, "pm_1");
        let over = world.reply(&cancel, Intent::new("pi_1", "canceled").reply(), &[&waiting]);
        assert_eq!((over.call, world.outcomes()), (None, vec!["canceled".to_owned()]));
        assert!(matches!(over.answers[0], stripe402_edge::ledger::account::Told::AskAgain { .. }));
    }
}

#[test]
fn what_is_not_settled_yet_is_followed_with_growing_pauses_and_then_credited() {
    for status in ["processing", "hovering"] {
        let (mut world, call) = looking();
        let open = Intent::new("pi_1", status).of(&id(1));
        let found = world.reply(&call, open.clone().listed(), &[]);
        assert_eq!((found.call, found.outcome), (None, None));
        assert!(is_pending(&world.answers(&card(2, "pm_1"))), "whoever comes is told that it is not known");
        let (pauses, _) = alarms(&mut world, &open.clone().reply(), 10);
        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        let read = world.alarm(&[]).call.unwrap();
        assert_eq!(line(&read), "GET /v1/payment_intents/pi_1 -");
        world.reply(&read, Intent::new("pi_1", "succeeded").reply(), &[]);
        assert_eq!((world.outcomes(), world.balance(usd())), (vec!["credited".to_owned()], 50_000));
    }
}

#[test]
fn what_was_followed_and_ended_without_money_is_over() {
    let (mut world, call) = looking();
    world.reply(&call, Intent::new("pi_1", "processing").of(&id(1)).listed(), &[]);
    let read = world.alarm(&[]).call.unwrap();
    world.reply(&read, Intent::new("pi_1", "canceled").reply(), &[]);
    assert_eq!((world.outcomes(), world.entries().len()), (vec!["canceled".to_owned()], 0));

    let (world, call) = looking();
    world.reply(&call, Intent::new("pi_1", "canceled").of(&id(1)).listed(), &[]);
    assert_eq!(world.outcomes(), ["canceled"]);
}

#[test]
fn a_charge_that_is_answered_as_not_settled_is_followed_too() {
    for status in ["processing", "hovering"] {
        let mut world = World::new();
        let pay = card(1, "pm_1");
        let call = world.charging(&pay);
        let told = world.reply(&call, Intent::new("pi_1", status).reply(), &[&pay]);
        assert!(is_pending(answer(&told.answers[0])), "{status}");
        assert_eq!((told.call, world.due_in()), (None, Some(30 * SECOND)));
        let read = world.alarm(&[]).call.unwrap();
        world.reply(&read, Intent::new("pi_1", "succeeded").reply(), &[]);
        let back = world.answers(&known_card(2, "pm_1"));
        assert_eq!(paid_at_once(&back), (49_900, None), "{status}");
    }
}

#[test]
fn a_charge_that_wants_what_we_never_do_is_canceled_at_once() {
    for status in ["requires_confirmation", "requires_capture"] {
        let mut world = World::new();
        let call = world.charging(&card(1, "pm_1"));
        let cancel = world.next(&call, Intent::new("pi_1", status).reply());
        assert!(cancel.request.path.ends_with("/pi_1/cancel"), "{status}");
    }
}

#[test]
fn a_success_that_names_no_money_is_read_again_and_never_called_over() {
    for odd in [
        Intent::new("pi_1", "succeeded").with("amount_received", json!(0)),
        Intent::new("pi_1", "succeeded").with("amount_received", json!(null)),
        Intent::new("pi_1", "succeeded").with("amount_received", json!(-5)),
        Intent::new("pi_1", "succeeded").with("currency", json!("doge")),
        Intent::new("pi_1", "succeeded").with("livemode", json!(true)),
    ] {
        let mut world = World::new();
        let call = world.charging(&card(1, "pm_1"));
        let told = world.reply(&call, odd.clone().reply(), &[]);
        assert_eq!((told.call, told.outcome), (None, None), "{odd:?}");
        assert_eq!(world.entries().len(), 0, "{odd:?}");
        let read = world.alarm(&[]).call.unwrap();
        assert_eq!(line(&read), "GET /v1/payment_intents/pi_1 -");
        world.reply(&read, Intent::new("pi_1", "succeeded").reply(), &[]);
        assert_eq!(world.balance(usd()), 50_000);
    }
}

#[test]
fn what_another_mode_charged_is_not_taken_for_ours() {
    let (world, call) = looking();
    let live = Intent::new("pi_1", "succeeded").of(&id(1)).with("livemode", json!(true));
    let told = world.reply(&call, live.listed(), &[]);
    assert_eq!((told.outcome, world.entries().len()), (None, 0));
}

#[test]
fn while_it_is_looked_for_the_balance_can_be_spent_and_nothing_else_is_charged() {
    let mut world = World::credited();
    let big = super::given::for_price(60_000, known_card(1, "pm_1"));
    world.charges(&big);
    world.later(2 * MINUTE);
    world.wake(&[]);
    assert!(matches!(world.answers(&known_card(2, "pm_1")), Answer::Paid { .. }));
    assert!(is_pending(&world.answers(&super::given::for_price(60_000, known_card(3, "pm_9")))));
    assert!(is_pending(&world.answers(&card(4, "pm_2"))));
}
