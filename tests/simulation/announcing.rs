//! What an object does with an announcement: it reads the truth at Stripe, and books it (`worker/account_object`).

use stripe402_edge::ledger::account::{Announcement, Applied, pending};
use stripe402_edge::ledger::topup::Event as TopUpEvent;
use stripe402_edge::ledger::{Account as Ledger, Answer};
use stripe402_edge::stripe::object::List;
use stripe402_edge::stripe::{Dispute, PaymentIntent, Refund, Reply, request};

use super::calls::ledger;
use super::coverage::state_of;
use super::dice::Dice;
use super::invariants::Violation;
use super::link::Try;
use super::object::Reading;
use super::wire::Asker;
use super::world::World;

/// How often an announcement is read before Stripe is asked to send it again.
const MOST_READS: u32 = 5;

/// What was read besides the PaymentIntent.
enum More {
    Nothing,
    Refunds(Vec<Refund>),
    Dispute(Dispute),
}

impl World<'_> {
    pub(crate) fn begin_reading(&mut self, account: usize, of: Try, announcement: Announcement) {
        let object = &mut self.objects[account];
        object.readings += 1;
        let (nth, booked) = (object.readings, object.booked);
        object.reading.push(Reading { nth, of, announcement, booked, tries: 1, intent: None });
        self.read_intent(account, nth);
    }

    fn read_intent(&mut self, account: usize, nth: u32) {
        let object = &mut self.objects[account];
        let booked = object.booked;
        let Some(reading) = object.reading.iter_mut().find(|reading| reading.nth == nth) else { return };
        (reading.booked, reading.intent) = (booked, None);
        let request = request::retrieve_payment_intent(reading.announcement.intent());
        let from = Asker::Truth { account, generation: object.generation, reading: nth };
        object.ask_stripe(from, request);
    }

    /// A read of the truth came back, or did not.
    pub(crate) fn truth_read(&mut self, account: usize, nth: u32, reply: &Reply, dice: &mut Dice) {
        self.turn(account, "truth read", dice, |world, _| world.go_on_reading(account, nth, reply));
    }

    fn go_on_reading(&mut self, account: usize, nth: u32, reply: &Reply) {
        let object = &mut self.objects[account];
        let Some(place) = object.reading.iter().position(|reading| reading.nth == nth) else { return };
        let mut reading = object.reading.swap_remove(place);
        let Some(intent) = reading.intent.take() else {
            // The first read: the PaymentIntent. What else has to be read depends on the announcement.
            let Ok(intent) = reply.object::<PaymentIntent>(true) else {
                return object.say(reading.of, pending());
            };
            let more = match &reading.announcement {
                Announcement::Intent { .. } => return self.book(account, reading, &intent, &More::Nothing),
                Announcement::Refunds { .. } => request::list_refunds(&intent.id),
                Announcement::Dispute { dispute, .. } => request::retrieve_dispute(dispute),
            };
            let from = Asker::Truth { account, generation: object.generation, reading: nth };
            object.ask_stripe(from, more);
            reading.intent = Some(intent);
            return object.reading.push(reading);
        };
        let more = match &reading.announcement {
            Announcement::Intent { .. } => Some(More::Nothing),
            Announcement::Refunds { .. } => {
                reply.object::<List<Refund>>(true).ok().map(|list| More::Refunds(list.data))
            }
            Announcement::Dispute { .. } => reply.object::<Dispute>(true).ok().map(More::Dispute),
        };
        match more {
            Some(more) => self.book(account, reading, &intent, &more),
            None => object.say(reading.of, pending()),
        }
    }

    /// Books it, unless another was booked while this was read: then it is read again.
    fn book(&mut self, account: usize, mut reading: Reading, intent: &PaymentIntent, more: &More) {
        let now = self.clock(account);
        let object = &mut self.objects[account];
        if object.booked != reading.booked {
            if reading.tries >= MOST_READS {
                return object.say(reading.of, pending());
            }
            reading.tries += 1;
            let nth = reading.nth;
            object.reading.push(reading);
            return self.read_intent(account, nth);
        }
        object.booked = object.booked.wrapping_add(1);
        self.cover_announcement(account, reading.announcement.top_up().as_str(), intent);
        if let Some(call) = self.advance(account, &TopUpEvent::Announced(intent)) {
            return self.break_rule(Violation::unasked_call(&call));
        }
        let (ledger, top_up) = (ledger!(self, account), reading.announcement.top_up());
        let applied = match (&reading.announcement, more) {
            (Announcement::Refunds { .. }, More::Refunds(refunds)) => {
                ledger.announce_refunds(top_up, intent, refunds, now)
            }
            (Announcement::Dispute { flags, .. }, More::Dispute(dispute)) => {
                ledger.announce_dispute(top_up, intent, dispute, *flags, now)
            }
            _ => ledger.announce_intent(top_up, intent, now),
        };
        self.look_at(account);
        self.arm(account);
        match applied {
            Err(error) => self.break_rule(Violation::store(&error)),
            Ok(Applied::Done) => self.objects[account].say(reading.of, Answer::Done),
            Ok(Applied::NotOurs) => self.objects[account].say(reading.of, Answer::NotOurs),
        }
    }

    fn cover_announcement(&mut self, account: usize, top_up: &str, intent: &PaymentIntent) {
        let object = &self.objects[account];
        let state = match &object.open {
            Some(open) if open.id.as_str() == top_up => state_of(open),
            _ => object.books.outcome(top_up),
        };
        let event = match (intent.status.as_str(), intent.amount_received) {
            ("succeeded", 0) => "announced: succeeded, nothing received",
            ("succeeded", _) => "announced: succeeded",
            _ => "announced: no success",
        };
        self.coverage.pair(state, event);
    }
}
