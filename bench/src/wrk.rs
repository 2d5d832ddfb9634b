//! wrk: requests as fast as a number of connections gives them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use stripe402_e2e::project;

use crate::report::Sample;
use crate::{Outcome, cpu};

/// What is asked, and of whom.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The server's address.
    pub(crate) address: SocketAddr,
    /// The server's process group.
    pub(crate) group: u32,
    /// The path.
    pub(crate) path: &'static str,
    /// A header, and a file with its values, one in a line.
    pub(crate) header: Option<(&'static str, PathBuf)>,
    /// Whether every answer is an error (402); else none is.
    pub(crate) refused: bool,
}

/// What `load.lua` says at the end.
#[derive(Debug, Deserialize)]
struct Summary {
    requests: u64,
    microseconds: f64,
    p50: f64,
    p99: f64,
    status: u64,
    broken: u64,
}

/// wrk's version; without wrk, what to do.
pub(crate) fn version() -> Outcome<String> {
    let output = Command::new("wrk").arg("-v").output();
    let output = output.map_err(|_| "wrk is missing: apt-get install wrk (or brew install wrk)")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_whitespace().nth(1).unwrap_or("?").to_owned())
}

/// Whether wrk is there.
pub(crate) fn check() -> Outcome<()> {
    version().map(drop)
}

/// One measurement.
pub(crate) fn run(target: &Target, connections: u32, seconds: u32) -> Outcome<Sample> {
    let mut command = Command::new("wrk");
    command.args(["-t1", "--latency", "--timeout", "10s"]);
    command.arg(format!("-c{connections}")).arg(format!("-d{seconds}s"));
    command.arg("-s").arg(script()).arg(format!("http://{}{}", target.address, target.path));
    if let Some((name, values)) = &target.header {
        command.arg("--").arg(name).arg(values);
    }
    let before = cpu::of_group(target.group)?;
    let output = command.output()?;
    let used = cpu::of_group(target.group)?.saturating_sub(before);
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with("{\"requests\""));
    let said = || format!("wrk said:\n{text}{}", String::from_utf8_lossy(&output.stderr));
    let summary: Summary = serde_json::from_str(line.ok_or_else(said)?)?;
    let expected = if target.refused { summary.requests } else { 0 };
    if summary.requests == 0 {
        return Err(format!("{}: not one answer within {seconds} s", target.path).into());
    }
    if summary.status != expected || summary.broken > 0 {
        return Err(format!("{}: not the answers that were expected: {summary:?}", target.path).into());
    }
    Ok(Sample {
        rate: summary.requests as f64 / (summary.microseconds / 1e6),
        p50: summary.p50,
        p99: summary.p99,
        cpu: used.as_secs_f64() * 1e6 / summary.requests as f64,
    })
}

fn script() -> PathBuf {
    Path::join(project(), "bench/load.lua")
}
