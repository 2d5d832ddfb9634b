//! The reads of a top-up: what became of a charge, by Stripe's own word.
//!
//! Kept true here: "it never happened" needs two look-ups that found nothing, five minutes apart, the first five
//! minutes after the last send; a PaymentIntent that could still be paid is cancelled, and only `canceled` ends it;
//! a read that fails decides nothing, and one that Stripe has lost since is read on, ever more seldom.

use super::step::{Transition, Verb};
use super::{ACTION_SPAN, Asked, IN_FLIGHT, LOOK_AGAIN, LOOK_UP_SPAN, Missing, Outcome, State, TopUp};
use crate::ledger::store::Millis;
use crate::stripe::{
    Failure, PaymentIntent, PaymentIntentId, PaymentIntentStatus, Refusal, Reply, object::List, request,
};

/// Looks for the charge among the Customer's PaymentIntents.
pub(super) fn list(mut top_up: TopUp, now: Millis) -> Transition {
    let (State::LookUp { first_at, wake_at, .. }, Some(customer)) =
        (&mut top_up.state, &top_up.wanted.customer)
    else {
        return top_up.stay();
    };
    *wake_at = now.plus(IN_FLIGHT);
    // A minute of slack: our clock is not Stripe's.
    let request = request::list_payment_intents(customer, first_at.seconds().saturating_sub(60));
    top_up.call(Verb::List, request)
}

/// The list came, or did not.
pub(super) fn listed(mut top_up: TopUp, reply: &Reply, now: Millis) -> Transition {
    let list = match reply.object::<List<PaymentIntent>>(true) {
        Ok(list) => list,
        // A Customer that this Stripe never knew has no PaymentIntents either.
        Err(Failure::Refused(Refusal::Missing { .. })) => List { data: Vec::new(), has_more: false },
        Err(failure) => {
            if let State::LookUp { wake_at, .. } = &mut top_up.state {
                *wake_at = now.plus(LOOK_AGAIN);
            }
            return Transition { failure: Some(failure), ..top_up.stay() };
        }
    };
    if let Some(intent) = list.data.iter().find(|intent| top_up.owns(intent)) {
        return decide(top_up, intent, 0, 0, now);
    }
    let State::LookUp { last_at, missed_at, wake_at, .. } = &mut top_up.state else { return top_up.stay() };
    if list.has_more {
        *wake_at = now.plus(LOOK_AGAIN);
        return top_up.stay();
    }
    match *missed_at {
        _ if now.since(*last_at) < LOOK_UP_SPAN => *wake_at = last_at.plus(LOOK_UP_SPAN),
        None if !mutant!(OneMissIsEnough) => {
            *missed_at = Some(now);
            *wake_at = now.plus(LOOK_UP_SPAN);
        }
        Some(missed) if now.since(missed) < LOOK_UP_SPAN => *wake_at = missed.plus(LOOK_UP_SPAN),
        None | Some(_) => return top_up.settle(Outcome::NeverHappened),
    }
    top_up.stay()
}

/// Reads the PaymentIntent that is being followed, or whose cancel was not answered.
pub(super) fn follow(mut top_up: TopUp, now: Millis) -> Transition {
    let (intent, reads, cancels, missing) = match &top_up.state {
        State::Follow { intent, reads, cancels, missing, .. } => (intent.clone(), *reads, *cancels, *missing),
        State::Cancel { intent, cancels, .. } => (intent.clone(), 0, *cancels, None),
        _ => return top_up.stay(),
    };
    let reads = reads.saturating_add(1);
    let wake_at = now.plus(IN_FLIGHT);
    top_up.state = State::Follow { intent: intent.clone(), reads, cancels, wake_at, missing };
    let request = request::retrieve_payment_intent(&intent);
    top_up.call(Verb::Read(intent), request)
}

/// Reads the PaymentIntent that waits for 3-D Secure.
pub(super) fn ask(mut top_up: TopUp, why: Asked, now: Millis) -> Transition {
    let State::Action { intent, wake_at, asked, .. } = &mut top_up.state else { return top_up.stay() };
    *asked = Some(why);
    *wake_at = now.plus(IN_FLIGHT);
    let intent = intent.clone();
    let request = request::retrieve_payment_intent(&intent);
    top_up.call(Verb::Read(intent), request)
}

/// The PaymentIntent was read, or not.
pub(super) fn read(mut top_up: TopUp, reply: &Reply, now: Millis) -> Transition {
    // A read changes nothing: what refuses it is definite, whatever was sent before.
    let intent = match reply.object::<PaymentIntent>(true) {
        Ok(intent) => intent,
        Err(failure) => {
            if matches!(failure, Failure::Refused(Refusal::Missing { .. })) {
                missed(&mut top_up, now);
            }
            put_off(&mut top_up, now);
            return Transition { failure: Some(failure), ..top_up.stay() };
        }
    };
    match top_up.state.clone() {
        State::Action { since, asked, .. } => match (&intent.status, asked) {
            (PaymentIntentStatus::RequiresAction, Some(Asked::Same)) => {
                let mut transition = act(top_up, &intent, now);
                if let State::Action { since: began, wake_at, .. } = &mut transition.top_up.state {
                    *began = since;
                    *wake_at = since.plus(ACTION_SPAN);
                }
                transition
            }
            (PaymentIntentStatus::RequiresAction, _) if mutant!(ActionNotCanceled) => {
                top_up.settle(Outcome::Canceled)
            }
            _ => decide(top_up, &intent, 0, 0, now),
        },
        State::Follow { reads, cancels, .. } => decide(top_up, &intent, reads, cancels, now),
        State::Sending(_) | State::LookUp { .. } | State::Cancel { .. } | State::Settled(_) => top_up.stay(),
    }
}

/// The cancel was answered, or not. Where it was refused the PaymentIntent may have succeeded: read it at once.
pub(super) fn canceled(top_up: TopUp, reply: &Reply, now: Millis) -> Transition {
    match reply.object::<PaymentIntent>(false) {
        Ok(intent) if intent.status == PaymentIntentStatus::Canceled => top_up.settle(Outcome::Canceled),
        Ok(_) => follow(top_up, now),
        Err(failure) => Transition { failure: Some(failure), ..follow(top_up, now) },
    }
}

/// The payer has to finish 3-D Secure.
pub(super) fn act(top_up: TopUp, intent: &PaymentIntent, now: Millis) -> Transition {
    let state =
        State::Action { intent: intent.id.clone(), since: now, wake_at: now.plus(ACTION_SPAN), asked: None };
    Transition { client_secret: intent.client_secret.clone(), ..top_up.to(state) }
}

/// What a PaymentIntent that we looked up means. It may have been handed to the payer: it is over only when it is
/// canceled or has succeeded.
fn decide(top_up: TopUp, intent: &PaymentIntent, reads: u32, cancels: u32, now: Millis) -> Transition {
    match &intent.status {
        PaymentIntentStatus::Succeeded => top_up.succeeded(intent, now),
        PaymentIntentStatus::Canceled => top_up.settle(Outcome::Canceled),
        PaymentIntentStatus::RequiresPaymentMethod
        | PaymentIntentStatus::RequiresAction
        | PaymentIntentStatus::RequiresConfirmation
        | PaymentIntentStatus::RequiresCapture => {
            // A cancel that was refused is not repeated in a tight circle.
            if cancels > 0 && reads <= 1 {
                wait(top_up, intent.id.clone(), reads, cancels, now)
            } else {
                top_up.cancel(intent.id.clone(), cancels, now)
            }
        }
        PaymentIntentStatus::Processing | PaymentIntentStatus::Other(_) => {
            wait(top_up, intent.id.clone(), reads, cancels, now)
        }
    }
}

fn wait(top_up: TopUp, intent: PaymentIntentId, reads: u32, cancels: u32, now: Millis) -> Transition {
    top_up.to(State::Follow { intent, reads, cancels, wake_at: now.plus(pause(reads)), missing: None })
}

/// Stripe has no such PaymentIntent any more. What was to be cancelled is followed from here on: whoever comes is told at
/// once that it is not known, and it is read ever more seldom.
fn missed(top_up: &mut TopUp, now: Millis) {
    match &mut top_up.state {
        State::Follow { missing, .. } => *missing = Some(Missing::said(*missing, now)),
        State::Action { intent, asked: Some(Asked::Other), .. } => {
            let (intent, missing) = (intent.clone(), Some(Missing::said(None, now)));
            top_up.state = State::Follow { intent, reads: 0, cancels: 0, wake_at: now, missing };
        }
        State::Sending(_)
        | State::LookUp { .. }
        | State::Action { .. }
        | State::Cancel { .. }
        | State::Settled(_) => {}
    }
}

fn put_off(top_up: &mut TopUp, now: Millis) {
    match &mut top_up.state {
        State::Follow { reads, wake_at, .. } => *wake_at = now.plus(pause(*reads)),
        State::Action { wake_at, asked, since, .. } => {
            // A read for the payer that failed is over; one that was to cancel is tried again.
            let again = *asked == Some(Asked::Other);
            *wake_at = if again { now.plus(LOOK_AGAIN) } else { since.plus(ACTION_SPAN) };
            if !again {
                *asked = None;
            }
        }
        State::Sending(_) | State::LookUp { .. } | State::Cancel { .. } | State::Settled(_) => {}
    }
}

/// Half a minute, doubled with every read, up to an hour.
fn pause(reads: u32) -> i64 {
    LOOK_AGAIN.saturating_mul(1_i64.checked_shl(reads.min(7)).unwrap_or(128)).min(3_600_000)
}
