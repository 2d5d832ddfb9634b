//! An object hands over to the reports' database, `REPORTS` (D1).
//!
//! Kept true here: without the binding nothing is written and nothing waits; with it, what a debit leaves to hand over sets
//! the alarm in the debit's own turn, once for all debits until then; one task at a time hands over, detached, and holds
//! nobody up. What does not arrive is handed over again.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::futures::JsFuture;
use js_sys::{Array, Promise, Reflect};
use stripe402_core::config::Binding;
use wasm_bindgen::prelude::*;

use super::account_object::Object;
use super::platform::{Database, console_error, describe, next_turn, now};
use super::setup::setup;
use super::watch::within;
use crate::ledger::operator::{Objection, What};
use crate::ledger::reports::{Handover, Step};
use crate::ledger::{Millis, StoreError};
use crate::reports::WRITE;

/// How long the database may take, in milliseconds; less than it takes until the next handover after a lost one.
const TIMEOUT: u32 = 30_000;
/// How many steps one task makes; the alarm goes on from there.
const MOST_STEPS: u32 = 1_000;
/// How long after the account itself could not be read it is read again.
const PATIENCE: i64 = 60_000;

/// What an object keeps in memory of its reports.
#[derive(Default)]
pub(super) struct Reports {
    /// Whether the alarm is set for what is to be handed over.
    awaited: Cell<bool>,
    under_way: Cell<bool>,
    put_off: Cell<Option<Millis>>,
}

impl Reports {
    /// The alarm is set for then, or for no handover.
    pub(super) fn awaits(&self, at: Option<Millis>) {
        self.awaited.set(at.is_some());
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.get()
    }
}

impl Object {
    /// How long after an entry it is handed over, in milliseconds; none: there is nobody to hand over to.
    fn report_every(&self) -> Option<i64> {
        let setup = setup(&self.env).ok()?;
        let bound = setup.settings.bindings.contains(&Binding::Reports);
        bound.then(|| i64::from(setup.settings.report_seconds).saturating_mul(1_000))
    }

    /// When there is something to hand over.
    pub(super) fn report_at(&self) -> Result<Option<Millis>, StoreError> {
        let Some(every) = self.report_every() else { return Ok(None) };
        let at = self.ledger().report_at(every, now())?;
        Ok(at.map(|at| self.reports.put_off.get().map_or(at, |until| at.max(until))))
    }

    /// There may be something to hand over: the alarm is set for it, unless it is already.
    pub(super) fn report_soon(&self) {
        if !self.reports.awaited.get() && self.report_every().is_some() {
            self.arm();
        }
    }

    /// Why something cannot be done to an account for the sake of its reports.
    pub(super) fn cannot_report(self: &Rc<Self>, what: What) -> Result<Option<Objection>, StoreError> {
        let bound = self.report_every().is_some();
        Ok(match what {
            What::Report if !bound => Some("REPORTS is not bound: there is nobody to hand over to."),
            What::Erase if self.report_at()?.is_some() => {
                self.clone().report(true);
                Some("Not all of it is in the reports yet: nothing was erased. Try again in a minute.")
            }
            _ => None,
        }
        .map(Objection::conflict))
    }

    /// Hands over what is due, or at once, detached from whoever asked for it.
    pub(super) fn report(self: Rc<Self>, at_once: bool) {
        let is_due = match self.report_at() {
            Ok(at) => at.is_some_and(|at| at_once || at <= now()),
            Err(error) => return self.put_off(&error),
        };
        if !is_due || self.reports.under_way.replace(true) {
            return;
        }
        // Its record is written in this turn, before the alarm is set anew.
        let first = self.ledger().report(now());
        let object = self.clone();
        self.state.go_on(async move {
            object.hand_over(first).await;
            object.reports.under_way.set(false);
            object.arm();
        });
    }

    async fn hand_over(&self, first: Result<Step, StoreError>) {
        let mut step = first;
        for _ in 0..MOST_STEPS {
            match step {
                Ok(Step::Nothing) => return,
                Ok(Step::Again) => drop(next().await),
                Ok(Step::HandOver(handover)) => {
                    if let Err(error) = write(&self.env, &handover).await {
                        let why = describe(&error);
                        return console_error(&format!(
                            "stripe402: a report could not be handed over: {why}"
                        ));
                    }
                    let confirmed = self.ledger().confirm(&handover);
                    match confirmed.and_then(|()| self.report_at()) {
                        Ok(Some(at)) if at <= now() => {}
                        Ok(_) => return,
                        Err(error) => return self.put_off(&error),
                    }
                }
                Err(error) => return self.put_off(&error),
            }
            step = self.ledger().report(now());
        }
    }

    fn put_off(&self, error: &StoreError) {
        self.reports.put_off.set(Some(now().plus(PATIENCE)));
        console_error(&format!("stripe402: a report could not be made: {error}"));
    }
}

/// The next turn of the event loop: payments go first.
fn next() -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, _| {
        next_turn(move || drop(resolve.call0(&JsValue::UNDEFINED)));
    }))
}

/// Writes a handover into the database, as one transaction.
async fn write(env: &JsValue, handover: &Handover) -> Result<(), JsValue> {
    let database: Database = Reflect::get(env, &Binding::Reports.name().into())?.unchecked_into();
    let json = JsValue::from_str(&handover.json);
    let statements = Array::new();
    for sql in WRITE {
        let statement = database.prepare(sql)?.bind(&json)?;
        statements.push(&statement.into());
    }
    let written = within(JsFuture::from(database.batch(&statements)?), TIMEOUT).await;
    written.unwrap_or_else(|| Err("no answer in time".into())).map(drop)
}
