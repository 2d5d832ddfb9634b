//! What a debit costs, however long the account's history is: one row written, and a handful read.

use std::cell::RefCell;

use stripe402_edge::ledger::account::{Paying, Spent, Terms};
use stripe402_edge::ledger::statement::{Cursor, Page};
use stripe402_edge::ledger::{Account, Limits, Op, Order, Param, Pay, Row, Store, StoreError};

use super::given::{DAY, DEPLOYMENT, KEEP, MINUTE, World, for_price, id, known_card, op, order, units, usd};
use crate::support::sqlite::Sqlite;

/// A store that keeps the statements which were run on it.
struct Watched<'s> {
    store: &'s Sqlite,
    statements: RefCell<Vec<&'static str>>,
}

impl<'s> Watched<'s> {
    fn new(store: &'s Sqlite) -> Self {
        Self { store, statements: RefCell::default() }
    }

    /// The plan of every statement on entries that was run since the last time.
    fn plans(&self) -> Vec<(&'static str, Vec<String>)> {
        let statements = self.statements.take();
        let ours =
            statements.into_iter().filter(|sql| sql.contains("entry") && !sql.contains("sqlite_master"));
        ours.map(|sql| (sql, self.store.plan(sql))).collect()
    }
}

impl Store for Watched<'_> {
    fn run(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        self.statements.borrow_mut().push(sql);
        self.store.run(sql, params)
    }

    fn transaction<T, E: From<StoreError>>(&self, work: &mut dyn FnMut() -> Result<T, E>) -> Result<T, E> {
        self.store.transaction(work)
    }

    fn is_blank(&self) -> Result<bool, StoreError> {
        self.store.is_blank()
    }
}

/// An account with 100,000 entries, spread over the last 100,000 seconds.
fn long_history() -> World {
    let world = World::credited();
    world
        .store
        .run(
            "INSERT INTO entry (currency, seq, at, kind, amount, balance, resource, op)
             WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             SELECT 'usd', i, ?1 + (i - 100000) * 1000, 'debit', -1, 50000 - i % 2, 'GET /', printf('%032x', i) FROM n",
            &[world.now.into()],
        )
        .unwrap();
    world
}

/// Each line of a plan that reads `entry` finds its rows by the key, and nothing is sorted.
fn assert_cheap(sql: &str, plan: &[String]) {
    let mut searches = 0;
    for line in plan {
        assert!(!line.contains("TEMP B-TREE"), "sorts: {plan:#?}\n{sql}");
        if line.contains("SEARCH") {
            searches += 1;
            // The least currency is the key's first.
            let least = sql.contains("min(currency)") && line.contains("USING PRIMARY KEY");
            let by_key = least
                || line.contains("USING PRIMARY KEY (currency=?")
                || line.contains("undone USING PRIMARY KEY (op=?")
                || line == "SEARCH account USING INTEGER PRIMARY KEY (rowid=?)"
                || line.contains("USING INDEX entry_of (currency=? AND of_seq=?)");
            assert!(by_key, "not by the key: {plan:#?}\n{sql}");
        } else if line.contains("SCAN") {
            // What stays are the rows that the statement itself made: one, or those of the last two minutes.
            // And disputes, of which an account has a handful at most.
            let own = [
                "SCAN last",
                "SCAN back",
                "SCAN debit",
                "SCAN dispute",
                // One line per currency.
                "SCAN one",
                "SCAN known",
                "SCAN CONSTANT ROW",
                "SCAN (subquery",
            ];
            assert!(own.iter().any(|name| line.contains(name)), "scans: {plan:#?}\n{sql}");
        }
    }
    assert!(searches > 0, "no search: {plan:#?}\n{sql}");
}

#[test]
fn after_a_hundred_thousand_entries_a_debit_writes_one_row_and_reads_by_the_key() {
    let world = long_history();
    let watched = Watched::new(&world.store);
    let before = world.store.rows_changed();
    let spent = Account::new(&watched).spend(&order(200, 7), world.now).unwrap();
    assert!(matches!(spent, Spent::Paid(posted) if posted.seq == 100_001), "{spent:?}");
    assert_eq!(world.store.rows_changed() - before, 1);
    let plans = watched.plans();
    assert_eq!(plans.len(), 1, "one statement: {plans:?}");
    for (sql, plan) in plans {
        assert_cheap(sql, &plan);
    }
}

#[test]
fn a_debit_stands_in_no_index_beside_its_own_key() {
    // Rows of indexes are written rows, too, and the platform bills them: a debit has neither source nor of_seq, and
    // every index is partial over one of the two.
    let world = long_history();
    let indexes = world.store.look(
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'entry' AND sql IS NOT NULL",
    );
    assert!(!indexes.is_empty());
    for index in &indexes {
        let sql = index.text(0).unwrap();
        let partial = sql.ends_with("WHERE source IS NOT NULL") || sql.ends_with("WHERE of_seq IS NOT NULL");
        assert!(partial, "{sql}");
    }
    let table = &world.store.look("SELECT sql FROM sqlite_master WHERE name = 'entry'")[0];
    assert!(table.text(0).unwrap().ends_with("WITHOUT ROWID"), "the key is the table");
    let others = world.store.look("SELECT name FROM sqlite_master WHERE type = 'trigger'");
    assert_eq!(others, []);
}

#[test]
fn after_ten_thousand_top_ups_a_payment_and_a_handover_look_at_the_last_ones_only() {
    let world = World::credited();
    world
        .store
        .run(
            "INSERT INTO topup (id, started_at, settled_at, outcome, currency, units, machine)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
             SELECT printf('%032x', i), ?1 - i * 3600000, ?1 - i * 3600000, 'credited', 'usd', 50000, '{}' FROM n",
            &[world.now.into()],
        )
        .unwrap();
    let watched = Watched::new(&world.store);
    let account = Account::new(&watched);
    let limits = Limits { declines_per_hour: Some(5), per_day: Some(units(4_000_000)) };
    let pay = Pay { limits, ..for_price(60_000, known_card(1, "pm_1")) };
    let terms = Terms { side: &world.side, deployment: DEPLOYMENT, descriptor_suffix: None };
    let paying = account.pay(&pay, &id(9), &terms, world.now).unwrap();
    assert!(matches!(paying, Paying::Drive(_)), "{paying:?}");
    account.wake_at(KEEP, world.now).unwrap();
    account.report_at(MINUTE, world.now).unwrap();
    assert!(account.report(MINUTE, world.now.plus(MINUTE)).unwrap().is_some());
    let statements = watched.statements.take();
    let plans: Vec<_> = statements.into_iter().map(|sql| (sql, world.store.plan(sql))).collect();
    let mut by_time = 0;
    for (sql, plan) in &plans {
        assert!(!plan.iter().any(|line| line.contains("SCAN topup")), "{plan:#?}\n{sql}");
        by_time += plan.iter().filter(|line| line.contains("topup USING INDEX topup_settled")).count();
    }
    assert!(by_time >= 4, "declines, charges, and twice the handover: {plans:#?}");
}

#[test]
fn a_retried_call_reads_back_two_minutes_and_not_the_whole_history() {
    let world = long_history();
    let watched = Watched::new(&world.store);
    let retried =
        |hex: &str| Order { op: Op::parse(&format!("{hex:0>32}")).unwrap(), retried: true, ..order(0, 7) };
    // Entry number 99,880 is 120 s old, the one before it a second older.
    let found = Account::new(&watched).spend(&retried(&format!("{:x}", 99_880)), world.now).unwrap();
    assert!(matches!(found, Spent::Paid(posted) if posted.seq == 99_880), "{found:?}");
    let paid = Account::new(&watched).spend(&retried(&format!("{:x}", 99_879)), world.now).unwrap();
    assert!(matches!(paid, Spent::Paid(posted) if posted.seq == 100_001), "{paid:?}");
    let plans = watched.plans();
    assert_eq!(plans.len(), 3, "two look back and one debits");
    for (sql, plan) in plans {
        assert_cheap(sql, &plan);
    }
}

#[test]
fn balances_credits_and_reversals_read_by_the_key_too() {
    let world = long_history();
    let watched = Watched::new(&world.store);
    let account = Account::new(&watched);
    assert!(matches!(account.spend(&order(201, 60_000), world.now).unwrap(), Spent::Insufficient(_)));
    assert!(matches!(account.spend(&order(202, 9), world.now).unwrap(), Spent::Paid(_)));
    account.reverse(usd(), 100_001, &op(202), &op(202), world.now).unwrap();
    let before = world.store.rows_changed();
    let kind = stripe402_edge::ledger::entries::Kind::TopUp;
    stripe402_edge::ledger::entries::post_source(&watched, kind, usd(), units(5), "pi_9", world.now).unwrap();
    assert_eq!(world.store.rows_changed() - before, 1);
    let plans = watched.plans();
    assert_eq!(plans.len(), 6, "two debits, two balances, a reversal, a credit");
    for (sql, plan) in plans {
        assert_cheap(sql, &plan);
    }
}

#[test]
fn a_step_of_compaction_reads_by_the_key_too() {
    let world = long_history();
    let watched = Watched::new(&world.store);
    let account = Account::new(&watched);
    account.compact(DAY, world.now).unwrap();
    account.wake_at(DAY, world.now).unwrap();
    let plans = watched.plans();
    assert!(plans.len() > 4, "{plans:?}");
    // The last one only asks whether there is any entry.
    for (sql, plan) in plans.into_iter().filter(|(sql, _)| *sql != "SELECT 1 FROM entry LIMIT 1") {
        // The sums are grouped: a thousand rows at most. And the first and the next currency are found by the key.
        let fine = |line: &String| {
            line.contains("GROUP BY")
                || line == "SEARCH entry USING PRIMARY KEY"
                || line == "SEARCH entry USING PRIMARY KEY (currency>?)"
                || line == "SEARCH compacted USING PRIMARY KEY (currency=?)"
        };
        let plan: Vec<String> = plan.into_iter().filter(|line| !fine(line)).collect();
        assert_cheap(sql, &plan);
    }
}

#[test]
fn a_page_of_a_statement_reads_the_entries_that_it_shows() {
    let world = long_history();
    let watched = Watched::new(&world.store);
    let page = Page { currency: None, before: Cursor::parse("usd-90000"), limit: 50, client_id: None };
    let statement = Account::new(&watched).statement(&page).unwrap();
    assert_eq!((statement.entries.len(), statement.entries[0].seq), (50, 89_999));
    let plans = watched.plans();
    assert_eq!(plans.len(), 3, "the currencies, a balance, a page");
    for (sql, plan) in plans {
        assert_cheap(sql, &plan);
    }
}

#[test]
fn what_is_reported_is_read_by_the_key_too() {
    let mut world = long_history();
    let every = 60_000;
    for _ in 0..100 {
        if let Some(handover) = world.account().report(every, world.now).unwrap() {
            world.account().confirm(&handover).unwrap();
            break;
        }
    }
    world.later(DAY);
    assert!(matches!(world.spend(&order(1, 7)), Spent::Paid(_)));
    let watched = Watched::new(&world.store);
    let account = Account::new(&watched);
    assert!(account.report_at(every, world.now).unwrap().is_some());
    let handover = account.report(every, world.now).unwrap().unwrap();
    account.confirm(&handover).unwrap();

    // Entries by their key from where the sums end (`e`, and the debit of each, `d`); sums from the first hour that may have
    // changed (`u`).
    let plans = watched.plans();
    let by_key = "SEARCH e USING PRIMARY KEY (currency=? AND seq>? AND seq<?)";
    assert!(plans.iter().any(|(_, plan)| plan.iter().any(|line| line == by_key)), "{plans:#?}");
    for (sql, plan) in plans {
        for line in &plan {
            let scans = ["SCAN e", "SCAN d", "SCAN u", "SCAN report_usage"];
            assert!(!scans.contains(&line.as_str()), "reads all: {plan:#?}\n{sql}");
        }
    }
}
