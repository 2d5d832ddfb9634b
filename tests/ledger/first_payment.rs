//! The way from a card to credit: which calls are made, with which bytes, and what each leaves on disk.

use serde_json::json;
use stripe402_core::protocol::{ClientId, ErrorCode, PaymentMethodId};
use stripe402_edge::ledger::{Answer, Pay, Paying};
use stripe402_edge::stripe::{CustomerId, Method, Reply};

use super::given::{
    HOUR, SECOND, World, account_id, card, client, for_price, id, in_currency, is_pending, known_card, line,
    paid, paid_at_once, refused, units, usd,
};
use super::given::{answer, eur};
use crate::support::replies::{self, Intent, already_attached, attached, customer, declined};

#[test]
fn a_first_payment_makes_a_customer_attaches_the_card_charges_it_credits_and_debits() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let call = world.drives(&pay);
    let account = account_id();
    assert_eq!(line(&call), format!("POST /v1/customers {}.customer.1", account.as_str()));
    assert_eq!(
        call.request.body,
        format!(
            "description=stripe402+client+{}&metadata%5Bstripe402_account%5D={}\
             &metadata%5Bstripe402_deployment%5D=0123456789abcdef",
            account.short(),
            account.as_str()
        )
    );

    let call = world.next(&call, customer("cus_1"));
    let top_up = id(1);
    assert_eq!(line(&call), format!("POST /v1/payment_methods/pm_1/attach {}.1.attach", top_up.as_str()));
    assert_eq!(call.request.body, "customer=cus_1");

    let call = world.next(&call, attached("pm_1", "cus_1"));
    assert_eq!(line(&call), format!("POST /v1/payment_intents {}.1.charge", top_up.as_str()));
    assert_eq!(
        call.request.body,
        format!(
            "amount=500&currency=usd&payment_method_types%5B0%5D=card&customer=cus_1&payment_method=pm_1\
             &confirm=true&description=stripe402+top-up+for+{}&metadata%5Bstripe402_account%5D={}\
             &metadata%5Bstripe402_top_up%5D={}&metadata%5Bstripe402_deployment%5D=0123456789abcdef",
            account.short(),
            account.as_str(),
            top_up.as_str()
        )
    );

    let done = world.reply(&call, Intent::new("pi_1", "succeeded").reply(), &[&pay]);
    assert_eq!(done.call, None);
    assert_eq!(paid(&done.answers[0]), (49_900, Some("pi_1")));
    let entries = world.entries();
    assert_eq!(entries[0], ("usd 1".into(), "topup".into(), 50_000, 50_000));
    assert_eq!(entries[1], ("usd 2".into(), "debit".into(), -100, 49_900));
    assert_eq!(entries.len(), 2);
    assert_eq!(world.outcomes(), ["credited"]);
    assert_eq!(world.due_in(), None, "an account with credit needs no alarm");
}

#[test]
fn before_each_call_its_exact_bytes_and_the_alarm_are_on_disk() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let replies = [customer("cus_1"), attached("pm_1", "cus_1")];
    let mut call = world.drives(&pay);
    let mut steps = Vec::new();
    for reply in replies.into_iter().map(Some).chain([None]) {
        let sending = world.open()["state"]["sending"].clone();
        assert_eq!(call.request.method, Method::Post);
        assert_eq!(sending["path"], call.request.path);
        assert_eq!(sending["body"], call.request.body);
        assert_eq!(sending["key"], call.request.key.clone().unwrap());
        assert_eq!((&sending["sends"], &sending["first_at"]), (&json!(1), &json!(world.now.0)));
        assert_eq!(world.due_in(), Some(25 * SECOND), "longer than any call takes");
        steps.push(sending["step"].clone());
        let Some(reply) = reply else { break };
        world.later(700);
        call = world.next(&call, reply);
    }
    assert_eq!(steps, ["customer", "attach", "charge"]);
}

#[test]
fn the_next_charge_of_a_known_card_is_one_call() {
    let mut world = World::credited();
    let pay = for_price(60_000, known_card(1, "pm_1"));
    let pay = Pay {
        offer: stripe402_edge::ledger::amount::Offer { asked: Some(units(70_000)), ..pay.offer },
        ..pay
    };
    let call = world.charges(&pay);
    assert!(call.request.body.starts_with("amount=700&currency=usd&"), "{}", call.request.body);
    let done = world.reply(
        &call,
        Intent::new("pi_2", "succeeded").with("amount_received", json!(700)).reply(),
        &[&pay],
    );
    assert_eq!(paid(&done.answers[0]), (60_000, Some("pi_2")));
}

#[test]
fn a_known_card_spends_what_is_there_without_a_call() {
    let mut world = World::credited();
    let answer = world.answers(&known_card(1, "pm_1"));
    assert_eq!(paid_at_once(&answer), (49_900, None), "no charge, so none is told");
    assert!(matches!(answer, Answer::Paid { client_id: Some(id), .. } if id == client()));
}

#[test]
fn a_new_card_object_of_the_same_card_is_attached_and_then_spends_without_a_charge() {
    let mut world = World::credited();
    let pay = card(1, "pm_2");
    let call = world.drives(&pay);
    assert_eq!(line(&call), format!("POST /v1/payment_methods/pm_2/attach {}.1.attach", id(2).as_str()));
    assert_eq!(call.request.body, "customer=cus_1", "the Customer that the account has");
    assert_eq!(world.balance(usd()), 50_000, "a number without its CVC spends nothing");
    let done = world.reply(&call, attached("pm_2", "cus_1"), &[&pay]);
    assert_eq!(done.call, None);
    assert_eq!(paid(&done.answers[0]), (49_900, None));
    assert_eq!(world.outcomes(), ["credited", "attached"]);
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn a_new_card_object_where_the_balance_is_short_is_attached_and_charged() {
    let mut world = World::credited();
    let pay = for_price(60_000, card(1, "pm_2"));
    let call = world.drives(&pay);
    assert!(call.request.path.ends_with("/pm_2/attach"));
    let call = world.next(&call, attached("pm_2", "cus_1"));
    assert_eq!(call.request.path, "/v1/payment_intents");
    let done = world.reply(&call, Intent::new("pi_2", "succeeded").reply(), &[&pay]);
    assert_eq!(paid(&done.answers[0]), (40_000, Some("pi_2")));
}

#[test]
fn a_card_that_cannot_be_attached_spends_nothing() {
    let mut world = World::credited();
    let pay = card(1, "pm_2");
    let call = world.drives(&pay);
    let told =
        world.reply(&call, declined("incorrect_cvc", "Your card's security code is incorrect."), &[&pay]);
    assert!(matches!(answer(&told.answers[0]), Answer::Refused(_)), "{told:?}");
    assert_eq!(world.entries().len(), 1);
}

#[test]
fn a_card_that_another_customer_has_attached_meanwhile_spends_nothing() {
    let mut world = World::credited();
    let pay = card(1, "pm_2");
    let call = world.drives(&pay);
    let call = world.next(&call, already_attached());
    assert!(call.request.path.starts_with("/v1/payment_methods/pm_2?"), "{call:?}");
    let told = world.reply(&call, attached("pm_2", "cus_other"), &[&pay]);
    assert!(matches!(answer(&told.answers[0]), Answer::Refused(_)), "{told:?}");
    assert_eq!(world.entries().len(), 1);
}

#[test]
fn whose_card_it_is_that_cannot_be_read_is_told_to_the_log() {
    for (reply, outcome) in [
        (Reply::Lost, None),
        (replies::refused(404, "resource_missing", "payment_method", "No such"), Some("refused")),
    ] {
        let mut world = World::credited();
        let pay = card(1, "pm_2");
        let call = world.drives(&pay);
        let call = world.next(&call, already_attached());
        let told = world.reply(&call, reply.clone(), &[&pay]);
        assert!(told.failure.is_some(), "{reply:?}");
        assert_eq!(told.outcome.is_some(), outcome.is_some(), "{reply:?}");
        assert_eq!(world.entries().len(), 1);
    }
}

#[test]
fn a_card_that_stripe_attached_to_somebody_else_is_refused_without_a_charge() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let call = world.drives(&pay);
    let call = world.next(&call, customer("cus_1"));
    let told = world.reply(&call, attached("pm_1", "cus_other"), &[&pay]);
    assert_eq!(told.call, None);
    let sentence = "This payment method belongs to another customer.";
    assert_eq!(refused(answer(&told.answers[0])), (ErrorCode::PaymentFailed, sentence));
}

#[test]
fn what_stripe_says_it_received_is_credited_and_not_what_was_asked() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let call = world.charging(&pay);
    let odd =
        Intent::new("pi_1", "succeeded").with("amount_received", json!(731)).with("currency", json!("eur"));
    let told = world.reply(&call, odd.reply(), &[&pay]);
    assert_eq!((world.balance(eur()), world.balance(usd())), (73_100, 0));
    assert_eq!(world.outcomes(), ["credited"]);
    assert!(matches!(told.answers[0], stripe402_edge::ledger::account::Told::AskAgain { .. }));
    assert!(matches!(world.pay(&in_currency(eur(), known_card(2, "pm_1"))), Paying::Answered(_)));
}

#[test]
fn a_currency_without_cents_is_charged_and_credited_in_its_own_unit() {
    let mut world = World::new();
    let yen = stripe402_core::protocol::Currency::parse("jpy").unwrap();
    let mut pay = in_currency(yen, for_price(995_001, card(1, "pm_1")));
    pay.offer.min = units(1_000_000);
    let call = world.charging(&pay);
    assert!(call.request.body.starts_with("amount=100&currency=jpy&"), "{}", call.request.body);
    let intent =
        Intent::new("pi_1", "succeeded").with("amount_received", json!(100)).with("currency", json!("jpy"));
    let told = world.reply(&call, intent.reply(), &[&pay]);
    assert_eq!(paid(&told.answers[0]), (4_999, Some("pi_1")));
}

#[test]
fn the_account_remembers_its_customer_its_client_and_its_last_attempt() {
    let mut world = World::new();
    let pay = card(1, "pm_1");
    let call = world.drives(&pay);
    let account = |world: &World| {
        let rows = world.store.look(
            "SELECT coalesce(customer, '-'), customers, client_id, attempted_at - created_at FROM account",
        );
        let row = &rows[0];
        (
            row.text(0).unwrap().to_owned(),
            row.integer(1).unwrap(),
            row.text(2).unwrap().to_owned(),
            row.integer(3).unwrap(),
        )
    };
    let whose = client().as_str().to_owned();
    assert_eq!(account(&world), ("-".into(), 0, whose.clone(), 0));
    let call = world.next(&call, customer("cus_1"));
    assert_eq!(account(&world), ("cus_1".into(), 1, whose.clone(), 0));
    world.reply(&call, declined("generic_decline", "no"), &[]);
    world.later(HOUR);
    world.drives(&card(2, "pm_2"));
    assert_eq!(account(&world), ("cus_1".into(), 1, whose, HOUR));
}

#[test]
fn a_card_of_which_only_the_customer_is_known_pays_into_the_account_that_the_row_names() {
    // The PaymentMethod is attached to our Customer, but its fingerprint says another client today.
    let mut world = World::credited();
    let pay = Pay { client_id: None, ..known_card(1, "pm_1") };
    let answer = world.answers(&pay);
    assert!(matches!(answer, Answer::Paid { client_id: Some(id), .. } if id == client()));

    let other = ClientId::derive(&[7; 32], "another card");
    let pay = Pay { client_id: Some(other), ..known_card(2, "pm_1") };
    let answer = world.answers(&pay);
    assert!(matches!(answer, Answer::Paid { client_id: Some(id), .. } if id == client()));
}

#[test]
fn where_neither_the_row_nor_the_card_names_a_client_nothing_is_charged_or_written() {
    let mut world = World::new();
    let pay = Pay { client_id: None, ..known_card(1, "pm_1") };
    let told = world.answers(&pay);
    let sentence = "This payment method cannot be used any more. Create a new one from the card.";
    assert_eq!(refused(&told), (ErrorCode::PaymentFailed, sentence));
    assert!(world.is_blank());
}

#[test]
fn an_alias_is_charged_as_the_object_that_stripe_returned() {
    let mut world = World::new();
    let pay = Pay { sent: PaymentMethodId::parse("pm_card_visa").unwrap(), ..card(1, "pm_1Real") };
    let call = world.drives(&pay);
    let call = world.next(&call, customer("cus_1"));
    assert_eq!(call.request.path, "/v1/payment_methods/pm_1Real/attach");
    let call = world.next(&call, attached("pm_1Real", "cus_1"));
    assert!(call.request.body.contains("&payment_method=pm_1Real&"), "{}", call.request.body);
}

#[test]
fn an_amount_that_would_not_pay_for_the_request_is_refused_before_anything_is_written() {
    let mut world = World::new();
    let told = world.answers(&for_price(50_001, card(1, "pm_1")));
    let sentence = "Top-up amount 50000 is below the minimum of 50100";
    assert_eq!(refused(&told), (ErrorCode::TopUpBelowMinimum, sentence));
    assert!(world.is_blank());
}

#[test]
fn a_retried_call_that_was_paid_by_the_first_is_not_charged() {
    let mut world = World::new();
    let mut pay = card(1, "pm_1");
    let call = world.charging(&pay);
    let done = world.reply(&call, Intent::new("pi_1", "succeeded").reply(), &[&pay]);
    assert_eq!(paid(&done.answers[0]).0, 49_900);
    pay.order.retried = true;
    assert_eq!(paid_at_once(&world.answers(&pay)), (49_900, None));
    assert_eq!(world.entries().len(), 2);
}

#[test]
fn a_card_attached_to_another_customer_of_the_account_is_charged_there() {
    let mut world = World::credited();
    let pay = Pay { customer: CustomerId::parse("cus_old").ok(), ..for_price(60_000, card(1, "pm_0")) };
    let call = world.charges(&pay);
    assert!(call.request.body.contains("&customer=cus_old&payment_method=pm_0&"), "{}", call.request.body);
}

#[test]
fn a_refusal_of_the_request_is_told_in_a_sentence_of_ours() {
    let rows = [
        (
            replies::refused(400, "amount_too_large", "amount", "raw"),
            "The amount is outside of what the card network takes.",
        ),
        (
            replies::refused(400, "parameter_unknown", "foo", "raw"),
            "The payment was refused. Nothing was charged.",
        ),
        (
            Intent::new("pi_1", "requires_payment_method").reply(),
            "Payment did not succeed. Status: requires_payment_method",
        ),
        (Intent::new("pi_1", "canceled").reply(), "Payment did not succeed. Status: canceled"),
    ];
    for (reply, sentence) in rows {
        let mut world = World::new();
        let pay = card(1, "pm_1");
        let call = world.charging(&pay);
        let told = world.reply(&call, reply, &[&pay]);
        assert_eq!(refused(answer(&told.answers[0])), (ErrorCode::PaymentFailed, sentence));
        assert_eq!((world.outcomes(), told.call), (vec!["refused".to_owned()], None));
    }
}

#[test]
fn our_own_misconfiguration_is_no_refusal_of_the_card() {
    for status in [401, 403] {
        let mut world = World::new();
        let pay = card(1, "pm_1");
        let call = world.charging(&pay);
        let told = world.reply(&call, replies::error(status, "invalid_request_error"), &[&pay]);
        assert!(told.failure.is_some());
        assert_eq!(world.outcomes(), ["-"], "sent again, then looked up; never called declined");
        assert!(
            !matches!(told.answers[0], stripe402_edge::ledger::account::Told::Answer(ref told) if !is_pending(told))
        );
    }
}
