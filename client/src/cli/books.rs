//! `config`: the limits, what was spent, and where credits are.

use super::args::{Config as Command, Pay};
use super::config::{Config, TEMPLATE, places};
use super::exit::{Exit, Failed};
use super::request::parse_url;
use super::say::Say;
use crate::protocol::{Currency, Units};
use crate::{Budget, Limits, Origin, Scope};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Shows or changes what this program keeps.
pub(crate) fn run(command: &Command, named: Option<&Path>, say: Say) -> Result<Exit, Failed> {
    match command {
        Command::Path => {
            let (config, books) = places(named)?;
            let object = json!({"config": config, "books": books});
            say.result(|| format!("{}\n{}", config.display(), books.display()), || object);
        }
        Command::Init => {
            let (file, _) = places(named)?;
            write_new(&file)
                .map_err(|error| Failed::new(Exit::Local, format!("{}: {error}", file.display())))?;
            say.result(|| format!("wrote {}", file.display()), || json!({ "config": file }));
        }
        Command::Forget { url } => {
            let config = Config::load(named)?;
            let origin =
                Origin::of(&parse_url(url)?).ok_or_else(|| Failed::usage("that is no server's URL"))?;
            let known = config.store.change(|books| books.forget(origin.as_str()));
            let known = known.map_err(|error| Failed::new(Exit::Local, error.to_string()))?;
            let what = if known { "forgot" } else { "there is nothing known of" };
            say.result(|| format!("{what} {origin}"), || json!({ "forgotten": known }));
        }
        Command::Show => show(&Config::load(named)?, say)?,
    }
    Ok(Exit::Ok)
}

fn write_new(file: &Path) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Never over one that is there.
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(file)?;
    file.write_all(TEMPLATE.as_bytes())
}

fn show(config: &Config, say: Say) -> Result<(), Failed> {
    let policy = config.policy(&Pay::default())?;
    let books = config.store.books().map_err(|error| Failed::new(Exit::Local, error.to_string()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let spent = |budget: &Budget, currency| books.spent(budget, currency, "", now);
    let lines = || {
        let from = if config.exists { "" } else { " (not there: these are the defaults)" };
        let mut lines = vec![format!("configuration  {}{from}", config.file.display())];
        lines.push(format!("books          {}", config.store.path().display()));
        for (currency, limits) in policy.all_limits() {
            lines.extend(limit_lines(currency, limits, &spent));
        }
        for (origin, client) in books.clients() {
            let balance = |(code, units): (&String, &Units)| {
                Currency::parse(code).map_or_else(|_| units.to_string(), |currency| currency.format(*units))
            };
            let balances: Vec<_> = client.balances.iter().map(balance).collect();
            lines.push(format!("credits        {origin}: {}", balances.join(", ")));
        }
        lines.join("\n")
    };
    let object = || {
        let limit = |(currency, limits): (Currency, &Limits)| {
            let budgets: Vec<Value> = limits.budgets.iter().map(|budget| {
                json!({"of": if budget.top_ups { "topUps" } else { "prices" }, "window": budget.window.as_str(),
                    "perHost": budget.scope != Scope::InAll, "most": budget.most.get(),
                    "spent": (budget.scope == Scope::InAll).then(|| spent(budget, currency).get())})
            }).collect();
            json!({"currency": currency.code(), "maxPrice": limits.max_price.map(Units::get),
                "maxTopUp": limits.max_top_up.map(Units::get), "budgets": budgets})
        };
        let credits: Vec<Value> = books
            .clients()
            .map(|(origin, client)| json!({"origin": origin, "balances": client.balances}))
            .collect();
        json!({"config": config.file, "exists": config.exists, "books": config.store.path(),
            "limits": policy.all_limits().map(limit).collect::<Vec<_>>(), "credits": credits})
    };
    say.result(lines, object);
    Ok(())
}

fn limit_lines(
    currency: Currency,
    limits: &Limits,
    spent: &impl Fn(&Budget, Currency) -> Units,
) -> Vec<String> {
    let format = |units: Units| currency.format(units);
    let price = limits.max_price.map(|most| format!("limit          one request: at most {}", format(most)));
    let top_up = limits.max_top_up.map(|most| format!("limit          one charge: at most {}", format(most)));
    let budget = |budget: &Budget| {
        let what = if budget.top_ups { "charges" } else { "prices" };
        let (most, window) = (format(budget.most), budget.window);
        let so_far = match budget.scope {
            Scope::InAll => format!("in all, {} so far", format(spent(budget, currency))),
            Scope::EachHost | Scope::Host(_) => "per host".to_owned(),
        };
        format!("limit          {what} in a {window}: at most {most} {so_far}")
    };
    price.into_iter().chain(top_up).chain(limits.budgets.iter().map(budget)).collect()
}
