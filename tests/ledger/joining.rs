//! Who comes while a top-up is under way: joins it, and is served in order of arrival in the credit's transaction.

use serde_json::json;
use stripe402_core::protocol::ErrorCode;
use stripe402_edge::ledger::account::{Spent, Told};
use stripe402_edge::ledger::{Answer, Pay};
use stripe402_edge::stripe::CustomerId;

use super::given::{
    MINUTE, World, answer, card, eur, for_price, in_currency, is_pending, known_card, order, paid, refused,
    usd,
};
use crate::support::replies::{Intent, attached, customer, declined, list, refused as wrong};

fn succeeded() -> stripe402_edge::stripe::Reply {
    Intent::new("pi_1", "succeeded").reply()
}

fn asks_again(told: &Told) -> Option<&str> {
    match told {
        Told::AskAgain { attached } => Some(attached.as_ref().map_or("-", CustomerId::as_str)),
        Told::Wait | Told::Answer(_) => None,
    }
}

#[test]
fn ten_first_payments_at_once_are_one_charge_and_ten_debits_in_order_of_arrival() {
    let mut world = World::new();
    let pays: Vec<Pay> = (1..=10).map(|number| card(number, "pm_1")).collect();
    let call = world.drives(&pays[0]);
    for pay in &pays[1..4] {
        world.joins(pay);
    }
    let call = world.next(&call, customer("cus_1"));
    for pay in &pays[4..7] {
        world.joins(pay);
    }
    let call = world.next(&call, attached("pm_1", "cus_1"));
    for pay in &pays[7..] {
        world.joins(pay);
    }
    let waiting: Vec<&Pay> = pays.iter().collect();
    let done = world.reply(&call, succeeded(), &waiting);
    let told: Vec<_> = done.answers.iter().map(paid).collect();
    assert_eq!(told[0], (49_900, Some("pi_1")));
    for (nth, one) in told.iter().enumerate().skip(1) {
        let before = i64::try_from(nth).unwrap();
        assert_eq!(*one, (49_900 - 100 * before, None), "one charge is told to one");
    }
    let ops: Vec<String> = world
        .store
        .look("SELECT op FROM entry WHERE kind = 'debit' ORDER BY seq")
        .iter()
        .map(|row| row.text(0).unwrap().to_owned())
        .collect();
    let arrived: Vec<&str> = pays.iter().map(|pay| pay.order.op.as_str()).collect();
    assert_eq!(ops, arrived);
    assert_eq!(world.outcomes(), ["credited"]);
}

#[test]
fn nobody_who_waits_is_told_anything_before_it_is_over() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let first = world.drives(&pay);
    let made = world.reply(&first, customer("cus_1"), &[&pay, &pay]);
    assert_eq!(made.answers, [Told::Wait, Told::Wait]);
    let stale = world.reply(&first, customer("cus_2"), &[&pay]);
    assert_eq!((stale.call, stale.answers), (None, vec![Told::Wait]), "a reply to what is no longer out");
    let joined = world.reply(&made.call.unwrap(), attached("pm_1", "cus_1"), &[&pay]);
    assert_eq!((joined.call.is_some(), joined.answers), (true, vec![Told::Wait]));
}

#[test]
fn debits_do_not_wait_for_a_top_up() {
    let mut world = World::credited();
    let big = for_price(60_000, known_card(1, "pm_1"));
    let call = world.charges(&big);
    assert!(matches!(world.spend(&order(2, 100)), Spent::Paid(_)), "a client id spends on");
    let small = world.answers(&known_card(3, "pm_1"));
    assert!(matches!(small, Answer::Paid { .. }), "so does the card, if it is attached");
    let done = world.reply(&call, succeeded(), &[&big]);
    assert_eq!(paid(&done.answers[0]), (50_000 - 200 + 50_000 - 60_000, Some("pi_1")));
}

#[test]
fn whoever_the_credit_does_not_cover_asks_again_and_those_behind_are_still_served() {
    let mut world = World::new();
    let first = for_price(30_000, card(1, "pm_1"));
    let dear = for_price(30_000, card(2, "pm_1"));
    let cheap = for_price(20_000, card(3, "pm_1"));
    let late = card(4, "pm_1");
    let call = world.charging(&first);
    let done = world.reply(&call, succeeded(), &[&first, &dear, &cheap, &late]);
    assert_eq!(paid(&done.answers[0]), (20_000, Some("pi_1")));
    assert_eq!(asks_again(&done.answers[1]), Some("cus_1"), "its card is attached by now");
    assert_eq!(paid(&done.answers[2]), (0, None));
    assert_eq!(asks_again(&done.answers[3]), Some("cus_1"));

    // The next top-up of the one who asks again is one call: the card needs no attaching any more.
    let again = Pay { customer: CustomerId::parse("cus_1").ok(), ..dear };
    let call = world.charges(&again);
    let done = world.reply(&call, Intent::new("pi_2", "succeeded").reply(), &[&again]);
    assert_eq!(paid(&done.answers[0]), (20_000, Some("pi_2")));
    assert_eq!(world.outcomes(), ["credited", "credited"]);
}

#[test]
fn another_card_that_was_never_checked_gets_nothing_of_the_credit() {
    // Same card number by its fingerprint, but not attached: it could be a number without its CVC.
    let mut world = World::new();
    let owner = card(1, "pm_1");
    let stranger = card(2, "pm_2");
    let call = world.charging(&owner);
    world.joins(&stranger);
    let done = world.reply(&call, succeeded(), &[&stranger, &owner]);
    assert_eq!(asks_again(&done.answers[0]), Some("-"));
    assert_eq!(paid(&done.answers[1]), (49_900, Some("pi_1")));
    let call = world.drives(&stranger);
    assert!(call.request.path.ends_with("/pm_2/attach"));
}

#[test]
fn another_card_that_is_attached_is_paid_from_the_credit_but_not_told_the_charge() {
    let mut world = World::credited();
    let owner = for_price(60_000, known_card(1, "pm_1"));
    let other = for_price(60_000, known_card(2, "pm_2"));
    let call = world.charges(&owner);
    world.joins(&other);
    let credit = Intent::new("pi_2", "succeeded").with("amount_received", json!(700));
    let done = world.reply(&call, credit.reply(), &[&other, &owner]);
    assert_eq!(paid(&done.answers[0]), (60_000, None));
    assert_eq!(paid(&done.answers[1]), (0, Some("pi_2")));
}

#[test]
fn a_decline_is_told_to_those_with_that_card_and_to_nobody_else() {
    let mut world = World::new();
    let owner = card(1, "pm_1");
    let twin = card(2, "pm_1");
    let other = card(3, "pm_2");
    let alias = Pay { sent: owner.sent.clone(), ..card(4, "pm_1b") };
    let call = world.charging(&owner);
    let refusal = declined("insufficient_funds", "Your card has insufficient funds.");
    let done = world.reply(&call, refusal, &[&owner, &twin, &other, &alias]);
    let sentence = "Your card has insufficient funds.";
    for nth in [0, 1, 3] {
        assert_eq!(refused(answer(&done.answers[nth])), (ErrorCode::CardDeclined, sentence));
    }
    assert_eq!(asks_again(&done.answers[2]), Some("-"));
    assert_eq!((done.call, world.outcomes()), (None, vec!["declined".to_owned()]));
    assert_eq!(world.entries().len(), 0);

    // The other starts its own, and a later try of the declined card is a new attempt under a new key.
    let call = world.drives(&other);
    let call = world.next(&call, attached("pm_2", "cus_1"));
    world.reply(&call, declined("generic_decline", "no"), &[]);
    world.later(1);
    let known = known_card(5, "pm_1");
    let again = world.charges(&known);
    assert_ne!(again.request.key, call.request.key);
}

#[test]
fn a_refusal_is_told_to_those_with_that_card_and_to_nobody_else() {
    let mut world = World::new();
    let (owner, other) = (card(1, "pm_1"), card(2, "pm_2"));
    let call = world.charging(&owner);
    let refusal = wrong(400, "payment_method_unactivated", "", "not activated");
    let done = world.reply(&call, refusal, &[&owner, &other]);
    assert_eq!(refused(answer(&done.answers[0])).0, ErrorCode::PaymentFailed);
    assert_eq!(asks_again(&done.answers[1]), Some("-"));
    assert_eq!(world.outcomes(), ["refused"]);
}

#[test]
fn that_a_charge_never_happened_is_told_to_those_with_that_card_and_to_nobody_else() {
    let mut world = World::new();
    let (owner, other) = (card(1, "pm_1"), card(2, "pm_2"));
    world.charging(&owner);
    world.later(10 * MINUTE);
    let nothing = || list(vec![]);
    let call = world.wake(&[]).call.unwrap();
    world.reply(&call, nothing(), &[]);
    let call = world.alarm(&[]).call.unwrap();
    let done = world.reply(&call, nothing(), &[&owner, &other]);
    assert_eq!(world.outcomes(), ["never_happened"]);
    assert!(is_pending(answer(&done.answers[0])));
    assert_eq!(asks_again(&done.answers[1]), Some("-"));
}

#[test]
fn when_the_outcome_is_not_known_everyone_is_told_so() {
    let mut world = World::new();
    let owner = card(1, "pm_1");
    let other = card(2, "pm_2");
    let mut call = world.charging(&owner);
    for _ in 0..3 {
        let lost = world.reply(&call, stripe402_edge::stripe::Reply::Lost, &[&owner, &other]);
        assert_eq!(lost.answers, [Told::Wait, Told::Wait], "it is sent again meanwhile");
        call = world.alarm(&[&owner, &other]).call.unwrap();
    }
    let lost = world.reply(&call, stripe402_edge::stripe::Reply::Lost, &[&owner, &other]);
    assert!(lost.answers.iter().all(|told| is_pending(answer(told))), "{:?}", lost.answers);
    assert!(is_pending(&world.answers(&owner)), "and so is whoever comes later");
    assert!(is_pending(&world.answers(&other)));
    assert_eq!(world.outcomes(), ["-"]);
}

#[test]
fn another_currency_waits_and_then_starts_its_own() {
    let mut world = World::new();
    let dollars = card(1, "pm_1");
    let euros = in_currency(eur(), card(2, "pm_1"));
    let call = world.charging(&dollars);
    world.joins(&euros);
    let done = world.reply(&call, succeeded(), &[&dollars, &euros]);
    assert_eq!(paid(&done.answers[0]), (49_900, Some("pi_1")));
    assert_eq!(asks_again(&done.answers[1]), Some("cus_1"));
    let again = Pay { customer: CustomerId::parse("cus_1").ok(), ..euros };
    let call = world.charges(&again);
    assert!(call.request.body.starts_with("amount=500&currency=eur&"), "{}", call.request.body);
    let credit = Intent::new("pi_2", "succeeded").with("currency", json!("eur"));
    let done = world.reply(&call, credit.reply(), &[&again]);
    assert_eq!(paid(&done.answers[0]), (49_900, Some("pi_2")));
    assert_eq!((world.balance(usd()), world.balance(eur())), (49_900, 49_900));
}

#[test]
fn those_who_wait_for_a_card_to_be_attached_are_paid_when_it_is() {
    let mut world = World::credited();
    let one = card(1, "pm_2");
    let two = card(2, "pm_2");
    let dear = for_price(60_000, card(3, "pm_2"));
    let call = world.drives(&one);
    world.joins(&two);
    world.joins(&dear);
    let done = world.reply(&call, attached("pm_2", "cus_1"), &[&one, &two, &dear]);
    assert_eq!(paid(&done.answers[0]), (49_900, None));
    assert_eq!(paid(&done.answers[1]), (49_800, None));
    assert_eq!(asks_again(&done.answers[2]), Some("cus_1"));
}

#[test]
fn a_caller_who_hung_up_is_not_debited_and_the_credit_stays() {
    let mut world = World::new();
    let call = world.charging(&card(1, "pm_1"));
    let done = world.reply(&call, succeeded(), &[]);
    assert_eq!((done.answers.len(), world.balance(usd())), (0, 50_000));
    world.later(MINUTE);
    let back = world.answers(&known_card(2, "pm_1"));
    assert!(matches!(back, Answer::Paid { charge: None, .. }), "{back:?}");
}

#[test]
fn a_reply_without_an_open_top_up_changes_nothing() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let call = world.charging(&pay);
    world.reply(&call, succeeded(), &[&pay]);
    let before = world.store.rows_changed();
    let reply = Intent::new("pi_2", "succeeded").reply();
    let event = stripe402_edge::ledger::topup::Event::Replied { verb: &call.verb, reply: &reply };
    let advanced = world.account().advance(&event, &[&pay], world.now).unwrap();
    assert!(advanced.is_none());
    assert_eq!(world.store.rows_changed(), before);
    assert_eq!(world.balance(usd()), 49_900);
}
