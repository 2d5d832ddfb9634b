//! What an account does with a call: debit, join, begin a top-up, go on with one.
//!
//! Kept true here: every decision about money is made from rows read in the same turn, inside the transaction that
//! writes its result; nothing is decided from what was read before an await. Nothing is written for a client on whose
//! account no payment was attempted.

use stripe402_core::protocol::{AccountId, ClientId, Currency, ErrorCode, MinorAmount, Units};

use super::amount;
use super::call::{Answer, Pay, Refused};
use super::entries::{self, Kind, Op, Order, Posted};
use super::store::{Millis, Store, StoreError, at_most_one};
use super::topup::{Asked, Call, Event, Outcome, State, StripeSide, TopUp, Transition, Wanted};
use super::{schema, topups};
use crate::stripe::{CustomerId, Failure, PaymentIntentId, TopUpId};

/// How long an account without credit is kept after the last attempt to pay into it.
pub const EMPTY_SPAN: i64 = 48 * 3_600_000;
/// After how many seconds a payer whose outcome is not known should ask again.
pub const RETRY_AFTER: u32 = 5;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// One client's account, on its database.
#[derive(Debug)]
pub struct Account<'s, S> {
    store: &'s S,
}

/// What the account must know beyond the call: whose Stripe we speak to, and under which names.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Whose Stripe we speak to now.
    pub side: &'a StripeSide,
    /// The deployment's tag.
    pub deployment: &'a str,
    /// Put behind the operator's statement descriptor.
    pub descriptor_suffix: Option<&'a str>,
}

/// What became of an order that may only spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spent {
    /// It was debited.
    Paid(Posted),
    /// The balance does not cover it.
    Insufficient(Units),
}

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

#[derive(Debug)]
struct Head {
    client_id: ClientId,
    customer: Option<CustomerId>,
    customers: u32,
    attempted_at: Millis,
}

impl<'s, S: Store> Account<'s, S> {
    /// The account on a database.
    pub const fn new(store: &'s S) -> Self {
        Self { store }
    }

    /// Debits an order, if the balance covers it.
    pub fn spend(&self, order: &Order, now: Millis) -> Result<Spent, StoreError> {
        if self.store.is_blank()? {
            return Ok(Spent::Insufficient(Units::ZERO));
        }
        if order.retried
            && let Some(posted) = entries::find_recent(self.store, order.currency, &order.op, now)?
        {
            return Ok(Spent::Paid(posted));
        }
        match entries::debit(self.store, order, now)? {
            Some(posted) => Ok(Spent::Paid(posted)),
            None => entries::balance(self.store, order.currency).map(Spent::Insufficient),
        }
    }

    /// Gives a debit back, once, and tells the balance.
    pub fn reverse(
        &self,
        currency: Currency,
        seq: i64,
        op: &Op,
        now: Millis,
    ) -> Result<Units, StoreError> {
        if self.store.is_blank()? {
            return Ok(Units::ZERO);
        }
        match entries::reverse(self.store, currency, seq, op, now)? {
            Some(posted) => Ok(posted.balance),
            None => entries::balance(self.store, currency),
        }
    }

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
            let order = &pay.order;
            let known =
                if order.retried { entries::find_recent(self.store, order.currency, &order.op, now)? } else { None };
            // A card spends a balance once it is attached to the account's Customer: the attach checks the card.
            let posted = match known {
                None if pay.customer.is_some() => entries::debit(self.store, order, now)?,
                known => known,
            };
            if let Some(posted) = posted {
                return Ok(Paying::Answered(paid(posted, None, self.client(pay)?)));
            }
            balance = entries::balance(self.store, pay.order.currency)?;
            if let Some(open) = topups::open(self.store)? {
                return self.meet(open, pay, balance, terms, now);
            }
        }
        // Only to be attached, where the balance is enough: nothing is charged then.
        let amount = if balance >= pay.order.price {
            None
        } else {
            match amount::to_charge(pay.order.currency, balance, pay.order.price, &pay.offer) {
                Ok(amount) => Some(amount),
                Err(refused) => return Ok(Paying::Answered(Answer::Refused(refused))),
            }
        };
        if !blank && let Some(limited) = self.limited(pay, amount, now)? {
            return Ok(Paying::Answered(limited));
        }
        self.begin(pay, amount, fresh, terms, now)
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
            State::LookUp { .. } | State::Follow { .. } | State::Settled(_) => Ok(Paying::Answered(pending())),
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
            self.touch(&client_id, now)?;
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
                    receipt_email: None,
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

    fn write(
        &self,
        transition: &Transition,
        waiting: &[&Pay],
        now: Millis,
    ) -> Result<Vec<Told>, StoreError> {
        let top_up = &transition.top_up;
        topups::save(self.store, top_up, now)?;
        if let Some(customer) = &transition.customer {
            self.store.run(
                "UPDATE account SET customer = ?1, customers = ?2 WHERE one = 1",
                &[customer.as_str().into(), i64::from(top_up.wanted.customers).into()],
            )?;
        }
        if let Some(credit) = &transition.credit {
            let units = credit.currency.units_of(credit.amount).ok_or(StoreError::Shape("units"))?;
            let source = credit.intent.as_str();
            entries::post_source(self.store, Kind::TopUp, credit.currency, units, source, now)?;
        }
        // Whose card was charged is told so once: the first in the row who is paid from this credit.
        let mut charge = transition.credit.as_ref().map(|credit| credit.intent.clone());
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
        let ask_again = Told::AskAgain { attached: None };
        match &top_up.state {
            State::Settled(Outcome::Credited { .. } | Outcome::Attached) => {
                if !theirs && pay.customer.is_none() {
                    return Ok(ask_again);
                }
                match self.spend(&pay.order, now)? {
                    Spent::Paid(posted) => {
                        let charge = if theirs { charge.take() } else { None };
                        Ok(Told::Answer(paid(posted, charge, self.client(pay)?)))
                    }
                    Spent::Insufficient(_) if top_up.wanted.method == pay.method => {
                        Ok(Told::AskAgain { attached: top_up.wanted.customer.clone() })
                    }
                    Spent::Insufficient(_) => Ok(ask_again),
                }
            }
            State::Settled(Outcome::Declined { message, .. }) if theirs => {
                refused(message, ErrorCode::CardDeclined)
            }
            State::Settled(Outcome::Refused { message }) if theirs => {
                refused(message, ErrorCode::PaymentFailed)
            }
            State::Settled(Outcome::NeverHappened) if theirs => Ok(Told::Answer(pending())),
            State::Action { asked: None, .. } if theirs => match &transition.client_secret {
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
            },
            State::Settled(_) | State::Action { asked: None, .. } => Ok(ask_again),
            State::LookUp { .. } | State::Follow { .. } => Ok(Told::Answer(pending())),
            State::Sending(_) | State::Cancel { .. } | State::Action { .. } => Ok(Told::Wait),
        }
    }

    /// The alarm's time: the earliest of what is due; none if nothing is.
    pub fn wake_at(&self) -> Result<Option<Millis>, StoreError> {
        if self.store.is_blank()? {
            return Ok(None);
        }
        let open = topups::open(self.store)?.and_then(|top_up| top_up.wake_at());
        let ends = match open {
            Some(_) => None,
            None => self.ends_at()?,
        };
        Ok(open.into_iter().chain(ends).min())
    }

    /// Whether the account holds nothing worth keeping, and has for long enough.
    pub fn is_over(&self, now: Millis) -> Result<bool, StoreError> {
        Ok(!self.store.is_blank()?
            && topups::open(self.store)?.is_none()
            && self.ends_at()?.is_some_and(|at| now >= at))
    }

    /// When an account that was never credited ends. None: it has entries and stays.
    fn ends_at(&self) -> Result<Option<Millis>, StoreError> {
        let used = self.store.run("SELECT 1 FROM entry LIMIT 1", &[])?;
        if !used.is_empty() {
            return Ok(None);
        }
        Ok(self.head()?.map(|head| head.attempted_at.plus(EMPTY_SPAN)))
    }

    /// The client that this account belongs to, for the answer to a card that came without.
    fn client(&self, pay: &Pay) -> Result<Option<ClientId>, StoreError> {
        Ok(self.head()?.map(|head| head.client_id).or_else(|| pay.client_id.clone()))
    }

    fn head(&self) -> Result<Option<Head>, StoreError> {
        if self.store.is_blank()? {
            return Ok(None);
        }
        let rows = self
            .store
            .run("SELECT client_id, customer, customers, attempted_at FROM account WHERE one = 1", &[])?;
        let Some(row) = at_most_one(rows)? else { return Ok(None) };
        Ok(Some(Head {
            client_id: ClientId::parse(row.text(0)?).map_err(|_| StoreError::Shape("a client id"))?,
            customer: row
                .optional_text(1)?
                .map(CustomerId::parse)
                .transpose()
                .map_err(|_| StoreError::Shape("a customer id"))?,
            customers: u32::try_from(row.integer(2)?).map_err(|_| StoreError::Shape("a count"))?,
            attempted_at: Millis(row.integer(3)?),
        }))
    }

    fn touch(&self, client_id: &ClientId, now: Millis) -> Result<(), StoreError> {
        self.store.run(
            "INSERT INTO account (one, version, client_id, created_at, attempted_at) VALUES (1, ?1, ?2, ?3, ?3)
             ON CONFLICT (one) DO UPDATE SET attempted_at = excluded.attempted_at",
            &[schema::VERSION.into(), client_id.as_str().into(), now.into()],
        )?;
        Ok(())
    }
}

fn paid(
    posted: Posted,
    charge: Option<PaymentIntentId>,
    client_id: Option<ClientId>,
) -> Answer {
    Answer::Paid { seq: posted.seq, balance: posted.balance, charge, client_id }
}

/// Nobody knows yet; the same payment may come again.
pub const fn pending() -> Answer {
    Answer::Pending { retry_after: RETRY_AFTER }
}

fn limit(message: &str, oldest: Option<Millis>, span: i64, now: Millis) -> Answer {
    let left = oldest.map_or(span, |oldest| oldest.plus(span).since(now)).clamp(1_000, span);
    let seconds = left.saturating_add(999).div_euclid(1_000);
    Answer::Limited { retry_after: u32::try_from(seconds).unwrap_or(3_600), message: message.to_owned() }
}
