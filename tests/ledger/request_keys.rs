//! `Idempotency-Key`: one key names one request, and one debit pays for at most one delivered answer.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use stripe402_edge::ledger::account::Spent;
use stripe402_edge::ledger::entries::LOOK_BACK;
use stripe402_edge::ledger::request_keys::{KEPT, Keyed, REDELIVER_WITHIN};
use stripe402_edge::ledger::{Answer, Op, Order, Posted, RequestKey};

use super::given::{MINUTE, SECOND, World, answer, card, op, order, paid, units, usd};
use crate::support::replies::Intent;

const LEASE: i64 = 90 * SECOND;

/// The nth request of a test, under this key.
fn keyed(number: u8, key: &str) -> Order {
    let key =
        RequestKey { key: key.to_owned(), target: "GET /api/joke 100".to_owned(), lease: LEASE, retries: 0 };
    Order { key: Some(key), ..order(number, 100) }
}

fn with_retries(retries: u32, mut order: Order) -> Order {
    order.key.as_mut().unwrap().retries = retries;
    order
}

fn new(seq: i64, balance: i64) -> Spent {
    Spent::Paid(Posted { seq, balance: units(balance) })
}

fn replay(seq: i64, number: u8, balance: i64) -> Spent {
    Spent::Keyed(Keyed::Replay { seq, op: op(number) }, units(balance))
}

fn other(keyed: Keyed, balance: i64) -> Spent {
    Spent::Keyed(keyed, units(balance))
}

fn delivers(world: &World, number: u8) -> bool {
    world.account().deliver("k", &op(number), world.now).unwrap()
}

/// The request `by` gives back the debit that the request `made` made.
fn gives_back(world: &World, seq: i64, made: u8, by: u8) -> i64 {
    world.account().reverse(usd(), seq, &op(made), &op(by), world.now).unwrap().get()
}

#[test]
fn a_key_is_debited_once_and_while_it_runs_nobody_else_does() {
    let mut world = World::credited();
    assert_eq!(world.spend(&keyed(1, "k")), new(2, 49_900));
    world.later(LEASE - 1);
    assert_eq!(world.spend(&keyed(2, "k")), other(Keyed::Running, 49_900));
    assert_eq!(world.spend(&keyed(3, "another")), new(3, 49_800), "another key is another request");
    assert_eq!(world.spend(&order(4, 100)), new(4, 49_700), "and so is one without");
}

#[test]
fn a_delivered_answer_is_not_served_again() {
    let mut world = World::credited();
    world.spend(&keyed(1, "k"));
    assert!(delivers(&world, 1));
    for number in 2..5 {
        world.later(MINUTE);
        assert_eq!(world.spend(&keyed(number, "k")), other(Keyed::Delivered { seq: 2 }, 49_900));
        assert!(!delivers(&world, number), "it was not let through");
    }
    assert!(delivers(&world, 1), "its own call again, whose answer was lost, is told the same");
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn a_request_that_was_lost_runs_again_without_a_second_debit_one_at_a_time() {
    let mut world = World::credited();
    world.spend(&keyed(1, "k"));
    world.later(LEASE);
    assert_eq!(world.spend(&keyed(2, "k")), replay(2, 1, 49_900));
    assert_eq!(world.spend(&keyed(3, "k")), other(Keyed::Running, 49_900));
    assert!(!delivers(&world, 1), "the first one lost its place, and its answer must not go out");
    assert!(delivers(&world, 2));
    assert_eq!(world.spend(&keyed(4, "k")), other(Keyed::Delivered { seq: 2 }, 49_900));
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn a_request_whose_origin_failed_is_given_back_and_the_next_one_pays_anew() {
    let mut world = World::credited();
    world.spend(&keyed(1, "k"));
    assert_eq!(gives_back(&world, 2, 1, 1), 50_000);
    assert!(!delivers(&world, 1), "what was given back cannot be delivered");
    world.later(SECOND);
    assert_eq!(world.spend(&keyed(2, "k")), new(4, 49_900));
    assert_eq!(world.spend(&keyed(3, "k")), other(Keyed::Running, 49_900));
    assert!(delivers(&world, 2));
    assert_eq!(gives_back(&world, 4, 2, 2), 49_900, "what was delivered is not given back");
    assert_eq!(world.entries().len(), 4);
}

#[test]
fn only_the_request_that_runs_under_a_key_can_give_its_debit_back() {
    let mut world = World::credited();
    world.spend(&keyed(1, "k"));
    world.later(LEASE);
    assert_eq!(world.spend(&keyed(2, "k")), replay(2, 1, 49_900));
    // The first one, believed lost, learns only now that its origin failed: the second one is being served for it.
    assert_eq!(gives_back(&world, 2, 1, 1), 49_900);
    assert!(delivers(&world, 2));
    assert_eq!(world.entries().len(), 2);

    let mut world = World::credited();
    world.spend(&keyed(1, "k"));
    world.later(LEASE);
    assert_eq!(world.spend(&keyed(2, "k")), replay(2, 1, 49_900));
    assert_eq!(gives_back(&world, 2, 1, 2), 50_000, "the second one may: it was served nothing");
    assert_eq!(gives_back(&world, 2, 1, 1), 50_000);
    assert_eq!(world.entries().len(), 3);
}

#[test]
fn the_same_key_on_another_target_is_refused_whatever_became_of_the_first() {
    let mut world = World::credited();
    let elsewhere = |number| {
        let mut order = keyed(number, "k");
        order.key.as_mut().unwrap().target = "GET /api/dear 500".to_owned();
        order
    };
    world.spend(&keyed(1, "k"));
    assert_eq!(world.spend(&elsewhere(2)), other(Keyed::OtherTarget, 49_900));
    delivers(&world, 1);
    assert_eq!(world.spend(&elsewhere(3)), other(Keyed::OtherTarget, 49_900));
    world.later(KEPT);
    assert_eq!(world.spend(&elsewhere(4)), other(Keyed::OtherTarget, 49_900));
    world.later(1);
    assert_eq!(world.spend(&elsewhere(5)), new(3, 49_800), "after a day the key is free");
}

#[test]
fn a_key_whose_debit_was_given_back_still_belongs_to_its_target() {
    let world = World::credited();
    world.spend(&keyed(1, "k"));
    gives_back(&world, 2, 1, 1);
    let mut elsewhere = keyed(2, "k");
    elsewhere.key.as_mut().unwrap().target = "GET /api/dear 500".to_owned();
    assert_eq!(world.spend(&elsewhere), other(Keyed::OtherTarget, 50_000));
}

#[test]
fn further_deliveries_are_the_operators_choice_and_for_ten_minutes() {
    let mut world = World::credited();
    world.spend(&keyed(1, "k"));
    assert!(delivers(&world, 1));
    world.later(REDELIVER_WITHIN - 1);
    assert_eq!(world.spend(&with_retries(1, keyed(2, "k"))), replay(2, 1, 49_900));
    assert!(delivers(&world, 2));
    assert_eq!(world.spend(&with_retries(1, keyed(3, "k"))), other(Keyed::Delivered { seq: 2 }, 49_900));
    assert_eq!(world.spend(&with_retries(2, keyed(4, "k"))), replay(2, 1, 49_900));
    // A further delivery that failed has been paid by the first: nothing is given back.
    assert_eq!(gives_back(&world, 2, 1, 4), 49_900);
    world.later(REDELIVER_WITHIN);
    assert_eq!(world.spend(&with_retries(9, keyed(5, "k"))), other(Keyed::Delivered { seq: 2 }, 49_900));
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn the_same_attempt_asking_again_is_the_one_that_runs() {
    let mut world = World::credited();
    world.spend(&keyed(1, "k"));
    // The object's answer was lost, and the edge asks again, within the look back and after it.
    let again = Order { retried: true, ..keyed(1, "k") };
    assert_eq!(world.spend(&again), new(2, 49_900));
    world.later(LOOK_BACK + 1);
    assert_eq!(world.spend(&again), replay(2, 1, 49_900));
    assert!(delivers(&world, 1));
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn a_key_is_not_taken_by_a_request_that_could_not_pay() {
    let world = World::credited();
    let dear = Order { price: units(60_000), ..keyed(1, "k") };
    assert_eq!(world.spend(&dear), Spent::Insufficient(units(50_000)));
    assert_eq!(world.spend(&keyed(2, "k")), new(2, 49_900));
}

#[test]
fn two_who_wait_for_one_charge_under_one_key_are_one_debit() {
    let mut world = World::new();
    let (mut one, mut two) = (card(1, "pm_1"), card(2, "pm_1"));
    one.order = keyed(1, "k");
    two.order = keyed(2, "k");
    let call = world.charging(&one);
    world.joins(&two);
    let done = world.reply(&call, Intent::new("pi_1", "succeeded").reply(), &[&one, &two]);
    assert_eq!(paid(&done.answers[0]), (49_900, Some("pi_1")));
    assert!(matches!(answer(&done.answers[1]), Answer::Running { .. }));
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn a_replay_tells_which_attempt_made_the_debit() {
    let spent = replay(2, 1, 49_900);
    let told = spent.into_answer();
    assert!(matches!(told, Answer::Paid { seq: 2, op: Some(made), charge: None, .. } if made == op(1)));
    let running = other(Keyed::Running, 1).into_answer();
    assert!(matches!(running, Answer::Running { retry_after } if retry_after > 0));
}

#[test]
fn keys_that_nobody_needs_any_more_are_dropped() {
    let mut world = World::credited();
    for (number, key) in [(1, "a"), (2, "b"), (3, "c")] {
        world.spend(&keyed(number, key));
    }
    world.later(1);
    assert!(world.account().deliver("b", &op(2), world.now).unwrap());
    world.later(KEPT);
    assert_eq!(
        world.spend(&keyed(3, "b")),
        other(Keyed::Delivered { seq: 3 }, 49_700),
        "a day after its answer"
    );
    world.later(1);
    let kept = |world: &World| {
        let keys = world.store.look("SELECT key FROM request_key ORDER BY key");
        keys.iter().map(|row| row.text(0).unwrap().to_owned()).collect::<Vec<_>>()
    };
    // They are free at once, also for another request, and gone some time later.
    let mut anew = keyed(4, "b");
    anew.key.as_mut().unwrap().target = "another".to_owned();
    assert!(matches!(world.spend(&anew), Spent::Paid(_)));
    assert!(world.account().deliver("b", &op(4), world.now).unwrap());
    assert_eq!(kept(&world), ["a", "b", "c"]);
    world.spend(&keyed(0, "d"));
    assert_eq!(kept(&world), ["b", "d"]);
    assert!(matches!(world.spend(&keyed(5, "b")), Spent::Keyed(Keyed::OtherTarget, ..)));
}

#[test]
fn a_debit_without_a_key_stays_one_written_row() {
    let world = World::credited();
    let before = world.store.rows_changed();
    world.spend(&order(1, 100));
    assert_eq!(world.store.rows_changed() - before, 1);
    world.spend(&keyed(2, "k"));
    assert_eq!(world.store.rows_changed() - before, 3, "with one it is two");
}

/// What may happen under one key.
#[derive(Debug, Clone)]
enum Step {
    Request,
    Again(usize),
    Delivers(usize),
    Fails(usize),
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Request),
        1 => (0_usize..20).prop_map(Step::Again),
        3 => (0_usize..20).prop_map(Step::Delivers),
        3 => (0_usize..20).prop_map(Step::Fails),
        2 => prop_oneof![0_i64..LEASE, LEASE..2 * LEASE, REDELIVER_WITHIN..2 * REDELIVER_WITHIN].prop_map(Step::Pass),
    ]
}

/// A request that was let through: which debit it runs on, which attempt made that, and its own name.
#[derive(Clone)]
struct Granted {
    seq: i64,
    made: Op,
    own: Op,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_any_order_one_debit_pays_for_at_most_one_answer(
        steps in prop::collection::vec(step(), 1..60), retries in 0_u32..3,
    ) {
        let mut world = World::credited();
        let mut orders: Vec<Order> = Vec::new();
        let mut granted: Vec<Granted> = Vec::new();
        let mut delivered: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        for step in steps {
            let order = match step {
                Step::Request => {
                    let order = with_retries(retries, keyed(u8::try_from(orders.len()).unwrap(), "k"));
                    orders.push(order.clone());
                    Some(order)
                }
                Step::Again(nth) => orders.get(nth).map(|order| Order { retried: true, ..order.clone() }),
                Step::Delivers(nth) => {
                    if let Some(one) = granted.get(nth)
                        && world.account().deliver("k", &one.own, world.now).unwrap()
                    {
                        let seq = world.store.look("SELECT seq FROM request_key")[0].integer(0).unwrap();
                        delivered.entry(seq).or_default().insert(one.own.as_str().to_owned());
                    }
                    None
                }
                Step::Fails(nth) => {
                    if let Some(one) = granted.get(nth) {
                        world.account().reverse(usd(), one.seq, &one.made, &one.own, world.now).unwrap();
                    }
                    None
                }
                Step::Pass(span) => {
                    world.later(span);
                    None
                }
            };
            if let Some(order) = order {
                match world.spend(&order) {
                    Spent::Paid(posted) => {
                        granted.push(Granted { seq: posted.seq, made: order.op.clone(), own: order.op });
                    }
                    Spent::Keyed(Keyed::Replay { seq, op: made }, _) => {
                        granted.push(Granted { seq, made, own: order.op });
                    }
                    Spent::Keyed(Keyed::Running | Keyed::Delivered { .. }, _) => {}
                    other => panic!("{other:?}"),
                }
            }
            let reversed = world.store.look("SELECT of_seq FROM entry WHERE of_seq IS NOT NULL");
            let reversed: Vec<i64> = reversed.iter().map(|row| row.integer(0).unwrap()).collect();
            for (seq, answered) in &delivered {
                let times = u32::try_from(answered.len()).unwrap();
                prop_assert!(times <= 1 + retries, "{} answers for one debit", times);
                prop_assert!(!reversed.contains(seq), "an answer was delivered and its debit given back");
            }
            let debits = world.entries().iter().filter(|(_, kind, ..)| kind == "debit").count();
            prop_assert!(debits <= reversed.len() + 1, "two debits under one key that were not given back");
        }
    }
}

#[test]
fn a_call_that_took_a_key_over_and_is_tried_again_still_has_it() {
    let mut world = World::credited();
    world.spend(&keyed(1, "k"));
    world.later(LEASE);
    assert_eq!(world.spend(&keyed(2, "k")), replay(2, 1, 49_900));
    // Its answer was lost on the way: the second try of the same call is no other request.
    world.later(SECOND);
    let again = Order { retried: true, ..keyed(2, "k") };
    assert_eq!(world.spend(&again), replay(2, 1, 49_900));
    assert!(delivers(&world, 2));
}

#[test]
fn a_request_that_was_lost_long_ago_still_runs_again_without_a_second_debit() {
    let mut world = World::credited();
    world.spend(&keyed(1, "k"));
    world.later(REDELIVER_WITHIN + LEASE);
    assert_eq!(world.spend(&keyed(2, "k")), replay(2, 1, 49_900));
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn a_key_that_was_taken_over_late_stays_with_the_request_that_runs() {
    let mut world = World::credited();
    world.spend(&keyed(1, "k"));
    world.later(KEPT - 5 * SECOND);
    assert_eq!(world.spend(&keyed(2, "k")), replay(2, 1, 49_900));
    // The origin is slow; meanwhile another request of this client comes, more than a day after the key's first use.
    world.later(6 * SECOND);
    assert_eq!(world.spend(&keyed(3, "another")), new(3, 49_800));
    assert_eq!(world.spend(&keyed(4, "k")), other(Keyed::Running, 49_800));
    assert!(delivers(&world, 2), "its answer goes out");
    world.later(SECOND);
    assert_eq!(
        world.spend(&keyed(5, "k")),
        other(Keyed::Delivered { seq: 2 }, 49_800),
        "and is paid for once"
    );
    assert_eq!(world.entries().len(), 3);
}

#[test]
fn a_key_that_was_debited_anew_is_kept_a_day_from_then_on() {
    let mut world = World::credited();
    world.spend(&keyed(1, "k"));
    gives_back(&world, 2, 1, 1);
    world.later(KEPT - SECOND);
    assert_eq!(world.spend(&keyed(2, "k")), new(4, 49_900));
    world.later(LEASE);
    assert_eq!(world.spend(&keyed(3, "k")), replay(4, 2, 49_900), "its answer was lost");
}
