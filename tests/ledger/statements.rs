//! The statement: newest first, every entry on one page, and nothing read of an account that is not there.

use serde_json::json;
use stripe402_core::protocol::Currency;
use stripe402_edge::ledger::statement::{Cursor, Page, Statement};

use super::given::{World, eur, order, units, usd};

fn page(before: Option<Cursor>, limit: u32) -> Page {
    Page { currency: None, before, limit, client_id: None }
}

fn shown(world: &World, page: &Page) -> Statement {
    world.account().statement(page).unwrap()
}

/// A client with entries in two currencies, in turns.
fn history() -> World {
    let mut world = World::credited();
    world.credit(eur(), 70_000, "pi_eur");
    for number in 1..=6 {
        world.later(1_000);
        world.spend(&order(number, 100));
        let mut euros = order(number + 100, 300);
        euros.currency = eur();
        world.spend(&euros);
    }
    world
}

fn names(statement: &Statement) -> Vec<String> {
    statement.entries.iter().map(|entry| format!("{}-{}", entry.currency, entry.seq)).collect()
}

#[test]
fn of_nobody_nothing_is_read_and_nothing_is_written() {
    let world = World::new();
    let statement = shown(&world, &page(None, 10));
    assert_eq!((statement.balances.len(), statement.entries.len(), statement.next), (0, 0, None));
    assert!(world.is_blank());
}

#[test]
fn the_newest_entry_comes_first_whatever_its_currency() {
    let statement = shown(&history(), &page(None, 100));
    assert_eq!(statement.balances, [(eur(), units(68_200)), (usd(), units(49_400))]);
    assert_eq!(statement.next, None);
    let ats: Vec<i64> = statement.entries.iter().map(|entry| entry.at.0).collect();
    assert!(ats.is_sorted_by(|one, next| one >= next), "{ats:?}");
    assert_eq!(statement.entries.len(), 14);
    let last = statement.entries.last().unwrap();
    assert_eq!((last.kind.as_str(), last.source.as_deref()), ("topup", Some("pi_first")));
}

#[test]
fn pages_of_any_size_show_every_entry_once_even_while_more_are_added() {
    let all = names(&shown(&history(), &page(None, 100)));
    for limit in 1..=15 {
        let world = history();
        let (mut seen, mut before) = (Vec::new(), None);
        for _ in 0..20 {
            let statement = shown(&world, &page(before.clone(), limit));
            assert!(statement.entries.len() <= usize::try_from(limit).unwrap());
            seen.extend(names(&statement));
            world.spend(&order(200, 100));
            let Some(next) = statement.next else { break };
            // As it goes over the wire.
            before = Some(Cursor::parse(&next.to_string()).unwrap());
        }
        let newer: Vec<&String> = seen.iter().filter(|name| !all.contains(name)).collect();
        // What was added in a currency that no page has shown an entry of yet is on the next one.
        seen = seen.iter().filter(|name| !newer.contains(name)).cloned().collect();
        assert_eq!(seen.len(), all.len(), "limit {limit}: {seen:?}");
        let (mut sorted, mut expected) = (seen.clone(), all.clone());
        sorted.sort();
        expected.sort();
        assert_eq!(sorted, expected, "limit {limit}");
    }
}

#[test]
fn one_currency_is_shown_alone_beside_all_balances() {
    let world = history();
    let statement = shown(&world, &Page { currency: Some(eur()), before: None, limit: 3, client_id: None });
    assert_eq!(names(&statement), ["eur-7", "eur-6", "eur-5"]);
    assert_eq!(statement.balances.len(), 2);
    assert_eq!(statement.next.as_ref().map(ToString::to_string).as_deref(), Some("eur-5"));
    // Of what no entry was shown, none has to be skipped.
    let first = shown(&world, &page(None, 1));
    assert_eq!(first.next.unwrap().to_string(), names(&shown(&world, &page(None, 1)))[0]);
    let other = Page { currency: Currency::parse("jpy").ok(), before: None, limit: 3, client_id: None };
    assert_eq!(shown(&world, &other).entries, []);
}

#[test]
fn a_statement_is_told_in_the_reference_implementations_records() {
    let world = history();
    let page = Page { currency: None, before: None, limit: 2, client_id: Some(super::given::client()) };
    let text = shown(&world, &page).to_json(page.client_id.as_ref());
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    let id = super::given::client().as_str().to_owned();
    assert_eq!(told["clientId"], id);
    assert_eq!(
        told["balances"],
        json!([{"currency": "eur", "balance": 68_200}, {"currency": "usd", "balance": 49_400}])
    );
    let entry = &told["entries"][0];
    let known = ["id", "type", "amount", "currency", "resource", "balance", "clientId"]
        .map(|name| entry[name].clone());
    let (currency, amount, balance) = match entry["currency"].as_str() {
        Some("eur") => ("eur", 300, 68_200),
        _ => ("usd", 100, 49_400),
    };
    let expected = [
        json!(format!("{currency}-7")),
        json!("deduction"),
        json!(amount),
        json!(currency),
        json!("GET /api/joke"),
        json!(balance),
        json!(id),
    ];
    assert_eq!(known, expected);
    assert!(entry["createdAt"].as_str().unwrap().ends_with('Z'), "{entry}");
    assert_eq!(told["next"], "eur-7.usd-7");
    let last = shown(&world, &Page { limit: 100, ..page }).to_json(None);
    let last: serde_json::Value = serde_json::from_str(&last).unwrap();
    let first = last["entries"].as_array().unwrap().last().unwrap();
    assert_eq!((&first["type"], &first["stripePaymentIntentId"]), (&json!("topup"), &json!("pi_first")));
    assert_eq!((&first["clientId"], &last["next"], first.get("resource")), (&json!(""), &json!(null), None));
}
