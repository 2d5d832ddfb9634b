//! What an operator does: each act once, with who and why, and money that goes back to cards.

use serde_json::{Value, json};
use stripe402_core::protocol::Units;
use stripe402_edge::ledger::account::{DisputeFlags, Spent, Terms};
use stripe402_edge::ledger::operator::{ACT, Act, Objection, View, What};
use stripe402_edge::ledger::payback::Call;
use stripe402_edge::ledger::statement::Page;
use stripe402_edge::stripe::{Dispute, Refund, Reply};

use super::given::{
    DEPLOYMENT, HOUR, KEEP, MINUTE, SECOND, World, account_id, act, card, for_price, id, known_card, order,
    side, units, usd,
};
use crate::support::replies::{Intent, answered, refused, server_error};

pub(super) fn of(amount: i64, act: Act) -> Act {
    Act { amount: Some(units(amount)), ..act }
}

pub(super) fn does(world: &World, act: &Act) -> Result<(), Objection> {
    let terms = Terms { side: &world.side, deployment: DEPLOYMENT, descriptor_suffix: None };
    world.account().act(act, &terms, world.now)
}

pub(super) fn conflict(result: Result<(), Objection>) -> String {
    match result {
        Err(Objection::Conflict(message)) => message,
        other => panic!("no conflict: {other:?}"),
    }
}

pub(super) fn sees(world: &World, view: View) -> Value {
    let page = Page { currency: None, before: None, limit: 50, client_id: None };
    serde_json::from_str(&world.account().view(view, &page).unwrap()).unwrap()
}

/// The call of the payback that is due.
pub(super) fn due(world: &World) -> Call {
    world.account().pay_back(&world.side, world.now).unwrap().expect("a call is due")
}

pub(super) fn nothing_due(world: &World) {
    assert_eq!(world.account().pay_back(&world.side, world.now), Ok(None));
}

pub(super) fn reply(world: &World, call: &Call, reply: &Reply) {
    world.account().paid_back(call, reply, world.now).unwrap();
}

pub(super) fn refund(call: &Call, status: &str) -> Value {
    json!({"id": "re_1", "amount": 1, "status": status, "metadata": {"stripe402_refund": call.id}})
}

fn listed(refunds: &[Value]) -> Reply {
    answered(200, &json!({"data": refunds, "has_more": false}))
}

/// The state of every payback, in the order of their charges.
pub(super) fn states(world: &World) -> Vec<String> {
    let all = sees(world, View::Export)["refunds"].clone();
    all.as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect()
}

pub(super) fn is_right(world: &World) {
    let audit = sees(world, View::Audit);
    assert_eq!(audit["ok"], true, "{audit}");
}

#[test]
fn an_adjustment_is_made_once_and_says_who_and_why() {
    let world = World::credited();
    let good = of(10_000, act("gift", What::Adjust));
    for _ in 0..3 {
        does(&world, &good).unwrap();
    }
    does(&world, &of(-70_000, act("taken", What::Adjust))).unwrap();
    assert_eq!(world.balance(usd()), -10_000, "an operator may leave a debt");

    assert_eq!(does(&world, &of(10_001, act("gift", What::Adjust))), Err(Objection::OtherAct));
    assert_eq!(does(&world, &act("gift", What::Freeze)), Err(Objection::OtherAct));
    assert!(conflict(does(&world, &of(0, act("none", What::Adjust)))).contains("not zero"));
    let most = of(Units::MAX.get(), act("most", What::Adjust));
    does(&world, &most).unwrap();
    assert!(
        conflict(does(&world, &Act { name: format!("{ACT}more"), ..most }))
            .contains("larger than can be told")
    );

    let shown = sees(&world, View::Transactions);
    let gift = &shown["transactions"][2];
    assert_eq!(
        (&gift["type"], &gift["amount"], &gift["by"], &gift["reason"], &gift["act"]),
        (&json!("adjustment"), &json!(10_000), &json!("Ada"), &json!("asked for"), &json!("gift"))
    );
    let owner = world.account().statement(&Page { currency: None, before: None, limit: 50, client_id: None });
    assert!(
        !owner.unwrap().to_json(None).contains("gift"),
        "its client is not told what the operator calls it"
    );
    is_right(&world);
}

#[test]
fn nothing_is_done_to_a_client_of_whom_nothing_is_known() {
    let world = World::new();
    for what in What::ALL {
        assert_eq!(does(&world, &of(100, act("a", what))), Err(Objection::Unknown));
    }
    assert!(world.is_blank());
    let page = Page { currency: None, before: None, limit: 50, client_id: None };
    for view in View::ALL {
        assert_eq!(world.account().view(view, &page), Err(Objection::Unknown));
    }
}

#[test]
fn a_frozen_account_serves_nothing_until_it_is_thawed() {
    let mut world = World::credited();
    does(&world, &act("freeze", What::Freeze)).unwrap();
    assert_eq!(world.spend(&order(1, 100)), Spent::Frozen(units(50_000)));
    let answer = world.answers(&known_card(2, "pm_1"));
    assert!(format!("{answer:?}").contains("frozen: true"), "{answer:?}");
    assert_eq!(sees(&world, View::Client)["frozen"], true);
    does(&world, &act("thaw", What::Unfreeze)).unwrap();
    // The first act, told again, changes nothing.
    does(&world, &act("freeze", What::Freeze)).unwrap();
    assert!(matches!(world.spend(&order(3, 100)), Spent::Paid(_)));
}

#[test]
fn unused_credits_are_taken_first_and_go_back_newest_charge_first() {
    let mut world = World::credited();
    // A second charge, of 700 cents; 61,000 of 120,000 units are spent.
    let pay = for_price(61_000, known_card(1, "pm_1"));
    let mut pay = pay;
    pay.offer.asked = Some(units(70_000));
    let call = world.charges(&pay);
    let second = Intent::new("pi_second", "succeeded").of(&id(2)).with("amount", 700.into());
    world.reply(&call, second.with("amount_received", 700.into()).reply(), &[&pay]);
    assert_eq!(world.balance(usd()), 59_000);
    world.later(HOUR);

    does(&world, &act("all", What::Refund)).unwrap();

    assert_eq!(world.balance(usd()), 0, "nobody spends what goes back");
    let call = due(&world);
    assert_eq!((call.request.path.as_str(), call.nth), ("/v1/refunds", Some(1)));
    assert_eq!(
        call.request.body,
        format!(
            "payment_intent=pi_second&amount=590&reason=requested_by_customer&metadata%5Bstripe402_account%5D={}\
             &metadata%5Bstripe402_refund%5D={}&metadata%5Bstripe402_deployment%5D={DEPLOYMENT}",
            account_id(),
            call.id
        )
    );
    reply(&world, &call, &answered(200, &refund(&call, "pending")));
    nothing_due(&world);
    assert_eq!(states(&world), ["done"]);
    is_right(&world);

    // Told again, the act does nothing; there is nothing left for another.
    does(&world, &act("all", What::Refund)).unwrap();
    nothing_due(&world);
    assert_eq!(conflict(does(&world, &act("more", What::Refund))), "The unused balance is $0.00.");
}

#[test]
fn more_than_one_charge_holds_is_taken_from_the_one_before_too() {
    let mut world = World::credited();
    let mut pay = for_price(61_000, known_card(1, "pm_1"));
    pay.offer.asked = Some(units(70_000));
    let call = world.charges(&pay);
    let second = Intent::new("pi_second", "succeeded").of(&id(2)).with("amount", 700.into());
    world.reply(&call, second.with("amount_received", 700.into()).reply(), &[]);
    assert_eq!(world.balance(usd()), 120_000);
    world.later(HOUR);

    does(&world, &of(100_050, act("some", What::Refund))).unwrap();

    assert_eq!(world.balance(usd()), 20_000, "half a cent stays");
    let calls = [due(&world), due(&world)];
    let mut asked = calls.map(|call| call.request.body.split("&reason").next().unwrap().to_owned());
    asked.sort_unstable();
    assert_eq!(asked, ["payment_intent=pi_first&amount=300", "payment_intent=pi_second&amount=700"]);
    nothing_due(&world);
    is_right(&world);
}

#[test]
fn what_has_gone_back_to_a_card_does_not_go_back_again() {
    let world = World::credited();
    does(&world, &of(100_000, act("gift", What::Adjust))).unwrap();
    does(&world, &of(30_000, act("some", What::Refund))).unwrap();
    let call = due(&world);
    reply(&world, &call, &answered(200, &refund(&call, "succeeded")));
    // The balance would cover it; the charge holds no more than what is left of it.
    let message = conflict(does(&world, &of(30_000, act("again", What::Refund))));
    assert_eq!(message, "At most $2.00 can go back to the cards that paid it.");
    does(&world, &act("rest", What::Refund)).unwrap();
    let body = due(&world).request.body;
    assert!(body.starts_with("payment_intent=pi_first&amount=200&"), "{body}");
    assert_eq!(world.balance(usd()), 100_000);
    is_right(&world);
}

#[test]
fn what_this_stripe_would_not_refund_is_not_asked_of_it() {
    // A charge that a bank has taken back, though its client got credits since.
    let world = World::credited();
    let lost =
        Dispute { id: "dp_1".to_owned(), amount: 500, currency: "usd".to_owned(), status: "lost".to_owned() };
    let truth = Intent::new("pi_first", "succeeded").of(&id(1)).read();
    let withdrawn = DisputeFlags { withdrawn: true, reinstated: false };
    world.account().announce_dispute(&id(1), &truth, &lost, withdrawn, world.now).unwrap();
    does(&world, &of(50_000, act("gift", What::Adjust))).unwrap();
    let message = conflict(does(&world, &of(10_000, act("a", What::Refund))));
    assert_eq!(message, "At most $0.00 can go back to the cards that paid it.");

    // A charge at a Stripe account whose keys are gone.
    let mut world = World::credited();
    world.side = side("51Other", false);
    let message = conflict(does(&world, &of(10_000, act("a", What::Refund))));
    assert_eq!(message, "At most $0.00 can go back to the cards that paid it.");
}

#[test]
fn a_payback_whose_alarm_comes_late_is_sent_all_the_same() {
    let mut world = World::credited();
    does(&world, &act("all", What::Refund)).unwrap();
    world.later(HOUR);
    assert_eq!(due(&world).nth, Some(1));
}

#[test]
fn one_act_gives_back_twenty_charges_at_most() {
    let mut world = World::credited();
    for nth in 1..=21 {
        let mut pay = for_price(50_000 * i64::from(nth) + 1, known_card(nth, "pm_1"));
        pay.offer.asked = Some(units(50_000));
        pay.offer.max = units(10_000_000);
        let call = world.charges(&pay);
        let name = format!("pi_more{nth}");
        world.reply(&call, Intent::new(&name, "succeeded").of(&id(nth + 1)).reply(), &[]);
        world.later(HOUR);
    }
    assert_eq!(world.balance(usd()), 22 * 50_000);
    let message = conflict(does(&world, &of(21 * 50_000, act("most", What::Refund))));
    assert_eq!(message, "At most $100.00 can go back to the cards that paid it.");
    does(&world, &act("all", What::Refund)).unwrap();
    assert_eq!((states(&world).len(), world.balance(usd())), (20, 2 * 50_000));
    does(&world, &act("rest", What::Refund)).unwrap();
    assert_eq!((states(&world).len(), world.balance(usd())), (22, 0));
}

#[test]
fn what_cannot_go_back_is_said_and_nothing_is_taken() {
    let world = World::credited();
    assert!(conflict(does(&world, &of(50_001, act("a", What::Refund)))).contains("$5.00"));
    does(&world, &of(10_000, act("gift", What::Adjust))).unwrap();
    let message = conflict(does(&world, &of(60_000, act("b", What::Refund))));
    assert_eq!(message, "At most $5.00 can go back to the cards that paid it.");
    assert_eq!(world.balance(usd()), 60_000);
    // Without an amount: what cards have paid.
    does(&world, &act("c", What::Refund)).unwrap();
    assert_eq!(world.balance(usd()), 10_000);
    let message = conflict(does(&world, &act("d", What::Refund)));
    assert_eq!(
        message, "At most $0.00 can go back to the cards that paid it.",
        "no card has paid for a gift"
    );
    is_right(&world);
}

#[test]
fn a_refusal_gives_the_credits_back_and_an_unknown_outcome_does_not() {
    let mut world = World::credited();
    does(&world, &of(10_000, act("refused", What::Refund))).unwrap();
    let call = due(&world);
    reply(&world, &call, &refused(400, "charge_already_refunded", "", "already refunded"));
    assert_eq!(world.balance(usd()), 50_000);

    does(&world, &of(10_000, act("unknown", What::Refund))).unwrap();
    let mut sends = Vec::new();
    for nth in 1..=4 {
        let call = due(&world);
        assert_eq!(call.nth, Some(nth));
        reply(&world, &call, &server_error());
        assert_eq!(world.balance(usd()), 40_000);
        sends.push(call.request);
        if nth == 4 {
            break;
        }
        nothing_due(&world);
        world.now = world.account().wake_at(KEEP, world.now).unwrap().unwrap().max(world.now);
    }
    sends.dedup();
    assert_eq!(sends.len(), 1, "the same bytes under the same key");
    // Then it is only looked for: twice, five minutes apart, five minutes after the last send.
    let mut looks = 0;
    let began = world.now;
    while states(&world).contains(&"look_up".to_owned()) {
        let call = due(&world);
        assert_eq!(
            (call.nth, call.request.path.starts_with("/v1/refunds?payment_intent=pi_first")),
            (None, true)
        );
        reply(&world, &call, &listed(&[]));
        looks += 1;
        assert!(looks < 10);
        if let Some(at) = world.account().wake_at(KEEP, world.now).unwrap() {
            world.now = at.max(world.now);
        }
    }
    assert!(world.now.since(began) >= 10 * MINUTE - 30 * SECOND);
    assert_eq!(world.balance(usd()), 50_000);
    // Stripe announces later that it was made after all.
    let call_id = call_of_last(&world);
    let refund = |ours: Option<String>| Refund { amount: 100, status: "succeeded".to_owned(), ours };
    let truth = Intent::new("pi_first", "succeeded").of(&id(1)).read();
    for _ in 0..2 {
        let all = [refund(Some(call_id.clone())), refund(None)];
        world.account().announce_refunds(&id(1), &truth, &all, world.now).unwrap();
        assert_eq!(world.balance(usd()), 30_000, "ours and the one that was made by hand, each once");
    }
    is_right(&world);
}

fn call_of_last(world: &World) -> String {
    let rows = world.store.look("SELECT id FROM payback WHERE outcome = 'never_happened'");
    rows[0].text(0).unwrap().to_owned()
}

#[test]
fn a_refund_that_the_bank_sends_back_is_credit_again() {
    let world = World::credited();
    does(&world, &act("all", What::Refund)).unwrap();
    let call = due(&world);
    // Lost on its way; the alarm's look-up finds it, made.
    reply(&world, &call, &answered(200, &refund(&call, "succeeded")));
    let truth = Intent::new("pi_first", "succeeded").of(&id(1)).read();
    let failed = Refund { amount: 500, status: "failed".to_owned(), ours: Some(call.id.clone()) };
    world.account().announce_refunds(&id(1), &truth, &[failed], world.now).unwrap();
    assert_eq!(world.balance(usd()), 50_000);
    assert_eq!(states(&world), ["failed"]);
    is_right(&world);
}

#[test]
fn what_is_open_at_another_stripe_account_waits_until_it_is_settled_by_hand() {
    let mut world = World::credited();
    does(&world, &act("all", What::Refund)).unwrap();
    assert!(conflict(does(&world, &act("settle", What::Settle))).contains("resumed"));
    world.side = side("51Other", false);
    nothing_due(&world);
    assert!(world.due_in().unwrap() > 0, "it was put off");
    does(&world, &act("settle2", What::Settle)).unwrap();
    assert_eq!((world.balance(usd()), states(&world)), (50_000, vec!["never_happened".to_owned()]));

    // An open top-up likewise.
    let mut world = World::new();
    world.charging(&card(0, "pm_1"));
    world.side = side("51Other", false);
    does(&world, &act("settle", What::Settle)).unwrap();
    assert_eq!(world.outcomes(), ["never_happened"]);
    assert!(conflict(does(&world, &act("again", What::Settle))).contains("Nothing is open"));
}

#[test]
fn what_is_open_is_looked_after_before_its_time() {
    let mut world = World::credited();
    assert_eq!(conflict(does(&world, &act("none", What::Resume))), "Nothing is open here.");
    does(&world, &act("all", What::Refund)).unwrap();
    let call = due(&world);
    reply(&world, &call, &Reply::Lost);
    world.later(10);
    nothing_due(&world);
    does(&world, &act("resume", What::Resume)).unwrap();
    assert_eq!(due(&world).nth, Some(2));

    let mut world = World::new();
    let call = world.charging(&card(0, "pm_1"));
    world.reply(&call, Reply::Lost, &[]);
    does(&world, &act("resume", What::Resume)).unwrap();
    assert!(world.wake(&[]).call.is_some(), "the charge is sent again");
}
