//! What a paywall is started with.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::group::project;
use crate::vectors;

/// Variables, secrets, and where they are written.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) vars: Map<String, Value>,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) own_file: bool,
    pub(crate) reports: bool,
    /// What was taken away: not even the testbed's address stands in for it.
    pub(crate) unset: BTreeSet<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// The routes, keys and secret of the vectors; no limits against card testing; the testbed as Stripe and origin.
    pub fn new() -> Self {
        let secrets =
            [("STRIPE_SECRET_KEY", "sk_test_testbed"), ("SERVER_SECRET", vectors::text("serverSecret"))];
        Self {
            vars: Map::new(),
            secrets: secrets.map(|(name, value)| (name.into(), value.into())).into(),
            own_file: false,
            reports: false,
            unset: BTreeSet::new(),
        }
        .var("STRIPE_PUBLISHABLE_KEY", vectors::text("publishableKey"))
        .var("ROUTES", vectors::vectors()["routes"].clone())
        .var("LIMITS", "off")
    }

    /// Sets a variable. The addresses of Stripe and the origin are the testbed's, unless they are set here.
    pub fn var(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.vars.insert(name.to_owned(), value.into());
        self.unset.remove(name);
        self
    }

    /// Takes a variable away.
    pub fn without(mut self, name: &str) -> Self {
        self.vars.remove(name);
        self.unset.insert(name.to_owned());
        self
    }

    /// Adds routes to those that are there.
    pub fn routes(mut self, more: &Value) -> Self {
        let routes = self.vars.entry("ROUTES").or_insert_with(|| json!({}));
        for (key, route) in more.as_object().expect("a table of routes") {
            routes[key] = route.clone();
        }
        self
    }

    /// Sets a secret.
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Writes the variables into a copy of `wrangler.toml`, with their types, instead of laying them over it as text:
    /// what is changed in the copy takes hold without a start. The secrets stand among them, since wrangler reads an
    /// env file only once; the Worker sees no difference.
    pub fn in_a_file_of_its_own(mut self) -> Self {
        self.own_file = true;
        self
    }

    /// Binds `REPORTS` to a database, in which there are no tables before [`Paywall::migrate`](crate::Paywall::migrate). For
    /// a paywall under wrangler.
    pub fn with_reports(mut self) -> Self {
        self.reports = true;
        self.in_a_file_of_its_own()
    }

    /// The variables as `--var` takes them: text is itself, all else is JSON.
    pub(crate) fn flags(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        self.vars
            .iter()
            .flat_map(|(name, value)| ["--var".into(), format!("{name}:{}", text(value))])
            .collect()
    }

    /// The secrets as an env file.
    pub(crate) fn env_file(&self) -> String {
        if self.own_file {
            return String::new();
        }
        let lines: Vec<_> = self.secrets.iter().map(|(name, value)| format!("{name}='{value}'")).collect();
        lines.join(
            "
",
        )
    }

    /// The project's `wrangler.toml` with these variables in place of its own. It builds nothing, and names what was
    /// built where it stands.
    pub(crate) fn file(&self, project_file: &str, built: &str) -> String {
        let mut file: toml::Table = project_file.parse().expect("wrangler.toml is TOML");
        file.remove("build");
        file.remove("secrets");
        file.insert("main".into(), format!("{built}/index.js").into());
        file["assets"]["directory"] = format!("{built}/assets").into();
        file.insert(
            "vars".into(),
            toml::Value::try_from(self.all()).expect("variables can be written as TOML"),
        );
        if self.reports {
            let migrations = project().join("migrations");
            let reports = json!([{
                "binding": "REPORTS", "database_name": "reports", "database_id": "reports",
                "migrations_dir": migrations.to_str().expect("a path in UTF-8"),
            }]);
            let reports = toml::Value::try_from(reports).expect("bindings can be written as TOML");
            file.insert("d1_databases".into(), reports);
        }
        toml::to_string(&file).expect("a table can be written as TOML")
    }

    /// Variables and secrets alike, as the Worker sees them.
    pub(crate) fn all(&self) -> Map<String, Value> {
        let secrets = self.secrets.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
        self.vars.clone().into_iter().chain(secrets).collect()
    }
}
