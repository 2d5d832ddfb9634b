//! The ways in which the yardstick's debits can commit together, one beside the other: the one that it uses should be the
//! best of them.

use std::path::Path;

use serde_json::json;
use stripe402_e2e::Layout;

use crate::cases::CONNECTIONS;
use crate::ours::{self, PRICED};
use crate::report::{Figures, Group, Sample};
use crate::wish::Wish;
use crate::wrk::{self, Target};
use crate::yardstick::{DEBIT, Yardstick};
use crate::{Outcome, tell};

const WAYS: [(&str, &str, &str); 5] = [
    ("next turn of the event loop, method call", "timer", "rpc"),
    ("next turn of the event loop, request", "timer", "fetch"),
    ("at once if alone, else next turn, method call", "idle", "rpc"),
    ("after storage.sync(), method call", "sync", "rpc"),
    ("after storage.sync(), request", "sync", "fetch"),
];

/// Measures all ways in turn.
pub(crate) fn measure(wish: &Wish) -> Outcome<Vec<Group>> {
    let paywall = ours::start(ours::config(&json!({})), Layout::new())?;
    let origin = paywall.origin().url();
    let client = ours::values("client", &["hot".to_owned()])?;
    let start = |(_, group, call): (_, &str, &str)| {
        Yardstick::worker(DEBIT, &[("ORIGIN_URL", &origin), ("GROUP", group), ("CALL", call)])
    };
    let yardsticks = WAYS.into_iter().map(start).collect::<Outcome<Vec<_>>>()?;
    let targets: Vec<_> = yardsticks.iter().map(|yardstick| asked(yardstick, &client)).collect();
    for target in &targets {
        wrk::run(target, 16, 1)?;
    }
    let mut groups = Vec::new();
    for connections in CONNECTIONS {
        let mut samples: [Vec<Sample>; WAYS.len()] = Default::default();
        for round in 1..=wish.rounds {
            tell(&format!("round {round} of {}: groups at {connections}", wish.rounds));
            for (target, samples) in targets.iter().zip(&mut samples) {
                samples.push(wrk::run(target, connections, wish.seconds)?);
            }
        }
        let group = |((name, ..), samples): (&(&str, _, _), &Vec<Sample>)| Group {
            name: (*name).to_owned(),
            connections,
            figures: Figures::of(samples),
        };
        groups.extend(WAYS.iter().zip(&samples).map(group));
    }
    Ok(groups)
}

fn asked(yardstick: &Yardstick, client: &Path) -> Target {
    Target {
        address: yardstick.address(),
        group: yardstick.group(),
        path: PRICED,
        header: Some(("client", client.to_path_buf())),
        refused: false,
    }
}
