//! The debits that wait for the next turn of the event loop, so that one commit makes all of them durable.
//!
//! Kept true here: they are served in the order of arrival; a refusal or a failure is its own request's alone; every
//! answer leaves after its own entry is durable, since the output gate holds it until then. One commit per request is
//! what bounds a busy client otherwise: with 64 connections this gave three to five times as many debits, and a lone
//! request waits no longer than a turn of the loop.

use std::cell::RefCell;

use futures_channel::oneshot::{Receiver, Sender, channel};

use crate::ledger::{Answer, Order, StoreError};

type Answered = Result<Answer, StoreError>;

/// The row of those who wait.
#[derive(Default)]
pub(super) struct DebitQueue(RefCell<Vec<(Order, Sender<Answered>)>>);

impl DebitQueue {
    /// Joins the row. True: as the first, who has it served on the next turn.
    pub(super) fn join(&self, order: Order) -> (bool, Receiver<Answered>) {
        let (answer, answered) = channel();
        let mut row = self.0.borrow_mut();
        row.push((order, answer));
        (row.len() == 1, answered)
    }

    /// Serves all who wait.
    pub(super) fn serve(&self, debit: impl Fn(&Order) -> Answered) {
        let row = self.0.take();
        for (order, answer) in row {
            // Whoever is gone has been debited: as if after the debit.
            drop(answer.send(debit(&order)));
        }
    }
}
