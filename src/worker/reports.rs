//! An object hands over to the reports' database, `REPORTS` (D1).
//!
//! Kept true here: without the binding nothing is written and nothing waits; with it, what a debit leaves to hand over sets
//! the alarm in the debit's own turn, once for all debits until then; one task at a time hands over, detached, and holds
//! nobody up. What does not arrive is handed over again.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Promise;
use js_sys::futures::JsFuture;
use wasm_bindgen::prelude::*;

use super::account_object::{Object, thrown};
use super::platform::{describe, now};
use super::setup::setup;
use crate::ledger::operator::{Objection, What};
use crate::ledger::{Millis, StoreError};

/// How long a handover may take at most, in milliseconds (reports.js).
const TIMEOUT: i64 = 30_000;

#[wasm_bindgen(module = "/src/worker/reports.js")]
extern "C" {
    /// Writes a handover into the database, as one transaction.
    fn write(env: &JsValue, json: &str) -> Promise;
}

/// What an object keeps in memory of its reports.
#[derive(Default)]
pub(super) struct Reports {
    /// Whether the alarm is set for what is to be handed over.
    awaited: Cell<bool>,
    under_way: Cell<bool>,
    /// Before then the alarm would find one under way, or what has just gone wrong.
    not_before: Cell<Millis>,
}

impl Reports {
    /// The alarm is set for then, or for no handover.
    pub(super) fn awaits(&self, at: Option<Millis>) {
        self.awaited.set(at.is_some());
    }
}

impl Object {
    /// How long after an entry it is handed over, in milliseconds; none: there is nobody to hand over to.
    fn report_every(&self) -> Option<i64> {
        let seconds = setup(&self.env).ok()?.settings.report_seconds?;
        Some(i64::from(seconds).saturating_mul(1_000))
    }

    /// When there is something to hand over.
    pub(super) fn report_at(&self) -> Result<Option<Millis>, StoreError> {
        let Some(every) = self.report_every() else { return Ok(None) };
        let at = self.ledger().report_at(every, now())?;
        Ok(at.map(|at| at.max(self.reports.not_before.get())))
    }

    /// There may be something to hand over: the alarm is set for it, unless it is already.
    pub(super) fn report_soon(&self) {
        if !self.reports.awaited.get() && self.report_every().is_some() {
            self.arm();
        }
    }

    /// Whether something may be done to an account as far as its reports go.
    pub(super) fn may_be(self: &Rc<Self>, what: What) -> Result<(), Objection> {
        Err(Objection::conflict(match what {
            What::Report if self.report_every().is_none() => "REPORTS is not bound.",
            What::Erase if self.report_at()?.is_some() => {
                self.clone().report(true);
                "The reports do not have all of it yet: try again in a minute."
            }
            _ => return Ok(()),
        }))
    }

    /// Hands over what is due, or at once what there is, detached from whoever asked for it. The alarm is set afterwards;
    /// it goes on with what is left, so that payments go in between.
    pub(super) fn report(self: Rc<Self>, at_once: bool) {
        let Some(every) = self.report_every() else { return };
        if self.reports.under_way.get() {
            return;
        }
        // Its record is written in this turn: whoever sets the alarm from here on sets it for the time after this.
        let handover = self.handover(every, at_once);
        if matches!(handover, Ok(None)) {
            return;
        }
        self.reports.under_way.set(true);
        self.reports.not_before.set(now().plus(TIMEOUT));
        let object = self.clone();
        self.state.go_on(async move {
            let done = object.hand_over(handover).await;
            let wait = if done.is_err() { every } else { 0 };
            object.reports.not_before.set(now().plus(wait));
            object.reports.under_way.set(false);
            object.arm();
            if let Err(error) = done {
                let why = describe(&error);
                object.tell(&format!("a report could not be handed over: {why}"));
            }
        });
    }

    /// What is to be handed over, if that is due, and not more to be summed up first.
    fn handover(&self, every: i64, at_once: bool) -> Result<Option<String>, StoreError> {
        match self.report_at()? {
            Some(at) if at_once || at <= now() => self.ledger().report(every, now()),
            _ => Ok(None),
        }
    }

    async fn hand_over(&self, handover: Result<Option<String>, StoreError>) -> Result<(), JsValue> {
        if let Some(json) = handover.map_err(|error| thrown(&error))? {
            JsFuture::from(write(&self.env, &json)).await?;
            self.ledger().confirm(&json).map_err(|error| thrown(&error))?;
        }
        Ok(())
    }
}
