//! Old debits become sums: balances, the last entry and whatever has a source stay as they were.

use stripe402_edge::ledger::account::Spent;
use stripe402_edge::ledger::entries;
use stripe402_edge::ledger::{Millis, Order, Posted, Row, Store};

use super::given::{DAY, HOUR, KEEP, START, World, eur, op, order, units, usd};

/// What every account of these tests has: a credit and, an hour later, four debits, one of them given back.
fn used() -> World {
    let mut world = World::credited();
    world.now = START.plus(HOUR);
    for number in 1..=3 {
        assert!(matches!(world.spend(&order(number, 100)), Spent::Paid(_)));
    }
    let weather = Order { resource: "GET /api/weather".to_owned(), ..order(4, 500) };
    assert!(matches!(world.spend(&weather), Spent::Paid(_)));
    world.account().reverse(usd(), 3, &op(2), &op(2), world.now).unwrap();
    world
}

fn sums(world: &World) -> Vec<(String, i64, String, i64, i64, i64)> {
    let rows = world.store.look(
        "SELECT currency, hour, resource, debits, reversals, amount FROM summary ORDER BY currency, hour, resource",
    );
    let sum = |row: &Row| {
        let text = |column| row.text(column).unwrap().to_owned();
        let number = |column| row.integer(column).unwrap();
        (text(0), number(1), text(2), number(3), number(4), number(5))
    };
    rows.iter().map(sum).collect()
}

fn left(world: &World) -> Vec<(i64, String)> {
    let rows = world.store.look("SELECT seq, kind FROM entry ORDER BY currency, seq");
    rows.iter().map(|row| (row.integer(0).unwrap(), row.text(1).unwrap().to_owned())).collect()
}

fn hour_of(at: Millis) -> i64 {
    at.0 / HOUR
}

#[test]
fn old_debits_become_sums_per_hour_and_route_and_the_balance_stays() {
    let mut world = used();
    let spent_at = world.now;
    world.now = spent_at.plus(KEEP);
    assert!(matches!(world.spend(&order(9, 1)), Spent::Paid(_)), "a young one, so that the last entry stays");
    world.account().compact(KEEP, world.now).unwrap();

    let hour = hour_of(spent_at);
    let joke = ("usd".to_owned(), hour, "GET /api/joke".to_owned(), 3, 1, -200);
    let weather = ("usd".to_owned(), hour, "GET /api/weather".to_owned(), 1, 0, -500);
    assert_eq!(sums(&world), [joke, weather]);
    assert_eq!(left(&world), [(1, "topup".to_owned()), (7, "debit".to_owned())]);
    assert_eq!(world.balance(usd()), 50_000 - 700 - 1);
    let all = world.store.look("SELECT (SELECT sum(amount) FROM entry) + (SELECT sum(amount) FROM summary)");
    assert_eq!(all[0].integer(0), Ok(world.balance(usd())));

    // The next debit counts on from there, and a second step has nothing to do.
    let before = world.store.rows_changed();
    world.account().compact(KEEP, world.now).unwrap();
    assert_eq!(world.store.rows_changed(), before, "nothing is written where nothing is to be done");
    assert_eq!(world.spend(&order(10, 99)), Spent::Paid(Posted { seq: 8, balance: units(49_200) }));
}

#[test]
fn a_day_too_young_or_the_last_of_its_currency_stays() {
    let mut world = used();
    let spent_at = world.now;
    world.now = spent_at.plus(KEEP - 1);
    world.account().compact(KEEP, world.now).unwrap();
    assert_eq!(left(&world).len(), 6);
    assert_eq!(sums(&world), []);

    // The reversal is the last entry, and holds the balance: its debit stays with it, and what follows that.
    world.now = spent_at.plus(KEEP);
    world.account().compact(KEEP, world.now).unwrap();
    let kinds: Vec<i64> = left(&world).into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(kinds, [1, 3, 4, 5, 6]);
    assert_eq!(world.balance(usd()), 49_300);
}

#[test]
fn a_debit_stays_until_its_reversal_is_old_too() {
    let mut world = used();
    let spent_at = world.now;
    world.now = spent_at.plus(HOUR);
    world.account().reverse(usd(), 2, &op(1), &op(1), world.now).unwrap();
    assert!(matches!(world.spend(&order(9, 1)), Spent::Paid(_)));
    world.now = spent_at.plus(KEEP);
    world.account().compact(KEEP, world.now).unwrap();
    assert_eq!(left(&world).len(), 8, "the first debit was given back an hour later");
    world.now = world.now.plus(HOUR);
    world.account().compact(KEEP, world.now).unwrap();
    assert_eq!(left(&world), [(1, "topup".to_owned()), (8, "debit".to_owned())]);
    let sums = sums(&world);
    assert_eq!((sums[0].3, sums[0].4, sums[0].5), (3, 2, -100));
}

#[test]
fn what_has_a_source_and_what_stripe_took_stays() {
    let mut world = used();
    let take =
        entries::adjust(&world.store, entries::Kind::Refund, usd(), units(-50), "pi_1", None, world.now);
    take.unwrap();
    world.credit(eur(), 7_000, "pi_eur").unwrap();
    world.now = world.now.plus(KEEP);
    world.account().compact(KEEP, world.now).unwrap();
    let kinds: Vec<String> = left(&world).into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, ["topup", "topup", "refund"]);
    assert_eq!((world.balance(usd()), world.balance(eur())), (49_250, 7_000));
}

#[test]
fn the_alarm_comes_a_day_after_the_first_is_old_enough_and_not_for_nothing() {
    let mut world = used();
    let wake = |world: &World| world.account().wake_at(KEEP, world.now).unwrap();
    let spent_at = world.now;
    assert_eq!(wake(&world), Some(spent_at.plus(KEEP + DAY)));
    // Then everything goes that can. The last stays, and nobody comes back for it alone.
    world.now = spent_at.plus(KEEP + DAY);
    assert!(matches!(world.spend(&order(9, 1)), Spent::Paid(_)));
    world.account().compact(KEEP, world.now).unwrap();
    let last = world.now;
    assert_eq!(
        wake(&world),
        Some(last.plus(KEEP + DAY)),
        "debits set no alarm: somebody looks after what follows"
    );
    world.now = last.plus(KEEP + DAY);
    world.account().compact(KEEP, world.now).unwrap();
    assert_eq!(left(&world), [(1, "topup".to_owned()), (7, "debit".to_owned())]);
    assert_eq!(wake(&world), None);
}

#[test]
fn a_step_is_bounded_and_the_alarm_rings_until_all_is_done() {
    let mut world = World::credited();
    world
        .store
        .run(
            "INSERT INTO entry (currency, seq, at, kind, amount, balance, resource, op)
             WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 3501)
             SELECT 'usd', i, ?1, 'debit', -1, 50001 - i, 'GET /', printf('%032x', i) FROM n",
            &[world.now.into()],
        )
        .unwrap();
    world.now = world.now.plus(KEEP + DAY);
    let mut steps = 0;
    while world.account().wake_at(KEEP, world.now).unwrap().is_some_and(|at| at <= world.now) {
        world.account().compact(KEEP, world.now).unwrap();
        steps += 1;
        assert!(steps < 10, "it ends");
    }
    assert_eq!(steps, 4, "a thousand at a time");
    assert_eq!(left(&world), [(1, "topup".to_owned()), (3_501, "debit".to_owned())]);
    assert_eq!(sums(&world).iter().map(|sum| (sum.3, sum.5)).collect::<Vec<_>>(), [(3_499, -3_499)]);
    assert_eq!(world.balance(usd()), 46_500);
}

#[test]
fn an_attempt_that_was_given_up_is_not_debited_when_its_call_still_comes() {
    let world = World::credited();
    let late = order(1, 100);
    assert_eq!(world.account().undo(usd(), &late.op, world.now), Ok(units(50_000)));
    assert_eq!(world.spend(&late), Spent::Insufficient(units(50_000)));
    assert_eq!(world.spend(&Order { retried: true, ..late }), Spent::Insufficient(units(50_000)));
    // One that was debited, given up, and comes once more.
    assert!(matches!(world.spend(&order(2, 100)), Spent::Paid(_)));
    assert_eq!(world.account().undo(usd(), &op(2), world.now), Ok(units(50_000)));
    assert_eq!(world.spend(&order(2, 100)), Spent::Insufficient(units(50_000)));
    assert_eq!(world.balance(usd()), 50_000);
    // Others are debited as ever.
    assert!(matches!(world.spend(&order(3, 100)), Spent::Paid(_)));
}

#[test]
fn a_copy_of_a_call_that_comes_after_a_later_copy_is_not_debited() {
    let world = World::credited();
    // The second copy paid; the first comes late.
    let again = |number, price| Order { retried: true, nth: 2, ..order(number, price) };
    assert!(matches!(world.spend(&again(1, 100)), Spent::Paid(_)));
    assert_eq!(world.spend(&order(1, 100)), Spent::Insufficient(units(49_900)));
    assert!(matches!(world.spend(&Order { nth: 3, ..again(1, 100) }), Spent::Paid(Posted { seq: 2, .. })));
    // The second copy was refused; then there is enough, and the first comes.
    assert_eq!(world.spend(&again(2, 60_000)), Spent::Insufficient(units(49_900)));
    world.credit(usd(), 50_000, "pi_2").unwrap();
    assert_eq!(world.spend(&order(2, 60_000)), Spent::Insufficient(units(99_900)));
    assert_eq!(world.balance(usd()), 99_900);
    // What the same request asks after that is later than both.
    let later = Order { nth: 3, ..order(2, 60_000) };
    assert!(matches!(world.spend(&later), Spent::Paid(_)));
}

#[test]
fn a_pair_that_holds_the_balance_wakes_nobody() {
    let mut world = World::credited();
    assert!(matches!(world.spend(&order(1, 100)), Spent::Paid(_)));
    world.account().reverse(usd(), 2, &op(1), &op(1), world.now).unwrap();
    world.now = world.now.plus(10 * KEEP);
    // The alarm would ring at once, do nothing, and ring again.
    assert_eq!(world.account().wake_at(KEEP, world.now), Ok(None));
    world.account().compact(KEEP, world.now).unwrap();
    assert_eq!((left(&world).len(), world.account().wake_at(KEEP, world.now)), (3, Ok(None)));
}
