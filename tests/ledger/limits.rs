//! What holds card testers back, and what is left of an account that nobody ever paid into.

use serde_json::json;
use stripe402_edge::ledger::account::EMPTY_SPAN;
use stripe402_edge::ledger::{Answer, Limits, Millis, Pay};
use stripe402_edge::stripe::Reply;

use super::given::{
    DAY, HOUR, MINUTE, SECOND, START, World, card, eur, for_price, in_currency, known_card, limits,
    paid_at_once, usd,
};
use crate::support::replies::{Intent, attached, customer, declined, refused};

fn limited(mut pay: Pay, limits: Limits) -> Pay {
    pay.limits = limits;
    pay
}

/// After how many seconds a limited payment may come again, and the sentence.
fn too_much(answer: &Answer) -> (i64, &str) {
    match answer {
        Answer::Limited { retry_after, message } => (i64::from(*retry_after), message),
        other => panic!("not limited: {other:?}"),
    }
}

/// A payment of a card that is then declined.
fn is_declined(world: &mut World, pay: &Pay) {
    let mut call = world.drives(pay);
    if call.request.path == "/v1/customers" {
        call = world.next(&call, customer("cus_1"));
    }
    world.reply(&call, declined("generic_decline", "no"), &[]);
}

/// A top-up of this many cents that goes through, `took` milliseconds after it began.
fn tops_up(world: &mut World, pay: &Pay, cents: i64, took: i64) {
    let call = world.charges(pay);
    world.later(took);
    let intent = format!("pi_{}", world.now.0);
    let currency = pay.order.currency.code();
    let intent = Intent::new(&intent, "succeeded")
        .with("amount_received", json!(cents))
        .with("currency", json!(currency));
    let done = world.reply(&call, intent.reply(), &[pay]);
    assert!(done.outcome.is_some());
}

/// A payment that only a top-up of 500 cents or so can pay for, the balance being what it may.
fn needs(world: &World, number: u8) -> Pay {
    let short = world.balance(usd()) + 40_000;
    for_price(short, known_card(number, "pm_1"))
}

#[test]
fn after_five_declines_within_an_hour_nothing_is_asked_of_stripe_any_more() {
    let mut world = World::new();
    let mut at = Vec::new();
    for number in 0..5 {
        let method = format!("pm_{number}");
        is_declined(&mut world, &limited(card(number, &method), limits(5, 4_000_000)));
        at.push(world.now);
        world.later(7 * MINUTE);
    }
    let before = world.store.rows_changed();
    let answer = world.answers(&limited(card(6, "pm_6"), limits(5, 4_000_000)));
    let (seconds, message) = too_much(&answer);
    assert_eq!(message, "Too many declined payments. Try again later.");
    assert_eq!(seconds * SECOND, at[0].plus(HOUR).since(world.now), "when the oldest of them is an hour old");
    assert_eq!(world.store.rows_changed(), before, "and nothing is written");
    world.later(seconds * SECOND);
    world.drives(&limited(card(7, "pm_7"), limits(5, 4_000_000)));
}

#[test]
fn the_limit_on_declines_is_the_operators_number() {
    for most in 1..4 {
        let mut world = World::new();
        for number in 0..most {
            is_declined(&mut world, &limited(card(number, "pm_1"), limits(u32::from(most), 4_000_000)));
            world.later(SECOND);
        }
        let answer = world.answers(&limited(card(9, "pm_1"), limits(u32::from(most), 4_000_000)));
        assert_eq!(too_much(&answer).0, HOUR / SECOND - i64::from(most));
        let unlimited = Limits { declines_per_hour: None, per_day: None };
        world.drives(&limited(card(10, "pm_1"), unlimited));
    }
}

#[test]
fn only_declines_count_as_declines() {
    let mut world = World::new();
    let strict = |pay| limited(pay, limits(1, 4_000_000));
    let call = world.drives(&strict(card(1, "pm_1")));
    world.reply(&call, refused(400, "parameter_unknown", "x", "y"), &[]);
    world.later(1);
    let call = world.charging(&strict(card(2, "pm_1")));
    world.reply(&call, Intent::new("pi_1", "canceled").reply(), &[]);
    world.later(1);
    let mut call = world.drives(&strict(card(3, "pm_2")));
    for _ in 0..3 {
        world.reply(&call, Reply::Lost, &[]);
        call = world.alarm(&[]).call.unwrap();
    }
    world.reply(&call, Reply::Lost, &[]);
    assert_eq!(world.outcomes(), ["refused", "refused", "never_happened"]);
    world.drives(&strict(card(4, "pm_3")));
}

#[test]
fn a_decline_that_is_an_hour_old_no_longer_counts() {
    let mut world = World::new();
    is_declined(&mut world, &limited(card(1, "pm_1"), limits(1, 4_000_000)));
    world.later(HOUR - 1);
    assert_eq!(too_much(&world.answers(&limited(card(2, "pm_1"), limits(1, 4_000_000)))).0, 1);
    world.later(1);
    world.drives(&limited(card(3, "pm_1"), limits(1, 4_000_000)));
}

#[test]
fn whoever_is_limited_can_still_spend_the_balance() {
    let mut world = World::credited();
    is_declined(&mut world, &limited(card(1, "pm_2"), limits(1, 4_000_000)));
    too_much(&world.answers(&limited(card(2, "pm_3"), limits(1, 4_000_000))));
    let known = limited(known_card(3, "pm_1"), limits(1, 1));
    assert_eq!(paid_at_once(&world.answers(&known)), (49_900, None));
}

#[test]
fn an_account_tops_up_no_more_in_a_day_than_it_may() {
    let mut world = World::credited();
    // 500 and 500 cents fit into 100,000 units; one more does not.
    for number in 1..=2 {
        let pay = limited(needs(&world, number), limits(5, 100_000));
        tops_up(&mut world, &pay, 500, SECOND);
        world.later(HOUR);
    }
    let third = limited(needs(&world, 3), limits(5, 100_000));
    let before = world.store.rows_changed();
    let answer = world.answers(&third);
    assert_eq!(too_much(&answer).1, "This card has reached what it may pay in for one day.");
    assert_eq!(world.store.rows_changed(), before);
    let more = limited(needs(&world, 4), limits(5, 150_000));
    world.charges(&more);
}

#[test]
fn whoever_comes_again_when_told_to_is_not_limited_again() {
    let mut world = World::credited();
    let pay = limited(needs(&world, 1), limits(5, 50_000));
    tops_up(&mut world, &pay, 500, 20 * SECOND);
    world.later(HOUR);
    let pay = limited(needs(&world, 2), limits(5, 50_000));
    let (seconds, _) = too_much(&world.answers(&pay));
    assert!((22 * 3_600..=23 * 3_600).contains(&seconds), "{seconds}");
    world.later(seconds * SECOND);
    world.charges(&pay);
}

#[test]
fn other_currencies_and_older_days_do_not_count() {
    let mut world = World::credited();
    let euros = limited(in_currency(eur(), known_card(1, "pm_1")), limits(5, 50_000));
    tops_up(&mut world, &euros, 500, 0);
    let pay = limited(needs(&world, 2), limits(5, 50_000));
    tops_up(&mut world, &pay, 500, 0);
    let pay = limited(needs(&world, 3), limits(5, 50_000));
    too_much(&world.answers(&pay));
    world.later(DAY);
    world.charges(&pay);
}

#[test]
fn a_charge_that_failed_does_not_count_towards_the_day() {
    let mut world = World::credited();
    let pay = limited(needs(&world, 1), limits(9, 50_000));
    let call = world.charges(&pay);
    world.reply(&call, declined("generic_decline", "no"), &[]);
    world.later(1);
    world.charges(&pay);
}

#[test]
fn a_card_that_is_only_attached_is_not_held_to_the_day_s_amount() {
    let mut world = World::credited();
    let pay = limited(card(1, "pm_2"), limits(5, 1));
    let call = world.drives(&pay);
    let done = world.reply(&call, attached("pm_2", "cus_1"), &[&pay]);
    assert!(matches!(done.answers[0], stripe402_edge::ledger::account::Told::Answer(Answer::Paid { .. })));
}

#[test]
fn an_account_that_was_never_credited_is_over_48_hours_after_the_last_attempt() {
    let mut world = World::new();
    is_declined(&mut world, &card(1, "pm_1"));
    assert_eq!(world.due_in(), Some(EMPTY_SPAN));
    assert_eq!(EMPTY_SPAN, 48 * HOUR);
    world.later(47 * HOUR);
    is_declined(&mut world, &card(2, "pm_2"));
    assert_eq!(world.due_in(), Some(EMPTY_SPAN), "it counts from the last attempt");
    let over = |world: &World, at: Millis| world.account().is_over(at).unwrap();
    let end = world.now.plus(EMPTY_SPAN);
    assert!(!over(&world, end.plus(-1)));
    assert!(over(&world, end));
}

#[test]
fn an_account_with_an_open_top_up_is_not_over() {
    let mut world = World::new();
    world.charging(&card(1, "pm_1"));
    assert!(!world.account().is_over(world.now.plus(10 * EMPTY_SPAN)).unwrap());
    assert_eq!(world.due_in(), Some(25 * SECOND), "the top-up's own time, which is earlier");
}

#[test]
fn an_account_that_was_ever_credited_stays_and_needs_no_alarm() {
    let mut world = World::credited();
    let spent = world.spend(&super::given::order(1, 50_000));
    assert!(matches!(spent, stripe402_edge::ledger::account::Spent::Paid(_)));
    is_declined(&mut world, &card(2, "pm_2"));
    assert_eq!(world.due_in(), None);
    assert!(!world.account().is_over(world.now.plus(1_000 * DAY)).unwrap());
}

#[test]
fn a_limited_payment_does_not_keep_an_account_alive() {
    let mut world = World::new();
    is_declined(&mut world, &limited(card(1, "pm_1"), limits(1, 4_000_000)));
    world.later(HOUR / 2);
    too_much(&world.answers(&limited(card(2, "pm_1"), limits(1, 4_000_000))));
    assert_eq!(world.account().wake_at(super::given::KEEP, world.now).unwrap(), Some(START.plus(EMPTY_SPAN)));
}

#[test]
fn the_alarm_is_due_when_the_open_top_up_is() {
    let mut world = World::new();
    assert_eq!(world.due_in(), None);
    let call = world.charging(&card(1, "pm_1"));
    let spans = [
        (Reply::Lost, SECOND),
        (Intent::new("pi_1", "processing").reply(), 30 * SECOND),
        (Intent::new("pi_1", "requires_action").reply(), HOUR),
        (Intent::new("pi_1", "requires_capture").reply(), 25 * SECOND),
        (declined("generic_decline", "no"), EMPTY_SPAN),
    ];
    for (reply, span) in spans {
        let mut world = World::new();
        let again = world.charging(&card(1, "pm_1"));
        assert_eq!(again.request, call.request);
        world.reply(&again, reply.clone(), &[]);
        assert_eq!(world.due_in(), Some(span), "{reply:?}");
        let row = &world.store.look("SELECT coalesce(wake_at, 0) FROM topup")[0];
        let open = if span == EMPTY_SPAN { 0 } else { world.now.0 + span };
        assert_eq!(row.integer(0).unwrap(), open, "the column says the same");
    }
}
