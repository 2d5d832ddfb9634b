//! The Durable Object that owns one client's money.
//!
//! Kept true here: no balance decision straddles an await; the record of a top-up is written before its call is made
//! (the output gate holds the call until the record is durable); one task at a time drives the open top-up, and the
//! alarm takes over what it leaves. The class is exported by hand, with the platform's own types: the crate's macro
//! would convert every request and response.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Promise;
use js_sys::futures::future_to_promise;
use wasm_bindgen::prelude::*;
use web_sys::{Headers, Request, Response, ResponseInit};

use super::http::get;
use super::platform::{ObjectState, console_error, describe, new_top_up_id, now, within};
use super::setup::{Setup, setup};
use super::sql::SqlStore;
use super::stripe_http;
use super::waiters::Waiters;
use crate::ledger::account::{self, Paying, Spent, Terms, Told};
use crate::ledger::call::{from_header, to_header};
use crate::ledger::topup::{Call as StripeCall, Event, IN_FLIGHT};
use crate::ledger::{Account as Ledger, Answer, Call, Millis, Pay, StoreError};

/// The header that carries a call to an object.
pub(super) const CALL: &str = "stripe402-call";
/// The header that carries its answer.
pub(super) const ANSWER: &str = "stripe402-answer";

/// The Durable Object class `Account`.
#[wasm_bindgen]
pub struct Account {
    object: Rc<Object>,
}

struct Object {
    state: ObjectState,
    env: JsValue,
    store: SqlStore,
    waiters: Waiters,
    driving: Cell<bool>,
    armed: Cell<Option<Millis>>,
}

#[wasm_bindgen]
impl Account {
    /// Called by the platform, with the object's state and the environment.
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: JsValue) -> Account {
        let state: ObjectState = state.unchecked_into();
        let store = SqlStore::new(state.storage());
        let object = Object {
            state,
            env,
            store,
            waiters: Waiters::default(),
            driving: Cell::new(false),
            armed: Cell::new(None),
        };
        Account { object: Rc::new(object) }
    }

    /// A call of the Worker.
    pub fn fetch(&self, request: Request) -> Promise {
        let object = self.object.clone();
        future_to_promise(async move { object.fetch(&request).await.map(JsValue::from) })
    }

    /// What is due.
    pub fn alarm(&self) -> Promise {
        let object = self.object.clone();
        future_to_promise(async move {
            object.alarm().await;
            Ok(JsValue::UNDEFINED)
        })
    }
}

impl Object {
    fn ledger(&self) -> Ledger<'_, SqlStore> {
        Ledger::new(&self.store)
    }

    async fn fetch(self: Rc<Self>, request: &Request) -> Result<Response, JsValue> {
        let header = get(&request.headers(), CALL).unwrap_or_default();
        let call: Call = from_header(&header).map_err(|error| js_sys::Error::new(&error.to_string()))?;
        let answer = self.answer(call).await.map_err(|error| js_sys::Error::new(&error.to_string()))?;
        let headers = Headers::new()?;
        headers.set(ANSWER, &to_header(&answer).map_err(|error| js_sys::Error::new(&error.to_string()))?)?;
        let init = ResponseInit::new();
        init.set_headers(&headers);
        Response::new_with_opt_str_and_init(None, &init)
    }

    async fn answer(self: Rc<Self>, call: Call) -> Result<Answer, StoreError> {
        match call {
            Call::Spend(order) => Ok(match self.ledger().spend(&order, now())? {
                Spent::Paid(posted) => {
                    Answer::Paid { seq: posted.seq, balance: posted.balance, charge: None, client_id: None }
                }
                Spent::Insufficient(balance) => Answer::Insufficient { balance },
            }),
            Call::Reverse { currency, seq, op } => {
                let balance = self.ledger().reverse(currency, seq, &op, now())?;
                Ok(Answer::Reversed { balance })
            }
            Call::Pay(pay) => self.pay(*pay).await,
        }
    }

    async fn pay(self: Rc<Self>, mut pay: Pay) -> Result<Answer, StoreError> {
        let Ok(setup) = setup(&self.env) else { return Ok(account::pending()) };
        let began = now();
        loop {
            let Some(fresh) = new_top_up_id() else { return Ok(account::pending()) };
            match self.ledger().pay(&pay, &fresh, &setup.terms(), now())? {
                Paying::Answered(answer) => return Ok(answer),
                Paying::Join => {}
                Paying::Drive(call) => self.clone().drive(setup.clone(), call),
            }
            let left = i64::from(setup.settings.top_up_wait_ms).saturating_sub(now().since(began));
            let (Ok(left), Some(told)) = (u32::try_from(left), self.waiters.join(&pay)) else {
                return Ok(account::pending());
            };
            match within(told, left).await {
                Some(Ok(Told::Answer(answer))) => return Ok(answer),
                Some(Ok(Told::AskAgain { attached })) => pay.customer = attached.or(pay.customer),
                Some(Ok(Told::Wait) | Err(_)) | None => return Ok(account::pending()),
            }
        }
    }

    /// Makes the call of the open top-up, and those that follow from it, detached from whoever asked for it.
    fn drive(self: Rc<Self>, setup: Rc<Setup>, call: StripeCall) {
        self.driving.set(true);
        self.arm();
        let object = self.clone();
        let promise = future_to_promise(async move {
            object.run(&setup, Some(call)).await;
            Ok(JsValue::UNDEFINED)
        });
        if let Err(error) = self.state.wait_until(&promise) {
            console_error(&format!("stripe402: waitUntil failed: {}", describe(&error)));
        }
    }

    async fn run(&self, setup: &Setup, mut call: Option<StripeCall>) {
        self.driving.set(true);
        while let Some(next) = call.take() {
            let reply = stripe_http::send(&setup.settings, &next.request, &setup.side.version).await;
            let event = Event::Replied { verb: &next.verb, reply: &reply };
            match self.advance(&event) {
                Ok(next) => call = next,
                Err(error) => console_error(&format!("stripe402: a top-up could not be written: {error}")),
            }
        }
        self.driving.set(false);
        self.arm();
    }

    fn advance(&self, event: &Event<'_>) -> Result<Option<StripeCall>, StoreError> {
        let call = self.waiters.tell(|waiting| {
            let advanced = self.ledger().advance(event, waiting, now())?;
            Ok::<_, StoreError>(match advanced {
                None => (waiting.iter().map(|_| Told::AskAgain { attached: None }).collect(), None),
                Some(advanced) => {
                    if let Some(failure) = &advanced.failure {
                        console_error(&format!("stripe402: a call to Stripe failed: {failure}"));
                    }
                    (advanced.answers, advanced.call)
                }
            })
        })?;
        self.arm();
        Ok(call)
    }

    /// Sets the alarm to what is due next. While a call is out its record says so, so that a crash is found.
    fn arm(&self) {
        let storage = self.state.storage();
        let wake_at = match self.ledger().wake_at() {
            Ok(wake_at) => wake_at,
            Err(error) => {
                console_error(&format!("stripe402: the alarm could not be read: {error}"));
                return;
            }
        };
        if wake_at == self.armed.get() {
            return;
        }
        let set = match wake_at {
            Some(at) => storage.set_alarm(exact(at)),
            None => storage.delete_alarm(),
        };
        match set {
            Ok(_) => self.armed.set(wake_at),
            Err(error) => console_error(&format!("stripe402: the alarm could not be set: {}", describe(&error))),
        }
    }

    async fn alarm(self: Rc<Self>) {
        // It has fired, so none is set any more; the next one is, before anything else can fail.
        self.armed.set(None);
        let soon = now().plus(IN_FLIGHT);
        if self.state.storage().set_alarm(exact(soon)).is_ok() {
            self.armed.set(Some(soon));
        }
        if self.driving.get() {
            return;
        }
        match self.ledger().is_over(now()) {
            Ok(true) => return self.empty(),
            Ok(false) => {}
            Err(error) => return console_error(&format!("stripe402: the account could not be read: {error}")),
        }
        let Ok(setup) = setup(&self.env) else { return };
        match self.advance(&Event::Woke { here: &setup.side }) {
            Ok(Some(call)) => self.run(&setup, Some(call)).await,
            Ok(None) => self.arm(),
            Err(error) => console_error(&format!("stripe402: a top-up could not be written: {error}")),
        }
    }

    /// Nothing was ever credited here, and nobody came back: leave nothing behind.
    fn empty(&self) {
        let storage = self.state.storage();
        let deleted = storage.delete_alarm().and_then(|_| storage.delete_all());
        match deleted {
            Ok(_) => {
                self.armed.set(None);
                self.store.forget();
            }
            Err(error) => console_error(&format!("stripe402: an account could not be emptied: {}", describe(&error))),
        }
    }
}

impl Setup {
    fn terms(&self) -> Terms<'_> {
        Terms {
            side: &self.side,
            deployment: &self.deployment,
            descriptor_suffix: self.settings.statement_descriptor_suffix.as_deref(),
        }
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "milliseconds since 1970, far below 2^53")]
fn exact(at: Millis) -> f64 {
    at.0 as f64
}
