//! What a seed stands for: a kind of world, and what happens in it, step by step.
//!
//! Kept true here: a step carries its own chance and names nothing that another step made, so that steps can be taken
//! out of a history and the rest still means the same.

use std::fmt;

use super::dice::Dice;
use super::{DAY, HOUR, MINUTE, SECOND};

/// What is done from outside. Everything else follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Somebody sends a request.
    Ask,
    /// So many milliseconds pass, and with them what is due.
    Pass(i64),
    /// The operator refunds a payment at Stripe, wholly or in part.
    Refund,
    /// A payer's bank disputes a payment.
    Dispute,
    /// Somebody who waits hangs up.
    HangUp,
    /// An object dies.
    Crash,
    /// The Worker is deployed anew, sometimes with the keys of another Stripe account or mode.
    Deploy,
    /// The operator deletes a Customer at Stripe.
    DeleteCustomer,
    /// The operator acts on an account.
    Operate,
}

/// One step of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) act: Act,
    /// The seed of all that is left to chance in it.
    pub(crate) dice: u64,
    /// Whether nothing goes wrong in it.
    pub(crate) calm: bool,
}

impl Step {
    pub(crate) const fn dice(&self) -> Dice {
        if self.calm { Dice::calm(self.dice) } else { Dice::new(self.dice) }
    }
}

/// What kind of world it is: how often what goes wrong, in thousandths. Each seed's world has its own troubles, since
/// where everything goes wrong at once nothing gets far enough to go wrong in an interesting way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) clients: usize,
    /// A call to Stripe goes wrong.
    pub(crate) stripe: u64,
    /// A message between the Worker and an object is lost.
    pub(crate) link: u64,
    /// An object dies in a turn.
    pub(crate) crash: u64,
    /// A turn's writes are not flushed at once, but with those of the next turns.
    pub(crate) hold: u64,
    /// A delivery of a webhook is lost, or comes twice.
    pub(crate) webhook: u64,
    /// The announcement of a success never comes, however often Stripe tries.
    pub(crate) unannounced: u64,
    /// An alarm fires late, or twice.
    pub(crate) alarm: u64,
    /// A handover to the reports, or its answer, is lost, or comes late or twice.
    pub(crate) reports: u64,
    /// Whether there are reports.
    pub(crate) bound: Bound,
    /// What becomes of a charge, by weight.
    pub(crate) charge: [(u64, Charge); 8],
    /// Whether what holds card testers back is on.
    pub(crate) limits: bool,
}

/// Whether the database of the reports is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Always,
    Never,
    /// Now and then, from one deployment to the next.
    NowAndThen,
}

/// What becomes of a charge that Stripe takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charge {
    Succeeds,
    Declined,
    NeedsAction,
    Processing,
    NeedsConfirmation,
    NeedsCapture,
    UnknownStatus,
    /// It succeeded, and what was received is told only later.
    NothingReceivedYet,
}

/// A history: a world and what is done in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) profile: Profile,
    pub(crate) steps: Vec<Step>,
}

impl Schedule {
    /// The history that a seed stands for.
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let profile = Profile::draw(&mut dice);
        let length = dice.between(9, 18);
        let mut steps = Vec::new();
        for nth in 0..length {
            let act = if nth == 0 { Act::Ask } else { draw_act(&mut dice) };
            steps.push(Step { act, dice: dice.next(), calm: false });
        }
        Self { profile, steps }
    }
}

fn draw_act(dice: &mut Dice) -> Act {
    match dice.weighted(&[
        (38, Act::Ask),
        (41, Act::Pass(0)),
        (5, Act::Refund),
        (5, Act::Dispute),
        (4, Act::HangUp),
        (2, Act::Crash),
        (3, Act::Deploy),
        (2, Act::DeleteCustomer),
        (8, Act::Operate),
    ]) {
        Act::Pass(_) => {
            let (low, high) = dice.weighted(&[
                (20, (1, 60)),
                (25, (60, 3 * SECOND)),
                (22, (3 * SECOND, 40 * SECOND)),
                (12, (40 * SECOND, 4 * MINUTE)),
                (12, (4 * MINUTE, 20 * MINUTE)),
                (7, (50 * MINUTE, 2 * HOUR)),
                (3, (DAY, 50 * HOUR)),
                (3, (2 * DAY, 4 * DAY)),
            ]);
            Act::Pass(dice.between(low, high))
        }
        act => act,
    }
}

impl Profile {
    fn draw(dice: &mut Dice) -> Self {
        let usual = (60, Charge::Succeeds);
        let mut charge = [
            usual,
            (8, Charge::Declined),
            (10, Charge::NeedsAction),
            (3, Charge::Processing),
            (1, Charge::NeedsConfirmation),
            (1, Charge::NeedsCapture),
            (1, Charge::UnknownStatus),
            (1, Charge::NothingReceivedYet),
        ];
        // In a third of all worlds one of them is what mostly happens.
        if dice.chance(350) {
            let one = 1 + dice.below(charge.len() - 1);
            charge[one].0 = 70;
        }
        Self {
            clients: dice.weighted(&[(6, 2), (2, 3), (1, 4)]),
            stripe: dice.one_of(&[0, 40, 150, 400]),
            link: dice.one_of(&[0, 0, 15, 100]),
            crash: dice.one_of(&[0, 0, 15, 90]),
            hold: dice.one_of(&[0, 100, 400]),
            webhook: dice.one_of(&[0, 0, 100, 400, 2_000]),
            unannounced: dice.one_of(&[0, 300, 1_000]),
            alarm: dice.one_of(&[0, 100, 400]),
            reports: dice.one_of(&[0, 100, 500]),
            bound: dice.weighted(&[(5, Bound::Always), (1, Bound::Never), (4, Bound::NowAndThen)]),
            charge,
            limits: dice.chance(200),
        }
    }

    /// The same world with nothing going wrong any more.
    pub(crate) const fn quiet(self) -> Self {
        Self { stripe: 0, link: 0, crash: 0, hold: 0, webhook: 0, alarm: 0, reports: 0, ..self }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, stripe, link, crash, hold, webhook, unannounced, alarm, reports, bound, .. } =
            self;
        write!(
            f,
            "{clients} clients; of 1000: {stripe} calls to Stripe fail, {link} messages are lost, {crash} turns crash, \
             {hold} are kept late, {webhook} webhooks are lost or doubled, {unannounced} successes never announced, \
             {alarm} alarms are late or doubled, {reports} handovers are lost, late or doubled; reports: {bound:?}"
        )
    }
}
