//! What Stripe showed once and does not have any more (test data that was deleted): read on ever more seldom, never called
//! over by itself, ended by an operator, and credited all the same should it come back.

use stripe402_edge::ledger::operator::What;
use stripe402_edge::ledger::topup::Call;
use stripe402_edge::ledger::{Advanced, Millis, Pay};
use stripe402_edge::stripe::Reply;

use super::given::{
    DAY, HOUR, KEEP, MINUTE, SECOND, World, act, answer, card, id, is_pending, known_card, line, usd,
};
use super::operator::{conflict, does, due, is_right, nothing_due, reply as replied, states};
use crate::support::replies::{Intent, refused, server_error};

fn gone() -> Reply {
    refused(404, "resource_missing", "intent", "No such payment_intent: 'pi_1'")
}

/// A first payment whose PaymentIntent has this status, and that is waited for.
fn with(status: &str) -> World {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let call = world.charging(&pay);
    world.reply(&call, Intent::new("pi_1", status).reply(), &[&pay]);
    world
}

fn reads(call: Option<Call>) -> Call {
    let call = call.expect("a read");
    assert_eq!(line(&call), "GET /v1/payment_intents/pi_1 -");
    call
}

/// The alarm reads it once, and is told this.
fn reads_again(world: &mut World, reply: Reply, waiting: &[&Pay]) -> Advanced {
    let call = reads(world.alarm(waiting).call);
    world.reply(&call, reply, waiting)
}

fn settles(world: &World, name: &str) -> Result<(), stripe402_edge::ledger::operator::Objection> {
    does(world, &act(name, What::Settle))
}

#[test]
fn a_payment_that_stripe_lost_is_read_ever_more_seldom_and_ended_by_an_operator() {
    let mut world = with("processing");
    let began = world.now;
    let mut pauses = Vec::new();
    for nth in 0..10 {
        pauses.push(world.due_in().unwrap() / SECOND);
        let told = reads_again(&mut world, gone(), &[]);
        assert!(told.failure.is_some() && told.call.is_none() && told.outcome.is_none());
        // Twice, five minutes apart: not sooner, though an operator says so.
        let first = Millis(began.0 + 30 * SECOND);
        if world.now.since(first) < 5 * MINUTE {
            assert!(conflict(settles(&world, &format!("early{nth}"))).contains("resumed"));
        }
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    assert!(is_pending(&world.answers(&known_card(2, "pm_1"))), "by itself it is never over");
    assert!(conflict(does(&world, &act("erase", What::Erase))).contains("is open"));

    settles(&world, "settle").unwrap();
    assert_eq!((world.outcomes(), world.entries().len()), (vec!["never_happened".to_owned()], 0));
    let call = world.charges(&known_card(3, "pm_1"));
    world.reply(&call, Intent::new("pi_2", "succeeded").of(&id(2)).reply(), &[]);
    assert!(conflict(does(&world, &act("erase", What::Erase))).contains("balance"));

    // Stripe had it after all: it is credited.
    let paid = Intent::new("pi_1", "succeeded").of(&id(1)).read();
    world.account().announce_intent(&id(1), &paid, world.now).unwrap();
    assert_eq!(world.balance(usd()), 100_000);
    is_right(&world);
}

#[test]
fn a_payment_that_stripe_shows_again_is_not_missing() {
    let mut world = with("processing");
    for _ in 0..6 {
        reads_again(&mut world, gone(), &[]);
    }
    // What says nothing changes nothing.
    reads_again(&mut world, server_error(), &[]);
    reads_again(&mut world, Intent::new("pi_1", "processing").reply(), &[]);
    assert!(conflict(settles(&world, "a")).contains("resumed"));
    reads_again(&mut world, gone(), &[]);
    assert!(conflict(settles(&world, "b")).contains("resumed"), "it counts anew");
    reads_again(&mut world, server_error(), &[]);
    assert!(conflict(settles(&world, "c")).contains("resumed"), "and only what Stripe says");
    reads_again(&mut world, gone(), &[]);
    settles(&world, "d").unwrap();
}

#[test]
fn an_operator_who_hurries_it_reads_it_at_once() {
    let mut world = with("processing");
    for _ in 0..9 {
        reads_again(&mut world, Intent::new("pi_1", "processing").reply(), &[]);
    }
    assert_eq!(world.due_in(), Some(HOUR));
    for (name, wait) in [("now", 0), ("five minutes later", 5 * MINUTE)] {
        assert!(conflict(settles(&world, name)).contains("resumed"));
        world.later(wait);
        does(&world, &act(&format!("resume {name}"), What::Resume)).unwrap();
        let call = reads(world.wake(&[]).call);
        world.reply(&call, gone(), &[]);
    }
    settles(&world, "settle").unwrap();
}

#[test]
fn three_d_secure_that_stripe_lost_waits_its_hour_and_is_then_read_ever_more_seldom() {
    let mut world = with("requires_action");
    world.later(MINUTE);
    let pay = known_card(2, "pm_1");
    let read = reads(Some(world.drives(&pay)));
    let told = world.reply(&read, gone(), &[&pay]);
    assert!(is_pending(answer(&told.answers[0])));
    assert_eq!(world.due_in(), Some(59 * MINUTE), "the payer has an hour, whatever one read says");
    assert!(conflict(settles(&world, "early")).contains("resumed"));

    let joined = known_card(3, "pm_1");
    let told = reads_again(&mut world, gone(), &[&joined]);
    assert!(is_pending(answer(&told.answers[0])), "nobody waits for what may never come");
    let mut pauses = Vec::new();
    for _ in 0..9 {
        assert!(is_pending(&world.answers(&known_card(4, "pm_1"))));
        pauses.push(world.due_in().unwrap() / SECOND);
        reads_again(&mut world, gone(), &[]);
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    // If it is there again, it is cancelled like any other whose hour is over.
    let back = reads_again(&mut world, Intent::new("pi_1", "requires_action").reply(), &[]);
    let cancel = back.call.expect("a cancel");
    assert!(line(&cancel).starts_with("POST /v1/payment_intents/pi_1/cancel "), "{}", line(&cancel));
    assert!(conflict(settles(&world, "back")).contains("resumed"));
    // Lost again, the cancel with it.
    let read = reads(world.reply(&cancel, gone(), &[]).call);
    world.reply(&read, gone(), &[]);
    for _ in 0..5 {
        reads_again(&mut world, gone(), &[]);
    }
    settles(&world, "settle").unwrap();
    assert_eq!(world.outcomes(), ["never_happened"]);
}

/// A client whose refund was sent two minutes ago, without an answer.
fn refunding() -> World {
    let mut world = World::credited();
    does(&world, &act("all", What::Refund)).unwrap();
    let call = due(&world);
    replied(&world, &call, &Reply::Lost);
    world.later(2 * MINUTE);
    world
}

/// Stripe has no such charge.
fn lost_charge() -> Reply {
    refused(404, "resource_missing", "payment_intent", "No such payment_intent: 'pi_first'")
}

#[test]
fn a_refund_whose_charge_stripe_lost_is_looked_for_every_hour_and_ended_by_an_operator() {
    let mut world = refunding();
    let mut pauses = Vec::new();
    for nth in 0..4 {
        if nth < 2 {
            assert!(conflict(does(&world, &act(&format!("early{nth}"), What::Settle))).contains("resumed"));
        }
        let call = due(&world);
        assert_eq!(call.nth, None, "it is only looked for");
        replied(&world, &call, &lost_charge());
        nothing_due(&world);
        let at = world.account().wake_at(KEEP, world.now).unwrap().unwrap();
        pauses.push(at.since(world.now) / MINUTE);
        world.now = at;
    }
    assert_eq!(pauses, [5, 60, 60, 60]);
    assert_eq!((world.balance(usd()), states(&world)), (0, vec!["look_up".to_owned()]), "nobody spends it");

    does(&world, &act("settle", What::Settle)).unwrap();
    assert_eq!((world.balance(usd()), states(&world)), (50_000, vec!["never_happened".to_owned()]));
    is_right(&world);
    world.later(DAY);
    nothing_due(&world);
}

#[test]
fn a_refund_whose_charge_is_there_again_is_not_missing() {
    let mut world = refunding();
    let more = crate::support::replies::answered(200, &serde_json::json!({"data": [], "has_more": true}));
    for reply in [lost_charge(), more, lost_charge()] {
        let call = due(&world);
        replied(&world, &call, &reply);
        world.later(HOUR);
    }
    assert!(conflict(does(&world, &act("early", What::Settle))).contains("resumed"));
    let call = due(&world);
    replied(&world, &call, &lost_charge());
    does(&world, &act("settle", What::Settle)).unwrap();
}
