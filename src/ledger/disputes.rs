//! The disputes of an account: what each took, and whether one holds the account frozen.
//!
//! Kept true here: a dispute's effect is −amount while its money is withdrawn and not reinstated, whatever order its
//! events came in; `won` alone moves nothing; an inquiry and a prevented dispute freeze nothing.

use stripe402_core::protocol::{Currency, Units};

use super::store::{Millis, Store, StoreError, at_most_one};

/// What is known of a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// Its id, `dp_…` or `du_…`.
    pub id: String,
    /// The PaymentIntent that it is about.
    pub payment_intent: String,
    /// The currency of its amount.
    pub currency: Currency,
    /// How much it is about.
    pub amount: Units,
    /// Its status, as Stripe says.
    pub status: String,
    /// Whether its money was withdrawn.
    pub withdrawn: bool,
    /// Whether its money was given back.
    pub reinstated: bool,
}

impl Dispute {
    /// What it does to the balance.
    pub fn effect(&self) -> Units {
        let taken = self.withdrawn && !self.reinstated;
        if taken { self.amount.checked_neg().unwrap_or(Units::ZERO) } else { Units::ZERO }
    }
}

// `lost` with a balance below zero needs no freeze of its own: nothing can be spent from it, and a top-up that covers
// the debt is allowed.
const DISPUTED: &str = "SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review') LIMIT 1";

/// Whether a dispute holds the account frozen.
pub(super) fn is_disputed<S: Store>(store: &S) -> Result<bool, StoreError> {
    Ok(!store.run(DISPUTED, &[])?.is_empty())
}

const LOST: &str = "SELECT 1 FROM dispute WHERE payment_intent = ?1
    AND (withdrawn AND NOT reinstated OR status IN ('needs_response', 'under_review', 'lost')) LIMIT 1";

/// Whether the money of a PaymentIntent is disputed or gone: Stripe refunds none of it.
pub(super) fn is_lost<S: Store>(store: &S, intent: &str) -> Result<bool, StoreError> {
    Ok(!store.run(LOST, &[intent.into()])?.is_empty())
}

const FROZEN: &str = "SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review')
    UNION ALL SELECT 1 FROM account WHERE one = 1 AND frozen IS NOT NULL LIMIT 1";

/// Whether a dispute or an operator holds the account frozen.
pub(super) fn is_frozen<S: Store>(store: &S) -> Result<bool, StoreError> {
    Ok(!store.run(FROZEN, &[])?.is_empty())
}

/// A dispute by its id.
pub(super) fn find<S: Store>(store: &S, id: &str) -> Result<Option<Dispute>, StoreError> {
    let rows = store.run(
        "SELECT payment_intent, currency, amount, status, withdrawn, reinstated FROM dispute WHERE id = ?1",
        &[id.into()],
    )?;
    let Some(row) = at_most_one(rows)? else { return Ok(None) };
    Ok(Some(Dispute {
        id: id.to_owned(),
        payment_intent: row.text(0)?.to_owned(),
        currency: Currency::parse(row.text(1)?).map_err(|_| StoreError::Shape("a currency"))?,
        amount: row.units(2)?,
        status: row.text(3)?.to_owned(),
        withdrawn: row.integer(4)? != 0,
        reinstated: row.integer(5)? != 0,
    }))
}

/// Writes a dispute, new or changed. When it was new is kept.
pub(super) fn save<S: Store>(store: &S, dispute: &Dispute, now: Millis) -> Result<(), StoreError> {
    store.run(
        "INSERT INTO dispute (id, payment_intent, currency, amount, status, withdrawn, reinstated, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (id) DO UPDATE SET currency = excluded.currency, amount = excluded.amount,
            status = excluded.status, withdrawn = excluded.withdrawn, reinstated = excluded.reinstated",
        &[
            dispute.id.as_str().into(),
            dispute.payment_intent.as_str().into(),
            dispute.currency.into(),
            dispute.amount.into(),
            dispute.status.as_str().into(),
            i64::from(dispute.withdrawn).into(),
            i64::from(dispute.reinstated).into(),
            now.into(),
        ],
    )?;
    Ok(())
}
