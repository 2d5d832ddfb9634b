//! Every setting there is, in one table: the parser takes its defaults from it, the build its nearest names,
//! and a test holds the README to it.

use super::errors::{Refusal, nearest};
use super::value::Reader;

/// Where a setting lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `[vars]` in `wrangler.toml`.
    Var,
    /// `wrangler secret put`, locally `.dev.vars`.
    Secret,
    /// A binding in `wrangler.toml`.
    Binding,
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name in the Worker's environment.
    pub name: &'static str,
    /// Where it lives.
    pub kind: Kind,
    /// What holds where it is not set, as it would be written; a computed default in words; or empty.
    pub default: &'static str,
    /// What it is for. Empty in the Worker, which never says it.
    pub what: &'static str,
}

const fn variable(name: &'static str, kind: Kind, default: &'static str, what: &'static str) -> Variable {
    let what = if cfg!(target_arch = "wasm32") { "" } else { what };
    Variable { name, kind, default, what }
}

const fn var(name: &'static str, default: &'static str, what: &'static str) -> Variable {
    variable(name, Kind::Var, default, what)
}

const fn secret(name: &'static str, what: &'static str) -> Variable {
    variable(name, Kind::Secret, "", what)
}

const fn binding(name: &'static str, what: &'static str) -> Variable {
    variable(name, Kind::Binding, "", what)
}

/// All of them. Variables that start with `ROUTES_` are further route tables.
pub const VARIABLES: &[Variable] = &[
    var(
        "ROUTES",
        "",
        "the route table: \"METHOD /path\" = { amount = units } (required; ROUTES_… are merged in)",
    ),
    var("STRIPE_PUBLISHABLE_KEY", "", "Stripe's publishable key, pk_test_… or pk_live_… (required)"),
    var(
        "ORIGIN_URL",
        "",
        "where paid and free requests go: an http(s) URL, a base path allowed; not set: the zone's own origin",
    ),
    var("CURRENCY", "usd", "the currency of routes that name none, and of the three amounts below"),
    var("MIN_TOP_UP", "50000", "smallest top-up in units, for routes in CURRENCY that name no minTopUp"),
    var("MAX_TOP_UP", "20 × minTopUp", "largest top-up in units, for routes in CURRENCY"),
    var(
        "MAX_TOP_UP_PER_DAY",
        "4 × MAX_TOP_UP",
        "most that one account may top up in a day, in units of CURRENCY",
    ),
    var("UNMATCHED", "free", "requests on no route: free, or deny (404)"),
    var("UNLISTED_METHODS", "deny", "other methods of a priced path: deny (405), or free"),
    var("STRICT_PATHS", "false", "refuse every path that can be read in two ways, priced or not"),
    var(
        "CHARGE_ON",
        "no-server-error",
        "which answers of the origin are paid for: no-server-error, success or always",
    ),
    var("CORS_ORIGINS", "", "web origins whose pages may pay: a list such as \"https://app.example\", or *"),
    var("ORIGIN_TIMEOUT_MS", "60000", "how long the origin may take until its headers arrive"),
    var("TOP_UP_WAIT_MS", "25000", "how long a request waits for a charge"),
    var("MAX_DECLINES", "5", "declined cards per account and hour before 429"),
    var("LIMITS", "on", "the limits against card testing; off only with a test key, for tests"),
    var("IDEMPOTENT_RETRIES", "0", "further deliveries of an answered Idempotency-Key within 10 minutes"),
    var("STATEMENT_DESCRIPTOR_SUFFIX", "", "what the card statement says after the account's own prefix"),
    var("JURISDICTION", "", "where accounts are stored: eu or fedramp; never changed later"),
    var("PAYWALL", "on", "a payment page for browsers"),
    var("PAYWALL_NAME", "", "the page's name for this service"),
    var("PAYWALL_COLOR", "", "the page's accent, #rrggbb"),
    var("PAYWALL_LOGO", "", "the page's logo, an https URL"),
    var("SUPPORT_URL", "", "where payers get help, an https URL"),
    var("TERMS_URL", "", "the terms of the service, an https URL"),
    var("DISCOVERY", "on", "publish what is for sale under /.well-known/stripe402"),
    var("LOG_UNPAID", "on", "a line in the log for challenges and free requests, too"),
    var("COMPACT_AFTER_DAYS", "90", "sum up an account's older entries after so many days"),
    var("REPORT_SECONDS", "60", "hand over to REPORTS so many seconds after something happened, 1 to 3600"),
    var(
        "STRIPE_API_BASE",
        "https://api.stripe.com",
        "another address for Stripe's API, for tests; only with a test key",
    ),
    secret("STRIPE_SECRET_KEY", "Stripe's secret or restricted key, sk_… or rk_… (required)"),
    secret("SERVER_SECRET", "what client ids are derived from, at least 32 bytes (required)"),
    secret(
        "SERVER_SECRET_PREVIOUS",
        "the SERVER_SECRET before a rotation: whoever paid in under it keeps the credits",
    ),
    secret(
        "STRIPE_WEBHOOK_SECRET",
        "the webhook's signing secret, whsec_…; without it refunds and disputes are not seen",
    ),
    secret("ORIGIN_SECRET", "signs the proof of payment that the origin can check, at least 32 bytes"),
    secret("ADMIN_TOKEN", "opens the operator's endpoints, at least 32 bytes"),
    binding("ACCOUNTS", "the Durable Object class Account (required)"),
    binding("LIMITER", "a rate limit against card testing (required with a live key)"),
    binding("ORIGIN", "a service binding: the origin is another Worker"),
    binding("REPORTS", "a D1 database for reports across accounts, with migrations/ applied"),
    binding("ASSETS", "static assets, with run_worker_first = true: the operator's dashboard"),
    binding("METRICS", "an Analytics Engine data set"),
];

/// A binding of the Worker that settings depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    /// `ACCOUNTS`, the Durable Object namespace.
    Accounts,
    /// `LIMITER`, the rate limit.
    Limiter,
    /// `ORIGIN`, a service.
    OriginService,
    /// `REPORTS`, a D1 database.
    Reports,
    /// `ASSETS`, static assets.
    Assets,
    /// `METRICS`, an Analytics Engine data set.
    Metrics,
}

impl Binding {
    /// Every binding.
    pub const ALL: [Binding; 6] = [
        Binding::Accounts,
        Binding::Limiter,
        Binding::OriginService,
        Binding::Reports,
        Binding::Assets,
        Binding::Metrics,
    ];

    /// Its name in the Worker's environment.
    pub const fn name(self) -> &'static str {
        match self {
            Binding::Accounts => "ACCOUNTS",
            Binding::Limiter => "LIMITER",
            Binding::OriginService => "ORIGIN",
            Binding::Reports => "REPORTS",
            Binding::Assets => "ASSETS",
            Binding::Metrics => "METRICS",
        }
    }
}

/// A name that [`Settings::parse`](super::Settings::parse) reads: a variable or secret of [`VARIABLES`], or a
/// further route table. The Worker hands over these, and nothing else of its environment.
pub fn is_setting(name: &str) -> bool {
    is_route_table(name) || VARIABLES.iter().any(|known| known.name == name && known.kind != Kind::Binding)
}

/// `ROUTES`, or a name that starts with `ROUTES_`.
pub(crate) fn is_route_table(name: &str) -> bool {
    name == "ROUTES" || name.starts_with("ROUTES_")
}

/// The default as it would be written.
pub(crate) fn default_of(name: &str) -> &'static str {
    VARIABLES.iter().find(|known| known.name == name).map_or("", |known| known.default)
}

/// At build time: names in `[vars]` that look like a setting but are none, or one that does not live there.
pub(crate) fn check_names(reader: &mut Reader<'_>) {
    for name in reader.vars.keys().filter(|name| !is_route_table(name)) {
        let refusal = match VARIABLES.iter().find(|known| known.name == name.as_str()) {
            Some(Variable { kind: Kind::Var, .. }) => continue,
            Some(Variable { kind: Kind::Secret, .. }) => Refusal::because(format_args!(
                "a secret does not belong in [vars]: remove it and run \"wrangler secret put {name}\""
            )),
            Some(Variable { kind: Kind::Binding, what, .. }) => {
                Refusal::because(format_args!("not a variable but a binding: {what}"))
            }
            None => match nearest(name, VARIABLES.iter().map(|known| known.name)) {
                Some(meant) => Refusal::because("not a setting").nearest(Some(meant)),
                None => continue,
            },
        };
        reader.findings.errors.push(refusal.at(name, None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_binding_stands_in_the_table_and_no_name_stands_twice() {
        for binding in Binding::ALL {
            assert!(
                VARIABLES.iter().any(|known| known.kind == Kind::Binding && known.name == binding.name())
            );
        }
        let names: std::collections::BTreeSet<_> = VARIABLES.iter().map(|known| known.name).collect();
        assert_eq!(names.len(), VARIABLES.len());
        assert_eq!(VARIABLES.iter().filter(|known| known.kind == Kind::Binding).count(), Binding::ALL.len());
    }

    #[test]
    fn the_worker_hands_over_settings_only() {
        for name in ["ROUTES", "ROUTES_PREMIUM", "SERVER_SECRET", "PAYWALL"] {
            assert!(is_setting(name), "{name}");
        }
        for name in ["ACCOUNTS", "ORIGIN", "ROUTESX", "routes", "OTHER"] {
            assert!(!is_setting(name), "{name}");
        }
    }
}
