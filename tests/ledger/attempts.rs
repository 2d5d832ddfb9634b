//! What begins again and what stops: a Customer that is gone at Stripe, and a Stripe that is not the one we began with.

use serde_json::json;
use stripe402_core::protocol::ErrorCode;
use stripe402_edge::ledger::topup::{Asked, Event, FOREIGN_SPAN, StripeSide};
use stripe402_edge::ledger::{Pay, Paying};

use super::given::{
    DAY, MINUTE, START, World, account_id, answer, card, for_price, id, is_pending, known_card, line, paid,
    refused, side, usd,
};
use crate::support::replies::{Intent, attached, customer, no_such_customer};

fn customer_row(world: &World) -> String {
    world.store.look("SELECT coalesce(customer, '-') FROM account")[0].text(0).unwrap().to_owned()
}

#[test]
fn a_customer_that_is_gone_at_stripe_is_made_anew_and_the_payment_goes_on() {
    let mut world = World::credited();
    let pay = for_price(60_000, card(1, "pm_2"));
    let attach = world.drives(&pay);
    assert_eq!(attach.request.body, "customer=cus_1");
    let create = world.next(&attach, no_such_customer());
    let key = create.request.key.clone().unwrap();
    assert_eq!(create.request.path, "/v1/customers");
    assert!(
        key.starts_with(&format!("{}.customer.", account_id().as_str())) && !key.ends_with(".1"),
        "{key}"
    );
    let attach = world.next(&create, customer("cus_2"));
    assert_eq!(line(&attach), format!("POST /v1/payment_methods/pm_2/attach {}.2.attach", id(2).as_str()));
    assert_eq!(attach.request.body, "customer=cus_2");
    assert_eq!(customer_row(&world), "cus_2");
    let charge = world.next(&attach, attached("pm_2", "cus_2"));
    assert_eq!(line(&charge), format!("POST /v1/payment_intents {}.2.charge", id(2).as_str()));
    assert!(charge.request.body.contains("&customer=cus_2&"));
    let done = world.reply(&charge, Intent::new("pi_2", "succeeded").reply(), &[&pay]);
    assert_eq!(paid(&done.answers[0]), (40_000, Some("pi_2")), "the balance is ours, not Stripe's");
}

#[test]
fn a_customer_that_is_gone_twice_in_one_payment_ends_it() {
    let mut world = World::credited();
    let pay = card(1, "pm_2");
    let attach = world.drives(&pay);
    let create = world.next(&attach, no_such_customer());
    let attach = world.next(&create, customer("cus_2"));
    let told = world.reply(&attach, no_such_customer(), &[&pay]);
    assert_eq!(told.call, None);
    assert_eq!(refused(answer(&told.answers[0])).0, ErrorCode::PaymentFailed);
}

#[test]
fn a_customer_made_anew_is_kept_when_the_payment_then_fails() {
    let mut world = World::credited();
    let attach = world.drives(&card(1, "pm_2"));
    let create = world.next(&attach, no_such_customer());
    let attach = world.next(&create, customer("cus_2"));
    world.reply(&attach, crate::support::replies::declined("incorrect_cvc", "no"), &[]);
    let again = world.drives(&card(2, "pm_3"));
    assert_eq!(again.request.body, "customer=cus_2");
}

/// The open record in each of its states.
fn states() -> Vec<(&'static str, World)> {
    let charging = || {
        let mut world = World::new();
        let call = world.charging(&card(1, "pm_1"));
        (world, call)
    };
    let (sending, _) = charging();
    let (mut looking, _) = charging();
    looking.later(2 * MINUTE);
    looking.wake(&[]);
    let (following, call) = charging();
    following.reply(&call, Intent::new("pi_1", "processing").reply(), &[]);
    let (action, call) = charging();
    action.reply(&call, Intent::new("pi_1", "requires_action").reply(), &[]);
    let (cancel, call) = charging();
    cancel.reply(&call, Intent::new("pi_1", "requires_capture").reply(), &[]);
    vec![
        ("sending", sending),
        ("look_up", looking),
        ("follow", following),
        ("action", action),
        ("cancel", cancel),
    ]
}

#[test]
fn nothing_is_sent_to_another_stripe_account_or_mode_than_the_one_it_began_with() {
    for other in [side("51Another", false), side("51Example", true)] {
        for (state, mut world) in states() {
            assert!(world.open()["state"].get(state).is_some(), "{state}: {}", world.open());
            world.side = other.clone();
            let before = world.open()["state"].clone();
            for _ in 0..3 {
                let waiting = card(9, "pm_1");
                let woke = world.alarm(&[&waiting]);
                assert_eq!((woke.call, woke.outcome), (None, None), "{state}");
                assert_eq!(world.due_in(), Some(FOREIGN_SPAN), "{state}: it looks in again later");
            }
            let mut after = world.open()["state"].clone();
            after[state]["wake_at"] = before[state]["wake_at"].clone();
            assert_eq!(after, before, "{state}: nothing else changed");
            let paying = world.pay(&card(2, "pm_1"));
            assert!(!matches!(paying, Paying::Drive(_)), "{state}: {paying:?}");
            let came_back = Event::CameBack { asked: Asked::Same, here: &world.side };
            let advanced = world.account().advance(&came_back, &[], world.now).unwrap().unwrap();
            assert_eq!(advanced.call, None, "{state}");
        }
    }
}

#[test]
fn when_the_keys_come_back_a_charge_is_looked_up_and_not_sent_again() {
    let (_, mut world) = states().remove(0);
    let ours = std::mem::replace(&mut world.side, side("51Another", false));
    world.alarm(&[]);
    world.side = ours;
    let call = world.alarm(&[]).call.unwrap();
    assert!(line(&call).starts_with("GET /v1/payment_intents?customer=cus_1&"), "{}", line(&call));
    world.reply(&call, Intent::new("pi_1", "succeeded").of(&id(1)).listed(), &[]);
    assert_eq!(world.balance(usd()), 50_000);
}

#[test]
fn a_payer_whose_action_belongs_to_another_stripe_is_told_that_it_is_not_known() {
    let (_, mut world) = states().remove(3);
    world.side = side("51Example", true);
    assert!(is_pending(&world.answers(&known_card(2, "pm_1"))));
}

#[test]
fn a_later_api_version_is_not_another_stripe() {
    for (state, mut world) in states() {
        world.side = StripeSide { version: "2027-01-01.next".to_owned(), ..world.side.clone() };
        assert!(world.alarm(&[]).call.is_some(), "{state}");
    }
}

#[test]
fn in_every_state_a_top_up_that_is_open_lets_no_other_begin() {
    for (state, mut world) in states() {
        for pay in [card(2, "pm_1"), card(3, "pm_2"), for_price(90_000, known_card(4, "pm_3"))] {
            let mut pay: Pay = pay;
            pay.offer.asked = stripe402_core::protocol::Units::new(90_000);
            let paying = world.pay(&pay);
            if let Paying::Drive(call) = &paying {
                assert_eq!((state, line(call)), ("action", "GET /v1/payment_intents/pi_1 -".to_owned()));
            }
            assert_eq!(world.records().len(), 1, "{state}");
            assert_eq!(world.records()[0].id, id(1));
        }
    }
}

#[test]
fn announced_money_is_credited_in_every_state_once() {
    for (state, world) in states() {
        let truth = Intent::new("pi_1", "succeeded").of(&id(1)).with("amount_received", json!(640)).read();
        let event = Event::Announced(&truth);
        let advanced = world.account().advance(&event, &[], world.now).unwrap().unwrap();
        assert_eq!(advanced.call, None, "{state}");
        assert_eq!(
            (world.outcomes(), world.balance(usd())),
            (vec!["credited".to_owned()], 64_000),
            "{state}"
        );
        assert!(world.account().advance(&event, &[], world.now).unwrap().is_none(), "{state}: it is over");
        assert_eq!(world.balance(usd()), 64_000);
    }
}

#[test]
fn what_is_announced_of_another_top_up_mode_or_status_changes_nothing() {
    let strangers = [
        Intent::new("pi_1", "succeeded"),
        Intent::new("pi_1", "succeeded").of(&id(2)),
        Intent::new("pi_1", "succeeded").of(&id(1)).with("livemode", json!(true)),
        Intent::new("pi_1", "canceled").of(&id(1)),
        Intent::new("pi_1", "requires_payment_method").of(&id(1)),
        Intent::new("pi_1", "processing").of(&id(1)),
    ];
    for (state, world) in states() {
        let before = world.open();
        for intent in &strangers {
            let truth = intent.clone().read();
            let advanced =
                world.account().advance(&Event::Announced(&truth), &[], world.now).unwrap().unwrap();
            assert_eq!((advanced.call, advanced.outcome), (None, None), "{state} {truth:?}");
            assert_eq!(world.open(), before, "{state} {truth:?}");
        }
    }
}

#[test]
fn the_clock_of_a_test_begins_where_the_records_say() {
    // Guards the helpers above: a world that did not begin at START would make the look-ups' times meaningless.
    let world = World::credited();
    let began = &world.store.look("SELECT started_at FROM topup")[0];
    assert_eq!(began.integer(0).unwrap(), START.0);
    assert!(world.now.since(START) > DAY);
}
