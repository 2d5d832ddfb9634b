//! The endpoints of `/v1`: their paths, the parameters they accept, and the function that does them. Parameter
//! names are those of the API version `2026-07-29.dahlia`.

use serde_json::Value;

use super::errors::ApiError;
use super::expand::{Answer, Object};
use super::params::{Kind, Param, Params, may, must};
use super::world::{Context, World};
use super::{charges, customers, disputes, events, payment_intents, payment_methods, refunds};

type Run = fn(&mut World, &Context, &str, &Params) -> Result<Value, ApiError>;

/// One endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    /// Segments; `:id` stands for any one.
    path: &'static str,
    pub(crate) params: &'static [Param],
    pub(crate) answer: Answer,
    /// Whether a publishable key may call it.
    pub(crate) publishable: bool,
    pub(crate) run: Run,
}

const fn operation(
    method: &'static str,
    path: &'static str,
    params: &'static [Param],
    answer: Answer,
    run: Run,
) -> Operation {
    Operation { method, path, params, answer, publishable: false, run }
}

const fn public(operation: Operation) -> Operation {
    Operation { publishable: true, ..operation }
}

/// The operation for a request, and the id in its path.
pub(crate) fn find(method: &str, path: &str) -> Option<(&'static Operation, String)> {
    OPERATIONS.iter().filter(|operation| operation.method == method).find_map(|operation| {
        let (mut wanted, mut given) = (operation.path.split('/'), path.split('/'));
        let mut id = String::new();
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return Some((operation, id)),
                (Some(":id"), Some(segment)) if !segment.is_empty() => {
                    // An id is letters, digits and `_`; what else is there is a path of its own.
                    let plain =
                        segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
                    if !plain {
                        return None;
                    }
                    segment.clone_into(&mut id);
                }
                (Some(word), Some(segment)) if word == segment => {}
                _ => return None,
            }
        }
    })
}

/// Long enough for what Stripe limits elsewhere.
const TEXT: Kind = Kind::Text(5000);
const EXPAND: Param = may("expand", Kind::Texts);
const METADATA: Param = may("metadata", Kind::Metadata);
const CUSTOMER: Param = may("customer", TEXT);
const LIMIT: Param = may("limit", Kind::Integer);
const AFTER: Param = may("starting_after", TEXT);
const BEFORE: Param = may("ending_before", TEXT);
const CREATED: Param = may("created", Kind::Range);

const EXPAND_ONLY: &[Param] = &[EXPAND];

const PAYMENT_METHOD: &[Param] = &[
    // Not `required` in the table: Stripe can take it from `payment_method`, which is not modelled.
    may("type", TEXT),
    may(
        "card",
        Kind::Hash(&[
            may("number", TEXT),
            may("exp_month", Kind::Integer),
            may("exp_year", Kind::Integer),
            may("cvc", TEXT),
            may("token", TEXT),
            may("networks", Kind::Opaque),
        ]),
    ),
    may("link", Kind::Opaque),
    may("cashapp", Kind::Opaque),
    may("paypal", Kind::Opaque),
    may("allow_redisplay", Kind::OneOf(&["always", "limited", "unspecified"])),
    may("billing_details", Kind::Opaque),
    may("radar_options", Kind::Opaque),
    // Sent by Stripe.js with every call.
    may("payment_user_agent", Kind::Opaque),
    may("customer", Kind::NotModelled),
    may("payment_method", Kind::NotModelled),
    METADATA,
    EXPAND,
];

const PAYMENT_METHODS: &[Param] =
    &[CUSTOMER, may("type", TEXT), may("allow_redisplay", TEXT), LIMIT, AFTER, BEFORE, EXPAND];

const ATTACH: &[Param] = &[CUSTOMER, may("customer_account", Kind::NotModelled), EXPAND];

const NEW_CUSTOMER: &[Param] = &[
    may("address", Kind::NotModelled),
    may("balance", Kind::NotModelled),
    may("business_name", Kind::NotModelled),
    may("cash_balance", Kind::NotModelled),
    may("description", Kind::Text(5000)),
    may("email", Kind::Text(512)),
    may("individual_name", Kind::NotModelled),
    may("invoice_prefix", Kind::NotModelled),
    may("invoice_settings", Kind::NotModelled),
    METADATA,
    may("name", Kind::Text(256)),
    may("next_invoice_sequence", Kind::NotModelled),
    may("payment_method", TEXT),
    may("phone", Kind::Text(20)),
    may("preferred_locales", Kind::NotModelled),
    may("shipping", Kind::NotModelled),
    may("source", Kind::NotModelled),
    may("tax", Kind::NotModelled),
    may("tax_exempt", Kind::NotModelled),
    may("tax_id_data", Kind::NotModelled),
    may("test_clock", Kind::NotModelled),
    may("validate", Kind::NotModelled),
    EXPAND,
];

const OFF_SESSION: Param = may("off_session", Kind::BooleanOr(&["one_off", "recurring"]));
const ERROR_ON_ACTION: Param = may("error_on_requires_action", Kind::Boolean);
const FUTURE_USAGE: Param = may("setup_future_usage", Kind::OneOf(&["off_session", "on_session"]));

const NEW_PAYMENT_INTENT: &[Param] = &[
    must("amount", Kind::Integer),
    must("currency", TEXT),
    may("allowed_payment_method_types", Kind::NotModelled),
    may("amount_details", Kind::NotModelled),
    may("application_fee_amount", Kind::NotModelled),
    may(
        "automatic_payment_methods",
        Kind::Hash(&[
            must("enabled", Kind::Boolean),
            may("allow_redirects", Kind::OneOf(&["always", "never"])),
        ]),
    ),
    may("capture_method", Kind::OneOf(&["automatic", "automatic_async", "manual"])),
    may("confirm", Kind::Boolean),
    may("confirmation_method", Kind::OneOf(&["automatic"])),
    may("confirmation_token", Kind::NotModelled),
    CUSTOMER,
    may("customer_account", Kind::NotModelled),
    may("description", Kind::Text(1000)),
    ERROR_ON_ACTION,
    may("excluded_payment_method_types", Kind::NotModelled),
    EXPAND,
    may("hooks", Kind::NotModelled),
    may("mandate", Kind::NotModelled),
    may("mandate_data", Kind::NotModelled),
    METADATA,
    OFF_SESSION,
    may("on_behalf_of", Kind::NotModelled),
    may("payment_details", Kind::NotModelled),
    may("payment_method", TEXT),
    may("payment_method_configuration", Kind::NotModelled),
    may("payment_method_data", Kind::NotModelled),
    may("payment_method_options", Kind::NotModelled),
    may("payment_method_types", Kind::Texts),
    may("radar_options", Kind::NotModelled),
    may("receipt_email", TEXT),
    may("return_url", TEXT),
    FUTURE_USAGE,
    may("shipping", Kind::NotModelled),
    may("statement_descriptor", Kind::Text(22)),
    may("statement_descriptor_suffix", Kind::Text(22)),
    may("transfer_data", Kind::NotModelled),
    may("transfer_group", Kind::NotModelled),
    may("use_stripe_sdk", Kind::Boolean),
];

const ONE_PAYMENT_INTENT: &[Param] = &[may("client_secret", TEXT), EXPAND];

const PAYMENT_INTENTS: &[Param] =
    &[CUSTOMER, may("customer_account", Kind::NotModelled), CREATED, LIMIT, AFTER, BEFORE, EXPAND];

const CONFIRM: &[Param] = &[
    may("payment_method", TEXT),
    OFF_SESSION,
    ERROR_ON_ACTION,
    FUTURE_USAGE,
    may("return_url", TEXT),
    may("receipt_email", Kind::NotModelled),
    may("capture_method", Kind::NotModelled),
    may("confirmation_token", Kind::NotModelled),
    may("mandate", Kind::NotModelled),
    may("mandate_data", Kind::NotModelled),
    may("payment_method_data", Kind::NotModelled),
    may("payment_method_options", Kind::NotModelled),
    may("payment_method_types", Kind::NotModelled),
    may("radar_options", Kind::NotModelled),
    may("shipping", Kind::NotModelled),
    may("use_stripe_sdk", Kind::Boolean),
    EXPAND,
];

const CANCEL: &[Param] = &[
    may(
        "cancellation_reason",
        Kind::OneOf(&["abandoned", "duplicate", "fraudulent", "requested_by_customer"]),
    ),
    EXPAND,
];

const NEW_REFUND: &[Param] = &[
    may("amount", Kind::Integer),
    may("charge", TEXT),
    may("currency", Kind::NotModelled),
    may("customer", Kind::NotModelled),
    EXPAND,
    may("instructions_email", Kind::NotModelled),
    METADATA,
    may("origin", Kind::NotModelled),
    may("payment_intent", TEXT),
    may("reason", Kind::OneOf(&["duplicate", "fraudulent", "requested_by_customer"])),
    may("refund_application_fee", Kind::NotModelled),
    may("reverse_transfer", Kind::NotModelled),
];

/// Refunds and disputes are listed by the payment they belong to.
const OF_A_PAYMENT: &[Param] =
    &[may("payment_intent", TEXT), may("charge", TEXT), CREATED, LIMIT, AFTER, BEFORE, EXPAND];

const EVENTS: &[Param] = &[may("type", TEXT), CREATED, LIMIT, AFTER, BEFORE, EXPAND];

const OPERATIONS: &[Operation] = &[
    public(operation(
        "POST",
        "/v1/payment_methods",
        PAYMENT_METHOD,
        Answer::One(Object::PaymentMethod),
        payment_methods::create,
    )),
    operation(
        "GET",
        "/v1/payment_methods",
        PAYMENT_METHODS,
        Answer::ListOf(Object::PaymentMethod),
        payment_methods::list,
    ),
    operation(
        "GET",
        "/v1/payment_methods/:id",
        EXPAND_ONLY,
        Answer::One(Object::PaymentMethod),
        payment_methods::retrieve,
    ),
    operation(
        "POST",
        "/v1/payment_methods/:id/attach",
        ATTACH,
        Answer::One(Object::PaymentMethod),
        payment_methods::attach,
    ),
    operation(
        "POST",
        "/v1/payment_methods/:id/detach",
        EXPAND_ONLY,
        Answer::One(Object::PaymentMethod),
        payment_methods::detach,
    ),
    operation("POST", "/v1/customers", NEW_CUSTOMER, Answer::One(Object::Customer), customers::create),
    operation("GET", "/v1/customers/:id", EXPAND_ONLY, Answer::One(Object::Customer), customers::retrieve),
    operation("DELETE", "/v1/customers/:id", &[], Answer::One(Object::Customer), customers::delete),
    operation(
        "POST",
        "/v1/payment_intents",
        NEW_PAYMENT_INTENT,
        Answer::One(Object::PaymentIntent),
        payment_intents::create,
    ),
    operation(
        "GET",
        "/v1/payment_intents",
        PAYMENT_INTENTS,
        Answer::ListOf(Object::PaymentIntent),
        payment_intents::list,
    ),
    public(operation(
        "GET",
        "/v1/payment_intents/:id",
        ONE_PAYMENT_INTENT,
        Answer::One(Object::PaymentIntent),
        payment_intents::retrieve,
    )),
    operation(
        "POST",
        "/v1/payment_intents/:id/confirm",
        CONFIRM,
        Answer::One(Object::PaymentIntent),
        payment_intents::confirm,
    ),
    operation(
        "POST",
        "/v1/payment_intents/:id/cancel",
        CANCEL,
        Answer::One(Object::PaymentIntent),
        payment_intents::cancel,
    ),
    operation("POST", "/v1/refunds", NEW_REFUND, Answer::One(Object::Refund), refunds::create),
    operation("GET", "/v1/refunds", OF_A_PAYMENT, Answer::ListOf(Object::Refund), refunds::list),
    operation("GET", "/v1/refunds/:id", EXPAND_ONLY, Answer::One(Object::Refund), refunds::retrieve),
    operation("GET", "/v1/charges/:id", EXPAND_ONLY, Answer::One(Object::Charge), charges::retrieve),
    operation("GET", "/v1/disputes", OF_A_PAYMENT, Answer::ListOf(Object::Dispute), disputes::list),
    operation("GET", "/v1/disputes/:id", EXPAND_ONLY, Answer::One(Object::Dispute), disputes::retrieve),
    operation("GET", "/v1/events", EVENTS, Answer::ListOf(Object::Event), events::list),
    operation("GET", "/v1/events/:id", EXPAND_ONLY, Answer::One(Object::Event), events::retrieve),
];
