//! What Stripe announced, applied: money that came in late, was refunded, or is disputed.
//!
//! Kept true here: an event is a hint, what is applied is Stripe's truth, read in this object; it is compared with what
//! was booked, and the difference is one entry in the transaction that notes it. So duplicates and any order change
//! nothing. Only what this account's own top-ups charged is ever booked.

use stripe402_core::protocol::{Currency, MinorAmount, Units};

use super::Account;
use crate::ledger::disputes::{self, Dispute};
use crate::ledger::entries::{self, Kind};
use crate::ledger::store::{Millis, Store, StoreError};
use crate::ledger::topup::Event;
use crate::ledger::{paybacks, topups};
use crate::stripe::{self, DisputeId, PaymentIntentId, TopUpId};

/// What an event hinted at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// A PaymentIntent succeeded, or ended.
    Intent {
        /// The top-up that its metadata names.
        top_up: TopUpId,
        /// Which.
        intent: PaymentIntentId,
    },
    /// Something about the refunds of a PaymentIntent.
    Refunds {
        /// The top-up that its metadata names.
        top_up: TopUpId,
        /// Which.
        intent: PaymentIntentId,
    },
    /// Something about a dispute.
    Dispute {
        /// The top-up that its PaymentIntent's metadata names.
        top_up: TopUpId,
        /// The PaymentIntent.
        intent: PaymentIntentId,
        /// The dispute.
        dispute: DisputeId,
        /// What the event itself says happened to the money.
        flags: DisputeFlags,
    },
}

impl Announcement {
    /// The top-up that the PaymentIntent's metadata names.
    pub const fn top_up(&self) -> &TopUpId {
        match self {
            Self::Intent { top_up, .. } | Self::Refunds { top_up, .. } | Self::Dispute { top_up, .. } => {
                top_up
            }
        }
    }

    /// The PaymentIntent.
    pub const fn intent(&self) -> &PaymentIntentId {
        match self {
            Self::Intent { intent, .. } | Self::Refunds { intent, .. } | Self::Dispute { intent, .. } => {
                intent
            }
        }
    }
}

/// What the type of an event says of a dispute's money: that it went, or that it came back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DisputeFlags {
    /// `charge.dispute.funds_withdrawn`
    pub withdrawn: bool,
    /// `charge.dispute.funds_reinstated`
    pub reinstated: bool,
}

/// What applying it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The ledger is as Stripe says.
    Done,
    /// No top-up of this account is meant: nothing was written.
    NotOurs,
}

impl<S: Store> Account<'_, S> {
    /// Credits a PaymentIntent that succeeded, if a top-up of ours charged it and it is not credited yet. Debits nobody.
    pub fn announce_intent(
        &self,
        top_up: &TopUpId,
        intent: &stripe::PaymentIntent,
        now: Millis,
    ) -> Result<Applied, StoreError> {
        if self.store.is_blank()? {
            return Ok(Applied::NotOurs);
        }
        let Some(found) = topups::by_id(self.store, top_up)? else { return Ok(Applied::NotOurs) };
        if !found.owns(intent) {
            return Ok(Applied::NotOurs);
        }
        let before = found.clone();
        let transition = found.step(&Event::Announced(intent), now);
        if transition.top_up != before || mutant!(CreditWithoutIndex) {
            self.store.transaction(&mut || self.write(&transition, &[], now))?;
        }
        Ok(Applied::Done)
    }

    /// Books what was refunded in all, as a difference to what was booked before. `refunds`: all of the PaymentIntent's.
    /// What our own paybacks asked for is theirs to book.
    pub fn announce_refunds(
        &self,
        top_up: &TopUpId,
        intent: &stripe::PaymentIntent,
        refunds: &[stripe::Refund],
        now: Millis,
    ) -> Result<Applied, StoreError> {
        if self.announce_intent(top_up, intent, now)? == Applied::NotOurs {
            return Ok(Applied::NotOurs);
        }
        let currency = Currency::parse(&intent.currency).map_err(|_| StoreError::Shape("a currency"))?;
        self.store.transaction(&mut || {
            let paybacks = paybacks::of_intent(self.store, intent.id.as_str())?;
            let mut taken = 0_i64;
            for refund in refunds {
                let ours = paybacks.iter().find(|one| refund.ours.as_ref() == Some(&one.id));
                if let Some(payback) = ours {
                    let mut after = payback.clone();
                    after.is(refund);
                    if after != *payback {
                        paybacks::save(self.store, &mut after, now)?;
                    }
                }
                if refund.takes() && (ours.is_none() || mutant!(OwnRefundTwice)) {
                    taken = taken.saturating_add(refund.amount);
                }
            }
            let taken = minor_units(currency, taken)?;
            let booked = topups::refunded(self.store, top_up)?;
            let taken =
                if mutant!(RefundsAdded) { taken.checked_add(booked).unwrap_or(taken) } else { taken };
            let change = booked.checked_sub(taken).ok_or(StoreError::Shape("units"))?;
            if change != Units::ZERO {
                topups::set_refunded(self.store, top_up, taken)?;
                entries::adjust(self.store, Kind::Refund, currency, change, intent.id.as_str(), None, now)?;
            }
            Ok(Applied::Done)
        })
    }

    /// Books what a dispute took or gave back, as a difference to what was booked before.
    pub fn announce_dispute(
        &self,
        top_up: &TopUpId,
        intent: &stripe::PaymentIntent,
        truth: &stripe::Dispute,
        flags: DisputeFlags,
        now: Millis,
    ) -> Result<Applied, StoreError> {
        if self.announce_intent(top_up, intent, now)? == Applied::NotOurs {
            return Ok(Applied::NotOurs);
        }
        let currency = Currency::parse(&truth.currency).map_err(|_| StoreError::Shape("a currency"))?;
        let amount = minor_units(currency, truth.amount)?;
        self.store.transaction(&mut || {
            let before = disputes::find(self.store, &truth.id)?;
            let was = before.as_ref();
            let effect_before = if mutant!(GivenBackTwice) && flags.reinstated {
                amount.checked_neg().unwrap_or(Units::ZERO)
            } else {
                was.map_or(Units::ZERO, Dispute::effect)
            };
            let after = Dispute {
                id: truth.id.clone(),
                payment_intent: intent.id.as_str().to_owned(),
                currency,
                amount,
                status: truth.status.clone(),
                withdrawn: flags.withdrawn || was.is_some_and(|dispute| dispute.withdrawn),
                reinstated: flags.reinstated || was.is_some_and(|dispute| dispute.reinstated),
            };
            let change = after.effect().checked_sub(effect_before).ok_or(StoreError::Shape("units"))?;
            disputes::save(self.store, &after, now)?;
            if change != Units::ZERO {
                entries::adjust(self.store, Kind::Dispute, currency, change, &truth.id, None, now)?;
            }
            Ok(Applied::Done)
        })
    }
}

fn minor_units(currency: Currency, minor: i64) -> Result<Units, StoreError> {
    if minor == 0 {
        return Ok(Units::ZERO);
    }
    MinorAmount::new(minor).and_then(|minor| currency.units_of(minor)).ok_or(StoreError::Shape("units"))
}
