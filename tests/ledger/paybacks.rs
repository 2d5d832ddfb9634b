//! When a payback is sent, sent again, looked for and given up: the machine alone, without an account around it.

use serde_json::json;
use stripe402_core::protocol::Units;
use stripe402_edge::ledger::Millis;
use stripe402_edge::ledger::payback::{Call, Outcome, PayBack, State};
use stripe402_edge::ledger::record::Record;
use stripe402_edge::ledger::topup::Missing;
use stripe402_edge::stripe::{PaymentIntentId, Reply};

use super::given::{HOUR, MINUTE, SECOND, side, units, usd};
use crate::support::replies::{answered, error, in_use, server_error, stored_error};

const BEGAN: Millis = Millis(1_790_000_000_000);

/// One that was asked for a while before it is looked after for the first time.
fn fresh() -> PayBack {
    PayBack {
        id: "ab".repeat(16),
        act: "act_a".to_owned(),
        intent: PaymentIntentId::parse("pi_1").unwrap(),
        currency: usd(),
        units: units(50_000),
        taken: Units::ZERO,
        side: side("51Here", false),
        body: "payment_intent=pi_1".to_owned(),
        pending: false,
        state: State::Sending {
            first_at: BEGAN,
            last_at: BEGAN,
            sends: 0,
            stored_error: false,
            wake_at: BEGAN,
        },
    }
}

fn wakes(payback: &mut PayBack, now: Millis) -> Option<Call> {
    payback.wake(&side("51Here", false), now)
}

/// Sends it; the call is its `nth`.
fn sent(payback: &mut PayBack, nth: u32, now: Millis) {
    let call = wakes(payback, now).expect("it is due");
    assert_eq!((call.nth, call.request.path.as_str()), (Some(nth), "/v1/refunds"));
}

fn looked(payback: &mut PayBack, now: Millis) {
    let call = wakes(payback, now).expect("it is due");
    assert_eq!(call.nth, None, "it is only looked for");
}

fn is_looked_for(payback: &PayBack) -> bool {
    matches!(payback.state, State::LookUp { .. })
}

/// One that was sent at [`BEGAN`] and is looked for since, because nobody answered.
fn unknown() -> PayBack {
    let mut payback = fresh();
    sent(&mut payback, 1, BEGAN);
    let later = BEGAN.plus(2 * MINUTE);
    looked(&mut payback, later);
    payback
}

fn list(ids: &[&str], more: bool) -> Reply {
    let one = |id: &&str| json!({"id": "re_1", "amount": 1, "status": "succeeded", "metadata": {"stripe402_refund": id}});
    answered(200, &json!({"data": ids.iter().map(one).collect::<Vec<_>>(), "has_more": more}))
}

#[test]
fn it_is_sent_when_it_is_due_and_not_before() {
    let mut payback = fresh();
    assert_eq!(wakes(&mut payback, BEGAN.plus(-1)), None);
    assert_eq!(payback, fresh());
    sent(&mut payback, 1, BEGAN);
    assert_eq!(payback.wake_at(), Some(BEGAN.plus(25 * SECOND)), "while it is out");
    assert_eq!(wakes(&mut payback, BEGAN.plus(25 * SECOND - 1)), None);
    sent(&mut payback, 2, BEGAN.plus(25 * SECOND));
}

#[test]
fn the_two_minutes_begin_with_the_first_send() {
    let mut payback = fresh();
    let first = BEGAN.plus(HOUR);
    sent(&mut payback, 1, first);
    sent(&mut payback, 2, first.plus(2 * MINUTE - 1));
    let mut payback = fresh();
    sent(&mut payback, 1, first);
    looked(&mut payback, first.plus(2 * MINUTE));
}

#[test]
fn it_is_sent_four_times_at_most() {
    let mut payback = fresh();
    for nth in 1..=4 {
        sent(&mut payback, nth, BEGAN.plus(i64::from(nth - 1) * 25 * SECOND));
    }
    looked(&mut payback, BEGAN.plus(100 * SECOND));
}

#[test]
fn the_answer_to_an_earlier_send_says_nothing_of_the_one_that_is_out() {
    let mut payback = fresh();
    sent(&mut payback, 1, BEGAN);
    sent(&mut payback, 2, BEGAN.plus(25 * SECOND));
    let before = payback.clone();
    let refused = error(400, "invalid_request_error");
    assert_eq!(payback.replied(Some(1), &refused, BEGAN.plus(26 * SECOND)), None);
    assert_eq!(payback.replied(None, &list(&[], false), BEGAN.plus(26 * SECOND)), None, "nobody has looked");
    assert_eq!(payback, before);
    assert!(payback.replied(Some(2), &refused, BEGAN.plus(26 * SECOND)).is_some());
    assert_ne!(payback, before);
}

#[test]
fn a_refusal_of_the_first_send_ends_it_and_one_of_a_later_send_does_not() {
    let refused = error(400, "invalid_request_error");
    let mut payback = fresh();
    sent(&mut payback, 1, BEGAN);
    payback.replied(Some(1), &refused, BEGAN);
    assert_eq!(payback.outcome(), Some(Outcome::Refused));
    // What refuses the second may be that the first was done.
    let mut payback = fresh();
    sent(&mut payback, 1, BEGAN);
    sent(&mut payback, 2, BEGAN.plus(25 * SECOND));
    payback.replied(Some(2), &refused, BEGAN.plus(25 * SECOND));
    assert_eq!(payback.outcome(), None);
}

#[test]
fn what_is_worth_sending_again_is_sent_again_after_a_pause() {
    for reply in [Reply::Lost, server_error(), in_use(), stored_error()] {
        let mut payback = fresh();
        sent(&mut payback, 1, BEGAN);
        assert!(payback.replied(Some(1), &reply, BEGAN).is_some());
        assert_eq!(payback.wake_at(), Some(BEGAN.plus(SECOND)), "{reply:?}");
        assert!(!is_looked_for(&payback), "{reply:?}");
        sent(&mut payback, 2, BEGAN.plus(SECOND));
        payback.replied(Some(2), &reply, BEGAN.plus(SECOND));
        // What Stripe has stored it says again, however often it is asked.
        let stored = reply == stored_error();
        assert_eq!(is_looked_for(&payback), stored, "{reply:?}");
        if stored {
            continue;
        }
        assert_eq!(payback.wake_at(), Some(BEGAN.plus(6 * SECOND)), "{reply:?}");
        sent(&mut payback, 3, BEGAN.plus(6 * SECOND));
        // Another trouble in between changes nothing.
        payback.replied(Some(3), &stored_error(), BEGAN.plus(6 * SECOND));
        assert_eq!(payback.wake_at(), Some(BEGAN.plus(31 * SECOND)), "{reply:?}");
        sent(&mut payback, 4, BEGAN.plus(31 * SECOND));
        payback.replied(Some(4), &reply, BEGAN.plus(31 * SECOND));
        assert!(is_looked_for(&payback), "{reply:?}");
        assert_eq!(payback.wake_at(), Some(BEGAN.plus(31 * SECOND)), "at once");
    }
}

#[test]
fn a_stored_error_is_remembered_over_another_trouble() {
    let mut payback = fresh();
    for (nth, reply) in [(1, stored_error()), (2, Reply::Lost), (3, stored_error())] {
        let now = BEGAN.plus(i64::from(nth) * 10 * SECOND);
        sent(&mut payback, nth, now);
        payback.replied(Some(nth), &reply, now);
        assert_eq!(is_looked_for(&payback), nth == 3);
    }
}

#[test]
fn a_key_that_stood_for_other_bytes_is_not_sent_again() {
    let mut payback = fresh();
    sent(&mut payback, 1, BEGAN);
    payback.replied(Some(1), &error(400, "idempotency_error"), BEGAN);
    assert!(is_looked_for(&payback));
}

#[test]
fn nothing_is_sent_again_whose_pause_would_end_after_the_two_minutes() {
    for (late, again) in [(119 * SECOND - 1, true), (119 * SECOND, false)] {
        let mut payback = fresh();
        sent(&mut payback, 1, BEGAN);
        payback.replied(Some(1), &Reply::Lost, BEGAN.plus(late));
        assert_eq!(is_looked_for(&payback), !again, "answered after {late} ms");
    }
}

#[test]
fn it_never_happened_once_two_looks_five_minutes_apart_found_nothing() {
    let mut payback = unknown();
    let look = |payback: &mut PayBack, at: i64, until: Option<i64>| {
        let now = BEGAN.plus(at);
        assert_eq!(payback.replied(None, &list(&["another"], false), now), None);
        assert_eq!(payback.wake_at(), until.map(|at| BEGAN.plus(at)), "looked at {at}");
    };
    // Within five minutes of the last send Stripe may still be at it.
    look(&mut payback, 2 * MINUTE, Some(5 * MINUTE));
    look(&mut payback, 5 * MINUTE - 1, Some(5 * MINUTE));
    // The first look that counts.
    look(&mut payback, 5 * MINUTE, Some(10 * MINUTE));
    look(&mut payback, 9 * MINUTE, Some(10 * MINUTE));
    look(&mut payback, 10 * MINUTE - 1, Some(10 * MINUTE));
    look(&mut payback, 10 * MINUTE, None);
    assert_eq!(payback.outcome(), Some(Outcome::NeverHappened));
}

#[test]
fn a_look_that_did_not_see_everything_counts_for_nothing() {
    let mut payback = unknown();
    let (soon, late) = (BEGAN.plus(2 * MINUTE), BEGAN.plus(HOUR));
    assert!(payback.replied(None, &Reply::Lost, soon).is_some());
    assert_eq!(payback.wake_at(), Some(soon.plus(30 * SECOND)));
    for now in [late, late.plus(HOUR)] {
        assert_eq!(payback.replied(None, &list(&["another"], true), now), None);
        assert_eq!(payback.wake_at(), Some(now.plus(30 * SECOND)));
    }
    assert_eq!(payback.replied(None, &list(&["another", &"ab".repeat(16)], true), late), None);
    assert_eq!(payback.outcome(), Some(Outcome::Done), "found is found");
}

#[test]
fn what_is_of_another_stripe_is_put_off_by_an_hour() {
    let elsewhere = [side("51There", false), side("51Here", true)];
    for here in elsewhere {
        let mut payback = fresh();
        assert_eq!(payback.wake(&here, BEGAN), None);
        assert_eq!(payback.wake_at(), Some(BEGAN.plus(HOUR)));
        sent(&mut payback, 1, BEGAN.plus(HOUR));
    }
}

#[test]
fn its_record_is_read_as_it_was_written() {
    let settled =
        [Outcome::Done, Outcome::Refused, Outcome::Failed, Outcome::NeverHappened].map(State::Settled);
    let look = |missed_at: Option<Millis>| {
        let missing = missed_at.map(|since| Missing { since, last: BEGAN.plus(3) });
        State::LookUp { last_at: BEGAN, missed_at, wake_at: BEGAN.plus(2), missing }
    };
    let out = State::Sending {
        first_at: BEGAN,
        last_at: BEGAN.plus(1),
        sends: 3,
        stored_error: true,
        wake_at: BEGAN.plus(2),
    };
    for state in settled.into_iter().chain([look(None), look(Some(BEGAN.plus(1))), out, fresh().state]) {
        for pending in [false, true] {
            let payback = PayBack { taken: units(7), pending, state: state.clone(), ..fresh() };
            assert_eq!(PayBack::read(&payback.write()), Some(payback));
        }
    }
}
