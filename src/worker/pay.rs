//! A request that pays: which account, and what that account says.
//!
//! Kept true here: a client id is tried first and costs one call; Stripe is asked only for a payment method that this
//! isolate does not know, or that has to be charged; nobody is told whose account a card belongs to.

use std::cell::RefCell;

use stripe402_core::config::Mode;
use stripe402_core::protocol::{AccountId, ClientId, Currency, ErrorCode, PaymentMethodId, PaymentResponse, Units};
use secrecy::ExposeSecret;
use wasm_bindgen::JsValue;

use super::account_client::{Unreachable, ask};
use super::platform::{console_error, new_op, now};
use super::setup::Setup;
use super::stripe_http;
use crate::gate::answer::Failed;
use crate::gate::{Answer as HttpAnswer, Memory, PaidRequest};
use crate::ledger::amount::Offer;
use crate::ledger::{Answer, Call, Limits, Op, Order, Pay, Refused};
use crate::stripe::{self, CustomerId, Failure, PaymentMethod, request};

/// How many payment methods an isolate remembers, and for how long.
const REMEMBERED: usize = 2_000;
const REMEMBERED_FOR: i64 = 600_000;
/// After how many seconds to come again where something could not be reached.
const RETRY_AFTER: u32 = 2;

thread_local! {
    static KNOWN: RefCell<Memory<PaymentMethodId, ClientId>> = RefCell::new(Memory::new(REMEMBERED, REMEMBERED_FOR));
}

/// A payment that went through.
pub(super) struct Receipt {
    /// Whose.
    pub(super) client_id: ClientId,
    /// The account.
    pub(super) account: AccountId,
    /// The currency of the debit.
    pub(super) currency: Currency,
    /// The number of the debit.
    pub(super) seq: i64,
    /// The attempt that made it.
    pub(super) op: Op,
    /// The balance after it.
    pub(super) balance: Units,
    /// The PaymentIntent, if this request's card was charged.
    pub(super) charge: Option<String>,
}

impl Receipt {
    /// The `payment-response` of an answer that was paid for.
    pub(super) fn success(&self) -> PaymentResponse {
        PaymentResponse {
            success: true,
            charge_id: self.charge.clone(),
            credits_remaining: self.balance,
            client_id: self.client_id.as_str().to_owned(),
            error: None,
            error_code: None,
            action: None,
        }
    }
}

/// Pays for a request, or gives the answer that refuses it.
pub(super) async fn pay(
    env: &JsValue,
    setup: &Setup,
    method: &str,
    paid: &PaidRequest<'_>,
) -> Result<Receipt, HttpAnswer> {
    let Some(op) = new_op() else { return Err(unavailable(paid, None)) };
    let order = Order {
        currency: paid.currency,
        price: paid.price,
        resource: paid.resource(method),
        op,
        retried: false,
    };
    let mut sent = None;
    if let Some(client_id) = &paid.payment.client_id {
        match spend(env, setup, client_id, &order).await {
            Ok(Spent::Paid(receipt)) => return Ok(*receipt),
            Ok(Spent::Insufficient(balance)) => sent = Some((client_id, balance)),
            Ok(Spent::Other(answer)) => return Err(refuse(paid, sent, answer)),
            Err(Unreachable) => return Err(unavailable(paid, None)),
        }
    }
    let Some(method) = &paid.payment.payment_method else {
        let mut required = paid.required.clone();
        required.error = Some(ErrorCode::InsufficientCredits);
        return Err(HttpAnswer::challenge(&required));
    };
    let known = KNOWN.with_borrow(|known| known.get(method, now()).cloned());
    if let Some(client_id) = known
        && sent.is_none_or(|(sent, _)| *sent != client_id)
    {
        match spend(env, setup, &client_id, &order).await {
            Ok(Spent::Paid(receipt)) => return Ok(*receipt),
            Ok(Spent::Insufficient(_)) => {}
            Ok(Spent::Other(answer)) => return Err(refuse(paid, sent, answer)),
            Err(Unreachable) => return Err(unavailable(paid, sent)),
        }
    }
    top_up(env, setup, paid, method, &order, sent).await
}

enum Spent {
    Paid(Box<Receipt>),
    Insufficient(Units),
    Other(Answer),
}

async fn spend(env: &JsValue, setup: &Setup, client_id: &ClientId, order: &Order) -> Result<Spent, Unreachable> {
    let account = AccountId::of(client_id);
    Ok(match ask(env, setup, &account, &Call::Spend(order.clone())).await? {
        Answer::Paid { seq, balance, .. } => Spent::Paid(Box::new(Receipt {
            client_id: client_id.clone(),
            account,
            currency: order.currency,
            seq,
            op: order.op.clone(),
            balance,
            charge: None,
        })),
        Answer::Insufficient { balance } => Spent::Insufficient(balance),
        other => Spent::Other(other),
    })
}

/// Asks Stripe whose payment method this is, then the account, which may charge it.
async fn top_up(
    env: &JsValue,
    setup: &Setup,
    paid: &PaidRequest<'_>,
    method: &PaymentMethodId,
    order: &Order,
    sent: Option<(&ClientId, Units)>,
) -> Result<Receipt, HttpAnswer> {
    let request = request::retrieve_payment_method(method);
    let reply = stripe_http::send(&setup.settings, &request, stripe::API_VERSION).await;
    let found = match reply.object::<PaymentMethod>(true) {
        Ok(found) => found,
        Err(failure) => {
            let id = reply.request_id().unwrap_or("-");
            console_error(&format!("stripe402: a payment method could not be read: {failure} ({id})"));
            return Err(match failure {
                Failure::Refused(refusal) => refused(paid, sent, refusal.sentence()),
                Failure::Declined(decline) => refused(paid, sent, &decline.message),
                Failure::Unknown(_) => unavailable(paid, sent),
            });
        }
    };
    let (account, client_id, customer) = match payer(setup, &found) {
        Ok(payer) => payer,
        Err(sentence) => return Err(refused(paid, sent, sentence)),
    };
    let call = Call::Pay(Box::new(Pay {
        order: order.clone(),
        client_id: client_id.clone(),
        sent: method.clone(),
        method: found.id,
        customer,
        offer: Offer { min: paid.min_top_up, max: paid.max_top_up, asked: paid.payment.top_up },
        limits: Limits {
            declines_per_hour: Some(setup.settings.max_declines),
            per_day: Some(paid.max_per_day),
        },
    }));
    match ask(env, setup, &account, &call).await {
        Ok(Answer::Paid { seq, balance, charge, client_id: named }) => {
            let client_id = named.or(client_id).ok_or_else(|| unavailable(paid, sent))?;
            KNOWN.with_borrow_mut(|known| known.put(method.clone(), client_id.clone(), now()));
            Ok(Receipt {
                account,
                client_id,
                currency: order.currency,
                seq,
                op: order.op.clone(),
                balance,
                charge: charge.map(|id| id.as_str().to_owned()),
            })
        }
        Ok(answer) => Err(refuse(paid, sent, answer)),
        Err(Unreachable) => Err(unavailable(paid, sent)),
    }
}

type Payer = (AccountId, Option<ClientId>, Option<CustomerId>);

/// Whose account a payment method pays into: that of the Customer it is attached to, else that of its card.
fn payer(setup: &Setup, found: &PaymentMethod) -> Result<Payer, &'static str> {
    if found.livemode != (setup.settings.mode == Mode::Live) {
        return Err("This payment method belongs to Stripe's other mode (test or live).");
    }
    let secret = setup.settings.secrets.server_secret.expose_secret().as_bytes();
    let by_card = found.fingerprint.as_ref().map(|print| ClientId::derive(secret, print.as_str()));
    let Some(customer) = &found.customer else {
        let client_id = by_card.ok_or("Only cards can pay here, and this one has no fingerprint.")?;
        return Ok((AccountId::of(&client_id), Some(client_id), None));
    };
    let ours = customer.deployment.as_deref() == Some(setup.deployment.as_str());
    let account = customer.account.as_deref().filter(|_| ours).and_then(|id| AccountId::parse(id).ok());
    let account = account.ok_or("This payment method belongs to another customer.")?;
    let client_id = by_card.filter(|id| AccountId::of(id) == account);
    Ok((account, client_id, Some(customer.id.clone())))
}

/// The HTTP answer for what an account refused.
fn refuse(paid: &PaidRequest<'_>, sent: Option<(&ClientId, Units)>, answer: Answer) -> HttpAnswer {
    match answer {
        Answer::Refused(Refused { code, message, client_secret, frozen, .. }) => {
            HttpAnswer::failed(&paid.required, &Failed { code, message, client: sent, client_secret, frozen })
        }
        Answer::Limited { retry_after, message } => {
            HttpAnswer::limited(&failed(sent, message), retry_after)
        }
        Answer::Pending { retry_after } => {
            let message = "The outcome of the payment is not known yet. Send the same payment again: you will not \
                           be charged twice.";
            HttpAnswer::unavailable(&failed(sent, message.to_owned()), retry_after)
        }
        Answer::Paid { .. } | Answer::Insufficient { .. } | Answer::Reversed { .. } => unavailable(paid, sent),
    }
}

fn refused(paid: &PaidRequest<'_>, sent: Option<(&ClientId, Units)>, sentence: &str) -> HttpAnswer {
    HttpAnswer::failed(&paid.required, &failed(sent, sentence.to_owned()))
}

fn unavailable(_: &PaidRequest<'_>, sent: Option<(&ClientId, Units)>) -> HttpAnswer {
    let message = "The payment could not be processed right now. Send the same payment again: you will not be \
                   charged twice.";
    HttpAnswer::unavailable(&failed(sent, message.to_owned()), RETRY_AFTER)
}

fn failed(client: Option<(&ClientId, Units)>, message: String) -> Failed<'_> {
    Failed { code: ErrorCode::PaymentFailed, message, client, client_secret: None, frozen: false }
}
