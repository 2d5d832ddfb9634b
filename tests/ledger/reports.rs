//! What is handed over to the reports: absolute values, until they have arrived, however often and late they come.

use stripe402_edge::ledger::Order;
use stripe402_edge::ledger::entries::{self, Kind};
use stripe402_edge::ledger::operator::What;

use super::given::{
    DAY, HOUR, KEEP, MINUTE, SECOND, World, account_id, act, card, eur, for_price, op, order, units, usd,
};
use crate::support::replies::{Intent, declined};

use super::reporting::{EVERY, Reports, agree, confirm, dispute, does, due, handed, many, report};

#[test]
fn what_was_earned_is_handed_over_by_hour_and_route_with_all_else_that_happened() {
    let mut world = World::credited();
    let reports = Reports::new();
    for number in 1..=3 {
        world.spend(&order(number, 100));
    }
    let route = Some("POST /v1/images/*".to_owned());
    let image = Order { resource: "POST /v1/images/7".to_owned(), route, ..order(4, 500) };
    world.spend(&image);
    // Given back in the next hour: it counts in the hour of its debit.
    let hour = (world.now.0 / HOUR).to_string();
    world.later(HOUR);
    world.account().reverse(usd(), 3, &op(2), &op(2), world.now).unwrap();
    world.credit(eur(), 7_000, "pi_eur").unwrap();
    let take = entries::adjust(&world.store, Kind::Refund, usd(), units(-50), "pi_first", None, world.now);
    take.unwrap();

    assert_eq!(report(&world, &reports), 1);

    assert_eq!(
        reports.usage(),
        [
            ["usd", &hour, "GET /api/joke", "3", "1", "200"],
            ["usd", &hour, "POST /v1/images/*", "1", "0", "500"]
        ]
    );
    assert_eq!(
        reports.look("SELECT currency, kind, amount, source FROM movement ORDER BY currency, seq"),
        [
            ["eur", "topup", "7000", "pi_eur"],
            ["usd", "topup", "50000", "pi_first"],
            ["usd", "refund", "-50", "pi_first"]
        ]
    );
    let account = account_id().as_str().to_owned();
    assert_eq!(
        reports.look("SELECT account, customer, frozen FROM account"),
        [[account.as_str(), "cus_1", "0"]]
    );
    assert_eq!(
        reports.look("SELECT outcome, decline_code, units, payment_intent FROM topup"),
        [["credited", "-", "50000", "pi_first"]]
    );
    agree(&world, &reports);
    assert_eq!(due(&world), None);
}

#[test]
fn a_new_client_is_handed_over_after_its_first_minute() {
    let mut world = World::new();
    let call = world.charging(&card(0, "pm_1"));
    world.reply(&call, Intent::new("pi_first", "succeeded").reply(), &[]);
    assert_eq!(due(&world), Some(EVERY));
}

#[test]
fn a_handover_is_due_a_minute_after_what_it_holds_and_again_until_it_has_arrived() {
    let mut world = World::credited();
    let reports = Reports::new();
    assert_eq!(due(&world), Some(EVERY - DAY - HOUR), "the credit of yesterday");
    report(&world, &reports);
    world.later(HOUR);
    world.spend(&order(1, 100));
    assert_eq!(due(&world), Some(EVERY));
    world.later(20 * SECOND);
    world.spend(&order(2, 100));
    assert_eq!(due(&world), Some(40 * SECOND), "of the first");

    world.later(40 * SECOND);
    let mut waits = Vec::new();
    let mut numbers = Vec::new();
    for _ in 0..9 {
        let handover = handed(&world);
        numbers.push(
            serde_json::from_str::<serde_json::Value>(&handover).unwrap()["handover"].as_i64().unwrap(),
        );
        let wait = due(&world).unwrap();
        waits.push(wait / MINUTE);
        world.spend(&order(3, 1));
        assert_eq!(due(&world), Some(wait), "what comes meanwhile waits as well");
        world.later(wait);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert!(numbers.is_sorted_by(|one, next| one < next));

    report(&world, &reports);
    agree(&world, &reports);
    world.spend(&order(4, 1));
    assert_eq!(due(&world), Some(EVERY), "it does not wait for what failed before");
}

#[test]
fn what_comes_late_or_twice_changes_nothing_and_what_changed_meanwhile_is_handed_over_again() {
    let mut world = World::credited();
    let reports = Reports::new();
    world.spend(&order(1, 100));
    let early = handed(&world);
    world.spend(&order(2, 100));
    does(&world, &act("f", What::Freeze));
    // Its answer was lost on the way.
    reports.take(&early);
    let later = handed(&world);
    reports.take(&later);
    // The confirmation of the early one says nothing of the later one.
    confirm(&world, &early);
    assert!(due(&world).is_some());
    does(&world, &act("u", What::Unfreeze));
    world.account().reverse(usd(), 2, &op(1), &op(1), world.now).unwrap();
    confirm(&world, &later);
    assert!(due(&world).is_some(), "what changed since");
    assert_eq!(reports.usage()[0][3..], ["2", "0", "200"]);
    assert_eq!(reports.look("SELECT frozen FROM account"), [["1"]]);
    world.later(MINUTE);
    report(&world, &reports);
    assert_eq!(reports.usage()[0][3..], ["2", "1", "100"]);
    for late in [&early, &later, &early] {
        reports.take(late);
        agree(&world, &reports);
    }
}

#[test]
fn declines_are_handed_over_and_leave_nothing_of_an_account_that_was_never_credited() {
    let mut world = World::new();
    let reports = Reports::new();
    assert_eq!(due(&world), None);
    assert_eq!(world.account().report(EVERY, world.now), Ok(None));
    assert!(world.is_blank(), "nothing is written for a client of whom nothing is known");

    let pay = card(1, "pm_1");
    let call = world.charging(&pay);
    assert_eq!(due(&world), None, "it is not settled");
    world.reply(&call, declined("insufficient_funds", "pi_1"), &[]);
    assert_eq!(due(&world), Some(EVERY));
    world.later(EVERY);
    report(&world, &reports);
    assert_eq!(
        reports.look("SELECT account, outcome, decline_code, units FROM topup"),
        [[account_id().as_str(), "declined", "insufficient_funds", "50000"]]
    );
    for table in
        ["SELECT * FROM account", "SELECT * FROM balance", "SELECT * FROM usage", "SELECT * FROM movement"]
    {
        assert!(reports.look(table).is_empty(), "{table}");
    }
    assert!(world.account().is_over(world.now.plus(2 * DAY)).unwrap(), "it is emptied as ever");
}

#[test]
fn a_charge_that_was_not_found_and_is_announced_later_is_handed_over_as_what_it_is() {
    let mut world = World::new();
    let reports = Reports::new();
    world.charging(&card(0, "pm_1"));
    world.side = super::given::side("51Other", false);
    does(&world, &act("settle", What::Settle));
    world.later(EVERY);
    report(&world, &reports);
    assert_eq!(reports.look("SELECT outcome FROM topup"), [["never_happened"]]);
    let intent = Intent::new("pi_late", "succeeded").of(&super::given::id(1)).read();
    world.account().announce_intent(&super::given::id(1), &intent, world.now).unwrap();
    report(&world, &reports);
    assert_eq!(reports.look("SELECT outcome, payment_intent FROM topup"), [["credited", "pi_late"]]);
    agree(&world, &reports);
}

#[test]
fn a_dispute_is_handed_over_at_once_with_what_it_did() {
    use stripe402_edge::ledger::account::DisputeFlags;
    let mut world = World::credited();
    let reports = Reports::new();
    report(&world, &reports);
    let heard = world.now;
    dispute(&world, "needs_response", DisputeFlags { withdrawn: true, reinstated: false });
    assert_eq!(due(&world), Some(0));
    report(&world, &reports);
    let told = "SELECT d.status, d.withdrawn, d.reinstated, d.at, a.frozen FROM dispute AS d, account AS a";
    assert_eq!(reports.look(told), [["needs_response", "1", "0", &heard.0.to_string(), "1"]]);
    world.later(DAY);
    dispute(&world, "won", DisputeFlags { withdrawn: true, reinstated: true });
    report(&world, &reports);
    assert_eq!(reports.look(told), [["won", "1", "1", &heard.0.to_string(), "0"]]);
    agree(&world, &reports);
}

/// So many debits of one unit, each on a route of its own of so many.
#[test]
fn a_step_and_a_handover_are_bounded() {
    let world = World::credited();
    let reports = Reports::new();
    many(&world, 12_000, 1_200);
    let mut steps = 0;
    let first = loop {
        match world.account().report(EVERY, world.now).unwrap() {
            None => steps += 1,
            Some(handover) => break handover,
        }
        assert!(steps < 5, "it ends");
    };
    assert_eq!(steps, 2, "five thousand at a time");
    reports.take(&first);
    assert_eq!(reports.usage().len(), 500);
    confirm(&world, &first);
    assert_eq!(due(&world), Some(0), "the rest follows at once");
    assert_eq!(report(&world, &reports), 2);
    agree(&world, &reports);
    assert_eq!(due(&world), None);
}

#[test]
fn entries_are_in_the_reports_sums_before_they_are_summed_up_and_deleted() {
    let mut world = World::credited();
    let reports = Reports::new();
    report(&world, &reports);
    for number in 1..=3 {
        world.spend(&order(number, 100));
    }
    world.account().reverse(usd(), 2, &op(1), &op(1), world.now).unwrap();
    world.later(KEEP + DAY);
    world.spend(&order(9, 1));
    // The database of the reports was away all the time.
    let lost = handed(&world);
    world.spend(&order(10, 1));
    world.account().compact(KEEP, world.now).unwrap();
    assert_eq!(world.store.look("SELECT count(*) FROM entry WHERE kind = 'debit'")[0].integer(0), Ok(2));
    assert_eq!(world.store.look("SELECT sum(debits) FROM summary")[0].integer(0), Ok(3));
    // What was summed up while this was under way is not confirmed with it.
    reports.take(&lost);
    confirm(&world, &lost);
    assert!(due(&world).is_some());
    world.later(HOUR);
    report(&world, &reports);
    agree(&world, &reports);
}

#[test]
fn what_was_summed_up_before_there_were_reports_is_in_them() {
    let mut world = World::credited();
    for number in 1..=3 {
        world.spend(&order(number, 100));
    }
    world.account().reverse(usd(), 2, &op(1), &op(1), world.now).unwrap();
    world.later(KEEP + DAY);
    world.spend(&order(9, 1));
    world.account().compact(KEEP, world.now).unwrap();
    assert_eq!(world.store.look("SELECT 1 FROM report"), [], "nothing is written where nobody reports");
    let reports = Reports::new();
    report(&world, &reports);
    agree(&world, &reports);
    assert_eq!(reports.usage().len(), 2);
}

#[test]
fn everything_is_handed_over_anew_when_an_operator_says_so() {
    let mut world = World::credited();
    let lost = Reports::new();
    for number in 1..=3 {
        world.spend(&order(number, 100));
    }
    report(&world, &lost);
    world.later(KEEP + DAY);
    world.spend(&order(9, 1));
    world.account().compact(KEEP, world.now).unwrap();
    let on_its_way = handed(&world);
    does(&world, &act("again", What::Report));
    confirm(&world, &on_its_way);
    assert!(due(&world).is_some_and(|span| span <= 0), "at once");
    let reports = Reports::new();
    report(&world, &reports);
    agree(&world, &reports);
    // The same act again is the same act.
    does(&world, &act("again", What::Report));
    assert_eq!(due(&world), None);
}

#[test]
fn a_client_that_was_erased_and_comes_back_adds_to_what_it_was() {
    let mut world = World::credited();
    let reports = Reports::new();
    for number in 1..=5 {
        world.spend(&for_price(10_000, card(number, "pm_1")).order);
    }
    report(&world, &reports);
    let before = reports.usage();
    does(&world, &act("erase", What::Erase));
    assert_eq!(due(&world), None);
    world.later(SECOND);
    let pay = card(9, "pm_2");
    let call = world.charging(&pay);
    world.reply(&call, Intent::new("pi_again", "succeeded").of(&super::given::id(2)).reply(), &[&pay]);
    report(&world, &reports);
    let after = reports.usage();
    assert_eq!((before.len(), after.len()), (1, 1), "in the same hour");
    assert_eq!((before[0][5].as_str(), after[0][5].as_str()), ("50000", "50100"));
    assert_eq!(reports.look("SELECT source FROM movement ORDER BY at"), [["pi_first"], ["pi_again"]]);
    assert_eq!(reports.look("SELECT balance FROM balance"), [["49900"]]);
}

#[test]
fn what_is_handed_over_is_found_by_its_key_however_much_there_is() {
    let mut world = World::credited();
    let reports = Reports::new();
    many(&world, 20_000, 40);
    report(&world, &reports);
    world.later(HOUR);
    world.spend(&order(1, 100));
    world.later(EVERY);
    let before = world.store.rows_changed();
    let handover = handed(&world);
    confirm(&world, &handover);
    assert_eq!(
        world.store.rows_changed() - before,
        4,
        "the number, how far the sums go, one sum, and that it arrived"
    );
    assert!(handover.len() < 600, "{handover}");
}
