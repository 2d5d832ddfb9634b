//! What an account does with a call: debit, join, begin a top-up, go on with one.
//!
//! Kept true here: every decision about money is made from rows read in the same turn, inside the transaction that
//! writes its result; nothing is decided from what was read before an await. Nothing is written for a client on whose
//! account no payment was attempted.

mod announced;
mod operated;
mod paying;
mod settling;

use stripe402_core::protocol::{ClientId, Currency, ErrorCode, Units};

pub use announced::{Announcement, Applied, DisputeFlags};
pub use paying::Paying;
pub use settling::{Advanced, Told};

use super::call::{Answer, Pay, Refused};
use super::entries::{self, Op, Order, Posted};
use super::request_keys::{self, Keyed};
use super::store::{Millis, Store, StoreError, at_most_one};
use super::topup::StripeSide;
use super::{compaction, disputes, paybacks, schema, topups};
use crate::stripe::{CustomerId, PaymentIntentId};

/// How long an account without credit is kept after the last attempt to pay into it.
pub const EMPTY_SPAN: i64 = 48 * 3_600_000;
/// How long an account may not be erased after a charge was looked for and not found: Stripe may still roll it forward,
/// and announces for three days what it did. Without the account that money would be nobody's. (By itself such an account
/// is never emptied.)
pub const UNSURE_SPAN: i64 = 7 * 24 * 3_600_000;
/// How long an account may not be erased after a refund that the bank has not confirmed yet: it may still send the money
/// back, which without the account would be nobody's. (Later than that no bank does.)
pub const UNCONFIRMED_SPAN: i64 = 30 * 24 * 3_600_000;
/// After how many seconds a payer whose outcome is not known should ask again.
pub const RETRY_AFTER: u32 = 5;
/// After how many seconds to ask again for a request that is running under the same key.
const RUNNING_RETRY: u32 = 2;

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
    /// Nobody ever tried to pay into this account.
    Unknown,
    /// A dispute is open, or an operator froze the account: nothing is served and nothing charged until that is over.
    Frozen(Units),
    /// Its idempotency key decides: no debit was made.
    Keyed(Keyed, Units),
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

    /// Its database.
    pub(super) const fn store(&self) -> &'s S {
        self.store
    }

    /// Debits an order, if the balance covers it.
    pub fn spend(&self, order: &Order, now: Millis) -> Result<Spent, StoreError> {
        if self.store.is_blank()? {
            return Ok(Spent::Unknown);
        }
        if let Some(posted) = self.paid_before(order, now)? {
            return Ok(Spent::Paid(posted));
        }
        entries::come_again(self.store, order, now)?;
        // Without a key the debit is one statement, and needs no transaction around it.
        if order.key.is_none() {
            return self.debit(order, now);
        }
        self.store.transaction(&mut || self.debit_keyed(order, now))
    }

    fn debit(&self, order: &Order, now: Millis) -> Result<Spent, StoreError> {
        if let Some(posted) = entries::debit(self.store, order, now)? {
            return Ok(Spent::Paid(posted));
        }
        self.unpaid(order)
    }

    /// The debit that the first try of a retried order made.
    fn paid_before(&self, order: &Order, now: Millis) -> Result<Option<Posted>, StoreError> {
        if !order.retried {
            return Ok(None);
        }
        entries::find_recent(self.store, order.currency, &order.op, now)
    }

    /// Why an order is not debited: the account is frozen, or the balance does not cover it.
    fn unpaid(&self, order: &Order) -> Result<Spent, StoreError> {
        let balance = entries::balance(self.store, order.currency)?;
        let frozen = disputes::is_frozen(self.store)?;
        Ok(if frozen { Spent::Frozen(balance) } else { Spent::Insufficient(balance) })
    }

    fn debit_keyed(&self, order: &Order, now: Millis) -> Result<Spent, StoreError> {
        match request_keys::take(self.store, order, now)? {
            Keyed::New => {
                let spent = self.debit(order, now)?;
                if let Spent::Paid(posted) = &spent {
                    request_keys::bind(self.store, order, posted.seq, now)?;
                }
                Ok(spent)
            }
            keyed => Ok(Spent::Keyed(keyed, entries::balance(self.store, order.currency)?)),
        }
    }

    /// Gives a debit back, once, and tells the balance. `op` made the debit; `holder` is the request that asks, which
    /// under an idempotency key may be a later one.
    pub fn reverse(
        &self,
        currency: Currency,
        seq: i64,
        op: &Op,
        holder: &Op,
        now: Millis,
    ) -> Result<Units, StoreError> {
        if self.store.is_blank()? {
            return Ok(Units::ZERO);
        }
        self.store.transaction(&mut || {
            if request_keys::release(self.store, currency, seq, holder)? {
                entries::reverse(self.store, currency, seq, op, now)?;
            }
            entries::balance(self.store, currency)
        })
    }

    /// Gives back the debit that an attempt made within [`entries::LOOK_BACK`], if it made one, and lets it make none any more:
    /// its call may still be on the way.
    pub fn undo(&self, currency: Currency, op: &Op, now: Millis) -> Result<Units, StoreError> {
        if self.store.is_blank()? {
            return Ok(Units::ZERO);
        }
        self.store.transaction(&mut || {
            entries::give_up(self.store, op, now)?;
            match entries::find_recent(self.store, currency, op, now)? {
                Some(posted) => self.reverse(currency, posted.seq, op, op, now),
                None => entries::balance(self.store, currency),
            }
        })
    }

    /// Marks the request that runs under a key as delivered. False: another one has taken its place.
    pub fn deliver(&self, key: &str, holder: &Op, now: Millis) -> Result<bool, StoreError> {
        if self.store.is_blank()? {
            return Ok(false);
        }
        request_keys::deliver(self.store, key, holder, now)
    }

    /// Whether anybody ever tried to pay into it.
    pub fn is_known(&self) -> Result<bool, StoreError> {
        Ok(self.head()?.is_some())
    }

    /// Whose it is; none: nobody ever tried to pay into it.
    pub(super) fn owner(&self) -> Result<Option<ClientId>, StoreError> {
        Ok(self.head()?.map(|head| head.client_id))
    }

    /// Sums up debits that are `keep` milliseconds old and older: one bounded step.
    pub fn compact(&self, keep: i64, now: Millis) -> Result<(), StoreError> {
        if self.store.is_blank()? {
            return Ok(());
        }
        self.store.transaction(&mut || compaction::step(self.store, keep, now))
    }

    /// The alarm's time: the earliest of what is due; none if nothing is. `keep` is how long debits are kept singly.
    pub fn wake_at(&self, keep: i64, now: Millis) -> Result<Option<Millis>, StoreError> {
        if self.store.is_blank()? {
            return Ok(None);
        }
        let open = topups::open(self.store)?.and_then(|top_up| top_up.wake_at());
        if mutant!(AlarmNotArmed) && open.is_some() {
            return Ok(None);
        }
        let ends = match open {
            Some(_) => None,
            None => self.ends_at()?,
        };
        let paybacks = paybacks::wake_at(self.store)?;
        let compacts = compaction::due(self.store, keep, now)?;
        Ok(open.into_iter().chain(ends).chain(paybacks).chain(compacts).min())
    }

    /// Whether the account holds nothing worth keeping, and has for long enough.
    pub fn is_over(&self, now: Millis) -> Result<bool, StoreError> {
        Ok(!self.store.is_blank()?
            && topups::open(self.store)?.is_none()
            && self.ends_at()?.is_some_and(|at| now >= at))
    }

    /// When an account that was never credited ends. None: it has entries, or may still get one, or an operator acted on
    /// it, and it stays.
    fn ends_at(&self) -> Result<Option<Millis>, StoreError> {
        let used = self.store.run("SELECT 1 FROM entry LIMIT 1", &[])?;
        if !used.is_empty() {
            return Ok(None);
        }
        // What an operator did is kept, and holds: whom one froze stays frozen.
        let acted = "SELECT 1 FROM act UNION ALL SELECT 1 FROM account WHERE frozen IS NOT NULL LIMIT 1";
        if !self.store.run(acted, &[])?.is_empty() {
            return Ok(None);
        }
        // Where a charge was looked for and not found, Stripe may still announce it, however late: it stays.
        let unsure = "SELECT 1 FROM topup WHERE outcome = 'never_happened' AND units > 0 LIMIT 1";
        if !self.store.run(unsure, &[])?.is_empty() {
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

    /// Notes an attempt to pay, and the Customer that a card is attached to, where the account knew none.
    fn touch(
        &self,
        client_id: &ClientId,
        customer: Option<&CustomerId>,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.store.run(
            "INSERT INTO account (one, version, client_id, customer, created_at, attempted_at)
             VALUES (1, ?1, ?2, ?3, ?4, ?4)
             ON CONFLICT (one) DO UPDATE SET attempted_at = excluded.attempted_at,
                customer = coalesce(customer, excluded.customer)",
            &[
                schema::VERSION.into(),
                client_id.as_str().into(),
                customer.map(CustomerId::as_str).into(),
                now.into(),
            ],
        )?;
        Ok(())
    }
}

/// The answer for what became of an order; none where a top-up may still help.
fn answer_of(spent: Spent, charge: Option<PaymentIntentId>, client_id: Option<ClientId>) -> Option<Answer> {
    Some(match spent {
        Spent::Paid(Posted { seq, balance }) => Answer::Paid { seq, balance, charge, client_id, op: None },
        Spent::Insufficient(_) | Spent::Unknown => return None,
        Spent::Frozen(balance) => frozen(balance),
        Spent::Keyed(keyed, balance) => match keyed {
            Keyed::Replay { seq, op } => Answer::Paid { seq, balance, charge: None, client_id, op: Some(op) },
            Keyed::Running => Answer::Running { retry_after: RUNNING_RETRY },
            Keyed::Delivered { seq } => Answer::Delivered { seq, balance, client_id },
            Keyed::OtherTarget => Answer::OtherTarget,
            Keyed::New => return None,
        },
    })
}

/// The answer of an account that a dispute or an operator holds frozen.
fn frozen(balance: Units) -> Answer {
    let message = "This account is frozen: a payment of it is disputed, or the operator looks into it.";
    let mut refused = Refused::new(ErrorCode::PaymentFailed, message.to_owned(), balance);
    refused.frozen = true;
    Answer::Refused(refused)
}

impl Spent {
    /// The answer to a call that may only spend.
    pub fn into_answer(self) -> Answer {
        match self {
            Self::Insufficient(balance) => Answer::Insufficient { balance, unknown: false },
            Self::Unknown => Answer::Insufficient { balance: Units::ZERO, unknown: true },
            other => answer_of(other, None, None).unwrap_or_else(pending),
        }
    }
}

/// Nobody knows yet; the same payment may come again.
pub const fn pending() -> Answer {
    Answer::Pending { retry_after: RETRY_AFTER }
}
