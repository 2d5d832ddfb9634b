//! What is handed over to the reports: absolute values, until they have arrived, however often and late they come.

use proptest::prelude::*;
use stripe402_edge::ledger::account::Terms;
use stripe402_edge::ledger::entries::{self, Kind};
use stripe402_edge::ledger::operator::{Act, What};
use stripe402_edge::ledger::{Order, Row, Store, Value};
use stripe402_edge::reports::statements;

use super::given::{
    DAY, DEPLOYMENT, HOUR, KEEP, MINUTE, SECOND, START, World, account_id, act, card, eur, for_price, op,
    order, units, usd,
};
use crate::support::replies::{Intent, declined};
use crate::support::sqlite::Sqlite;

/// How long after an entry a handover is due.
const EVERY: i64 = MINUTE;

/// The reports' database: the real tables and the real statements.
struct Reports(Sqlite);

impl Reports {
    fn new() -> Self {
        let sqlite = Sqlite::in_memory();
        sqlite.script(include_str!("../../migrations/0001_reports.sql"));
        Self(sqlite)
    }

    /// A handover arrives.
    fn take(&self, handover: &str) {
        let write = || statements().try_for_each(|sql| self.0.run(sql, &[handover.into()]).map(drop));
        self.0.transaction(&mut || write()).unwrap();
    }

    fn look(&self, sql: &'static str) -> Vec<Vec<String>> {
        shown(self.0.look(sql))
    }

    /// Debits, reversals and amount, by currency, hour and route.
    fn usage(&self) -> Vec<Vec<String>> {
        self.look(
            "SELECT currency, hour, resource, sum(debits), sum(reversals), sum(amount) FROM usage GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        )
    }
}

fn shown(rows: Vec<Row>) -> Vec<Vec<String>> {
    let value = |value: Value| match value {
        Value::Null => "-".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text,
    };
    rows.into_iter().map(|row| row.0.into_iter().map(value).collect()).collect()
}

fn due(world: &World) -> Option<i64> {
    world.account().report_at(EVERY, world.now).unwrap().map(|at| at.since(world.now))
}

/// What is handed over next.
fn handed(world: &World) -> String {
    for _ in 0..100 {
        if let Some(handover) = world.account().report(EVERY, world.now).unwrap() {
            return handover;
        }
    }
    panic!("it does not end");
}

fn confirm(world: &World, handover: &str) {
    world.account().confirm(handover).unwrap();
}

/// Hands over until nothing is due.
fn report(world: &World, reports: &Reports) -> usize {
    let mut handovers = 0;
    while due(world).is_some() {
        let handover = handed(world);
        reports.take(&handover);
        confirm(world, &handover);
        handovers += 1;
        assert!(handovers < 50, "it ends");
    }
    handovers
}

/// What the account's own tables say, entries and sums together.
const EARNED: &str = "
    SELECT currency, hour, resource, sum(debits), sum(reversals), sum(amount) FROM (
        SELECT d.currency, d.at / 3600000 AS hour, coalesce(d.route, d.resource) AS resource, e.kind = 'debit' AS debits,
            e.kind = 'reversal' AS reversals, -e.amount AS amount
        FROM entry AS e JOIN entry AS d ON d.currency = e.currency AND d.seq = coalesce(e.of_seq, e.seq)
        WHERE e.kind IN ('debit', 'reversal')
        UNION ALL SELECT currency, hour, resource, debits, reversals, -amount FROM summary)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";

/// The reports say what the account says, to the unit.
fn agree(world: &World, reports: &Reports) {
    assert_eq!(reports.usage(), shown(world.store.look(EARNED)));
    let both = [
        (
            "SELECT currency, seq, at, kind, amount, source FROM movement ORDER BY currency, seq",
            "SELECT currency, seq, at, kind, amount, coalesce(source, resource) FROM entry
             WHERE kind NOT IN ('debit', 'reversal') ORDER BY currency, seq",
        ),
        (
            "SELECT currency, balance FROM balance ORDER BY currency",
            "SELECT currency, balance FROM entry AS e WHERE seq = (SELECT max(seq) FROM entry WHERE currency = e.currency)
             ORDER BY currency",
        ),
        (
            "SELECT id, started_at, settled_at, outcome, currency, units, payment_intent FROM topup ORDER BY id",
            "SELECT id, started_at, settled_at, outcome, currency, units, payment_intent FROM topup
             WHERE outcome IS NOT NULL AND units > 0 ORDER BY id",
        ),
        (
            "SELECT id, at, payment_intent, currency, amount, status, withdrawn, reinstated FROM dispute ORDER BY id",
            "SELECT id, at, payment_intent, currency, amount, status, withdrawn, reinstated FROM dispute ORDER BY id",
        ),
        (
            "SELECT created_at, customer, frozen FROM account",
            "SELECT created_at, customer, frozen IS NOT NULL OR EXISTS
                (SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review')) FROM account
             WHERE EXISTS (SELECT 1 FROM entry)",
        ),
    ];
    for (theirs, ours) in both {
        assert_eq!(reports.look(theirs), shown(world.store.look(ours)), "{theirs}");
    }
}

fn does(world: &World, act: &Act) {
    let terms = Terms { side: &world.side, deployment: DEPLOYMENT, descriptor_suffix: None };
    world.account().act(act, &terms, world.now).unwrap();
}

fn dispute(world: &World, status: &str, flags: stripe402_edge::ledger::account::DisputeFlags) {
    let truth = stripe402_edge::stripe::Dispute {
        id: "dp_1".to_owned(),
        amount: 200,
        currency: "usd".to_owned(),
        status: status.to_owned(),
    };
    let intent = Intent::new("pi_first", "succeeded").of(&super::given::id(1)).read();
    world.account().announce_dispute(&super::given::id(1), &intent, &truth, flags, world.now).unwrap();
}

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
fn many(world: &World, debits: i64, routes: i64) {
    let sql = "INSERT INTO entry (currency, seq, at, kind, amount, balance, resource, op)
         WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= ?2)
         SELECT 'usd', i, ?1, 'debit', -1, 50001 - i, 'GET /' || (i % ?3), printf('%032x', i) FROM n";
    world.store.run(sql, &[world.now.into(), debits.into(), routes.into()]).unwrap();
}

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

/// What may happen, in any order.
#[derive(Debug, Clone)]
enum Thing {
    Spend(u8, i64),
    Reverse(u8),
    Credit(bool, i64),
    Take(i64),
    Freeze(bool),
    Later(i64),
    Compact,
    /// A handover is made; it arrives (or not), and that is confirmed (or not).
    HandOver(bool, bool),
    /// A copy of an earlier one arrives.
    Copy(usize),
    Anew,
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        8 => (0..4_u8, 1..200_i64).prop_map(|(route, price)| Thing::Spend(route, price)),
        3 => (0..8_u8).prop_map(Thing::Reverse),
        2 => (any::<bool>(), 5_000..9_000_i64).prop_map(|(euro, amount)| Thing::Credit(euro, amount)),
        1 => (1..500_i64).prop_map(Thing::Take),
        1 => any::<bool>().prop_map(Thing::Freeze),
        4 => prop_oneof![Just(SECOND), Just(MINUTE), Just(HOUR), Just(DAY), Just(KEEP)].prop_map(Thing::Later),
        2 => Just(Thing::Compact),
        6 => (any::<bool>(), any::<bool>()).prop_map(|(arrives, confirmed)| Thing::HandOver(arrives, confirmed)),
        2 => (0..9_usize).prop_map(Thing::Copy),
        1 => Just(Thing::Anew),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_lost_late_or_repeated_the_reports_say_in_the_end_what_the_account_says(
        things in prop::collection::vec(thing(), 1..60)
    ) {
        let mut world = World::credited();
        let reports = Reports::new();
        let mut sent: Vec<String> = Vec::new();
        let mut debits: Vec<(i64, u8)> = Vec::new();
        for (nth, thing) in things.iter().enumerate() {
            let name = u8::try_from(nth + 1).unwrap();
            match thing {
                Thing::Spend(route, price) => {
                    let one = Order {
                        resource: format!("GET /{route}/{nth}"),
                        route: Some(format!("GET /{route}/*")),
                        ..order(name, *price)
                    };
                    if let stripe402_edge::ledger::account::Spent::Paid(posted) = world.spend(&one) {
                        debits.push((posted.seq, name));
                    }
                }
                Thing::Reverse(back) => {
                    if let Some((seq, of)) = debits.iter().rev().nth(usize::from(*back)) {
                        world.account().reverse(usd(), *seq, &op(*of), &op(*of), world.now).unwrap();
                    }
                }
                Thing::Credit(euro, amount) => {
                    let currency = if *euro { eur() } else { usd() };
                    world.credit(currency, *amount, &format!("pi_{nth}")).unwrap();
                }
                Thing::Take(amount) => entries::adjust(
                    &world.store, Kind::Refund, usd(), units(-amount), "pi_first", None, world.now,
                ).unwrap(),
                Thing::Freeze(on) => {
                    does(&world, &act(&format!("{nth}"), if *on { What::Freeze } else { What::Unfreeze }));
                }
                Thing::Later(span) => world.later(*span),
                Thing::Compact => world.account().compact(KEEP, world.now).unwrap(),
                Thing::HandOver(arrives, confirmed) => {
                    if due(&world).is_some() {
                        let handover = handed(&world);
                        if *arrives {
                            reports.take(&handover);
                            if *confirmed {
                                confirm(&world, &handover);
                            }
                        }
                        sent.push(handover);
                    }
                }
                Thing::Copy(nth) => {
                    if let Some(copy) = sent.iter().rev().nth(*nth) {
                        reports.take(copy);
                    }
                }
                Thing::Anew => does(&world, &act(&format!("{nth}"), What::Report)),
            }
        }
        report(&world, &reports);
        agree(&world, &reports);
        for copy in &sent {
            reports.take(copy);
        }
        agree(&world, &reports);
        prop_assert!(START < world.now);
    }
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
