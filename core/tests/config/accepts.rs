//! What an operator may write, and what it comes to.

use crate::given::{SERVER_SECRET, bounds, parse, run, settings, with, with_route};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use stripe402_core::config::{
    Binding, ChargeOn, CorsOrigins, Kind, Mode, OriginTarget, Phase, Price, RouteMethod, UnlistedMethods,
    Unmatched, VARIABLES, price_table,
};
use stripe402_core::protocol::Currency;

#[test]
fn what_is_not_set_has_the_documented_default() {
    let settings = settings(&json!({}));
    assert_eq!(settings.mode, Mode::Test);
    assert_eq!(settings.origin, OriginTarget::Zone);
    assert_eq!(settings.stripe_api_base, "https://api.stripe.com");
    assert_eq!(settings.currency, Currency::USD);
    assert_eq!(settings.unmatched, Unmatched::Free);
    assert_eq!(settings.unlisted_methods, UnlistedMethods::Deny);
    assert!(!settings.strict_paths);
    assert_eq!(settings.charge_on, ChargeOn::NoServerError);
    assert_eq!(settings.cors_origins, CorsOrigins::None);
    assert_eq!((settings.origin_timeout_ms, settings.top_up_wait_ms), (60_000, 25_000));
    assert_eq!((settings.max_declines, settings.idempotent_retries), (5, 0));
    assert_eq!(settings.statement_descriptor_suffix, None);
    assert_eq!(settings.jurisdiction, None);
    assert!(settings.paywall.on && settings.discovery);
    assert_eq!(settings.paywall.color, None);
    assert_eq!(settings.compact_after_days, 90);
    assert_eq!(settings.report_seconds, None, "there is nobody to report to");
    assert_eq!(bounds(&settings, "GET /api/joke"), (50_000, 1_000_000, 4_000_000));
    let route = &settings.routes[0];
    assert_eq!((route.cache, route.paywall, route.speculative), (false, true, false));
    assert_eq!(route.method, RouteMethod::Exact("GET".to_owned()));
    assert_eq!(route.pattern.to_string(), "/api/joke");
    assert_eq!(route.description.as_deref(), Some("Random joke"));
}

#[test]
fn an_empty_setting_is_one_that_is_not_set() {
    let variables = VARIABLES.iter().filter(|known| known.kind == Kind::Var && !known.default.is_empty());
    for variable in variables {
        settings(&json!({ variable.name: "" }));
        settings(&json!({ variable.name: "  " }));
    }
    let empty =
        settings(&json!({ "ORIGIN_URL": "", "CORS_ORIGINS": "", "ORIGIN_SECRET": "", "SUPPORT_URL": "" }));
    assert_eq!(empty.origin, OriginTarget::Zone);
    assert!(empty.secrets.origin_secret.is_none());
}

#[test]
fn every_plain_default_in_the_table_is_read_like_any_value() {
    for variable in VARIABLES.iter().filter(|known| known.kind == Kind::Var && !known.default.is_empty()) {
        if !variable.default.contains('×') {
            settings(&json!({ variable.name: variable.default }));
        }
    }
}

#[test]
fn numbers_and_truths_may_be_written_as_text() {
    let typed =
        settings(&json!({ "MAX_DECLINES": 7, "MIN_TOP_UP": 60000, "STRICT_PATHS": true, "PAYWALL": false }));
    let text = settings(
        &json!({ "MAX_DECLINES": "7", "MIN_TOP_UP": " 60000 ", "STRICT_PATHS": "true", "PAYWALL": "off" }),
    );
    for settings in [&typed, &text] {
        assert_eq!(settings.max_declines, 7);
        assert_eq!(bounds(settings, "GET /api/joke"), (60_000, 1_200_000, 4_800_000));
        assert!(settings.strict_paths);
        assert!(!settings.paywall.on && !settings.routes[0].paywall);
    }
    for (value, truth) in [
        (json!("on"), true),
        (json!("Yes"), true),
        (json!("1"), true),
        (json!(1), true),
        (json!("TRUE"), true),
        (json!("off"), false),
        (json!("no"), false),
        (json!(0), false),
        (json!("False"), false),
    ] {
        assert_eq!(settings(&json!({ "STRICT_PATHS": value })).strict_paths, truth, "{value}");
    }
    assert_eq!(settings(&json!({ "MAX_DECLINES": 7.0 })).max_declines, 7);
}

#[test]
fn lists_may_be_written_in_three_ways() {
    let expected =
        CorsOrigins::List(vec!["https://a.example".to_owned(), "http://localhost:3000".to_owned()]);
    for value in [
        json!(["https://a.example", "http://localhost:3000"]),
        json!("https://a.example, http://localhost:3000"),
        json!("https://a.example,http://localhost:3000,"),
        json!("[\"https://a.example\", \"http://localhost:3000\"]"),
    ] {
        assert_eq!(settings(&json!({ "CORS_ORIGINS": value })).cors_origins, expected, "{value}");
    }
    for value in [json!("*"), json!(["*"])] {
        assert_eq!(settings(&json!({ "CORS_ORIGINS": value })).cors_origins, CorsOrigins::Any);
    }
    assert_eq!(settings(&json!({ "CORS_ORIGINS": [] })).cors_origins, CorsOrigins::None);
}

#[test]
fn route_tables_may_be_json_text_and_are_merged() {
    let settings = settings(&json!({
        "ROUTES": r#"{"GET /a": {"amount": 100}}"#,
        "ROUTES_MORE": { "GET /b": r#"{"amount":"200"}"# },
        "ROUTES_": { "GET /c": { "amount": 0 } },
    }));
    let keys: Vec<&str> = settings.routes.iter().map(|route| route.key.as_str()).collect();
    assert_eq!(keys, ["GET /a", "GET /c", "GET /b"]);
    assert_eq!(settings.routes[1].price, Price::Free);
    let only_more =
        crate::given::settings(&json!({ "ROUTES": null, "ROUTES_MORE": { "GET /b": { "amount": 1 } } }));
    assert_eq!(only_more.routes.len(), 1);
}

#[test]
fn every_field_of_a_route_is_read() {
    let (settings, _) = with_route(
        "POST /v1/images/:id/*",
        &json!({
            "price": "0.05", "currency": "eur", "minTopUp": 100_000, "description": "Images", "mimeType": "image/png; q=1",
            "chargeOn": "success", "cache": true, "paywall": "off",
        }),
    )
    .unwrap();
    let route = &settings.routes[0];
    assert_eq!(route.pattern.to_string(), "/v1/images/:id/*");
    assert_eq!(route.method, RouteMethod::Exact("POST".to_owned()));
    assert_eq!(route.mime_type.as_deref(), Some("image/png; q=1"));
    assert_eq!(route.charge_on, ChargeOn::Success);
    assert!(route.cache && !route.paywall);
    let Price::Paid { amount, currency, .. } = route.price else { panic!("free") };
    assert_eq!((amount.get(), currency.code()), (500, "eur"));
    assert_eq!(bounds(&settings, "POST /v1/images/:id/*"), (100_000, 2_000_000, 8_000_000));
    assert!(
        with_route("GET /x", &json!({ "amount": 1, "speculative": true })).unwrap().0.routes[0].speculative
    );
}

#[test]
fn an_empty_field_of_a_route_is_one_that_is_not_set() {
    let fields =
        json!({ "amount": 1, "price": "", "currency": null, "minTopUp": "", "chargeOn": null, "cache": "" });
    let (settings, _) = with_route("GET /x", &fields).unwrap();
    assert_eq!(bounds(&settings, "GET /x"), (50_000, 1_000_000, 4_000_000));
}

#[test]
fn a_route_follows_the_settings_for_all_routes() {
    let settings = settings(&json!({
        "CHARGE_ON": "always", "PAYWALL": "off",
        "ROUTES": { "GET /a": { "amount": 1 }, "GET /b": { "amount": 1, "chargeOn": "no-server-error", "paywall": true } },
    }));
    assert_eq!((settings.routes[0].charge_on, settings.routes[0].paywall), (ChargeOn::Always, false));
    assert_eq!((settings.routes[1].charge_on, settings.routes[1].paywall), (ChargeOn::NoServerError, true));
}

#[test]
fn a_price_is_an_amount_in_the_routes_currency() {
    for (fields, units) in [
        (json!({ "amount": 1 }), 1),
        (json!({ "amount": "250" }), 250),
        (json!({ "amount": 100.0 }), 100),
        (json!({ "price": "0.0001" }), 1),
        (json!({ "price": 0.05 }), 500),
        (json!({ "price": 2 }), 20_000),
        (json!({ "price": "50", "currency": "jpy", "minTopUp": 1_000_000 }), 500_000),
    ] {
        let (settings, _) = with_route("GET /x", &fields).unwrap();
        let Price::Paid { amount, .. } = settings.routes[0].price else { panic!("{fields} is free") };
        assert_eq!(amount.get(), units, "{fields}");
    }
}

#[test]
fn the_smallest_top_up_covers_the_price_and_can_be_charged() {
    for (fields, min) in [
        (json!({ "amount": 100 }), 50_000),
        (json!({ "amount": 50_000 }), 50_000),
        (json!({ "amount": 50_001 }), 50_100),
        (json!({ "amount": 30_000, "minTopUp": 30_000 }), 30_000),
        (json!({ "amount": 100, "minTopUp": 5_000 }), 5_000),
        (json!({ "amount": 100, "minTopUp": "5001" }), 5_100),
        (json!({ "amount": 100, "currency": "gbp", "minTopUp": 3_000 }), 3_000),
        (json!({ "amount": 100, "currency": "sek" }), 50_000),
        (json!({ "amount": 100, "currency": "jpy", "minTopUp": 500_000 }), 500_000),
        (json!({ "amount": 100, "currency": "jpy", "minTopUp": 500_001 }), 510_000),
        (json!({ "amount": 100, "currency": "kwd", "minTopUp": 50_010 }), 50_100),
        (json!({ "amount": 100, "currency": "isk", "minTopUp": 1_990_001 }), 2_000_000),
    ] {
        let (settings, _) = with_route("GET /x", &fields).unwrap();
        assert_eq!(bounds(&settings, "GET /x").0, min, "{fields}");
    }
}

#[test]
fn limits_are_amounts_in_the_default_currency() {
    let changes = json!({
        "CURRENCY": "jpy", "MIN_TOP_UP": 5_000_000, "MAX_TOP_UP": 20_000_000, "MAX_TOP_UP_PER_DAY": 30_000_000,
        "ROUTES": { "GET /yen": { "amount": 10_000 }, "GET /dollar": { "amount": 100, "currency": "usd" } },
    });
    let (settings, warnings) = run(&changes).unwrap();
    assert_eq!(bounds(&settings, "GET /yen"), (5_000_000, 20_000_000, 30_000_000));
    assert_eq!(bounds(&settings, "GET /dollar"), (50_000, 1_000_000, 4_000_000));
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            r#"MIN_TOP_UP: an amount in jpy; "GET /dollar" is in usd and keeps the default"#,
            r#"MAX_TOP_UP: an amount in jpy; "GET /dollar" is in usd and keeps the default"#,
            r#"MAX_TOP_UP_PER_DAY: an amount in jpy; "GET /dollar" is in usd and keeps the default"#,
        ]
    );
}

#[test]
fn the_default_limits_stay_within_what_stripe_charges_and_the_day_allows() {
    let (dear, _) = with_route("GET /x", &json!({ "amount": 9_000_000_000_i64 })).unwrap();
    assert_eq!(bounds(&dear, "GET /x"), (9_000_000_000, 9_999_999_900, 39_999_999_600));
    let thrifty = settings(&json!({ "MAX_TOP_UP_PER_DAY": 200_000 }));
    assert_eq!(bounds(&thrifty, "GET /api/joke"), (50_000, 200_000, 200_000));
    let capped = settings(&json!({ "MAX_TOP_UP": "100000" }));
    assert_eq!(bounds(&capped, "GET /api/joke"), (50_000, 100_000, 400_000));
    let fixed = settings(&json!({ "MAX_TOP_UP": 50_000, "MAX_TOP_UP_PER_DAY": 50_000 }));
    assert_eq!(bounds(&fixed, "GET /api/joke"), (50_000, 50_000, 50_000));
}

#[test]
fn an_origin_comes_apart_into_base_and_path() {
    let origin = |url: &str| settings(&json!({ "ORIGIN_URL": url })).origin;
    let url =
        |base: &str, path: &str| OriginTarget::Url { base: base.to_owned(), base_path: path.to_owned() };
    assert_eq!(origin("https://API.example.com:443/v1/"), url("https://api.example.com", "/v1"));
    assert_eq!(origin("http://127.0.0.1:8421"), url("http://127.0.0.1:8421", ""));
    let bindings = [Binding::Accounts, Binding::OriginService];
    let (service, _) = parse(&with(&json!({})), &bindings, Phase::Run).unwrap();
    assert_eq!(service.origin, OriginTarget::Service);
}

#[test]
fn stripes_address_can_be_another_one_in_tests() {
    let base = |url: &str| settings(&json!({ "STRIPE_API_BASE": url })).stripe_api_base;
    assert_eq!(base("http://127.0.0.1:8420/"), "http://127.0.0.1:8420");
    assert_eq!(base("http://127.0.0.1:8420/stripe/"), "http://127.0.0.1:8420/stripe");
}

#[test]
fn restricted_and_live_keys_are_keys() {
    let changes = json!({ "STRIPE_PUBLISHABLE_KEY": "pk_live_51abc", "STRIPE_SECRET_KEY": "rk_live_51abc" });
    let settings = settings(&changes);
    assert_eq!(settings.mode, Mode::Live);
    assert_eq!(settings.mode.as_str(), "live");
    assert_eq!(settings.secrets.stripe_secret_key.expose_secret(), "rk_live_51abc");
}

#[test]
fn secrets_switch_their_features_on_and_are_never_shown() {
    let secrets = json!({
        "ORIGIN_SECRET": "origin-0123456789abcdef0123456789", "ADMIN_TOKEN": "admin-0123456789abcdef0123456789abc",
        "SERVER_SECRET_PREVIOUS": "previous-0123456789abcdef01234567",
    });
    let settings = settings(&secrets);
    assert!(settings.secrets.origin_secret.is_some() && settings.secrets.admin_token.is_some());
    assert!(settings.secrets.server_secret_previous.is_some() && settings.secrets.webhook_secret.is_some());
    assert_eq!(settings.secrets.server_secret.expose_secret(), SERVER_SECRET);
    let shown = format!("{settings:?}");
    for secret in ["sk_test_51Example", SERVER_SECRET, "whsec_example", "0123456789abcdef"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn appearance_is_checked_and_brought_into_one_form() {
    let settings = settings(&json!({
        "PAYWALL_NAME": " Jokes & more ", "PAYWALL_COLOR": "#0AF", "PAYWALL_LOGO": "https://example.com/logo.svg?v=2",
        "SUPPORT_URL": "https://example.com/help#top", "TERMS_URL": "https://example.com/terms",
        "STATEMENT_DESCRIPTOR_SUFFIX": "JOKES API", "JURISDICTION": "eu",
    }));
    assert_eq!(settings.paywall.name.as_deref(), Some("Jokes & more"));
    assert_eq!(settings.paywall.color.as_deref(), Some("#00aaff"));
    assert_eq!(settings.paywall.logo.as_deref(), Some("https://example.com/logo.svg?v=2"));
    assert_eq!(settings.statement_descriptor_suffix.as_deref(), Some("JOKES API"));
    assert_eq!(settings.jurisdiction.as_deref(), Some("eu"));
}

#[test]
fn the_worker_ignores_what_is_not_a_setting() {
    settings(&json!({ "ORIGIN_UR": "x", "OTHER": { "a": 1 }, "CF_VERSION": 3 }));
}

#[test]
fn the_build_does_not_ask_for_secrets_and_takes_the_mode_from_the_public_key() {
    let changes = json!({
        "STRIPE_SECRET_KEY": null, "SERVER_SECRET": null, "STRIPE_WEBHOOK_SECRET": null, "STRIPE_PUBLISHABLE_KEY": "pk_live_51abc",
    });
    let (settings, warnings) =
        parse(&with(&changes), &[Binding::Accounts, Binding::Limiter], Phase::Build).unwrap();
    assert_eq!(settings.mode, Mode::Live);
    assert!(settings.secrets.server_secret.expose_secret().is_empty());
    assert_eq!(warnings, []);
}

#[test]
fn warnings_name_what_works_but_is_not_wanted() {
    let said = |changes: Value, bindings: &[Binding], phase| -> Vec<String> {
        parse(&with(&changes), bindings, phase).unwrap().1.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        said(json!({ "STRIPE_WEBHOOK_SECRET": null }), &[Binding::Accounts], Phase::Run),
        [
            "STRIPE_WEBHOOK_SECRET: not set: refunds and disputes at Stripe are not seen",
            "LIMITER: no rate limit of this name under [[ratelimits]]: card numbers can be tried out without a limit",
        ]
    );
    let fresh = json!({
        "STRIPE_PUBLISHABLE_KEY": "pk_test_replace_me", "STRIPE_SECRET_KEY": null, "SERVER_SECRET": null, "STRIPE_WEBHOOK_SECRET": null,
    });
    assert_eq!(
        said(fresh, &[Binding::Accounts, Binding::Limiter], Phase::Build),
        ["STRIPE_PUBLISHABLE_KEY: still a placeholder: put your own key from Stripe's dashboard here"]
    );
}

#[test]
fn the_price_table_says_what_a_request_costs() {
    let settings = settings(&json!({ "ROUTES": {
        "GET /api/joke": { "amount": 100 },
        "GET /api/weather": { "price": "0.05", "minTopUp": 100_000, "currency": "eur" },
        "GET /logo": { "amount": 0 },
        "POST /v1/dear": { "amount": 60_000 },
        "* /yen": { "amount": 1, "currency": "jpy", "minTopUp": 500_000 },
    }}));
    assert_eq!(
        price_table(&settings),
        "\
* /yen             1 units = ¥0.0001, 500000 requests per ¥50 top-up
GET /api/joke      100 units = $0.01, 500 requests per $5.00 top-up
GET /api/weather   500 units = €0.05, 200 requests per €10.00 top-up
GET /logo          free
POST /v1/dear      60000 units = $6.00, 1 request per $6.00 top-up
"
    );
}
