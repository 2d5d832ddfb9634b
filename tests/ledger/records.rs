//! What stands on disk: the tables, and the record of a top-up. An object of the next version reads what this one
//! wrote, so a change of either fails here first and needs a thought about what is there already.

use serde_json::{Value, json};
use stripe402_edge::ledger::record::Record;
use stripe402_edge::ledger::topup::TopUp;
use stripe402_edge::ledger::{Param, Store};

use super::given::{MINUTE, START, World, account_id, card, id};
use crate::support::replies::{Intent, declined};

/// The tables as they are deployed, white space aside.
const SCHEMA: &str = "
CREATE INDEX request_key_debit ON request_key (currency, seq)
CREATE INDEX topup_settled ON topup (settled_at)
CREATE TABLE account ( one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, client_id TEXT NOT NULL, customer TEXT, customers INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, attempted_at INTEGER NOT NULL, frozen TEXT ) STRICT
CREATE TABLE act ( id TEXT PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL, by_whom TEXT NOT NULL, reason TEXT NOT NULL, currency TEXT, amount INTEGER ) STRICT, WITHOUT ROWID
CREATE TABLE compacted ( currency TEXT PRIMARY KEY, up_to INTEGER NOT NULL ) STRICT, WITHOUT ROWID
CREATE TABLE dispute ( id TEXT PRIMARY KEY, payment_intent TEXT NOT NULL, currency TEXT NOT NULL, amount INTEGER NOT NULL, status TEXT NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0, reinstated INTEGER NOT NULL DEFAULT 0, at INTEGER NOT NULL DEFAULT 0 ) STRICT, WITHOUT ROWID
CREATE TABLE entry ( currency TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, amount INTEGER NOT NULL, balance INTEGER NOT NULL, resource TEXT, op TEXT, source TEXT, of_seq INTEGER, route TEXT, PRIMARY KEY (currency, seq) ) STRICT, WITHOUT ROWID
CREATE TABLE payback ( id TEXT PRIMARY KEY, act TEXT NOT NULL, payment_intent TEXT NOT NULL, currency TEXT NOT NULL, units INTEGER NOT NULL, taken INTEGER NOT NULL, at INTEGER NOT NULL, outcome TEXT, wake_at INTEGER, machine TEXT NOT NULL ) STRICT, WITHOUT ROWID
CREATE TABLE report ( one INTEGER PRIMARY KEY CHECK (one = 1), handover INTEGER NOT NULL, confirmed INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0, wake_at INTEGER, settled INTEGER NOT NULL DEFAULT 0 ) STRICT
CREATE TABLE report_movement ( currency TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (currency, seq) ) STRICT, WITHOUT ROWID
CREATE TABLE report_reach ( currency TEXT PRIMARY KEY, folded INTEGER NOT NULL, number INTEGER NOT NULL, dirty INTEGER ) STRICT, WITHOUT ROWID
CREATE TABLE report_usage ( currency TEXT NOT NULL, hour INTEGER NOT NULL, resource TEXT NOT NULL, debits INTEGER NOT NULL, reversals INTEGER NOT NULL, amount INTEGER NOT NULL, changed INTEGER NOT NULL, PRIMARY KEY (currency, hour, resource) ) STRICT, WITHOUT ROWID
CREATE TABLE reported ( id TEXT PRIMARY KEY, row TEXT NOT NULL ) STRICT, WITHOUT ROWID
CREATE TABLE request_key ( key TEXT PRIMARY KEY, target TEXT NOT NULL, currency TEXT NOT NULL, seq INTEGER NOT NULL, op TEXT NOT NULL, holder TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, taken_at INTEGER NOT NULL, deliveries INTEGER NOT NULL DEFAULT 0 ) STRICT, WITHOUT ROWID
CREATE TABLE summary ( currency TEXT NOT NULL, hour INTEGER NOT NULL, resource TEXT NOT NULL, debits INTEGER NOT NULL, reversals INTEGER NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (currency, hour, resource) ) STRICT, WITHOUT ROWID
CREATE TABLE topup ( id TEXT PRIMARY KEY, open INTEGER, started_at INTEGER NOT NULL, settled_at INTEGER, outcome TEXT, currency TEXT NOT NULL, units INTEGER NOT NULL, payment_intent TEXT, refunded INTEGER NOT NULL DEFAULT 0, wake_at INTEGER, machine TEXT NOT NULL ) STRICT, WITHOUT ROWID
CREATE TABLE undone ( op TEXT PRIMARY KEY, at INTEGER NOT NULL, up_to INTEGER NOT NULL ) STRICT, WITHOUT ROWID
CREATE UNIQUE INDEX entry_of ON entry (currency, of_seq) WHERE of_seq IS NOT NULL
CREATE UNIQUE INDEX entry_source ON entry (source) WHERE source IS NOT NULL
CREATE UNIQUE INDEX topup_open ON topup (open) WHERE open IS NOT NULL";

#[test]
fn the_tables_are_pinned() {
    let mut world = World::new();
    world.drives(&card(1, "pm_1"));
    let rows = world.store.look("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL");
    let mut tables: Vec<String> = rows
        .iter()
        .map(|row| row.text(0).unwrap().split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    tables.sort();
    let pinned: Vec<&str> = SCHEMA.trim().lines().collect();
    assert_eq!(tables, pinned, "a change needs a migration, and schema::VERSION with it");
    assert_eq!(stripe402_edge::ledger::schema::VERSION, 1);
    assert_eq!(world.store.look("SELECT version FROM account")[0].integer(0), Ok(1));
}

/// A record of these tests with this state.
fn record(attached: bool, customer: Option<&str>, state: Value) -> Value {
    let mut wanted = json!({
        "account": account_id().as_str(), "sent": "pm_1", "method": "pm_1", "attached": attached,
        "customers": u8::from(customer.is_some()), "currency": "usd", "amount": 500, "deployment": "0123456789abcdef",
    });
    if let Some(customer) = customer {
        wanted["customer"] = customer.into();
    }
    json!({
        "id": id(1).as_str(), "attempt": 1, "wanted": wanted,
        "side": { "live": false, "account": "51Example", "version": "2026-07-29.dahlia" }, "state": state,
    })
}

fn charged(state: Value) -> Value {
    record(true, Some("cus_1"), state)
}

fn machine(world: &World) -> Value {
    serde_json::from_str(world.store.look("SELECT machine FROM topup")[0].text(0).unwrap()).unwrap()
}

#[test]
fn the_record_of_a_write_is_pinned() {
    let mut world = World::new();
    world.drives(&card(1, "pm_1"));
    let account = account_id();
    let body = format!(
        "description=stripe402+client+{}&metadata%5Bstripe402_account%5D={account}\
         &metadata%5Bstripe402_deployment%5D=0123456789abcdef",
        account.short()
    );
    let state = json!({ "sending": {
        "step": "customer", "path": "/v1/customers", "body": body, "key": format!("{account}.customer.1"),
        "first_at": START.0, "last_at": START.0, "sends": 1, "wake_at": START.0 + 25_000, "stored_error": false,
    }});
    assert_eq!(machine(&world), record(false, None, state));
}

#[test]
fn the_records_of_what_may_follow_a_charge_are_pinned() {
    let at = |span| START.0 + span;
    let rows = [
        (
            "processing",
            json!({ "follow": { "intent": "pi_1", "reads": 0, "cancels": 0, "wake_at": at(30_000) } }),
        ),
        (
            "requires_action",
            json!({ "action": { "intent": "pi_1", "since": at(0), "wake_at": at(3_600_000) } }),
        ),
        ("requires_capture", json!({ "cancel": { "intent": "pi_1", "cancels": 1, "wake_at": at(25_000) } })),
        (
            "succeeded",
            json!({ "settled": { "credited": { "intent": "pi_1", "amount": 500, "currency": "usd" } } }),
        ),
        (
            "canceled",
            json!({ "settled": { "refused": { "message": "Payment did not succeed. Status: canceled" } } }),
        ),
    ];
    for (status, state) in rows {
        let mut world = World::new();
        let call = world.charging(&card(1, "pm_1"));
        world.reply(&call, Intent::new("pi_1", status).reply(), &[]);
        assert_eq!(machine(&world), charged(state));
    }
    let mut world = World::new();
    let call = world.charging(&card(1, "pm_1"));
    world.reply(&call, declined("lost_card", "x"), &[]);
    let told = json!({ "message": "Your card was declined.", "codes": "card_declined/lost_card" });
    assert_eq!(machine(&world), charged(json!({ "settled": { "declined": told } })));

    let mut world = World::new();
    world.charging(&card(1, "pm_1"));
    world.later(2 * MINUTE);
    world.wake(&[]);
    let state = json!({ "look_up": { "first_at": at(0), "last_at": at(0), "wake_at": at(145_000) } });
    assert_eq!(machine(&world), charged(state));
}

/// The state of every form, each field with another value.
fn forms() -> Vec<Value> {
    let sending = |step: &str, stored: bool| {
        json!({ "sending": {
            "step": step, "path": "/p", "body": "b", "key": "k", "first_at": 1, "last_at": 2, "sends": 3, "wake_at": 4,
            "stored_error": stored,
        }})
    };
    vec![
        sending("customer", false),
        sending("attach", true),
        sending("charge", false),
        json!({ "look_up": { "first_at": 1, "last_at": 2, "wake_at": 4 } }),
        json!({ "look_up": { "first_at": 1, "last_at": 2, "missed_at": 3, "wake_at": 4 } }),
        json!({ "follow": { "intent": "pi_1", "reads": 1, "cancels": 2, "wake_at": 3 } }),
        json!({ "follow": {
            "intent": "pi_1", "reads": 1, "cancels": 2, "wake_at": 3, "missing": { "since": 4, "last": 5 },
        }}),
        json!({ "action": { "intent": "pi_1", "since": 1, "wake_at": 2 } }),
        json!({ "action": { "intent": "pi_1", "since": 1, "wake_at": 2, "asked": "same" } }),
        json!({ "action": { "intent": "pi_1", "since": 1, "wake_at": 2, "asked": "other" } }),
        json!({ "cancel": { "intent": "pi_1", "cancels": 1, "wake_at": 2 } }),
        json!({ "settled": { "credited": { "intent": "pi_1", "amount": 7, "currency": "jpy" } } }),
        json!({ "settled": { "attached": {} } }),
        json!({ "settled": { "declined": { "message": "m", "codes": "c" } } }),
        json!({ "settled": { "refused": { "message": "m" } } }),
        json!({ "settled": { "never_happened": {} } }),
        json!({ "settled": { "canceled": {} } }),
    ]
}

fn read(record: &Value) -> Option<TopUp> {
    TopUp::read(record)
}

#[test]
fn every_form_of_a_record_reads_back_as_it_was_written() {
    for state in forms() {
        let mut written = charged(state);
        written["wanted"]["descriptor_suffix"] = json!("API");
        written["wanted"]["receipt_email"] = json!("a@example.com");
        assert_eq!(read(&written).unwrap_or_else(|| panic!("{written}")).write(), written);
        written["wanted"] = record(false, None, Value::Null)["wanted"].clone();
        written["wanted"].as_object_mut().unwrap().remove("amount");
        assert_eq!(read(&written).unwrap_or_else(|| panic!("{written}")).write(), written);
    }
}

#[test]
fn a_record_of_a_later_version_with_more_in_it_can_still_be_read() {
    for state in forms() {
        let plain = charged(state);
        let mut later = plain.clone();
        later["mood"] = json!("good");
        later["wanted"]["mood"] = json!(1);
        later["side"]["mood"] = json!(null);
        let inner = later["state"].as_object_mut().unwrap().values_mut().next().unwrap();
        inner.as_object_mut().unwrap().insert("zeal".to_owned(), json!(true));
        // What is settled has one more level, whose name is the outcome: nothing may stand beside that.
        if later["state"].get("settled").is_none() {
            assert_eq!(read(&later), read(&plain), "{later}");
        }
        later["state"] = plain["state"].clone();
        assert_eq!(read(&later), read(&plain), "{later}");
    }
}

#[test]
fn a_record_without_what_it_must_say_is_none_and_not_a_default() {
    for state in forms() {
        let whole = charged(state);
        assert!(read(&whole).is_some(), "{whole}");
        for path in paths(&whole, "") {
            let mut broken = whole.clone();
            let (parent, name) = path.rsplit_once('/').unwrap();
            broken.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
            // What may be missing: who has no Customer yet, a card that is only attached, what was not asked yet.
            let optional = ["customer", "amount", "missed_at", "missing", "asked", "stored_error"];
            let may = optional.contains(&name) && !path.starts_with("/state/settled");
            assert_eq!(read(&broken).is_some(), may, "without {path}");
            *broken.pointer_mut(parent).unwrap() = whole.pointer(parent).unwrap().clone();
            *broken.pointer_mut(&path).unwrap() = json!([7]);
            // A flag and the content of an outcome that has none say nothing by their type.
            let says_nothing = ["stored_error", "attached", "never_happened", "canceled"].contains(&name);
            assert!(read(&broken).is_none() || says_nothing, "{path} of another type");
        }
    }
}

/// The path of every field, from the outside in.
fn paths(value: &Value, at: &str) -> Vec<String> {
    let Some(fields) = value.as_object() else { return Vec::new() };
    let below = fields.iter().flat_map(|(name, field)| {
        let path = format!("{at}/{name}");
        let mut all = paths(field, &path);
        all.push(path);
        all
    });
    below.collect()
}

#[test]
fn the_columns_say_what_the_record_says() {
    let mut world = World::new();
    let call = world.charging(&card(1, "pm_1"));
    let row = |world: &World| {
        let sql = "SELECT coalesce(open, 0), started_at, coalesce(settled_at, 0), coalesce(outcome, '-'),
                          currency, units, coalesce(payment_intent, '-') FROM topup";
        let row = world.store.look(sql).remove(0);
        let text = |column| row.text(column).unwrap().to_owned();
        let number = |column| row.integer(column).unwrap();
        (number(0), number(1), number(2), text(3), text(4), number(5), text(6))
    };
    let began = world.now.0;
    assert_eq!(row(&world), (1, began, 0, "-".into(), "usd".into(), 50_000, "-".into()));
    world.later(900);
    world.reply(&call, Intent::new("pi_1", "processing").reply(), &[]);
    assert_eq!(row(&world), (1, began, 0, "-".into(), "usd".into(), 50_000, "pi_1".into()));
    let read = world.alarm(&[]).call.unwrap();
    world.reply(&read, Intent::new("pi_1", "succeeded").reply(), &[]);
    let now = world.now.0;
    assert_eq!(row(&world), (0, began, now, "credited".into(), "usd".into(), 50_000, "pi_1".into()));
}

#[test]
fn the_tables_themselves_refuse_a_second_open_top_up() {
    let mut world = World::new();
    world.drives(&card(1, "pm_1"));
    let insert = "INSERT INTO topup (id, open, started_at, currency, units, machine) VALUES (?1, ?2, 0, 'usd', 1, '{}')";
    let second = world.store.run(insert, &[Param::Text("x"), Param::Integer(1)]);
    assert!(second.unwrap_err().to_string().contains("UNIQUE"));
    assert!(world.store.run(insert, &[Param::Text("y"), Param::Null]).is_ok(), "settled ones may be many");
}
