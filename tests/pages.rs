//! The pages as HTML: what the operator configured stands in them, escaped, and their policies name Stripe and nobody else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use serde_json::{Value, json};
use stripe402_core::config::{Binding, Input, Phase, Settings};
use stripe402_edge::gate::Gate;
use stripe402_edge::pages::{Page, Refusal, account, paywall};

const NONCE: &str = "0123456789abcdef0123456789abcdef";

fn settings(live: bool, changes: Value) -> Settings {
    let mode = if live { "live" } else { "test" };
    let good = json!({
        "STRIPE_PUBLISHABLE_KEY": format!("pk_{mode}_51Example"),
        "STRIPE_SECRET_KEY": format!("sk_{mode}_51Example"),
        "SERVER_SECRET": "an-hmac-secret-of-at-least-32-bytes!!",
        "ROUTES": {
            "GET /joke": { "amount": 100, "description": "A <b>joke</b> & \"more\"" },
            "POST /say": { "amount": 400 },
            "GET /dear": { "amount": 300_000, "minTopUp": 900_000 },
        },
    });
    let fields = |value: Value| value.as_object().unwrap().clone().into_iter();
    let vars: serde_json::Map<String, Value> = fields(good).chain(fields(changes)).collect();
    let bindings = [Binding::Accounts, Binding::Limiter];
    Settings::parse(Input { vars: &vars, bindings: &bindings, phase: Phase::Run }).unwrap().0
}

fn page(settings: &Settings, method: &str, path: &str, refusal: Option<&Refusal>) -> Page {
    let gate = Gate::new(settings);
    let (route, target) = gate.priced(method, path).expect("a priced route");
    paywall(settings, "https://api.example", NONCE, (route, &target), method, refusal).unwrap()
}

#[test]
fn with_real_keys_the_card_form_is_stripes_own_and_nobody_else_is_let_in() {
    let Page { html, policy } = page(&settings(true, json!({})), "GET", "/joke", None);
    assert!(html.contains("<script src=\"https://js.stripe.com/dahlia/stripe.js\" defer nonce=\""), "{html}");
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
             style-src 'nonce-{NONCE}'; img-src data: ; script-src 'nonce-{NONCE}' https://js.stripe.com \
             https://*.js.stripe.com; connect-src 'self' https://api.stripe.com; frame-src https://js.stripe.com \
             https://*.js.stripe.com https://hooks.stripe.com"
        )
    );
    assert!(!html.contains("Test mode"));
    assert!(page(&settings(false, json!({})), "GET", "/joke", None).html.contains("Test mode"));
}

#[test]
fn what_the_operator_wrote_is_shown_and_not_run() {
    let look = json!({
        "PAYWALL_NAME": "<script>x</script>", "PAYWALL_COLOR": "#ffd60a",
        "PAYWALL_LOGO": "https://cdn.example/a/logo.svg", "SUPPORT_URL": "https://help.example/",
        "TERMS_URL": "https://terms.example/",
    });
    let Page { html, policy } = page(&settings(false, look), "GET", "/joke", None);
    assert!(html.contains("A &lt;b&gt;joke&lt;/b&gt; &amp; &quot;more&quot;"), "{html}");
    assert!(html.contains("&lt;script&gt;x&lt;/script&gt;") && !html.contains("<script>x"), "{html}");
    assert!(html.contains("--accent:#ffd60a;--on-accent:#111"), "{html}");
    assert!(html.contains("src=\"https://cdn.example/a/logo.svg\""), "{html}");
    assert!(policy.contains("img-src data: https://cdn.example;"), "{policy}");
    for url in ["https://help.example/", "https://terms.example/"] {
        assert!(html.contains(&format!("href=\"{url}\" rel=\"noopener\"")), "{html}");
    }
}

#[test]
fn the_amounts_are_the_smallest_top_up_and_a_few_times_that_within_the_largest() {
    let amounts = |path: &str, changes: Value| -> Vec<String> {
        let html = page(&settings(false, changes), "GET", path, None).html;
        let choices = html.split("name=\"amount\" value=\"").skip(1);
        choices.map(|rest| rest.split('"').next().unwrap().to_owned()).filter(|one| !one.is_empty()).collect()
    };
    assert_eq!(amounts("/joke", json!({})), ["50000", "100000", "200000"]);
    assert_eq!(amounts("/dear", json!({ "MAX_TOP_UP": 1_900_000 })), ["900000", "1800000"]);
    assert_eq!(amounts("/dear", json!({})), ["900000", "1800000", "3600000"]);
}

#[test]
fn who_cannot_pay_now_sees_why_and_no_form() {
    let refusal = Refusal { sentence: "This account is <frozen>.".to_owned(), payable: false };
    let Page { html, policy } = page(&settings(false, json!({})), "GET", "/joke", Some(&refusal));
    assert!(html.contains("This account is &lt;frozen&gt;."), "{html}");
    assert!(!html.contains("<form") && !html.contains("<script"), "{html}");
    assert!(!policy.contains("stripe.com"), "{policy}");
}

#[test]
fn what_is_no_get_is_called_and_not_opened() {
    let Page { html, .. } = page(&settings(false, json!({})), "POST", "/say", None);
    assert!(html.contains("curl -X POST 'https://api.example/say'"), "{html}");
    assert!(!html.contains("<form") && !html.contains("<script"), "{html}");
    assert!(html.contains("POST /say"), "{html}");
}

#[test]
fn the_call_has_the_query_and_nothing_of_it_leaves_the_quotes_or_the_element() {
    let Page { html, .. } =
        page(&settings(false, json!({})), "GET", "/joke?q=1&x=';id;'&y=</pre><script>&z[]={1,2}", None);
    let url = "https://api.example/joke?q=1&amp;x=%27;id;%27&amp;y=&lt;/pre&gt;&lt;script&gt;&amp;z%5B%5D=%7B1,2%7D";
    assert!(html.contains(&format!("curl '{url}' \\\n")), "{html}");
}

#[test]
fn the_account_loads_nothing_from_anywhere() {
    let Page { html, policy } = account(&settings(true, json!({})), "https://api.example", NONCE);
    assert!(!html.contains("stripe.com") && !policy.contains("stripe.com"), "{policy}");
    assert!(policy.contains("connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(html.matches("<script").count(), 1);
}
