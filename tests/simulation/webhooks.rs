//! Webhooks: Stripe's tries to deliver what happened, and what the Worker makes of each (`worker/webhook`).
//!
//! Kept true here: deliveries come in any order, twice or late, and again until they are confirmed. The announcement of a
//! success may never come, unless there is no other way to learn of it.

use stripe402_core::protocol::AccountId;
use stripe402_core::protocol::digest::{hex, hmac_sha256};
use stripe402_edge::ledger::account::{Announcement, DisputeFlags};
use stripe402_edge::ledger::{Answer, Call};
use stripe402_edge::stripe::webhook::{Hint, open};
use stripe402_edge::stripe::{PaymentIntent, Reply, TopUpId, request};

use super::dice::Dice;
use super::invariants::Violation;
use super::link::Caller;
use super::stripe::{DEPLOYMENT, Occurrence};
use super::wire::Asker;
use super::world::{Event, World};
use super::{HOUR, MINUTE, SECOND};

const SECRET: &str = "whsec_simulated";
/// After so many tries a delivery waits for the end: a Stripe that we do not speak to now.
const MOST_TRIES: u32 = 8;

/// Something to be delivered.
pub(crate) struct Delivery {
    event: Occurrence,
    tries: u32,
    /// Whether it was confirmed.
    done: bool,
    /// Whether a try is under way.
    under_way: bool,
    hint: Option<Hint>,
}

impl World<'_> {
    /// Stripe has something to announce.
    pub(crate) fn announce(&mut self, event: Occurrence, dice: &mut Dice) {
        let dropped = event.kind.starts_with("payment_intent.")
            && !event.only_way
            && dice.chance(self.profile.unannounced);
        if dropped {
            self.coverage.lost("announcement");
            return;
        }
        let delivery = self.deliveries.len();
        self.deliveries.push(Delivery { event, tries: 0, done: false, under_way: false, hint: None });
        let late = if dice.fault(self.profile.webhook / 2) { 3 * HOUR } else { 900 };
        let late = if dice.chance(500) { late } else { 200 };
        self.in_a(dice.between(20, late), Event::Deliver(delivery));
    }

    /// Everything that is not confirmed yet is tried once more.
    pub(crate) fn deliver_all(&mut self, dice: &mut Dice) {
        for delivery in 0..self.deliveries.len() {
            let one = &mut self.deliveries[delivery];
            if !one.done && one.event.of.side == self.here {
                one.tries = 0;
                self.in_a(dice.between(1, 50), Event::Deliver(delivery));
            }
        }
    }

    pub(crate) fn deliver(&mut self, nth: usize, dice: &mut Dice) {
        let delivery = &mut self.deliveries[nth];
        if delivery.under_way {
            return;
        }
        delivery.tries += 1;
        let (event, kind) = (delivery.event.clone(), delivery.event.kind);
        if event.of.side != self.here || dice.fault(self.profile.webhook / 2) {
            // Lost, or for the webhook endpoint of another Stripe.
            return self.deliver_later(nth, dice);
        }
        self.deliveries[nth].under_way = true;
        let body = self.write_event(&event);
        let at = self.now.seconds();
        let signature = hex(&hmac_sha256(SECRET.as_bytes(), format!("{at}.{body}").as_bytes()));
        let opened = open(body.as_bytes(), &format!("t={at},v1={signature}"), SECRET, at);
        let Some(hint) = opened.ok().and_then(|event| event.hint) else {
            return self.break_rule(Violation::unread_event(kind));
        };
        self.tell(|| format!("   webhook {nth}: {kind}"));
        let request = request::retrieve_payment_intent(hint.intent());
        self.deliveries[nth].hint = Some(hint);
        self.send_to_stripe(Asker::Hint(nth), request, dice);
    }

    fn write_event(&self, event: &Occurrence) -> String {
        let intent = self.stripe.intent(event.of);
        let live = self.stripe.sides[event.of.side].name.live;
        let object = match event.dispute {
            Some(dispute) => {
                format!(r#"{{"id":"{}","payment_intent":"{}"}}"#, intent.disputes[dispute].id, intent.id)
            }
            None if event.kind.starts_with("payment_intent.") => format!(r#"{{"id":"{}"}}"#, intent.id),
            None => format!(r#"{{"id":"xx_1","payment_intent":"{}"}}"#, intent.id),
        };
        format!(r#"{{"id":"evt_1","type":"{}","livemode":{live},"data":{{"object":{object}}}}}"#, event.kind)
    }

    /// The PaymentIntent that an event hints at was read: its metadata say whose it is.
    pub(crate) fn hinted(&mut self, nth: usize, reply: &Reply, dice: &mut Dice) {
        let hint = self.deliveries[nth].hint.take();
        let meant = reply.object::<PaymentIntent>(true).ok().zip(hint);
        let Some((account, announcement)) = meant.and_then(|(intent, hint)| self.meant(&intent, hint)) else {
            return self.delivery_over(nth, false, dice);
        };
        self.begin_ask(account, Call::Announce(announcement), Caller::Delivery(nth), dice);
    }

    fn meant(&self, intent: &PaymentIntent, hint: Hint) -> Option<(usize, Announcement)> {
        if intent.metadata.get("stripe402_deployment").map(String::as_str) != Some(DEPLOYMENT) {
            return None;
        }
        let account = AccountId::parse(intent.metadata.get("stripe402_account")?).ok()?;
        let account = self.objects.iter().position(|object| object.account == account)?;
        let top_up = TopUpId::parse(intent.metadata.get("stripe402_top_up")?).ok()?;
        Some((
            account,
            match hint {
                Hint::Intent(intent) => Announcement::Intent { top_up, intent },
                Hint::Refunds(intent) => Announcement::Refunds { top_up, intent },
                Hint::Dispute { intent, dispute, withdrawn, reinstated } => {
                    let flags = DisputeFlags { withdrawn, reinstated };
                    Announcement::Dispute { top_up, intent, dispute, flags }
                }
            },
        ))
    }

    /// The account booked it, or could not.
    pub(crate) fn announced(&mut self, nth: usize, answer: Option<&Answer>, dice: &mut Dice) {
        let booked = matches!(answer, Some(Answer::Done | Answer::NotOurs));
        self.delivery_over(nth, booked, dice);
    }

    fn delivery_over(&mut self, nth: usize, confirmed: bool, dice: &mut Dice) {
        let delivery = &mut self.deliveries[nth];
        delivery.under_way = false;
        if !confirmed {
            return self.deliver_later(nth, dice);
        }
        delivery.done = true;
        let kind = delivery.event.kind;
        self.coverage.webhook(kind);
        // Some are confirmed and come again nevertheless.
        if dice.fault(self.profile.webhook / 2) {
            self.in_a(dice.between(1, 20 * MINUTE), Event::Deliver(nth));
        }
    }

    fn deliver_later(&mut self, nth: usize, dice: &mut Dice) {
        let delivery = &self.deliveries[nth];
        if delivery.tries < MOST_TRIES {
            let pause = (10 * SECOND) << delivery.tries.min(7);
            self.in_a(pause + dice.between(0, 5 * SECOND), Event::Deliver(nth));
        }
    }
}
