//! One world: its clock, what is under way in it, and who is told of what.
//!
//! Kept true here: nothing happens but what stands in the queue, in the order of its time; what is left to chance comes
//! from the dice of the step that is being done. So a history happens the same way every time.

use std::collections::{BTreeMap, HashMap};

use stripe402_edge::ledger::account::Told;
use stripe402_edge::ledger::operator::Act as OperatorAct;
use stripe402_edge::ledger::topup::StripeSide;
use stripe402_edge::ledger::{Answer, Call, Millis, Pay};
use stripe402_edge::stripe::Reply;

use super::coverage::Coverage;
use super::dice::Dice;
use super::disk::Disk;
use super::invariants::Violation;
use super::link::{Ask, Caller, Try};
use super::object::Object;
use super::reports::Reports;
use super::requests::Request;
use super::schedule::{Act, Bound, Profile, Schedule, Step};
use super::stripe::{Life, Stripe, client};
use super::webhooks::Delivery;
use super::wire::Out;
use super::{DAY, HOUR, MINUTE, SECOND, START};

/// So much never happens in one world.
const MOST_EVENTS: u64 = 50_000;

/// Something that happens at its time.
#[derive(Debug)]
pub(crate) enum Event {
    /// A call of the Worker reaches an object.
    Arrive(Try),
    /// An object's answer reaches the Worker.
    Answered(Try, Answer),
    /// The Worker learns that a call failed.
    Failed(Try),
    /// The Worker tries a call again.
    Again(usize),
    /// The Worker's time for a call is over.
    Limit(usize),
    /// An object debits all who have queued up.
    Serve { account: usize, generation: u32 },
    /// One who waited in an object goes on.
    Resume { account: usize, generation: u32, of: Try, pay: Box<Pay>, told: Told, began: Millis },
    /// One who waits in an object has waited long enough.
    WaitOver { account: usize, generation: u32, of: Try },
    /// An object's writes are flushed.
    Flush { account: usize, generation: u32 },
    /// An object's alarm fires.
    Alarm { account: usize, at: Millis },
    /// A request reaches Stripe.
    AtStripe(usize),
    /// Stripe is through with a request that took long.
    Through(usize),
    /// Stripe's reply, or the lack of one, reaches whoever asked.
    Replied(usize, Reply, &'static str),
    /// The origin answered a request, or did not.
    Origin(usize, bool),
    /// Somebody who was told to come again does.
    ComeAgain(usize),
    /// Stripe tries to deliver a webhook.
    Deliver(usize),
    /// Something happens at Stripe by itself.
    Life(Life),
    /// A handover reaches the reports; whoever made it is told, if it is not a late copy.
    AtReports(String, Option<(usize, u32)>),
    /// An object learns what became of its handover.
    Reported { account: usize, generation: u32, json: String, arrived: bool },
}

/// What goes first of what happens in the same millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Who was told something goes on before anything else can happen to the object.
    AtOnce,
    InTurn,
}

/// A world.
pub(crate) struct World<'a> {
    pub(crate) now: Millis,
    queue: BTreeMap<(Millis, Class, u64), Event>,
    order: u64,
    pub(crate) profile: Profile,
    pub(crate) stripe: Stripe,
    /// Which side of Stripe our keys speak to.
    pub(crate) here: usize,
    pub(crate) objects: Vec<Object<'a>>,
    pub(crate) requests: Vec<Request>,
    pub(crate) asks: Vec<Ask>,
    pub(crate) outs: Vec<Out>,
    pub(crate) deliveries: Vec<Delivery>,
    /// What the isolate remembers of payment methods.
    pub(crate) known: HashMap<String, usize>,
    /// What was sent to Stripe under each idempotency key, and when first by each top-up.
    pub(crate) bytes_of: HashMap<String, String>,
    pub(crate) first_sent: HashMap<(Option<String>, String), Millis>,
    /// The top-ups that were begun for the deposits of an account, by the deposit's name, and when.
    pub(crate) deposits: HashMap<(usize, String), Vec<(String, Millis)>>,
    /// What the reports say, and whether they are bound.
    pub(crate) reports: Reports,
    pub(crate) bound: bool,
    /// The operator's acts, and on which account.
    pub(crate) acts: Vec<(usize, OperatorAct)>,
    pub(crate) coverage: &'a mut Coverage,
    /// Whether anything changed that the invariants speak of.
    pub(crate) changed: bool,
    /// What happened, in words, if somebody wants to read it.
    pub(crate) told: Option<Vec<String>>,
    pub(crate) broken: Option<Violation>,
}

impl<'a> World<'a> {
    pub(crate) fn new(
        schedule: &Schedule,
        disks: &'a [Disk],
        coverage: &'a mut Coverage,
        tell: bool,
    ) -> Self {
        let profile = schedule.profile;
        let objects = disks.iter().take(profile.clients).enumerate();
        let objects = objects.map(|(card, disk)| {
            disk.clear();
            Object::new(disk, client(card).1)
        });
        Self {
            now: START,
            queue: BTreeMap::new(),
            order: 0,
            profile,
            stripe: Stripe::new(profile.clients, profile.limits),
            here: 0,
            objects: objects.collect(),
            requests: Vec::new(),
            asks: Vec::new(),
            outs: Vec::new(),
            deliveries: Vec::new(),
            known: HashMap::new(),
            bytes_of: HashMap::new(),
            first_sent: HashMap::new(),
            deposits: HashMap::new(),
            reports: Reports::default(),
            bound: profile.bound != Bound::Never,
            acts: Vec::new(),
            coverage,
            changed: true,
            told: tell.then(Vec::new),
            broken: None,
        }
    }

    /// Does all of a history, lets the world come to rest, and checks the accounts.
    pub(crate) fn run(&mut self, schedule: &Schedule) {
        for (nth, step) in schedule.steps.iter().enumerate() {
            self.tell(|| format!("{nth:>2} {:?}{}", step.act, if step.calm { "" } else { " (faults)" }));
            self.step(step);
            if self.broken.is_some() {
                return;
            }
        }
        self.come_to_rest();
    }

    fn step(&mut self, step: &Step) {
        let mut dice = step.dice();
        let dice = &mut dice;
        match step.act {
            Act::Ask => self.ask_for_something(dice),
            Act::Pass(span) => return self.pass(span, dice),
            Act::Refund => self.stripe.refund(self.now, dice),
            Act::Dispute => self.stripe.dispute(self.now, dice),
            Act::HangUp => self.hang_up(dice),
            Act::Crash => {
                let account = dice.below(self.objects.len());
                self.crash(account, dice);
            }
            Act::Deploy => {
                let here = if dice.chance(600) { 1 - self.here } else { self.here };
                self.deploy(here, dice);
            }
            Act::Operate => self.operate(dice),
            Act::DeleteCustomer => {
                if let Some(id) = self.stripe.delete_customer(self.here, dice) {
                    self.tell(|| format!("   the operator deletes {id}"));
                }
            }
        }
        self.after(dice);
        // What was begun gets a moment to interleave with what comes next.
        let moment = dice.between(0, 25);
        self.pass(moment, dice);
    }

    /// Lets so much time pass, and with it what is due.
    pub(crate) fn pass(&mut self, span: i64, dice: &mut Dice) {
        let until = self.now.plus(span);
        while let Some(entry) = self.queue.first_entry() {
            let (at, _, order) = *entry.key();
            if at > until || self.broken.is_some() {
                break;
            }
            let event = entry.remove();
            self.now = self.now.max(at);
            if order > MOST_EVENTS {
                return self.break_rule(Violation::endless());
            }
            self.happen(event, dice);
            self.after(dice);
        }
        self.now = self.now.max(until);
    }

    fn happen(&mut self, event: Event, dice: &mut Dice) {
        match event {
            Event::Arrive(of) => self.arrive(of, dice),
            Event::Answered(of, answer) => self.answered(of, answer, dice),
            Event::Failed(of) => self.failed(of, dice),
            Event::Again(ask) => self.send_again(ask, dice),
            Event::Limit(ask) => self.give_up(ask, dice),
            Event::Resume { account, generation, of, pay, told, began } => {
                if self.is_alive(account, generation) {
                    self.resume(account, of, *pay, told, began, dice);
                }
            }
            Event::Serve { account, generation } => {
                if self.is_alive(account, generation) {
                    self.serve(account, dice);
                }
            }
            Event::WaitOver { account, generation, of } => {
                if self.is_alive(account, generation) {
                    self.wait_over(account, of, dice);
                }
            }
            Event::Flush { account, generation } => {
                if self.is_alive(account, generation) {
                    self.flush(account, dice);
                }
            }
            Event::Alarm { account, at } => self.alarm_fires(account, at, dice),
            Event::AtStripe(out) => self.at_stripe(out, dice),
            Event::Through(out) => self.through(out, dice),
            Event::Replied(out, reply, said) => self.replied(out, &reply, said, dice),
            Event::Origin(request, served) => self.origin_answered(request, served, dice),
            Event::ComeAgain(request) => self.come_again(request, dice),
            Event::Deliver(delivery) => self.deliver(delivery, dice),
            Event::AtReports(json, from) => self.at_reports(json, from, dice),
            Event::Reported { account, generation, json, arrived } => {
                if self.is_alive(account, generation) {
                    self.reported(account, &json, arrived, dice);
                }
            }
            Event::Life(life) => {
                self.tell(|| format!("   at Stripe: {life:?}"));
                self.stripe.live(life, self.now, dice);
            }
        }
    }

    /// After everything that happened: what Stripe announces is on its way, and every invariant is checked.
    fn after(&mut self, dice: &mut Dice) {
        for event in std::mem::take(&mut self.stripe.events) {
            self.changed = true;
            self.announce(event, dice);
        }
        for (at, life) in std::mem::take(&mut self.stripe.later) {
            self.at(at, Event::Life(life));
        }
        self.check();
    }

    pub(crate) fn at(&mut self, at: Millis, event: Event) {
        self.order += 1;
        let class = if matches!(event, Event::Resume { .. }) { Class::AtOnce } else { Class::InTurn };
        self.queue.insert((at.max(self.now), class, self.order), event);
    }

    pub(crate) fn in_a(&mut self, span: i64, event: Event) {
        self.at(self.now.plus(span), event);
    }

    /// The Stripe that our keys speak to.
    pub(crate) fn side(&self) -> &StripeSide {
        &self.stripe.sides[self.here].name
    }

    pub(crate) fn is_alive(&self, account: usize, generation: u32) -> bool {
        self.objects[account].generation == generation
    }

    /// The Worker is deployed anew: every object starts afresh, and may speak to another Stripe from now on.
    fn deploy(&mut self, here: usize, dice: &mut Dice) {
        self.tell(|| format!("   deployed, with the keys of Stripe {here}"));
        self.here = here;
        if self.profile.bound == Bound::NowAndThen {
            self.bound = !self.bound;
            let bound = self.bound;
            self.tell(|| format!("   reports are {}bound", if bound { "" } else { "not " }));
        }
        self.known.clear();
        for account in 0..self.objects.len() {
            self.crash(account, dice);
        }
    }

    /// Nothing goes wrong any more: everything that is due is done, at this Stripe and then at the other.
    fn come_to_rest(&mut self) {
        self.profile = self.profile.quiet();
        let mut dice = Dice::calm(1);
        self.tell(|| "   from here on nothing goes wrong".to_owned());
        for turn in 0..2 {
            if turn == 1 {
                if !self.bound {
                    // Without reports, debits become old enough to be summed up.
                    self.pass(4 * DAY, &mut dice);
                }
                self.deploy(1 - self.here, &mut dice);
                self.bind_reports(&mut dice);
            }
            for _ in 0..8 {
                self.deliver_all(&mut dice);
                self.pass(6 * HOUR, &mut dice);
                if self.is_at_rest() || self.broken.is_some() {
                    break;
                }
            }
            self.pass(5 * MINUTE, &mut dice);
            if self.broken.is_some() {
                return;
            }
            self.check_nothing_is_stuck();
        }
        self.check_the_books();
        self.check_the_reports();
    }

    /// Whether nothing will happen any more but alarms.
    fn is_at_rest(&self) -> bool {
        !self.queue.values().any(|event| !matches!(event, Event::Alarm { .. } | Event::Limit(_)))
    }

    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(told) = &mut self.told {
            let since = self.now.since(START);
            let (seconds, millis) = (since / SECOND, since % SECOND);
            told.push(format!("{seconds:>7}.{millis:03} {}", line()));
        }
    }

    pub(crate) fn begin_ask(&mut self, account: usize, call: Call, from: Caller, dice: &mut Dice) {
        let ask = self.asks.len();
        self.asks.push(Ask::new(account, call, from, self.now));
        let limit = self.asks[ask].limit();
        self.in_a(limit, Event::Limit(ask));
        self.send(ask, dice);
    }
}
