//! An object of the platform: its turns, its memory, its storage, its gate, its alarm, and how it dies.
//!
//! Kept true here: what a turn writes is durable only once it is flushed, and nothing that a turn says leaves the object
//! before. A crash takes the memory, the unflushed writes and what was not said yet; the alarm stays as it was flushed.

use std::collections::VecDeque;

use stripe402_core::protocol::AccountId;
use stripe402_edge::ledger::account::Announcement;
use stripe402_edge::ledger::topup::TopUp;
use stripe402_edge::ledger::{Answer, Millis, Order, Pay};
use stripe402_edge::stripe::{PaymentIntent, Request};

use super::books::Books;
use super::coverage::Moment;
use super::dice::Dice;
use super::disk::Disk;
use super::link::Try;
use super::wire::Asker;
use super::world::{Event, World};
use super::{MINUTE, SECOND};

/// An object, alive or about to be started again.
pub(crate) struct Object<'a> {
    pub(crate) disk: &'a Disk,
    pub(crate) account: AccountId,
    /// How often it has died: what was meant for the one before does not reach it.
    pub(crate) generation: u32,
    /// How far its clock is off.
    skew: i64,
    /// The calls that are in it, unanswered.
    pub(crate) inside: Vec<Try>,
    /// What it says once its writes are durable.
    outbox: Vec<Message>,
    /// The debits that wait for the next turn of the event loop.
    pub(crate) queue: Vec<(Try, Order)>,
    pub(crate) waiters: VecDeque<Waiter>,
    pub(crate) driving: bool,
    /// Whether a call of a payback is out.
    pub(crate) paying_back: bool,
    pub(crate) reports: Reporting,
    pub(crate) booked: u32,
    pub(crate) reading: Vec<Reading>,
    pub(crate) readings: u32,
    /// What it believes its alarm to be.
    pub(crate) armed: Option<Millis>,
    /// Its alarm, as set and as flushed.
    pub(crate) alarm: Option<Millis>,
    alarm_kept: Option<Millis>,
    /// The open top-up, as the checks last read it.
    pub(crate) open: Option<TopUp>,
    pub(crate) books: Books,
}

/// What an object keeps in memory of its reports.
#[derive(Default)]
pub(crate) struct Reporting {
    /// Whether a handover is out.
    pub(crate) under_way: bool,
    /// Whether the alarm is set for the next one.
    pub(crate) awaited: bool,
}

/// One who waits for the open top-up.
pub(crate) struct Waiter {
    pub(crate) of: Try,
    pub(crate) pay: Pay,
    pub(crate) began: Millis,
}

/// An announcement whose truth is being read.
pub(crate) struct Reading {
    pub(crate) nth: u32,
    pub(crate) of: Try,
    pub(crate) announcement: Announcement,
    /// How many had been booked when this began to read.
    pub(crate) booked: u32,
    pub(crate) tries: u32,
    pub(crate) intent: Option<PaymentIntent>,
}

/// Something that leaves an object.
enum Message {
    Answer(Try, Answer),
    ToStripe(Asker, Request),
    ToReports(String),
}

impl<'a> Object<'a> {
    pub(crate) fn new(disk: &'a Disk, account: AccountId) -> Self {
        Self {
            disk,
            account,
            generation: 0,
            skew: 0,
            inside: Vec::new(),
            outbox: Vec::new(),
            queue: Vec::new(),
            waiters: VecDeque::new(),
            driving: false,
            paying_back: false,
            reports: Reporting::default(),
            booked: 0,
            reading: Vec::new(),
            readings: 0,
            armed: None,
            alarm: None,
            alarm_kept: None,
            open: None,
            books: Books::default(),
        }
    }

    /// An answer that leaves with the next flush.
    pub(crate) fn say(&mut self, of: Try, answer: Answer) {
        self.outbox.push(Message::Answer(of, answer));
    }

    /// A call to Stripe that leaves with the next flush.
    pub(crate) fn ask_stripe(&mut self, from: Asker, request: Request) {
        self.outbox.push(Message::ToStripe(from, request));
    }

    /// A handover to the reports that leaves with the next flush.
    pub(crate) fn hand_over(&mut self, json: String) {
        self.outbox.push(Message::ToReports(json));
    }
}

/// How much more often an object dies in a turn that seldom happens, so that it does so often enough in all.
fn seldom(turn: &str) -> u64 {
    match turn {
        "method answered" => 5,
        "refund answered" => 10,
        "list answered" | "cancel answered" | "reverse" | "deliver" | "report answered" => 2,
        _ => 1,
    }
}

impl World<'_> {
    /// The time, as an object's clock shows it.
    pub(crate) fn clock(&self, account: usize) -> Millis {
        self.now.plus(self.objects[account].skew)
    }

    /// Lets an object have a turn: what is written in it is flushed, and only then what is said in it leaves.
    pub(crate) fn turn(
        &mut self,
        account: usize,
        name: &'static str,
        dice: &mut Dice,
        work: impl FnOnce(&mut Self, &mut Dice),
    ) {
        self.objects[account].disk.begin();
        work(self, dice);
        self.look_at(account);
        if self.broken.is_some() {
            return;
        }
        if dice.fault(self.profile.crash * seldom(name)) {
            let moment = dice.one_of(&[Moment::BeforeFlush, Moment::BeforeSending, Moment::AfterSending]);
            self.coverage.crash(name, moment);
            self.tell(|| format!("   {account}: crash in {name}, {moment:?}"));
            if moment != Moment::BeforeFlush {
                self.keep(account);
            }
            if moment == Moment::AfterSending {
                self.let_out(account, dice);
            }
            return self.crash(account, dice);
        }
        if dice.fault(self.profile.hold) {
            let generation = self.objects[account].generation;
            return self.in_a(dice.between(1, 15), Event::Flush { account, generation });
        }
        self.flush(account, dice);
    }

    pub(crate) fn flush(&mut self, account: usize, dice: &mut Dice) {
        self.keep(account);
        self.let_out(account, dice);
    }

    /// What was written is durable now, the alarm with it.
    fn keep(&mut self, account: usize) {
        let object = &mut self.objects[account];
        object.disk.flush();
        if object.alarm_kept != object.alarm {
            object.alarm_kept = object.alarm;
            self.set_alarm(account, 0);
        }
    }

    /// What was said leaves.
    fn let_out(&mut self, account: usize, dice: &mut Dice) {
        for message in std::mem::take(&mut self.objects[account].outbox) {
            match message {
                Message::Answer(of, answer) => {
                    self.objects[account].inside.retain(|one| *one != of);
                    self.carry_back(of, answer, dice);
                }
                Message::ToStripe(from, request) => {
                    self.check_bytes(account, &request);
                    self.send_to_stripe(from, request, dice);
                }
                Message::ToReports(json) => self.send_to_reports(account, json, dice),
            }
        }
    }

    /// The platform rings at the time that was flushed, or some time after.
    fn set_alarm(&mut self, account: usize, late: i64) {
        let object = &self.objects[account];
        if let Some(at) = object.alarm_kept {
            self.at(at.plus(late - object.skew), Event::Alarm { account, at });
        }
    }

    pub(crate) fn alarm_fires(&mut self, account: usize, at: Millis, dice: &mut Dice) {
        if self.objects[account].alarm_kept != Some(at) {
            return;
        }
        if self.clock(account) < at {
            // Another instance, whose clock is behind.
            return self.set_alarm(account, 0);
        }
        if dice.fault(self.profile.alarm) {
            let late = self.clock(account).since(at) + dice.between(SECOND, 10 * MINUTE);
            return self.set_alarm(account, late);
        }
        self.tell(|| format!("   {account}: the alarm fires"));
        self.objects[account].alarm = None;
        self.turn(account, "alarm", dice, |world, dice| world.alarm(account, dice));
        if dice.fault(self.profile.alarm) && self.broken.is_none() {
            self.tell(|| format!("   {account}: the alarm fires again"));
            self.objects[account].alarm = None;
            self.turn(account, "alarm", dice, |world, dice| world.alarm(account, dice));
        }
    }

    /// An object dies. Whoever waits for it learns that its call failed.
    pub(crate) fn crash(&mut self, account: usize, dice: &mut Dice) {
        self.tell(|| format!("   {account}: the object dies"));
        let object = &mut self.objects[account];
        object.disk.lose();
        object.generation += 1;
        object.skew = if dice.fault(500) { dice.between(-2 * SECOND, 2 * SECOND) } else { 0 };
        object.queue.clear();
        object.waiters.clear();
        object.outbox.clear();
        object.reading.clear();
        (object.driving, object.paying_back, object.booked, object.armed) = (false, false, 0, None);
        object.reports = Reporting::default();
        object.alarm = object.alarm_kept;
        object.books.forget();
        for of in std::mem::take(&mut object.inside) {
            self.in_a(dice.between(1, 10), Event::Failed(of));
        }
        // It rings by the clock of the next instance.
        self.set_alarm(account, 0);
        self.look_at(account);
    }
}
