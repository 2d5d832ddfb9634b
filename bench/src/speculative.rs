//! What asking the origin during the debit saves: an object that is 20 ms away, an origin that takes as long, one client.

use serde_json::{Value, json};
use stripe402_e2e::{Layout, Paywall};

use crate::ours::{self, MUCH};
use crate::report::{Figures, Speculative};
use crate::wish::Wish;
use crate::wrk::{self, Target};
use crate::{Outcome, tell};

/// Stands around the Worker in a measurement's own configuration.
const SLOW_ACCOUNT: &str = include_str!("../slow_account.js");
const OBJECT_MS: u32 = 20;
const ORIGIN_MS: u32 = 20;
const SLOW: &str = "/slow?ms=20";

/// Measures it with the option off and on, in turn. One request at a time, so that each is asked ahead.
pub(crate) fn measure(wish: &Wish) -> Outcome<Speculative> {
    let (off, on) = (far(&json!({"amount": 100}))?, far(&json!({"amount": 100, "speculative": true}))?);
    let (to_off, to_on) = (asked(&off, "off")?, asked(&on, "on")?);
    let (mut samples_off, mut samples_on) = (Vec::new(), Vec::new());
    for round in 0..=wish.rounds {
        tell(&format!("round {round} of {}: speculative", wish.rounds));
        let (one, other) = (wrk::run(&to_off, 1, wish.seconds)?, wrk::run(&to_on, 1, wish.seconds)?);
        // In the first round the isolates have not seen the client pay yet.
        if round > 0 {
            samples_off.push(one);
            samples_on.push(other);
        }
    }
    let (off, on) = (Figures::of(&samples_off), Figures::of(&samples_on));
    Ok(Speculative { object_ms: OBJECT_MS, origin_ms: ORIGIN_MS, off, on })
}

fn far(route: &Value) -> Outcome<Paywall> {
    let config = ours::config(&json!({"GET /slow": route})).var("DELAY_MS", OBJECT_MS.to_string());
    ours::start(config, Layout::new().around_is(SLOW_ACCOUNT))
}

fn asked(paywall: &Paywall, name: &str) -> Outcome<Target> {
    let card = paywall.stripe().card(name);
    ours::top_up(paywall, std::slice::from_ref(&card), MUCH)?;
    let values = ours::values(name, &[card.spends()])?;
    let (address, group) = ours::server(paywall);
    Ok(Target { address, group, path: SLOW, header: Some(("payment", values)), refused: false })
}
