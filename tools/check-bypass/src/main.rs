//! `check-bypass URL [PATHS]`: tries every form of the corpus on a deployment of one's own, and says what got through.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use check_bypass::check::{Plan, line, run};
use check_bypass::corpus::Priced;

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
    if let Some(why) = report.inconclusive() {
        say(why);
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
    let paths = plain.get(1).map(String::as_str);
    Plan::of(url, paths, (Path::new(&config), env.as_deref()), most, per_second)
}
