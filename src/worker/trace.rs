//! Where a request has been, for its line in the log.

use stripe402_core::protocol::AccountId;

use crate::gate::record::Line;

/// Where it has been.
#[derive(Default)]
pub(super) struct Trace {
    /// The account.
    pub(super) account: Option<AccountId>,
    /// The id of its last request to Stripe.
    pub(super) stripe_request: Option<String>,
}

impl Trace {
    /// The line, with it.
    pub(super) fn line<'l>(&'l self, line: Line<'l>) -> Line<'l> {
        let account = self.account.as_ref().map(AccountId::short);
        Line { account, stripe_request: self.stripe_request.as_deref(), ..line }
    }
}
