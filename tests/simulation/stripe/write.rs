//! What can be written at Stripe, under an idempotency key: Customers, attached cards, charges, cancels.
//!
//! Kept true here: an answer is stored under its key once the request was taken on, 402s and 500s too; what was refused
//! before that is not. A 500 may hide a charge that went through, or one that goes through later.

use stripe402_edge::ledger::Millis;
use stripe402_edge::stripe::{Reply, Request};

use super::{
    Customer, DEPLOYMENT, Intent, IntentRef, Life, Refund, Said, Side, Stored, Stripe, answered, error,
    replayed,
};
use crate::simulation::dice::Dice;
use crate::simulation::schedule::{Charge as Fate, Profile};
use crate::simulation::{DAY, HOUR, MINUTE, SECOND};

/// What comes of a POST.
pub(crate) enum Treated {
    /// This.
    Answered(Said),
    /// Stripe is at it, for so many milliseconds: then `finish` gives the answer.
    Running(i64),
}

/// What goes wrong with a request that Stripe takes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// A stored 500, and nothing was done.
    NothingDone,
    /// A stored 500, and it was done.
    Done,
    /// A stored 500; it is rolled forward hours later.
    RolledForward,
    /// Done and stored, but the answer was garbled on its way.
    Garbled,
}

impl Stripe {
    /// Takes a POST on.
    pub(crate) fn post(
        &mut self,
        side: usize,
        request: &Request,
        now: Millis,
        profile: &Profile,
        dice: &mut Dice,
    ) -> Treated {
        let key = request.key.clone().unwrap_or_default();
        let of = &mut self.sides[side];
        of.keys.retain(|_, stored| now.since(stored.at) < DAY || stored.answer.is_none());
        if let Some(stored) = of.keys.get(&key) {
            return Treated::Answered(stored.again(request));
        }
        if dice.fault(profile.stripe / 2) {
            // Before anything was done, so nothing is stored.
            return Treated::Answered(match dice.below(6) {
                0 => (answered(429, error("invalid_request_error", "rate_limit", "", "too many")), "429"),
                1 => (answered(429, error("invalid_request_error", "lock_timeout", "", "locked")), "lock"),
                2 => (answered(401, error("invalid_request_error", "", "", "Invalid API Key")), "401"),
                3 => (answered(502, "<html>bad gateway</html>".to_owned()), "html"),
                4 => (answered(400, "{}".to_owned()), "unreadable"),
                _ => (answered(500, error("api_error", "", "", "trouble")), "500"),
            });
        }
        let (path, body) = (request.path.clone(), request.body.clone());
        of.keys.insert(key, Stored { at: now, path, body, answer: None });
        if self.act_before_cancel(side, &request.path, now, dice) {
            return Treated::Running(dice.between(SECOND, 19 * SECOND));
        }
        if dice.fault(profile.stripe / 3) {
            let slow = dice.weighted(&[(3, (SECOND, 19 * SECOND)), (1, (20 * SECOND, 80 * SECOND))]);
            return Treated::Running(dice.between(slow.0, slow.1));
        }
        Treated::Answered(self.finish(side, request, now, profile, dice))
    }

    /// Does what was asked for, stores the answer and gives it.
    pub(crate) fn finish(
        &mut self,
        side: usize,
        request: &Request,
        now: Millis,
        profile: &Profile,
        dice: &mut Dice,
    ) -> Said {
        let key = request.key.clone().unwrap_or_default();
        let trouble = if dice.fault(profile.stripe / 2) {
            dice.weighted(&[
                (1, Trouble::NothingDone),
                (1, Trouble::Done),
                (2, Trouble::RolledForward),
                (1, Trouble::Garbled),
            ])
        } else {
            Trouble::None
        };
        let server_error = || (500, error("api_error", "", "", "trouble"));
        let (stored, said) = match trouble {
            Trouble::NothingDone => (server_error(), "500"),
            Trouble::None | Trouble::Done | Trouble::Garbled | Trouble::RolledForward => {
                let hidden = trouble == Trouble::RolledForward;
                match self.execute(side, request, hidden, now, profile, dice) {
                    // What was refused before it began is not stored.
                    Err(refused) => {
                        self.sides[side].keys.remove(&key);
                        return (answered(400, refused), "refused");
                    }
                    Ok((status, body, said)) => match trouble {
                        Trouble::Done | Trouble::RolledForward => (server_error(), "500"),
                        _ => ((status, body), said),
                    },
                }
            }
        };
        if let Some(under) = self.sides[side].keys.get_mut(&key) {
            under.answer = Some(stored.clone());
        }
        if trouble == Trouble::Garbled {
            return (answered(200, "{\"id\":".to_owned()), "unreadable");
        }
        (answered(stored.0, stored.1), said)
    }

    fn execute(
        &mut self,
        side: usize,
        request: &Request,
        hidden: bool,
        now: Millis,
        profile: &Profile,
        dice: &mut Dice,
    ) -> Result<(u16, String, &'static str), String> {
        let mut parts = request.path.split('/').skip(2);
        let form: Vec<(String, String)> =
            form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
        let field = |name: &str| form.iter().find(|(one, _)| one == name).map_or("", |(_, value)| value);
        match (parts.next(), parts.next(), parts.next()) {
            (Some("customers"), None, None) => {
                let of = &mut self.sides[side];
                let id = format!("cus_{side}n{}", of.customers.len());
                let body = format!(r#"{{"id":"{id}"}}"#);
                let account = field("metadata[stripe402_account]").to_owned();
                of.customers.push(Customer { id, account, deleted: false });
                Ok((200, body, "made"))
            }
            (Some("payment_methods"), Some(id), Some("attach")) => {
                self.sides[side].attach(id, field("customer"), profile, dice)
            }
            (Some("payment_intents"), Some(id), Some("cancel")) => self.cancel(side, id),
            (Some("refunds"), None, None) => self.refund_for_us(side, &field, now, dice),
            (Some("payment_intents"), None, None) => {
                assert_eq!(field("metadata[stripe402_deployment]"), DEPLOYMENT);
                self.charge(side, &field, hidden, now, profile, dice)
            }
            _ => Err(error("invalid_request_error", "", "", "Unrecognized request URL")),
        }
    }

    /// Creates and confirms a PaymentIntent.
    fn charge<'f>(
        &mut self,
        side: usize,
        field: &dyn Fn(&str) -> &'f str,
        hidden: bool,
        now: Millis,
        profile: &Profile,
        dice: &mut Dice,
    ) -> Result<(u16, String, &'static str), String> {
        let of = &mut self.sides[side];
        let customer = of.living(field("customer"))?;
        let method = of.methods.iter().find(|one| one.id == field("payment_method"));
        if !method.is_some_and(|method| method.customer == Some(customer) && !method.spent) {
            let message = "The customer does not have a payment method with the ID pm_x.";
            return Err(error("invalid_request_error", "", "payment_method", message));
        }
        let fate = if hidden { Fate::Succeeds } else { dice.weighted(&profile.charge) };
        let amount: i64 = field("amount").parse().unwrap_or(0);
        let nth = of.intents.len();
        let status = match fate {
            Fate::Succeeds | Fate::NothingReceivedYet => "succeeded",
            Fate::Declined => "requires_payment_method",
            Fate::NeedsAction => "requires_action",
            Fate::Processing => "processing",
            Fate::NeedsConfirmation => "requires_confirmation",
            Fate::NeedsCapture => "requires_capture",
            Fate::UnknownStatus => "hovering",
        };
        let top_up = field("metadata[stripe402_top_up]").to_owned();
        let here = IntentRef { side, nth };
        self.of_top_up.entry(top_up.clone()).or_default().push(here);
        let intent = Intent {
            id: format!("pi_{side}n{nth}"),
            customer,
            amount,
            currency: field("currency").to_owned(),
            // What is rolled forward has not happened yet.
            status: if hidden { "processing" } else { status },
            received: if fate == Fate::Succeeds && !hidden { amount } else { 0 },
            top_up,
            account: field("metadata[stripe402_account]").to_owned(),
            created: now.seconds(),
            handed_out: false,
            visible: !hidden,
            refunds: Vec::new(),
            disputes: Vec::new(),
        };
        of.intents.push(intent);
        if hidden {
            // The first look-up that counts, or only the second, sees it, whatever it has become; later on only the
            // announcement of a success tells of it. (Stripe may have been at it for more than a minute by now.)
            let seen = 8 * MINUTE + 30 * SECOND;
            let when = dice.weighted(&[
                (2, (SECOND, 5 * MINUTE)),
                (3, (5 * MINUTE, seen)),
                (3, (11 * MINUTE, 20 * HOUR)),
            ]);
            let seen = when.1 <= seen;
            let became =
                [(2, "succeeded"), (1, "processing"), (1, "requires_action"), (1, "requires_payment_method")];
            let status = if seen { dice.weighted(&became) } else { "succeeded" };
            let roll = Life::RollForward { of: here, seen, status };
            self.later.push((now.plus(dice.between(when.0, when.1)), roll));
            return Ok((200, String::new(), "hidden"));
        }
        match fate {
            Fate::Succeeds => self.announce("payment_intent.succeeded", here),
            Fate::NothingReceivedYet => {
                self.announce("payment_intent.succeeded", here);
                self.later.push((now.plus(dice.between(SECOND, 3 * MINUTE)), Life::Receive(here)));
            }
            Fate::Declined => {
                self.announce("payment_intent.payment_failed", here);
                let body = r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"generic_decline","message":"Your card was declined.","payment_intent":{"id":"pi_x","status":"requires_payment_method"}}}"#;
                return Ok((402, body.to_owned(), "declined"));
            }
            Fate::Processing | Fate::UnknownStatus => {
                let ends = dice.one_of(&["succeeded", "succeeded", "requires_payment_method", "canceled"]);
                self.later.push((now.plus(dice.between(SECOND, 3 * HOUR)), Life::End(here, ends)));
            }
            Fate::NeedsAction | Fate::NeedsConfirmation | Fate::NeedsCapture => {}
        }
        let of = &self.sides[side];
        let intent = &of.intents[nth];
        Ok((200, of.write(intent), intent.told()))
    }

    /// Makes a refund that the ledger asks for.
    fn refund_for_us<'f>(
        &mut self,
        side: usize,
        field: &dyn Fn(&str) -> &'f str,
        now: Millis,
        dice: &mut Dice,
    ) -> Result<(u16, String, &'static str), String> {
        let intents = &self.sides[side].intents;
        let found =
            intents.iter().position(|one| one.id == field("payment_intent") && one.status == "succeeded");
        let Some(nth) = found else {
            return Err(error(
                "invalid_request_error",
                "resource_missing",
                "payment_intent",
                "No such charge",
            ));
        };
        let amount: i64 = field("amount").parse().unwrap_or(0);
        if amount <= 0 || amount > intents[nth].left() {
            let message = "Refund amount is greater than unrefunded amount on charge";
            return Err(error("invalid_request_error", "", "amount", message));
        }
        let of = IntentRef { side, nth };
        let status = dice.weighted(&[(5, "succeeded"), (2, "pending"), (1, "failed")]);
        self.give_back(of, amount, status, Some(field("metadata[stripe402_refund]").to_owned()), now, dice);
        let body = self.intent(of).refunds.last().map(Refund::write).unwrap_or_default();
        Ok((200, body, "refunded"))
    }

    fn cancel(&mut self, side: usize, id: &str) -> Result<(u16, String, &'static str), String> {
        let of = &mut self.sides[side];
        let Some(nth) = of.intents.iter().position(|intent| intent.visible && intent.id == id) else {
            return Err(error(
                "invalid_request_error",
                "resource_missing",
                "intent",
                "No such PaymentIntent",
            ));
        };
        let intent = &mut of.intents[nth];
        if !intent.status.starts_with("requires_") {
            let message = "You cannot cancel this PaymentIntent because of its status.";
            let body = error("invalid_request_error", "payment_intent_unexpected_state", "intent", message);
            return Ok((400, body, "not to be canceled"));
        }
        intent.status = "canceled";
        let body = of.write(&of.intents[nth]);
        self.announce("payment_intent.canceled", IntentRef { side, nth });
        Ok((200, body, "canceled"))
    }
}

impl Side {
    fn attach(
        &mut self,
        id: &str,
        customer: &str,
        profile: &Profile,
        dice: &mut Dice,
    ) -> Result<(u16, String, &'static str), String> {
        let customer = self.living(customer)?;
        let Some(nth) = self.methods.iter().position(|method| method.id == id) else {
            return Err(error(
                "invalid_request_error",
                "resource_missing",
                "payment_method",
                "No such PaymentMethod",
            ));
        };
        let method = &mut self.methods[nth];
        if method.spent {
            let message = "It was detached from a Customer. It may not be used again.";
            return Err(error("invalid_request_error", "", "", message));
        }
        if method.customer.is_some() {
            let message = "The payment method you provided has already been attached to a customer.";
            return Err(error("invalid_request_error", "", "", message));
        }
        if dice.fault(2 * profile.charge[1].0) {
            let body = error("card_error", "incorrect_cvc", "cvc", "Your card's security code is incorrect.");
            return Ok((402, body, "declined"));
        }
        method.customer = Some(customer);
        Ok((200, self.write_method(nth), "attached"))
    }

    /// A Customer that was not deleted.
    fn living(&self, id: &str) -> Result<usize, String> {
        let found = self.customers.iter().position(|one| one.id == id && !one.deleted);
        found
            .ok_or_else(|| error("invalid_request_error", "resource_missing", "customer", "No such customer"))
    }
}

impl Stored {
    /// The answer to a request under a key that was used before.
    fn again(&self, request: &Request) -> Said {
        if (self.path.as_str(), self.body.as_str()) != (request.path.as_str(), request.body.as_str()) {
            let message = "Keys for idempotent requests can only be used with the same parameters.";
            return (answered(400, error("idempotency_error", "", "", message)), "key reused");
        }
        match &self.answer {
            None => {
                let body = error("idempotency_error", "idempotency_key_in_use", "", "in progress");
                (answered(409, body), "409")
            }
            Some((status, body)) => {
                let said = match status {
                    500.. => "stored 500",
                    402 => "stored decline",
                    _ => "stored answer",
                };
                let reply: Reply = replayed(*status, body.clone());
                (reply, said)
            }
        }
    }
}
