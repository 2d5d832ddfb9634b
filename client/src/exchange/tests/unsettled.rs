//! What a refusal says once an earlier try of the same payment was left open.

use super::*;

/// How it ends when a card was sent, its outcome was left open so, and its repetition is answered so.
fn ends(open: Event, end: Event) -> String {
    let events = [asks(), turned(None, false), allowed(), card(), allowed(), open, Event::Waited, end];
    let steps = story(start(strict(), None), events);
    assert_eq!(steps[5], steps[7], "the very same payment: {steps:?}");
    steps[8].clone()
}

fn limited() -> Event {
    answer(429, &[("retry-after", "60".to_owned())])
}

#[test]
fn a_refusal_of_a_repetition_gives_nothing_back() {
    let opens: [fn() -> Event; 2] = [same_again, || Event::Lost(Arrived::Perhaps)];
    for open in opens {
        // The Worker counts every attempt before it asks the account.
        assert_eq!(ends(open(), limited()), "Unknown Unknown");
        for status in [400, 403, 404, 405, 408, 422, 431] {
            assert_eq!(ends(open(), answer(status, &[])), "Unknown Unknown", "{status}");
        }
        // Of the route, or of an account that was frozen since: not of this payment.
        let dearer = json!({"minTopUp": 60_000});
        for (change, error) in [
            (&dearer, Some("top_up_below_minimum")),
            (&dearer, None),
            (&json!({}), Some("invalid_payment")),
            (&json!({}), Some("insufficient_credits")),
            (&json!({}), Some("new_word")),
            (&json!({}), None),
        ] {
            assert_eq!(ends(open(), asks_for(change, error)), "Unknown Unknown", "{change} {error:?}");
        }
        let frozen = json!({"stripe402Version": 1, "accepts": [], "error": "payment_failed"});
        let frozen = answer(402, &[("payment-required", encode(&frozen).unwrap())]);
        assert_eq!(ends(open(), frozen), "Unknown Unknown");
        assert_eq!(ends(open(), answer(402, &[])), "Unknown Unknown");
    }
}

#[test]
fn an_answer_about_the_payment_itself_settles_it() {
    for error in ["card_declined", "payment_failed"] {
        assert_eq!(ends(same_again(), asks_for(&json!({}), Some(error))), "Failed Nothing", "{error}");
    }
    assert_eq!(ends(same_again(), receipt(&json!({"chargeId": "pi_1"}))), CHARGED);
    assert_eq!(ends(same_again(), receipt(&json!({}))), SPENT);
}

#[test]
fn credits_that_may_be_spent_stay_spent_and_too_few_are_too_few() {
    let known = || start(strict(), Some(client("card")));
    let events = |end| [asks(), allowed(), same_again(), Event::Waited, end];
    assert_eq!(story(known(), events(limited()))[5], "Unknown Unknown");
    assert_eq!(story(known(), events(answer(422, &[])))[5], "Unknown Unknown");
    assert_eq!(story(known(), events(insufficient()))[5], "turn");
}

#[test]
fn another_payment_is_another_matter() {
    // The credits were repeated, and did not do. Then the card was sent, once, and refused.
    let events = |end| {
        let before = [asks(), allowed(), same_again(), Event::Waited, insufficient()];
        before.into_iter().chain([turned(Some("card"), false), allowed(), card(), allowed(), end])
    };
    let steps = story(start(strict(), Some(client("card"))), events(limited()));
    assert_eq!((steps[9].as_str(), steps[10].as_str()), ("card 50000", "Rejected Nothing"));
    let steps = story(start(strict(), Some(client("card"))), events(asks_for(&json!({}), None)));
    assert_eq!(steps[10], "Failed Nothing");
}
