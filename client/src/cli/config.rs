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

[limits.usd]                      # other currencies are refused; without any [limits], these hold
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
        Self::read(file, books, text.as_deref())
    }

    /// What a file says, or the defaults where there is none.
    fn read(file: PathBuf, books: PathBuf, text: Option<&str>) -> Result<Self, Failed> {
        let wrong = |why: String| Failed::usage(format!("{}: {why}", file.display()));
        let exists = text.is_some();
        let written: Written = toml::from_str(text.unwrap_or(TEMPLATE))
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
        // Who writes down a payment method does not ask for an open purse.
        let defaults =
            || toml::from_str(TEMPLATE).map(|template: Written| template.limits).unwrap_or_default();
        let said = if written.limits.is_empty() { defaults() } else { written.limits };
        for (code, written) in said {
            let currency =
                Currency::parse(&code).map_err(|error| wrong(format!("limits.{code}: this is {error}")))?;
            let read =
                read_limits(currency, &written).map_err(|why| wrong(format!("limits.{code}.{why}")))?;
            limits.insert(currency, read);
        }
        let payment_method = written.payment_method;
        Ok(Self { file, exists, store: FileStore::new(books), payment_method, policy, limits })
    }

    /// The policy, tightened by what the command line says. Without a file, a currency that only flags name is paid in
    /// where they say how much the card may be charged: there is nothing else that would bound it.
    pub(crate) fn policy(&self, pay: &Pay) -> Result<Policy, Failed> {
        let mut limits = self.limits.clone();
        let mut tighten = |amount: &Amount, change: &dyn Fn(&mut Limits)| {
            let name = amount.currency;
            if self.exists && !limits.contains_key(&name) {
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
        let boundless = |(name, limits): &(&Currency, &Limits)| {
            !self.exists && !self.limits.contains_key(name) && limits.max_top_up.is_none()
        };
        if let Some((name, _)) = limits.iter().find(boundless) {
            let file = self.file.display();
            return Err(Failed::usage(format!(
                "there are no limits for {name}, so flags in it need --max-top-up in {name}, too: the most that the card \
                 may be charged at a time. Or write [limits.{name}] into {file}"
            )));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Args, Command};
    use crate::{Order, Origin, Rule};
    use clap::Parser;

    /// What these flags make of this file, or of none.
    fn policy(file: Option<&str>, flags: &str) -> Result<Policy, String> {
        let config = Config::read("config.toml".into(), "books.json".into(), file).unwrap();
        let line = ["stripe402", "get", "https://api.example"].into_iter().chain(flags.split_whitespace());
        let Command::Get { pay, .. } = Args::try_parse_from(line).unwrap().command else { panic!("{flags}") };
        config.policy(&pay).map_err(|failed| {
            assert_eq!(failed.exit, Exit::Usage, "{flags}");
            failed.message
        })
    }

    /// The rule that a charge of so many units runs into; the request costs a hundredth of the currency's unit.
    fn refused(policy: &Policy, currency: &str, charge: i64) -> Option<Rule> {
        let origin = Origin::of(&"https://api.example".parse().unwrap()).unwrap();
        let order = Order {
            origin: &origin,
            currency: Currency::parse(currency).unwrap(),
            price: Units::new(100).unwrap(),
            top_up: Units::new(charge),
            last_price: None,
            redirected: false,
        };
        crate::Books::default().check(policy, &order, 1_800_000_000_000).err().map(|refused| refused.rule)
    }

    #[test]
    fn without_a_file_no_flag_opens_a_charge_without_a_bound() {
        for flags in [
            "--max-price 0.05eur",
            "--budget 2eur",
            "--top-up-budget 50eur/month",
            "--max-price 5jpy --max-top-up 20",
        ] {
            let why = policy(None, flags).unwrap_err();
            assert!(why.contains("need --max-top-up in "), "{flags}: {why}");
        }
        let euro = policy(None, "--max-price 0.05eur --max-top-up 20eur").unwrap();
        assert_eq!(refused(&euro, "eur", 200_000), None);
        assert_eq!(refused(&euro, "eur", 200_100), Some(Rule::MaxTopUp));
        assert_eq!(refused(&euro, "jpy", 1_000_000), Some(Rule::Currency));
        // What holds without a file holds on, whatever flags say.
        for flags in
            ["", "--max-top-up 9999", "--max-price 9999", "--max-top-up 20eur", "--budget 9999/month"]
        {
            let policy = policy(None, flags).unwrap();
            assert_eq!(refused(&policy, "usd", 200_000), None, "{flags}");
            assert_eq!(refused(&policy, "usd", 200_100), Some(Rule::MaxTopUp), "{flags}");
        }
        assert_eq!(refused(&policy(None, "--max-top-up 5").unwrap(), "usd", 50_100), Some(Rule::MaxTopUp));
    }

    #[test]
    fn with_a_file_flags_tighten_what_it_says() {
        let file = "[limits.usd]\nmax_top_up = \"10\"\n[limits.eur]\n";
        let why = policy(Some(file), "--max-price 1gbp").unwrap_err();
        assert!(why.contains("has no limits for gbp"), "{why}");
        let tighter = policy(Some(file), "--max-top-up 9999 --budget 1eur").unwrap();
        assert_eq!(refused(&tighter, "usd", 100_100), Some(Rule::MaxTopUp));
        // The file sets no bound here: that is its writer's word.
        assert_eq!(refused(&tighter, "eur", 99_990_000), None);
        // A file without any limits leaves those that hold without it.
        for file in ["", "payment_method = \"pm_card_visa\"\n", "[limits]\n"] {
            let policy = policy(Some(file), "").unwrap();
            assert_eq!(refused(&policy, "usd", 200_000), None, "{file}");
            assert_eq!(refused(&policy, "usd", 200_100), Some(Rule::MaxTopUp), "{file}");
            assert_eq!(refused(&policy, "eur", 50_000), Some(Rule::Currency), "{file}");
        }
    }
}
