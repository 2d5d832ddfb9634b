//! The debits that wait for the next turn of the event loop, so that one commit makes all of them durable.
//!
//! Kept true here: they are served in the order of arrival; a refusal or a failure is its own request's alone; every
//! answer leaves after its own entry is durable, since the output gate holds it until then. One commit per request is
//! what bounds a busy client otherwise: with 64 connections this gave three to five times as many debits, and a lone
//! request waits no longer than a turn of the loop. Promises are settled by hand: futures would cost a lone debit two
//! more microtasks.

use std::cell::RefCell;

use js_sys::Function;
use wasm_bindgen::JsValue;

use crate::ledger::Order;

/// The row of those who wait.
#[derive(Default)]
pub(super) struct DebitQueue(RefCell<Vec<Waiting>>);

struct Waiting {
    order: Order,
    resolve: Function,
    reject: Function,
}

impl DebitQueue {
    /// Joins the row. True: as the first, who has it served on the next turn.
    pub(super) fn join(&self, order: Order, resolve: Function, reject: Function) -> bool {
        let mut row = self.0.borrow_mut();
        row.push(Waiting { order, resolve, reject });
        row.len() == 1
    }

    /// Serves all who wait.
    pub(super) fn serve(&self, mut debit: impl FnMut(&Order) -> Result<JsValue, JsValue>) {
        for Waiting { order, resolve, reject } in self.0.take() {
            // Whoever is gone has been debited: as if after the debit.
            drop(match debit(&order) {
                Ok(answer) => resolve.call1(&JsValue::UNDEFINED, &answer),
                Err(error) => reject.call1(&JsValue::UNDEFINED, &error),
            });
        }
    }
}
