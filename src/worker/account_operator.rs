//! What an object does for the operator: acts, and the calls that give credits back to cards.
//!
//! Kept true here: a payback's record is written before its call is made; one task at a time makes them, and the alarm
//! takes over what it leaves.

use std::rc::Rc;

use super::account_object::Object;
use super::platform::now;
use super::setup::{Setup, setup};
use super::stripe_http;
use crate::ledger::account;
use crate::ledger::operator::{Act, Objection, View, What};
use crate::ledger::statement::Page;
use crate::ledger::topup::{Asked, Event};
use crate::ledger::{Answer, StoreError};

impl Object {
    /// An act of the operator's, and what it has set going. Answers with the client as it is then.
    pub(super) fn act(self: Rc<Self>, act: &Act) -> Result<Answer, StoreError> {
        let Ok(setup) = setup(&self.env) else { return Ok(account::pending()) };
        let may = self.may_be(act.what);
        if let Err(objection) = may.and_then(|()| self.ledger().act(act, &setup.terms(), now())) {
            return objected(Err(objection));
        }
        if act.what == What::Erase {
            self.arm();
            return Ok(Answer::Statement("{\"erased\":true}".to_owned()));
        }
        if act.what == What::Resume && !self.driving.get() {
            let here = &setup.side;
            let call = match self.advance(&Event::Woke { here })? {
                None => self.advance(&Event::CameBack { asked: Asked::Same, here })?,
                call => call,
            };
            if let Some(call) = call {
                self.clone().drive(setup.clone(), call);
            }
        }
        self.clone().pay_back(setup);
        self.clone().report(act.what == What::Report);
        self.arm();
        let page = Page { currency: None, before: None, limit: 1, client_id: None };
        objected(self.ledger().view(View::Client, &page))
    }

    /// Makes the calls of the paybacks that are due, one after the other, detached from whoever asked for them.
    pub(super) fn pay_back(self: Rc<Self>, setup: Rc<Setup>) {
        if self.paying_back.replace(true) {
            return;
        }
        let object = self.clone();
        self.state.go_on(async move {
            if let Err(error) = object.pay_all_back(&setup).await {
                object.tell(&format!("a payback could not be written: {error}"));
            }
            object.paying_back.set(false);
            object.arm();
        });
    }

    async fn pay_all_back(&self, setup: &Setup) -> Result<(), StoreError> {
        while let Some(call) = self.ledger().pay_back(&setup.side, now())? {
            self.arm();
            let reply = stripe_http::send(&setup.settings, &call.request, &call.version).await;
            if let Some(failure) = self.ledger().paid_back(&call, &reply, now())? {
                let id = reply.request_name();
                self.tell(&format!("a refund failed: {failure} ({id})"));
            }
        }
        Ok(())
    }
}

/// What an operator is told.
pub(super) fn objected(told: Result<String, Objection>) -> Result<Answer, StoreError> {
    match told {
        Ok(json) => Ok(Answer::Statement(json)),
        Err(Objection::Store(error)) => Err(error),
        Err(objection) => Ok(Answer::Objected { status: objection.status(), message: objection.to_string() }),
    }
}
