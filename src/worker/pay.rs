//! A request that pays: which account, and what that account says.
//!
//! Kept true here: a client id is tried first and costs one call; Stripe is asked only for a payment method that this
//! isolate does not know, or that has to be charged; nobody is told whose account a card belongs to.

use std::cell::RefCell;
use std::rc::Rc;

use stripe402_core::protocol::{
    AccountId, ClientId, Currency, ErrorCode, PAYMENT_RESPONSE, PaymentMethodId, PaymentResponse, Units,
    encode,
};
use wasm_bindgen::JsValue;
use web_sys::Headers;

use super::account_client::{ask, ask_for};
use super::limits;
use super::payer::{NoPayer, payer};
use super::platform::{Context, console_error, new_op, now};
use super::setup::Setup;
use super::stripe_http;
use super::trace::Trace;
use super::watch::Watch;
use crate::gate::answer::Failed;
use crate::gate::{Answer as HttpAnswer, Memory, PaidRequest};
use crate::ledger::amount::Offer;
use crate::ledger::{Answer, Call, Limits, Op, Order, Pay, Refused};
use crate::stripe::{self, Failure, PaymentMethod, Refusal, request};

/// How many payment methods an isolate remembers, and for how long.
const REMEMBERED: usize = 2_000;
const REMEMBERED_FOR: i64 = 600_000;
/// After how many seconds to come again where something could not be reached.
const RETRY_AFTER: u32 = 2;

const NO_SUCH_METHOD: &str = "No such payment method.";

/// What an isolate remembers of a payment method.
#[derive(Clone)]
enum Known {
    /// Whose account it is attached to.
    Client(ClientId),
    /// Stripe does not know it.
    Nobody,
}

thread_local! {
    static KNOWN: RefCell<Memory<PaymentMethodId, Known>> = RefCell::new(Memory::new(REMEMBERED, REMEMBERED_FOR));
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
    /// The attempt of this request: another one, where the debit is an earlier one under the same idempotency key.
    pub(super) holder: Op,
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

/// One request that pays, and what it needs on its way.
pub(super) struct Till<'a> {
    /// The environment.
    pub(super) env: &'a JsValue,
    /// The configuration.
    pub(super) setup: &'a Rc<Setup>,
    /// The context, for what goes on after the answer.
    pub(super) ctx: &'a Context,
    /// How long its calls may take.
    pub(super) watch: &'a Watch,
    /// The request's headers.
    pub(super) headers: &'a Headers,
    /// What was asked for, and the payment.
    pub(super) paid: &'a PaidRequest<'a>,
    /// Where it has been.
    pub(super) trace: RefCell<Trace>,
}

enum Spent {
    Paid(Box<Receipt>),
    Insufficient(Units),
    Other(Answer),
}

impl Till<'_> {
    /// Pays for a request, or gives the answer that refuses it.
    pub(super) async fn pay(&self, method: &str) -> Result<Receipt, HttpAnswer> {
        let paid = self.paid;
        let Some(op) = new_op() else { return Err(unavailable(None)) };
        let resource = paid.resource(method);
        let mut order = Order {
            currency: paid.currency,
            price: paid.price,
            route: (paid.route.key != resource).then(|| paid.route.key.clone()),
            resource,
            op,
            retried: false,
            nth: 1,
            key: paid.key.clone(),
        };
        let mut sent = None;
        // In a refusal a page could read what its cookie hides from it.
        let told = |client_id, balance| (!paid.by_cookie).then_some((client_id, balance));
        if let Some(client_id) = &paid.payment.client_id {
            match self.spend(client_id, &mut order, None).await? {
                Spent::Paid(receipt) => return Ok(*receipt),
                Spent::Insufficient(balance) => sent = told(client_id, balance),
                Spent::Other(answer) => return Err(refuse(paid, told(client_id, Units::ZERO), answer)),
            }
        }
        let Some(method) = &paid.payment.payment_method else {
            let mut required = paid.required.clone();
            required.error = Some(ErrorCode::InsufficientCredits);
            return Err(HttpAnswer::challenge(&required));
        };
        match KNOWN.with_borrow(|known| known.get(method, now()).cloned()) {
            Some(Known::Nobody) => return Err(refused(paid, sent, NO_SUCH_METHOD)),
            Some(Known::Client(client_id))
                if paid.deposit.is_none() && sent.is_none_or(|(sent, _)| *sent != client_id) =>
            {
                match self.spend(&client_id, &mut order, sent).await? {
                    Spent::Paid(receipt) => return Ok(*receipt),
                    Spent::Insufficient(_) => {}
                    Spent::Other(answer) => return Err(refuse(paid, sent, answer)),
                }
            }
            Some(Known::Client(_)) | None => {}
        }
        self.top_up(method, &order, sent).await
    }

    async fn spend(
        &self,
        client_id: &ClientId,
        order: &mut Order,
        sent: Option<(&ClientId, Units)>,
    ) -> Result<Spent, HttpAnswer> {
        let account = AccountId::of(client_id);
        let mut call = Call::Spend(order.clone());
        let Ok((answer, _)) = ask_for(self.env, self.setup, self.watch, &account, &mut call).await else {
            self.undo(account, order);
            return Err(unavailable(sent));
        };
        // Where a copy may still be on its way, what this request asks next is a later one.
        if let Call::Spend(tried) = call
            && tried.retried
        {
            order.nth = tried.nth.saturating_add(1);
        }
        Ok(match answer {
            Answer::Paid { seq, balance, op, .. } => Spent::Paid(Box::new(Receipt {
                client_id: client_id.clone(),
                account,
                currency: order.currency,
                seq,
                op: op.unwrap_or_else(|| order.op.clone()),
                holder: order.op.clone(),
                balance,
                charge: None,
            })),
            // Whoever guesses client ids is held back like whoever guesses cards.
            Answer::Insufficient { unknown: true, .. } => {
                limits::count(self.env, self.setup, self.headers)
                    .await
                    .map_err(|after| too_many(sent, after))?;
                Spent::Insufficient(Units::ZERO)
            }
            Answer::Insufficient { balance, .. } => {
                self.trace.borrow_mut().account = Some(account);
                Spent::Insufficient(balance)
            }
            other => {
                self.trace.borrow_mut().account = Some(account);
                Spent::Other(other)
            }
        })
    }

    /// A debit that may have been made, and for which nothing will be served: give it back, if it was.
    fn undo(&self, account: AccountId, order: &Order) {
        self.trace.borrow_mut().account = Some(account.clone());
        let (env, setup, units) = (self.env.clone(), self.setup.clone(), order.price);
        let call = Call::Undo { currency: order.currency, op: order.op.clone() };
        self.ctx.go_on(async move {
            for _ in 0..3 {
                if ask(&env, &setup, &Watch::default(), &account, &call).await.is_ok() {
                    return;
                }
            }
            let Call::Undo { currency, op } = call else { return };
            let op = op.as_str();
            console_error(&format!(
                "stripe402: undo_lost account={account} currency={currency} units={units} op={op}"
            ));
        });
    }

    /// Asks Stripe whose payment method this is, then the account, which may charge it.
    async fn top_up(
        &self,
        method: &PaymentMethodId,
        order: &Order,
        sent: Option<(&ClientId, Units)>,
    ) -> Result<Receipt, HttpAnswer> {
        let (setup, paid) = (self.setup, self.paid);
        limits::count(self.env, setup, self.headers).await.map_err(|after| too_many(sent, after))?;
        limits::take_call(setup).map_err(|after| too_many(sent, after))?;
        let found = self.retrieve(method, sent).await?;
        let (account, client_id, customer) = match payer(self.env, setup, &found).await {
            Ok(payer) => payer,
            Err(NoPayer::Refused(sentence)) => return Err(refused(paid, sent, sentence)),
            Err(NoPayer::Unreachable) => return Err(unavailable(sent)),
        };
        let held = setup.settings.limits;
        self.trace.borrow_mut().account = Some(account.clone());
        let mut call = Call::Pay(Box::new(Pay {
            order: order.clone(),
            client_id: client_id.clone(),
            sent: method.clone(),
            method: found.id,
            customer,
            offer: Offer { min: paid.min_top_up, max: paid.max_top_up, asked: paid.payment.top_up },
            limits: Limits {
                declines_per_hour: held.then_some(setup.settings.max_declines),
                per_day: held.then_some(paid.max_per_day),
            },
            deposit: paid.deposit.clone(),
        }));
        let asked = ask_for(self.env, setup, self.watch, &account, &mut call).await;
        let Ok((answer, stripe_request)) = asked else {
            self.undo(account, order);
            return Err(unavailable(sent));
        };
        if stripe_request.is_some() {
            self.trace.borrow_mut().stripe_request = stripe_request;
        }
        let (seq, balance, charge, named, op) = match answer {
            Answer::Paid { seq, balance, charge, client_id, op } if paid.deposit.is_none() => {
                (seq, balance, charge, client_id, op)
            }
            // No debit has this number.
            Answer::Deposited { balance, charge, client_id } if paid.deposit.is_some() => {
                (0, balance, Some(charge), client_id, None)
            }
            answer => return Err(refuse(paid, sent, answer)),
        };
        let client_id = named.or(client_id).ok_or_else(|| unavailable(sent))?;
        KNOWN.with_borrow_mut(|known| known.put(method.clone(), Known::Client(client_id.clone()), now()));
        Ok(Receipt {
            client_id,
            account,
            currency: order.currency,
            seq,
            op: op.unwrap_or_else(|| order.op.clone()),
            holder: order.op.clone(),
            balance,
            charge: charge.map(|id| id.as_str().to_owned()),
        })
    }

    /// Reads a payment method at Stripe. One that Stripe does not know is remembered, so that it is asked for once.
    async fn retrieve(
        &self,
        method: &PaymentMethodId,
        sent: Option<(&ClientId, Units)>,
    ) -> Result<PaymentMethod, HttpAnswer> {
        let request = request::retrieve_payment_method(method);
        let reply = stripe_http::send(&self.setup.settings, &request, stripe::API_VERSION).await;
        self.trace.borrow_mut().stripe_request = reply.request_id().map(ToOwned::to_owned);
        let failure = match reply.object::<PaymentMethod>(true) {
            Ok(found) => return Ok(found),
            Err(failure) => failure,
        };
        let id = reply.request_name();
        console_error(&format!(
            "stripe402: payment method {} could not be read: {failure} ({id})",
            method.short()
        ));
        Err(match failure {
            Failure::Refused(refusal) => {
                if matches!(refusal, Refusal::Missing { .. }) {
                    KNOWN.with_borrow_mut(|known| known.put(method.clone(), Known::Nobody, now()));
                }
                refused(self.paid, sent, refusal.sentence())
            }
            Failure::Declined(decline) => refused(self.paid, sent, &decline.message),
            Failure::Unknown(_) => unavailable(sent),
        })
    }
}

/// The HTTP answer for what an account refused.
fn refuse(paid: &PaidRequest<'_>, sent: Option<(&ClientId, Units)>, answer: Answer) -> HttpAnswer {
    match answer {
        Answer::Refused(Refused { code, message, client_secret, frozen, balance }) => {
            // The balance as the account told it last, to the client that sent its own id.
            let client = sent.map(|(id, before)| (id, if frozen { balance } else { before }));
            HttpAnswer::failed(&paid.required, &Failed { code, message, client, client_secret, frozen })
        }
        Answer::Limited { retry_after, message } => HttpAnswer::limited(&failed(sent, message), retry_after),
        Answer::Pending { retry_after } => {
            let message = "The outcome of the payment is not known yet. Send the same payment again: you will not \
                           be charged twice.";
            HttpAnswer::unavailable(&failed(sent, message.to_owned()), retry_after)
        }
        Answer::Running { retry_after } => {
            let detail = "A request with this Idempotency-Key is running. Ask again later.";
            HttpAnswer::problem(409, "Still running", detail).with("retry-after", retry_after.to_string())
        }
        Answer::Delivered { balance, .. } => delivered_before(balance, sent.map(|(id, _)| id)),
        Answer::OtherTarget => {
            let detail = "This Idempotency-Key was used for another request. Use a new one.";
            HttpAnswer::problem(422, "Idempotency-Key reused", detail)
        }
        Answer::Paid { .. }
        | Answer::Deposited { .. }
        | Answer::Statement(_)
        | Answer::Objected { .. }
        | Answer::Insufficient { .. }
        | Answer::Reversed { .. }
        | Answer::Done
        | Answer::NotOurs => unavailable(sent),
    }
}

/// 409: the request of this key was answered. Its receipt goes to whoever sent its own client id.
pub(super) fn delivered_before(balance: Units, client_id: Option<&ClientId>) -> HttpAnswer {
    let detail = "The request with this Idempotency-Key was answered already. It was paid for once.";
    let answer = HttpAnswer::problem(409, "Already answered", detail);
    let Some(client_id) = client_id else { return answer };
    let receipt = PaymentResponse {
        success: true,
        charge_id: None,
        credits_remaining: balance,
        client_id: client_id.as_str().to_owned(),
        error: None,
        error_code: None,
        action: None,
    };
    match encode(&receipt) {
        Ok(header) => answer.with(PAYMENT_RESPONSE, header),
        Err(_) => answer,
    }
}

fn refused(paid: &PaidRequest<'_>, sent: Option<(&ClientId, Units)>, sentence: &str) -> HttpAnswer {
    HttpAnswer::failed(&paid.required, &failed(sent, sentence.to_owned()))
}

/// 503: something that is needed cannot be reached.
pub(super) fn unavailable(sent: Option<(&ClientId, Units)>) -> HttpAnswer {
    let message = "The payment could not be processed right now. Send the same payment again: you will not be \
                   charged twice.";
    HttpAnswer::unavailable(&failed(sent, message.to_owned()), RETRY_AFTER)
}

fn too_many(sent: Option<(&ClientId, Units)>, retry_after: u32) -> HttpAnswer {
    let message = "Too many payments were tried. Try again later; this request charged nothing.";
    HttpAnswer::limited(&failed(sent, message.to_owned()), retry_after)
}

fn failed(client: Option<(&ClientId, Units)>, message: String) -> Failed<'_> {
    Failed { code: ErrorCode::PaymentFailed, message, client, client_secret: None, frozen: false }
}
