//! What both flavours share: a payer, a policy, a store, and the loop that does what the machine of one exchange says.

use crate::books::{Millis, Target, Ticket};
use crate::error::Error;
use crate::exchange::{Answer, Arrived, Done, Event, Exchange, Outcome, Settled, Start, Step};
use crate::payer::{Ask, Payer};
use crate::policy::{Order, Policy};
use crate::store::{MemoryStore, Store, with};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stripe402_core::protocol::{Payment, Units, digest::hex};
use tokio::sync::OwnedMutexGuard;

/// A payer with a policy and a store: what pays for requests. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Paying {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    payer: Arc<dyn Payer>,
    policy: Arc<Policy>,
    store: Arc<dyn Store>,
    keys: bool,
    redirects: usize,
    turns: Arc<Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

impl fmt::Debug for Paying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paying").field("policy", &self.inner.policy).finish_non_exhaustive()
    }
}

impl Paying {
    /// Pays with what this payer names, without limits, and remembers client ids as long as it lives.
    pub fn new(payer: impl Payer + 'static) -> Self {
        Self {
            inner: Arc::new(Inner {
                payer: Arc::new(payer),
                policy: Arc::new(Policy::new()),
                store: Arc::new(MemoryStore::default()),
                keys: true,
                redirects: 10,
                turns: Arc::default(),
            }),
        }
    }

    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        change(&mut inner);
        Self { inner: Arc::new(inner) }
    }

    /// Within these limits.
    pub fn policy(self, policy: Policy) -> Self {
        self.with(|inner| inner.policy = Arc::new(policy))
    }

    /// With the books in this store.
    pub fn store(self, store: impl Store + 'static) -> Self {
        self.with(|inner| inner.store = Arc::new(store))
    }

    /// Whether paid requests carry an `Idempotency-Key` (as they do by default): with it, a GET whose answer was lost is
    /// sent again and paid for once.
    pub fn idempotency_keys(self, on: bool) -> Self {
        self.with(|inner| inner.keys = on)
    }

    /// How many redirects are followed (10). None: a 3xx is the answer. No payment is made after a redirect to another
    /// host, nor after one that was paid for: where that leads to no answer, the 3xx is the answer, and
    /// [`Paid::not_followed`](crate::Paid) says why.
    pub fn redirects(self, most: usize) -> Self {
        self.with(|inner| inner.redirects = most)
    }

    pub(crate) fn most_redirects(&self) -> usize {
        self.inner.redirects
    }

    fn order_of_turns(&self, origin: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.inner.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those for whom nobody waits.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(origin.to_owned()).or_default())
    }
}

/// `Send` where there are threads: what JavaScript gives is not.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) trait Movable: Send {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send> Movable for T {}
/// `Send` where there are threads: what JavaScript gives is not.
#[cfg(target_arch = "wasm32")]
pub(crate) trait Movable {}
#[cfg(target_arch = "wasm32")]
impl<T> Movable for T {}

/// The connection of one exchange: sends one request as often as it is told.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
pub(crate) trait Wire: Movable {
    /// What its caller is given in the end.
    type Reply: Movable;
    /// Why there is none.
    type Error: Movable;

    /// Sends the request with these headers besides its own; what it has already is not replaced.
    async fn send(
        &mut self,
        headers: &[(&'static str, String)],
    ) -> Result<(Answer, Self::Reply), Lost<Self::Error>>;
    /// Waits.
    async fn sleep(&self, time: Duration);
    /// Milliseconds since 1970.
    fn now(&self) -> Millis;
}

/// A request without an answer.
#[derive(Debug)]
pub(crate) struct Lost<E> {
    pub(crate) error: E,
    pub(crate) arrived: Arrived,
}

/// Why an exchange has no answer.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    Paying(Error),
    /// `paid`: a payment was under way.
    Lost {
        error: E,
        paid: bool,
    },
}

impl<E> From<Error> for Failure<E> {
    fn from(error: Error) -> Self {
        Failure::Paying(error)
    }
}

/// A request, as far as its payment is concerned.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four facts that have nothing to do with each other")]
pub(crate) struct Asked {
    pub(crate) target: Target,
    pub(crate) redirected: bool,
    pub(crate) replayable: bool,
    /// GET, HEAD, PUT and the others that may be repeated (RFC 9110, 9.2.2).
    pub(crate) idempotent: bool,
    /// It has an idempotency key of its own.
    pub(crate) has_key: bool,
}

/// One exchange under way.
struct Run<'p, W: Wire> {
    paying: &'p Paying,
    asked: Asked,
    wire: &'p mut W,
    ticket: Option<Ticket>,
    turn: Option<OwnedMutexGuard<()>>,
    top_ups: u64,
    last: Option<W::Reply>,
    lost: Option<W::Error>,
    key: Option<String>,
}

impl Paying {
    /// Sends a request, and pays for it where it must and may.
    pub(crate) async fn exchange<W: Wire>(
        &self,
        asked: Asked,
        wire: &mut W,
    ) -> Result<(W::Reply, Outcome), Failure<W::Error>> {
        let key = if self.inner.keys && !asked.has_key { Some(new_key()?) } else { None };
        let run = Run {
            paying: self,
            asked,
            wire,
            ticket: None,
            turn: None,
            top_ups: 0,
            last: None,
            lost: None,
            key,
        };
        run.through().await
    }
}

impl<W: Wire> Run<'_, W> {
    async fn through(mut self) -> Result<(W::Reply, Outcome), Failure<W::Error>> {
        let (mut exchange, mut step) = Exchange::begin(self.start().await?);
        loop {
            let event = match step {
                Step::Send(payment) => self.send(payment).await?,
                Step::PutAside { currency, price, top_up } => {
                    Event::Aside(self.put_aside(currency, price, top_up).await?)
                }
                Step::Turn => self.wait_for_turn().await?,
                Step::Ask { offer, resource, error } => {
                    let origin = self.asked.target.origin.clone();
                    let ask = Ask { origin: &origin, resource: &resource, offer: &offer, error };
                    match self.paying.inner.payer.pay(&ask).await {
                        Ok(means) => Event::Means(means),
                        Err(error) => {
                            self.settle(Settled::Nothing).await?;
                            return Err(Error::Payer(error).into());
                        }
                    }
                }
                Step::Wait(time) => {
                    self.wire.sleep(time).await;
                    Event::Waited
                }
                Step::Done(done) => {
                    let outcome = self.keep(*done).await?;
                    return self.last.map(|reply| (reply, outcome)).ok_or(Error::Confused.into());
                }
                Step::Fail { error, settled } => {
                    self.settle(settled).await?;
                    return Err((*error).into());
                }
                Step::FailAsLost { settled } => {
                    let paid = matches!(settled, Settled::Unknown);
                    self.settle(settled).await?;
                    let lost = |error| Failure::Lost { error, paid };
                    return Err(self.lost.map_or(Failure::Paying(Error::Confused), lost));
                }
            };
            step = exchange.next(event, self.wire.now());
        }
    }

    async fn start(&mut self) -> Result<Start, Error> {
        let (policy, now) = (Arc::clone(&self.paying.inner.policy), self.wire.now());
        let (target, lifetime) = (self.asked.target.clone(), policy.quote_lifetime_ms());
        let (client, quote, last_price) = with(self.store(), move |books| {
            let quote = books.quote(&target, lifetime, now);
            (books.client(&target.origin).cloned(), quote, books.last_price(&target))
        })
        .await?;
        self.top_ups = client.as_ref().map_or(0, |client| client.top_ups);
        Ok(Start {
            policy,
            target: self.asked.target.clone(),
            client: client.map(|client| client.client_id),
            quote,
            last_price,
            redirected: self.asked.redirected,
            replayable: self.asked.replayable,
            repeatable: self.asked.idempotent && (self.key.is_some() || self.asked.has_key),
        })
    }

    fn store(&self) -> &dyn Store {
        self.paying.inner.store.as_ref()
    }

    async fn send(&mut self, payment: Option<Payment>) -> Result<Event, Error> {
        // Who only spends credits keeps nobody waiting.
        if payment.as_ref().is_some_and(|payment| payment.payment_method.is_none()) {
            self.turn = None;
        }
        let mut headers = Vec::new();
        if let Some(payment) = &payment {
            headers
                .push((stripe402_core::protocol::PAYMENT, payment.to_header().map_err(|_| Error::Confused)?));
            headers.extend(self.key.clone().map(|key| ("idempotency-key", key)));
        }
        self.last = None;
        Ok(match self.wire.send(&headers).await {
            Ok((answer, reply)) => {
                self.last = Some(reply);
                Event::Answer(answer)
            }
            Err(lost) => {
                self.lost = Some(lost.error);
                Event::Lost(lost.arrived)
            }
        })
    }

    async fn put_aside(
        &mut self,
        currency: stripe402_core::protocol::Currency,
        price: Units,
        top_up: Option<Units>,
    ) -> Result<Result<(), crate::policy::Refused>, Error> {
        let (policy, now) = (Arc::clone(&self.paying.inner.policy), self.wire.now());
        let (target, redirected, before) =
            (self.asked.target.clone(), self.asked.redirected, self.ticket.take());
        let ticket = with(self.store(), move |books| {
            let last_price = books.last_price(&target);
            let order = Order { origin: &target.origin, currency, price, top_up, last_price, redirected };
            books.put_aside(&policy, &order, before, now)
        })
        .await?;
        Ok(ticket.map(|ticket| self.ticket = Some(ticket)))
    }

    async fn wait_for_turn(&mut self) -> Result<Event, Error> {
        self.turn = None;
        let turn = self.paying.order_of_turns(self.asked.target.origin.as_str());
        self.turn = Some(turn.lock_owned().await);
        let origin = self.asked.target.origin.clone();
        let client = with(self.store(), move |books| books.client(&origin).cloned()).await?;
        let top_ups = client.as_ref().map_or(0, |client| client.top_ups);
        let topped_up = top_ups != self.top_ups;
        self.top_ups = top_ups;
        Ok(Event::Turned { client: client.map(|client| client.client_id), topped_up })
    }

    async fn settle(&mut self, settled: Settled) -> Result<(), Error> {
        let (ticket, now) = (self.ticket.take(), self.wire.now());
        let Some(ticket) = ticket else { return Ok(()) };
        let act = move |books: &mut crate::books::Books| match settled {
            Settled::Nothing => books.take_back(ticket),
            Settled::Spent { price, top_up } => books.settle(ticket, price, top_up, now),
            Settled::Unknown => {}
        };
        Ok(with(self.store(), act).await?)
    }

    /// Writes down how it ended, in one step.
    async fn keep(&mut self, done: Done) -> Result<Outcome, Error> {
        let Done { mut outcome, settled, client, price, asked } = done;
        let paid = match &outcome {
            Outcome::Paid(paid) | Outcome::Reversed(paid) if paid.doubt.is_none() => paid.clone(),
            _ => {
                self.settle(settled).await?;
                return Ok(outcome);
            }
        };
        let success = matches!(outcome, Outcome::Paid(_));
        let (ticket, now, target) = (self.ticket.take(), self.wire.now(), self.asked.target.clone());
        let act = move |books: &mut crate::books::Books| {
            if let (Some(ticket), Settled::Spent { price, top_up }) = (ticket, settled) {
                books.settle(ticket, price, top_up, now);
            }
            if let Some(client) = &client {
                let known = books.remember(&target.origin, client);
                let one_more = u64::from(paid.charged.is_some());
                known.top_ups = known.top_ups.saturating_add(one_more);
            }
            if let (Some(price), true) = (price, success) {
                let left = paid.receipt.as_ref().map(|receipt| receipt.credits_remaining);
                books.paid(&target, price, asked, left, now);
            }
        };
        let kept = with(self.store(), act).await;
        self.turn = None;
        // What was paid for is the caller's, whatever became of the books.
        if let (Err(error), Outcome::Paid(paid) | Outcome::Reversed(paid)) = (kept, &mut outcome) {
            paid.not_kept = Some(error);
        }
        Ok(outcome)
    }
}

fn new_key() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
    Ok(format!("stripe402-{}", hex(&bytes)))
}
