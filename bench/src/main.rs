//! `make bench`: the paywall as it is deployed, on raw workerd in front of the testbed's origin, measured beside its
//! yardsticks in one run.
//!
//! | module | what it is for |
//! | --- | --- |
//! | `wish` | what is asked for: SECONDS, ROUNDS, CASES |
//! | `report` | what was measured, as values; `target/bench.json` is this |
//! | `cases` | requests per second, latency and CPU time, ours and a yardstick's alternating |
//! | `groups` | the ways in which the yardstick's debits can commit together |
//! | `work`, `cost` | what a request makes Cloudflare bill, counted, and what a million of them cost |
//! | `growth` | what a debit costs on an account of ten entries and of a million |
//! | `speculative` | what asking the origin during the debit saves |
//! | `start` | from the start of workerd to the first answer; the size of the module |
//! | `ours`, `wrk`, `drive`, `cpu`, `yardstick`, `machine` | what these stand on |
//! | `tables`, `picture`, `page` | the report for people: Markdown, SVG, `docs/performance.md` |
//!
//! Kept true here: a figure is of answers that were as they should be, or the run stops; what is compared is measured in
//! turn, and the ratio is that of neighbours in time; nothing that was started goes on running, however this ends.

// A program of the build machine: its numbers are counts of what fits into its memory, its clock the machine's.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods
)]

mod cases;
mod cost;
mod cpu;
mod drive;
mod groups;
mod growth;
mod machine;
mod ours;
mod page;
mod picture;
mod report;
mod speculative;
mod start;
mod tables;
mod wish;
mod work;
mod wrk;
mod yardstick;

use std::path::PathBuf;
use std::process::ExitCode;

use stripe402_e2e::project;

use self::report::Report;
use self::wish::{Part, Wish};

/// What is said when something does not work.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The load above which something else runs beside the measurement.
const BUSY: f64 = 0.7;

const USAGE: &str = "usage: stripe402-bench [measure | docs]

measure  measures, prints tables, writes target/bench.json and target/bench.svg
         SECONDS  how long each measurement takes (2)
         ROUNDS   how often each is repeated (5)
         CASES    which parts, of: challenge free hot turn topup work growth start groups speculative
                  (all but groups)
docs     draws docs/performance.svg and fills the figures into docs/performance.md, from target/bench.json";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let done = match (words.next().as_deref(), words.next()) {
        (None | Some("measure"), None) => measure(),
        (Some("docs"), None) => docs(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn json_path() -> PathBuf {
    project().join("target/bench.json")
}

fn measure() -> Outcome<()> {
    let wish = Wish::from_environment()?;
    wrk::check()?;
    let mut report = Report::new(&wish, machine::here()?);
    if report.machine.load > BUSY {
        tell(&format!(
            "the machine is busy (load {}): the figures will say more about that",
            report.machine.load
        ));
    }
    let began = std::time::Instant::now();
    if wish.wants(Part::Start) {
        tell("start");
        report.start = Some(start::measure(&wish)?);
    }
    if wish.wants(Part::Work) {
        tell("work");
        report.work = work::count()?;
    }
    if wish.wants(Part::Growth) {
        tell("growth");
        report.growth = growth::measure(&wish)?;
    }
    report.cases = cases::measure(&wish)?;
    if wish.wants(Part::Groups) {
        tell("groups");
        report.groups = groups::measure(&wish)?;
    }
    if wish.wants(Part::Speculative) {
        tell("speculative");
        report.speculative = Some(speculative::measure(&wish)?);
    }
    report.dollars_per_million = cost::paid(&report).map(|(work, cpu)| cost::of_all(work, cpu));
    let path = json_path();
    std::fs::write(&path, serde_json::to_string_pretty(&report)? + "\n")?;
    picture::draw(&report, &path.with_extension("svg"))?;
    println!("{}", tables::all(&report));
    println!(
        "{} s in all; {} and bench.svg beside it; `make bench-docs` puts the figures into docs/",
        began.elapsed().as_secs(),
        path.strip_prefix(project()).unwrap_or(&path).display()
    );
    Ok(())
}

fn docs() -> Outcome<()> {
    let text = std::fs::read_to_string(json_path())
        .map_err(|error| format!("target/bench.json cannot be read ({error}): run make bench"))?;
    let report: Report = serde_json::from_str(&text)?;
    if report.machine.load > BUSY {
        tell(&format!("these figures are those of a busy machine (load {})", report.machine.load));
    }
    picture::draw(&report, &project().join("docs/performance.svg"))?;
    page::fill(&report, &project().join("docs/performance.md"))
}

/// A line about what is going on; the figures alone go to standard output.
pub(crate) fn tell(what: &str) {
    eprintln!("bench: {what}");
}
