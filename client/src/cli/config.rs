//! What may be spent, as the payer wrote it: `config.toml`, or careful defaults; and where the books are.

use super::args::Pay;
use super::exit::{Exit, Failed};
use super::money::{Allowance, Amount};
use crate::protocol::{Currency, PaymentMethodId, Units};
use crate::{Budget, Factor, FileStore, Host, Limits, Policy, Window};
use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A configuration to start from. What it says is also what holds without one.
pub(crate) const TEMPLATE: &str = r#"# What stripe402 may spend. Amounts are decimals in the currency. Flags can only tighten this.

# payment_method = "pm_..."       # pays where --payment-method and --card are missing
# hosts = ["api.example", "*.example.org"]   # pays these only
# max_price_rise = "2"            # refuses a price that is more than twice what it was the last time
# allow_http = true               # pays over plain http to other machines, too

[limits.usd]                      # a currency without limits is refused
max_price = "1"                   # for one request
max_top_up = "20"                 # for one charge of the card
top_ups = { day = "50" }          # charges of all hosts together; also: hour, month
# budget = { day = "5", month = "50" }       # prices of all hosts together
# budget_per_host = { hour = "1" }
# top_ups_per_host = { month = "20" }
"#;

/// The configuration, read and checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The file that it is from, if it is there.
    pub(crate) file: PathBuf,
    /// Whether it is there.
    pub(crate) exists: bool,
    /// Where the books are.
    pub(crate) store: FileStore,
    /// What pays.
    pub(crate) payment_method: Option<PaymentMethodId>,
    policy: Policy,
    limits: BTreeMap<Currency, Limits>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    payment_method: Option<PaymentMethodId>,
    hosts: Option<Vec<Host>>,
    max_price_rise: Option<String>,
    #[serde(default)]
    allow_http: bool,
    #[serde(default)]
    limits: BTreeMap<String, WrittenLimits>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLimits {
    max_price: Option<String>,
    max_top_up: Option<String>,
    #[serde(default)]
    budget: BTreeMap<String, String>,
    #[serde(default)]
    budget_per_host: BTreeMap<String, String>,
    #[serde(default)]
    top_ups: BTreeMap<String, String>,
    #[serde(default)]
    top_ups_per_host: BTreeMap<String, String>,
}

/// Where configuration and books are.
pub(crate) fn places(named: Option<&Path>) -> Result<(PathBuf, PathBuf), Failed> {
    let home = std::env::var_os("STRIPE402_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let (config, data) = if let Some(home) = home {
        (home.clone(), home)
    } else {
        let program = AppStrategyArgs { app_name: "stripe402".to_owned(), ..AppStrategyArgs::default() };
        let places = choose_app_strategy(program).map_err(|_| {
            Failed::new(Exit::Local, "there is no home folder: set STRIPE402_HOME to one for this program")
        })?;
        (places.config_dir(), places.data_dir())
    };
    let file = named.map_or_else(|| config.join("config.toml"), Path::to_owned);
    Ok((file, data.join("books.json")))
}

impl Config {
    /// Reads the file that was named, or the usual one if it is there.
    pub(crate) fn load(named: Option<&Path>) -> Result<Self, Failed> {
        let (file, books) = places(named)?;
        let wrong = |why: String| Failed::usage(format!("{}: {why}", file.display()));
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => None,
            Err(error) => return Err(wrong(error.to_string())),
        };
        let exists = text.is_some();
        let written: Written = toml::from_str(text.as_deref().unwrap_or(TEMPLATE))
            .map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        let mut policy =
            Policy::new().allow_http(written.allow_http).quote_lifetime(std::time::Duration::ZERO);
        if let Some(hosts) = written.hosts {
            policy = policy.hosts(hosts);
        }
        if let Some(factor) = written.max_price_rise {
            let factor = Factor::parse(&factor).map_err(|error| wrong(format!("max_price_rise: {error}")))?;
            policy = policy.max_price_rise(factor);
        }
        let mut limits = BTreeMap::new();
        for (code, written) in written.limits {
            let currency =
                Currency::parse(&code).map_err(|error| wrong(format!("limits.{code}: this is {error}")))?;
            let read =
                read_limits(currency, &written).map_err(|why| wrong(format!("limits.{code}.{why}")))?;
            limits.insert(currency, read);
        }
        let payment_method = written.payment_method;
        Ok(Self { file, exists, store: FileStore::new(books), payment_method, policy, limits })
    }

    /// The policy, tightened by what the command line says.
    pub(crate) fn policy(&self, pay: &Pay) -> Result<Policy, Failed> {
        let mut limits = self.limits.clone();
        let mut tighten = |amount: &Amount, change: &dyn Fn(&mut Limits)| {
            let name = amount.currency;
            // Without a configuration, an amount in another currency says that it may be spent.
            if self.exists && !self.limits.is_empty() && !limits.contains_key(&name) {
                let file = self.file.display();
                return Err(Failed::usage(format!(
                    "{file} has no limits for {name}: flags can only tighten them"
                )));
            }
            change(limits.entry(name).or_default());
            Ok(())
        };
        let least = |known: Option<Units>, new: Units| Some(known.map_or(new, |known| known.min(new)));
        if let Some(amount) = &pay.max_price {
            tighten(amount, &|limits| limits.max_price = least(limits.max_price, amount.units))?;
        }
        if let Some(amount) = &pay.max_top_up {
            tighten(amount, &|limits| limits.max_top_up = least(limits.max_top_up, amount.units))?;
        }
        for Allowance { amount, window } in &pay.budget {
            tighten(amount, &|limits| limits.budgets.push(Budget::spending(*window, amount.units)))?;
        }
        for Allowance { amount, window } in &pay.top_up_budget {
            tighten(amount, &|limits| limits.budgets.push(Budget::top_ups(*window, amount.units)))?;
        }
        let policy = limits
            .into_iter()
            .fold(self.policy.clone(), |policy, (name, limits)| policy.limits(name, limits));
        Ok(policy)
    }
}

fn read_limits(currency: Currency, written: &WrittenLimits) -> Result<Limits, String> {
    let amount =
        |key: &str, text: &str| currency.parse_price(text).map_err(|error| format!("{key}: {error}"));
    let mut limits = Limits::new();
    if let Some(text) = &written.max_price {
        limits = limits.max_price(amount("max_price", text)?);
    }
    if let Some(text) = &written.max_top_up {
        limits = limits.max_top_up(amount("max_top_up", text)?);
    }
    let tables = [
        ("budget", &written.budget, false, false),
        ("budget_per_host", &written.budget_per_host, false, true),
        ("top_ups", &written.top_ups, true, false),
        ("top_ups_per_host", &written.top_ups_per_host, true, true),
    ];
    for (key, table, top_ups, per_host) in tables {
        for (name, text) in table {
            let window = Window::ALL.into_iter().find(|window| window.as_str() == name);
            let window = window.ok_or_else(|| format!("{key}.{name}: expected hour, day or month"))?;
            let most = amount(&format!("{key}.{name}"), text)?;
            let budget = if top_ups { Budget::top_ups(window, most) } else { Budget::spending(window, most) };
            limits = limits.budget(if per_host { budget.for_each_host() } else { budget });
        }
    }
    Ok(limits)
}
