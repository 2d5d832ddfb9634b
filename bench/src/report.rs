//! What was measured, as values. `target/bench.json` is this, and all that people read is made from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wish::Wish;

/// A run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// When, and on what.
    pub(crate) machine: Machine,
    /// How long one measurement took.
    pub(crate) seconds: u32,
    /// How often each was repeated.
    pub(crate) rounds: u32,
    /// Ours beside a yardstick.
    pub(crate) cases: Vec<Case>,
    /// What is billed.
    pub(crate) work: Vec<Work>,
    /// What a million paid requests cost at list prices, in dollars.
    pub(crate) dollars_per_million: Option<f64>,
    /// Debits on accounts of different sizes.
    pub(crate) growth: Vec<Growth>,
    /// The first answer.
    pub(crate) start: Option<Start>,
    /// Ways of committing together.
    pub(crate) groups: Vec<Group>,
    /// Asking the origin during the debit.
    pub(crate) speculative: Option<Speculative>,
}

impl Report {
    /// One with nothing in it yet.
    pub(crate) fn new(wish: &Wish, machine: Machine) -> Self {
        Self {
            machine,
            seconds: wish.seconds,
            rounds: wish.rounds,
            cases: Vec::new(),
            work: Vec::new(),
            dollars_per_million: None,
            growth: Vec::new(),
            start: None,
            groups: Vec::new(),
            speculative: None,
        }
    }
}

/// When, and on what.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The day, UTC.
    pub(crate) date: String,
    /// The processor's model.
    pub(crate) cpu: String,
    /// How many of its threads there are.
    pub(crate) cores: usize,
    /// The operating system and its kernel.
    pub(crate) kernel: String,
    /// How many programs wanted to run in the minute before: what else the machine was doing.
    pub(crate) load: f64,
    /// The programs' versions, by name.
    pub(crate) versions: BTreeMap<String, String>,
    /// The last commit, and whether something was changed since.
    pub(crate) commit: String,
}

/// What several measurements of one thing gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// The one in the middle.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The most.
    pub(crate) most: f64,
}

impl Spread {
    /// Of these; all zero if there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let (half, last) = (values.len() / 2, values.len().saturating_sub(1));
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(at(half.saturating_sub(1)), at(half))
        } else {
            at(half)
        };
        Self { median, least: at(0), most: at(last) }
    }
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Requests per second.
    pub(crate) rate: f64,
    /// The latency of the one in the middle, in microseconds.
    pub(crate) p50: f64,
    /// The latency that one in a hundred exceeds, in microseconds.
    pub(crate) p99: f64,
    /// The server's CPU time for one request, in microseconds.
    pub(crate) cpu: f64,
}

/// What the measurements of one server gave.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Requests per second.
    pub(crate) rate: Spread,
    /// The median latency, in microseconds.
    pub(crate) p50: Spread,
    /// The latency that one in a hundred exceeds, in microseconds.
    pub(crate) p99: Spread,
    /// CPU time of the server for one request, in microseconds.
    pub(crate) cpu: Spread,
}

impl Figures {
    /// Of these.
    pub(crate) fn of(samples: &[Sample]) -> Self {
        let spread = |take: fn(&Sample) -> f64| Spread::of(samples.iter().map(take));
        Self {
            rate: spread(|sample| sample.rate),
            p50: spread(|sample| sample.p50),
            p99: spread(|sample| sample.p99),
            cpu: spread(|sample| sample.cpu),
        }
    }
}

/// Ours beside its yardstick, at so many connections.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Case {
    /// Its name.
    pub(crate) name: String,
    /// How many connections ask at a time.
    pub(crate) connections: u32,
    /// The paywall's figures.
    pub(crate) ours: Figures,
    /// The yardstick's name and figures.
    pub(crate) yardstick: Option<(String, Figures)>,
    /// Our requests per second over those of the yardstick, measured right after.
    pub(crate) ratio: Option<Spread>,
    /// What the ratio should be at least.
    pub(crate) target: Option<f64>,
}

/// What one kind of request makes Cloudflare bill.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Work {
    /// The kind.
    pub(crate) name: String,
    /// How many were made.
    pub(crate) requests: u64,
    /// What the platform counted for all of them, by name.
    pub(crate) counts: BTreeMap<String, u64>,
    /// The calls to Stripe.
    pub(crate) stripe_calls: u64,
    /// What reached the origin.
    pub(crate) origin_requests: u64,
}

impl Work {
    /// A count for one request.
    pub(crate) fn each(&self, name: &str) -> f64 {
        self.counts.get(name).copied().unwrap_or_default() as f64 / self.requests as f64
    }
}

/// Debits on an account of a size.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Growth {
    /// How many entries it had before.
    pub(crate) entries: u64,
    /// How many debits each measurement added.
    pub(crate) debits: u64,
    /// The figures.
    pub(crate) figures: Figures,
    /// CPU time for one request, over that on the smallest account in the same round.
    pub(crate) ratio: Spread,
    /// What an entry takes on disk, in bytes, where there are enough to tell.
    pub(crate) bytes: Option<f64>,
}

/// The first answer, and what has to be loaded for it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    /// Milliseconds from the start of workerd with the paywall to its first answer.
    pub(crate) ours: Spread,
    /// The same of the smallest Worker.
    pub(crate) bare: Spread,
    /// The module's size in bytes.
    pub(crate) wasm: u64,
    /// The same, gzipped as Cloudflare counts it.
    pub(crate) wasm_gzipped: u64,
    /// The size of the JavaScript around it.
    pub(crate) javascript: u64,
}

/// One way of committing together.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    /// Its name.
    pub(crate) name: String,
    /// How many connections ask at a time.
    pub(crate) connections: u32,
    /// The figures.
    pub(crate) figures: Figures,
}

/// What asking the origin during the debit saves.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Speculative {
    /// How much longer every call to an account takes, in milliseconds.
    pub(crate) object_ms: u32,
    /// How long the origin takes, in milliseconds.
    pub(crate) origin_ms: u32,
    /// One after the other.
    pub(crate) off: Figures,
    /// At the same time.
    pub(crate) on: Figures,
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn a_spread_is_the_middle_and_both_ends() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Spread { median: 2.0, least: 1.0, most: 3.0 });
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Spread { median: 2.5, least: 1.0, most: 4.0 });
        assert_eq!(spread(&[7.0]), Spread { median: 7.0, least: 7.0, most: 7.0 });
        assert_eq!(spread(&[]), Spread::default());
    }
}
