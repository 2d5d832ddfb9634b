//! When and on what was measured.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stripe402_e2e::{project, serve};

use crate::report::Machine;
use crate::{Outcome, wrk};

/// This machine, now.
pub(crate) fn here() -> Outcome<Machine> {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let [workerd, ..] = serve(Path::new(""));
    let version = said(Command::new(workerd).arg("--version"));
    let installed = |path: &str| -> Outcome<String> {
        let text =
            std::fs::read_to_string(project().join(path)).map_err(|error| format!("{path}: {error}"))?;
        let package: Value = serde_json::from_str(&text)?;
        Ok(package.get("version").and_then(Value::as_str).unwrap_or("?").to_owned())
    };
    let versions = [
        ("workerd", version.trim_start_matches("workerd ").to_owned()),
        ("node", installed("node_modules/node/package.json")?),
        ("express", installed("bench/node_modules/express/package.json")?),
        ("wrk", wrk::version()?),
    ];
    let git = |words: &[&str]| said(Command::new("git").args(words).current_dir(project()));
    let changed = if git(&["status", "--porcelain"]).is_empty() { "" } else { ", changed" };
    Ok(Machine {
        date: said(Command::new("date").args(["-u", "+%Y-%m-%d"])),
        cpu: model.unwrap_or("unknown").trim().to_owned(),
        cores: std::thread::available_parallelism()?.get(),
        kernel: said(Command::new("uname").arg("-sr")),
        load: load().unwrap_or_default(),
        versions: versions
            .map(|(name, version)| (name.to_owned(), version))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        commit: git(&["rev-parse", "--short=10", "HEAD"]) + changed,
    })
}

fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// The first line that a program says; nothing, if it cannot be asked.
fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or_default().trim().to_owned()
}
