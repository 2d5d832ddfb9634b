//! Debits: given a balance, when a price is to be paid, then exactly that much is taken, once, or nothing.

use serde_json::json;
use stripe402_core::config::{Binding, Input, Phase, Settings};
use stripe402_edge::ledger::account::Spent;
use stripe402_edge::ledger::entries::LOOK_BACK;
use stripe402_edge::ledger::{Order, Posted};

use super::given::{KEEP, SECOND, World, eur, known_card, order, paid_at_once, units, usd};

fn retried(order: &Order) -> Order {
    Order { retried: true, ..order.clone() }
}

fn paid(seq: i64, balance: i64) -> Spent {
    Spent::Paid(Posted { seq, balance: units(balance) })
}

#[test]
fn a_balance_pays_while_it_covers_the_price_and_not_one_unit_longer() {
    let world = World::credited();
    assert_eq!(world.spend(&order(1, 49_900)), paid(2, 100));
    assert_eq!(world.spend(&order(2, 101)), Spent::Insufficient(units(100)));
    assert_eq!(world.spend(&order(3, 100)), paid(3, 0), "exactly what is there");
    assert_eq!(world.spend(&order(4, 1)), Spent::Insufficient(units(0)));
    let entries = world.entries();
    let amounts: Vec<(&str, i64, i64)> =
        entries.iter().map(|(_, kind, amount, balance)| (kind.as_str(), *amount, *balance)).collect();
    assert_eq!(amounts, [("topup", 50_000, 50_000), ("debit", -49_900, 100), ("debit", -100, 0)]);
}

#[test]
fn the_last_entry_decides_and_not_an_older_richer_one() {
    let world = World::credited();
    assert_eq!(world.spend(&order(1, 49_950)), paid(2, 50));
    // The first entry's balance would cover it; a debit that looked there would also collide with the second's key.
    assert_eq!(world.spend(&order(2, 100)), Spent::Insufficient(units(50)));
    assert_eq!(world.entries().len(), 2);
    assert_eq!(world.balance(usd()), 50);
}

#[test]
fn a_debt_pays_for_nothing_and_the_next_credit_counts_from_it() {
    let world = World::credited();
    world.credit(usd(), -60_000, "re_1").unwrap();
    assert_eq!(world.spend(&order(1, 1)), Spent::Insufficient(units(-10_000)));
    world.credit(usd(), 10_001, "pi_2").unwrap();
    assert_eq!(world.spend(&order(2, 2)), Spent::Insufficient(units(1)));
    assert_eq!(world.spend(&order(3, 1)), paid(4, 0));
}

#[test]
fn each_currency_has_its_own_balance_and_its_own_numbers() {
    let world = World::credited();
    let euros = |number, price| Order { currency: eur(), ..order(number, price) };
    assert_eq!(world.spend(&euros(1, 100)), Spent::Insufficient(units(0)));
    world.credit(eur(), 1_000, "pi_eur").unwrap();
    assert_eq!(world.spend(&euros(2, 1_000)), paid(2, 0));
    assert_eq!(world.spend(&euros(3, 1)), Spent::Insufficient(units(0)));
    assert_eq!(world.spend(&order(4, 50_000)), paid(2, 0));
    let keys: Vec<String> = world.entries().into_iter().map(|(key, ..)| key).collect();
    assert_eq!(keys, ["eur 1", "eur 2", "usd 1", "usd 2"]);
}

#[test]
fn a_debit_keeps_what_was_bought_by_which_attempt_and_when() {
    let mut world = World::credited();
    world.later(77);
    let order = Order { resource: "POST /v1/übersetze".to_owned(), ..order(9, 30_000) };
    assert_eq!(world.spend(&order), paid(2, 20_000));
    let row = &world.store.look(
        "SELECT at, resource, op, coalesce(source, '-'), coalesce(of_seq, -1) FROM entry WHERE seq = 2",
    )[0];
    assert_eq!(row.integer(0).unwrap(), world.now.0);
    assert_eq!(row.text(1).unwrap(), "POST /v1/übersetze");
    assert_eq!(row.text(2).unwrap(), "09".repeat(16));
    assert_eq!((row.text(3).unwrap(), row.integer(4).unwrap()), ("-", -1));
}

#[test]
fn a_retried_call_finds_its_debit_within_two_minutes_and_does_not_pay_twice() {
    let mut world = World::credited();
    let first = order(1, 100);
    assert_eq!(world.spend(&first), paid(2, 49_900));
    for number in 2..5 {
        world.later(30 * SECOND);
        assert!(matches!(world.spend(&order(number, 1)), Spent::Paid(_)));
    }
    world.later(30 * SECOND);
    assert_eq!(world.spend(&retried(&first)), paid(2, 49_900), "120 s: still found, behind newer ones");
    assert_eq!(world.entries().len(), 5);

    world.later(1);
    assert_eq!(world.spend(&retried(&first)), paid(6, 49_797), "120.001 s: paid again");
}

#[test]
fn a_debit_whose_answer_hung_as_long_as_it_may_is_still_undone() {
    // TOP_UP_WAIT_MS at its most, and what the Worker waits beyond it (`worker/account_client`: PAY_MARGIN).
    let mut world = World::credited();
    let pay = known_card(1, "pm_1");
    assert_eq!(paid_at_once(&world.answers(&pay)), (49_900, None));
    world.later(62 * SECOND);
    assert_eq!(world.account().undo(usd(), &pay.order.op, world.now), Ok(units(50_000)));
    assert_eq!(world.account().undo(usd(), &pay.order.op, world.now), Ok(units(50_000)), "once");
}

#[test]
fn no_wait_that_an_operator_may_set_outlasts_the_look_back() {
    let may_be = |wait: i64| {
        let vars = json!({
            "ROUTES": { "GET /api/joke": { "amount": 100 } },
            "STRIPE_PUBLISHABLE_KEY": "pk_test_51Example",
            "STRIPE_SECRET_KEY": "sk_test_51Example",
            "SERVER_SECRET": "3f9c1e07b2d84a6f95e0c7a1b8d2f463",
            "TOP_UP_WAIT_MS": wait,
        });
        let bindings = [Binding::Accounts, Binding::Limiter];
        Settings::parse(Input { vars: vars.as_object().unwrap(), bindings: &bindings, phase: Phase::Run })
            .is_ok()
    };
    assert!(may_be(25_000));
    // Two seconds beyond the wait, three tries of the undoing of two seconds each, and clocks that differ.
    let margin = 30 * SECOND;
    assert!(!may_be(LOOK_BACK - margin), "a debit could no longer be found when its caller gives up");
}

#[test]
fn a_retried_call_that_never_arrived_before_is_paid_now() {
    let world = World::credited();
    assert_eq!(world.spend(&retried(&order(1, 100))), paid(2, 49_900));
    assert_eq!(world.spend(&retried(&order(2, 60_000))), Spent::Insufficient(units(49_900)));
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn a_first_call_does_not_look_back_even_under_the_same_name() {
    let world = World::credited();
    assert_eq!(world.spend(&order(1, 100)), paid(2, 49_900));
    assert_eq!(world.spend(&order(1, 100)), paid(3, 49_800), "looking back is what `retried` asks for");
}

#[test]
fn a_retried_call_looks_back_in_its_own_currency_only() {
    let world = World::credited();
    world.credit(eur(), 1_000, "pi_eur").unwrap();
    assert_eq!(world.spend(&order(1, 100)), paid(2, 49_900));
    let euros = Order { currency: eur(), retried: true, ..order(1, 100) };
    assert_eq!(world.spend(&euros), paid(2, 900));
}

#[test]
fn a_retried_call_finds_its_debit_when_the_balance_is_gone() {
    let world = World::credited();
    let all = order(1, 50_000);
    assert_eq!(world.spend(&all), paid(2, 0));
    assert_eq!(world.spend(&retried(&all)), paid(2, 0));
    assert_eq!(world.spend(&all), Spent::Insufficient(units(0)));
}

#[test]
fn nothing_is_written_for_a_client_on_whom_no_payment_was_attempted() {
    let world = World::new();
    let before = world.store.rows_changed();
    assert_eq!(world.spend(&order(1, 100)), Spent::Unknown);
    assert_eq!(world.spend(&retried(&order(1, 100))), Spent::Unknown);
    let (seq, op) = (1, order(1, 100).op);
    assert_eq!(world.account().reverse(usd(), seq, &op, &op, world.now), Ok(units(0)));
    assert_eq!(world.account().wake_at(KEEP, world.now), Ok(None));
    assert_eq!(world.account().is_over(world.now), Ok(false));
    assert!(world.is_blank());
    assert_eq!(world.store.rows_changed(), before);
    assert_eq!(world.store.look("SELECT name FROM sqlite_master"), []);
}
