//! Debits that are old enough become sums, on real storage, by the alarm.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use stripe402_e2e::{Config, Layout, Paywall, Request, wait_for};

/// How many entries there are, how many debits the sums stand for, and what all of it adds up to.
fn tally(database: &Path) -> (i64, i64, i64) {
    let connection = Connection::open(database).expect("a database");
    let sql = "SELECT (SELECT count(*) FROM entry), (SELECT coalesce(sum(debits), 0) FROM summary),
        (SELECT sum(amount) FROM entry) + (SELECT coalesce(sum(amount), 0) FROM summary)";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    connection.query_row(sql, [], read).expect("its tables")
}

#[test]
fn debits_of_last_year_become_sums_and_the_balance_stays() {
    let routes = json!({"GET /api/joke": {"amount": 100}, "POST /api/translate": {"amount": 49_900}});
    let mut paywall = Paywall::start_raw(Config::new().routes(&routes), Layout::default());
    let card = paywall.stripe().card("compaction");
    let (joke, translate) = (|| Request::get("/api/joke"), || Request::post("/api/translate", "x"));
    assert_eq!(joke().payment(card.pays()).send(paywall.address()).expect("an answer").status, 200);
    for _ in 0..9 {
        let answer = joke().payment(card.spends()).send(paywall.address()).expect("an answer");
        assert_eq!(answer.status, 200);
    }
    paywall.kill();
    let [database] = &paywall.databases()[..] else { panic!("one account") };
    assert_eq!(tally(database), (11, 0, 49_000));
    // A year goes by.
    let aged = "UPDATE entry SET at = at - 365 * 86400000";
    assert_eq!(Connection::open(database).expect("a database").execute(aged, []), Ok(11));

    // The next top-up sets the alarm, which is long due.
    paywall.start_again();
    let answer = translate().payment(card.pays()).send(paywall.address()).expect("an answer");
    assert_eq!((answer.status, answer.receipt().credits_remaining.get()), (200, 49_100));
    wait_for(
        Duration::from_secs(30),
        || format!("the debits to be summed up: {:?}", tally(database)),
        // Two top-ups and the new debit are left.
        || (tally(database) == (3, 10, 49_100)).then_some(()),
    );
    let answer = joke().payment(card.spends()).send(paywall.address()).expect("an answer");
    assert_eq!((answer.status, answer.receipt().credits_remaining.get()), (200, 49_000));
}
