//! The README's table of settings is the one that the configuration knows: no name more, none less.

#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]

use stripe402_core::config::{Kind, VARIABLES};
use stripe402_edge::stripe::{API_VERSION, webhook::EVENTS};

const README: &str = include_str!("../README.md");

/// Name, kind and default of every row whose first cell is a setting's name.
fn rows() -> Vec<(&'static str, &'static str, &'static str)> {
    let settings = README.split("\n## ").find(|section| section.starts_with("Settings\n"));
    settings
        .expect("a section on settings")
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let name = cells.next()?.strip_suffix('`')?;
            Some((name, cells.next()?.trim(), cells.next()?.trim()))
        })
        .collect()
}

#[test]
fn the_readme_lists_exactly_the_settings_there_are() {
    let known: Vec<_> = VARIABLES
        .iter()
        .map(|setting| {
            let kind = match setting.kind {
                Kind::Var => "variable",
                Kind::Secret => "secret",
                Kind::Binding => "binding",
            };
            (setting.name, kind, setting.default)
        })
        .collect();
    assert_eq!(rows(), known);
}

#[test]
fn the_readme_subscribes_to_exactly_the_events_that_are_read() {
    let named = |name: &'static str| {
        let lines =
            README.lines().filter_map(move |line| line.trim().strip_prefix("-d \"")?.strip_prefix(name));
        lines.map(|line| line.trim_end_matches(" \\").trim_end_matches('"')).collect::<Vec<_>>()
    };
    assert_eq!(named("enabled_events[]="), EVENTS);
    assert_eq!(named("api_version="), [API_VERSION]);
}
