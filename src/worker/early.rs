//! A request that is at the origin while its debit is under way (`speculative = true`).
//!
//! Kept true here: the origin's answer goes to nobody before the debit is durable; if it is refused, the request is
//! aborted and what came back is dropped. Only what may be asked twice is asked ahead: GET and HEAD (the configuration
//! sees to that), no upgrade, and nothing under an idempotency key, which may name an answer that went out already.

use std::cell::RefCell;

use stripe402_core::protocol::ClientId;
use web_sys::{Request, Response};

use super::http::get;
use super::origin::{self, Asked, Forward, NoAnswer};
use super::pay::Till;
use super::platform::now;
use super::setup::Setup;
use super::watch::Watch;
use crate::gate::{Ahead, PaidRequest};

thread_local! {
    static AHEAD: RefCell<Ahead> = RefCell::default();
}

/// A request that is ahead of its debit.
pub(super) struct Early {
    client: ClientId,
    asked: Asked,
}

impl Early {
    /// Asks the origin now, if this request may go ahead of its debit.
    pub(super) fn start(till: &Till<'_>, forward: Forward<'_>) -> Option<Self> {
        let paid = till.paid;
        let may = paid.route.speculative && paid.key.is_none() && get(till.headers, "upgrade").is_none();
        let client = paid.payment.client_id.as_ref().filter(|_| may)?;
        if !AHEAD.with_borrow_mut(|ahead| ahead.starts(client, now())) {
            return None;
        }
        // What cannot be asked now is asked after the debit, and that answer counts.
        let Ok(asked) = origin::begin(till.env, till.setup, forward) else {
            AHEAD.with_borrow_mut(|ahead| ahead.decided(client));
            return None;
        };
        Some(Self { client: client.clone(), asked })
    }

    /// The debit was made: the origin's answer may go out.
    pub(super) async fn paid(
        self,
        setup: &Setup,
        watch: &Watch,
        request: &Request,
    ) -> Result<Response, NoAnswer> {
        AHEAD.with_borrow_mut(|ahead| ahead.decided(&self.client));
        self.asked.answer(setup, watch, request).await
    }

    /// The debit was refused: nobody gets the answer.
    pub(super) fn refused(self) {
        AHEAD.with_borrow_mut(|ahead| {
            ahead.decided(&self.client);
            ahead.refused(&self.client);
        });
        self.asked.abort();
    }
}

/// Remembers who pays, where that lets later requests go ahead.
pub(super) fn has_paid(paid: &PaidRequest<'_>, client: &ClientId) {
    if paid.route.speculative {
        AHEAD.with_borrow_mut(|ahead| ahead.paid(client, now()));
    }
}
