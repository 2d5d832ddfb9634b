//! An answer of Stripe's, read: the object that was asked for, or why there is none.
//!
//! Kept true here: a success is a 2xx whose body is the object. A 2xx that cannot be read is `Unknown`: the charge
//! behind it may well have gone through.

use serde_json::Value;

use super::error::{ErrorBody, Failure, Unknown};
use super::object::FromJson;

/// What came back for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An HTTP answer.
    Answered(Answer),
    /// None: the connection failed, was cut, or took too long.
    Lost,
}

/// An HTTP answer, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, as text.
    pub body: String,
    /// Whether `Idempotent-Replayed: true` stood on it.
    pub replayed: bool,
    /// Stripe's `Request-Id`, for the log.
    pub request_id: Option<String>,
}

impl Reply {
    /// Reads the object out of a reply. `first_send`: whether the request had never been sent before, which is what
    /// makes a refusal definite.
    pub fn object<T: FromJson>(&self, first_send: bool) -> Result<T, Failure> {
        let Self::Answered(answer) = self else { return Err(Failure::Unknown(Unknown::NoAnswer)) };
        let status = answer.status;
        let unreadable = Failure::Unknown(Unknown::Unreadable { status });
        let value: Option<Value> = serde_json::from_str(&answer.body).ok();
        if (200..300).contains(&status) {
            return value.as_ref().and_then(T::from_json).ok_or(unreadable);
        }
        match value.as_ref().and_then(ErrorBody::from_json) {
            Some(error) => Err(error.classify(status, answer.replayed, first_send)),
            None if status >= 500 => Err(ErrorBody::default().classify(status, answer.replayed, first_send)),
            None => Err(unreadable),
        }
    }

    /// Stripe's `Request-Id`, for the log.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Answered(answer) => answer.request_id.as_deref(),
            Self::Lost => None,
        }
    }

    /// The same, in a sentence.
    pub fn request_name(&self) -> &str {
        self.request_id().unwrap_or("-")
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::{List, PaymentIntentStatus};
    use super::super::{PaymentIntent, PaymentMethod};
    use super::*;

    fn ok(body: &str) -> Reply {
        Reply::Answered(Answer { status: 200, body: body.into(), replayed: false, request_id: None })
    }

    #[test]
    fn a_payment_method_is_read_with_its_customer() {
        let free = r#"{"id":"pm_1","type":"card","livemode":false,"card":{"fingerprint":"fp","last4":"4242"},"customer":null}"#;
        let method: PaymentMethod = ok(free).object(true).unwrap();
        assert_eq!(method.id.as_str(), "pm_1");
        assert_eq!(method.fingerprint.unwrap().as_str(), "fp");
        assert_eq!(method.customer, None);

        let owned = r#"{"id":"pm_1","card":{"fingerprint":"fp"},"customer":{"id":"cus_1","metadata":
            {"stripe402_account":"aa","stripe402_deployment":"bb","other":"x"}}}"#;
        let customer = ok(owned).object::<PaymentMethod>(true).unwrap().customer.unwrap();
        assert_eq!(customer.id.as_str(), "cus_1");
        assert_eq!((customer.account.as_deref(), customer.deployment.as_deref()), (Some("aa"), Some("bb")));

        let deleted = r#"{"id":"pm_1","card":{"fingerprint":"fp"},"customer":{"id":"cus_1","deleted":true}}"#;
        assert_eq!(ok(deleted).object::<PaymentMethod>(true).unwrap().customer, None);
    }

    #[test]
    fn what_has_no_card_or_no_fingerprint_has_none() {
        for body in [
            r#"{"id":"pm_1","type":"link","link":{"email":"a@b.c"}}"#,
            r#"{"id":"pm_1","type":"card","card":{"fingerprint":null}}"#,
            r#"{"id":"pm_1","type":"card","card":{"fingerprint":""}}"#,
        ] {
            assert_eq!(ok(body).object::<PaymentMethod>(true).unwrap().fingerprint, None, "{body}");
        }
    }

    #[test]
    fn a_payment_intent_keeps_a_status_that_it_does_not_know() {
        let body = r#"{"id":"pi_1","status":"hovering","amount":500,"currency":"usd","metadata":{"a":"b"}}"#;
        let intent: PaymentIntent = ok(body).object(true).unwrap();
        assert_eq!(intent.status, PaymentIntentStatus::Other("hovering".into()));
        assert_eq!(intent.status.as_str(), "hovering");
        assert_eq!(intent.amount_received, 0);
        let list: List<PaymentIntent> =
            ok(&format!(r#"{{"object":"list","data":[{body}],"has_more":false}}"#)).object(true).unwrap();
        assert_eq!(list.data.len(), 1);
    }

    #[test]
    fn a_success_that_is_not_the_object_is_unknown() {
        for body in ["", "null", "{}", r#"{"id":"cus_1","status":"succeeded","amount":1,"currency":"usd"}"#] {
            assert_eq!(
                ok(body).object::<PaymentIntent>(true),
                Err(Failure::Unknown(Unknown::Unreadable { status: 200 })),
                "{body}"
            );
        }
    }
}
