//! What an operator sees of a client, and what is left when it is erased.

use serde_json::{Value, json};
use stripe402_core::protocol::Units;
use stripe402_edge::ledger::Op;
use stripe402_edge::ledger::account::Spent;
use stripe402_edge::ledger::operator::{Objection, View, What};
use stripe402_edge::ledger::statement::Page;
use stripe402_edge::stripe::Refund;

use super::given::{DAY, KEEP, SECOND, World, account_id, act, card, client, id, order, side, usd};
use super::operator::{conflict, does, due, is_right, refund, reply, sees, states};
use crate::support::replies::{Intent, answered};

#[test]
fn a_client_is_erased_only_when_nothing_is_owed_and_nothing_is_open() {
    let mut world = World::credited();
    let erase = act("erase", What::Erase);
    assert!(conflict(does(&world, &erase)).contains("balance is not zero"));
    does(&world, &act("all", What::Refund)).unwrap();
    assert!(conflict(does(&world, &erase)).contains("refund is open"));
    let call = due(&world);
    reply(&world, &call, &answered(200, &refund(&call, "succeeded")));

    does(&world, &erase).unwrap();

    let tables =
        "SELECT (SELECT count(*) FROM entry) + (SELECT count(*) FROM topup) + (SELECT count(*) FROM account)
        + (SELECT count(*) FROM payback)";
    assert_eq!(world.store.look(tables)[0].integer(0), Ok(0));
    let left = world.store.look("SELECT what || ' ' || by_whom || ' ' || reason FROM act");
    assert_eq!(left[0].text(0), Ok("erase Ada asked for"), "that it was erased is all that is left");
    assert_eq!(left.len(), 1);
    does(&world, &erase).unwrap();
    assert_eq!(does(&world, &act("adjust", What::Freeze)), Err(Objection::Unknown));
    assert_eq!(world.account().wake_at(KEEP, world.now), Ok(None));

    // The client comes back.
    let pay = card(9, "pm_2");
    let call = world.drives(&pay);
    assert_eq!(call.request.path, "/v1/customers");
    assert_eq!(world.spend(&order(3, 1)), Spent::Insufficient(Units::ZERO));
}

#[test]
fn a_refund_that_the_bank_may_still_send_back_keeps_a_client_from_being_erased() {
    let asked = || {
        let world = World::credited();
        does(&world, &act("all", What::Refund)).unwrap();
        let call = due(&world);
        reply(&world, &call, &answered(200, &refund(&call, "pending")));
        assert_eq!((states(&world), world.balance(usd())), (vec!["done".to_owned()], 0));
        assert!(conflict(does(&world, &act("early", What::Erase))).contains("is pending"));
        (world, call.id)
    };
    let announced = |world: &World, id_of: &str, status: &str| {
        let truth = Intent::new("pi_first", "succeeded").of(&id(1)).read();
        let one = Refund { amount: 500, status: status.to_owned(), ours: Some(id_of.to_owned()) };
        world.account().announce_refunds(&id(1), &truth, &[one], world.now).unwrap();
    };
    let erase = act("erase", What::Erase);

    let (world, payback) = asked();
    announced(&world, &payback, "requires_action");
    assert!(conflict(does(&world, &erase)).contains("is pending"));
    announced(&world, &payback, "succeeded");
    does(&world, &erase).unwrap();

    // Sent back, it is the client's again.
    let (world, payback) = asked();
    announced(&world, &payback, "failed");
    assert_eq!(world.balance(usd()), 50_000);
    assert!(conflict(does(&world, &erase)).contains("balance is not zero"));

    // Nobody ever said more: no bank takes longer than a month.
    let (mut world, _) = asked();
    world.later(30 * DAY - 1);
    assert!(conflict(does(&world, &erase)).contains("is pending"));
    world.later(1);
    does(&world, &erase).unwrap();
}

#[test]
fn a_charge_that_may_still_come_keeps_a_client_from_being_erased() {
    let mut world = World::new();
    world.charging(&card(0, "pm_1"));
    world.side = side("51Other", false);
    does(&world, &act("settle", What::Settle)).unwrap();
    let erase = act("erase", What::Erase);
    assert!(conflict(does(&world, &erase)).contains("may still come"));
    world.later(8 * DAY);
    does(&world, &erase).unwrap();
}

#[test]
fn the_client_and_its_entries_are_shown_without_what_could_be_spent() {
    let mut world = World::credited();
    for number in 1..=3 {
        assert!(matches!(world.spend(&order(number, 100)), Spent::Paid(_)));
        world.later(SECOND);
    }
    does(&world, &act("freeze", What::Freeze)).unwrap();
    let shown = sees(&world, View::Client);
    assert_eq!(shown["account"], account_id().as_str());
    assert_eq!(shown["stripeCustomerId"], "cus_1");
    assert_eq!(shown["balances"], json!([{"currency": "usd", "balance": 49_700}]));
    assert_eq!((&shown["topUp"], &shown["disputed"]), (&Value::Null, &json!(false)));
    let page = |limit, before: Option<&str>| {
        let before = before.map(|text| stripe402_edge::ledger::statement::Cursor::parse(text).unwrap());
        let page = Page { currency: None, before, limit, client_id: None };
        serde_json::from_str::<Value>(&world.account().view(View::Transactions, &page).unwrap()).unwrap()
    };
    let first = page(3, None);
    let rest = page(3, first["next"].as_str());
    assert_eq!(rest["next"], Value::Null);
    assert_eq!(rest["transactions"][0]["type"], "topup");
    assert_eq!(rest["transactions"][0]["stripePaymentIntentId"], "pi_first");
    let ids: std::collections::BTreeSet<&str> = [&first, &rest]
        .iter()
        .flat_map(|page| page["transactions"].as_array().unwrap())
        .map(|entry| entry["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 4);
    assert!(
        ids.iter().all(|id| id.len() == 36 && id.get(14..15) == Some("8") && id.get(19..20) == Some("a")),
        "{ids:?}"
    );
    for view in View::ALL {
        let told = sees(&world, view).to_string();
        assert!(!told.contains(client().as_str()), "{view:?} tells the client id");
    }
    assert_eq!(sees(&world, View::Acts)["acts"][0]["act"], "freeze");
    assert_eq!(sees(&world, View::Export)["history"]["transactions"].as_array().unwrap().len(), 4);
}

#[test]
fn an_audit_finds_books_that_are_wrong() {
    let wrong = [
        "UPDATE entry SET amount = amount + 1 WHERE seq = 2",
        "UPDATE entry SET balance = balance + 1 WHERE seq = 2",
        "UPDATE topup SET refunded = 1",
        "UPDATE topup SET outcome = 'declined'",
        "INSERT INTO dispute (id, payment_intent, currency, amount, status, withdrawn) VALUES ('dp_1', 'pi_first', 'usd', 1, 'lost', 1)",
    ];
    for sql in wrong {
        let mut world = World::credited();
        for number in 1..=3 {
            assert!(matches!(world.spend(&order(number, 100)), Spent::Paid(_)));
        }
        world
            .account()
            .reverse(usd(), 2, &Op::from_bytes([1; 16]), &Op::from_bytes([1; 16]), world.now)
            .unwrap();
        is_right(&world);
        world.store.look(sql);
        assert_eq!(sees(&world, View::Audit)["ok"], false, "{sql}");
        world.later(SECOND);
    }
    // Sums count like what they stand for.
    let mut world = World::credited();
    for number in 1..=3 {
        assert!(matches!(world.spend(&order(number, 100)), Spent::Paid(_)));
    }
    world.later(100 * DAY);
    world.account().compact(KEEP, world.now).unwrap();
    assert!(!sees(&world, View::Export)["sums"].as_array().unwrap().is_empty());
    is_right(&world);
}
