//! The dashboard's files, and the reports that it shows.

use std::time::Duration;

use serde_json::{Value, json};
use stripe402_e2e::{Config, Layout, Paywall, Request, Response, Visitor, project, wait_for};

use crate::{TOKEN, config, first_payment, shared, with_token};

const ADMIN: &str = "/.well-known/stripe402/admin";
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// Around the Worker, a database whose rows say what was bound, and assets that have everything.
const AROUND: &str = r#"
import worker from "./index.js";
export { Account } from "./index.js";

const known = ["a", "b", "c"].map((last) => "0123456789ab".padEnd(63, "0") + last).concat("fedcba98".padEnd(64, "7"));
const REPORTS = {
  prepare(sql) {
    if (/FROM tried ORDER/.test(sql)) throw new Error("D1_ERROR: no such table: topup");
    return {
      bind: (...bound) => ({
        async all() {
          if (/FROM account WHERE account >=/.test(sql)) return { results: known.filter((id) => id >= bound[0] && id < bound[1]).map((account) => ({ account })) };
          if (/FROM moved WHERE kind IN/.test(sql)) throw new Error("D1_ERROR: Network connection lost.");
          return { success: true, results: [{ at: bound[0], sql, bound, n: 9007199254740991, none: null }] };
        },
      }),
    };
  },
};

// Has every file that it is asked for.
const ASSETS = { fetch: (url) => new Response(`the file ${new URL(url).pathname}`) };

export default {
  fetch: (request, env, ctx) => worker.fetch(request, { ...env, ASSETS, REPORTS }, ctx),
};
"#;

fn browses(visitor: Visitor<'_>, path: &str) -> Response {
    visitor.asks(Request::get(path).header("accept", BROWSER).header("sec-fetch-site", "none"))
}

fn built(name: &str) -> Vec<u8> {
    std::fs::read(project().join("build/assets").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What every file is sent under.
fn is_guarded(answer: &Response) {
    let policy = answer.header("content-security-policy").expect("a policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let headers = ["x-content-type-options", "referrer-policy", "cache-control", "vary"];
    assert_eq!(
        headers.map(|name| answer.header(name)),
        [Some("nosniff"), Some("no-referrer"), Some("no-cache"), Some("accept")]
    );
}

#[test]
fn a_browser_gets_the_page_and_its_files_without_a_token_and_programs_do_not() {
    let visitor = shared().visitor("dashboard-files");
    let page = browses(visitor, &format!("{ADMIN}/"));
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.body, built("index.html"));
    is_guarded(&page);
    let html = page.text();
    let links: Vec<&str> =
        html.split("=\"assets/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() >= 4, "{links:?}");
    for name in links.into_iter().chain(["api.js", "acts.js"]) {
        let file = visitor.gets(&format!("{ADMIN}/assets/{name}"));
        assert_eq!((file.status, &file.body), (200, &built(name)), "{name}");
        let kind =
            if name.contains(".js") { "text/javascript; charset=utf-8" } else { "text/css; charset=utf-8" };
        assert_eq!(file.header("content-type"), Some(kind));
        is_guarded(&file);
    }
    // Every file that there is can be asked for, and the licence of the library goes with it.
    assert!(visitor.gets(&format!("{ADMIN}/assets/uplot.js")).text().contains("The MIT License"));

    let slash = browses(visitor, ADMIN);
    assert_eq!((slash.status, slash.header("location")), (302, Some("admin/")));
    for path in [ADMIN.to_owned(), format!("{ADMIN}/")] {
        for accept in ["*/*", "application/json", ""] {
            let answer = visitor.asks(Request::get(&path).header("accept", accept));
            assert_eq!(answer.status, 401, "{path} {accept}: {answer:?}");
        }
        assert_eq!(
            visitor.asks(with_token(Request::get(&path))).status,
            404,
            "for programs there is nothing"
        );
        assert_eq!(visitor.asks(Request::post(&path, "{}").header("accept", BROWSER)).status, 401);
    }
    assert!(visitor.reached().is_empty());
}

#[test]
fn a_file_is_kept_by_its_version_and_head_has_no_body() {
    let visitor = shared().visitor("dashboard-etag");
    let path = format!("{ADMIN}/assets/dashboard.js");
    let file = visitor.gets(&path);
    let version = file.header("etag").expect("a version").to_owned();
    let again = visitor.asks(Request::get(&path).header("if-none-match", version.as_str()));
    assert_eq!((again.status, again.body.len()), (304, 0), "{again:?}");
    is_guarded(&again);
    assert_eq!(visitor.asks(Request::get(&path).header("if-none-match", "\"other\"")).body, file.body);
    let head = visitor.asks(Request::new("HEAD", &path));
    assert_eq!((head.status, head.body.len()), (200, 0));
    is_guarded(&head);
}

#[test]
fn nothing_but_these_files_is_served() {
    let visitor = shared().visitor("dashboard-missing");
    assert_eq!(visitor.gets(&format!("{ADMIN}/assets/nothing.js")).status, 404);
    assert_eq!(browses(visitor, "/dashboard.js").status, 404, "a file has no address of its own");
    assert_eq!(visitor.reached().len(), 1, "that is the origin's answer");

    // Targets reach this one as they are sent, and its assets have whatever they are asked for.
    let paywall = Paywall::start_raw(config(), Layout::new().around_is(AROUND));
    let visitor = paywall.visitor("dashboard-tricks");
    assert_eq!(visitor.gets(&format!("{ADMIN}/assets/a.js")).text(), "the file /a.js");
    for name in [
        "",
        "index.html",
        "a.JS",
        "a.js/",
        "a%2ejs",
        "%61.js",
        "../a.js",
        "..%2fa.js",
        "%2e%2e%2fa.js",
        "../../health",
        "b/../a.js",
        "b/a.js",
        "/a.js",
        "a.js;b",
        "a.js%00",
        "a.js%3f.css",
        "\\a.js",
        "..",
        ".js",
        "http:%2f%2fevil.example%2fa.js",
    ] {
        let answer = visitor.gets(&format!("{ADMIN}/assets/{name}"));
        assert!(matches!(answer.status, 400 | 404), "{name}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
    }
    for path in
        ["/.WELL-KNOWN/stripe402/admin/", "/.well-known/stripe402/%61dmin/", "/.well-known/stripe402/admin//"]
    {
        assert_eq!(browses(visitor, path).status, 401, "{path}");
    }
    assert!(visitor.reached().is_empty());
}

#[test]
fn a_file_never_stands_in_for_what_costs_money() {
    let config =
        config().routes(&json!({"GET /index.html": {"amount": 100}, "GET /dashboard.js": {"amount": 100}}));
    let paywall = Paywall::start(config);
    let visitor = paywall.visitor("dashboard-paid");
    for path in ["/index.html", "/dashboard.js"] {
        let answer = browses(visitor, path);
        assert_eq!(answer.status, 402, "{path}: {answer:?}");
        assert!(answer.header("payment-required").is_some());
    }
    assert!(visitor.reached().is_empty());
}

#[test]
fn what_is_not_bound_is_named_and_without_a_token_there_is_nothing() {
    let paywall = Paywall::start_raw(config(), Layout::default());
    let visitor = paywall.visitor("dashboard-bare");
    for path in [format!("{ADMIN}/"), format!("{ADMIN}/assets/dashboard.js")] {
        let answer = browses(visitor, &path);
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")));
        assert_eq!(answer.json()["setting"], "ASSETS", "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("docs/operations.md"), "it says how");
    }
    let unmeasured = visitor.asks(Request::new("POST", &format!("{ADMIN}/session")));
    assert_eq!(unmeasured.status, 411, "{unmeasured:?}");
    let report = visitor.asks(with_token(Request::get(&format!("{ADMIN}/reports/summary?from=x"))));
    assert_eq!((report.status, &report.json()["setting"]), (404, &json!("REPORTS")), "{report:?}");

    let paywall = Paywall::start_raw(Config::new(), Layout::default());
    let visitor = paywall.visitor("dashboard-none");
    for path in ["", "/", "/assets/dashboard.js", "/reports/summary"] {
        let answer = browses(visitor, &format!("{ADMIN}{path}"));
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert_eq!(answer.json().get("setting"), None, "nothing is told of what could be");
    }
}

#[test]
fn what_is_asked_is_bound_to_a_report_and_never_part_of_it() {
    let paywall = Paywall::start_raw(config(), Layout::new().around_is(AROUND));
    let visitor = paywall.visitor("reports");
    let asks = |what: &str| visitor.asks(with_token(Request::get(&format!("{ADMIN}/reports/{what}"))));
    let answer = asks("timeline?from=2026-11-01&to=2026-11-02&currency=jpy&by=hour");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let told = answer.json();
    let from = 1_793_491_200_000_i64;
    assert_eq!(told["rows"][0]["bound"], json!([from, from + 2 * 86_400_000, "jpy", 3_600_000]));
    assert_eq!(
        (&told["from"], &told["until"], &told["currency"]),
        (&json!("2026-11-01T00:00:00.000Z"), &json!("2026-11-03T00:00:00.000Z"), &json!("jpy"))
    );
    let row = &told["rows"][0];
    assert_eq!((&row["at"], &row["none"]), (&json!("2026-11-01T00:00:00.000Z"), &Value::Null));
    assert_eq!(row["n"], 9_007_199_254_740_991_i64, "numbers pass through whole");
    let sql = row["sql"].as_str().unwrap();
    assert!(!sql.contains("jpy") && !sql.contains("2026"), "{sql}");
    let usual = asks("summary").json();
    assert_eq!((&usual["currency"], &usual["rows"][0]["bound"][3]), (&json!("usd"), &json!(86_400_000)));

    for query in [
        "?form=2026-11-01",
        "?from=2026-11-31",
        "?from=1;DROP%20TABLE%20usage",
        "?to=",
        "?currency=USD",
        "?currency=usd%27--",
        "?by=week",
        "?from=2020-01-01",
        "?by=day&by=hour",
    ] {
        let answer = asks(&format!("timeline{query}"));
        assert_eq!((answer.status, &answer.json()["title"]), (400, &json!("Bad query")), "{query}");
    }
    for name in ["refunds", "declines"] {
        let answer = asks(name);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")), "{name}: {answer:?}");
        assert!(!answer.text().contains("D1_ERROR"), "what the database says is for the log");
    }
    wait_for(
        Duration::from_secs(10),
        || format!("what the database said; there is:\n{}", paywall.said()),
        || paywall.said().contains("D1_ERROR: no such table").then_some(()),
    );
    for name in ["", "nothing", "Summary", "summary/", "summary/x", "../clients/find"] {
        assert_eq!(asks(name).status, 404, "{name}");
    }
    let unauthorized = visitor.gets(&format!("{ADMIN}/reports/summary"));
    assert_eq!(unauthorized.status, 401);
    assert!(!paywall.said().contains(TOKEN));
}

#[test]
fn an_account_is_found_by_how_its_id_begins() {
    let paywall = Paywall::start_raw(config(), Layout::new().around_is(AROUND));
    let seeks = |paywall: &Paywall, body: Value| {
        let request = Request::post(&format!("{ADMIN}/clients/find"), body.to_string());
        let answer = paywall.visitor("seeks").asks(with_token(request));
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        (answer.status, detail)
    };
    // One that nobody paid into: it is the account itself that says so.
    let (status, detail) = seeks(&paywall, json!({"account": "fedcba98"}));
    assert_eq!(status, 404);
    assert!(!detail.contains("reports"), "{detail}");
    let (status, detail) = seeks(&paywall, json!({"account": "fedcba99"}));
    assert_eq!(status, 404);
    assert!(detail.contains("reports"), "{detail}");
    assert_eq!(seeks(&paywall, json!({"account": "0123456789ab"})).0, 409);
    for wrong in [
        json!({"account": "fedcba9"}),
        json!({"account": "FEDCBA98"}),
        json!({"account": "fedcba98%"}),
        json!({"account": 12_345_678}),
        json!({"account": "a".repeat(65)}),
        json!({"account": "fedcba98", "clientId": "a".repeat(64)}),
        json!({}),
    ] {
        assert_eq!(seeks(&paywall, wrong.clone()).0, 400, "{wrong}");
    }
    // Without a register only the whole id says who it is.
    let (stripe, visitor) = (shared().stripe(), shared().visitor("admin-begins"));
    let card = stripe.card("admin_begins");
    first_payment(visitor, &card);
    assert_eq!(seeks(shared(), json!({"account": card.account.as_str()})).0, 200);
    let (status, detail) = seeks(shared(), json!({"account": card.account.short()}));
    assert!(status == 404 && detail.contains("REPORTS"), "{status} {detail}");
}
