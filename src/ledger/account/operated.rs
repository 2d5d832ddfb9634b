//! What an operator does to an account.
//!
//! Kept true here: an act, who did it and why, and all that it changes are one transaction; the same act again changes
//! nothing; credits are taken before their refund is asked for, so nobody spends what goes back to a card.

use stripe402_core::protocol::digest::{hex, sha256};
use stripe402_core::protocol::{AccountId, Units};

use super::{Account, Terms, UNCONFIRMED_SPAN, UNSURE_SPAN};
use crate::ledger::entries;
use crate::ledger::operator::{Act, Objection, What};
use crate::ledger::payback::{self, Call, Outcome as PaidBack, PayBack, State};
use crate::ledger::store::{Millis, Store, StoreError};
use crate::ledger::topup::{self, Outcome, TopUp};
use crate::ledger::{disputes, paybacks, schema, statement, topups};
use crate::stripe::{Failure, Reply};

/// One act refunds at most so many charges: each is a call to Stripe.
const MOST_REFUNDS: u32 = 20;
/// So many puttings-off may stand before a call that is due.
const MOST_FOREIGN: u32 = 1_000;

impl<S: Store> Account<'_, S> {
    /// Does an act, once. What it sends to Stripe is due afterwards: [`Self::pay_back`], or the alarm's.
    pub fn act(&self, act: &Act, terms: &Terms<'_>, now: Millis) -> Result<(), Objection> {
        if self.store.is_blank()? {
            return Err(Objection::Unknown);
        }
        self.store.transaction(&mut || {
            if let Some(same) = self.was_done(act)? {
                return if same { Ok(()) } else { Err(Objection::OtherAct) };
            }
            let Some(head) = self.head()? else { return Err(Objection::Unknown) };
            match act.what {
                What::Adjust => self.adjust(act, now)?,
                What::Freeze => self.set_frozen(Some(&act.name))?,
                What::Unfreeze => self.set_frozen(None)?,
                What::Refund => self.refund(act, &AccountId::of(&head.client_id), terms, now)?,
                What::Resume => self.resume(now)?,
                What::Settle => self.settle(terms, now)?,
                What::Erase => self.erase(now)?,
                What::Report => self.report_anew()?,
            }
            self.note(act, now)
        })
    }

    /// Whether an act of this name was done, and was this one.
    fn was_done(&self, act: &Act) -> Result<Option<bool>, StoreError> {
        if mutant!(ActTwice) {
            return Ok(None);
        }
        let sql = "SELECT 1 FROM act WHERE id = ?1 AND what = ?2 AND by_whom = ?3 AND reason = ?4
            AND currency IS ?5 AND amount IS ?6";
        let params = [
            act.name.as_str().into(),
            act.what.as_str().into(),
            act.by.as_str().into(),
            act.reason.as_str().into(),
            act.currency.into(),
            act.amount.into(),
        ];
        if !self.store.run(sql, &params)?.is_empty() {
            return Ok(Some(true));
        }
        let known = self.store.run("SELECT 1 FROM act WHERE id = ?1", &[act.name.as_str().into()])?;
        Ok((!known.is_empty()).then_some(false))
    }

    fn note(&self, act: &Act, now: Millis) -> Result<(), Objection> {
        let sql = "INSERT INTO act (id, at, what, by_whom, reason, currency, amount)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
        let params = [
            act.name.as_str().into(),
            now.into(),
            act.what.as_str().into(),
            act.by.as_str().into(),
            act.reason.as_str().into(),
            act.currency.into(),
            act.amount.into(),
        ];
        self.store.run(sql, &params)?;
        Ok(())
    }

    fn adjust(&self, act: &Act, now: Millis) -> Result<(), Objection> {
        let (Some(currency), Some(amount)) = (act.currency, act.amount.filter(|amount| !amount.is_zero()))
        else {
            return Err(Objection::conflict(
                "An adjustment names a currency, and an amount that is not zero.",
            ));
        };
        let after = entries::balance(self.store, currency)?.checked_add(amount);
        if after.is_none() {
            return Err(Objection::conflict("The balance would be larger than can be told."));
        }
        entries::post_act(self.store, currency, amount, &act.name, now)?;
        Ok(())
    }

    fn set_frozen(&self, by: Option<&str>) -> Result<(), StoreError> {
        self.store.run("UPDATE account SET frozen = ?1 WHERE one = 1", &[by.into()]).map(drop)
    }

    fn refund(
        &self,
        act: &Act,
        account: &AccountId,
        terms: &Terms<'_>,
        now: Millis,
    ) -> Result<(), Objection> {
        let Some(currency) = act.currency else {
            return Err(Objection::conflict("A refund names its currency."));
        };
        if disputes::is_disputed(self.store)? {
            return Err(Objection::conflict("A payment of this client is disputed: its bank decides first."));
        }
        let balance = entries::balance(self.store, currency)?;
        let wanted = act.amount.unwrap_or(balance);
        if !wanted.is_positive() || wanted > balance {
            let text = currency.format(balance);
            return Err(Objection::conflict(format!("The unused balance is {text}.")));
        }
        let mut left = wanted;
        let mut made = 0;
        for top_up in topups::credited(self.store, currency)? {
            if made >= MOST_REFUNDS || !left.is_positive() {
                break;
            }
            if let Some(mut payback) = self.payback_of(&top_up, act, left, account, terms, now)? {
                left = left.checked_sub(payback.units).ok_or(StoreError::Shape("units"))?;
                paybacks::save(self.store, &mut payback, now)?;
                made = made.saturating_add(1);
            }
        }
        // Less than what a card can be told stays; so does, where no amount was named, what no card has paid.
        if made > 0 && (act.amount.is_none() || currency.charge_within(left).is_none()) {
            return Ok(());
        }
        let at_most = wanted.checked_sub(left).unwrap_or(Units::ZERO);
        let text = currency.format(at_most);
        Err(Objection::conflict(format!("At most {text} can go back to the cards that paid it.")))
    }

    /// The payback of what a charge still holds, up to an amount. None: it holds nothing that Stripe would refund.
    fn payback_of(
        &self,
        top_up: &TopUp,
        act: &Act,
        most: Units,
        account: &AccountId,
        terms: &Terms<'_>,
        now: Millis,
    ) -> Result<Option<PayBack>, StoreError> {
        let Some(Outcome::Credited { intent, amount, currency }) = top_up.outcome() else { return Ok(None) };
        if !top_up.is_of(terms.side) || disputes::is_lost(self.store, intent.as_str())? {
            return Ok(None);
        }
        let credited = currency.units_of(*amount).ok_or(StoreError::Shape("units"))?;
        let gone = topups::refunded(self.store, &top_up.id)?;
        let gone = gone.checked_add(paybacks::taken(self.store, intent.as_str())?);
        let holds = gone.and_then(|gone| credited.checked_sub(gone)).ok_or(StoreError::Shape("units"))?;
        let Some(amount) = currency.charge_within(holds.min(most)) else { return Ok(None) };
        let name = format!("{} {} {intent}", account.as_str(), act.name);
        let id: String = hex(&sha256(name.as_bytes())).chars().take(32).collect();
        Ok(Some(PayBack {
            body: payback::body(account, terms.deployment, &id, intent, amount),
            id,
            act: act.name.clone(),
            intent: intent.clone(),
            currency: *currency,
            units: currency.units_of(amount).ok_or(StoreError::Shape("units"))?,
            taken: Units::ZERO,
            side: terms.side.clone(),
            pending: false,
            state: State::Sending {
                first_at: now,
                last_at: now,
                sends: 0,
                stored_error: false,
                wake_at: now,
            },
        }))
    }

    /// What is open is due now.
    fn resume(&self, now: Millis) -> Result<(), Objection> {
        let top_up = topups::open(self.store)?;
        let paybacks = paybacks::open(self.store)?;
        if top_up.is_none() && paybacks.is_empty() {
            return Err(Objection::conflict("Nothing is open here."));
        }
        if let Some(mut top_up) = top_up {
            top_up.put_off(now);
            topups::save(self.store, &top_up, now)?;
        }
        for mut payback in paybacks {
            payback.put_off(now);
            paybacks::save(self.store, &mut payback, now)?;
        }
        Ok(())
    }

    /// What is open at another Stripe account, or was at this one and is not there any more, is over.
    fn settle(&self, terms: &Terms<'_>, now: Millis) -> Result<(), Objection> {
        let top_up = topups::open(self.store)?;
        let top_up = top_up.filter(|top_up| !top_up.is_of(terms.side) || top_up.is_missing());
        let mut paybacks = paybacks::open(self.store)?;
        paybacks.retain(|payback| !payback.is_of(terms.side) || payback.is_missing());
        if top_up.is_none() && paybacks.is_empty() {
            let message = "Nothing is open at another Stripe account, and nothing of what is open at this one was missing \
                there twice, five minutes apart. It is resumed: Stripe knows.";
            return Err(Objection::conflict(message));
        }
        if let Some(top_up) = top_up {
            self.write(&top_up.settle(Outcome::NeverHappened), &[], now)?;
        }
        for mut payback in paybacks {
            payback.settle(PaidBack::NeverHappened);
            paybacks::save(self.store, &mut payback, now)?;
        }
        Ok(())
    }

    /// Deletes all of it; that it was is noted.
    fn erase(&self, now: Millis) -> Result<(), Objection> {
        let because = |why: &str| Err(Objection::conflict(format!("{why}: nothing was erased.")));
        if topups::open(self.store)?.is_some() || !paybacks::open(self.store)?.is_empty() {
            return because("A payment or a refund is open");
        }
        if disputes::is_disputed(self.store)? {
            return because("A payment is disputed");
        }
        for currency in statement::currencies(self.store)? {
            if !entries::balance(self.store, currency)?.is_zero() {
                return because("The balance is not zero. Refund or adjust it first");
            }
        }
        let sql =
            "SELECT 1 FROM topup WHERE outcome = 'never_happened' AND units > 0 AND settled_at > ?1 LIMIT 1";
        if !self.store.run(sql, &[now.plus(UNSURE_SPAN.wrapping_neg()).into()])?.is_empty() {
            return because("A charge was looked for in vain within the last week, and may still come");
        }
        if paybacks::is_pending(self.store, now.plus(UNCONFIRMED_SPAN.wrapping_neg()))? {
            return because("A refund of the last 30 days is pending, and the bank may still send it back");
        }
        for sql in schema::EMPTY {
            self.store.run(sql, &[])?;
        }
        Ok(())
    }

    /// The call of a payback that is due. None: none is.
    pub fn pay_back(&self, here: &topup::StripeSide, now: Millis) -> Result<Option<Call>, StoreError> {
        if self.store.is_blank()? {
            return Ok(None);
        }
        for _ in 0..MOST_FOREIGN {
            if paybacks::wake_at(self.store)?.is_none_or(|at| now < at) {
                return Ok(None);
            }
            let Some(mut payback) = paybacks::open(self.store)?.into_iter().next() else { return Ok(None) };
            let call = payback.wake(here, now);
            self.store.transaction(&mut || paybacks::save(self.store, &mut payback.clone(), now))?;
            if call.is_some() {
                return Ok(call);
            }
        }
        Ok(None)
    }

    /// A call of a payback was answered, or not. Gives why it failed, for the log.
    pub fn paid_back(&self, call: &Call, reply: &Reply, now: Millis) -> Result<Option<Failure>, StoreError> {
        if self.store.is_blank()? {
            return Ok(None);
        }
        let Some(mut payback) = paybacks::by_id(self.store, &call.id)? else { return Ok(None) };
        let before = payback.clone();
        let failure = payback.replied(call.nth, reply, now);
        if payback != before {
            self.store.transaction(&mut || paybacks::save(self.store, &mut payback.clone(), now))?;
        }
        Ok(failure)
    }
}
