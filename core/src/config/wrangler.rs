//! `wrangler.toml` as wrangler itself reads it, checked environment by environment.
//!
//! wrangler inherits `assets`, `migrations`, `observability` and the compatibility date into `[env.*]`, but
//! neither variables nor bindings nor `[secrets]`; what an environment thereby loses is named, so that
//! staging's good settings do not hide production's missing ones. The checks of settings are
//! [`Settings::parse`] itself.

use super::errors::{ConfigError, Refusal, Warning, nearest};
use super::price::price_table;
use super::settings::{Input, Phase, Settings};
use super::variables::{Binding, Kind, VARIABLES, is_route_table};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The first date from which an object may go on after the request that woke it was answered.
const OLDEST_DATE: &str = "2026-10-01";

/// What the checks say of one environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The name under `[env.…]`; `None` is the top level.
    pub name: Option<String>,
    /// What forbids a deployment.
    pub errors: Vec<ConfigError>,
    /// What is probably not wanted.
    pub warnings: Vec<Warning>,
    /// What every route costs; empty where the settings cannot be read.
    pub price_table: String,
}

impl Environment {
    /// `wrangler.toml`, or `wrangler.toml [env.production]`: where a line of a report belongs.
    pub fn place(&self) -> String {
        match &self.name {
            Some(name) => format!("wrangler.toml [env.{name}]"),
            None => "wrangler.toml".to_owned(),
        }
    }
}

/// Checks the top level and every `[env.*]`. Takes the file as JSON, whatever language it was written in.
pub fn check(file: &Value) -> Vec<Environment> {
    let environments = file.get("env").and_then(Value::as_object);
    let keys = environments.into_iter().flat_map(Map::keys).map(|name| Some(name.clone()));
    std::iter::once(None).chain(keys).map(|name| check_one(file, name)).collect()
}

/// One environment of the file: its own table, and the top level where wrangler inherits.
struct Scope<'a> {
    top_level: &'a Value,
    own: &'a Value,
    name: Option<&'a str>,
}

impl<'a> Scope<'a> {
    /// The key is said here, or this is the top level: a mistake in what is inherited is told once.
    fn says(&self, key: &str) -> bool {
        self.name.is_none() || self.own.get(key).is_some()
    }

    /// A key that wrangler inherits whole.
    fn inherited(&self, key: &str) -> Option<&'a Value> {
        self.own.get(key).or_else(|| self.top_level.get(key))
    }
}

fn check_one(file: &Value, name: Option<String>) -> Environment {
    let own = name.as_ref().map_or(Some(file), |name| file.get("env").and_then(|env| env.get(name)));
    let scope = Scope { top_level: file, own: own.unwrap_or(&Value::Null), name: name.as_deref() };
    let vars = vars(scope.own);
    let bindings = bindings(&scope);
    let (mut errors, mut warnings, mut price_table) = (Vec::new(), Vec::new(), String::new());
    match Settings::parse(Input { vars: &vars, bindings: &bindings, phase: Phase::Build }) {
        Ok((settings, found)) => {
            price_table = self::price_table(&settings);
            warnings.extend(found);
        }
        Err(found) => errors.extend(found.into_vec()),
    }
    check_inheritance(&scope, &vars, &bindings, &mut errors, &mut warnings);
    check_binding_names(&scope, &mut errors);
    check_account_class(&scope, &mut errors);
    check_platform(&scope, &mut errors, &mut warnings);
    Environment { name, errors, warnings, price_table }
}

fn vars(table: &Value) -> Map<String, Value> {
    table.get("vars").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Where wrangler's file declares each kind of binding: the list, and the key of the name in it.
const LISTS: [(Binding, &str, &str); 5] = [
    (Binding::Accounts, "durable_objects", "name"),
    (Binding::Limiter, "ratelimits", "name"),
    (Binding::OriginService, "services", "binding"),
    (Binding::Reports, "d1_databases", "binding"),
    (Binding::Metrics, "analytics_engine_datasets", "binding"),
];

/// The entries of a list of bindings.
fn entries<'a>(table: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    let value = table.get(list);
    let value =
        if list == "durable_objects" { value.and_then(|objects| objects.get("bindings")) } else { value };
    value.and_then(Value::as_array).into_iter().flatten()
}

fn declares(table: &Value, binding: Binding) -> bool {
    LISTS.iter().filter(|(kind, ..)| *kind == binding).any(|(_, list, key)| {
        entries(table, list).any(|entry| entry.get(key).and_then(Value::as_str) == Some(binding.name()))
    })
}

fn bindings(scope: &Scope<'_>) -> Vec<Binding> {
    let assets = scope.inherited("assets").and_then(|assets| assets.get("binding")).and_then(Value::as_str);
    let is_there = |binding: &Binding| match binding {
        Binding::Assets => assets == Some(binding.name()),
        Binding::Accounts
        | Binding::Limiter
        | Binding::OriginService
        | Binding::Reports
        | Binding::Metrics => declares(scope.own, *binding),
    };
    Binding::ALL.into_iter().filter(is_there).collect()
}

/// Names what the top level sets and this environment therefore lacks.
fn check_inheritance(
    scope: &Scope<'_>,
    own_vars: &Map<String, Value>,
    own_bindings: &[Binding],
    errors: &mut Vec<ConfigError>,
    warnings: &mut Vec<Warning>,
) {
    let Some(name) = scope.name else { return };
    let hint = |section: &str| {
        format!("the top level has it, but wrangler does not inherit {section} into [env.{name}]")
    };
    let lost_vars = vars(scope.top_level).into_iter().map(|(variable, _)| variable);
    let lost_vars = lost_vars.filter(|variable| !own_vars.contains_key(variable));
    for variable in lost_vars.filter(|variable| is_route_table(variable) || default_holds(variable)) {
        let hint = hint("vars");
        match errors.iter_mut().find(|error| error.variable == variable && error.key.is_none()) {
            Some(error) => error.problem = format!("{} ({hint})", error.problem),
            None if variable == "ORIGIN_URL" && !own_bindings.contains(&Binding::OriginService) => {
                errors.push(Refusal::because(format_args!("not set here: {hint}")).at(variable, None));
            }
            None => warnings.push(Warning { setting: variable, problem: format!("not set here: {hint}") }),
        }
    }
    for (binding, list, _) in LISTS {
        if own_bindings.contains(&binding) || !declares(scope.top_level, binding) {
            continue;
        }
        let hint = hint(list);
        match errors.iter_mut().find(|error| error.variable == binding.name()) {
            Some(error) => error.problem = format!("{} ({hint})", error.problem),
            None if binding == Binding::OriginService && !own_vars.contains_key("ORIGIN_URL") => {
                errors
                    .push(Refusal::because(format_args!("not bound here: {hint}")).at(binding.name(), None));
            }
            None => {
                warnings.retain(|warning| warning.setting != binding.name());
                let problem = format!("not bound here: {hint}");
                warnings.push(Warning { setting: binding.name().to_owned(), problem });
            }
        }
    }
}

/// A variable of ours, so that leaving it out changes something.
fn default_holds(variable: &str) -> bool {
    VARIABLES.iter().any(|known| known.kind == Kind::Var && known.name == variable)
}

/// A binding whose name is almost one of ours.
fn check_binding_names(scope: &Scope<'_>, errors: &mut Vec<ConfigError>) {
    for (_, list, key) in LISTS {
        for name in entries(scope.own, list).filter_map(|entry| entry.get(key).and_then(Value::as_str)) {
            let known = || Binding::ALL.into_iter().map(Binding::name);
            if let Some(meant) = nearest(name, known()).filter(|_| known().all(|binding| binding != name)) {
                errors.push(
                    Refusal::because("not a binding that is used")
                        .nearest(Some(meant))
                        .at(list, Some(name.into())),
                );
            }
        }
    }
}

/// `ACCOUNTS` is this Worker's class `Account`, and that class stores in SQLite.
fn check_account_class(scope: &Scope<'_>, errors: &mut Vec<ConfigError>) {
    let named = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some("ACCOUNTS");
    let Some(binding) = entries(scope.own, "durable_objects").find(named) else { return };
    let class = binding.get("class_name").unwrap_or(&Value::Null);
    if class.as_str() != Some("Account") {
        let refusal = Refusal::because("expected the class \"Account\"").found(class);
        errors.push(refusal.at("ACCOUNTS", Some("class_name".to_owned())));
    }
    if let Some(script) = binding.get("script_name") {
        let refusal = Refusal::because("the class is this Worker's own: leave script_name out").found(script);
        errors.push(refusal.at("ACCOUNTS", Some("script_name".to_owned())));
    }
    let exported = scope.inherited("exports").and_then(|exports| exports.get("Account"));
    let migrations = scope.inherited("migrations").and_then(Value::as_array);
    let sqlite = exported.map_or_else(
        || storage_after(migrations.into_iter().flatten()),
        |export| export.get("storage").and_then(Value::as_str) == Some("sqlite"),
    );
    if !sqlite {
        let problem =
            "expected a migration with new_sqlite_classes = [\"Account\"]: accounts are kept in SQLite";
        errors.push(Refusal::because(problem).at("migrations", None));
    }
}

/// Whether the class `Account` exists with SQLite storage once all migrations ran.
fn storage_after<'a>(migrations: impl Iterator<Item = &'a Value>) -> bool {
    let mut sqlite = BTreeSet::new();
    for migration in migrations {
        let list = |key: &str| migration.get(key).and_then(Value::as_array).into_iter().flatten();
        for rename in list("renamed_classes") {
            let class = |end: &str| rename.get(end).and_then(Value::as_str).unwrap_or_default();
            if sqlite.remove(class("from")) {
                sqlite.insert(class("to"));
            }
        }
        sqlite.extend(list("new_sqlite_classes").filter_map(Value::as_str));
        for deleted in list("deleted_classes").filter_map(Value::as_str) {
            sqlite.remove(deleted);
        }
    }
    sqlite.contains("Account")
}

/// What the platform must do, and must not.
fn check_platform(scope: &Scope<'_>, errors: &mut Vec<ConfigError>, warnings: &mut Vec<Warning>) {
    let date = scope.inherited("compatibility_date").unwrap_or(&Value::Null);
    let day = date_of(date);
    let recent = day.is_some_and(|day| day.len() == OLDEST_DATE.len() && day >= OLDEST_DATE);
    if scope.says("compatibility_date") && !recent {
        let problem = format!(
            "expected \"{OLDEST_DATE}\" or later: a charge has to outlive the request that asked for it"
        );
        let refusal = Refusal::because(problem).found(&day.map_or_else(|| date.clone(), Value::from));
        errors.push(refusal.at("compatibility_date", None));
    }

    let observability = scope.inherited("observability").unwrap_or(&Value::Null);
    let logs = observability.get("logs").unwrap_or(&Value::Null);
    let on = |table: &Value| table.get("enabled").and_then(Value::as_bool) == Some(true);
    let invocations = logs.get("invocation_logs");
    let refused = match invocations {
        Some(value) => value.as_bool() != Some(false),
        // Where logs are on and nothing is said, Cloudflare writes them.
        None => on(observability) || on(logs),
    };
    if scope.says("observability") && refused {
        let problem =
            "expected false: invocation logs hold the payment header, and whoever reads it can spend it";
        let refusal = Refusal::because(problem);
        let refusal = invocations.map_or(refusal.clone(), |value| refusal.found(value));
        errors.push(refusal.at("observability.logs", Some("invocation_logs".to_owned())));
    }

    if let Some(assets) = scope.inherited("assets").filter(|_| scope.says("assets")) {
        let first = assets.get("run_worker_first").unwrap_or(&Value::Null);
        if first.as_bool() != Some(true) {
            let problem = "expected true: otherwise a file is served before the paywall sees the request";
            errors.push(
                Refusal::because(problem).found(first).at("assets", Some("run_worker_first".to_owned())),
            );
        }
    }

    for consumer in ["tail_consumers", "streaming_tail_consumers"] {
        if scope.own.get(consumer).and_then(Value::as_array).is_some_and(|consumers| !consumers.is_empty()) {
            let problem =
                "these Workers receive request headers, and whoever reads the payment header can spend it";
            warnings.push(Warning { setting: consumer.to_owned(), problem: problem.to_owned() });
        }
    }

    let required =
        scope.own.get("secrets").and_then(|secrets| secrets.get("required")).and_then(Value::as_array);
    let is_listed =
        |name: &str| required.is_some_and(|names| names.iter().any(|listed| listed.as_str() == Some(name)));
    let missing = ["STRIPE_SECRET_KEY", "SERVER_SECRET"].into_iter().filter(|secret| !is_listed(secret));
    let missing = missing.collect::<Vec<_>>().join(", ");
    if !missing.is_empty() {
        let problem = format!("does not list {missing}: a deployment without them is not refused");
        warnings.push(Warning { setting: "secrets.required".to_owned(), problem });
    }
}

/// A date, written as a string or as TOML's own date (which reaches JSON as a table with one entry).
fn date_of(value: &Value) -> Option<&str> {
    let inner = value.as_object().filter(|table| table.len() == 1).and_then(|table| table.values().next());
    inner.unwrap_or(value).as_str()
}
