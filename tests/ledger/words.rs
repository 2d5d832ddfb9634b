//! Every call and every answer crosses between the Worker and an object as what it is.

use std::fmt::Debug;

use stripe402_core::protocol::{ErrorCode, PaymentMethodId};
use stripe402_edge::ledger::account::{Announcement, DisputeFlags};
use stripe402_edge::ledger::amount::Offer;
use stripe402_edge::ledger::call::Deposit;
use stripe402_edge::ledger::entries::Op;
use stripe402_edge::ledger::operator::{ACT, Act, Objection, View, What};
use stripe402_edge::ledger::record::Record;
use stripe402_edge::ledger::statement::{Cursor, Page};
use stripe402_edge::ledger::words::{from_text, to_text};
use stripe402_edge::ledger::{Answer, Call, Limits, Order, Pay, Refused, RequestKey, StoreError};
use stripe402_edge::stripe::{CustomerId, DisputeId, PaymentIntentId, TopUpId};

use super::given::{client, eur, op, order, units, usd};

fn crosses<T: Record + PartialEq + Debug>(all: &[T]) {
    let written: Vec<String> = all.iter().map(to_text).collect();
    for (one, text) in all.iter().zip(&written) {
        assert_eq!(&from_text::<T>(text).unwrap(), one, "{text}");
        assert_eq!(written.iter().filter(|other| *other == text).count(), 1, "{text} means one thing");
    }
}

fn keyed() -> Order {
    let key = RequestKey { key: "k 1".to_owned(), target: "digest".to_owned(), lease: 62_000, retries: 3 };
    let route = Some("GET /api/*".to_owned());
    Order { currency: eur(), route, retried: true, nth: 3, key: Some(key), ..order(2, 1) }
}

fn pay() -> Pay {
    let method = |id: &str| PaymentMethodId::parse(id).unwrap();
    Pay {
        order: keyed(),
        client_id: Some(client()),
        sent: method("pm_card_visa"),
        method: method("pm_1"),
        customer: Some(CustomerId::parse("cus_1").unwrap()),
        offer: Offer { min: units(50_000), max: units(1_000_000), asked: Some(units(70_000)) },
        limits: Limits { declines_per_hour: Some(5), per_day: Some(units(4_000_000)) },
        deposit: None,
    }
}

#[test]
fn every_call_crosses_as_what_it_is() {
    let (top_up, intent) = (TopUpId::from_bytes([3; 16]), PaymentIntentId::parse("pi_1").unwrap());
    let dispute = |withdrawn, reinstated| {
        Call::Announce(Announcement::Dispute {
            top_up: top_up.clone(),
            intent: intent.clone(),
            dispute: DisputeId::parse("dp_1").unwrap(),
            flags: DisputeFlags { withdrawn, reinstated },
        })
    };
    let bare = Pay {
        order: order(1, 100),
        client_id: None,
        customer: None,
        offer: Offer { asked: None, ..pay().offer },
        limits: Limits { declines_per_hour: None, per_day: None },
        ..pay()
    };
    let deposit = |receipt_email: Option<&str>| {
        let receipt_email = receipt_email.map(ToOwned::to_owned);
        let deposit = Deposit { name: "n".to_owned(), kept: 86_400_000, receipt_email };
        Call::Pay(Box::new(Pay { deposit: Some(deposit), ..pay() }))
    };
    crosses(&[
        Call::Spend(order(1, 100)),
        Call::Spend(order(1, 101)),
        Call::Spend(keyed()),
        Call::Pay(Box::new(pay())),
        Call::Pay(Box::new(bare)),
        deposit(None),
        deposit(Some("a@example.com")),
        Call::Reverse { currency: usd(), seq: 7, op: op(1), holder: None },
        Call::Reverse { currency: usd(), seq: 7, op: op(1), holder: Some(op(2)) },
        Call::Undo { currency: eur(), op: op(1) },
        Call::Deliver { key: "k".to_owned(), holder: op(1) },
        Call::Announce(Announcement::Intent { top_up: top_up.clone(), intent: intent.clone() }),
        Call::Announce(Announcement::Refunds { top_up: top_up.clone(), intent: intent.clone() }),
        dispute(false, false),
        dispute(true, false),
        dispute(false, true),
        Call::Show(Page { currency: None, before: None, limit: 50, client_id: None }),
        Call::Show(Page {
            currency: Some(eur()),
            before: Cursor::parse("usd-7"),
            limit: 1,
            client_id: Some(client()),
        }),
        Call::IsKnown,
    ]);
}

#[test]
fn what_an_operator_asks_crosses_as_what_it_is() {
    let page = Page { currency: None, before: None, limit: 50, client_id: None };
    let act = |what, currency, amount| {
        let (by, reason) = ("Ada".to_owned(), "asked for".to_owned());
        Call::Act(Box::new(Act { name: format!("{ACT}a"), what, by, reason, currency, amount }))
    };
    let mut all = vec![
        act(What::Adjust, Some(usd()), Some(units(-5))),
        act(What::Refund, Some(eur()), None),
        Call::See(View::Transactions, Page { limit: 7, ..page.clone() }),
    ];
    all.extend(What::ALL.map(|what| act(what, None, None)));
    all.extend(View::ALL.map(|view| Call::See(view, page.clone())));
    crosses(&all);

    // A name that is no act's could be a PaymentIntent's in the entries.
    let text = to_text(&all[0]);
    let other = text.replace(ACT, "pi_");
    assert_ne!(other, text);
    assert!(from_text::<Call>(&other).is_err());
}

#[test]
fn the_words_of_an_operator_stand_for_one_thing_each() {
    let whats = ["adjust", "freeze", "unfreeze", "refund", "resume", "settle", "erase", "report"];
    for word in whats {
        assert_eq!(What::parse(word).map(What::as_str), Some(word));
        assert_eq!(View::parse(word), None);
    }
    let views = ["client", "transactions", "acts", "audit", "export"];
    for word in views {
        assert_eq!(View::parse(word).map(View::as_str), Some(word));
        assert_eq!(What::parse(word), None);
    }
    for word in ["", "Adjust", "adjust ", "xyzzy"] {
        assert_eq!((What::parse(word), View::parse(word)), (None, None), "{word}");
    }
}

#[test]
fn an_objection_has_a_status_of_http() {
    let conflict = Objection::Conflict("No.".to_owned());
    let store = Objection::Store(StoreError::Shape("units"));
    let all = [(Objection::Unknown, 404), (conflict, 409), (Objection::OtherAct, 422), (store, 503)];
    for (objection, status) in all {
        assert_eq!(objection.status(), status, "{objection}");
        crosses(&[Answer::Objected { status, message: objection.to_string() }]);
    }
}

#[test]
fn every_answer_crosses_as_what_it_is() {
    let charge = PaymentIntentId::parse("pi_1").unwrap();
    let refused = |code| Refused::new(code, "No.".to_owned(), units(-5));
    let codes = [
        ErrorCode::PaymentRequired,
        ErrorCode::InsufficientCredits,
        ErrorCode::CardDeclined,
        ErrorCode::PaymentFailed,
        ErrorCode::InvalidPayment,
        ErrorCode::TopUpBelowMinimum,
    ];
    let mut all = vec![
        Answer::Paid { seq: 2, balance: units(1), charge: None, client_id: None, op: None },
        Answer::Paid {
            seq: 2,
            balance: units(1),
            charge: Some(charge.clone()),
            client_id: Some(client()),
            op: Some(op(1)),
        },
        Answer::Deposited { balance: units(1), charge: charge.clone(), client_id: None },
        Answer::Deposited { balance: units(1), charge, client_id: Some(client()) },
        Answer::Insufficient { balance: units(0), unknown: false },
        Answer::Insufficient { balance: units(0), unknown: true },
        Answer::Limited { retry_after: 60, message: "Later.".to_owned() },
        Answer::Pending { retry_after: 5 },
        Answer::Reversed { balance: units(9) },
        Answer::Running { retry_after: 2 },
        Answer::Delivered { seq: 3, balance: units(9), client_id: None },
        Answer::Delivered { seq: 3, balance: units(9), client_id: Some(client()) },
        Answer::OtherTarget,
        Answer::Statement("{\"entries\":[]}".to_owned()),
        Answer::Done,
        Answer::NotOurs,
        Answer::Refused(Refused { client_secret: Some("pi_1_secret".to_owned()), ..refused(codes[3]) }),
        Answer::Refused(Refused { frozen: true, ..refused(codes[3]) }),
    ];
    all.extend(codes.map(|code| Answer::Refused(refused(code))));
    crosses(&all);
}

#[test]
fn a_price_of_nothing_or_less_is_no_order() {
    let text = to_text(&Call::Spend(order(1, 100)));
    for price in ["0", "-1", "0.5", "\"100\"", "null"] {
        let other = text.replace("\"price\":100", &format!("\"price\":{price}"));
        assert_ne!(other, text);
        assert!(from_text::<Call>(&other).is_err(), "{price}");
    }
}

#[test]
fn an_attempts_name_is_32_digits_and_nothing_else() {
    let name = op(0xab);
    assert_eq!(Op::parse(name.as_str()), Some(name));
    for bad in ["", "ab", &"g".repeat(32), &"A".repeat(32), &"a".repeat(33), &"a".repeat(31)] {
        assert_eq!(Op::parse(bad), None, "{bad}");
    }
    assert_eq!(format!("{:?}", op(0xab)), "ab".repeat(16), "as it stands in the log");
}

#[test]
fn the_words_are_pinned_since_an_object_of_another_version_reads_them() {
    let op = "ab".repeat(16);
    let written = to_text(&Call::Spend(order(0xab, 100)));
    let pinned = format!(
        r#"{{"spend":{{"currency":"usd","op":"{op}","price":100,"resource":"GET /api/joke","retried":false}}}}"#
    );
    assert_eq!(written, pinned);

    let reverse = Call::Reverse { currency: usd(), seq: 7, op: Op::from_bytes([0xab; 16]), holder: None };
    let pinned = format!(r#"{{"reverse":{{"currency":"usd","op":"{op}","seq":7}}}}"#);
    assert_eq!(to_text(&reverse), pinned);
    assert_eq!(from_text::<Call>(&pinned).unwrap(), reverse);

    let paid = Answer::Paid { seq: 2, balance: units(49_900), charge: None, client_id: None, op: None };
    assert_eq!(to_text(&paid), r#"{"paid":{"balance":49900,"seq":2}}"#);
    let insufficient = Answer::Insufficient { balance: units(0), unknown: false };
    assert_eq!(to_text(&insufficient), r#"{"insufficient":{"balance":0}}"#);
}

#[test]
fn a_deposit_is_a_word_of_its_own_that_an_object_of_another_version_does_not_take_for_a_payment() {
    let pay = |deposit| Pay {
        order: order(1, 100),
        client_id: None,
        sent: PaymentMethodId::parse("pm_1").unwrap(),
        method: PaymentMethodId::parse("pm_1").unwrap(),
        customer: None,
        offer: Offer { min: units(50_000), max: units(1_000_000), asked: None },
        limits: Limits { declines_per_hour: None, per_day: None },
        deposit,
    };
    let deposit = Deposit { name: "k".into(), kept: 5, receipt_email: Some("a@b.example".into()) };
    let call = Call::Pay(Box::new(pay(Some(deposit))));
    let written = to_text(&call);
    assert!(
        written.starts_with(r#"{"deposit":{"deposit":{"kept":5,"name":"k","receipt_email":"#),
        "{written}"
    );
    assert_eq!(from_text::<Call>(&written).unwrap(), call);
    assert!(from_text::<Call>(&written.replacen("deposit", "pay", 1)).is_err());
    let written = to_text(&Call::Pay(Box::new(pay(None))));
    assert!(written.starts_with(r#"{"pay":{"limits":"#) && !written.contains("deposit"), "{written}");
    assert!(from_text::<Call>(&written.replacen("pay", "deposit", 1)).is_err());
    let charge = PaymentIntentId::parse("pi_1").unwrap();
    let answer = Answer::Deposited { balance: units(7), charge, client_id: None };
    let pinned = r#"{"deposited":{"balance":7,"charge":"pi_1"}}"#;
    assert_eq!(to_text(&answer), pinned);
    assert_eq!(from_text::<Answer>(pinned).unwrap(), answer);
}

#[test]
fn a_sentence_in_any_script_comes_back() {
    let refused = Refused::new(ErrorCode::CardDeclined, "Gesperrt für „☂“ 🂡\n\"x\"\u{7f}".into(), units(-5));
    let answer = Answer::Refused(refused);
    let text = to_text(&answer);
    assert_eq!(from_text::<Answer>(&text).unwrap(), answer);
}

#[test]
fn a_field_of_a_later_version_is_ignored() {
    let later = r#"{"paid":{"seq":2,"balance":49900,"mood":"good"}}"#;
    assert!(matches!(from_text::<Answer>(later), Ok(Answer::Paid { seq: 2, .. })));
    assert!(from_text::<Answer>("{}").is_err());
}
