//! Ours beside its yardstick: A B A B …, at 1, 16 and 64 connections. The rounds go over all cases one after the other,
//! so that what else the machine does meets all of them alike; except those that leave a thousand objects behind, whose
//! databases the runtime closes while the next would be measured. They come last, on servers of their own.

use std::collections::BTreeMap;

use serde_json::json;
use stripe402_e2e::{Card, Layout, Paywall};

use crate::ours::{self, FREE, MUCH, PRICED};
use crate::report::{Case, Figures, Sample, Spread};
use crate::wish::{Part, Wish};
use crate::wrk::{self, Target};
use crate::yardstick::{DEBIT, PASS, REFUSE, Yardstick};
use crate::{Outcome, drive, tell};

/// How many connections ask at a time.
pub(crate) const CONNECTIONS: [u32; 3] = [1, 16, 64];
/// How many clients pay in turn.
const CLIENTS: usize = 1_000;
/// How many new cards one second can take at most.
const CARDS_PER_SECOND: usize = 600;

/// Both sides of a case.
struct Pair {
    part: Part,
    ours: Target,
    name: &'static str,
    theirs: Target,
    /// What the ratio should be at least, and at how many connections.
    target: Option<(f64, &'static [u32])>,
    /// It runs as long as it is needed.
    _yardstick: Yardstick,
}

/// Ours, and the yardstick's right after.
type Round = (Sample, Sample);

/// Measures every case that is wished for.
pub(crate) fn measure(wish: &Wish) -> Outcome<Vec<Case>> {
    let mut measured = Vec::new();
    for parts in [&[Part::Challenge, Part::Free, Part::Hot][..], &[Part::Turn], &[Part::TopUp]] {
        let wanted: Vec<_> = parts.iter().copied().filter(|part| wish.wants(*part)).collect();
        if !wanted.is_empty() {
            measured.extend(together(&wanted, wish)?);
        }
    }
    Ok(measured)
}

/// Measures cases that do not disturb each other, on the same servers.
fn together(parts: &[Part], wish: &Wish) -> Outcome<Vec<Case>> {
    let paywall = ours::start(ours::config(&json!({})), Layout::new())?;
    let origin = paywall.origin().url();
    let worker = |module| Yardstick::worker(module, &[("ORIGIN_URL", &origin)]);
    let mut pairs = Vec::new();
    for part in parts {
        let yardsticks: Vec<(_, _, Option<(_, &[u32])>)> = match part {
            Part::Challenge => vec![
                ("Express", Yardstick::express()?, Some((1.5, &CONNECTIONS))),
                // For information: what is left for our own work.
                ("a bare Worker", worker(REFUSE)?, None),
            ],
            Part::Free => vec![("a bare Worker", worker(PASS)?, Some((0.9, &CONNECTIONS)))],
            Part::Hot => vec![("a bare Worker and object", worker(DEBIT)?, Some((0.85, &[64])))],
            Part::Turn => vec![("a bare Worker and object", worker(DEBIT)?, None)],
            _ => Vec::new(),
        };
        for (name, yardstick, target) in yardsticks {
            pairs.push(pair(&paywall, *part, name, yardstick, target)?);
        }
    }
    if parts.contains(&Part::TopUp) { top_ups(&paywall, wish) } else { alternate(&pairs, wish) }
}

/// The same requests to both. Clients who pay are cards that were charged on our side, and nothing but names on the other.
fn pair(
    paywall: &Paywall,
    part: Part,
    name: &'static str,
    yardstick: Yardstick,
    target: Option<(f64, &'static [u32])>,
) -> Outcome<Pair> {
    let (address, group) = ours::server(paywall);
    let path = if part == Part::Free { FREE } else { PRICED };
    let mut ours = Target { address, group, path, header: None, refused: part == Part::Challenge };
    let mut theirs = Target { address: yardstick.address(), group: yardstick.group(), ..ours.clone() };
    if matches!(part, Part::Hot | Part::Turn) {
        let clients = if part == Part::Hot { 1 } else { CLIENTS };
        tell(&format!("{clients} clients pay for the first time"));
        let cards = ours::cards(paywall, part.name(), clients);
        ours::top_up(paywall, &cards, MUCH)?;
        let payments: Vec<_> = cards.iter().map(Card::spends).collect();
        let names: Vec<_> = cards.iter().map(|card| card.client.as_str().to_owned()).collect();
        ours.header = Some(("payment", ours::values(&format!("{}-payments", part.name()), &payments)?));
        theirs.header = Some(("client", ours::values(&format!("{}-clients", part.name()), &names)?));
    }
    Ok(Pair { part, ours, name, theirs, target, _yardstick: yardstick })
}

fn alternate(pairs: &[Pair], wish: &Wish) -> Outcome<Vec<Case>> {
    let mut samples: BTreeMap<(usize, u32), Vec<Round>> = BTreeMap::new();
    for pair in pairs {
        wrk::run(&pair.ours, 16, 1)?;
        wrk::run(&pair.theirs, 16, 1)?;
    }
    for round in 1..=wish.rounds {
        for (nth, pair) in pairs.iter().enumerate() {
            tell(&format!("round {round} of {}: {} beside {}", wish.rounds, pair.part.name(), pair.name));
            for connections in CONNECTIONS {
                let ours = wrk::run(&pair.ours, connections, wish.seconds)?;
                let theirs = wrk::run(&pair.theirs, connections, wish.seconds)?;
                samples.entry((nth, connections)).or_default().push((ours, theirs));
            }
        }
    }
    let case = |((nth, connections), samples): ((usize, u32), Vec<Round>)| {
        let pair = pairs.get(nth)?;
        let (ours, theirs): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
        let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| ours.rate / theirs.rate);
        let target = pair.target.filter(|(_, at)| at.contains(&connections));
        Some(Case {
            name: pair.part.name().to_owned(),
            connections,
            ratio: Some(Spread::of(ratios)),
            ours: Figures::of(&ours),
            yardstick: Some((pair.name.to_owned(), Figures::of(&theirs))),
            target: target.map(|(least, _)| least),
        })
    };
    Ok(samples.into_iter().filter_map(case).collect())
}

/// First payments: new cards in every measurement. There is no yardstick, since four calls to Stripe are most of it.
fn top_ups(paywall: &Paywall, wish: &Wish) -> Outcome<Vec<Case>> {
    let mut samples: BTreeMap<u32, Vec<Sample>> = BTreeMap::new();
    let number = wish.seconds as usize * CARDS_PER_SECOND;
    // Each round lays out new cards at the testbed's Stripe, which takes as long as to charge them.
    for round in 1..=wish.rounds.min(3) {
        tell(&format!("round {round}: {}", Part::TopUp.name()));
        for connections in CONNECTIONS {
            let cards = ours::cards(paywall, &format!("new{round}_{connections}_"), number);
            let pays = |card: &Card| drive::paid(paywall.address(), PRICED, &card.pays());
            let requests: Vec<_> = cards.iter().map(pays).collect();
            let (_, sample) = drive::run(ours::server(paywall), connections, &requests, wish.time(), 200)?;
            samples.entry(connections).or_default().push(sample);
        }
    }
    let case = |(connections, samples): (u32, Vec<Sample>)| Case {
        name: Part::TopUp.name().to_owned(),
        connections,
        ours: Figures::of(&samples),
        yardstick: None,
        ratio: None,
        target: None,
    };
    Ok(samples.into_iter().map(case).collect())
}
