//! What an object does with a call, a reply of Stripe's and its alarm: `worker/account_object`, line by line, around the
//! real ledger.

use stripe402_edge::ledger::account::{Paying, Terms, Told, pending};
use stripe402_edge::ledger::alarm::alarm_at;
use stripe402_edge::ledger::topup::{
    Asked, Call as StripeCall, Event as TopUpEvent, IN_FLIGHT, State, Step, Verb,
};
use stripe402_edge::ledger::{Account as Ledger, Answer, Call, Millis, Pay, Spent, StoreError};
use stripe402_edge::stripe::{Reply, TopUpId};

use super::DAY;
use super::coverage::state_of;
use super::dice::Dice;
use super::invariants::Violation;
use super::link::{TOP_UP_WAIT, Try};
use super::object::Waiter;
use super::stripe::DEPLOYMENT;
use super::wire::Asker;
use super::world::{Event, World};

/// How long debits are kept singly: the least that an operator may set (COMPACT_AFTER_DAYS).
const KEEP: i64 = 2 * DAY;

/// How many may wait on one account (`worker/waiters`).
const MOST_WAITERS: usize = 64;

macro_rules! ledger {
    ($world:ident, $account:ident) => {
        Ledger::new($world.objects[$account].disk)
    };
}
pub(crate) use ledger;

impl World<'_> {
    /// A call of the Worker.
    pub(crate) fn call(&mut self, account: usize, of: Try, call: Call, dice: &mut Dice) {
        let now = self.clock(account);
        match call {
            Call::Spend(order) => {
                let queue = &mut self.objects[account].queue;
                queue.push((of, order));
                if queue.len() == 1 {
                    let generation = self.objects[account].generation;
                    // The loop may be busy.
                    let soon = if dice.fault(self.profile.hold / 4) { 400 } else { 2 };
                    self.in_a(dice.between(0, soon), Event::Serve { account, generation });
                }
            }
            Call::Reverse { currency, seq, op, holder } => self.turn(account, "reverse", dice, |world, _| {
                let holder = holder.as_ref().unwrap_or(&op);
                let balance = ledger!(world, account).reverse(currency, seq, &op, holder, now);
                world.report_soon(account);
                world.say(account, of, balance.map(|balance| Answer::Reversed { balance }));
            }),
            Call::Undo { currency, op } => self.turn(account, "undo", dice, |world, _| {
                // Whoever still queues or waits under this name does so for nobody.
                world.serve_queue(account);
                world.objects[account].waiters.retain(|waiter| waiter.pay.order.op != op);
                let balance = ledger!(world, account).undo(currency, &op, now);
                world.report_soon(account);
                world.say(account, of, balance.map(|balance| Answer::Reversed { balance }));
            }),
            Call::Deliver { key, holder } => self.turn(account, "deliver", dice, |world, _| {
                let ours = ledger!(world, account).deliver(&key, &holder, now);
                world.say(account, of, ours.map(|ours| if ours { Answer::Done } else { Answer::NotOurs }));
            }),
            Call::Announce(announcement) => self.turn(account, "announcement", dice, |world, _| {
                world.begin_reading(account, of, announcement);
            }),
            // Reads only: nobody in a history asks for one.
            Call::Show(_) | Call::IsKnown | Call::See(..) => {}
            Call::Act(act) => self.turn(account, "act", dice, |world, _| world.act(account, of, &act)),
            Call::Pay(pay) => self.turn(account, "pay", dice, |world, dice| {
                world.pay(account, of, *pay, now, dice);
            }),
        }
    }

    /// Debits all who have queued up since the last turn of the event loop (`worker/debit_queue`).
    pub(crate) fn serve(&mut self, account: usize, dice: &mut Dice) {
        self.turn(account, "spend", dice, |world, _| world.serve_queue(account));
    }

    fn serve_queue(&mut self, account: usize) {
        let now = self.clock(account);
        let mut debited = false;
        for (of, order) in std::mem::take(&mut self.objects[account].queue) {
            let spent = ledger!(self, account).spend(&order, now);
            debited |= matches!(spent, Ok(Spent::Paid(_)));
            self.say(account, of, spent.map(Spent::into_answer));
        }
        if debited {
            self.report_soon(account);
        }
    }

    /// Once around `pay`'s loop: what is answered, or whom to wait with.
    fn pay(&mut self, account: usize, of: Try, pay: Pay, began: Millis, dice: &mut Dice) {
        let now = self.clock(account);
        let fresh = TopUpId::from_bytes(dice.bytes());
        let before = self.objects[account].open.clone();
        let decided = before.is_none() && self.is_decided(account, &pay, now);
        let paying = ledger!(self, account).pay(&pay, &fresh, &self.terms(), now);
        self.look_at(account);
        if decided {
            self.check_no_charge(account, &pay);
        }
        if let Some(before) = before {
            let after = self.objects[account].open.as_ref().map(|top_up| &top_up.state);
            let event = match (&before.state, after) {
                (State::Action { asked: None, .. }, Some(State::Action { asked: Some(Asked::Same), .. })) => {
                    "payer: same"
                }
                (
                    State::Action { asked: None, .. },
                    Some(State::Action { asked: Some(Asked::Other), .. }),
                ) => "payer: other",
                _ => "payer",
            };
            self.coverage.pair(state_of(&before), event);
        }
        match paying {
            Err(error) => return self.break_rule(Violation::store(&error)),
            Ok(Paying::Answered(answer)) => {
                self.report_soon(account);
                return self.objects[account].say(of, answer);
            }
            Ok(Paying::Join) => {}
            Ok(Paying::Drive(call)) => {
                self.objects[account].driving = true;
                self.arm(account);
                self.drive(account, call);
            }
        }
        let left = TOP_UP_WAIT - now.since(began);
        if left < 0 || self.objects[account].waiters.len() >= MOST_WAITERS {
            return self.objects[account].say(of, pending());
        }
        self.tell(|| format!("   {account}: {} waits", of.ask));
        self.objects[account].waiters.push_back(Waiter { of, pay, began });
        let generation = self.objects[account].generation;
        self.in_a(left, Event::WaitOver { account, generation, of });
    }

    /// One who waited is told something.
    pub(crate) fn resume(
        &mut self,
        account: usize,
        of: Try,
        mut pay: Pay,
        told: Told,
        began: Millis,
        dice: &mut Dice,
    ) {
        self.turn(account, "resume", dice, |world, dice| match told {
            Told::Answer(answer) => world.objects[account].say(of, answer),
            Told::AskAgain { attached } => {
                pay.customer = attached.or(pay.customer.take());
                world.pay(account, of, pay, began, dice);
            }
            Told::Wait => world.objects[account].say(of, pending()),
        });
    }

    /// One who waits has waited long enough. (Who was told something in the same moment is not in the row any more.)
    pub(crate) fn wait_over(&mut self, account: usize, of: Try, dice: &mut Dice) {
        let waiters = &mut self.objects[account].waiters;
        let Some(nth) = waiters.iter().position(|waiter| waiter.of == of) else { return };
        waiters.remove(nth);
        self.turn(account, "wait over", dice, |world, _| world.objects[account].say(of, pending()));
    }

    /// A reply to the call that drives the open top-up.
    pub(crate) fn driven(
        &mut self,
        account: usize,
        verb: &Verb,
        reply: &Reply,
        said: &'static str,
        dice: &mut Dice,
    ) {
        let name = match verb {
            Verb::Write { .. } => "write answered",
            Verb::List => "list answered",
            Verb::Method => "method answered",
            Verb::Read(_) => "read answered",
            Verb::Cancel(..) => "cancel answered",
        };
        self.turn(account, name, dice, |world, _| {
            world.cover_reply(account, verb, said);
            if let Some(call) = world.advance(account, &TopUpEvent::Replied { verb, reply }) {
                return world.drive(account, call);
            }
            world.objects[account].driving = false;
            world.arm(account);
        });
    }

    fn cover_reply(&mut self, account: usize, verb: &Verb, said: &'static str) {
        let Some(open) = &self.objects[account].open else { return };
        let meant = match (&open.state, verb) {
            (State::Sending(sending), Verb::Write { key, nth }) => {
                sending.key == *key && sending.sends == *nth
            }
            (State::Sending(sending), Verb::Method) => sending.step == Step::Attach,
            (State::LookUp { .. }, Verb::List) => true,
            (State::Follow { intent, .. } | State::Action { intent, .. }, Verb::Read(read)) => intent == read,
            (State::Cancel { intent, cancels, .. }, Verb::Cancel(canceled, nth)) => {
                intent == canceled && cancels == nth
            }
            _ => false,
        };
        let said = match said {
            _ if !meant => "reply to another call",
            "list" => self.stripe.listed(open.id.as_str()),
            said => said,
        };
        self.coverage.pair(state_of(open), said);
    }

    pub(crate) fn drive(&mut self, account: usize, call: StripeCall) {
        self.check_call(account, &call);
        let generation = self.objects[account].generation;
        let from = Asker::Drive { account, generation, verb: call.verb };
        self.objects[account].ask_stripe(from, call.request);
    }

    /// Lets the open top-up go one step, and tells those who wait.
    pub(crate) fn advance(&mut self, account: usize, event: &TopUpEvent<'_>) -> Option<StripeCall> {
        let now = self.clock(account);
        let row = std::mem::take(&mut self.objects[account].waiters);
        let waiting: Vec<&Pay> = row.iter().map(|waiter| &waiter.pay).collect();
        let (answers, call) = match ledger!(self, account).advance(event, &waiting, now) {
            Err(error) => {
                self.break_rule(Violation::store(&error));
                return None;
            }
            Ok(None) => (waiting.iter().map(|_| Told::AskAgain { attached: None }).collect(), None),
            Ok(Some(advanced)) => (advanced.answers, advanced.call),
        };
        self.look_at(account);
        let generation = self.objects[account].generation;
        for (waiter, told) in row.into_iter().zip(answers) {
            let Waiter { of, pay, began } = waiter;
            if told == Told::Wait {
                self.objects[account].waiters.push_back(Waiter { of, pay, began });
            } else {
                let pay = Box::new(pay);
                self.in_a(0, Event::Resume { account, generation, of, pay, told, began });
            }
        }
        self.arm(account);
        call
    }

    /// Sets the alarm to what is due next.
    pub(crate) fn arm(&mut self, account: usize) {
        match ledger!(self, account).wake_at(KEEP, self.clock(account)) {
            Err(error) => self.break_rule(Violation::store(&error)),
            Ok(due) => {
                let report_at = self.report_at(account);
                let due = due.into_iter().chain(report_at).min();
                let now = self.clock(account);
                let object = &mut self.objects[account];
                object.reports.awaited = report_at.is_some();
                let wake_at = alarm_at(due, object.armed, now);
                if wake_at != object.armed {
                    object.alarm = wake_at;
                    object.armed = wake_at;
                }
            }
        }
    }

    /// The alarm: armed anew before anything else, then one step of what is due.
    pub(crate) fn alarm(&mut self, account: usize, _: &mut Dice) {
        let now = self.clock(account);
        let soon = now.plus(IN_FLIGHT);
        self.objects[account].alarm = Some(soon);
        self.objects[account].armed = Some(soon);
        if self.objects[account].driving {
            return;
        }
        match ledger!(self, account).is_over(now) {
            Err(error) => return self.break_rule(Violation::store(&error)),
            Ok(true) => {
                self.tell(|| format!("   {account}: emptied"));
                let object = &mut self.objects[account];
                object.disk.wipe();
                (object.alarm, object.armed, object.reports.awaited) = (None, None, false);
                object.books.forget();
                return;
            }
            Ok(false) => {}
        }
        let before = self.objects[account].disk.writes();
        if let Err(error) = ledger!(self, account).compact(KEEP, now) {
            return self.break_rule(Violation::store(&error));
        }
        if self.objects[account].disk.writes() > before {
            self.coverage.compacted += 1;
        }
        self.pay_back(account);
        self.report(account);
        if let Some(open) = &self.objects[account].open {
            let foreign = !open.is_of(self.side());
            let event = if foreign { "alarm, another Stripe" } else { "alarm" };
            self.coverage.pair(state_of(open), event);
        }
        let here = self.side().clone();
        match self.advance(account, &TopUpEvent::Woke { here: &here }) {
            Some(call) => {
                self.objects[account].driving = true;
                self.drive(account, call);
            }
            None => self.arm(account),
        }
    }

    pub(crate) fn say(&mut self, account: usize, of: Try, answer: Result<Answer, StoreError>) {
        match answer {
            Ok(answer) => self.objects[account].say(of, answer),
            Err(error) => self.break_rule(Violation::store(&error)),
        }
    }

    pub(crate) fn terms(&self) -> Terms<'_> {
        Terms { side: self.side(), deployment: DEPLOYMENT, descriptor_suffix: None }
    }
}
