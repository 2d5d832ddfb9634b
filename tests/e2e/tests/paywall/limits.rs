//! The limits against card testing, which every other test here lifts.

use stripe402_core::protocol::ErrorCode;
use stripe402_e2e::{Card, Config, Paywall, Response};

use crate::{assert_paid, assert_refused};

/// Asserts that too much was tried, and gives the seconds until the next try.
#[track_caller]
fn assert_limited(answer: &Response) -> u32 {
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.failure().error_code, Some(ErrorCode::PaymentFailed));
    assert_eq!(answer.failure().client_id, "");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("payment-response"), None);
    answer.header("retry-after").expect("when to come again").parse().unwrap()
}

#[test]
fn whoever_tries_out_cards_is_stopped_before_stripe_and_whoever_has_credits_is_not() {
    let paywall = Paywall::start(Config::new().without("LIMITS").var("MAX_DECLINES", 2));
    let (stripe, visitor) = (paywall.stripe(), paywall.visitor("honest"));
    let honest = stripe.card("honest");
    assert_paid(&visitor.pays("/api/joke", &honest.pays()), 49_900);

    // Per account: after two declines the card is not tried any more.
    let tester = paywall.visitor("tester");
    let expired = stripe.card_like("expired", "pm_card_chargeDeclinedExpiredCard");
    for _ in 0..2 {
        let answer = tester.pays("/api/joke", &expired.pays());
        assert_refused(tester, &answer, ErrorCode::CardDeclined, "Your card has expired.");
    }
    let seconds = assert_limited(&tester.pays("/api/joke", &expired.pays()));
    assert!((3_000..=3_600).contains(&seconds), "an hour from the first: {seconds}");
    let attached = stripe.calls(&expired).iter().filter(|call| *call == "attach").count();
    assert_eq!(attached, 2);

    // Per address: ten in a minute, however many cards they are. The minute is the clock's, so that two of them may
    // take part.
    let mut named = 0;
    let stopped = (0..60).any(|nth| {
        let guess = Card::new(&format!("pm_guess_{nth}"), "fp_unknown");
        let answer = tester.pays("/api/joke", &guess.pays());
        let calls = stripe.calls_naming(guess.method.as_str());
        if answer.status == 402 {
            assert_refused(tester, &answer, ErrorCode::PaymentFailed, "No such payment method.");
            assert_eq!(calls, ["retrieve"]);
            named += 1;
            return false;
        }
        assert_eq!(calls, Vec::<String>::new(), "past a limit Stripe is not called");
        // A second is the isolate's own limit, a minute the address's.
        assert_limited(&answer) == 60
    });
    assert!(stopped && named <= 20, "{named} guesses reached Stripe");

    // Credits are spent as before, by the client id and by the card that is known.
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &honest.spends()), 49_800), None);
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &honest.pays()), 49_700), None);
    assert_eq!(tester.reached(), []);
}
