//! One request and its payment, as a machine without I/O: it is told what happened, and says what to do next.
//!
//! Kept true here, whatever a server answers:
//! - nothing that could cost money is sent before it was put aside in the books, and so allowed by the policy;
//! - at most one card is charged, for exactly the offer that was allowed: the amount of the top-up goes with it, so that
//!   a server whose smallest top-up has risen meanwhile has to refuse;
//! - what may have been spent stays spent: once an answer to a payment has left its outcome open, only an answer that is
//!   about that payment takes it back, and no refusal for another reason;
//! - it ends: one request without a payment, two with credits, one with a card, and a few repetitions of the last one,
//!   byte for byte, where its outcome is not known.

mod answer;
mod outcome;
mod step;

pub(crate) use answer::{Answer, Settled};
pub use outcome::{Doubt, NotFollowed, Outcome, Paid};
pub(crate) use step::{Arrived, Done, Event, Start, Step};

use crate::books::Millis;
use crate::challenge::Challenge;
use crate::error::Error;
use crate::payer::Means;
use crate::policy::{Order, Refused, Rule};
use answer::Verdict;
use std::time::Duration;
use stripe402_core::protocol::{Accept, ClientId, Currency, ErrorCode, Payment, Units};

/// How often a payment whose outcome is not known is sent again, and for how long that may go on in all.
const REPETITIONS: u32 = 5;
const PATIENCE: Duration = Duration::from_mins(2);
/// How long to wait after a connection broke.
const AFTER_A_LOSS: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
enum State {
    Bare,
    /// Credits are about to be spent, or were sent. Without an offer: at whatever price.
    Credits {
        offer: Option<Accept>,
        price: Option<(Currency, Units)>,
    },
    Turning {
        offer: Accept,
        challenge: Challenge,
    },
    Asking {
        offer: Accept,
        challenge: Challenge,
    },
    Card {
        offer: Accept,
        means: Means,
        charge: Units,
    },
}

/// One request and its payment.
#[derive(Debug)]
pub(crate) struct Exchange {
    start: Start,
    state: State,
    sent: Option<Payment>,
    /// Whether the payment that was sent last was sent before, and may have been made then.
    unsettled: bool,
    turned: bool,
    repetitions: u32,
    waited: Duration,
}

impl Exchange {
    /// The machine, and its first step.
    pub(crate) fn begin(start: Start) -> (Self, Step) {
        let mut exchange = Self {
            start,
            state: State::Bare,
            sent: None,
            unsettled: false,
            turned: false,
            repetitions: 0,
            waited: Duration::ZERO,
        };
        let step = exchange.first();
        (exchange, step)
    }

    fn first(&mut self) -> Step {
        let start = &self.start;
        let payee = start.policy.check_payee(&start.target.origin, start.redirected);
        let (Some(_), Ok(())) = (&start.client, payee) else { return Step::Send(None) };
        if !start.policy.needs_a_price() {
            self.state = State::Credits { offer: None, price: None };
            return self.send_credits();
        }
        match start.quote {
            Some((currency, price)) => {
                self.state = State::Credits { offer: None, price: Some((currency, price)) };
                Step::PutAside { currency, price, top_up: None }
            }
            None => Step::Send(None),
        }
    }

    /// What to do after something happened.
    pub(crate) fn next(&mut self, event: Event, now: Millis) -> Step {
        match event {
            Event::Answer(answer) => self.answered(&answer, now),
            Event::Lost(arrived) => self.lost(arrived),
            Event::Aside(Ok(())) => self.put_aside(),
            Event::Aside(Err(refused)) => self.refused(refused),
            Event::Turned { client, topped_up } => self.turn(client, topped_up),
            Event::Means(means) => self.decided(means),
            Event::Waited => Step::Send(self.sent.clone()),
        }
    }

    fn send(&mut self, payment: Payment) -> Step {
        self.sent = Some(payment.clone());
        self.unsettled = false;
        Step::Send(Some(payment))
    }

    fn send_credits(&mut self) -> Step {
        let client_id = self.start.client.clone();
        self.send(Payment { client_id, payment_method: None, top_up: None })
    }

    fn put_aside(&mut self) -> Step {
        match &self.state {
            State::Credits { .. } => self.send_credits(),
            State::Asking { offer, challenge } => Step::Ask {
                offer: offer.clone(),
                resource: challenge.resource.clone(),
                error: challenge.error,
            },
            State::Card { means, charge, .. } => {
                // The amount goes with it even if the payer named none: it is what was allowed.
                let payment_method = Some(means.payment_method.clone());
                let top_up = Some(means.top_up.unwrap_or(*charge));
                self.send(Payment { client_id: None, payment_method, top_up })
            }
            State::Bare | State::Turning { .. } => Step::Send(None),
        }
    }

    fn refused(&mut self, refused: Refused) -> Step {
        // A price that was only remembered is asked for before anybody is told no.
        if matches!(self.state, State::Credits { offer: None, .. }) && self.start.replayable {
            self.state = State::Bare;
            return Step::Send(None);
        }
        fail(Error::Refused(refused), Settled::Nothing)
    }

    fn turn(&mut self, client: Option<ClientId>, topped_up: bool) -> Step {
        let State::Turning { offer, challenge } = &self.state else {
            return fail(Error::Confused, Settled::Unknown);
        };
        let (offer, challenge) = (offer.clone(), challenge.clone());
        // Somebody else has paid meanwhile: their credits are ours.
        if client.is_some() && (topped_up || client != self.start.client) && !self.turned {
            self.turned = true;
            self.start.client = client;
            return self.order_credits(offer);
        }
        let (currency, price) = (offer.currency, offer.amount);
        let Some(top_up) = currency.round_up_chargeable(offer.min_top_up) else {
            return fail(Error::TooLarge, Settled::Nothing);
        };
        self.state = State::Asking { offer, challenge };
        Step::PutAside { currency, price, top_up: Some(top_up) }
    }

    fn order_credits(&mut self, offer: Accept) -> Step {
        let (currency, price) = (offer.currency, offer.amount);
        self.state = State::Credits { offer: Some(offer), price: Some((currency, price)) };
        Step::PutAside { currency, price, top_up: None }
    }

    fn decided(&mut self, means: Option<Means>) -> Step {
        let State::Asking { offer, challenge } = &self.state else {
            return fail(Error::Confused, Settled::Unknown);
        };
        let (offer, challenge) = (offer.clone(), challenge.clone());
        let Some(means) = means else {
            return self.done(Outcome::Declined(challenge), Settled::Nothing);
        };
        let wanted = means.top_up.unwrap_or(offer.min_top_up);
        if wanted < offer.min_top_up {
            let error =
                Error::TopUpBelowMinimum { currency: offer.currency, least: offer.min_top_up, named: wanted };
            return fail(error, Settled::Nothing);
        }
        let (currency, price) = (offer.currency, offer.amount);
        let Some(charge) = currency.round_up_chargeable(wanted) else {
            return fail(Error::TooLarge, Settled::Nothing);
        };
        let means = Means { top_up: Some(wanted), ..means };
        self.state = State::Card { offer, means, charge };
        Step::PutAside { currency, price, top_up: Some(charge) }
    }

    fn answered(&mut self, answer: &Answer, now: Millis) -> Step {
        if self.sent.is_some()
            && let Some(wait) = answer.same_again(now)
        {
            let again = self.may_repeat(wait);
            return if again { Step::Wait(wait) } else { self.done(Outcome::Unknown, Settled::Unknown) };
        }
        if answer.status == 402 { self.challenged(answer) } else { self.over(answer) }
    }

    fn may_repeat(&mut self, wait: Duration) -> bool {
        let waited = self.waited.saturating_add(wait);
        if !self.start.replayable || self.repetitions >= REPETITIONS || waited > PATIENCE {
            return false;
        }
        self.repetitions = self.repetitions.saturating_add(1);
        self.waited = waited;
        self.unsettled = true;
        true
    }

    fn lost(&mut self, arrived: Arrived) -> Step {
        // What was sent before, and may have arrived, is not undone by a connection that cannot be made now.
        if self.sent.is_none() || (arrived == Arrived::No && self.repetitions == 0) {
            return Step::FailAsLost { settled: Settled::Nothing };
        }
        if arrived != Arrived::Yes && self.start.repeatable && self.may_repeat(AFTER_A_LOSS) {
            return Step::Wait(AFTER_A_LOSS);
        }
        Step::FailAsLost { settled: Settled::Unknown }
    }

    /// 402: what it says depends on what was sent.
    fn challenged(&mut self, answer: &Answer) -> Step {
        let challenge = match &answer.challenge {
            Ok(challenge) => challenge.clone(),
            Err(_) if self.unsettled => return self.done(Outcome::Unknown, Settled::Unknown),
            Err(error) => return self.done(Outcome::NotOurs(*error), Settled::Nothing),
        };
        let code = challenge.error;
        if self.unsettled && !self.settles(&challenge) {
            return self.done(Outcome::Unknown, Settled::Unknown);
        }
        let asks_again = matches!(code, None | Some(ErrorCode::InsufficientCredits));
        let same = |offer: &Accept| {
            let key = |offer: &Accept| (offer.currency, offer.amount, offer.min_top_up);
            challenge.offers.iter().any(|one| key(one) == key(offer))
        };
        match &self.state {
            State::Bare => self.offered(challenge),
            State::Credits { offer: Some(offer), .. } if asks_again && !challenge.offers.is_empty() => {
                if same(offer) {
                    self.offered(challenge)
                } else {
                    fail(Error::Refused(changed(offer, &challenge)), Settled::Nothing)
                }
            }
            State::Credits { offer: None, .. } if asks_again => self.offered(challenge),
            State::Card { offer, .. }
                if (asks_again || code == Some(ErrorCode::TopUpBelowMinimum))
                    && !challenge.offers.is_empty()
                    && !same(offer) =>
            {
                fail(Error::Refused(changed(offer, &challenge)), Settled::Nothing)
            }
            State::Credits { .. } | State::Turning { .. } | State::Asking { .. } | State::Card { .. } => {
                self.done(Outcome::Failed { code, challenge }, Settled::Nothing)
            }
        }
    }

    /// Whether a 402 says what became of this very payment, and so of its earlier tries: that the card was declined, that
    /// the payment failed and can be tried again, that the credits do not do. Anything else could have been said without
    /// a look at them: of the route's new smallest top-up, say, or of an account that was frozen since.
    fn settles(&self, challenge: &Challenge) -> bool {
        let with_card = matches!(self.state, State::Card { .. });
        match challenge.error {
            Some(ErrorCode::CardDeclined | ErrorCode::PaymentFailed) => !challenge.offers.is_empty(),
            Some(ErrorCode::InsufficientCredits) => !with_card,
            _ => false,
        }
    }

    /// Chooses among what is offered, and pays with credits where there are any that were not tried.
    fn offered(&mut self, challenge: Challenge) -> Step {
        let start = &self.start;
        let order = |offer: &Accept| Order {
            origin: &start.target.origin,
            currency: offer.currency,
            price: offer.amount,
            top_up: None,
            last_price: start.last_price,
            redirected: start.redirected,
        };
        let offer = match start.policy.choose(&challenge.offers, order) {
            Ok(offer) => offer.clone(),
            Err(Some(refused)) => return fail(Error::Refused(refused), Settled::Nothing),
            Err(None) => return self.done(Outcome::NoOffer(challenge), Settled::Nothing),
        };
        if !start.replayable {
            return fail(Error::BodyNotReplayable, Settled::Nothing);
        }
        if start.client.is_some() && matches!(self.state, State::Bare) {
            return self.order_credits(offer);
        }
        self.state = State::Turning { offer, challenge };
        Step::Turn
    }

    /// Any answer but 402, and none that asks for a repetition.
    fn over(&self, answer: &Answer) -> Step {
        let Some(sent) = &self.sent else { return self.done(Outcome::Free, Settled::Nothing) };
        let (offer, charge) = match &self.state {
            State::Card { offer, charge, .. } => (Some((offer.currency, offer.amount)), Some(*charge)),
            State::Credits { price, .. } => (*price, None),
            State::Bare | State::Turning { .. } | State::Asking { .. } => (None, None),
        };
        let asked = !matches!(self.state, State::Credits { offer: None, .. });
        let mut verdict = answer.verdict(sent, offer, charge);
        // A refusal (429, say) is of this try. The one before may have been paid.
        if self.unsettled && matches!(verdict.outcome, Outcome::Rejected) {
            verdict = Verdict::unknown();
        }
        Step::Done(Box::new(Done {
            outcome: verdict.outcome,
            settled: verdict.settled,
            client: verdict.client,
            price: offer,
            asked,
        }))
    }

    #[expect(clippy::unused_self, reason = "reads as what it is: the end of this exchange")]
    fn done(&self, outcome: Outcome, settled: Settled) -> Step {
        Step::Done(Box::new(Done { outcome, settled, client: None, price: None, asked: false }))
    }
}

fn fail(error: Error, settled: Settled) -> Step {
    Step::Fail { error: Box::new(error), settled }
}

fn changed(was: &Accept, challenge: &Challenge) -> Refused {
    let told = |offer: &Accept| {
        let format = |units| offer.currency.format(units);
        format!("{} with a top-up of {}", format(offer.amount), format(offer.min_top_up))
    };
    let now = challenge.offers.first().map_or_else(String::new, told);
    Refused::new(
        Rule::PriceChanged,
        format!("the server asked for {}, and a moment later for {now}", told(was)),
    )
}

#[cfg(test)]
mod tests;
