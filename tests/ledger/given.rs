//! One account, its database, a clock that tests turn, and a Stripe that says what it is told to say.

use serde_json::Value as Json;
use stripe402_core::protocol::{AccountId, ClientId, Currency, ErrorCode, PaymentMethodId, Units};
use stripe402_edge::ledger::account::{Spent, Terms, Told};
use stripe402_edge::ledger::amount::Offer;
use stripe402_edge::ledger::entries::{self, Kind};
use stripe402_edge::ledger::operator::{ACT, Act, What};
use stripe402_edge::ledger::record::Record;
use stripe402_edge::ledger::topup::{Call, Event, StripeSide, TopUp};
use stripe402_edge::ledger::{
    Account, Advanced, Answer, Limits, Millis, Op, Order, Pay, Paying, Posted, Refused, Row, Store,
};
use stripe402_edge::stripe::{CustomerId, Method, Reply, TopUpId};

use crate::support::replies::{Intent, attached, customer};
use crate::support::sqlite::Sqlite;

/// When every test begins.
pub(crate) const START: Millis = Millis(1_790_000_000_000);
pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// How long debits are kept singly.
pub(crate) const KEEP: i64 = 90 * DAY;

pub(crate) const DEPLOYMENT: &str = "0123456789abcdef";

pub(crate) fn units(number: i64) -> Units {
    Units::new(number).unwrap()
}

pub(crate) fn usd() -> Currency {
    Currency::USD
}

pub(crate) fn eur() -> Currency {
    Currency::parse("eur").unwrap()
}

pub(crate) fn client() -> ClientId {
    ClientId::derive(&[7; 32], "Xt5EWLLDS7FJjR1c")
}

pub(crate) fn account_id() -> AccountId {
    AccountId::of(&client())
}

pub(crate) fn op(number: u8) -> Op {
    Op::from_bytes([number; 16])
}

pub(crate) fn order(number: u8, price: i64) -> Order {
    Order {
        currency: usd(),
        price: units(price),
        resource: "GET /api/joke".to_owned(),
        route: None,
        op: op(number),
        retried: false,
        nth: 1,
        key: None,
    }
}

/// A payment of 100 units in USD, the `number`th of its test, with a card that is attached to nobody.
pub(crate) fn card(number: u8, method: &str) -> Pay {
    Pay {
        order: order(number, 100),
        client_id: Some(client()),
        sent: PaymentMethodId::parse(method).unwrap(),
        method: PaymentMethodId::parse(method).unwrap(),
        customer: None,
        offer: Offer { min: units(50_000), max: units(1_000_000), asked: None },
        limits: Limits { declines_per_hour: None, per_day: None },
        deposit: None,
    }
}

/// The same with the card attached to the account's Customer.
pub(crate) fn known_card(number: u8, method: &str) -> Pay {
    Pay { customer: Some(CustomerId::parse("cus_1").unwrap()), ..card(number, method) }
}

/// The same for another price.
pub(crate) fn for_price(price: i64, mut pay: Pay) -> Pay {
    pay.order.price = units(price);
    pay
}

/// The same in another currency.
pub(crate) fn in_currency(currency: Currency, mut pay: Pay) -> Pay {
    pay.order.currency = currency;
    pay
}

pub(crate) fn id(number: u8) -> TopUpId {
    TopUpId::from_bytes([number; 16])
}

/// An operator's act.
pub(crate) fn act(name: &str, what: What) -> Act {
    let moves = matches!(what, What::Adjust | What::Refund);
    Act {
        name: format!("{ACT}{name}"),
        what,
        by: "Ada".to_owned(),
        reason: "asked for".to_owned(),
        currency: moves.then(usd),
        amount: None,
    }
}

pub(crate) fn side(account: &str, live: bool) -> StripeSide {
    StripeSide { live, account: account.to_owned(), version: "2026-07-29.dahlia".to_owned() }
}

/// An account under test.
pub(crate) struct World {
    pub(crate) store: Sqlite,
    pub(crate) now: Millis,
    pub(crate) side: StripeSide,
    begun: u8,
}

impl World {
    /// A client of whom nothing is known.
    pub(crate) fn new() -> Self {
        Self { store: Sqlite::in_memory(), now: START, side: side("51Example", false), begun: 0 }
    }

    /// A client who paid 500 cents in with `pm_1` before, and spent nothing; the card is attached to `cus_1`.
    pub(crate) fn credited() -> Self {
        let mut world = Self::new();
        let pay = card(0, "pm_1");
        let call = world.charging(&pay);
        let told = world.reply(&call, Intent::new("pi_first", "succeeded").reply(), &[]);
        assert!(told.outcome.is_some() && told.call.is_none());
        world.now = world.now.plus(DAY + HOUR);
        assert_eq!(world.balance(usd()), 50_000);
        world
    }

    pub(crate) fn account(&self) -> Account<'_, Sqlite> {
        Account::new(&self.store)
    }

    pub(crate) fn later(&mut self, span: i64) {
        self.now = self.now.plus(span);
    }

    /// What the account makes of a payment. The top-up that it may begin is `id(n)` of the nth call.
    pub(crate) fn pay(&mut self, pay: &Pay) -> Paying {
        self.begun += 1;
        let side = self.side.clone();
        let terms = Terms { side: &side, deployment: DEPLOYMENT, descriptor_suffix: None };
        self.account().pay(pay, &id(self.begun), &terms, self.now).unwrap()
    }

    /// A payment that must drive: gives the call.
    pub(crate) fn drives(&mut self, pay: &Pay) -> Call {
        match self.pay(pay) {
            Paying::Drive(call) => call,
            other => panic!("not driving: {other:?}"),
        }
    }

    /// A payment that must be answered at once.
    pub(crate) fn answers(&mut self, pay: &Pay) -> Answer {
        match self.pay(pay) {
            Paying::Answered(answer) => answer,
            other => panic!("not answered: {other:?}"),
        }
    }

    /// A payment that must join the open top-up.
    pub(crate) fn joins(&mut self, pay: &Pay) {
        let paying = self.pay(pay);
        assert!(matches!(paying, Paying::Join), "not joining: {paying:?}");
    }

    /// Stripe's reply to a call, while these wait.
    pub(crate) fn reply(&self, call: &Call, reply: Reply, waiting: &[&Pay]) -> Advanced {
        let event = Event::Replied { verb: &call.verb, reply: &reply };
        let advanced = self.account().advance(&event, waiting, self.now).unwrap();
        advanced.expect("an open top-up")
    }

    /// Stripe's reply, after which another call must follow.
    pub(crate) fn next(&self, call: &Call, reply: Reply) -> Call {
        let advanced = self.reply(call, reply, &[]);
        advanced.call.unwrap_or_else(|| panic!("no call: {:?}", advanced.outcome))
    }

    /// A first payment with `pm_1` up to its charge, which is given.
    pub(crate) fn charging(&mut self, pay: &Pay) -> Call {
        let call = self.drives(pay);
        assert_eq!(call.request.path, "/v1/customers");
        let call = self.next(&call, customer("cus_1"));
        let charge = self.next(&call, attached(pay.method.as_str(), "cus_1"));
        assert_eq!(charge.request.path, "/v1/payment_intents");
        charge
    }

    /// A payment with a card that is attached already, up to its charge.
    pub(crate) fn charges(&mut self, pay: &Pay) -> Call {
        let call = self.drives(pay);
        assert_eq!(call.request.path, "/v1/payment_intents");
        call
    }

    /// The alarm rings at its time.
    pub(crate) fn alarm(&mut self, waiting: &[&Pay]) -> Advanced {
        let at = self.account().wake_at(KEEP, self.now).unwrap().expect("something is due");
        assert!(at >= self.now, "the alarm is {} ms late", self.now.since(at));
        self.now = at;
        self.wake(waiting)
    }

    /// The alarm rings now, due or not.
    pub(crate) fn wake(&self, waiting: &[&Pay]) -> Advanced {
        let event = Event::Woke { here: &self.side };
        self.account().advance(&event, waiting, self.now).unwrap().expect("an open top-up")
    }

    /// In how many milliseconds the alarm rings, if not only for what is to be summed up.
    pub(crate) fn due_in(&self) -> Option<i64> {
        self.account()
            .wake_at(KEEP, self.now)
            .unwrap()
            .map(|at| at.since(self.now))
            .filter(|span| *span < KEEP)
    }

    pub(crate) fn spend(&self, order: &Order) -> Spent {
        self.account().spend(order, self.now).unwrap()
    }

    pub(crate) fn credit(&self, currency: Currency, amount: i64, source: &str) -> Option<Posted> {
        let amount = units(amount);
        entries::post_source(&self.store, Kind::TopUp, currency, amount, source, self.now).unwrap()
    }

    pub(crate) fn balance(&self, currency: Currency) -> i64 {
        entries::balance(&self.store, currency).unwrap().get()
    }

    /// Every entry: currency and number, kind, amount, balance. Checked on the way: the sums and the numbering.
    pub(crate) fn entries(&self) -> Vec<(String, String, i64, i64)> {
        let rows =
            self.store.look("SELECT currency, seq, kind, amount, balance FROM entry ORDER BY currency, seq");
        let mut entries: Vec<(String, String, i64, i64)> = Vec::new();
        let (mut currency, mut seq, mut sum) = (String::new(), 0, 0);
        for row in rows {
            if row.text(0).unwrap() != currency {
                (currency, seq, sum) = (row.text(0).unwrap().to_owned(), 0, 0);
            }
            let (amount, balance) = (row.integer(3).unwrap(), row.integer(4).unwrap());
            (seq, sum) = (seq + 1, sum + amount);
            assert_eq!((row.integer(1).unwrap(), balance), (seq, sum), "{currency} {seq}");
            entries.push((format!("{currency} {seq}"), row.text(2).unwrap().to_owned(), amount, balance));
        }
        entries
    }

    /// The records of all top-ups in the order in which they began, as they stand on disk.
    pub(crate) fn records(&self) -> Vec<TopUp> {
        let rows = self.look_or_none("SELECT machine FROM topup ORDER BY started_at, id");
        rows.iter()
            .map(|row| TopUp::read(&serde_json::from_str(row.text(0).unwrap()).unwrap()).unwrap())
            .collect()
    }

    /// The only open record, as JSON.
    pub(crate) fn open(&self) -> Json {
        let rows = self.store.look("SELECT machine FROM topup WHERE open = 1");
        assert_eq!(rows.len(), 1, "one top-up is open");
        serde_json::from_str(rows[0].text(0).unwrap()).unwrap()
    }

    /// The word for how each top-up ended, in the order in which they began; "-" for the open one.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let rows = self.store.look("SELECT coalesce(outcome, '-') FROM topup ORDER BY started_at, id");
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    }

    /// A look at tables that may not be there yet.
    pub(crate) fn look_or_none(&self, sql: &'static str) -> Vec<Row> {
        if self.is_blank() { Vec::new() } else { self.store.look(sql) }
    }

    pub(crate) fn balance_or_none(&self, currency: Currency) -> i64 {
        if self.is_blank() { 0 } else { self.balance(currency) }
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.store.is_blank().unwrap()
    }
}

/// The call as one line: `POST /path key`.
pub(crate) fn line(call: &Call) -> String {
    let key = call.request.key.as_deref().unwrap_or("-");
    format!("{} {} {key}", call.request.method.as_str(), call.request.path)
}

pub(crate) fn is_post(call: Option<&Call>) -> bool {
    call.is_some_and(|call| call.request.method == Method::Post)
}

/// Somebody who was paid for: the balance after the debit, and the PaymentIntent if it was theirs.
pub(crate) fn paid(told: &Told) -> (i64, Option<&str>) {
    match told {
        Told::Answer(answer) => paid_at_once(answer),
        other => panic!("not paid: {other:?}"),
    }
}

pub(crate) fn paid_at_once(answer: &Answer) -> (i64, Option<&str>) {
    match answer {
        Answer::Paid { balance, charge, .. } => {
            (balance.get(), charge.as_ref().map(stripe402_edge::stripe::PaymentIntentId::as_str))
        }
        other => panic!("not paid: {other:?}"),
    }
}

/// Somebody who was refused: the code and the sentence.
pub(crate) fn refused(answer: &Answer) -> (ErrorCode, &str) {
    match answer {
        Answer::Refused(Refused { code, message, .. }) => (*code, message),
        other => panic!("not refused: {other:?}"),
    }
}

/// The answer to somebody who waited.
pub(crate) fn answer(told: &Told) -> &Answer {
    match told {
        Told::Answer(answer) => answer,
        other => panic!("not answered: {other:?}"),
    }
}

/// Whether somebody is told that the outcome is not known, and when to come again.
pub(crate) fn is_pending(answer: &Answer) -> bool {
    matches!(answer, Answer::Pending { retry_after } if *retry_after > 0)
}

/// An account's limits.
pub(crate) fn limits(declines_per_hour: u32, per_day: i64) -> Limits {
    Limits { declines_per_hour: Some(declines_per_hour), per_day: Some(units(per_day)) }
}
