//! `check-bypass URL [PATHS]`: tries every form of the corpus on a deployment of one's own, and says what got through.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use check_bypass::check::{Plan, line, run};
use check_bypass::corpus::Priced;
use check_bypass::wire::Endpoint;

const USAGE: &str = "\
Usage: make check-bypass URL=https://api.example [PATHS=\"GET /api/joke, POST /v1/images/*\"]
   or: check-bypass URL [PATHS] [--config FILE] [--env NAME] [--most N] [--rate N]

Sends some hundred forms of each priced path, without a payment, to a deployment that you own. Exit code 1: something
got through, or a path has no price at all; 2: it could not be tried.

  PATHS          \"METHOD /path\", separated by commas; without it, the priced routes of wrangler.toml
  --config FILE  where to read them (wrangler.toml)
  --env NAME     of which [env.NAME]
  --most N       at most so many requests (5000)
  --rate N       at most so many requests a second (20)
";

fn main() -> ExitCode {
    let plan = match plan(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(why) => {
            say(&format!("{why}\n\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    let names: Vec<String> = plan.priced.iter().map(Priced::name).collect();
    say(&format!("{}: {}", plan.endpoint.authority(), names.join(", ")));
    let report = run(&plan, |form, status| say(&format!("GOT THROUGH {}", line(form, status))));
    say(&report.to_string());
    if report.unanswered > report.forms / 2 {
        say("More than half of the requests had no answer: nothing is proved.");
        return ExitCode::from(2);
    }
    if report.is_closed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(text: &str) {
    // Whoever has closed the pipe does not want to know.
    drop(writeln!(std::io::stdout(), "{text}"));
}

fn plan(arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let (mut plain, mut config, mut env) = (Vec::new(), "wrangler.toml".to_owned(), None);
    let (mut most, mut per_second) = (5_000, 20);
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        let number = |text: String| text.parse::<u32>().map_err(|_| format!("{text:?} is no number"));
        match argument.as_str() {
            "--config" => config = value()?,
            "--env" => env = Some(value()?),
            "--most" => most = number(value()?)?,
            "--rate" => per_second = number(value()?)?,
            _ if argument.starts_with("--") => return Err(format!("{argument} is not known")),
            _ => plain.push(argument),
        }
    }
    let url = plain.first().filter(|url| !url.is_empty()).ok_or("The URL is missing.")?;
    let endpoint = Endpoint::parse(url)?;
    let priced = match plain.get(1).filter(|paths| !paths.trim().is_empty()) {
        Some(paths) => paths.split(',').map(Priced::parse).collect::<Result<Vec<_>, _>>()?,
        None => from_wrangler(Path::new(&config), env.as_deref())?,
    };
    if priced.is_empty() {
        return Err("There is no priced path: name them with PATHS.".to_owned());
    }
    let spread = priced.len();
    let most = usize::try_from(most).map_err(|error| error.to_string())?;
    Ok(Plan { endpoint, priced, spread, most, per_second, patience: Duration::from_secs(15) })
}

/// The routes with a price: those of `ROUTES` and of every variable whose name starts with `ROUTES_`.
fn from_wrangler(file: &Path, env: Option<&str>) -> Result<Vec<Priced>, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{name}: {error}; name the paths with PATHS"))?;
    let table: toml::Table = text.parse().map_err(|error| format!("{name}: {error}"))?;
    let scope = match env {
        Some(env) => {
            table.get("env").and_then(|all| all.get(env)).ok_or(format!("{name}: there is no [env.{env}]"))?
        }
        None => &toml::Value::Table(table),
    };
    let vars =
        scope.get("vars").and_then(toml::Value::as_table).ok_or(format!("{name}: there are no [vars]"))?;
    let mut priced = Vec::new();
    for (_, routes) in vars.iter().filter(|(name, _)| *name == "ROUTES" || name.starts_with("ROUTES_")) {
        let parsed = routes.as_str().map(serde_json::from_str::<toml::Table>);
        let routes = match (routes, parsed) {
            (toml::Value::Table(routes), _) => routes.clone(),
            (_, Some(Ok(routes))) => routes,
            _ => return Err(format!("{name}: the routes cannot be read; name the paths with PATHS")),
        };
        for (key, route) in routes {
            let amount = route.get("amount");
            let free =
                amount.is_some_and(|amount| amount.as_integer() == Some(0) || amount.as_str() == Some("0"));
            if !free {
                priced.push(Priced::parse(&key)?);
            }
        }
    }
    Ok(priced)
}
