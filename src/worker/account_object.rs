//! The Durable Object that owns one client's money.
//!
//! Kept true here: no balance decision straddles an await; the record of a top-up is written before its call is made
//! (the output gate holds the call until the record is durable); one task at a time drives the open top-up, and the
//! alarm takes over what it leaves. The class is exported by hand, with the platform's own types: the crate's macro
//! would convert every request and response.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Function, Promise};
use stripe402_core::protocol::AccountId;
use wasm_bindgen::prelude::*;

use super::account_operator::objected;
use super::debit_queue::DebitQueue;
use super::platform::{
    ObjectState, console_error, describe, name_of, new_top_up_id, next_turn, now, promise,
};
use super::reports::Reports;
use super::setup::{Setup, setup};
use super::sql::SqlStore;
use super::stripe_http;
use super::truth::{Truth, truth};
use super::waiters::Waiters;
use super::watch::within;
use crate::ledger::account::{self, Announcement, Applied, Paying, Spent, Terms, Told};
use crate::ledger::alarm::alarm_at;
use crate::ledger::topup::{Call as StripeCall, Event, IN_FLIGHT};
use crate::ledger::words::{answer_text, from_text, to_text};
use crate::ledger::{Account as Ledger, Answer, Call, Millis, Order, Pay, StoreError};

/// How often an announcement is read before Stripe is asked to send it again.
const MOST_READS: u32 = 5;

/// The Durable Object class `Account`.
#[wasm_bindgen]
pub struct Account {
    object: Rc<Object>,
}

/// One object: its state on the platform, and what it keeps in memory.
pub(super) struct Object {
    pub(super) state: ObjectState,
    pub(super) env: JsValue,
    store: SqlStore,
    waiters: Waiters,
    queue: DebitQueue,
    pub(super) driving: Cell<bool>,
    pub(super) paying_back: Cell<bool>,
    /// The id of the last request to Stripe for a top-up.
    asked: RefCell<Option<String>>,
    booked: Cell<u32>,
    armed: Cell<Option<Millis>>,
    pub(super) reports: Reports,
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
            queue: DebitQueue::default(),
            driving: Cell::new(false),
            paying_back: Cell::new(false),
            asked: RefCell::default(),
            booked: Cell::new(0),
            armed: Cell::new(None),
            reports: Reports::default(),
        };
        Account { object: Rc::new(object) }
    }

    /// A call of the Worker; its promise is made and handed in by `shim.js`.
    pub fn ask(&self, call: &str, resolve: Function, reject: Function) {
        let object = self.object.clone();
        match from_text(call) {
            Ok(Call::Spend(order)) => object.spend(order, resolve, reject),
            Ok(call) => {
                let answer = promise(async move {
                    let mut asked = None;
                    let answer = object.answer(call, &mut asked).await.map_err(|error| thrown(&error))?;
                    Ok(answer_text(&answer, asked.as_deref()).into())
                });
                drop(resolve.call1(&JsValue::UNDEFINED, &answer));
            }
            Err(error) => drop(reject.call1(&JsValue::UNDEFINED, &thrown(&error))),
        }
    }

    /// What is due.
    pub fn alarm(&self) -> Promise {
        let object = self.object.clone();
        promise(async move {
            object.alarm().await;
            Ok(JsValue::UNDEFINED)
        })
    }
}

impl Object {
    /// What went wrong, for the log.
    pub(super) fn tell(&self, what: &str) {
        let name = AccountId::parse(&name_of(&self.state));
        let account = name.as_ref().map_or("-", AccountId::short);
        console_error(&format!("stripe402: account {account}: {what}"));
    }

    pub(super) fn ledger(&self) -> Ledger<'_, SqlStore> {
        Ledger::new(&self.store)
    }

    /// `asked`: the id of the request to Stripe that came last for it.
    async fn answer(self: Rc<Self>, call: Call, asked: &mut Option<String>) -> Result<Answer, StoreError> {
        match call {
            // Debits come by the queue.
            Call::Spend(order) => Ok(self.ledger().spend(&order, now())?.into_answer()),
            Call::Reverse { currency, seq, op, holder } => {
                let balance =
                    self.ledger().reverse(currency, seq, &op, holder.as_ref().unwrap_or(&op), now())?;
                self.report_soon();
                Ok(Answer::Reversed { balance })
            }
            Call::Undo { currency, op } => {
                // What still queues or waits under this name would be debited for nobody.
                self.serve();
                self.waiters.forget(&op);
                let balance = self.ledger().undo(currency, &op, now())?;
                self.report_soon();
                Ok(Answer::Reversed { balance })
            }
            Call::Deliver { key, holder } => {
                let ours = self.ledger().deliver(&key, &holder, now())?;
                Ok(if ours { Answer::Done } else { Answer::NotOurs })
            }
            Call::Announce(announcement) => self.announce(&announcement).await,
            Call::Show(page) => {
                let statement = self.ledger().statement(&page)?;
                Ok(Answer::Statement(statement.to_json(page.client_id.as_ref())))
            }
            Call::IsKnown => {
                let known = self.ledger().is_known()?;
                Ok(if known { Answer::Done } else { Answer::NotOurs })
            }
            Call::Pay(pay) => self.pay(*pay, asked).await,
            Call::See(view, page) => objected(self.ledger().view(view, &page)),
            Call::Act(act) => self.act(&act),
        }
    }

    /// Debits together with whatever else has arrived by the next turn of the event loop: one commit for all of them.
    fn spend(self: Rc<Self>, order: Order, resolve: Function, reject: Function) {
        if self.queue.join(order, resolve, reject) {
            next_turn(move || self.serve());
        }
    }

    /// Debits all who wait for it.
    fn serve(&self) {
        let mut debited = false;
        self.queue.serve(|order| {
            let spent = self.ledger().spend(order, now()).map_err(|error| thrown(&error))?;
            debited |= matches!(spent, Spent::Paid(_));
            Ok(to_text(&spent.into_answer()).into())
        });
        if debited {
            self.report_soon();
        }
    }

    async fn pay(self: Rc<Self>, mut pay: Pay, asked: &mut Option<String>) -> Result<Answer, StoreError> {
        let Ok(setup) = setup(&self.env) else { return Ok(account::pending()) };
        let began = now();
        loop {
            let Some(fresh) = new_top_up_id() else { return Ok(account::pending()) };
            match self.ledger().pay(&pay, &fresh, &setup.terms(), now())? {
                Paying::Answered(answer) => {
                    self.report_soon();
                    return Ok(answer);
                }
                // The alarm takes over what its driver leaves, if there is one: that it is set is not left to chance.
                Paying::Join => self.arm(),
                Paying::Drive(call) => self.clone().drive(setup.clone(), call),
            }
            let left = i64::from(setup.settings.top_up_wait_ms).saturating_sub(now().since(began));
            let (Ok(left), Some(told)) = (u32::try_from(left), self.waiters.join(&pay)) else {
                return Ok(account::pending());
            };
            let told = within(told, left).await;
            asked.clone_from(&self.asked.borrow());
            match told {
                Some(Ok(Told::Answer(answer))) => return Ok(answer),
                Some(Ok(Told::AskAgain { attached })) => pay.customer = attached.or(pay.customer),
                Some(Ok(Told::Wait) | Err(_)) | None => return Ok(account::pending()),
            }
        }
    }

    /// Makes the call of the open top-up, and those that follow from it, detached from whoever asked for it.
    pub(super) fn drive(self: Rc<Self>, setup: Rc<Setup>, call: StripeCall) {
        self.driving.set(true);
        self.arm();
        let object = self.clone();
        self.state.go_on(async move { object.run(&setup, Some(call)).await });
    }

    async fn run(&self, setup: &Setup, mut call: Option<StripeCall>) {
        self.driving.set(true);
        while let Some(next) = call.take() {
            let reply = stripe_http::send(&setup.settings, &next.request, &next.version).await;
            self.asked.replace(reply.request_id().map(ToOwned::to_owned));
            let event = Event::Replied { verb: &next.verb, reply: &reply };
            match self.advance(&event) {
                Ok(next) => call = next,
                Err(error) => self.tell(&format!("a top-up could not be written: {error}")),
            }
        }
        self.driving.set(false);
        self.arm();
    }

    /// Reads the truth about what was announced, and books it. Two announcements may be read at once and come back in any
    /// order: what was read while another was booked is read again.
    async fn announce(&self, announcement: &Announcement) -> Result<Answer, StoreError> {
        let Ok(setup) = setup(&self.env) else { return Ok(account::pending()) };
        for _ in 0..MOST_READS {
            let booked = self.booked.get();
            let Some(truth) = truth(&setup, announcement).await else { return Ok(account::pending()) };
            if self.booked.get() != booked {
                continue;
            }
            self.booked.set(booked.wrapping_add(1));
            let intent = truth.intent();
            // If it is the open top-up's, those who wait for that are told at once.
            if let Some(call) = self.advance(&Event::Announced(intent))? {
                self.tell(&format!("an announcement asked for a call: {:?}", call.verb));
            }
            let (ledger, top_up) = (self.ledger(), announcement.top_up());
            let applied = match &truth {
                Truth::Intent(intent) => ledger.announce_intent(top_up, intent, now())?,
                Truth::Refunds(intent, refunds) => ledger.announce_refunds(top_up, intent, refunds, now())?,
                Truth::Dispute(intent, dispute, flags) => {
                    ledger.announce_dispute(top_up, intent, dispute, *flags, now())?
                }
            };
            self.arm();
            return Ok(match applied {
                Applied::Done => Answer::Done,
                Applied::NotOurs => Answer::NotOurs,
            });
        }
        Ok(account::pending())
    }

    pub(super) fn advance(&self, event: &Event<'_>) -> Result<Option<StripeCall>, StoreError> {
        let call = self.waiters.tell(|waiting| {
            let advanced = self.ledger().advance(event, waiting, now())?;
            Ok::<_, StoreError>(match advanced {
                None => (waiting.iter().map(|_| Told::AskAgain { attached: None }).collect(), None),
                Some(advanced) => {
                    if let Some(failure) = &advanced.failure {
                        let id = self.asked.borrow();
                        self.tell(&format!(
                            "a call to Stripe failed: {failure} ({})",
                            id.as_deref().unwrap_or("-")
                        ));
                    }
                    (advanced.answers, advanced.call)
                }
            })
        })?;
        self.arm();
        Ok(call)
    }

    /// How long debits are kept singly, in milliseconds. Where the configuration is wrong nothing is summed up.
    fn keep(&self) -> i64 {
        let days = setup(&self.env).map_or(36_500, |setup| setup.settings.compact_after_days);
        i64::from(days).saturating_mul(24 * 3_600_000)
    }

    /// Sets the alarm to what is due next. While a call is out its record says so, so that a crash is found.
    pub(super) fn arm(&self) {
        let storage = self.state.storage();
        let due = self.ledger().wake_at(self.keep(), now());
        let (due, report_at) = match due.and_then(|at| Ok((at, self.report_at()?))) {
            Ok((due, report_at)) => (due.into_iter().chain(report_at).min(), report_at),
            Err(error) => {
                self.tell(&format!("the alarm could not be read: {error}"));
                return;
            }
        };
        self.reports.awaits(report_at);
        let wake_at = alarm_at(due, self.armed.get(), now());
        if wake_at == self.armed.get() {
            return;
        }
        let set = match wake_at {
            Some(at) => storage.set_alarm(exact(at)),
            None => storage.delete_alarm(),
        };
        match set {
            Ok(_) => self.armed.set(wake_at),
            Err(error) => {
                self.reports.awaits(None);
                self.tell(&format!("the alarm could not be set: {}", describe(&error)));
            }
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
            Err(error) => {
                return self.tell(&format!("the account could not be read: {error}"));
            }
        }
        let Ok(setup) = setup(&self.env) else { return };
        if let Err(error) = self.ledger().compact(self.keep(), now()) {
            self.tell(&format!("old debits could not be summed up: {error}"));
        }
        self.clone().pay_back(setup.clone());
        self.clone().report(false);
        match self.advance(&Event::Woke { here: &setup.side }) {
            Ok(Some(call)) => self.run(&setup, Some(call)).await,
            Ok(None) => self.arm(),
            Err(error) => self.tell(&format!("a top-up could not be written: {error}")),
        }
    }

    /// Nothing was ever credited here, and nobody came back: leave nothing behind.
    fn empty(&self) {
        let storage = self.state.storage();
        let deleted = storage.delete_alarm().and_then(|_| storage.delete_all());
        match deleted {
            Ok(_) => {
                self.armed.set(None);
                self.reports.awaits(None);
                self.store.forget();
            }
            Err(error) => {
                self.tell(&format!("an account could not be emptied: {}", describe(&error)));
            }
        }
    }
}

/// An error of ours, as the caller's platform sees it.
pub(super) fn thrown(error: &impl ToString) -> JsValue {
    js_sys::Error::new(&error.to_string()).into()
}

impl Setup {
    pub(super) fn terms(&self) -> Terms<'_> {
        Terms {
            side: &self.side,
            deployment: &self.deployment,
            descriptor_suffix: self.settings.statement_descriptor_suffix.as_deref(),
        }
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970, far below 2^53"
)]
fn exact(at: Millis) -> f64 {
    at.0 as f64
}
