//! The whole corpus against one kind of runtime, with the gate on and off.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use check_bypass::check::{Plan, run};
use check_bypass::corpus::Corpus;
use check_bypass::wire::Endpoint;
use stripe402_e2e::{Config, Layout, Paywall, Request};

use crate::run::Run;
use crate::{gate_off, gate_on};

/// So many forms must get through where there is no gate, else the corpus proves nothing.
const ENOUGH: usize = 50;

fn corpus() -> Corpus {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/bypass.json");
    Corpus::read(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Tries every form, and says what came of it.
pub(crate) fn try_all(runtime: &str, start: impl Fn(Config) -> Paywall) {
    let forms = corpus().forms;
    assert!(forms.len() >= 300);

    let paywall = start(gate_on());
    let on = Run::of(&forms, &paywall);
    let bypasses = on.told(&forms);
    let healthy = Request::get("/.well-known/stripe402/health").send(paywall.address()).unwrap();
    assert_eq!(healthy.status, 200, "it is up to the end");
    drop(paywall);
    let off = Run::of(&forms, &start(gate_off()));

    // Past the test's captured output: what was tried is part of the result.
    let mut out = std::io::stdout().lock();
    let (count, through) = (forms.len(), on.served.len());
    writeln!(out, "{runtime}: forms {count}, bypasses {through} (gate off: {})", off.served.len()).unwrap();
    writeln!(out, "{runtime}: answers with the gate on {:?}, off {:?}", on.statuses(), off.statuses())
        .unwrap();

    assert!(on.served.is_empty(), "{runtime}: served without a payment:\n{bypasses}");
    assert!(off.served.len() >= ENOUGH, "{runtime}: with no gate only {} are served", off.served.len());
    let answered = on.answers.iter().flatten().count();
    assert!(
        answered * 100 >= forms.len() * 95,
        "{runtime}: {answered} of {} were answered at all",
        forms.len()
    );
    // The gate was on, and for every one of them.
    let plain = forms
        .iter()
        .zip(&on.answers)
        .filter(|(form, _)| form.rule == "method GET" && form.of.starts_with("GET "));
    assert!(plain.clone().count() > 0);
    for (form, answer) in plain {
        assert_eq!(answer.as_ref().map(|answer| answer.status), Some(402), "{}", form.target);
    }
    // Many kinds of carelessness, not one of them many times.
    let rules = off.rules(&forms);
    assert!(rules.len() >= ENOUGH / 2, "{runtime}: only these rules find something: {rules:?}");
}

#[test]
fn the_operators_own_check_finds_what_is_open_and_nothing_where_all_is_closed() {
    let report = |config| {
        let paywall = Paywall::start_raw(config, Layout::new());
        let address = paywall.address();
        let plan = Plan {
            endpoint: Endpoint { secure: false, host: address.ip().to_string(), port: address.port() },
            priced: corpus().priced,
            spread: 2,
            most: 5_000,
            per_second: 100_000,
            patience: Duration::from_secs(20),
        };
        run(&plan, |_, _| {})
    };
    let closed = report(gate_on());
    assert!(closed.is_closed() && closed.forms > 300 && closed.unclear.is_empty(), "{closed}");
    // Without a gate, it says so of every path, and sees what a careless origin serves.
    let open = report(gate_off());
    assert_eq!(open.open.len(), 12, "{open}");
    assert!(open.through.len() > 200, "{open}");
}
