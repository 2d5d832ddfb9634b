//! `wrangler.toml`, environment by environment.

use serde_json::Value;
use stripe402_core::config::wrangler::{Environment, check};

/// What a deployment needs at least.
const GOOD: &str = r#"
name = "paywall"
main = "build/index.js"
compatibility_date = "2026-10-01"

[vars]
STRIPE_PUBLISHABLE_KEY = "pk_test_51Example"
[vars.ROUTES]
"GET /api/joke" = { amount = 100 }

[secrets]
required = ["STRIPE_SECRET_KEY", "SERVER_SECRET"]

[[durable_objects.bindings]]
name = "ACCOUNTS"
class_name = "Account"

[[migrations]]
tag = "v1"
new_sqlite_classes = ["Account"]

[[ratelimits]]
name = "LIMITER"
namespace_id = "1001"
simple = { limit = 10, period = 60 }

[observability]
enabled = true
[observability.logs]
invocation_logs = false
"#;

/// A complete `[env.production]`.
const PRODUCTION: &str = r#"
[env.production.vars]
STRIPE_PUBLISHABLE_KEY = "pk_live_51Example"
[env.production.vars.ROUTES]
"GET /api/joke" = { amount = 200 }
[env.production.secrets]
required = ["STRIPE_SECRET_KEY", "SERVER_SECRET"]
[[env.production.durable_objects.bindings]]
name = "ACCOUNTS"
class_name = "Account"
[[env.production.ratelimits]]
name = "LIMITER"
namespace_id = "1002"
simple = { limit = 10, period = 60 }
"#;

fn checked(toml: &str) -> Vec<Environment> {
    let file: Value = toml::from_str(toml).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    check(&file)
}

fn errors(environment: &Environment) -> Vec<String> {
    environment.errors.iter().map(ToString::to_string).collect()
}

fn warnings(environment: &Environment) -> Vec<String> {
    environment.warnings.iter().map(ToString::to_string).collect()
}

/// The good file with some text replaced: what is said of the top level.
fn spoilt(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    errors(&checked(&GOOD.replace(from, to))[0])
}

#[test]
fn the_repositorys_own_file_is_good() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../wrangler.toml");
    let environments = checked(&std::fs::read_to_string(path).unwrap());
    for environment in &environments {
        assert_eq!(errors(environment), Vec::<String>::new(), "{}", environment.place());
    }
    assert_eq!(
        environments[0].price_table,
        "\
GET /api/joke      100 units = $0.01, 500 requests per $5.00 top-up
GET /api/weather   500 units = $0.05, 100 requests per $5.00 top-up
"
    );
}

#[test]
fn a_good_file_has_nothing_said_of_it() {
    let environments = checked(&format!("{GOOD}{PRODUCTION}"));
    let places: Vec<String> = environments.iter().map(Environment::place).collect();
    assert_eq!(places, ["wrangler.toml", "wrangler.toml [env.production]"]);
    for environment in &environments {
        assert_eq!(errors(environment), Vec::<String>::new());
        assert_eq!(warnings(environment), Vec::<String>::new());
    }
    assert_eq!(
        environments[1].price_table,
        "GET /api/joke   200 units = $0.02, 250 requests per $5.00 top-up\n"
    );
}

#[test]
fn settings_are_checked_where_they_stand() {
    let toml = format!("{GOOD}{PRODUCTION}").replace("{ amount = 200 }", "{ amont = 200 }");
    let environments = checked(&toml);
    assert_eq!(errors(&environments[0]), Vec::<String>::new());
    assert_eq!(
        errors(&environments[1]),
        [
            r#"ROUTES "GET /api/joke".amont: no such field; there are amount, price, currency, minTopUp, description, mimeType, chargeOn, cache, paywall, speculative; did you mean "amount"?"#
        ]
    );
    assert!(environments[1].price_table.is_empty());
    assert_eq!(
        spoilt("[vars]", "[vars]\nORIGIN_URI = \"https://example.com\""),
        [r#"ORIGIN_URI: not a setting; did you mean "ORIGIN_URL"?"#]
    );
}

#[test]
fn invocation_logs_would_hold_the_payment_header() {
    const LINE: &str = "observability.logs invocation_logs: expected false: invocation logs hold the payment header, and whoever reads it can spend it";
    assert_eq!(spoilt("invocation_logs = false", "invocation_logs = true"), [format!("{LINE}; found true")]);
    assert_eq!(
        spoilt("invocation_logs = false", "invocation_logs = \"off\""),
        [format!("{LINE}; found \"off\"")]
    );
    assert_eq!(spoilt("invocation_logs = false", ""), [LINE], "on is the platform's default");
    assert_eq!(spoilt("[observability.logs]\ninvocation_logs = false", ""), [LINE]);
    let off = "[observability]\nenabled = true\n[observability.logs]\ninvocation_logs = false";
    assert_eq!(spoilt(off, ""), Vec::<String>::new(), "without observability nothing is logged");
    let environments =
        checked(&format!("{GOOD}{PRODUCTION}[env.production.observability]\nenabled = true\n"));
    assert_eq!(errors(&environments[1]), [LINE], "an environment's own table replaces the inherited one");
}

#[test]
fn the_compatibility_date_is_recent_enough() {
    const LINE: &str = "compatibility_date: expected \"2026-10-01\" or later: a charge has to outlive the request that asked for it; found";
    let date = "compatibility_date = \"2026-10-01\"";
    assert_eq!(spoilt(date, "compatibility_date = \"2026-09-30\""), [format!("{LINE} \"2026-09-30\"")]);
    assert_eq!(spoilt(date, "compatibility_date = 2026-09-30"), [format!("{LINE} \"2026-09-30\"")]);
    assert_eq!(spoilt(date, ""), [format!("{LINE} null")]);
    assert_eq!(spoilt(date, "compatibility_date = \"soon\""), [format!("{LINE} \"soon\"")]);
    assert_eq!(spoilt(date, "compatibility_date = \"2026-11-17\""), Vec::<String>::new());
    assert_eq!(spoilt(date, "compatibility_date = 2027-01-01"), Vec::<String>::new());
    let toml = format!("{GOOD}{PRODUCTION}[env.old]\ncompatibility_date = \"2025-01-01\"\n");
    let environments = checked(&toml);
    let old = environments.iter().find(|environment| environment.name.as_deref() == Some("old")).unwrap();
    assert!(errors(old).contains(&format!("{LINE} \"2025-01-01\"")));
}

#[test]
fn the_account_class_is_this_workers_and_stores_in_sqlite() {
    const MIGRATION: &str = "migrations: expected a migration with new_sqlite_classes = [\"Account\"]: accounts are kept in SQLite";
    assert_eq!(
        spoilt("class_name = \"Account\"", "class_name = \"Accounts\""),
        ["ACCOUNTS class_name: expected the class \"Account\"; found \"Accounts\""]
    );
    assert_eq!(
        spoilt("class_name = \"Account\"", "class_name = \"Account\"\nscript_name = \"other\""),
        ["ACCOUNTS script_name: the class is this Worker's own: leave script_name out; found \"other\""]
    );
    assert_eq!(spoilt("new_sqlite_classes", "new_classes"), [MIGRATION]);
    assert_eq!(spoilt("[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Account\"]", ""), [MIGRATION]);
    let more = |text: &str| errors(&checked(&format!("{GOOD}[[migrations]]\ntag = \"v2\"\n{text}\n"))[0]);
    assert_eq!(more("deleted_classes = [\"Account\"]"), [MIGRATION]);
    assert_eq!(more("renamed_classes = [{ from = \"Account\", to = \"Ledger\" }]"), [MIGRATION]);
    assert_eq!(more("new_sqlite_classes = [\"Other\"]"), Vec::<String>::new());
    let first = "new_sqlite_classes = [\"Account\"]";
    let renamed = format!(
        "{}[[migrations]]\ntag = \"v2\"\nrenamed_classes = [{{ from = \"Ledger\", to = \"Account\" }}]\n",
        GOOD.replace(first, "new_sqlite_classes = [\"Ledger\"]")
    );
    assert_eq!(errors(&checked(&renamed)[0]), Vec::<String>::new());
    let migrations = "[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Account\"]";
    let exports = "[exports.Account]\ntype = \"durable-object\"\nstorage = \"sqlite\"";
    assert_eq!(spoilt(migrations, exports), Vec::<String>::new());
    assert_eq!(spoilt(migrations, &exports.replace("sqlite", "legacy-kv")), [MIGRATION]);
}

#[test]
fn a_file_is_never_served_before_the_worker() {
    const LINE: &str = "assets run_worker_first: expected true: otherwise a file is served before the paywall sees the request; found";
    let assets = |first: &str| {
        let toml = format!("{GOOD}[assets]\ndirectory = \"public\"\nbinding = \"ASSETS\"\n{first}\n");
        errors(&checked(&toml)[0])
    };
    assert_eq!(assets("run_worker_first = true"), Vec::<String>::new());
    assert_eq!(assets("run_worker_first = false"), [format!("{LINE} false")]);
    assert_eq!(assets("run_worker_first = [\"/api/*\"]"), [format!("{LINE} [\"/api/*\"]")]);
    assert_eq!(assets(""), [format!("{LINE} null")]);
    let toml = format!("{GOOD}{PRODUCTION}[env.production.assets]\ndirectory = \"public\"\n");
    assert_eq!(errors(&checked(&toml)[1]), [format!("{LINE} null")]);
}

#[test]
fn what_an_environment_does_not_inherit_is_named() {
    let environments = checked(&format!("{GOOD}[env.staging]\n"));
    let hint = |section: &str| {
        format!("(the top level has it, but wrangler does not inherit {section} into [env.staging])")
    };
    let vars = hint("vars");
    assert_eq!(
        errors(&environments[1]),
        [
            format!(
                "STRIPE_PUBLISHABLE_KEY: not set: expected pk_test_… or pk_live_… from Stripe's dashboard {vars}"
            ),
            format!(
                "ACCOUNTS: no binding of this name: the Durable Object class Account under [[durable_objects.bindings]] {}",
                hint("durable_objects")
            ),
            format!(
                "ROUTES: no route table: write [vars.ROUTES] with \"GET /path\" = {{ amount = 100 }} {vars}"
            ),
        ]
    );
    assert_eq!(
        warnings(&environments[1]),
        [
            "LIMITER: not bound here: the top level has it, but wrangler does not inherit ratelimits into [env.staging]",
            "secrets.required: does not list STRIPE_SECRET_KEY, SERVER_SECRET: a deployment without them is not refused",
        ]
    );
}

#[test]
fn an_environment_that_loses_a_variable_is_told_so() {
    let toml = GOOD.replace(
        "[vars]\n",
        "[vars]\nUNMATCHED = \"deny\"\nOTHER = 1\nROUTES_B = '{\"GET /b\":{\"amount\":1}}'\n",
    );
    let environments = checked(&format!("{toml}{PRODUCTION}"));
    assert_eq!(errors(&environments[1]), Vec::<String>::new());
    assert_eq!(
        warnings(&environments[1]),
        [
            "ROUTES_B: not set here: the top level has it, but wrangler does not inherit vars into [env.production]",
            "UNMATCHED: not set here: the top level has it, but wrangler does not inherit vars into [env.production]",
        ]
    );
}

#[test]
fn an_environment_that_loses_its_origin_is_refused() {
    let toml = GOOD.replace("[vars]\n", "[vars]\nORIGIN_URL = \"https://example.com\"\n");
    let environments = checked(&format!("{toml}{PRODUCTION}"));
    assert_eq!(
        errors(&environments[1]),
        [
            "ORIGIN_URL: not set here: the top level has it, but wrangler does not inherit vars into [env.production]"
        ]
    );
    let service = |table: &str| format!("[[{table}]]\nbinding = \"ORIGIN\"\nservice = \"api\"\n");
    let toml = format!("{GOOD}{}{PRODUCTION}", service("services"));
    assert_eq!(
        errors(&checked(&toml)[1]),
        [
            "ORIGIN: not bound here: the top level has it, but wrangler does not inherit services into [env.production]"
        ]
    );
    let both = format!("{GOOD}{}{PRODUCTION}{}", service("services"), service("env.production.services"));
    assert_eq!(errors(&checked(&both)[1]), Vec::<String>::new());
    let moved = toml
        .replace("[env.production.vars]\n", "[env.production.vars]\nORIGIN_URL = \"https://example.com\"\n");
    assert_eq!(errors(&checked(&moved)[1]), Vec::<String>::new());
}

#[test]
fn a_live_key_needs_the_limiter_in_its_own_environment() {
    let limiter = PRODUCTION.find("[[env.production.ratelimits]]").unwrap();
    let environments = checked(&format!("{GOOD}{}", &PRODUCTION[..limiter]));
    assert_eq!(
        errors(&environments[1]),
        [
            "LIMITER: no rate limit of this name under [[ratelimits]]: card numbers can be tried out without a limit (the top level has it, but wrangler does not inherit ratelimits into [env.production])"
        ]
    );
}

#[test]
fn a_binding_with_almost_the_right_name_is_named() {
    assert_eq!(
        spoilt("name = \"ACCOUNTS\"", "name = \"ACOUNTS\""),
        [
            "ACCOUNTS: no binding of this name: the Durable Object class Account under [[durable_objects.bindings]]",
            "durable_objects ACOUNTS: not a binding that is used; did you mean \"ACCOUNTS\"?",
        ]
    );
    let other = format!(
        "{GOOD}[[d1_databases]]\nbinding = \"REPORT\"\n[[services]]\nbinding = \"MAILER\"\nservice = \"x\"\n"
    );
    assert_eq!(
        errors(&checked(&other)[0]),
        ["d1_databases REPORT: not a binding that is used; did you mean \"REPORTS\"?"]
    );
}

#[test]
fn bindings_are_found_where_wrangler_declares_them() {
    let toml = format!(
        "{}[[services]]\nbinding = \"ORIGIN\"\nservice = \"api\"\n",
        GOOD.replace("[vars]\n", "[vars]\nORIGIN_URL = \"https://example.com\"\n")
    );
    assert_eq!(
        errors(&checked(&toml)[0]),
        ["ORIGIN_URL: there is a service binding ORIGIN, too: choose one of the two"]
    );
}

#[test]
fn a_secret_in_the_file_is_refused_without_being_repeated() {
    let said = spoilt("[vars]", "[vars]\nSTRIPE_SECRET_KEY = \"sk_live_SPY\"");
    assert_eq!(
        said,
        [
            "STRIPE_SECRET_KEY: a secret does not belong in [vars]: remove it and run \"wrangler secret put STRIPE_SECRET_KEY\""
        ]
    );
}

#[test]
fn workers_that_see_every_header_are_named() {
    let toml = format!("{GOOD}[[tail_consumers]]\nservice = \"log\"\n");
    assert_eq!(
        warnings(&checked(&toml)[0]),
        [
            "tail_consumers: these Workers receive request headers, and whoever reads the payment header can spend it"
        ]
    );
}

#[test]
fn a_file_of_unexpected_shapes_is_refused_and_nothing_worse() {
    for toml in [
        "",
        "vars = 1",
        "env = 1",
        "env = { a = 1 }",
        "vars = { ROUTES = [1] }",
        "durable_objects = []",
        "migrations = 1",
        "migrations = [1]",
        "ratelimits = [[1]]",
        "observability = true",
        "assets = 1",
        "secrets = { required = 1 }",
        "[[env]]\na = 1",
        "exports = { Account = 1 }",
    ] {
        for environment in checked(toml) {
            assert!(!environment.errors.is_empty(), "{toml}");
        }
    }
}
