//! Checks `wrangler.toml` with the Worker's own configuration parser, for every environment, so that a wrong
//! price never deploys, and prints what every route will cost.

use std::process::ExitCode;
use std::{env, fs, path::Path};
use stripe402_core::config::wrangler;

const FILE: &str = "wrangler.toml";

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed={FILE}");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={MINIFIED}");
    match check().and_then(|()| pages()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            for line in problems.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Styles and scripts of the pages. Sent are those that `make build` has minified, in the folder that it names; without
/// one, every line that is one of code, without what stands before it (nothing as written spans lines in quotes, so
/// nothing but space is lost).
const PAGES: [&str; 3] = ["page.css", "pay.js", "account.js"];
const MINIFIED: &str = "STRIPE402_MINIFIED_PAGES";

fn pages() -> Result<(), String> {
    let folder = env::var("OUT_DIR").map_err(|error| format!("OUT_DIR: {error}"))?;
    let minified = env::var_os(MINIFIED);
    for page in PAGES {
        let from = minified.as_ref().map_or(Path::new("src/pages"), Path::new).join(page);
        println!("cargo:rerun-if-changed={}", from.display());
        let text = fs::read_to_string(&from)
            .map_err(|error| format!("{} cannot be read: {error}", from.display()))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
        let sent = if minified.is_some() { text } else { lines.collect::<Vec<_>>().join("\n") };
        if sent.contains("</") || sent.contains("<!--") {
            return Err(format!("{} has what would end its element in a page", from.display()));
        }
        let to = Path::new(&folder).join(page);
        fs::write(&to, sent).map_err(|error| format!("{} cannot be written: {error}", to.display()))?;
    }
    Ok(())
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
