//! A request that comes again under its `Idempotency-Key` with a card that is not attached yet: once its key is decided, no
//! card is charged for it, and the card still proves whose it is before anything is told.

use stripe402_core::protocol::ErrorCode;
use stripe402_edge::ledger::account::Told;
use stripe402_edge::ledger::request_keys::KEPT;
use stripe402_edge::ledger::{Answer, Order, Pay, RequestKey};

use super::given::{MINUTE, SECOND, World, answer, card, for_price, op, paid, refused, usd};
use crate::support::replies::{Intent, attached, declined};

const LEASE: i64 = 90 * SECOND;

/// The nth request of a test under the key `k`, for all that the client has, with this card.
fn keyed(number: u8, method: &str) -> Pay {
    let key =
        RequestKey { key: "k".to_owned(), target: "GET /api/dear".to_owned(), lease: LEASE, retries: 0 };
    let pay = for_price(50_000, card(number, method));
    Pay { order: Order { key: Some(key), ..pay.order.clone() }, ..pay }
}

/// A client whose first request has spent all that its card was charged, and whose answer was lost; so much later.
fn lost(later: i64) -> World {
    let mut world = World::new();
    let pay = keyed(1, "pm_1");
    let call = world.charging(&pay);
    let done = world.reply(&call, Intent::new("pi_1", "succeeded").reply(), &[&pay]);
    assert_eq!(paid(&done.answers[0]), (0, Some("pi_1")));
    world.later(later);
    world
}

/// The request again with a new PaymentMethod of the same card: what it is told once that is attached.
fn again(world: &mut World, pay: &Pay) -> Told {
    let call = world.drives(pay);
    let path = format!("/v1/payment_methods/{}/attach", pay.method.as_str());
    assert_eq!(call.request.path, path, "the card is checked");
    let done = world.reply(&call, attached(pay.method.as_str(), "cus_1"), &[pay]);
    assert!(done.call.is_none(), "and charged nothing: {:?}", done.call);
    assert_eq!(world.outcomes().last().map(String::as_str), Some("attached"));
    done.answers.into_iter().next().unwrap()
}

#[test]
fn a_lost_request_runs_again_on_its_debit() {
    let mut world = lost(LEASE);
    let told = again(&mut world, &keyed(2, "pm_2"));
    assert!(
        matches!(answer(&told), Answer::Paid { seq: 2, op: Some(made), charge: None, .. } if *made == op(1)),
        "{told:?}"
    );
    assert!(world.account().deliver("k", &op(2), world.now).unwrap());
    assert_eq!((world.entries().len(), world.balance(usd())), (2, 0));
}

#[test]
fn what_runs_was_answered_or_is_for_another_target_is_told_so() {
    let mut world = lost(LEASE - 1);
    assert!(matches!(answer(&again(&mut world, &keyed(2, "pm_2"))), Answer::Running { .. }));

    let mut world = lost(MINUTE);
    assert!(world.account().deliver("k", &op(1), world.now).unwrap());
    assert!(matches!(answer(&again(&mut world, &keyed(2, "pm_2"))), Answer::Delivered { seq: 2, .. }));

    for given_back in [false, true] {
        let mut world = lost(MINUTE);
        if given_back {
            world.account().reverse(usd(), 2, &op(1), &op(1), world.now).unwrap();
        }
        let mut elsewhere = keyed(2, "pm_2");
        elsewhere.order.key.as_mut().unwrap().target = "GET /api/joke".to_owned();
        assert_eq!(answer(&again(&mut world, &elsewhere)), &Answer::OtherTarget);
    }
}

#[test]
fn a_card_that_cannot_be_attached_is_told_nothing_and_takes_nothing() {
    let mut world = lost(LEASE);
    let pay = keyed(2, "pm_2");
    let call = world.drives(&pay);
    let told =
        world.reply(&call, declined("incorrect_cvc", "Your card's security code is incorrect."), &[&pay]);
    assert_eq!(refused(answer(&told.answers[0])).0, ErrorCode::CardDeclined);
    assert!(!world.account().deliver("k", &op(2), world.now).unwrap(), "the key is not taken");
    assert!(world.account().deliver("k", &op(1), world.now).unwrap());
}

#[test]
fn a_request_that_waits_with_another_card_of_the_client_is_not_charged_when_the_first_is_paid() {
    let mut world = World::new();
    let (one, two) = (keyed(1, "pm_1"), keyed(2, "pm_2"));
    let call = world.charging(&one);
    world.joins(&two);
    let done = world.reply(&call, Intent::new("pi_1", "succeeded").reply(), &[&one, &two]);
    assert_eq!(paid(&done.answers[0]), (0, Some("pi_1")));
    assert_eq!(done.answers[1], Told::AskAgain { attached: None });
    assert!(matches!(answer(&again(&mut world, &two)), Answer::Running { .. }));
}

#[test]
fn a_key_whose_debit_was_given_back_or_that_is_a_day_old_pays_anew() {
    // What was given back has been spent since.
    let world = lost(MINUTE);
    world.account().reverse(usd(), 2, &op(1), &op(1), world.now).unwrap();
    world.spend(&super::given::order(9, 50_000));
    let given_back = world;
    for mut world in [given_back, lost(KEPT + 1)] {
        let pay = keyed(2, "pm_2");
        let call = world.drives(&pay);
        let charge = world.next(&call, attached("pm_2", "cus_1"));
        assert_eq!(charge.request.path, "/v1/payment_intents");
        let done = world.reply(&charge, Intent::new("pi_2", "succeeded").reply(), &[&pay]);
        assert_eq!(paid(&done.answers[0]), (0, Some("pi_2")));
    }
}

#[test]
fn a_debit_that_is_given_back_while_the_card_is_attached_is_made_anew() {
    let mut world = lost(MINUTE);
    let pay = keyed(2, "pm_2");
    let call = world.drives(&pay);
    world.account().reverse(usd(), 2, &op(1), &op(1), world.now).unwrap();
    let done = world.reply(&call, attached("pm_2", "cus_1"), &[&pay]);
    assert_eq!(paid(&done.answers[0]), (0, None));
    assert_eq!(world.entries().len(), 4);
}
