//! The debits that wait for the next turn of the event loop, so that one commit makes all of them durable.
//!
//! Kept true here: they are served in the order of arrival; a refusal or a failure is its own request's alone; every
//! answer leaves after its own entry is durable, since the output gate holds it until then. One commit per request is
//! what bounds a busy client otherwise: with 64 connections this gave three to five times as many debits, and a lone
//! request waits no longer than a turn of the loop. Promises are settled by hand: futures would cost a lone debit two
//! more microtasks.

use std::cell::RefCell;

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use web_sys::Response;

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
    pub(super) fn join(&self, order: Order) -> (bool, Promise) {
        let mut order = Some(order);
        let promise = Promise::new(&mut |resolve, reject| {
            if let Some(order) = order.take() {
                self.0.borrow_mut().push(Waiting { order, resolve, reject });
            }
        });
        (self.0.borrow().len() == 1, promise)
    }

    /// Serves all who wait.
    pub(super) fn serve(&self, mut debit: impl FnMut(&Order) -> Result<Response, JsValue>) {
        for Waiting { order, resolve, reject } in self.0.take() {
            // Whoever is gone has been debited: as if after the debit.
            drop(match debit(&order) {
                Ok(response) => resolve.call1(&JsValue::UNDEFINED, &response),
                Err(error) => reject.call1(&JsValue::UNDEFINED, &error),
            });
        }
    }
}
