//! What happens at Stripe without us: payers finish 3-D Secure or do not, payments settle, refunds fail, banks dispute.

use stripe402_edge::ledger::Millis;

use super::{Dispute, IntentRef, Occurrence, Refund, Stripe};
use crate::simulation::dice::Dice;
use crate::simulation::{HOUR, MINUTE, SECOND};

/// Something that will happen by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Life {
    /// A charge that a 500 hid shows itself, as this; `seen`: in time for our look-ups.
    RollForward { of: IntentRef, seen: bool, status: &'static str },
    /// A PaymentIntent that was not settled ends so.
    End(IntentRef, &'static str),
    /// What was received is told at last.
    Receive(IntentRef),
    /// The payer finishes 3-D Secure, or fails.
    Act(IntentRef, &'static str),
    /// A refund's status changes.
    Refund(IntentRef, usize, &'static str),
    /// A dispute goes on.
    Dispute(IntentRef, usize, Move),
}

/// How a dispute goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Move {
    Withdraw,
    Reinstate,
    Review,
    Close(&'static str),
}

impl Stripe {
    pub(super) fn announce(&mut self, kind: &'static str, of: IntentRef) {
        self.events.push(Occurrence { kind, of, dispute: None, only_way: false });
    }

    fn announce_dispute(&mut self, kind: &'static str, of: IntentRef, dispute: usize) {
        self.events.push(Occurrence { kind, of, dispute: Some(dispute), only_way: false });
    }

    /// Lets it happen.
    pub(crate) fn live(&mut self, life: Life, now: Millis, dice: &mut Dice) {
        match life {
            Life::RollForward { of, seen, status } => {
                self.intent_mut(of).visible = true;
                match status {
                    // Nobody has its secret, and nothing is announced.
                    "requires_action" => self.intent_mut(of).status = status,
                    status => self.end(of, status, now, dice),
                }
                if let Some(event) = self.events.last_mut().filter(|_| status == "succeeded") {
                    event.only_way = !seen;
                }
            }
            Life::End(of, status) | Life::Act(of, status) => self.end(of, status, now, dice),
            Life::Receive(of) => {
                let intent = self.intent_mut(of);
                intent.received = intent.amount;
                self.announce("payment_intent.succeeded", of);
            }
            Life::Refund(of, nth, status) => {
                self.intent_mut(of).refunds[nth].status = status;
                self.announce("refund.updated", of);
                if dice.chance(300) {
                    self.announce("charge.refund.updated", of);
                }
                if status == "failed" {
                    self.announce("refund.failed", of);
                }
            }
            Life::Dispute(of, nth, go_on) => self.go_on(of, nth, go_on),
        }
    }

    fn succeed(&mut self, of: IntentRef) {
        let intent = self.intent_mut(of);
        intent.status = "succeeded";
        intent.received = intent.amount;
        self.announce("payment_intent.succeeded", of);
    }

    fn end(&mut self, of: IntentRef, status: &'static str, now: Millis, dice: &mut Dice) {
        let intent = self.intent_mut(of);
        let open = matches!(
            intent.status,
            "processing" | "hovering" | "requires_action" | "requires_payment_method"
        );
        if !open {
            return;
        }
        match status {
            "succeeded" => self.succeed(of),
            "processing" => {
                intent.status = "processing";
                self.later.push((now.plus(dice.between(SECOND, 2 * HOUR)), Life::End(of, "succeeded")));
            }
            "canceled" => {
                intent.status = "canceled";
                self.announce("payment_intent.canceled", of);
            }
            status => {
                intent.status = status;
                self.announce("payment_intent.payment_failed", of);
            }
        }
    }

    /// A payer got the secret of a PaymentIntent: 3-D Secure is finished, failed, or left alone.
    pub(crate) fn hand_out(&mut self, id: &str, now: Millis, dice: &mut Dice) {
        let found = self.intents().find(|(_, intent)| intent.id == id).map(|(of, _)| of);
        let Some(of) = found else { return };
        self.intent_mut(of).handed_out = true;
        let how = dice.weighted(&[
            (5, Some("succeeded")),
            (1, Some("processing")),
            (2, Some("requires_payment_method")),
            (3, None),
        ]);
        let Some(how) = how else { return };
        let when = dice.weighted(&[(6, (SECOND, MINUTE)), (2, (MINUTE, HOUR)), (1, (HOUR, 2 * HOUR))]);
        self.later.push((now.plus(dice.between(when.0, when.1)), Life::Act(of, how)));
        if how == "requires_payment_method" && dice.chance(300) {
            // With the same secret another card can be tried.
            self.later.push((now.plus(dice.between(when.1, 2 * when.1)), Life::Act(of, "succeeded")));
        }
    }

    /// A payer finishes 3-D Secure while the cancel of it is at Stripe, which is heard of first. Gives whether it was so.
    pub(super) fn act_before_cancel(
        &mut self,
        side: usize,
        path: &str,
        now: Millis,
        dice: &mut Dice,
    ) -> bool {
        let Some(id) = path.strip_suffix("/cancel").and_then(|path| path.rsplit('/').next()) else {
            return false;
        };
        let waits = |intent: &super::Intent| {
            intent.id == id
                && intent.handed_out
                && matches!(intent.status, "requires_action" | "requires_payment_method")
        };
        let Some(nth) = self.sides[side].intents.iter().position(waits) else { return false };
        let finishes = dice.fault(20);
        if finishes {
            self.end(IntentRef { side, nth }, "succeeded", now, dice);
        }
        finishes
    }

    /// A payer comes back, and finishes 3-D Secure in this very moment.
    pub(crate) fn act_meanwhile(&mut self, account: &str, now: Millis, dice: &mut Dice) {
        let waits = |intent: &super::Intent| {
            intent.account == account
                && matches!(intent.status, "requires_action" | "requires_payment_method")
                && intent.visible
        };
        let found = self.intents().filter(|(_, intent)| waits(intent)).map(|(of, _)| of).last();
        let Some(of) = found.filter(|of| self.intent(*of).handed_out) else { return };
        let how = dice.one_of(&["succeeded", "succeeded", "processing", "requires_payment_method"]);
        self.later.push((now.plus(dice.between(10, 200)), Life::Act(of, how)));
    }

    /// The operator refunds some of a payment.
    pub(crate) fn refund(&mut self, now: Millis, dice: &mut Dice) {
        let Some((of, left)) = self.some_payment(dice) else { return };
        let amount = if dice.chance(500) { left } else { dice.between(1, left) };
        let status = dice.weighted(&[(5, "succeeded"), (3, "pending"), (1, "requires_action")]);
        self.give_back(of, amount, status, None, now, dice);
    }

    /// A refund is made; by us, if it says so.
    pub(super) fn give_back(
        &mut self,
        of: IntentRef,
        amount: i64,
        status: &'static str,
        ours: Option<String>,
        now: Millis,
        dice: &mut Dice,
    ) {
        let refunds = &mut self.intent_mut(of).refunds;
        refunds.push(Refund { amount, status, ours });
        let nth = refunds.len() - 1;
        self.announce("refund.created", of);
        self.announce("charge.refunded", of);
        let at = now.plus(dice.between(SECOND, 2 * HOUR));
        let ends = match status {
            "succeeded" => dice.weighted(&[(3, None), (1, Some("failed"))]),
            _ => Some(dice.one_of(&["succeeded", "failed", "canceled"])),
        };
        if let Some(status) = ends {
            self.later.push((at, Life::Refund(of, nth, status)));
        }
    }

    /// A payer's bank asks about a payment, or takes it back.
    pub(crate) fn dispute(&mut self, now: Millis, dice: &mut Dice) {
        let Some((of, left)) = self.some_payment(dice) else { return };
        let amount = if dice.chance(600) { left } else { dice.between(1, left) };
        let status = dice.weighted(&[(7, "needs_response"), (2, "warning_needs_response"), (1, "prevented")]);
        let id = format!("dp_{}{}n{}", of.side, self.intent(of).id, self.intent(of).disputes.len());
        let disputes = &mut self.intent_mut(of).disputes;
        disputes.push(Dispute { id, amount, status, withdrawn: false, reinstated: false });
        let nth = disputes.len() - 1;
        self.announce_dispute("charge.dispute.created", of, nth);
        let mut at = now;
        let mut then = |stripe: &mut Self, dice: &mut Dice, go_on| {
            at = at.plus(dice.between(SECOND, 3 * HOUR));
            stripe.later.push((at, Life::Dispute(of, nth, go_on)));
        };
        if status == "needs_response" {
            if dice.chance(800) {
                self.go_on(of, nth, Move::Withdraw);
            } else {
                then(self, dice, Move::Withdraw);
            }
            if dice.chance(700) {
                then(self, dice, Move::Review);
            }
            if dice.chance(500) {
                then(self, dice, Move::Reinstate);
                then(self, dice, Move::Close("won"));
            } else {
                then(self, dice, Move::Close("lost"));
            }
        } else if status == "warning_needs_response" && dice.chance(700) {
            then(self, dice, Move::Close("warning_closed"));
        }
    }

    fn go_on(&mut self, of: IntentRef, nth: usize, go_on: Move) {
        let dispute = &mut self.intent_mut(of).disputes[nth];
        let kind = match go_on {
            Move::Withdraw => {
                dispute.withdrawn = true;
                "charge.dispute.funds_withdrawn"
            }
            Move::Reinstate => {
                dispute.reinstated = true;
                "charge.dispute.funds_reinstated"
            }
            Move::Review => {
                dispute.status = "under_review";
                "charge.dispute.updated"
            }
            Move::Close(status) => {
                dispute.status = status;
                "charge.dispute.closed"
            }
        };
        self.announce_dispute(kind, of, nth);
    }

    /// A payment of which something is left to be taken back, and how much.
    fn some_payment(&self, dice: &mut Dice) -> Option<(IntentRef, i64)> {
        let paid = |(of, intent): (IntentRef, &super::Intent)| {
            (intent.status == "succeeded" && intent.left() > 0).then(|| (of, intent.left()))
        };
        let all: Vec<(IntentRef, i64)> = self.intents().filter_map(paid).collect();
        if all.is_empty() { None } else { Some(dice.one_of(&all)) }
    }

    /// The operator deletes a Customer: its cards are gone with it.
    pub(crate) fn delete_customer(&mut self, side: usize, dice: &mut Dice) -> Option<String> {
        let of = &mut self.sides[side];
        if of.customers.is_empty() {
            return None;
        }
        let nth = dice.below(of.customers.len());
        of.customers[nth].deleted = true;
        for method in of.methods.iter_mut().filter(|method| method.customer == Some(nth)) {
            method.customer = None;
            method.spent = true;
        }
        Some(of.customers[nth].id.clone())
    }
}
