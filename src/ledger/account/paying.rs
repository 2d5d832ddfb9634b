//! Paying with a card: from the balance where that is allowed and enough, else by a top-up that is joined or begun.

use stripe402_core::protocol::{AccountId, ErrorCode, MinorAmount, Units};

use super::{Account, Spent, Terms, answer_of, frozen, pending};
use crate::ledger::amount;
use crate::ledger::call::{Answer, Deposit, Pay, Refused};
use crate::ledger::store::{Millis, Store, StoreError};
use crate::ledger::topup::{Asked, Call, Event, Outcome, State, TopUp, Wanted};
use crate::ledger::{disputes, entries, request_keys, schema, topups};
use crate::stripe::TopUpId;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// What became of a payment with a card.
#[derive(Debug)]
pub enum Paying {
    /// It is answered.
    Answered(Answer),
    /// A top-up is under way: wait for it, then ask again.
    Join,
    /// A top-up has begun, or goes on: make its call, and wait for it. The record is written.
    Drive(Call),
}

impl<S: Store> Account<'_, S> {
    /// Pays with a card: from the balance where that is allowed and enough, else by a top-up.
    pub fn pay(
        &self,
        pay: &Pay,
        fresh: &TopUpId,
        terms: &Terms<'_>,
        now: Millis,
    ) -> Result<Paying, StoreError> {
        let blank = self.store.is_blank()?;
        let mut balance = Units::ZERO;
        if !blank {
            if entries::is_given_up(self.store, &pay.order)? {
                return Ok(Paying::Answered(pending()));
            }
            // A card spends a balance once it is attached to the account's Customer: the attach checks the card. A
            // call that is tried again looks for its own debit in any case.
            let answer = match &pay.deposit {
                Some(deposit) => self.deposited_before(pay, deposit, now)?,
                None if pay.customer.is_some() => {
                    answer_of(self.spend(&pay.order, now)?, None, self.client(pay)?)
                }
                None => answer_of(self.spent_before(&pay.order, now)?, None, self.client(pay)?),
            };
            if let Some(answer) = answer {
                return Ok(Paying::Answered(answer));
            }
            balance = entries::balance(self.store, pay.order.currency)?;
            if let Some(open) = topups::open(self.store)? {
                return self.meet(open, pay, balance, terms, now);
            }
        }
        // Only to be attached, where the balance is enough, or where the order's key is decided: its request was paid for
        // or is refused, and the card only has to prove whose it is to be told which. Nothing is charged then.
        let free = pay.deposit.is_none()
            && (balance >= pay.order.price || !blank && self.is_decided(&pay.order, now)?);
        let amount = if free {
            None
        } else {
            let charge = if pay.deposit.is_some() { amount::to_deposit } else { amount::to_charge };
            match charge(pay.order.currency, balance, pay.order.price, &pay.offer) {
                Ok(amount) => Some(amount),
                Err(refused) => return Ok(Paying::Answered(Answer::Refused(refused))),
            }
        };
        if !blank && let Some(limited) = self.limited(pay, amount, now)? {
            return Ok(Paying::Answered(limited));
        }
        self.begin(pay, amount, fresh, terms, now)
    }

    /// Whether a key of an earlier request says what becomes of an order.
    fn is_decided(&self, order: &entries::Order, now: Millis) -> Result<bool, StoreError> {
        Ok(!mutant!(KeyedChargedAgain) && request_keys::is_decided(self.store, order, now)?)
    }

    /// What a card that may not spend yet is told: its own earlier debit, or that the account is frozen.
    fn spent_before(&self, order: &entries::Order, now: Millis) -> Result<Spent, StoreError> {
        if let Some(posted) = self.paid_before(order, now)? {
            return Ok(Spent::Paid(posted));
        }
        entries::come_again(self.store, order, now)?;
        self.unpaid(order)
    }

    /// What a deposit is told before any charge is thought of: that it was made, that its name is taken, or that the
    /// account is frozen.
    fn deposited_before(
        &self,
        pay: &Pay,
        deposit: &Deposit,
        now: Millis,
    ) -> Result<Option<Answer>, StoreError> {
        let since = now.plus(deposit.kept.wrapping_neg());
        let made = topups::deposited_since(self.store, &deposit.name, since)?;
        let made = if mutant!(DepositChargedAgain) { None } else { made };
        if let Some(made) = made {
            return if is_same(&made, pay) {
                self.deposited(&made, pay)
            } else {
                Ok(Some(Answer::OtherTarget))
            };
        }
        let open = topups::open(self.store)?;
        if open.is_some_and(|open| open.is_deposit_of(pay) && !is_same(&open, pay)) {
            return Ok(Some(Answer::OtherTarget));
        }
        if disputes::is_frozen(self.store)? {
            return Ok(Some(frozen(entries::balance(self.store, pay.order.currency)?)));
        }
        Ok(None)
    }

    /// The answer for a deposit whose top-up was credited.
    pub(super) fn deposited(&self, top_up: &TopUp, pay: &Pay) -> Result<Option<Answer>, StoreError> {
        let Some(charge) = top_up.intent().cloned() else { return Ok(None) };
        let balance = entries::balance(self.store, pay.order.currency)?;
        Ok(Some(Answer::Deposited { balance, charge, client_id: self.client(pay)? }))
    }

    /// A top-up is open already: whoever comes meanwhile joins it, or learns what it waits for.
    fn meet(
        &self,
        open: TopUp,
        pay: &Pay,
        balance: Units,
        terms: &Terms<'_>,
        now: Millis,
    ) -> Result<Paying, StoreError> {
        match &open.state {
            State::Sending(_) | State::Cancel { .. } | State::Action { asked: Some(_), .. } => {
                Ok(Paying::Join)
            }
            State::LookUp { .. } | State::Follow { .. } | State::Settled(_) => {
                Ok(Paying::Answered(pending()))
            }
            State::Action { .. } if !open.is_of(terms.side) => Ok(Paying::Answered(pending())),
            State::Action { .. } => {
                let enough = open
                    .wanted
                    .amount
                    .and_then(|amount| open.wanted.currency.units_of(amount))
                    .and_then(|units| units.checked_add(balance))
                    .is_some_and(|after| after >= pay.order.price);
                let same = (open.names(&pay.sent) || open.names(&pay.method))
                    && open.wanted.currency == pay.order.currency
                    && enough;
                // A deposit goes on with the top-up that it began, and with no other: that one's money is meant for
                // somebody else.
                let same = if pay.deposit.is_some() { open.is_deposit_of(pay) } else { same };
                let asked = if same { Asked::Same } else { Asked::Other };
                let transition = open.step(&Event::CameBack { asked, here: terms.side }, now);
                self.store.transaction(&mut || topups::save(self.store, &transition.top_up, now))?;
                Ok(transition.call.map_or(Paying::Join, Paying::Drive))
            }
        }
    }

    fn limited(
        &self,
        pay: &Pay,
        amount: Option<MinorAmount>,
        now: Millis,
    ) -> Result<Option<Answer>, StoreError> {
        if let Some(most) = pay.limits.declines_per_hour {
            let declines = topups::declines_since(self.store, now.plus(HOUR.wrapping_neg()), most)?;
            if u32::try_from(declines.len()).is_ok_and(|count| count >= most) {
                let message = "Too many declined payments. Try again later.";
                return Ok(Some(limit(message, declines.last().copied(), HOUR, now)));
            }
        }
        let (Some(most), Some(amount)) = (pay.limits.per_day, amount) else { return Ok(None) };
        let currency = pay.order.currency;
        let (charged, oldest) = topups::charged_since(self.store, currency, now.plus(DAY.wrapping_neg()))?;
        let after = currency.units_of(amount).map_or(i64::MAX, |units| charged.saturating_add(units.get()));
        if after > most.get() {
            let message = "This card has reached what it may pay in for one day.";
            return Ok(Some(limit(message, oldest, DAY, now)));
        }
        Ok(None)
    }

    /// Writes a new top-up down and gives its first call.
    fn begin(
        &self,
        pay: &Pay,
        amount: Option<MinorAmount>,
        fresh: &TopUpId,
        terms: &Terms<'_>,
        now: Millis,
    ) -> Result<Paying, StoreError> {
        let Some(client_id) = self.client(pay)? else {
            let message = "This payment method cannot be used any more. Create a new one from the card.";
            let refused = Refused::new(ErrorCode::PaymentFailed, message.to_owned(), Units::ZERO);
            return Ok(Paying::Answered(Answer::Refused(refused)));
        };
        let call = self.store.transaction(&mut || {
            schema::create(self.store)?;
            entries::come_again(self.store, &pay.order, now)?;
            self.touch(&client_id, pay.customer.as_ref(), now)?;
            let head = self.head()?.ok_or(StoreError::Shape("the account's row"))?;
            let customer = pay.customer.clone().or(head.customer);
            let top_up = TopUp {
                id: fresh.clone(),
                attempt: 1,
                wanted: Wanted {
                    account: AccountId::of(&head.client_id),
                    sent: pay.sent.clone(),
                    method: pay.method.clone(),
                    attached: pay.customer.is_some(),
                    customer,
                    customers: head.customers,
                    currency: pay.order.currency,
                    amount,
                    deployment: terms.deployment.to_owned(),
                    descriptor_suffix: terms.descriptor_suffix.map(ToOwned::to_owned),
                    receipt_email: pay.deposit.as_ref().and_then(|deposit| deposit.receipt_email.clone()),
                    deposit: pay.deposit.as_ref().map(|deposit| deposit.name.clone()),
                },
                side: terms.side.clone(),
                state: State::Settled(Outcome::NeverHappened),
            };
            let transition = top_up.begin(now);
            topups::save(self.store, &transition.top_up, now)?;
            Ok::<_, StoreError>(transition.call)
        })?;
        Ok(call.map_or(Paying::Join, Paying::Drive))
    }
}

/// Whether a deposit asks for what the top-up of its name charges.
fn is_same(top_up: &TopUp, pay: &Pay) -> bool {
    let wanted = &top_up.wanted;
    let amount = pay.order.currency.charge_for(pay.offer.asked.unwrap_or(pay.offer.min));
    (top_up.names(&pay.sent) || top_up.names(&pay.method))
        && wanted.currency == pay.order.currency
        && wanted.amount == amount
}

impl TopUp {
    /// Whether it was begun for this deposit.
    pub(super) fn is_deposit_of(&self, pay: &Pay) -> bool {
        let name = pay.deposit.as_ref().map(|deposit| &deposit.name);
        name.is_some() && self.wanted.deposit.as_ref() == name
    }
}

fn limit(message: &str, oldest: Option<Millis>, span: i64, now: Millis) -> Answer {
    let left = oldest.map_or(span, |oldest| oldest.plus(span).since(now)).clamp(1_000, span);
    let seconds = left.saturating_add(999).div_euclid(1_000);
    Answer::Limited { retry_after: u32::try_from(seconds).unwrap_or(3_600), message: message.to_owned() }
}
