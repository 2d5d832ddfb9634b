//! Deliberate bugs in this ledger, each behind a switch: a test that stays green with one of them tests nothing.
//!
//! Kept true here: what is deployed holds none of them. Without the feature `mutants` this module is not compiled and
//! every hook is the constant `false`; with it, the crate refuses to be built for wasm.

use std::cell::Cell;

use super::account::Spent;
use super::entries::{Order, Posted};
use super::store::{Millis, Store, StoreError};

#[cfg(target_arch = "wasm32")]
compile_error!("the mutants are for tests on the host: nothing that is deployed may hold them");

/// A deliberate bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A credit is posted as often as its success is told: neither the index nor the record is asked.
    CreditWithoutIndex,
    /// A resend goes out under a key of its own.
    NewKeyOnResend,
    /// A resend's body is made anew, with the time in it.
    BodyRebuilt,
    /// Whoever joined a top-up that would be enough is debited after it without another look at the balance.
    DecisionAcrossAwait,
    /// A debit is given back as often as that is asked for.
    ReverseTwice,
    /// What Stripe says was refunded in all is added to what was booked before.
    RefundsAdded,
    /// A dispute's money is given back with every event that says so.
    GivenBackTwice,
    /// While a top-up is open no alarm is set.
    AlarmNotArmed,
    /// The alarm sends a write again, however long ago it was first sent.
    LatePost,
    /// A write whose outcome is not known counts as a declined card.
    UnknownIsDeclined,
    /// A PaymentIntent whose secret was handed out is left behind uncancelled.
    ActionNotCanceled,
    /// What was begun with one Stripe account is sent again to another.
    SentToAnotherStripe,
    /// A charge that one look-up does not find has never happened.
    OneMissIsEnough,
    /// A call that comes after its undoing is debited.
    UndoneIsForgotten,
    /// A copy of a call that comes after a later one is debited.
    LateCopyIsDebited,
    /// What was given back of the debits that became sums stays behind.
    ReversalsLeftBehind,
    /// A deposit that comes again under its name is charged again.
    DepositChargedAgain,
    /// Whoever waits for a deposit is debited like one who waits for a payment.
    DepositDebits,
    /// An operator's act that comes again is done again.
    ActTwice,
    /// An account that an operator froze goes on paying.
    FreezeForgotten,
    /// A refund whose outcome is not known counts as refused: its credits come back.
    PayBackForgotten,
    /// What an operator gave back is booked once more when Stripe announces it.
    OwnRefundTwice,
    /// A card that is not attached yet is charged for a request that was paid for under its key before.
    KeyedChargedAgain,
    /// Debits become sums before the reports have them.
    CompactedUnreported,
    /// When a handover has arrived, what came since it was made counts as handed over, too.
    ConfirmedUnsent,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::CreditWithoutIndex,
        Self::NewKeyOnResend,
        Self::BodyRebuilt,
        Self::DecisionAcrossAwait,
        Self::ReverseTwice,
        Self::RefundsAdded,
        Self::GivenBackTwice,
        Self::AlarmNotArmed,
        Self::LatePost,
        Self::UnknownIsDeclined,
        Self::ActionNotCanceled,
        Self::SentToAnotherStripe,
        Self::OneMissIsEnough,
        Self::UndoneIsForgotten,
        Self::LateCopyIsDebited,
        Self::ReversalsLeftBehind,
        Self::DepositChargedAgain,
        Self::DepositDebits,
        Self::ActTwice,
        Self::FreezeForgotten,
        Self::PayBackForgotten,
        Self::OwnRefundTwice,
        Self::KeyedChargedAgain,
        Self::CompactedUnreported,
        Self::ConfirmedUnsent,
    ];
}

thread_local! {
    static ACTIVE: Cell<Option<Mutant>> = const { Cell::new(None) };
}

/// Switches one on for this thread, or all off.
pub fn activate(mutant: Option<Mutant>) {
    ACTIVE.set(mutant);
}

/// The one that is on.
pub fn active() -> Option<Mutant> {
    ACTIVE.get()
}

const DEBIT_UNSEEN: &str = "
    INSERT INTO entry (currency, seq, at, kind, amount, balance, resource, op)
    SELECT ?1, last.seq + 1, ?2, 'debit', -?3, last.balance - ?3, ?4, ?5
    FROM (SELECT seq, balance FROM entry WHERE currency = ?1 ORDER BY seq DESC LIMIT 1) AS last
    RETURNING seq, balance";

/// [`Mutant::DecisionAcrossAwait`]: when the payer joined it was decided that the charge would pay for the order.
pub(super) fn decided_before<S: Store>(
    store: &S,
    spent: Spent,
    order: &Order,
    now: Millis,
) -> Result<Spent, StoreError> {
    let decided = mutant!(DecisionAcrossAwait) && order.key.is_none();
    if !decided || !matches!(spent, Spent::Insufficient(_)) {
        return Ok(spent);
    }
    let (currency, price) = (order.currency, order.price);
    let rows = store.run(
        DEBIT_UNSEEN,
        &[
            currency.into(),
            now.into(),
            price.into(),
            order.resource.as_str().into(),
            order.op.as_str().into(),
        ],
    )?;
    match rows.first() {
        Some(row) => Ok(Spent::Paid(Posted { seq: row.integer(0)?, balance: row.units(1)? })),
        None => Ok(spent),
    }
}
