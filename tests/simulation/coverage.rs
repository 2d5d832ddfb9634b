//! What all the histories together have met, and what they must have met.

use std::collections::{BTreeMap, BTreeSet};

use stripe402_edge::ledger::topup::{Asked, Sending, State, Step, TopUp};
use stripe402_edge::stripe::webhook::EVENTS;

/// How many histories are run without being told how many.
pub(crate) const USUAL: u64 = 100_000;
/// How often in so many histories each thing has to be met.
const OFTEN: u64 = 100;

/// Which events each state of the machine has to meet: all that it can, but for [`SELDOM`]. What stands in neither has never
/// been met (a settled top-up is told nothing but announcements), and a run that meets it fails.
const PAIRS: [(&str, &str); 16] = [
    ("customer", "made / stored answer / @write / alarm / alarm, another Stripe / payer"),
    (
        "attach",
        "attached / stored answer / declined / stored decline / refused / method / missing / @write / alarm / \
         alarm, another Stripe / payer",
    ),
    (
        "charge",
        "succeeded / stored answer / declined / stored decline / refused / requires_action / processing / hovering / \
         requires_confirmation / requires_capture / succeeded, nothing received / @write / alarm / \
         alarm, another Stripe / payer / announced: succeeded / announced: succeeded, nothing received / \
         announced: no success",
    ),
    (
        "look up",
        "nothing found / succeeded / processing / requires_action / requires_payment_method / \
         requires_confirmation / requires_capture / hovering / @read / alarm / alarm, another Stripe / payer / \
         announced: succeeded / announced: no success",
    ),
    (
        "look up again",
        "nothing found / succeeded / processing / requires_action / requires_payment_method / @read / alarm / \
         alarm, another Stripe / payer / announced: succeeded",
    ),
    (
        "follow",
        "succeeded / canceled / processing / hovering / requires_action / requires_payment_method / \
         requires_confirmation / requires_capture / succeeded, nothing received / @read / alarm / \
         alarm, another Stripe / payer / announced: succeeded / announced: succeeded, nothing received / \
         announced: no success / reply to another call",
    ),
    (
        "action",
        "payer: same / payer: other / payer / alarm / alarm, another Stripe / announced: succeeded / announced: no success",
    ),
    (
        "action, same",
        "requires_action / requires_payment_method / processing / succeeded / @read / alarm / \
         alarm, another Stripe / payer / announced: succeeded / announced: no success",
    ),
    (
        "action, other",
        "requires_action / requires_payment_method / processing / succeeded / @read / alarm / \
         alarm, another Stripe / payer / announced: succeeded / announced: no success",
    ),
    (
        "cancel",
        "canceled / not to be canceled / server error / no answer / unreadable / rate limit / still running / \
         our key refused / alarm / alarm, another Stripe / payer / announced: succeeded / announced: no success",
    ),
    ("credited", "announced: succeeded"),
    ("declined", "announced: no success"),
    ("never_happened", "announced: succeeded"),
    ("canceled", "announced: no success"),
    // Its account was emptied since, or lost it in a crash before anything was sent.
    ("unknown", "announced: no success"),
    ("payback", "done / refused / failed / never_happened"),
];

/// Which events a state meets too seldom to be asked for, and why.
const SELDOM: [(&str, &str, &str); 8] = [
    (
        "customer / attach / charge / look up / look up again / action / action, same / action, other / cancel",
        "reply to another call",
        "an object sends its next call once the one before is over: only where an alarm that took over, or an operator who \
         hurried it, made another meanwhile. The machine is the same for all of them (asked for in `follow`)",
    ),
    (
        "look up / look up again",
        "missing",
        "a Customer of another Stripe: the keys changed between two look-ups of a charge that nobody answered",
    ),
    ("look up", "canceled", "it was processing when it was not answered, and ended before it was looked for"),
    (
        "look up / look up again",
        "succeeded, nothing received / announced: succeeded, nothing received",
        "one charge in a hundred names no money at first, for three minutes at most, and its answer has to be lost, too",
    ),
    (
        "look up again",
        "announced: no success",
        "what is announced is found by the look-up that follows at once: it has to come between the two",
    ),
    (
        "look up again",
        "hovering / canceled / requires_confirmation / requires_capture",
        "what two look-ups see differently was rolled forward in between, and Stripe's model rolls none of these forward",
    ),
    (
        "never_happened",
        "announced: no success",
        "what a look-up does not see ends as a success, or its ending is told before",
    ),
    ("refused", "announced: no success", "what is refused at once leaves no PaymentIntent behind"),
];

/// Every way in which a write can stay unanswered.
const WRITE: &str =
    "no answer / still running / rate limit / server error / stored 500 / unreadable / our key refused";
/// Every way in which a read can.
const READ: &str = "no answer / rate limit / server error / unreadable";

/// The turns that an object has.
const TURNS: [&str; 18] = [
    "spend",
    "pay",
    "resume",
    "wait over",
    "reverse",
    "undo",
    "deliver",
    "announcement",
    "truth read",
    "write answered",
    "method answered",
    "list answered",
    "read answered",
    "cancel answered",
    "alarm",
    "act",
    "refund answered",
    "report answered",
];

/// What becomes of handovers to the reports.
const HANDOVERS: [&str; 4] = ["confirmed", "answer lost", "lost", "late copy"];

/// When, in a turn, an object died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// Nothing of the turn was kept.
    BeforeFlush,
    /// It was kept, and nothing of what it said had left.
    BeforeSending,
    /// All of it had left.
    AfterSending,
}

/// Counts of what happened.
#[derive(Debug, Default, Clone)]
pub(crate) struct Coverage {
    pub(crate) pairs: BTreeMap<(&'static str, &'static str), u64>,
    pub(crate) crashes: BTreeMap<(&'static str, Moment), u64>,
    pub(crate) webhooks: BTreeMap<&'static str, u64>,
    pub(crate) lost: BTreeMap<&'static str, u64>,
    pub(crate) handovers: BTreeMap<&'static str, u64>,
    /// How often debits were summed up.
    pub(crate) compacted: u64,
}

impl Coverage {
    pub(crate) fn pair(&mut self, state: &'static str, event: &'static str) {
        *self.pairs.entry((state, class_of(event))).or_default() += 1;
    }

    pub(crate) fn crash(&mut self, turn: &'static str, moment: Moment) {
        *self.crashes.entry((turn, moment)).or_default() += 1;
    }

    pub(crate) fn webhook(&mut self, kind: &'static str) {
        *self.webhooks.entry(kind).or_default() += 1;
    }

    pub(crate) fn handover(&mut self, what: &'static str) {
        *self.handovers.entry(what).or_default() += 1;
    }

    pub(crate) fn lost(&mut self, what: &'static str) {
        *self.lost.entry(what).or_default() += 1;
    }

    /// What was met less often than it has to be.
    pub(crate) fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let mut want = |what: String, count: Option<&u64>| {
            let count = count.copied().unwrap_or(0);
            if count < OFTEN {
                missing.push(format!("  {what}: {count}"));
            }
        };
        for (state, event) in asked_for() {
            want(format!("{state} on {event}"), self.pairs.get(&(state, event)));
        }
        for turn in TURNS {
            for moment in [Moment::BeforeFlush, Moment::BeforeSending, Moment::AfterSending] {
                want(format!("crash in {turn}, {moment:?}"), self.crashes.get(&(turn, moment)));
            }
        }
        want("debits summed up".to_owned(), Some(&self.compacted));
        for what in HANDOVERS {
            want(format!("handover {what}"), self.handovers.get(what));
        }
        for kind in EVENTS {
            want(format!("webhook {kind}"), self.webhooks.get(kind));
        }
        missing
    }

    /// What was met and stands nowhere, and what is called seldom and is not.
    pub(crate) fn unlisted(&self, histories: u64) -> Vec<String> {
        let asked_for: BTreeSet<_> = asked_for().collect();
        let seldom: BTreeSet<_> = seldom().collect();
        let mut wrong = Vec::new();
        for (pair, count) in &self.pairs {
            let often = histories <= USUAL && *count >= 2 * OFTEN;
            let why = match (asked_for.contains(pair), seldom.contains(pair)) {
                (false, false) => "stands in neither list",
                (true, true) => "stands in both lists",
                (false, true) if often => "is not seldom",
                _ => continue,
            };
            wrong.push(format!("  {} on {}: {count}, {why}", pair.0, pair.1));
        }
        wrong
    }

    /// Prints it as a table.
    pub(crate) fn print(&self, histories: u64) {
        println!("\n{histories} histories met");
        println!("\nthe machine, by state and event:");
        for ((state, event), count) in &self.pairs {
            println!("  {state:<15} {event:<40} {count:>9}");
        }
        println!("\ncrashes: in which turn; before its flush, before it said anything, after");
        for turn in TURNS {
            let of = |moment| self.crashes.get(&(turn, moment)).copied().unwrap_or(0);
            let (flush, sending, after) =
                (of(Moment::BeforeFlush), of(Moment::BeforeSending), of(Moment::AfterSending));
            println!("  {turn:<15} {flush:>9} {sending:>9} {after:>9}");
        }
        println!("\nwebhooks that were booked:");
        for (kind, count) in &self.webhooks {
            println!("  {kind:<40} {count:>9}");
        }
        println!("\ndebits summed up: {} times", self.compacted);
        println!("\nhandovers to the reports:");
        for (what, count) in &self.handovers {
            println!("  {what:<40} {count:>9}");
        }
        println!("\ngiven up, for good:");
        for (what, count) in &self.lost {
            println!("  {what:<40} {count:>9}");
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.compacted += other.compacted;
        for (pair, count) in other.pairs {
            *self.pairs.entry(pair).or_default() += count;
        }
        for (point, count) in other.crashes {
            *self.crashes.entry(point).or_default() += count;
        }
        for (kind, count) in other.webhooks {
            *self.webhooks.entry(kind).or_default() += count;
        }
        for (what, count) in other.handovers {
            *self.handovers.entry(what).or_default() += count;
        }
        for (what, count) in other.lost {
            *self.lost.entry(what).or_default() += count;
        }
    }
}

/// The pairs that have to be met.
fn asked_for() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAIRS.into_iter().flat_map(|(state, events)| {
        let each = events.split(" / ").flat_map(|event| match event {
            "@write" => WRITE.split(" / "),
            "@read" => READ.split(" / "),
            event => event.split(" / "),
        });
        each.map(move |event| (state, event))
    })
}

/// The pairs that need not be.
fn seldom() -> impl Iterator<Item = (&'static str, &'static str)> {
    SELDOM.into_iter().flat_map(|(states, events, _)| {
        states.split(" / ").flat_map(move |state| events.split(" / ").map(move |event| (state, event)))
    })
}

/// Replies of which the machine makes the same.
fn class_of(event: &'static str) -> &'static str {
    match event {
        "no way there" | "answer lost" | "timeout" | "nothing" => "no answer",
        "409" | "lock" => "still running",
        "429" => "rate limit",
        "500" => "server error",
        "401" => "our key refused",
        "html" | "unreadable" => "unreadable",
        event => event,
    }
}

/// The state of a top-up in a word. Without `_`: another variant is another state to be met.
pub(crate) fn state_of(top_up: &TopUp) -> &'static str {
    match &top_up.state {
        State::Sending(Sending { step: Step::Customer, .. }) => "customer",
        State::Sending(Sending { step: Step::Attach, .. }) => "attach",
        State::Sending(Sending { step: Step::Charge, .. }) => "charge",
        State::LookUp { missed_at: None, .. } => "look up",
        State::LookUp { missed_at: Some(_), .. } => "look up again",
        State::Follow { .. } => "follow",
        State::Action { asked: None, .. } => "action",
        State::Action { asked: Some(Asked::Same), .. } => "action, same",
        State::Action { asked: Some(Asked::Other), .. } => "action, other",
        State::Cancel { .. } => "cancel",
        State::Settled(outcome) => outcome_of(outcome.as_str()),
    }
}

/// A settled state by its word in the table.
pub(crate) fn outcome_of(outcome: &str) -> &'static str {
    const ALL: [&str; 6] = ["credited", "attached", "declined", "refused", "never_happened", "canceled"];
    ALL.into_iter().find(|one| *one == outcome).unwrap_or("unknown")
}
