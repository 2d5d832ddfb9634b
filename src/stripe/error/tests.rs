//! What an answer means, as a table: every error of Stripe's that the facts know.

use super::*;
use crate::stripe::response::{Answer, Reply};
use crate::stripe::{Customer, PaymentIntent};

fn answer(status: u16, body: &str) -> Reply {
    Reply::Answered(Answer { status, body: body.into(), replayed: false, request_id: None })
}

fn card_error(code: &str, decline_code: &str, message: &str) -> String {
    format!(
        r#"{{"error":{{"type":"card_error","code":"{code}","decline_code":"{decline_code}","message":"{message}",
           "charge":"ch_1","payment_intent":{{"id":"pi_1","status":"requires_payment_method"}}}}}}"#
    )
}

#[test]
fn a_decline_is_told_in_stripes_words_unless_they_would_help_a_thief() {
    let rows = [
        ("card_declined", "generic_decline", "Your card was declined.", "Your card was declined."),
        (
            "card_declined",
            "insufficient_funds",
            "Your card has insufficient funds.",
            "Your card has insufficient funds.",
        ),
        ("card_declined", "lost_card", "Your card was reported lost.", GENERIC),
        ("card_declined", "stolen_card", "Your card was reported stolen.", GENERIC),
        ("card_declined", "fraudulent", "Blocked.", GENERIC),
        ("expired_card", "expired_card", "Your card has expired.", "Your card has expired."),
        (
            "incorrect_cvc",
            "incorrect_cvc",
            "Your card's security code is incorrect.",
            "Your card's security code is incorrect.",
        ),
        ("processing_error", "processing_error", "An error occurred.", "An error occurred."),
        (
            "authentication_required",
            "authentication_required",
            "Your card was declined. This transaction requires authentication.",
            "Your card was declined. This transaction requires authentication.",
        ),
    ];
    for (code, decline_code, said, shown) in rows {
        for first in [true, false] {
            let result = answer(402, &card_error(code, decline_code, said)).object::<PaymentIntent>(first);
            let Err(Failure::Declined(decline)) = result else { panic!("{code}: {result:?}") };
            assert_eq!(decline.message, shown, "{code}");
            assert_eq!(decline.codes, format!("{code}/{decline_code}"));
        }
    }
}

#[test]
fn a_402_with_an_open_payment_intent_is_unknown() {
    for status in ["processing", "succeeded", "requires_action", "requires_capture", "new_status"] {
        let body =
            card_error("card_declined", "generic_decline", "no").replace("requires_payment_method", status);
        assert_eq!(
            answer(402, &body).object::<PaymentIntent>(true),
            Err(Failure::Unknown(Unknown::OpenAfterDecline)),
            "{status}"
        );
    }
    let without = r#"{"error":{"type":"card_error","code":"card_declined","message":"no"}}"#;
    assert!(matches!(answer(402, without).object::<Customer>(true), Err(Failure::Declined(_))));
}

#[test]
fn a_refusal_is_definite_on_the_first_send_only() {
    let rows = [
        (
            400,
            "resource_missing",
            "payment_method",
            "No such PaymentMethod: 'pm_x'",
            Refusal::Missing { param: "payment_method".into() },
        ),
        (404, "resource_missing", "id", "No such customer", Refusal::Missing { param: "id".into() }),
        (
            400,
            "parameter_unknown",
            "foo",
            "Received unknown parameter: foo",
            Refusal::Invalid { code: "parameter_unknown".into(), param: "foo".into() },
        ),
        (
            400,
            "amount_too_small",
            "amount",
            "Amount must be at least",
            Refusal::Amount { code: "amount_too_small".into() },
        ),
        (
            400,
            "x",
            "y",
            "The payment method you provided has already been attached to a customer.",
            Refusal::AlreadyAttached,
        ),
        (
            400,
            "x",
            "y",
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again.",
            Refusal::Spent,
        ),
        (
            400,
            "x",
            "y",
            "The customer does not have a payment method with the ID pm_1. The payment method must be attached to the customer.",
            Refusal::Spent,
        ),
    ];
    for (status, code, param, message, refusal) in rows {
        let body = format!(
            r#"{{"error":{{"type":"invalid_request_error","code":"{code}","param":"{param}","message":"{message}"}}}}"#
        );
        assert_eq!(answer(status, &body).object::<Customer>(true), Err(Failure::Refused(refusal)));
        assert_eq!(
            answer(status, &body).object::<Customer>(false),
            Err(Failure::Unknown(Unknown::RefusedLate { status }))
        );
    }
}

#[test]
fn everything_else_is_unknown_on_every_send() {
    let idempotency = r#"{"error":{"type":"idempotency_error","message":"Keys for idempotent requests…"}}"#;
    let in_use = r#"{"error":{"type":"idempotency_error","code":"idempotency_key_in_use","message":"…"}}"#;
    let lock = r#"{"error":{"type":"invalid_request_error","code":"lock_timeout","message":"…"}}"#;
    let api = r#"{"error":{"type":"api_error","message":"…"}}"#;
    let rows: [(u16, &str, Unknown); 14] = [
        (400, idempotency, Unknown::KeyReused),
        (404, idempotency, Unknown::KeyReused),
        (409, in_use, Unknown::InProgress),
        (409, api, Unknown::InProgress),
        (429, lock, Unknown::InProgress),
        (429, api, Unknown::RateLimited),
        (401, api, Unknown::Misconfigured { status: 401 }),
        (403, api, Unknown::Misconfigured { status: 403 }),
        (500, api, Unknown::Server { status: 500 }),
        (503, "<html>", Unknown::Server { status: 503 }),
        (400, "<html>", Unknown::Unreadable { status: 400 }),
        (402, "", Unknown::Unreadable { status: 402 }),
        (200, "[]", Unknown::Unreadable { status: 200 }),
        (302, "", Unknown::Unreadable { status: 302 }),
    ];
    for (status, body, unknown) in rows {
        for first in [true, false] {
            assert_eq!(
                answer(status, body).object::<Customer>(first),
                Err(Failure::Unknown(unknown)),
                "{status} {body}"
            );
        }
    }
    assert_eq!(Reply::Lost.object::<Customer>(true), Err(Failure::Unknown(Unknown::NoAnswer)));
}

#[test]
fn a_stored_500_is_told_from_a_new_one() {
    let reply = Reply::Answered(Answer {
        status: 500,
        body: "{}".into(),
        replayed: true,
        request_id: Some("req_1".into()),
    });
    assert_eq!(reply.object::<Customer>(false), Err(Failure::Unknown(Unknown::StoredServer { status: 500 })));
}
