//! The calls that we make, each as a value: method, path, form body, idempotency key.
//!
//! Kept true here: the order of the fields and their bytes depend on the arguments alone. A body is built once,
//! kept, and sent again as it was; nothing is ever rebuilt from settings that may have changed meanwhile.

use form_urlencoded::Serializer;
use stripe402_core::protocol::{AccountId, Currency, MinorAmount, PaymentMethodId};

use super::ids::{CustomerId, DisputeId, PaymentIntentId, TopUpId};

/// The HTTP methods that our calls use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A read. Idempotent by nature.
    Get,
    /// A write. Always with an idempotency key.
    Post,
}

impl Method {
    /// The method as HTTP writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// One call to Stripe, ready to be sent, kept and sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The path with its query, from `/v1/` on.
    pub path: String,
    /// The form-encoded body; empty for a read.
    pub body: String,
    /// The `Idempotency-Key`; none for a read. <https://docs.stripe.com/api/idempotent_requests>
    pub key: Option<String>,
}

impl Request {
    fn get(path: String) -> Self {
        Self { method: Method::Get, path, body: String::new(), key: None }
    }

    fn post(path: String, body: String, key: String) -> Self {
        Self { method: Method::Post, path, body, key: Some(key) }
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let mut body = Serializer::new(String::new());
    for (name, value) in fields {
        body.append_pair(name, value);
    }
    body.finish()
}

/// Reads a PaymentMethod with the Customer that it is attached to.
/// <https://docs.stripe.com/api/payment_methods/retrieve>
pub fn retrieve_payment_method(id: &PaymentMethodId) -> Request {
    Request::get(format!("/v1/payment_methods/{}?{}", id.as_str(), form(&[("expand[]", "customer")])))
}

/// Creates the Customer of an account. `serial` counts the customers that this account had: another one is made
/// only when Stripe says that the last is gone. <https://docs.stripe.com/api/customers/create>
pub fn create_customer(account: &AccountId, deployment: &str, serial: u32) -> Request {
    let body = form(&[
        ("description", &format!("stripe402 client {}", account.short())),
        ("metadata[stripe402_account]", account.as_str()),
        ("metadata[stripe402_deployment]", deployment),
    ]);
    Request::post("/v1/customers".into(), body, format!("{}.customer.{serial}", account.as_str()))
}

/// Attaches a PaymentMethod to the account's Customer; Stripe checks the card on the way.
/// <https://docs.stripe.com/api/payment_methods/attach>
pub fn attach(top_up: &TopUpId, attempt: u32, id: &PaymentMethodId, customer: &CustomerId) -> Request {
    Request::post(
        format!("/v1/payment_methods/{}/attach", id.as_str()),
        form(&[("customer", customer.as_str())]),
        format!("{}.{attempt}.attach", top_up.as_str()),
    )
}

/// What a charge is made of.
#[derive(Debug, Clone)]
pub struct Charge<'a> {
    /// Whose account is credited.
    pub account: &'a AccountId,
    /// The top-up that explains the charge.
    pub top_up: &'a TopUpId,
    /// Which attempt of it.
    pub attempt: u32,
    /// Which of the operator's deployments this is: two may share one Stripe account.
    pub deployment: &'a str,
    /// How much, in what Stripe counts in.
    pub amount: MinorAmount,
    /// The currency of the amount.
    pub currency: Currency,
    /// The account's Customer.
    pub customer: &'a CustomerId,
    /// The card, attached to that Customer.
    pub payment_method: &'a PaymentMethodId,
    /// Put behind the operator's statement descriptor.
    pub descriptor_suffix: Option<&'a str>,
    /// Where Stripe sends its receipt, if the payer asked for one.
    pub receipt_email: Option<&'a str>,
}

/// Creates and confirms a PaymentIntent in one call: on-session, cards only, so that 3-D Secure can be finished by
/// the payer and no other kind of payment can be chosen. <https://docs.stripe.com/api/payment_intents/create>
pub fn create_payment_intent(charge: &Charge<'_>) -> Request {
    let amount = charge.amount.get().to_string();
    let description = format!("stripe402 top-up for {}", charge.account.short());
    let mut fields = vec![
        ("amount", amount.as_str()),
        ("currency", charge.currency.code()),
        ("payment_method_types[0]", "card"),
        ("customer", charge.customer.as_str()),
        ("payment_method", charge.payment_method.as_str()),
        ("confirm", "true"),
        ("description", description.as_str()),
        ("metadata[stripe402_account]", charge.account.as_str()),
        ("metadata[stripe402_top_up]", charge.top_up.as_str()),
        ("metadata[stripe402_deployment]", charge.deployment),
    ];
    if let Some(suffix) = charge.descriptor_suffix {
        fields.push(("statement_descriptor_suffix", suffix));
    }
    if let Some(email) = charge.receipt_email {
        fields.push(("receipt_email", email));
    }
    let key = format!("{}.{}.charge", charge.top_up.as_str(), charge.attempt);
    Request::post("/v1/payment_intents".into(), form(&fields), key)
}

/// Reads a PaymentIntent: the truth about a charge. <https://docs.stripe.com/api/payment_intents/retrieve>
pub fn retrieve_payment_intent(id: &PaymentIntentId) -> Request {
    Request::get(format!("/v1/payment_intents/{id}"))
}

/// Lists a Customer's PaymentIntents since a moment (seconds since 1970), newest first: how a charge is found whose
/// answer was lost. <https://docs.stripe.com/api/payment_intents/list>
pub fn list_payment_intents(customer: &CustomerId, since: i64) -> Request {
    let query =
        form(&[("customer", customer.as_str()), ("created[gte]", &since.to_string()), ("limit", "100")]);
    Request::get(format!("/v1/payment_intents?{query}"))
}

/// Lists the refunds of a PaymentIntent. <https://docs.stripe.com/api/refunds/list>
pub fn list_refunds(id: &PaymentIntentId) -> Request {
    Request::get(format!("/v1/refunds?{}", form(&[("payment_intent", id.as_str()), ("limit", "100")])))
}

/// Reads a dispute. <https://docs.stripe.com/api/disputes/retrieve>
pub fn retrieve_dispute(id: &DisputeId) -> Request {
    Request::get(format!("/v1/disputes/{id}"))
}

/// Cancels a PaymentIntent that was not finished. `nth` counts the tries: a refused cancel is stored under its key.
/// <https://docs.stripe.com/api/payment_intents/cancel>
pub fn cancel_payment_intent(top_up: &TopUpId, attempt: u32, nth: u32, id: &PaymentIntentId) -> Request {
    Request::post(
        format!("/v1/payment_intents/{id}/cancel"),
        String::new(),
        format!("{}.{attempt}.cancel.{nth}", top_up.as_str()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use stripe402_core::protocol::ClientId;

    fn account() -> AccountId {
        AccountId::of(&ClientId::derive(&[7; 32], "Xt5EWLLDS7FJjR1c"))
    }

    #[test]
    fn a_charge_is_the_same_bytes_every_time_and_in_this_order() {
        let account = account();
        let charge = Charge {
            account: &account,
            top_up: &TopUpId::from_bytes([1; 16]),
            attempt: 1,
            deployment: "0123456789abcdef",
            amount: MinorAmount::new(500).unwrap(),
            currency: Currency::parse("usd").unwrap(),
            customer: &CustomerId::parse("cus_1").unwrap(),
            payment_method: &PaymentMethodId::parse("pm_1").unwrap(),
            descriptor_suffix: None,
            receipt_email: None,
        };
        let request = create_payment_intent(&charge);
        assert_eq!(request.path, "/v1/payment_intents");
        assert_eq!(request.key.as_deref(), Some("01010101010101010101010101010101.1.charge"));
        assert_eq!(
            request.body,
            format!(
                "amount=500&currency=usd&payment_method_types%5B0%5D=card&customer=cus_1&payment_method=pm_1\
                 &confirm=true&description=stripe402+top-up+for+{}&metadata%5Bstripe402_account%5D={}\
                 &metadata%5Bstripe402_top_up%5D=01010101010101010101010101010101\
                 &metadata%5Bstripe402_deployment%5D=0123456789abcdef",
                account.short(),
                account.as_str()
            )
        );
        assert_eq!(request, create_payment_intent(&charge));
    }

    #[test]
    fn a_read_has_no_key_and_a_write_has_one() {
        let pm = PaymentMethodId::parse("pm_1").unwrap();
        let customer = CustomerId::parse("cus_1").unwrap();
        let top_up = TopUpId::from_bytes([2; 16]);
        let pi = PaymentIntentId::parse("pi_1").unwrap();
        let reads = [
            retrieve_payment_method(&pm),
            retrieve_payment_intent(&pi),
            list_payment_intents(&customer, 1_700_000_000),
        ];
        for read in reads {
            assert_eq!((read.method, read.key.is_none(), read.body.as_str()), (Method::Get, true, ""));
        }
        let writes = [
            create_customer(&account(), "tag", 1),
            attach(&top_up, 1, &pm, &customer),
            cancel_payment_intent(&top_up, 1, 1, &pi),
        ];
        for write in writes {
            assert_eq!(write.method, Method::Post);
            assert!(write.key.is_some_and(|key| key.len() <= 255));
        }
        assert_eq!(retrieve_payment_method(&pm).path, "/v1/payment_methods/pm_1?expand%5B%5D=customer",);
    }

    #[test]
    fn no_call_names_off_session_or_future_usage() {
        // Both would make 3-D Secure impossible to finish, and together Stripe refuses them.
        let account = account();
        let body = create_payment_intent(&Charge {
            account: &account,
            top_up: &TopUpId::from_bytes([1; 16]),
            attempt: 1,
            deployment: "d",
            amount: MinorAmount::new(500).unwrap(),
            currency: Currency::parse("usd").unwrap(),
            customer: &CustomerId::parse("cus_1").unwrap(),
            payment_method: &PaymentMethodId::parse("pm_1").unwrap(),
            descriptor_suffix: Some("API"),
            receipt_email: Some("a@example.com"),
        })
        .body;
        assert!(!body.contains("off_session") && !body.contains("setup_future_usage"));
        assert!(body.ends_with("&statement_descriptor_suffix=API&receipt_email=a%40example.com"));
    }
}
