//! Checks `wrangler.toml` with the Worker's own configuration parser, for every environment, so that a wrong
//! price never deploys, and prints what every route will cost.

use std::process::ExitCode;
use std::{env, fs, path::Path};
use stripe402_core::config::wrangler;

const FILE: &str = "wrangler.toml";

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed={FILE}");
    println!("cargo:rerun-if-changed=build.rs");
    match check() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            for line in problems.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<(), String> {
    let text = fs::read_to_string(FILE).map_err(|error| format!("{FILE} cannot be read: {error}"))?;
    let file: serde_json::Value =
        toml::from_str(&text).map_err(|error| format!("{FILE} is not TOML: {error}"))?;

    let (mut problems, mut prices) = (Vec::new(), Vec::new());
    for environment in wrangler::check(&file) {
        let place = environment.place();
        problems.extend(environment.errors.iter().map(|error| format!("{place}: {error}")));
        for warning in &environment.warnings {
            println!("cargo:warning={place}: {warning}");
        }
        prices.extend(environment.price_table.lines().map(|line| format!("{place}: {line}")));
    }
    // A build script's warnings are the only lines that cargo shows of it.
    for line in &prices {
        println!("cargo:warning={line}");
    }
    if !problems.is_empty() {
        return Err(problems.join("\n"));
    }
    let folder = env::var("OUT_DIR").map_err(|error| format!("OUT_DIR: {error}"))?;
    let path = Path::new(&folder).join("price-table.txt");
    fs::write(&path, prices.join("\n") + "\n")
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))
}
