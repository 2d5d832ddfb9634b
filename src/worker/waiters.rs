//! The requests that wait for a top-up, in order of arrival. In memory: they die with the object, and the Worker then
//! answers "the same payment, again".

use std::cell::RefCell;
use std::collections::VecDeque;

use futures_channel::oneshot::{Receiver, Sender, channel};

use crate::ledger::account::Told;
use crate::ledger::{Op, Pay};

/// How many requests may wait on one account.
const MOST: usize = 64;

/// Who waits.
#[derive(Default)]
pub(super) struct Waiters {
    row: RefCell<VecDeque<Waiter>>,
}

struct Waiter {
    pay: Pay,
    told: Sender<Told>,
}

impl Waiters {
    /// Joins the row. None: it is full.
    pub(super) fn join(&self, pay: &Pay) -> Option<Receiver<Told>> {
        let mut row = self.row.borrow_mut();
        row.retain(|waiter| !waiter.told.is_canceled());
        if row.len() >= MOST {
            return None;
        }
        let (told, receiver) = channel();
        row.push_back(Waiter { pay: pay.clone(), told });
        Some(receiver)
    }

    /// Lets nobody wait under this name any more: the Worker gave the request up.
    pub(super) fn forget(&self, op: &Op) {
        self.row.borrow_mut().retain(|waiter| waiter.pay.order.op != *op);
    }

    /// Lets `tell` decide about all who still wait, in their order, and tells them. Those told to wait stay.
    pub(super) fn tell<T, E>(&self, tell: impl FnOnce(&[&Pay]) -> Result<(Vec<Told>, T), E>) -> Result<T, E> {
        let mut row = std::mem::take(&mut *self.row.borrow_mut());
        row.retain(|waiter| !waiter.told.is_canceled());
        let waiting: Vec<&Pay> = row.iter().map(|waiter| &waiter.pay).collect();
        let result = tell(&waiting);
        let (answers, value) = match result {
            Ok((answers, value)) => (answers, Ok(value)),
            Err(error) => (Vec::new(), Err(error)),
        };
        let mut answers = answers.into_iter();
        let mut stay = VecDeque::new();
        for waiter in row {
            match answers.next() {
                None | Some(Told::Wait) => stay.push_back(waiter),
                // Whoever hung up in this very turn has been debited: as if after the debit.
                Some(told) => drop(waiter.told.send(told)),
            }
        }
        *self.row.borrow_mut() = stay;
        value
    }
}
