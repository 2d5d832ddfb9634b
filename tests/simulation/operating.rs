//! What an operator does to accounts, and what an object makes of it (`worker/account_object`).
//!
//! Kept true here: an operator who gets no answer sends the same act again; now and then one does so long after.

use stripe402_core::protocol::Currency;
use stripe402_edge::ledger::operator::{ACT, Act, Objection, What};
use stripe402_edge::ledger::payback::Call as PayBackCall;
use stripe402_edge::ledger::topup::{Asked, Event as TopUpEvent};
use stripe402_edge::ledger::{Account as Ledger, Answer, Call};
use stripe402_edge::stripe::Reply;

use super::calls::ledger;
use super::dice::Dice;
use super::invariants::Violation;
use super::link::{Caller, Try};
use super::requests::units;
use super::wire::Asker;
use super::world::World;

/// How often an act without an answer is sent again.
const MOST_AGAIN: u32 = 3;

impl World<'_> {
    /// The operator does something.
    pub(crate) fn operate(&mut self, dice: &mut Dice) {
        if !self.acts.is_empty() && dice.chance(200) {
            let nth = dice.below(self.acts.len());
            return self.send_act(nth, 0, dice);
        }
        let account = dice.below(self.objects.len());
        let what = dice.weighted(&[
            (9, What::Refund),
            (3, What::Adjust),
            (2, What::Freeze),
            (3, What::Unfreeze),
            (2, What::Resume),
        ]);
        let amount = match what {
            What::Adjust => Some(dice.one_of(&[-30_000, 10_000, 25_000])),
            What::Refund => dice.weighted(&[(3, None), (1, Some(10_000)), (1, Some(12_345))]),
            _ => None,
        };
        let moves = matches!(what, What::Adjust | What::Refund);
        let currency = if dice.chance(850) { Currency::USD } else { Currency::parse("eur").expect("euros") };
        let act = Act {
            name: format!("{ACT}{}", self.acts.len()),
            what,
            by: "the operator".to_owned(),
            reason: "why not".to_owned(),
            currency: moves.then_some(currency),
            amount: amount.map(units),
        };
        self.tell(|| {
            format!("   the operator: {} {:?} {:?} on {account}", act.what.as_str(), act.amount, act.name)
        });
        self.acts.push((account, act));
        self.send_act(self.acts.len() - 1, MOST_AGAIN, dice);
    }

    fn send_act(&mut self, nth: usize, left: u32, dice: &mut Dice) {
        let (account, act) = self.acts[nth].clone();
        self.begin_ask(account, Call::Act(Box::new(act)), Caller::Operator(nth, left), dice);
    }

    /// The operator got an answer, or none.
    pub(crate) fn operated(&mut self, nth: usize, left: u32, answered: bool, dice: &mut Dice) {
        if !answered && left > 0 {
            self.send_act(nth, left - 1, dice);
        }
    }

    /// An act reached its object.
    pub(crate) fn act(&mut self, account: usize, of: Try, act: &Act) {
        let now = self.clock(account);
        let done = ledger!(self, account).act(act, &self.terms(), now);
        self.look_at(account);
        let answer = match done {
            Err(Objection::Store(error)) => return self.break_rule(Violation::store(&error)),
            Err(objection) => Answer::Objected { status: objection.status(), message: objection.to_string() },
            Ok(()) => {
                if act.what == What::Resume && !self.objects[account].driving {
                    self.go_on(account);
                }
                self.pay_back(account);
                self.report(account);
                self.arm(account);
                Answer::Statement(String::new())
            }
        };
        self.objects[account].say(of, answer);
    }

    /// The open top-up is looked after before its time.
    fn go_on(&mut self, account: usize) {
        let here = self.side().clone();
        let woken = self.advance(account, &TopUpEvent::Woke { here: &here });
        let call = woken
            .or_else(|| self.advance(account, &TopUpEvent::CameBack { asked: Asked::Same, here: &here }));
        if let Some(call) = call {
            self.objects[account].driving = true;
            self.drive(account, call);
        }
    }

    /// Makes the call of a payback that is due, one at a time.
    pub(crate) fn pay_back(&mut self, account: usize) {
        if self.objects[account].paying_back {
            return;
        }
        let (now, here) = (self.clock(account), self.side().clone());
        match ledger!(self, account).pay_back(&here, now) {
            Err(error) => self.break_rule(Violation::store(&error)),
            Ok(None) => {}
            Ok(Some(call)) => {
                let object = &mut self.objects[account];
                object.paying_back = true;
                let (generation, request) = (object.generation, call.request.clone());
                object.ask_stripe(Asker::PayBack { account, generation, call }, request);
                self.arm(account);
            }
        }
    }

    /// A call of a payback was answered, or not.
    pub(crate) fn paid_back(&mut self, account: usize, call: &PayBackCall, reply: &Reply, dice: &mut Dice) {
        self.turn(account, "refund answered", dice, |world, _| {
            let now = world.clock(account);
            if let Err(error) = ledger!(world, account).paid_back(call, reply, now) {
                return world.break_rule(Violation::store(&error));
            }
            world.objects[account].paying_back = false;
            world.pay_back(account);
            world.arm(account);
        });
    }
}
