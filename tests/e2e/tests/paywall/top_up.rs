//! How much is charged: never more than was named or advertised, but for rounding up, and what is charged is credited.

use serde_json::json;
use stripe402_core::protocol::ErrorCode;
use stripe402_e2e::{Card, Request};

use crate::{assert_paid, assert_refused, shared};

#[test]
fn a_named_amount_is_charged_as_named() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("named"));
    for (nth, (units, cents)) in
        [(50_000, 500), (123_400, 1_234), (1_000_000, 10_000)].into_iter().enumerate()
    {
        let card = stripe.card(&format!("named_{nth}"));
        let charge = assert_paid(&visitor.pays("/api/joke", &card.tops_up(units)), units - 100);
        assert_eq!(stripe.charges(&card), [(charge.unwrap(), cents, "usd".into())]);
    }
}

#[test]
fn what_is_no_whole_cent_is_rounded_up_and_what_was_charged_is_credited() {
    // Better than the reference on purpose, "rounds the charge up, credits the unrounded units".
    let (stripe, visitor) = (shared().stripe(), shared().visitor("rounds-up"));
    let card = stripe.card("rounds_up");

    let charge = assert_paid(&visitor.pays("/api/joke", &card.tops_up(50_001)), 50_000);

    assert_eq!(stripe.charges(&card), [(charge.unwrap(), 501, "usd".into())]);
}

#[test]
fn an_amount_outside_of_the_bounds_is_refused_even_where_credits_would_do() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("bounds"));
    let card = stripe.card("bounds");
    let payer = shared().visitor("bounds-payer");
    assert_paid(&payer.pays("/api/joke", &card.pays()), 49_900);
    let calls = stripe.calls(&card).len();
    for (units, code, sentence) in [
        (49_999, ErrorCode::TopUpBelowMinimum, "Top-up amount 49999 is below the minimum of 50000"),
        (1, ErrorCode::TopUpBelowMinimum, "Top-up amount 1 is below the minimum of 50000"),
        (1_000_001, ErrorCode::InvalidPayment, "Top-up amount 1000001 is above the maximum of 1000000"),
    ] {
        let with_client = json!({"clientId": card.client.as_str(), "topUpAmount": units});
        for payment in [card.tops_up(units), Card::writes(&with_client)] {
            assert_refused(visitor, &visitor.pays("/api/joke", &payment), code, sentence);
        }
    }
    assert_eq!(stripe.calls(&card).len(), calls, "Stripe was not asked");
    assert_paid(&payer.pays("/api/joke", &card.spends()), 49_800);
}

#[test]
fn a_whole_number_may_be_written_with_a_fraction_of_nothing() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("whole"));
    let card = stripe.card("whole");
    let payment = json!({"paymentMethodId": card.method.as_str(), "topUpAmount": 60_000.0});
    assert!(payment.to_string().contains("60000.0"));

    assert!(assert_paid(&visitor.pays("/api/joke", &Card::writes(&payment)), 59_900).is_some());
}

#[test]
fn a_route_dearer_than_the_usual_top_up_charges_what_one_request_needs() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("dear"));
    let card = stripe.card("dear");
    let too_little = visitor.pays("/lax/api/weather", &card.tops_up(60_099));
    let sentence = "Top-up amount 60099 is below the minimum of 60100";
    assert_refused(visitor, &too_little, ErrorCode::TopUpBelowMinimum, sentence);

    // 60,050 units are no whole cents: one more unit of change is credited, and stays.
    let charge = assert_paid(&visitor.pays("/lax/api/weather", &card.pays()), 50);

    assert_eq!(stripe.charges(&card), [(charge.unwrap(), 601, "usd".into())]);
    let spent = visitor.pays("/lax/api/weather", &card.spends());
    assert_eq!(spent.required().error, Some(ErrorCode::InsufficientCredits));
    assert_eq!(visitor.reached().len(), 1, "never served free");

    // What is left of a smaller top-up elsewhere counts.
    assert!(assert_paid(&visitor.pays("/lax/api/weather", &card.pays()), 100).is_some());
    assert_eq!(stripe.charges(&card).len(), 2);
}

#[test]
fn each_currency_has_a_balance_of_its_own() {
    // Better than the reference on purpose, "one balance for all currencies".
    let (stripe, visitor) = (shared().stripe(), shared().visitor("currencies"));
    let card = stripe.card("currencies");
    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);

    // Dollars do not pay for what costs euros.
    let without = visitor.pays("/api/weather", &card.spends());
    assert_eq!(without.required().error, Some(ErrorCode::InsufficientCredits));

    let euros = assert_paid(&visitor.pays("/api/weather", &card.spends_or_pays()), 99_500).unwrap();
    let yen = assert_paid(&visitor.pays("/lax/gzip", &card.pays()), 980_000).unwrap();
    let charges = stripe.charges(&card);
    assert_eq!(charges[1..], [(euros, 1_000, "eur".into()), (yen, 100, "jpy".into())]);

    assert_eq!(assert_paid(&visitor.pays("/api/weather", &card.spends()), 99_000), None);
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends()), 49_800), None);
    assert_eq!(assert_paid(&visitor.pays("/lax/gzip", &card.spends()), 960_000), None);
    assert_eq!(stripe.customers(&card).len(), 1, "one client");
}

#[test]
fn an_amount_in_another_currency_is_rounded_up_to_what_can_be_charged_in_it() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("yen"));
    let card = stripe.card("yen");

    // 1,000,001 units are 100.0001 yen: there are no smaller coins than one.
    let charge =
        assert_paid(&visitor.asks(Request::get("/lax/gzip").payment(card.tops_up(1_000_001))), 990_000);

    assert_eq!(stripe.charges(&card), [(charge.unwrap(), 101, "jpy".into())]);
}
