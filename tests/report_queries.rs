//! The reports' queries against the tables that the accounts hand over to, in SQLite as D1 has it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use rusqlite::{Connection, types::Value};
use stripe402_core::protocol::Currency;
use stripe402_edge::gate::reporting::{ASKED, REPORTS, named, wanted};
use stripe402_edge::ledger::Millis;

const DAY: i64 = 86_400_000;
/// 2026-11-20, noon.
const NOW: Millis = Millis(1_795_176_000_000);
const TODAY: i64 = NOW.0 / DAY;

/// Two clients in dollars, one of them in yen too, over three days; a third that owes.
fn database() -> Connection {
    let database = Connection::open_in_memory().expect("a database");
    let migrations = [include_str!("../migrations/0001_reports.sql")];
    database.execute_batch(&migrations.concat()).expect("the tables");
    let (hour, today) = (TODAY * 24, TODAY * DAY);
    let rows = format!(
        "INSERT INTO account (account, created_at, updated_at, customer, frozen, handover) VALUES ('a', {today}, {today}, 'cus_1', 0, 1), ('b', {old}, {later}, NULL, 1, 1), ('c', {old}, {old}, NULL, 0, 1);
        INSERT INTO balance (account, currency, balance, updated_at, handover) VALUES ('a', 'usd', 40000, 0, 1), ('b', 'usd', 900, 0, 1), ('b', 'jpy', 500000, 0, 1), ('c', 'usd', -300, 0, 1);
        INSERT INTO usage (currency, hour, resource, account, debits, reversals, amount, handover) VALUES
            ('usd', {hour}, 'GET /joke', 'a', 10, 1, 900, 1), ('usd', {hour} + 1, 'GET /joke', 'b', 2, 0, 200, 1),
            ('usd', {hour} - 1, 'GET /weather', 'a', 1, 0, 500, 1), ('usd', {hour} - 24 * 30, 'GET /joke', 'a', 7, 0, 700, 1),
            ('jpy', {hour}, 'GET /joke', 'b', 1, 0, 10000, 1);
        INSERT INTO movement (account, currency, seq, at, kind, amount, source) VALUES
            ('a', 'usd', 1, {today}, 'topup', 50000, 'pi_1'), ('b', 'usd', 1, {today} - 1, 'topup', 60000, 'pi_2'),
            ('b', 'usd', 2, {today} + 5, 'refund', -1000, 're_1'), ('b', 'usd', 3, {today} + 6, 'dispute', -2000, 'dp_1'),
            ('b', 'usd', 4, {today} + 7, 'adjustment', 300, 'act x'), ('b', 'jpy', 1, {today}, 'topup', 510000, 'pi_3');
        INSERT INTO topup (id, account, started_at, settled_at, outcome, decline_code, currency, units, payment_intent, handover) VALUES
            ('t1', 'a', {today}, {today}, 'credited', NULL, 'usd', 50000, 'pi_1', 1),
            ('t2', 'b', {today}, {today} + 9, 'declined', 'card_declined', 'usd', 60000, NULL, 1),
            ('t3', 'b', {today}, {today} + 8, 'refused', NULL, 'usd', 70000, NULL, 1),
            ('t4', 'b', {old}, {old}, 'declined', 'expired_card', 'usd', 60000, NULL, 1);
        INSERT INTO dispute (id, account, at, payment_intent, currency, amount, status, withdrawn, reinstated, handover) VALUES
            ('dp_1', 'b', {old}, 'pi_2', 'usd', 2000, 'needs_response', 1, 0, 1), ('dp_2', 'b', {old}, 'pi_9', 'usd', 2000, 'won', 1, 1, 1),
            ('dp_3', 'a', {today}, 'pi_1', 'usd', 100, 'lost', 1, 0, 1);",
        old = today - 40 * DAY,
        later = today + 1,
    );
    database.execute_batch(&rows).expect("the rows");
    database
}

/// The rows of a report, as JSON has them.
fn report(database: &Connection, name: &str, query: &str) -> Vec<Vec<(String, Value)>> {
    let wanted =
        wanted(named(name).expect("a report"), query, Currency::USD, NOW).expect("it is asked for well");
    let mut statement = database.prepare(&format!("{ASKED}{}", wanted.sql)).expect("a query");
    assert_eq!(statement.parameter_count(), 4, "{name}");
    let names: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
    // As D1 binds what comes from JavaScript.
    let float = |number: i64| f64::from(i32::try_from(number / 1_000).unwrap()) * 1_000.0;
    let bound = (float(wanted.from.0), float(wanted.until.0), wanted.currency.code(), float(wanted.step));
    let rows = statement.query_map(bound, |row| {
        names.iter().enumerate().map(|(at, name)| Ok((name.clone(), row.get(at)?))).collect()
    });
    rows.expect("it runs").map(|row| row.expect("a row")).collect()
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        other => panic!("{other:?} is no whole number"),
    }
}

/// These columns of each row: numbers and texts as text.
fn shown(rows: &[Vec<(String, Value)>], columns: &[&str]) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::Text(text) => text.clone(),
        value => number(value).to_string(),
    };
    let cell = |row: &[(String, Value)], column: &str| {
        let found = row.iter().find(|(name, _)| name == column);
        text(&found.unwrap_or_else(|| panic!("no column {column}: {row:?}")).1)
    };
    rows.iter()
        .map(|row| columns.iter().map(|column| cell(row, column)).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn the_figures_are_those_of_the_time_and_the_currency() {
    let database = database();
    let columns = [
        "revenue",
        "requests",
        "reversals",
        "payers",
        "topUps",
        "charges",
        "refunded",
        "disputed",
        "adjusted",
    ];
    let today = report(&database, "summary", "?from=2026-11-20");
    assert_eq!(shown(&today, &columns), ["1100 11 1 2 50000 1 1000 2000 300"]);
    let month = report(&database, "summary", "");
    assert_eq!(shown(&month, &columns), ["1600 12 1 2 110000 2 1000 2000 300"]);
    let yen = report(&database, "summary", "?currency=jpy");
    assert_eq!(shown(&yen, &columns), ["10000 1 0 1 510000 1 0 0 0"]);
    let held =
        ["outstanding", "debts", "clients", "newClients", "frozen", "declines", "openDisputes", "updatedAt"];
    let updated = (TODAY * DAY + 1).to_string();
    assert_eq!(shown(&today, &held), [format!("40600 300 3 1 1 2 1 {updated}")]);
    assert_eq!(shown(&yen, &held), [format!("500000 0 1 1 1 0 0 {updated}")]);
    let nothing = Connection::open_in_memory().unwrap();
    nothing.execute_batch(include_str!("../migrations/0001_reports.sql")).unwrap();
    let empty = report(&nothing, "summary", "");
    assert_eq!(shown(&empty, &columns), ["0 0 0 0 0 0 0 0 0"]);
    assert_eq!(shown(&empty, &held), ["0 0 0 0 0 0 0 -"]);
}

#[test]
fn the_timeline_is_by_day_or_by_hour() {
    let (database, today) = (database(), TODAY * DAY);
    let columns = ["at", "revenue", "requests", "topUps"];
    let days = report(&database, "timeline", "");
    let yesterday = today - DAY;
    assert_eq!(
        shown(&days, &columns),
        [format!("{yesterday} 500 1 60000"), format!("{today} 1100 11 50000")]
    );
    let hours = report(&database, "timeline", "?from=2026-11-20&by=hour");
    let next = today + 3_600_000;
    assert_eq!(shown(&hours, &columns), [format!("{today} 900 9 50000"), format!("{next} 200 2 0")]);
    assert!(report(&database, "timeline", "?from=2026-11-10&to=2026-11-11").is_empty());
}

#[test]
fn the_lists_are_sorted_and_of_their_time() {
    let (database, today) = (database(), TODAY * DAY);
    let routes = report(&database, "routes", "");
    let columns = ["resource", "revenue", "requests", "reversals", "payers"];
    assert_eq!(shown(&routes, &columns), ["GET /joke 1100 11 1 2", "GET /weather 500 1 0 1"]);
    let clients = report(&database, "clients", "");
    let columns = ["account", "revenue", "requests", "topUps", "balance", "frozen"];
    assert_eq!(shown(&clients, &columns), ["a 1400 10 50000 40000 0", "b 200 2 60000 900 1"]);
    let refunds = report(&database, "refunds", "");
    let at = |more: i64| (today + more).to_string();
    assert_eq!(
        shown(&refunds, &["at", "account", "kind", "amount", "source"]),
        [format!("{} b dispute -2000 dp_1", at(6)), format!("{} b refund -1000 re_1", at(5))]
    );
    let disputes = report(&database, "disputes", "");
    assert_eq!(
        shown(&disputes, &["id", "status", "amount", "withdrawn", "reinstated", "stripePaymentIntentId"]),
        ["dp_3 lost 100 1 0 pi_1", "dp_1 needs_response 2000 1 0 pi_2"],
        "those of the time, and those that are open"
    );
    let declines = report(&database, "declines", "");
    assert_eq!(
        shown(&declines, &["at", "account", "outcome", "code", "amount"]),
        [format!("{} b declined card_declined 60000", at(9)), format!("{} b refused - 70000", at(8))]
    );
    let credits = report(&database, "credits", "?from=2026-11-01&to=2026-11-02&currency=jpy");
    assert_eq!(
        shown(&credits, &["currency", "outstanding", "debts", "clients"]),
        ["usd 40600 300 3", "jpy 500000 0 1"]
    );
}

#[test]
fn sums_of_routes_clients_and_days_are_the_same() {
    let database = database();
    let sum = |name: &str| -> i64 {
        let rows = report(&database, name, "");
        shown(&rows, &["revenue"]).iter().map(|revenue| revenue.parse::<i64>().unwrap()).sum()
    };
    let revenue = sum("summary");
    assert_eq!(["timeline", "routes", "clients"].map(sum), [revenue; 3]);
    assert_eq!(REPORTS.len(), 8);
}

#[test]
fn a_query_reads_the_hours_that_it_is_about_and_no_others() {
    let database = database();
    for name in ["summary", "timeline", "routes", "clients"] {
        let plan = format!("EXPLAIN QUERY PLAN {ASKED}{}", named(name).unwrap());
        let mut statement = database.prepare(&plan).unwrap();
        let steps = statement.query_map((0.0, 0.0, "usd", 1.0), |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        assert!(
            steps
                .iter()
                .any(|step| step.contains("usage USING PRIMARY KEY (currency=? AND hour>? AND hour<?)")),
            "{name}: {steps:#?}"
        );
        assert!(!steps.iter().any(|step| step.contains("SCAN usage")), "{name}: {steps:#?}");
    }
}
