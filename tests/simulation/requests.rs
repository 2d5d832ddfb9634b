//! Requests that pay: who sends them, with what, who comes again and who hangs up.

use stripe402_core::protocol::{Currency, Units};
use stripe402_edge::ledger::{Millis, Op, Order, RequestKey};

use super::dice::Dice;
use super::stripe::Method;
use super::world::{Event, World};
use super::{MINUTE, SECOND};

/// How long a keyed request that never ended holds its key (`gate/decide`).
const LEASE: i64 = 70 * SECOND;
/// How often somebody comes again.
const MOST_AGAIN: u32 = 3;

/// A request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) order: Order,
    /// The client whose id was sent.
    pub(crate) named: Option<usize>,
    /// The payment method that was sent.
    pub(crate) method: Option<String>,
    pub(crate) asked: Option<Units>,
    /// The deposit that it asks for, by its name: then it buys nothing.
    pub(crate) deposit: Option<String>,
    pub(crate) stage: Stage,
    /// How often it was sent before.
    again: u32,
    /// The debit that pays for it, and whose.
    pub(crate) paid: Option<Debit>,
    pub(crate) fate: Fate,
    /// What is still being done about it in the background.
    pub(crate) loose: u32,
    /// The accounts that were asked to debit it.
    pub(crate) at: Vec<usize>,
    pub(crate) last_arrival: Millis,
}

/// A debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Debit {
    pub(crate) account: usize,
    pub(crate) currency: Currency,
    pub(crate) seq: i64,
    pub(crate) op: Op,
}

/// What the Worker waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The debit by the client id that was sent.
    Spending,
    /// The debit by the client whom the isolate remembers for the payment method.
    SpendingKnown(usize),
    Retrieving,
    Paying(usize),
    Origin,
    Delivering,
    Over,
}

/// What the client got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing yet.
    Open,
    /// The answer that it paid for, `success: true`.
    Served,
    /// Another answer.
    NotServed,
    /// An answer that says nothing was served, though the account may have noted it as delivered.
    DeliveryUnknown,
    /// The client was gone before.
    HungUp,
}

impl World<'_> {
    /// Somebody sends a request.
    pub(crate) fn ask_for_something(&mut self, dice: &mut Dice) {
        let clients = self.objects.len();
        let card = dice.below(clients);
        let deposit = dice.chance(150);
        let form = dice.weighted(&[(5, (true, true)), (5, (false, true)), (3, (true, false))]);
        let form = if deposit { (false, true) } else { form };
        // Client id A with card B is a thing that happens.
        let named = form.0.then(|| if dice.chance(900) { card } else { dice.below(clients) });
        let method = form.1.then(|| self.some_method(card, dice));
        let currency = if dice.chance(850) { Currency::USD } else { Currency::parse("eur").expect("euros") };
        let price = units(dice.weighted(&[(4, 100), (3, 9_000), (2, 30_000), (1, 50_000)]));
        let asked = dice.weighted(&[(6, None), (1, Some(50_001)), (1, Some(70_000)), (1, Some(400_000))]);
        // Few names, so that they meet; some of them were meant for something else.
        let deposit = deposit.then(|| format!("d{}", dice.below(3)));
        let key = (deposit.is_none() && dice.chance(200)).then(|| {
            // Few keys, so that they meet; some of them were meant for something else.
            let target = format!("{}{}{}", price.get(), currency, u8::from(dice.chance(60)));
            RequestKey { key: format!("k{}", dice.below(2)), target, lease: LEASE, retries: 0 }
        });
        let order = Order {
            currency,
            price,
            resource: "GET /api/joke".to_owned(),
            route: None,
            op: Op::from_bytes(dice.bytes()),
            retried: false,
            nth: 1,
            key,
        };
        self.begin(
            Request {
                order,
                named,
                method,
                asked: asked.map(units),
                deposit,
                stage: Stage::Over,
                again: 0,
                paid: None,
                fate: Fate::Open,
                loose: 0,
                at: Vec::new(),
                last_arrival: Millis(0),
            },
            dice,
        );
    }

    /// A payment method of a card: one of those it has, an alias, or a new one.
    fn some_method(&mut self, card: usize, dice: &mut Dice) -> String {
        let methods = &mut self.stripe.sides[self.here].methods;
        match dice.below(10) {
            0 => format!("pm_alias{card}"),
            1 => {
                let id = format!("pm_{}n{}", self.here, methods.len());
                let new = Method { id: id.clone(), card, customer: None, spent: false };
                methods.push(new);
                id
            }
            _ => {
                let own = |method: &&Method| method.card == card && !method.id.starts_with("pm_alias");
                let own: Vec<&str> = methods.iter().filter(own).map(|method| method.id.as_str()).collect();
                // Mostly the same card again.
                let nth = if dice.chance(700) { 0 } else { dice.below(own.len()) };
                own[nth].to_owned()
            }
        }
    }

    fn begin(&mut self, request: Request, dice: &mut Dice) {
        let nth = self.requests.len();
        self.tell(|| {
            let Request { order, named, method, asked, deposit, .. } = &request;
            let key = order.key.as_ref().map(|key| format!(" under {} for {}", key.key, key.target));
            format!(
                "   request {nth}: {} {} by client {named:?}, card {method:?}, top-up {asked:?}{}{}",
                order.price,
                order.currency,
                key.unwrap_or_default(),
                deposit.as_ref().map(|name| format!(", as deposit {name}")).unwrap_or_default()
            )
        });
        let named = request.named;
        self.requests.push(request);
        match named {
            Some(client) => self.spend(nth, client, Stage::Spending, dice),
            None => self.look_for_payer(nth, dice),
        }
    }

    /// A client who was told that the same payment may come again lets it come again, mostly.
    pub(crate) fn maybe_again(&mut self, nth: usize, dice: &mut Dice) {
        if self.requests[nth].again < MOST_AGAIN && dice.fault(700) {
            let wait = dice.weighted(&[
                (5, (SECOND, 20 * SECOND)),
                (2, (20 * SECOND, 5 * MINUTE)),
                (1, (MINUTE, 70 * MINUTE)),
            ]);
            self.in_a(dice.between(wait.0, wait.1), Event::ComeAgain(nth));
        }
    }

    pub(crate) fn come_again(&mut self, nth: usize, dice: &mut Dice) {
        let mut again = self.requests[nth].clone();
        (again.order.op, again.order.nth) = (Op::from_bytes(dice.bytes()), 1);
        (again.again, again.paid, again.fate, again.loose) = (again.again + 1, None, Fate::Open, 0);
        (again.at, again.last_arrival) = (Vec::new(), Millis(0));
        if dice.chance(150) {
            // With another amount, or another card.
            again.order.price = units(60_000);
            again.asked = Some(units(70_000));
            if let Some(key) = &mut again.order.key {
                "another price".clone_into(&mut key.target);
            }
        }
        self.begin(again, dice);
    }

    /// Somebody hangs up. Their call to an object goes on in it, or is cut off in it, too.
    pub(crate) fn hang_up(&mut self, dice: &mut Dice) {
        let open = |(_, request): &(usize, &Request)| request.fate == Fate::Open;
        let open: Vec<usize> = self.requests.iter().enumerate().filter(open).map(|(nth, _)| nth).collect();
        if open.is_empty() {
            return;
        }
        let nth = dice.one_of(&open);
        self.end(nth, Fate::HungUp);
        let cut = dice.chance(500);
        for ask in 0..self.asks.len() {
            if self.asks[ask].is_of(nth) && !std::mem::replace(&mut self.asks[ask].over, true) && cut {
                let account = self.asks[ask].account;
                self.objects[account].waiters.retain(|waiter| waiter.of.ask != ask);
            }
        }
    }
}

pub(crate) fn units(number: i64) -> Units {
    Units::new(number).expect("so few units")
}
