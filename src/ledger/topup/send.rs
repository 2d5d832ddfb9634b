//! The writes of a top-up: Customer, Attach, Charge, each sent by its own bytes until its outcome is known.
//!
//! Kept true here: the bytes are made once, before the first send; a refusal counts only on the first send; after
//! two minutes or four sends nothing is posted any more.

use super::step::{Transition, Verb};
use super::{IN_FLIGHT, MAX_SENDS, Outcome, RESEND_AFTER, RESEND_WINDOW, Sending, State, Step, TopUp, read};
use crate::ledger::store::Millis;
use crate::stripe::{
    Customer, Failure, Method, PaymentIntent, PaymentIntentStatus, PaymentMethod, Refusal, Reply, Request,
    Unknown, request,
};

/// Makes the next write that is missing, or ends where nothing is.
pub(super) fn next_write(top_up: TopUp, now: Millis) -> Transition {
    let wanted = &top_up.wanted;
    let (step, request) = match (&wanted.customer, wanted.attached, wanted.amount) {
        (None, _, _) => {
            let serial = wanted.customers.saturating_add(1);
            (Step::Customer, request::create_customer(&wanted.account, &wanted.deployment, serial))
        }
        (Some(customer), false, _) => {
            (Step::Attach, request::attach(&top_up.id, top_up.attempt, &wanted.method, customer))
        }
        (Some(customer), true, Some(amount)) => {
            let charge = request::Charge {
                account: &wanted.account,
                top_up: &top_up.id,
                attempt: top_up.attempt,
                deployment: &wanted.deployment,
                amount,
                currency: wanted.currency,
                customer,
                payment_method: &wanted.method,
                descriptor_suffix: wanted.descriptor_suffix.as_deref(),
                receipt_email: wanted.receipt_email.as_deref(),
            };
            (Step::Charge, request::create_payment_intent(&charge))
        }
        (Some(_), true, None) => return top_up.settle(Outcome::Attached),
    };
    let sending = Sending {
        step,
        path: request.path,
        body: request.body,
        key: request.key.unwrap_or_default(),
        first_at: now,
        last_at: now,
        sends: 1,
        wake_at: now.plus(IN_FLIGHT),
        stored_error: false,
    };
    out(top_up, sending)
}

/// Puts the write out: the call is made of the record, never of anything else.
fn out(mut top_up: TopUp, sending: Sending) -> Transition {
    let verb = Verb::Write { key: sending.key.clone(), nth: sending.sends };
    let request = Request {
        method: Method::Post,
        path: sending.path.clone(),
        body: sending.body.clone(),
        key: Some(sending.key.clone()),
    };
    top_up.state = State::Sending(sending);
    top_up.call(verb, request)
}

/// Sends the same bytes again if that is still allowed, and else goes looking.
pub(super) fn again(top_up: TopUp, mut sending: Sending, now: Millis) -> Transition {
    let late = now.since(sending.first_at) >= RESEND_WINDOW && !mutant!(LatePost);
    if sending.sends >= MAX_SENDS || late {
        return give_up(top_up, &sending, None, now);
    }
    sending.sends = sending.sends.saturating_add(1);
    if mutant!(NewKeyOnResend) {
        sending.key = format!("{}.{}", sending.key, sending.sends);
    }
    if mutant!(BodyRebuilt) {
        sending.body = format!("{}&metadata%5Bat%5D={}", sending.body, now.seconds());
    }
    sending.last_at = now;
    sending.wake_at = now.plus(IN_FLIGHT);
    out(top_up, sending)
}

/// The outcome stays unknown. A charge is looked for; what moved no money is let go.
fn give_up(mut top_up: TopUp, sending: &Sending, why: Option<Unknown>, now: Millis) -> Transition {
    match sending.step {
        Step::Customer => {
            // What Stripe stored under this key it would answer for a day: the next one gets another key.
            let stored = matches!(why, Some(Unknown::StoredServer { .. } | Unknown::KeyReused));
            let customers = stored.then(|| top_up.wanted.customers.saturating_add(1));
            Transition { customers, ..top_up.settle(Outcome::NeverHappened) }
        }
        Step::Attach => top_up.settle(Outcome::NeverHappened),
        Step::Charge => {
            top_up.state = State::LookUp {
                first_at: sending.first_at,
                last_at: sending.last_at,
                missed_at: None,
                wake_at: now,
            };
            read::list(top_up, now)
        }
    }
}

/// A write was answered, or not.
pub(super) fn replied(top_up: TopUp, sending: Sending, reply: &Reply, now: Millis) -> Transition {
    let first = sending.sends == 1;
    let result = match sending.step {
        Step::Customer => {
            reply.object::<Customer>(first).map(|customer| made(top_up.clone(), &customer, now))
        }
        Step::Attach => {
            reply.object::<PaymentMethod>(first).map(|method| attached(top_up.clone(), &method, now))
        }
        Step::Charge => {
            reply.object::<PaymentIntent>(first).map(|intent| charged(top_up.clone(), &intent, now))
        }
    };
    match result {
        Ok(transition) => transition,
        Err(failure) => {
            Transition { failure: Some(failure.clone()), ..failed(top_up, sending, failure, now) }
        }
    }
}

fn failed(top_up: TopUp, sending: Sending, failure: Failure, now: Millis) -> Transition {
    match failure {
        Failure::Declined(decline) => {
            top_up.settle(Outcome::Declined { message: decline.message, codes: decline.codes })
        }
        Failure::Refused(Refusal::Missing { param })
            if param == "customer" && sending.step == Step::Attach && top_up.attempt == 1 =>
        {
            customer_is_gone(top_up, now)
        }
        // Another request may have attached it meanwhile, or our own first send, unanswered: the card itself tells.
        Failure::Refused(Refusal::AlreadyAttached) | Failure::Unknown(Unknown::RefusedLate { .. })
            if sending.step == Step::Attach =>
        {
            check_method(top_up, sending, now)
        }
        Failure::Refused(refusal) => {
            top_up.settle(Outcome::Refused { message: refusal.sentence().to_owned() })
        }
        Failure::Unknown(unknown) if mutant!(UnknownIsDeclined) => {
            top_up.settle(Outcome::Declined { message: unknown.to_string(), codes: String::new() })
        }
        Failure::Unknown(unknown) => unanswered(top_up, sending, unknown, now),
    }
}

/// Reads the payment method, to see whose it is.
fn check_method(mut top_up: TopUp, mut sending: Sending, now: Millis) -> Transition {
    sending.wake_at = now.plus(IN_FLIGHT);
    top_up.state = State::Sending(sending);
    let request = request::retrieve_payment_method(&top_up.wanted.method);
    top_up.call(Verb::Method, request)
}

/// The payment method was read: it is ours, and the top-up goes on; or another's, and it ends. Unread, the attach is
/// tried again like any write that was not answered.
pub(super) fn method_read(top_up: TopUp, sending: Sending, reply: &Reply, now: Millis) -> Transition {
    match reply.object::<PaymentMethod>(true) {
        Ok(method) => attached(top_up, &method, now),
        Err(Failure::Unknown(unknown)) => Transition {
            failure: Some(Failure::Unknown(unknown)),
            ..unanswered(top_up, sending, unknown, now)
        },
        Err(failure) => {
            let message = Refusal::AlreadyAttached.sentence().to_owned();
            Transition { failure: Some(failure), ..top_up.settle(Outcome::Refused { message }) }
        }
    }
}

/// The operator deleted our Customer at Stripe. The balance is ours, not Stripe's: make another, once.
fn customer_is_gone(mut top_up: TopUp, now: Millis) -> Transition {
    top_up.attempt = top_up.attempt.saturating_add(1);
    top_up.wanted.customer = None;
    next_write(top_up, now)
}

fn unanswered(top_up: TopUp, mut sending: Sending, unknown: Unknown, now: Millis) -> Transition {
    let stored = matches!(unknown, Unknown::StoredServer { .. });
    let pointless = unknown == Unknown::KeyReused || (stored && sending.stored_error);
    let pause = usize::try_from(sending.sends.saturating_sub(1)).ok().and_then(|nth| RESEND_AFTER.get(nth));
    let next = pause.map(|pause| now.plus(*pause));
    match next {
        Some(at) if !pointless && at.since(sending.first_at) < RESEND_WINDOW => {
            sending.stored_error |= stored;
            sending.wake_at = at;
            top_up.to(State::Sending(sending))
        }
        _ => give_up(top_up, &sending, Some(unknown), now),
    }
}

fn made(mut top_up: TopUp, customer: &Customer, now: Millis) -> Transition {
    top_up.wanted.customer = Some(customer.id.clone());
    top_up.wanted.customers = top_up.wanted.customers.saturating_add(1);
    let customers = Some(top_up.wanted.customers);
    Transition { customer: Some(customer.id.clone()), customers, ..next_write(top_up, now) }
}

fn attached(mut top_up: TopUp, method: &PaymentMethod, now: Millis) -> Transition {
    let ours = method.customer.as_ref().map(|customer| &customer.id) == top_up.wanted.customer.as_ref();
    if !ours {
        let message = Refusal::AlreadyAttached.sentence().to_owned();
        return top_up.settle(Outcome::Refused { message });
    }
    top_up.wanted.attached = true;
    next_write(top_up, now)
}

/// The charge was answered. Its secret was given to nobody yet, so one that wants another card is simply over.
fn charged(top_up: TopUp, intent: &PaymentIntent, now: Millis) -> Transition {
    match &intent.status {
        PaymentIntentStatus::Succeeded => top_up.succeeded(intent, now),
        PaymentIntentStatus::RequiresAction => read::act(top_up, intent, now),
        status @ (PaymentIntentStatus::RequiresPaymentMethod | PaymentIntentStatus::Canceled) => {
            let message = format!("Payment did not succeed. Status: {}", status.as_str());
            top_up.settle(Outcome::Refused { message })
        }
        PaymentIntentStatus::RequiresConfirmation | PaymentIntentStatus::RequiresCapture => {
            top_up.cancel(intent.id.clone(), 0, now)
        }
        PaymentIntentStatus::Processing | PaymentIntentStatus::Other(_) => {
            top_up.watch(intent.id.clone(), now)
        }
    }
}
