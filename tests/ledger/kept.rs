//! An account that was never credited, and on which an operator acted: it stays, and so does what was done to it.

use stripe402_edge::ledger::account::EMPTY_SPAN;
use stripe402_edge::ledger::operator::What;

use super::given::{DAY, World, act, card, known_card, refused};
use super::operator::does;
use crate::support::replies::{attached, customer, declined};

/// An account whose only card was declined.
fn never_credited() -> World {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let call = world.drives(&pay);
    let call = world.next(&call, customer("cus_1"));
    let call = world.next(&call, attached("pm_1", "cus_1"));
    world.reply(&call, declined("stolen_card", "no"), &[&pay]);
    assert_eq!(world.due_in(), Some(EMPTY_SPAN));
    world
}

fn acts(world: &World) -> Vec<String> {
    let rows = world.store.look("SELECT substr(id, 5) FROM act ORDER BY at, id");
    rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

#[test]
fn whom_an_operator_froze_stays_frozen() {
    let mut world = never_credited();
    does(&world, &act("tester", What::Freeze)).unwrap();
    assert_eq!(world.due_in(), None, "nothing is planned");
    for _ in 0..3 {
        world.later(100 * DAY);
        assert!(!world.account().is_over(world.now).unwrap());
        let answer = world.answers(&card(2, "pm_2"));
        assert!(refused(&answer).1.contains("frozen"), "{answer:?}");
    }
    // It is the account's row that holds it, not the act alone.
    world.store.look("DELETE FROM act");
    assert!(!world.account().is_over(world.now).unwrap());
    does(&world, &act("tester", What::Unfreeze)).unwrap();
    assert!(!matches!(world.pay(&known_card(3, "pm_1")), stripe402_edge::ledger::Paying::Answered(_)));
}

#[test]
fn what_an_operator_did_is_kept_and_not_done_again() {
    let mut world = never_credited();
    does(&world, &act("freeze", What::Freeze)).unwrap();
    does(&world, &act("thaw", What::Unfreeze)).unwrap();
    world.later(EMPTY_SPAN);
    assert!(!world.account().is_over(world.now).unwrap());
    assert_eq!(world.due_in(), None);
    // The first act, told again two days later, freezes nobody anew.
    does(&world, &act("freeze", What::Freeze)).unwrap();
    assert_eq!(acts(&world), ["freeze", "thaw"]);
    assert!(!matches!(world.pay(&known_card(2, "pm_1")), stripe402_edge::ledger::Paying::Answered(_)));
}

#[test]
fn an_operator_can_still_erase_it() {
    let world = never_credited();
    does(&world, &act("freeze", What::Freeze)).unwrap();
    does(&world, &act("erase", What::Erase)).unwrap();
    assert_eq!(acts(&world), ["erase"]);
    assert!(world.store.look("SELECT 1 FROM account").is_empty());
}
