//! What is asked for, from the environment.

use std::time::Duration;

use crate::Outcome;

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A priced request without a payment.
    Challenge,
    /// A request on no priced route.
    Free,
    /// Paid requests of one client.
    Hot,
    /// Paid requests of a thousand clients in turn.
    Turn,
    /// First payments of new cards.
    TopUp,
    /// What Cloudflare bills.
    Work,
    /// Debits on accounts of different sizes.
    Growth,
    /// The time to the first answer.
    Start,
    /// Ways of committing together.
    Groups,
    /// Asking the origin during the debit.
    Speculative,
}

impl Part {
    const ALL: [(&'static str, Self); 10] = [
        ("challenge", Self::Challenge),
        ("free", Self::Free),
        ("hot", Self::Hot),
        ("turn", Self::Turn),
        ("topup", Self::TopUp),
        ("work", Self::Work),
        ("growth", Self::Growth),
        ("start", Self::Start),
        ("groups", Self::Groups),
        ("speculative", Self::Speculative),
    ];

    /// Its name in CASES and in the report.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, part)| *part == self).map_or("", |(name, _)| name)
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// How long one measurement takes.
    pub(crate) seconds: u32,
    /// How often each is repeated.
    pub(crate) rounds: u32,
    parts: Vec<Part>,
}

impl Wish {
    /// Reads SECONDS, ROUNDS and CASES.
    pub(crate) fn from_environment() -> Outcome<Self> {
        let given = |name: &str| std::env::var(name).ok().filter(|text: &String| !text.trim().is_empty());
        let number = |name: &str, usual: u32, most: u32| -> Outcome<u32> {
            let Some(text) = given(name) else { return Ok(usual) };
            let number = text.trim().parse().ok().filter(|number| (1..=most).contains(number));
            number
                .ok_or_else(|| format!("{name} is {text:?}, and has to be a number from 1 to {most}").into())
        };
        let parts = match given("CASES") {
            None => {
                let usual = Part::ALL.map(|(_, part)| part);
                usual.into_iter().filter(|part| *part != Part::Groups).collect()
            }
            Some(names) => names
                .split(|c: char| c == ',' || c.is_whitespace())
                .filter(|name| !name.is_empty())
                .map(part)
                .collect::<Outcome<_>>()?,
        };
        Ok(Self { seconds: number("SECONDS", 2, 60)?, rounds: number("ROUNDS", 5, 100)?, parts })
    }

    /// Whether a part is asked for.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// How long one measurement takes.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}

fn part(name: &str) -> Outcome<Part> {
    let known = Part::ALL.iter().find(|(known, _)| *known == name).map(|(_, part)| *part);
    known.ok_or_else(|| {
        let names: Vec<_> = Part::ALL.iter().map(|(name, _)| *name).collect();
        format!("CASES names {name:?}; there are: {}", names.join(", ")).into()
    })
}
