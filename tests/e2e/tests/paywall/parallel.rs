//! Many at once: no balance is spent twice, no card is charged twice.

use std::sync::Barrier;

use stripe402_core::protocol::ErrorCode;
use stripe402_e2e::{Request, Response, Visitor};

use crate::{assert_paid, shared};

/// Sends all of these at the same moment.
pub(crate) fn at_once(visitor: Visitor<'_>, requests: Vec<Request>) -> Vec<Response> {
    let together = Barrier::new(requests.len());
    std::thread::scope(|scope| {
        let ask = |request| {
            let together = &together;
            scope.spawn(move || {
                together.wait();
                visitor.asks(request)
            })
        };
        let asking: Vec<_> = requests.into_iter().map(ask).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    })
}

fn credits(answers: &[&Response]) -> Vec<i64> {
    let mut credits: Vec<i64> =
        answers.iter().map(|answer| answer.receipt().credits_remaining.get()).collect();
    credits.sort_unstable();
    credits
}

#[test]
fn twenty_at_once_on_an_account_that_can_pay_for_seven_are_seven() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("seven-of-twenty"));
    let card = stripe.card("seven_of_twenty");
    // 7,000 units each: one to begin with, then exactly seven more.
    let filler = shared().visitor("seven-of-twenty-filler");
    assert!(assert_paid(&filler.pays("/lax/cookie", &card.tops_up(8 * 7_000)), 7 * 7_000).is_some());

    let request = Request::get("/lax/cookie").payment(card.spends());
    let answers = at_once(visitor, vec![request; 20]);

    let (paid, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(paid.len(), 7);
    assert_eq!(visitor.reached().len(), 7, "in the origin's own log");
    assert_eq!(credits(&paid), [0, 7_000, 14_000, 21_000, 28_000, 35_000, 42_000], "each debit once");
    for answer in refused {
        assert_eq!(answer.status, 402);
        assert_eq!(answer.required().error, Some(ErrorCode::InsufficientCredits));
    }
    // The balance is 0: not even the cheapest is paid from it.
    let next = visitor.pays("/api/joke", &card.spends());
    assert_eq!(next.required().error, Some(ErrorCode::InsufficientCredits));
    assert_eq!(visitor.reached().len(), 7);
    assert_eq!(stripe.charges(&card).len(), 1);
}

#[test]
fn ten_first_payments_at_once_with_one_card_charge_it_once() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("ten-first"));
    let card = stripe.card("ten_first");

    let answers = at_once(visitor, vec![Request::get("/api/joke").payment(card.pays()); 10]);

    let all: Vec<_> = answers.iter().collect();
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200; 10]);
    let expected: Vec<i64> = (490..500).map(|hundred| hundred * 100).collect();
    assert_eq!(credits(&all), expected, "ten debits from one top-up");
    let charges = stripe.charges(&card);
    assert_eq!(charges.len(), 1, "one succeeded PaymentIntent");
    assert_eq!(stripe.payment_intents(&card).len(), 1, "and no other");
    let calls = stripe.calls(&card);
    let count = |word| calls.iter().filter(|call| *call == word).count();
    assert_eq!((count("charge"), count("customer"), count("attach")), (1, 1, 1), "{calls:?}");
    let told: Vec<_> = answers.iter().filter_map(|answer| answer.receipt().charge_id).collect();
    assert_eq!(told, [charges[0].0.as_str()], "one of the ten is told that its card was charged");
    assert_eq!(visitor.reached().len(), 10);
}

#[test]
fn six_payment_methods_of_one_card_at_once_charge_it_once_and_are_all_attached() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("six-methods"));
    let card = stripe.card("six_methods");
    let mut methods: Vec<_> =
        (1..6).map(|nth| stripe.same_card(&card, &format!("six_methods_{nth}"))).collect();
    methods.push(card.clone());

    let requests = methods.iter().map(|method| Request::get("/api/joke").payment(method.pays())).collect();
    let answers = at_once(visitor, requests);

    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200; 6]);
    assert_eq!(
        credits(&answers.iter().collect::<Vec<_>>()),
        [49_400, 49_500, 49_600, 49_700, 49_800, 49_900]
    );
    assert_eq!(stripe.charges(&card).len(), 1);
    assert_eq!(stripe.payment_intents(&card).len(), 1);
    let customers = stripe.customers(&card);
    assert_eq!(customers.len(), 1);
    for method in &methods {
        assert_eq!(stripe.owner(method).as_ref(), customers.first(), "{}", method.method.as_str());
    }
    assert_eq!(visitor.reached().len(), 6);
}

#[test]
fn what_one_top_up_does_not_cover_the_next_one_does() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("more-than-one"));
    let card = stripe.card("more_than_one");

    // 30,000 each, and 50,000 a top-up: four requests need three, and leave 30,000.
    let answers = at_once(visitor, vec![Request::post("/api/translate", "x").payment(card.pays()); 4]);

    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200; 4]);
    let charges = stripe.charges(&card);
    assert_eq!(charges.len(), 3);
    assert_eq!(stripe.payment_intents(&card).len(), 3);
    assert_eq!(stripe.customers(&card).len(), 1);
    let mut told: Vec<_> = answers.iter().filter_map(|answer| answer.receipt().charge_id).collect();
    let mut succeeded: Vec<_> = charges.into_iter().map(|(id, ..)| id).collect();
    told.sort();
    succeeded.sort();
    assert_eq!(told, succeeded, "each charge is told to one");
    assert_eq!(visitor.reached().len(), 4);
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends()), 29_900), None);
}
