//! The reports' database is not there, or has no tables: handovers wait, payments do not.

use std::time::Duration;

use serde_json::json;
use stripe402_e2e::{Paywall, Request, wait_for};

use crate::books::{Books, reports};
use crate::{TOKEN, config};

#[test]
fn what_cannot_be_handed_over_waits_and_arrives_once_there_are_tables() {
    let mut paywall = Paywall::start(config());
    let card = paywall.stripe().card("waits");
    assert_eq!(paywall.visitor("waits").pays("/api/joke", &card.pays()).status, 200);
    wait_for(
        Duration::from_secs(30),
        || "the handover to fail".to_owned(),
        || paywall.said().contains("a report could not be handed over").then_some(()),
    );
    assert!(!paywall.said().contains(card.client.as_str()), "what fails does not name the client");
    for _ in 0..5 {
        assert_eq!(paywall.visitor("waits").pays("/api/joke", &card.spends()).status, 200);
    }
    let act = |what: &str, paywall: &Paywall| {
        let path = format!("/.well-known/stripe402/admin/clients/{}/{what}", card.account);
        let body = json!({"by": "Ada", "reason": "the client asked"}).to_string();
        let request = Request::post(&path, body).header("authorization", format!("Bearer {TOKEN}"));
        paywall.visitor("operator").asks(request)
    };
    let refused = act("erase", &paywall);
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.text().contains("The reports do not have all of it yet"), "{refused:?}");

    paywall.kill();
    assert!(reports(&paywall.databases()).is_none());
    paywall.migrate();
    paywall.start_again();
    // Nobody comes by: the alarm hands over a minute after what failed.
    let arrived = || {
        let books = Books::reported(&paywall.databases())?;
        (books == Books::own(&paywall.databases())).then_some(books)
    };
    let books = wait_for(Duration::from_secs(150), || "the handover".to_owned(), arrived);
    assert_eq!((books.revenue("usd"), books.balances.values().sum::<i64>()), (600, 49_400));

    // The database was lost: everything is handed over anew.
    let answer = act("report", &paywall);
    assert_eq!(answer.status, 200, "{answer:?}");
    paywall.kill();
    for path in paywall.databases() {
        let connection = rusqlite::Connection::open(path).unwrap();
        drop(connection.execute_batch("DELETE FROM usage; DELETE FROM movement; DELETE FROM topup;"));
    }
    paywall.start_again();
    assert_ne!(Books::reported(&paywall.databases()).unwrap(), books);
    assert_eq!(act("report", &paywall).status, 200);
    wait_for(Duration::from_secs(30), || "the handover".to_owned(), || arrived_again(&paywall, &books));
}

fn arrived_again(paywall: &Paywall, books: &Books) -> Option<()> {
    (Books::reported(&paywall.databases())? == *books).then_some(())
}
