//! What a step of the open top-up does to the account, and what those are told who wait for it.
//!
//! Kept true here: the record, the credit and the debits of those who wait are one transaction; a decline is told to
//! those only who joined with that card.

use stripe402_core::protocol::ErrorCode;

use super::{Account, Spent, answer_of, pending};
use crate::ledger::call::{Answer, Pay, Refused};
use crate::ledger::entries::{self, Kind};
#[cfg(any(test, feature = "mutants"))]
use crate::ledger::mutants;
use crate::ledger::store::{Millis, Store, StoreError};
use crate::ledger::topup::{Call, Event, Outcome, State, Transition};
use crate::ledger::topups;
use crate::stripe::{CustomerId, Failure, PaymentIntentId};

/// What a step of the open top-up did.
#[derive(Debug)]
pub struct Advanced {
    /// The call to make next.
    pub call: Option<Call>,
    /// How those who wait are answered, in their order; none: they wait on.
    pub answers: Vec<Told>,
    /// How the top-up ended, if it did.
    pub outcome: Option<Outcome>,
    /// Why the last call failed, for the log.
    pub failure: Option<Failure>,
}

/// What one who waits is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// To wait on.
    Wait,
    /// To ask again: the top-up is over and did not answer them.
    AskAgain {
        /// The Customer that their card is attached to by now.
        attached: Option<CustomerId>,
    },
    /// This.
    Answer(Answer),
}

impl<S: Store> Account<'_, S> {
    /// Lets the open top-up go one step, writes what that gives, credits, and debits those who wait, in their order,
    /// all in one transaction.
    pub fn advance(
        &self,
        event: &Event<'_>,
        waiting: &[&Pay],
        now: Millis,
    ) -> Result<Option<Advanced>, StoreError> {
        if self.store.is_blank()? {
            return Ok(None);
        }
        let Some(open) = topups::open(self.store)? else { return Ok(None) };
        let before = open.clone();
        let transition = open.step(event, now);
        if transition.top_up == before && transition.call.is_none() {
            return Ok(Some(Advanced {
                call: None,
                answers: waiting.iter().map(|_| Told::Wait).collect(),
                outcome: None,
                failure: transition.failure,
            }));
        }
        let answers = self.store.transaction(&mut || self.write(&transition, waiting, now))?;
        Ok(Some(Advanced {
            answers,
            outcome: transition.top_up.outcome().cloned(),
            call: transition.call,
            failure: transition.failure,
        }))
    }

    /// Writes what a step gives: the record, the account's Customer, the credit, the debits of those who wait.
    pub(super) fn write(
        &self,
        transition: &Transition,
        waiting: &[&Pay],
        now: Millis,
    ) -> Result<Vec<Told>, StoreError> {
        let top_up = &transition.top_up;
        topups::save(self.store, top_up, now)?;
        if let Some(customer) = &transition.customer {
            let sql = "UPDATE account SET customer = ?1 WHERE one = 1";
            self.store.run(sql, &[customer.as_str().into()])?;
        }
        if let Some(customers) = transition.customers {
            let sql = "UPDATE account SET customers = ?1 WHERE one = 1";
            self.store.run(sql, &[i64::from(customers).into()])?;
        }
        if let Some(credit) = &transition.credit {
            let units = credit.currency.units_of(credit.amount).ok_or(StoreError::Shape("units"))?;
            let source = credit.intent.as_str();
            entries::post_source(self.store, Kind::TopUp, credit.currency, units, source, now)?;
        }
        // Whose card was charged is told so once: the first in the row who is paid from this credit.
        // A deposit's card was charged for the deposit.
        let mut charge = transition.credit.as_ref().map(|credit| credit.intent.clone());
        charge = charge.filter(|_| top_up.wanted.deposit.is_none());
        let mut told = Vec::with_capacity(waiting.len());
        for pay in waiting {
            let one = self.tell(transition, pay, &mut charge, now)?;
            told.push(one);
        }
        Ok(told)
    }

    /// What one who waits is told after a step.
    fn tell(
        &self,
        transition: &Transition,
        pay: &Pay,
        charge: &mut Option<PaymentIntentId>,
        now: Millis,
    ) -> Result<Told, StoreError> {
        let top_up = &transition.top_up;
        let theirs = top_up.names(&pay.sent) || top_up.names(&pay.method);
        let balance = || entries::balance(self.store, pay.order.currency);
        let refused = |message: &str, code| -> Result<Told, StoreError> {
            Ok(Told::Answer(Answer::Refused(Refused::new(code, message.to_owned(), balance()?))))
        };
        // Whose card has been attached meanwhile need not attach it again.
        let attached = top_up.wanted.attached && top_up.wanted.method == pay.method;
        let attached = top_up.wanted.customer.clone().filter(|_| attached);
        let ask_again = Told::AskAgain { attached };
        let own = top_up.is_deposit_of(pay);
        match &top_up.state {
            State::Settled(Outcome::Credited { .. } | Outcome::Attached) => {
                if pay.deposit.is_some() && !mutant!(DepositDebits) {
                    let answer = if own { self.deposited(top_up, pay)? } else { None };
                    return Ok(answer.map_or(ask_again, Told::Answer));
                }
                if !theirs && pay.customer.is_none() {
                    return Ok(ask_again);
                }
                let spent = self.spend(&pay.order, now)?;
                #[cfg(any(test, feature = "mutants"))]
                let spent = mutants::decided_before(self.store, spent, &pay.order, now)?;
                let paid = matches!(spent, Spent::Paid(_));
                let named = charge.clone().filter(|_| theirs);
                if let Some(answer) = answer_of(spent, named, self.client(pay)?) {
                    if paid && theirs {
                        *charge = None;
                    }
                    return Ok(Told::Answer(answer));
                }
                Ok(ask_again)
            }
            State::Settled(Outcome::Declined { message, .. }) if theirs => {
                refused(message, ErrorCode::CardDeclined)
            }
            State::Settled(Outcome::Refused { message }) if theirs => {
                refused(message, ErrorCode::PaymentFailed)
            }
            State::Settled(Outcome::NeverHappened) if theirs => Ok(Told::Answer(pending())),
            // What a deposit's payer finishes at the bank is that deposit, and no other's.
            State::Action { asked: None, .. } if theirs && (pay.deposit.is_none() || own) => {
                match &transition.client_secret {
                    Some(secret) => {
                        let mut refused = Refused::new(
                            ErrorCode::PaymentFailed,
                            "Payment did not succeed. Status: requires_action".to_owned(),
                            balance()?,
                        );
                        refused.client_secret = Some(secret.clone());
                        Ok(Told::Answer(Answer::Refused(refused)))
                    }
                    None => Ok(Told::Answer(pending())),
                }
            }
            State::Settled(_) | State::Action { asked: None, .. } => Ok(ask_again),
            State::LookUp { .. } | State::Follow { .. } => Ok(Told::Answer(pending())),
            State::Sending(_) | State::Cancel { .. } | State::Action { .. } => Ok(Told::Wait),
        }
    }
}
