//! What Stripe announces by webhook: late successes, refunds, disputes; in any order and as often as it likes.

use serde_json::json;
use stripe402_core::protocol::ErrorCode;
use stripe402_edge::ledger::account::{Applied, DisputeFlags, Spent};
use stripe402_edge::ledger::statement::Page;
use stripe402_edge::ledger::{Answer, Refused};
use stripe402_edge::stripe::{Dispute, PaymentIntent, Refund, TopUpId};

use super::given::{
    MINUTE, World, answer, card, for_price, id, known_card, order, paid, paid_at_once, refused, units, usd,
};
use crate::support::replies::{Intent, declined, list};

/// The truth about the PaymentIntent of a world that is credited.
fn first() -> PaymentIntent {
    Intent::new("pi_first", "succeeded").of(&id(1)).read()
}

/// What Stripe lists where so much was refunded.
fn refunded(amount: i64) -> Vec<Refund> {
    let refund = |amount| Refund { amount, status: "succeeded".to_owned(), ours: None };
    (amount > 0).then(|| refund(amount)).into_iter().collect()
}

fn refunds(world: &World, taken: i64) -> Applied {
    world.account().announce_refunds(&id(1), &first(), &refunded(taken), world.now).unwrap()
}

const NONE: DisputeFlags = DisputeFlags { withdrawn: false, reinstated: false };
const WITHDRAWN: DisputeFlags = DisputeFlags { withdrawn: true, reinstated: false };
const REINSTATED: DisputeFlags = DisputeFlags { withdrawn: false, reinstated: true };

fn disputed(world: &World, name: &str, amount: i64, status: &str, flags: DisputeFlags) -> Applied {
    let truth =
        Dispute { id: name.to_owned(), amount, currency: "usd".to_owned(), status: status.to_owned() };
    world.account().announce_dispute(&id(1), &first(), &truth, flags, world.now).unwrap()
}

fn is_frozen(world: &World) -> bool {
    match world.spend(&order(200, 1_000_000)) {
        Spent::Frozen(_) => true,
        Spent::Insufficient(_) => false,
        other => panic!("{other:?}"),
    }
}

/// An account whose first charge ended in this way, and whose success was never seen.
fn ended(how: &str) -> World {
    let mut world = World::new();
    let call = world.charging(&card(1, "pm_1"));
    if how == "declined" {
        world.reply(&call, declined("generic_decline", "no"), &[]);
    } else {
        world.later(2 * MINUTE);
        let mut call = world.wake(&[]).call.unwrap();
        while world.reply(&call, list(vec![]), &[]).outcome.is_none() {
            call = world.alarm(&[]).call.unwrap();
        }
    }
    assert_eq!(world.outcomes(), [how]);
    world
}

#[test]
fn a_success_that_is_announced_after_it_was_given_up_is_credited_once_and_debits_nobody() {
    for how in ["never_happened", "declined"] {
        let mut world = ended(how);
        let truth = Intent::new("pi_late", "succeeded").of(&id(1)).with("amount_received", json!(510)).read();
        for _ in 0..3 {
            world.later(MINUTE);
            let applied = world.account().announce_intent(&id(1), &truth, world.now).unwrap();
            assert_eq!(applied, Applied::Done, "{how}");
            assert_eq!((world.balance(usd()), world.entries().len()), (51_000, 1), "{how}");
        }
        assert_eq!(world.outcomes(), ["credited"]);
    }
}

#[test]
fn a_late_success_is_credited_beside_the_charge_that_replaced_it() {
    let mut world = ended("never_happened");
    let call = world.charges(&known_card(2, "pm_1"));
    let late = Intent::new("pi_late", "succeeded").of(&id(1)).read();
    world.account().announce_intent(&id(1), &late, world.now).unwrap();
    assert_eq!((world.balance(usd()), world.outcomes().len()), (50_000, 2));
    assert!(world.outcomes().contains(&"-".to_owned()), "the other one is still open");
    world.reply(&call, Intent::new("pi_2", "succeeded").reply(), &[]);
    assert_eq!((world.balance(usd()), world.entries().len()), (100_000, 2));
}

#[test]
fn what_is_not_over_at_stripe_changes_nothing() {
    let world = ended("never_happened");
    let before = world.store.rows_changed();
    for status in ["processing", "requires_action", "requires_payment_method", "canceled", "hovering"] {
        // Whatever it says of money: only a success is one.
        for received in [0, 500] {
            let truth =
                Intent::new("pi_late", status).of(&id(1)).with("amount_received", received.into()).read();
            let applied = world.account().announce_intent(&id(1), &truth, world.now);
            assert_eq!(applied, Ok(Applied::Done), "{status}");
        }
    }
    assert_eq!(world.store.rows_changed(), before);
}

#[test]
fn only_what_a_top_up_of_this_account_charged_is_ever_booked() {
    let world = World::credited();
    let before = (world.store.rows_changed(), world.balance(usd()));
    let strangers: [(TopUpId, Intent); 4] = [
        (id(9), Intent::new("pi_9", "succeeded").of(&id(9))),
        (id(1), Intent::new("pi_9", "succeeded")),
        (id(1), Intent::new("pi_9", "succeeded").of(&id(9))),
        (id(1), Intent::new("pi_first", "succeeded").of(&id(1)).with("livemode", json!(true))),
    ];
    for (top_up, intent) in strangers {
        let truth = intent.read();
        let account = world.account();
        let dispute =
            Dispute { id: "dp_1".into(), amount: 500, currency: "usd".into(), status: "lost".into() };
        assert_eq!(account.announce_intent(&top_up, &truth, world.now), Ok(Applied::NotOurs));
        assert_eq!(
            account.announce_refunds(&top_up, &truth, &refunded(500), world.now),
            Ok(Applied::NotOurs)
        );
        let applied = account.announce_dispute(&top_up, &truth, &dispute, WITHDRAWN, world.now);
        assert_eq!(applied, Ok(Applied::NotOurs));
    }
    assert_eq!((world.store.rows_changed(), world.balance(usd())), before);

    let blank = World::new();
    let applied = blank.account().announce_intent(&id(1), &first(), blank.now);
    assert_eq!((applied, blank.is_blank()), (Ok(Applied::NotOurs), true));
}

#[test]
fn refunds_are_booked_as_the_difference_to_what_was_booked_before() {
    let world = World::credited();
    // What is taken in all, after a partial refund, a second one, a duplicate, a failure, and another refund.
    let rows = [(100, 40_000), (250, 25_000), (250, 25_000), (150, 35_000), (0, 50_000), (500, 0), (500, 0)];
    for (taken, balance) in rows {
        assert_eq!(refunds(&world, taken), Applied::Done);
        assert_eq!(world.balance(usd()), balance, "{taken}");
    }
    let booked: Vec<(String, i64)> =
        world.entries().into_iter().skip(1).map(|(_, kind, amount, _)| (kind, amount)).collect();
    let refund = |amount| ("refund".to_owned(), amount);
    let amounts = [-10_000, -15_000, 10_000, 15_000, -50_000];
    assert_eq!(booked, amounts.map(refund));
}

#[test]
fn a_refund_that_is_announced_before_its_success_was_seen_books_both() {
    let world = ended("never_happened");
    let truth = Intent::new("pi_late", "succeeded").of(&id(1)).read();
    let applied = world.account().announce_refunds(&id(1), &truth, &refunded(200), world.now);
    assert_eq!((applied, world.balance(usd())), (Ok(Applied::Done), 30_000));
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn a_refund_of_what_was_spent_leaves_a_debt_that_the_next_top_up_must_cover() {
    let mut world = World::credited();
    assert!(matches!(world.spend(&order(1, 49_900)), Spent::Paid(_)));
    refunds(&world, 500);
    assert_eq!(world.balance(usd()), -49_900);
    assert_eq!(world.spend(&order(2, 1)), Spent::Insufficient(units(-49_900)));

    let mut pay = known_card(3, "pm_1");
    pay.order.price = units(101);
    let told = world.answers(&pay);
    assert_eq!(refused(&told).0, ErrorCode::TopUpBelowMinimum, "50,000 would not do");
    pay.order.price = units(100);
    let call = world.charges(&pay);
    let done = world.reply(&call, Intent::new("pi_2", "succeeded").reply(), &[&pay]);
    assert_eq!(paid(&done.answers[0]), (0, Some("pi_2")));
}

#[test]
fn a_dispute_takes_while_its_money_is_withdrawn_and_freezes_while_it_is_open() {
    // Each step: what the event said, Stripe's status then; what that makes of the balance, and whether it is frozen.
    type Row = (DisputeFlags, &'static str, i64, bool);
    let histories: [(&str, Vec<Row>); 7] = [
        (
            "won",
            vec![
                (NONE, "needs_response", 50_000, true),
                (WITHDRAWN, "needs_response", 0, true),
                (NONE, "under_review", 0, true),
                (NONE, "won", 0, false),
                (REINSTATED, "won", 50_000, false),
            ],
        ),
        (
            "lost",
            vec![
                (NONE, "needs_response", 50_000, true),
                (WITHDRAWN, "under_review", 0, true),
                (NONE, "lost", 0, false),
            ],
        ),
        (
            "an inquiry that comes to nothing",
            vec![
                (NONE, "warning_needs_response", 50_000, false),
                (NONE, "warning_under_review", 50_000, false),
                (NONE, "warning_closed", 50_000, false),
            ],
        ),
        (
            "an inquiry that becomes a dispute",
            vec![
                (NONE, "warning_needs_response", 50_000, false),
                (NONE, "needs_response", 50_000, true),
                (WITHDRAWN, "needs_response", 0, true),
            ],
        ),
        ("prevented", vec![(NONE, "prevented", 50_000, false)]),
        (
            "closed before created",
            vec![(NONE, "lost", 50_000, false), (NONE, "lost", 50_000, false), (WITHDRAWN, "lost", 0, false)],
        ),
        (
            "given back before taken",
            vec![(REINSTATED, "won", 50_000, false), (WITHDRAWN, "won", 50_000, false)],
        ),
    ];
    for (name, rows) in histories {
        let world = World::credited();
        for (flags, status, balance, frozen) in rows {
            for _ in 0..2 {
                assert_eq!(disputed(&world, "dp_1", 500, status, flags), Applied::Done);
                assert_eq!(
                    (world.balance(usd()), is_frozen(&world)),
                    (balance, frozen),
                    "{name}: {flags:?} {status}"
                );
            }
        }
    }
}

#[test]
fn two_disputes_and_a_refund_count_each_for_themselves() {
    let world = World::credited();
    disputed(&world, "dp_1", 200, "needs_response", WITHDRAWN);
    disputed(&world, "dp_2", 100, "needs_response", WITHDRAWN);
    refunds(&world, 50);
    assert_eq!((world.balance(usd()), is_frozen(&world)), (15_000, true));
    disputed(&world, "dp_1", 200, "won", REINSTATED);
    assert_eq!((world.balance(usd()), is_frozen(&world)), (35_000, true), "the second is still open");
    disputed(&world, "dp_2", 100, "lost", NONE);
    assert_eq!((world.balance(usd()), is_frozen(&world)), (35_000, false));
}

#[test]
fn a_statement_names_the_dispute_that_took_or_gave() {
    let world = World::credited();
    disputed(&world, "dp_1", 300, "needs_response", WITHDRAWN);
    let page = Page { currency: None, before: None, limit: 1, client_id: None };
    let text = world.account().statement(&page).unwrap().to_json(None);
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    let entry = &told["entries"][0];
    assert_eq!((&entry["type"], &entry["amount"]), (&json!("dispute"), &json!(-30_000)));
    assert_eq!((&entry["stripeDisputeId"], entry.get("resource")), (&json!("dp_1"), None));
}

#[test]
fn a_frozen_account_neither_serves_nor_charges_and_says_so_to_automatic_payers() {
    let mut world = World::credited();
    disputed(&world, "dp_1", 500, "needs_response", NONE);
    let before = world.store.rows_changed();
    assert_eq!(world.spend(&order(1, 100)), Spent::Frozen(units(50_000)));
    let known = world.answers(&known_card(2, "pm_1"));
    let new = world.answers(&card(3, "pm_2"));
    let dear = world.answers(&for_price(60_000, known_card(4, "pm_1")));
    for told in [known, new, dear, Spent::Frozen(units(1)).into_answer()] {
        assert!(
            matches!(told, Answer::Refused(Refused { code: ErrorCode::PaymentFailed, frozen: true, .. })),
            "{told:?}"
        );
    }
    assert_eq!(world.store.rows_changed(), before);
    disputed(&world, "dp_1", 500, "won", NONE);
    assert_eq!(paid_at_once(&world.answers(&known_card(5, "pm_1"))), (49_900, None));
}

#[test]
fn what_was_debited_before_the_freeze_is_still_found_and_still_given_back() {
    let world = World::credited();
    let first = order(1, 100);
    assert!(matches!(world.spend(&first), Spent::Paid(_)));
    disputed(&world, "dp_1", 500, "needs_response", NONE);
    let again = stripe402_edge::ledger::Order { retried: true, ..first.clone() };
    assert!(matches!(world.spend(&again), Spent::Paid(_)), "the call that was tried again was paid before");
    let balance = world.account().reverse(usd(), 2, &first.op, &first.op, world.now);
    assert_eq!(balance, Ok(units(50_000)));
}

#[test]
fn a_top_up_that_is_under_way_when_the_account_freezes_is_credited_but_serves_nobody() {
    let mut world = World::credited();
    let pay = for_price(60_000, known_card(1, "pm_1"));
    let call = world.charges(&pay);
    disputed(&world, "dp_1", 500, "needs_response", WITHDRAWN);
    let done = world.reply(&call, Intent::new("pi_2", "succeeded").reply(), &[&pay]);
    let told = answer(&done.answers[0]);
    assert!(matches!(told, Answer::Refused(Refused { frozen: true, .. })), "{told:?}");
    assert_eq!((world.balance(usd()), world.outcomes().len()), (50_000, 2));
}

#[test]
fn a_lost_dispute_leaves_a_debt_that_a_top_up_may_cover() {
    let mut world = World::credited();
    assert!(matches!(world.spend(&order(1, 40_000)), Spent::Paid(_)));
    disputed(&world, "dp_1", 500, "lost", WITHDRAWN);
    assert_eq!(world.balance(usd()), -40_000);
    let mut pay = known_card(2, "pm_1");
    pay.offer.asked = Some(units(60_000));
    let call = world.charges(&pay);
    assert!(call.request.body.starts_with("amount=600&"), "{}", call.request.body);
    let credit = Intent::new("pi_2", "succeeded").with("amount_received", json!(600));
    let done = world.reply(&call, credit.reply(), &[&pay]);
    assert_eq!(paid(&done.answers[0]), (19_900, Some("pi_2")));
}
