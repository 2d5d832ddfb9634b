//! A browser's session: begun with the token, counted for pages of this origin alone, and nobody else's business.

use serde_json::{Value, json};
use stripe402_e2e::{Layout, Paywall, Request, Response, Visitor};

use crate::{CLIENTS, TOKEN, config, first_payment, shared, with_token};

const SESSION: &str = "/.well-known/stripe402/admin/session";

fn logs_in(visitor: Visitor<'_>, token: &str) -> Response {
    visitor.asks(Request::post(SESSION, json!({"token": token}).to_string()))
}

/// The cookie of a new session, as the browser sends it back.
fn cookie(visitor: Visitor<'_>) -> String {
    let answer = logs_in(visitor, TOKEN);
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.ends_with("; Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Strict"), "{set}");
    assert!(set.starts_with("__Host-stripe402-admin=") && !set.contains(TOKEN));
    set.split(';').next().unwrap().to_owned()
}

fn by(request: Request, cookie: &str, site: Option<&str>) -> Request {
    let request = request.header("cookie", cookie);
    match site {
        Some(site) => request.header("sec-fetch-site", site),
        None => request,
    }
}

#[test]
fn a_session_sees_and_acts_as_the_token_does() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("session-acts"));
    let card = stripe.card("session_acts");
    first_payment(visitor, &card);
    let cookie = cookie(visitor);
    let path = format!("{CLIENTS}/{}", card.account);
    let own = |request: Request| visitor.asks(by(request, &cookie, Some("same-origin")));
    let seen = own(Request::get(&path));
    assert_eq!(seen.status, 200, "{seen:?}");
    assert_eq!(seen.json(), visitor.asks(with_token(Request::get(&path))).json());
    let body = json!({"by": "Ada", "reason": "a test"}).to_string();
    assert_eq!(own(Request::post(&format!("{path}/freeze"), body)).json()["frozen"], true);
    // Whoever sends a token is judged by it.
    let wrong = by(Request::get(&path), &cookie, Some("same-origin")).header("authorization", "Bearer x");
    assert_eq!(visitor.asks(wrong).status, 401);
    let out = own(Request::new("DELETE", SESSION));
    assert_eq!(
        (out.status, out.header("set-cookie")),
        (204, Some("__Host-stripe402-admin=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"))
    );
}

#[test]
fn a_session_counts_for_pages_of_this_origin_alone() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("session-sites"));
    let card = stripe.card("session_sites");
    first_payment(visitor, &card);
    let good = cookie(visitor);
    let (name, value) = good.split_once('=').unwrap();
    let (until, seal) = value.split_once('.').unwrap();
    let later = until.parse::<u64>().unwrap() + 1;
    let (path, act) = (format!("{CLIENTS}/{}", card.account), json!({"by": "e", "reason": "e"}).to_string());
    let own = Some("same-origin");
    let rows: [(String, Option<&str>); 13] = [
        (good.clone(), None),
        (good.clone(), Some("none")),
        (good.clone(), Some("same-site")),
        (good.clone(), Some("cross-site")),
        (good.clone(), Some("same-origin, cross-site")),
        (format!("{good}; {good}"), own),
        (format!("{name}={later}.{seal}"), own),
        (format!("{name}={until}.{}", seal.replace(['a', 'b', 'c'], "0")), own),
        (format!("{name}={until}."), own),
        (format!("{name}={TOKEN}"), own),
        (format!("__Host-stripe402={value}"), own),
        (format!("{name}-x={value}"), own),
        (good.to_uppercase(), own),
    ];
    for (cookie, site) in &rows {
        let seen = visitor.asks(by(Request::get(&path), cookie, *site));
        assert_eq!(seen.status, 401, "{cookie} {site:?}: {seen:?}");
        let acted = visitor.asks(by(Request::post(&format!("{path}/freeze"), act.clone()), cookie, *site));
        assert_eq!(acted.status, 401, "{cookie} {site:?}: {acted:?}");
        let out = visitor.asks(by(Request::new("DELETE", SESSION), cookie, *site));
        assert_eq!(out.status, 401, "{cookie} {site:?}: {out:?}");
    }
    let prefetched = by(Request::get(&path), &good, own).header("sec-purpose", "prefetch");
    assert_eq!(visitor.asks(prefetched).status, 401);
    assert_eq!(visitor.asks(by(Request::get(&path), &good, own)).json()["frozen"], false);
}

#[test]
fn no_origin_sees_a_session_and_it_pays_for_nothing() {
    let visitor = shared().visitor("session-origin");
    let cookie = cookie(visitor);
    let mixed = format!("a=b; {cookie}; c=d");
    assert_eq!(visitor.asks(by(Request::get("/api/health"), &mixed, Some("same-origin"))).status, 200);
    assert_eq!(visitor.asks(by(Request::get("/api/health"), &cookie, None)).status, 200);
    let seen: Vec<Option<String>> =
        visitor.reached().iter().map(|one| one.header("cookie").map(ToOwned::to_owned)).collect();
    assert_eq!(seen, [Some("a=b; c=d".to_owned()), None]);
    assert_eq!(visitor.asks(by(Request::get("/api/joke"), &mixed, Some("same-origin"))).status, 402);
}

#[test]
fn the_token_is_asked_for_in_a_body_of_its_own_kind() {
    let visitor = shared().visitor("session-bodies");
    for body in ["", "{}", "[]", "null", r#"{"token":7}"#, r#"{"token":null}"#, r#"{"token":"x","by":"e"}"#] {
        let answer = visitor.asks(Request::post(SESSION, body));
        assert_eq!((answer.status, answer.header("set-cookie")), (400, None), "{body}: {answer:?}");
    }
    assert_eq!(visitor.asks(Request::post(SESSION, " ".repeat(9_000))).status, 413);
    for token in
        ["", "x", &TOKEN[1..], &TOKEN.to_uppercase(), &format!("{TOKEN} "), &format!("Bearer {TOKEN}")]
    {
        let answer = logs_in(visitor, token);
        assert_eq!((answer.status, answer.header("set-cookie")), (401, None), "{token}: {answer:?}");
    }
    // A bearer token does not stand in for the body's.
    let body = json!({"token": "x"}).to_string();
    assert_eq!(visitor.asks(with_token(Request::post(SESSION, body))).status, 401);
    for site in ["cross-site", "same-site"] {
        let body = json!({"token": TOKEN}).to_string();
        let answer = visitor.asks(Request::post(SESSION, body).header("sec-fetch-site", site));
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{site}");
    }
    assert!(!shared().said().contains(TOKEN));
}

#[test]
fn another_token_ends_every_session_and_guesses_hold_nobody_back_who_has_one() {
    let limits = |token: &str| Paywall::start(config().var("ADMIN_TOKEN", token).var("LIMITS", "on"));
    let (one, other) = (limits(TOKEN), limits("another-admin-token-of-at-least-32-bytes"));
    let (here, there) = (one.visitor("session-token"), other.visitor("session-token"));
    let cookie = cookie(here);
    let path = format!("{CLIENTS}/{}", "0".repeat(64));
    let asks =
        |visitor: Visitor<'_>| visitor.asks(by(Request::get(&path), &cookie, Some("same-origin"))).status;
    assert_eq!((asks(here), asks(there)), (404, 401), "there is no such client; there is no such session");

    let statuses: Vec<u16> = (0..14).map(|nth| logs_in(here, &nth.to_string()).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 11, "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    let right = logs_in(here, TOKEN);
    assert_eq!((right.status, right.header("retry-after")), (429, Some("60")), "not even looked at");
    assert_eq!(with(here, &path), 429, "a bearer token neither");
    assert_eq!(asks(here), 404, "a session goes on");
    // Whoever sends no token guesses none.
    for _ in 0..15 {
        assert_eq!(there.gets(&path).status, 401);
    }
    assert_eq!(logs_in(there, "another-admin-token-of-at-least-32-bytes").status, 204);
}

fn with(visitor: Visitor<'_>, path: &str) -> u16 {
    visitor.asks(with_token(Request::get(path))).status
}

#[test]
fn without_a_token_in_the_configuration_nobody_logs_in() {
    let paywall = Paywall::start_raw(stripe402_e2e::Config::new(), Layout::default());
    let visitor = paywall.visitor("session-none");
    for token in ["", TOKEN] {
        let answer = logs_in(visitor, token);
        assert_eq!((answer.status, answer.header("set-cookie")), (404, None), "{answer:?}");
    }
    let told: Value = visitor.asks(Request::new("DELETE", SESSION)).json();
    assert_eq!(told["status"], 404);
}
