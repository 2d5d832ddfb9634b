//! Credits and reversals: each source counts once, each debit is given back once.

use stripe402_core::protocol::Currency;
use stripe402_edge::ledger::account::Spent;
use stripe402_edge::ledger::{Param, Posted, Store};

use super::given::{World, eur, op, order, units, usd};

fn reverse(world: &World, currency: Currency, seq: i64, number: u8) -> i64 {
    world.account().reverse(currency, seq, &op(number), &op(number), world.now).unwrap().get()
}

#[test]
fn a_source_is_credited_once_whatever_else_is_said_of_it() {
    let world = World::credited();
    assert_eq!(world.credit(usd(), 700, "pi_2"), Some(Posted { seq: 2, balance: units(50_700) }));
    assert_eq!(world.credit(usd(), 700, "pi_2"), None);
    assert_eq!(world.credit(usd(), 900, "pi_2"), None, "not for another amount");
    assert_eq!(world.credit(eur(), 700, "pi_2"), None, "nor in another currency");
    assert_eq!(world.credit(usd(), 50_000, "pi_first"), None, "nor the top-up's own");
    assert_eq!(world.balance(usd()), 50_700);
    assert_eq!(world.balance(eur()), 0);
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn the_first_credit_of_a_currency_begins_at_nothing() {
    let world = World::credited();
    assert_eq!(world.credit(eur(), 300, "pi_2"), Some(Posted { seq: 1, balance: units(300) }));
    assert_eq!(world.credit(eur(), 1, "pi_3"), Some(Posted { seq: 2, balance: units(301) }));
}

#[test]
fn a_debit_is_given_back_once() {
    let mut world = World::credited();
    assert!(matches!(world.spend(&order(1, 20_000)), Spent::Paid(_)));
    assert!(matches!(world.spend(&order(2, 5_000)), Spent::Paid(_)));
    world.later(5);
    assert_eq!(reverse(&world, usd(), 2, 1), 45_000);
    assert_eq!(reverse(&world, usd(), 2, 1), 45_000, "asked again: only the balance is told");
    assert_eq!(reverse(&world, usd(), 3, 2), 50_000);
    assert_eq!(world.entries().len(), 5);
    let row = &world.store.look("SELECT at, kind, amount, resource, of_seq FROM entry WHERE seq = 4")[0];
    assert_eq!((row.integer(0).unwrap(), row.integer(2).unwrap()), (world.now.0, 20_000));
    assert_eq!((row.text(1).unwrap(), row.text(3).unwrap()), ("reversal", "GET /api/joke"));
    assert_eq!(row.integer(4).unwrap(), 2);
}

#[test]
fn only_the_attempt_that_made_a_debit_can_ask_for_it_back() {
    let world = World::credited();
    assert!(matches!(world.spend(&order(1, 20_000)), Spent::Paid(_)));
    for (currency, seq, number, why) in [
        (usd(), 2, 2, "another attempt"),
        (usd(), 3, 1, "an entry that is not there"),
        (usd(), 1, 1, "a top-up"),
        (usd(), -1, 1, "no number"),
    ] {
        assert_eq!(reverse(&world, currency, seq, number), 30_000, "{why}");
    }
    assert_eq!(reverse(&world, eur(), 2, 1), 0, "another currency");
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn a_reversal_is_not_reversed() {
    let world = World::credited();
    assert!(matches!(world.spend(&order(1, 20_000)), Spent::Paid(_)));
    assert_eq!(reverse(&world, usd(), 2, 1), 50_000);
    assert_eq!(reverse(&world, usd(), 3, 1), 50_000);
    assert_eq!(world.entries().len(), 3);
}

#[test]
fn debits_of_two_currencies_under_one_number_are_given_back_each() {
    let world = World::credited();
    world.credit(eur(), 1_000, "pi_eur").unwrap();
    assert!(matches!(world.spend(&order(1, 100)), Spent::Paid(Posted { seq: 2, .. })));
    let mut euros = order(1, 400);
    euros.currency = eur();
    assert!(matches!(world.spend(&euros), Spent::Paid(Posted { seq: 2, .. })));
    assert_eq!(reverse(&world, eur(), 2, 1), 1_000);
    assert_eq!(reverse(&world, usd(), 2, 1), 50_000);
}

#[test]
fn the_tables_themselves_refuse_a_second_credit_or_reversal() {
    // What holds even if the statements above were wrong: the constraints, tried by hand.
    let world = World::credited();
    let insert = |sql: &'static str| world.store.run(sql, &[]).map(|_| ()).map_err(|error| error.to_string());
    let rows = [
        "INSERT INTO entry (currency, seq, at, kind, amount, balance, source) VALUES ('usd', 2, 0, 'topup', 1, 1, 'pi_first')",
        "INSERT INTO entry (currency, seq, at, kind, amount, balance) VALUES ('usd', 1, 0, 'debit', 1, 1)",
        "INSERT INTO entry (currency, seq, at, kind, amount, balance) VALUES ('usd', 2, 0, 'debit', 'x', 1)",
        "INSERT INTO account (one, version, client_id, created_at, attempted_at) VALUES (2, 1, 'x', 0, 0)",
    ];
    for sql in rows {
        let refused = insert(sql).unwrap_err();
        assert!(refused.contains("constraint") || refused.contains("cannot store"), "{sql}: {refused}");
    }
    assert!(matches!(world.spend(&order(1, 100)), Spent::Paid(_)));
    assert_eq!(reverse(&world, usd(), 2, 1), 50_000);
    let again = world.store.run(
        "INSERT INTO entry (currency, seq, at, kind, amount, balance, of_seq) VALUES ('usd', 4, 0, 'reversal', 1, 1, ?1)",
        &[Param::Integer(2)],
    );
    assert!(again.unwrap_err().to_string().contains("UNIQUE"), "a debit is given back once");
}
