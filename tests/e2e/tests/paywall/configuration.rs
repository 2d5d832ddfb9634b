//! A wrong configuration serves nobody, and says which setting it is; a good one does what it says.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use stripe402_core::protocol::ErrorCode;
use stripe402_e2e::{Config, Paywall, Request, Response, vectors};

use crate::assert_paid;

/// A paywall whose configuration changes while it runs. One test at a time.
fn alone() -> MutexGuard<'static, Paywall> {
    static CHANGING: LazyLock<Mutex<Paywall>> =
        LazyLock::new(|| Mutex::new(Paywall::start(Config::new().in_a_file_of_its_own())));
    CHANGING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stands in every wrong value here, and must stand in no answer.
const VALUE: &str = "SPY";

/// Wrong configurations, each with what its setting is called. No two neighbours name the same one: that is how a test
/// sees that the next has taken hold.
fn wrong() -> Vec<(&'static str, Config)> {
    let good = Config::new;
    let key = format!("sk_live_{VALUE}");
    vec![
        ("ROUTES", good().without("ROUTES")),
        ("STRIPE_PUBLISHABLE_KEY", good().var("STRIPE_PUBLISHABLE_KEY", "pk_test_replace_me")),
        ("STRIPE_SECRET_KEY", good().secret("STRIPE_SECRET_KEY", &key)),
        ("SERVER_SECRET", good().secret("SERVER_SECRET", VALUE)),
        ("STRIPE_PUBLISHABLE_KEY", good().var("STRIPE_PUBLISHABLE_KEY", key.as_str())),
        ("ROUTES", good().var("ROUTES", json!({}))),
        ("CURRENCY", good().var("CURRENCY", VALUE)),
        ("ROUTES", good().var("ROUTES", json!({"GET /api/joke": {"amount": 0}}))),
        ("ORIGIN_URL", good().var("ORIGIN_URL", format!("http://user:{VALUE}@127.0.0.1:9"))),
        ("ROUTES \"GET /x\".amout", good().routes(&json!({"GET /x": {"amount": 5, "amout": VALUE}}))),
        ("MIN_TOP_UP", good().var("MIN_TOP_UP", 1)),
        ("ROUTES \"/x\"", good().routes(&json!({"/x": {"amount": 5}}))),
        ("UNMATCHED", good().var("UNMATCHED", VALUE)),
        ("STRIPE_API_BASE", good().var("STRIPE_API_BASE", VALUE)),
        ("ORIGIN_TIMEOUT_MS", good().var("ORIGIN_TIMEOUT_MS", VALUE)),
        ("STRIPE_PUBLISHABLE_KEY", good().without("STRIPE_PUBLISHABLE_KEY")),
    ]
}

/// Whether an answer says that this setting is wrong.
fn names(answer: &Response, setting: &str) -> bool {
    answer.status == 500 && answer.json()["setting"] == setting
}

#[test]
fn a_wrong_configuration_answers_500_on_every_path_with_the_name_of_the_setting_and_not_its_value() {
    let mut paywall = alone();
    for (setting, config) in wrong() {
        paywall.reconfigure(config, |health| names(health, setting));
        let visitor = paywall.visitor("misconfigured");
        let card = paywall.stripe().card("misconfigured");
        for (method, target) in [
            ("GET", "/.well-known/stripe402/health"),
            ("GET", "/api/joke"),
            ("GET", "/api/health"),
            ("GET", "/"),
            ("HEAD", "/api/joke"),
            ("POST", "/api/translate"),
            ("OPTIONS", "/api/joke"),
        ] {
            let answer = visitor.asks(Request::new(method, target).payment(card.pays()).body(""));
            assert_eq!(answer.status, 500, "{setting}: {method} {target}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{setting}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{setting}");
            if method == "HEAD" {
                assert_eq!(answer.body, b"");
                continue;
            }
            assert!(names(&answer, setting), "{setting}: {}", answer.text());
            assert!(answer.json()["detail"].as_str().unwrap().contains(setting));
            assert_eq!(answer.json()["status"], 500);
            for secret in [VALUE, vectors::text("serverSecret"), "sk_test_testbed", "pk_test"] {
                assert!(!answer.text().contains(secret), "{setting}: {}", answer.text());
            }
        }
        assert_eq!(visitor.reached(), [], "{setting}: nothing may reach the origin");
        assert_eq!(paywall.stripe().calls(&card), Vec::<String>::new(), "{setting}");
    }
    // What is mended works at once.
    paywall.reconfigure(Config::new(), |health| health.status == 200);
    let card = paywall.stripe().card("mended");
    assert_paid(&paywall.visitor("mended").pays("/api/joke", &card.pays()), 49_900);
}

#[test]
fn settings_do_what_they_say() {
    let mut paywall = alone();
    let config = Config::new()
        .routes(&json!({"GET /api/health": {"price": "0.02", "mimeType": "application/json"}}))
        .var("ROUTES_MORE", json!({"GET /lax/api/joke": {"price": "1.50", "currency": "eur"}, "GET /lax/gzip": {"amount": 0}}))
        .var("UNMATCHED", "deny")
        .var("UNLISTED_METHODS", "free")
        .var("MIN_TOP_UP", 80_000)
        .var("MAX_TOP_UP", 90_000);
    // Of six routes five are priced: that is how the change is seen.
    paywall.reconfigure(config, |health| health.status == 200 && health.json()["routes"] == 5);
    let (stripe, visitor) = (paywall.stripe(), paywall.visitor("settings"));

    let required = visitor.gets("/api/health").required();
    assert_eq!(required.resource.mime_type.as_deref(), Some("application/json"));
    assert_eq!((required.accepts[0].amount.get(), required.accepts[0].min_top_up.get()), (200, 80_000));
    let required = visitor.gets("/lax/api/joke").required();
    assert_eq!((required.accepts[0].amount.get(), required.accepts[0].min_top_up.get()), (15_000, 50_000));

    let card = stripe.card("settings");
    let above = visitor.pays("/api/health", &card.tops_up(90_001));
    assert_eq!(above.failure().error_code, Some(ErrorCode::InvalidPayment));
    assert_eq!(visitor.reached(), []);
    assert_paid(&visitor.pays("/api/health", &card.pays()), 79_800);

    // UNMATCHED = "deny": what is on no route is not there.
    let unmatched = visitor.gets("/api/unheard-of");
    assert_eq!((unmatched.status, unmatched.header("content-type")), (404, Some("application/problem+json")));
    assert_eq!(unmatched.header("cache-control"), Some("no-store"));
    assert_eq!(visitor.gets("/lax/gzip").status, 200);
    // UNLISTED_METHODS = "free": as with the reference, the origin decides.
    assert_eq!(visitor.asks(Request::post("/api/joke", "x")).status, 405);
    let reached: Vec<_> =
        visitor.reached().into_iter().map(|one| format!("{} {}", one.method, one.target)).collect();
    assert_eq!(reached, ["GET /api/health", "GET /lax/gzip", "POST /api/joke"]);
}
