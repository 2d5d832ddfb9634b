//! Top-ups that are asked for by themselves: charged and credited, nothing debited, and once under one name.

use serde_json::json;
use stripe402_core::protocol::ErrorCode;
use stripe402_edge::ledger::account::Told;
use stripe402_edge::ledger::amount::Offer;
use stripe402_edge::ledger::{Answer, Deposit, Pay, Refused, Store as _};
use stripe402_edge::stripe::PaymentIntentId;

use super::given::{
    DAY, HOUR, MINUTE, World, answer, card, eur, for_price, in_currency, known_card, limits, line, paid,
    refused, units, usd,
};
use crate::support::replies::{Intent, attached, customer, declined};

fn deposit(name: &str, pay: Pay) -> Pay {
    let receipt_email = Some("a@b.example".to_owned());
    Pay { deposit: Some(Deposit { name: name.to_owned(), kept: DAY, receipt_email }), ..pay }
}

fn of(amount: i64, pay: Pay) -> Pay {
    let offer = Offer { asked: Some(units(amount)), ..pay.offer };
    Pay { offer, ..pay }
}

/// The balance and the PaymentIntent that a deposit is told.
fn deposited(answer: &Answer) -> (i64, &str) {
    match answer {
        Answer::Deposited { balance, charge, .. } => (balance.get(), PaymentIntentId::as_str(charge)),
        other => panic!("not deposited: {other:?}"),
    }
}

fn succeeded(id: &str, amount: i64) -> stripe402_edge::stripe::Reply {
    Intent::new(id, "succeeded").with("amount", json!(amount)).with("amount_received", json!(amount)).reply()
}

#[test]
fn a_first_deposit_is_charged_and_credited_and_nothing_is_debited() {
    let mut world = World::new();
    let pay = of(70_000, deposit("d1", card(1, "pm_1")));
    let charge = world.charging(&pay);
    assert!(charge.request.body.starts_with("amount=700&currency=usd&"), "{}", charge.request.body);
    assert!(charge.request.body.contains("receipt_email=a%40b.example"), "{}", charge.request.body);
    let done = world.reply(&charge, succeeded("pi_1", 700), &[&pay]);
    assert_eq!(deposited(answer(&done.answers[0])), (70_000, "pi_1"));
    assert_eq!(world.entries(), [("usd 1".into(), "topup".into(), 70_000, 70_000)]);
}

#[test]
fn the_same_name_again_is_told_the_same_charge_for_a_day() {
    let mut world = World::new();
    let pay = deposit("d1", card(1, "pm_1"));
    let charge = world.charging(&pay);
    world.reply(&charge, succeeded("pi_1", 500), &[]);
    for number in 2..4 {
        world.later(11 * HOUR);
        let again = deposit("d1", known_card(number, "pm_1"));
        assert_eq!(deposited(&world.answers(&again)), (50_000, "pi_1"));
    }
    world.later(3 * HOUR);
    assert!(
        line(&world.charges(&deposit("d1", known_card(5, "pm_1")))).starts_with("POST /v1/payment_intents")
    );
}

#[test]
fn a_name_stands_for_one_card_amount_and_currency() {
    let mut world = World::new();
    let pay = deposit("d1", card(1, "pm_1"));
    let charge = world.charging(&pay);
    let others = [
        deposit("d1", card(2, "pm_2")),
        of(60_000, deposit("d1", card(3, "pm_1"))),
        in_currency(eur(), deposit("d1", card(4, "pm_1"))),
    ];
    for other in &others {
        assert_eq!(world.answers(other), Answer::OtherTarget, "while it is open");
    }
    world.joins(&deposit("d1", card(5, "pm_1")));
    world.reply(&charge, succeeded("pi_1", 500), &[]);
    for other in &others {
        assert_eq!(world.answers(other), Answer::OtherTarget, "once it is credited");
    }
}

#[test]
fn a_deposit_under_another_name_waits_and_is_then_charged_too() {
    let mut world = World::new();
    let (first, second) = (deposit("d1", card(1, "pm_1")), deposit("d2", card(2, "pm_1")));
    let again = deposit("d1", card(3, "pm_1"));
    let charge = world.charging(&first);
    world.joins(&second);
    world.joins(&again);
    let done = world.reply(&charge, succeeded("pi_1", 500), &[&first, &second, &again]);
    assert_eq!(deposited(answer(&done.answers[0])), (50_000, "pi_1"));
    assert!(matches!(done.answers[1], Told::AskAgain { attached: Some(_) }), "{:?}", done.answers);
    assert_eq!(deposited(answer(&done.answers[2])), (50_000, "pi_1"));
    let charge = world.charges(&deposit("d2", known_card(2, "pm_1")));
    let done = world.reply(&charge, succeeded("pi_2", 500), &[&second]);
    assert_eq!(deposited(answer(&done.answers[0])), (100_000, "pi_2"));
}

#[test]
fn payments_that_wait_for_a_deposit_are_debited_from_it_and_are_not_told_its_charge() {
    let mut world = World::new();
    let (fund, pay) = (deposit("d1", card(1, "pm_1")), card(2, "pm_1"));
    let charge = world.charging(&fund);
    world.joins(&pay);
    let done = world.reply(&charge, succeeded("pi_1", 500), &[&pay, &fund]);
    assert_eq!(paid(&done.answers[0]), (49_900, None));
    assert_eq!(deposited(answer(&done.answers[1])), (49_900, "pi_1"));
}

#[test]
fn a_deposit_that_waits_for_a_payments_top_up_is_not_taken_for_it() {
    let mut world = World::new();
    let (pay, fund) = (card(1, "pm_1"), deposit("d1", card(2, "pm_1")));
    let charge = world.charging(&pay);
    world.joins(&fund);
    let done = world.reply(&charge, succeeded("pi_1", 500), &[&pay, &fund]);
    assert_eq!(paid(&done.answers[0]), (49_900, Some("pi_1")));
    assert!(matches!(done.answers[1], Told::AskAgain { .. }), "{:?}", done.answers);
}

#[test]
fn a_declined_deposit_may_come_again_under_its_name() {
    let mut world = World::new();
    let pay = deposit("d1", card(1, "pm_1"));
    let charge = world.charging(&pay);
    let done = world.reply(&charge, declined("generic_decline", "Your card was declined."), &[&pay]);
    assert_eq!(refused(answer(&done.answers[0])), (ErrorCode::CardDeclined, "Your card was declined."));
    world.charges(&deposit("d1", known_card(2, "pm_1")));
}

#[test]
fn the_bank_asks_and_the_same_deposit_goes_on_while_another_cancels_it() {
    let mut world = World::new();
    let pay = deposit("d1", card(1, "pm_1"));
    let other = deposit("d2", card(3, "pm_1"));
    let charge = world.charging(&pay);
    world.joins(&other);
    let done = world.reply(&charge, Intent::new("pi_1", "requires_action").reply(), &[&pay, &other]);
    let secret = |told: &Told| match told {
        Told::Answer(Answer::Refused(Refused { client_secret, .. })) => client_secret.clone(),
        _ => None,
    };
    assert_eq!(secret(&done.answers[0]).as_deref(), Some("pi_1_secret_x"));
    assert!(matches!(done.answers[1], Told::AskAgain { .. }), "{:?}", done.answers);

    world.later(MINUTE);
    let read = world.drives(&deposit("d1", known_card(2, "pm_1")));
    assert_eq!(line(&read), "GET /v1/payment_intents/pi_1 -");
    let done = world.reply(&read, Intent::new("pi_1", "requires_action").reply(), &[&pay]);
    assert_eq!(secret(&done.answers[0]).as_deref(), Some("pi_1_secret_x"));

    let read = world.drives(&other);
    let cancel = world.next(&read, Intent::new("pi_1", "requires_action").reply());
    assert!(line(&cancel).starts_with("POST /v1/payment_intents/pi_1/cancel"), "{cancel:?}");
    world.reply(&cancel, Intent::new("pi_1", "canceled").reply(), &[]);
    assert_eq!(world.outcomes(), ["canceled"]);
    world.charges(&deposit("d1", known_card(2, "pm_1")));
}

#[test]
fn what_a_deposit_is_meant_for_has_to_be_payable_after_it() {
    let mut world = World::credited();
    assert_eq!(world.spend(&super::given::order(9, 50_000)).into_answer(), paid_zero());
    world
        .store
        .run(
            "INSERT INTO entry (currency, seq, at, kind, amount, balance, resource)
              VALUES ('usd', 3, 1, 'refund', -50000, -50000, 'pi_first')",
            &[],
        )
        .unwrap();
    let pay = deposit("d1", for_price(100, known_card(1, "pm_1")));
    let answer = world.answers(&pay);
    assert_eq!(refused(&answer).0, ErrorCode::TopUpBelowMinimum);
    assert!(refused(&answer).1.ends_with("below the minimum of 50100"), "{answer:?}");
}

fn paid_zero() -> Answer {
    Answer::Paid { seq: 2, balance: units(0), charge: None, client_id: None, op: None }
}

#[test]
fn the_limits_hold_for_deposits_too() {
    let mut world = World::new();
    let mut pay = deposit("d0", card(1, "pm_1"));
    pay.limits = limits(1, 60_000);
    let charge = world.charging(&pay);
    world.reply(&charge, succeeded("pi_1", 500), &[&pay]);
    let mut more = deposit("d1", known_card(2, "pm_1"));
    more.limits = pay.limits;
    assert!(matches!(world.answers(&more), Answer::Limited { .. }));
    assert_eq!(world.balance(usd()), 50_000);
}

#[test]
fn a_crash_between_charge_and_answer_charges_a_deposit_once() {
    let mut world = World::new();
    let pay = deposit("d1", card(1, "pm_1"));
    let call = world.drives(&pay);
    let call = world.next(&call, customer("cus_1"));
    world.next(&call, attached("pm_1", "cus_1"));
    // Nobody is left but the alarm; the payer comes again meanwhile, and after.
    world.joins(&deposit("d1", card(2, "pm_1")));
    let call = world.alarm(&[]).call.expect("the same bytes again");
    world.reply(&call, succeeded("pi_1", 500), &[]);
    assert_eq!(deposited(&world.answers(&deposit("d1", known_card(3, "pm_1")))), (50_000, "pi_1"));
    assert_eq!(world.outcomes(), ["credited"]);
}
