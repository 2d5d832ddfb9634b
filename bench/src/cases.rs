//! Ours beside its yardstick: A B A B …, at 1, 16 and 64 connections. The rounds go over all cases one after the other,
//! so that what else the machine does meets all of them alike.

use std::collections::BTreeMap;

use serde_json::json;
use stripe402_e2e::{Card, Layout, Paywall};

use crate::ours::{self, FREE, MUCH, PRICED};
use crate::report::{Case, Figures, Sample, Spread};
use crate::wish::{Part, Wish};
use crate::wrk::{self, Target};
use crate::yardstick::{DEBIT, PASS, Yardstick};
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
    yardstick: Option<(&'static str, Target)>,
}

/// Ours, and the yardstick's right after.
type Round = (Sample, Option<Sample>);

/// What the ratio should be at least, at so many connections; none where nothing is asked.
fn target(part: Part, connections: u32) -> Option<f64> {
    match part {
        Part::Challenge => Some(1.5),
        Part::Free => Some(0.9),
        Part::Hot if connections == 64 => Some(0.85),
        _ => None,
    }
}

/// Measures every case that is wished for.
pub(crate) fn measure(wish: &Wish) -> Outcome<Vec<Case>> {
    let parts = [Part::Challenge, Part::Free, Part::Hot, Part::Turn];
    let parts: Vec<_> = parts.into_iter().filter(|part| wish.wants(*part)).collect();
    if parts.is_empty() && !wish.wants(Part::TopUp) {
        return Ok(Vec::new());
    }
    let paywall = ours::start(ours::config(&json!({})), Layout::new())?;
    let origin = paywall.origin().url();
    let needs = |wanted: &[Part]| parts.iter().any(|part| wanted.contains(part));
    let express = needs(&[Part::Challenge]).then(Yardstick::express).transpose()?;
    let pass = || Yardstick::worker(PASS, &[("ORIGIN_URL", &origin)]);
    let pass = needs(&[Part::Free]).then(pass).transpose()?;
    let debit = || Yardstick::worker(DEBIT, &[("ORIGIN_URL", &origin)]);
    let debit = needs(&[Part::Hot, Part::Turn]).then(debit).transpose()?;

    let mut pairs = Vec::new();
    for part in parts {
        let plain = |path| Target {
            address: paywall.address(),
            group: paywall.process_group(),
            path,
            header: None,
            refused: part == Part::Challenge,
        };
        let (ours, yardstick) = match part {
            Part::Challenge => (plain(PRICED), ("Express", &express)),
            Part::Free => (plain(FREE), ("a bare Worker", &pass)),
            _ => (plain(PRICED), ("a bare Worker and object", &debit)),
        };
        let mut pair = Pair { part, yardstick: beside(&ours, yardstick), ours };
        if matches!(part, Part::Hot | Part::Turn) {
            let clients = if part == Part::Hot { 1 } else { CLIENTS };
            pays(&paywall, &mut pair, clients)?;
        }
        pairs.push(pair);
    }
    let mut measured = alternate(&pairs, wish)?;
    if wish.wants(Part::TopUp) {
        measured.extend(top_ups(&paywall, wish)?);
    }
    Ok(measured)
}

/// The same requests to a yardstick.
fn beside(
    ours: &Target,
    (name, yardstick): (&'static str, &Option<Yardstick>),
) -> Option<(&'static str, Target)> {
    let yardstick = yardstick.as_ref()?;
    Some((name, Target { address: yardstick.address(), group: yardstick.group(), ..ours.clone() }))
}

/// Gives both sides their paying clients: ours with cards that were charged, the yardstick's with nothing but a name.
fn pays(paywall: &Paywall, pair: &mut Pair, clients: usize) -> Outcome<()> {
    tell(&format!("{clients} clients pay for the first time"));
    let name = pair.part.name();
    let cards = ours::cards(paywall, name, clients);
    ours::top_up(paywall, &cards, MUCH)?;
    let payments: Vec<_> = cards.iter().map(Card::spends).collect();
    pair.ours.header = Some(("payment", ours::values(&format!("{name}-payments"), &payments)?));
    let names: Vec<_> = cards.iter().map(|card| card.client.as_str().to_owned()).collect();
    if let Some((_, target)) = &mut pair.yardstick {
        target.header = Some(("client", ours::values(&format!("{name}-clients"), &names)?));
    }
    Ok(())
}

fn alternate(pairs: &[Pair], wish: &Wish) -> Outcome<Vec<Case>> {
    let mut samples: BTreeMap<(usize, u32), Vec<Round>> = BTreeMap::new();
    for pair in pairs {
        wrk::run(&pair.ours, 16, 1)?;
        if let Some((_, target)) = &pair.yardstick {
            wrk::run(target, 16, 1)?;
        }
    }
    for round in 1..=wish.rounds {
        for (nth, pair) in pairs.iter().enumerate() {
            tell(&format!("round {round} of {}: {}", wish.rounds, pair.part.name()));
            for connections in CONNECTIONS {
                let ours = wrk::run(&pair.ours, connections, wish.seconds)?;
                let measure = |(_, target): &(_, Target)| wrk::run(target, connections, wish.seconds);
                let yardstick = pair.yardstick.as_ref().map(measure).transpose()?;
                samples.entry((nth, connections)).or_default().push((ours, yardstick));
            }
        }
    }
    let case = |((nth, connections), samples): ((usize, u32), Vec<Round>)| {
        let pair = pairs.get(nth)?;
        let ours: Vec<_> = samples.iter().map(|(ours, _)| *ours).collect();
        let theirs: Vec<_> = samples.iter().filter_map(|(_, theirs)| *theirs).collect();
        let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| ours.rate / theirs.rate);
        Some(Case {
            name: pair.part.name().to_owned(),
            connections,
            ours: Figures::of(&ours),
            ratio: pair.yardstick.as_ref().map(|_| Spread::of(ratios)),
            yardstick: pair.yardstick.as_ref().map(|(name, _)| ((*name).to_owned(), Figures::of(&theirs))),
            target: target(pair.part, connections),
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
