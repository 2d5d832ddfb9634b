//! What browsers are answered: the page instead of JSON, the cookie instead of a header, and the account. What a browser
//! does with it is tried in Chromium (`tests/browser`).

use serde_json::{Value, json};
use stripe402_core::protocol::ErrorCode;
use stripe402_e2e::{Card, Request, Response, Visitor};

use crate::{assert_paid, shared};

const ACCOUNT: &str = "/.well-known/stripe402/account";
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

fn cookie(card: &Card) -> String {
    let id = card.client.as_str();
    format!("theme=dark; __Host-stripe402={id}; __Host-stripe402-limit=500000.usd; lang=en")
}

/// A request as a browser sends it, with where it says that it comes from.
fn browses(target: &str, card: &Card, site: &str, mode: &str, dest: &str) -> Request {
    Request::get(target)
        .header("accept", BROWSER)
        .header("cookie", cookie(card))
        .header("sec-fetch-site", site)
        .header("sec-fetch-mode", mode)
        .header("sec-fetch-dest", dest)
}

fn by_hand(target: &str, card: &Card) -> Request {
    browses(target, card, "none", "navigate", "document")
}

/// A card with five dollars in its account, and a joke taken from them.
fn credited(visitor: Visitor<'_>, name: &str) -> Card {
    let card = shared().stripe().card(name);
    assert_paid(&visitor.pays("/api/joke", &card.pays()), 49_900);
    card
}

#[test]
fn a_browser_gets_a_page_with_the_same_status_and_header_and_all_others_get_json() {
    let visitor = shared().visitor("negotiates");
    let plain = visitor.gets("/api/joke");
    let page = visitor.asks(Request::get("/api/joke").header("accept", BROWSER));
    assert_eq!(page.status, 402);
    assert_eq!(page.header("payment-required"), plain.header("payment-required"));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!((page.header("vary"), plain.header("vary")), (Some("accept"), Some("accept")));
    let policy = page.header("content-security-policy").unwrap();
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(nonce.len(), 32, "{policy}");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let html = page.text();
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("Random joke"), "{html}");
    let scripts = html.matches("<script").count();
    assert_eq!(html.matches(&format!("nonce=\"{nonce}\"")).count(), scripts + 1, "scripts and the style");
    let again = visitor.asks(Request::get("/api/joke").header("accept", BROWSER));
    assert_ne!(again.header("content-security-policy"), Some(policy), "a nonce is for one page");
    for accept in ["application/json", "*/*", "text/html;q=0.5, application/json"] {
        let answer = visitor.asks(Request::get("/api/joke").header("accept", accept));
        assert_eq!(answer.body, plain.body, "{accept}");
    }
    let head = visitor.asks(Request::new("HEAD", "/api/joke").header("accept", BROWSER));
    assert_eq!((head.status, head.body.len()), (402, 0));
    let card = shared().stripe().card_like("negotiates", "pm_card_chargeCustomerFail");
    let paid = visitor.asks(Request::get("/api/joke").header("accept", BROWSER).payment(card.pays()));
    assert_eq!(paid.header("content-type"), Some("application/json"), "who pays by header reads JSON");
    assert_eq!(visitor.reached(), []);
}

#[test]
fn what_stands_in_a_path_is_shown_and_not_run() {
    let visitor = shared().visitor("escapes");
    for path in ["/status/%3Cscript%3Ealert(1)", "/status/%22%3E%3Cimg%20src=x", "/status/'$(id)'"] {
        let answer = visitor.asks(Request::get(path).header("accept", BROWSER));
        assert_eq!(answer.status, 402, "{path}");
        let html = answer.text();
        assert!(!html.contains("<script>alert") && !html.contains("<img%20src"), "{html}");
        // Within the quotes of the command that is there to be copied.
        let command = html.split("<pre").nth(1).unwrap().split("</pre>").next().unwrap();
        assert!(!command.contains("'$(id)'") && command.contains("status/"), "{command}");
    }
}

#[test]
fn the_cookie_pays_for_who_navigates_and_the_origin_does_not_see_it() {
    let visitor = shared().visitor("cookie-pays");
    let card = credited(visitor, "cookie_pays");
    let answer = visitor.asks(by_hand("/api/joke", &card));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let receipt = answer.receipt();
    assert!(receipt.success && receipt.credits_remaining.get() == 49_800, "{receipt:?}");
    assert_eq!(receipt.client_id, "", "a page's script must not read what its cookie hides");
    let arrived = visitor.reached();
    assert_eq!(arrived.last().unwrap().header("cookie"), Some("theme=dark; lang=en"));
    // A path that is free, too.
    visitor.asks(by_hand("/api/health", &card));
    assert_eq!(visitor.reached().last().unwrap().header("cookie"), Some("theme=dark; lang=en"));
    let same = browses("/api/joke", &card, "same-origin", "cors", "empty");
    assert_eq!(visitor.asks(same).receipt().credits_remaining.get(), 49_700);
}

#[test]
fn nobody_else_spends_by_the_cookie() {
    let visitor = shared().visitor("cookie-foreign");
    let card = credited(visitor, "cookie_foreign");
    let before = visitor.reached().len();
    for (site, mode, dest) in [
        ("cross-site", "navigate", "document"),
        ("cross-site", "no-cors", "image"),
        ("same-site", "navigate", "document"),
        ("same-site", "cors", "empty"),
        ("none", "navigate", "iframe"),
    ] {
        let answer = visitor.asks(browses("/api/joke", &card, site, mode, dest));
        assert_eq!(answer.status, 402, "{site} {mode} {dest}");
    }
    let silent = visitor.asks(Request::get("/api/joke").header("cookie", cookie(&card)));
    assert_eq!(silent.status, 402, "a browser that does not say where it comes from");
    let ahead = visitor.asks(by_hand("/api/joke", &card).header("sec-purpose", "prefetch;prerender"));
    assert_eq!(ahead.status, 402, "what nobody has asked for yet");
    assert_eq!(visitor.reached().len(), before);
    assert_paid(&visitor.pays("/api/joke", &card.spends()), 49_800);
}

#[test]
fn a_browser_that_has_forgotten_the_limit_asks_its_person() {
    let visitor = shared().visitor("cookie-forgot");
    let card = credited(visitor, "cookie_forgot");
    let before = visitor.reached().len();
    for limit in ["", "; __Host-stripe402-limit=", "; __Host-stripe402-limit=NaN.usd"] {
        let cookie = format!("__Host-stripe402={}{limit}", card.client.as_str());
        let asks = Request::get("/api/joke").header("accept", BROWSER).header("cookie", cookie);
        let answer = visitor.asks(asks.header("sec-fetch-site", "same-origin"));
        assert_eq!((answer.status, answer.required().error), (402, None), "{limit}");
        assert!(answer.text().contains("id=\"open\""), "{limit}");
    }
    assert_eq!(visitor.reached().len(), before);
    assert_paid(&visitor.pays("/api/joke", &card.spends()), 49_800);
}

#[test]
fn a_cookie_that_holds_too_little_shows_the_page_and_tells_scripts_no_client_id() {
    let visitor = shared().visitor("cookie-little");
    let card = credited(visitor, "cookie_little");
    let dear = visitor.asks(by_hand("/lax/api/weather", &card));
    assert_eq!((dear.status, dear.required().error), (402, Some(ErrorCode::InsufficientCredits)));
    assert_eq!(dear.header("content-type"), Some("text/html; charset=utf-8"));
    let script = browses("/lax/api/weather", &card, "same-origin", "cors", "empty");
    for answer in [dear, visitor.asks(script)] {
        assert!(!answer.text().contains(card.client.as_str()));
    }
}

#[test]
fn a_keyed_request_by_cookie_is_debited_once() {
    let visitor = shared().visitor("cookie-keyed");
    let card = credited(visitor, "cookie_keyed");
    let keyed = || by_hand("/api/joke", &card).header("idempotency-key", "once");
    assert_eq!(visitor.asks(keyed()).receipt().credits_remaining.get(), 49_800);
    let again = visitor.asks(keyed());
    assert_eq!((again.status, again.header("payment-response")), (409, None), "{}", again.text());
    assert_paid(&visitor.pays("/api/joke", &card.spends()), 49_700);
}

#[test]
fn the_account_is_told_to_its_owner() {
    let visitor = shared().visitor("account");
    let card = credited(visitor, "account");
    for credits in [49_800, 49_700] {
        assert_paid(&visitor.pays("/api/joke", &card.spends()), credits);
    }
    let asks = |query: &str| -> Response {
        visitor.asks(Request::get(&format!("{ACCOUNT}{query}")).payment(card.spends()))
    };
    let answer = asks("");
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let told = answer.json();
    let id = card.client.as_str();
    assert_eq!(told["clientId"], id);
    assert_eq!(told["balances"], json!([{ "currency": "usd", "balance": 49_700 }]));
    assert_eq!(told["next"], Value::Null);
    let entries = told["entries"].as_array().unwrap();
    let shown: Vec<Value> = entries
        .iter()
        .map(|entry| {
            json!([entry["id"], entry["type"], entry["amount"], entry["balance"], entry["clientId"]])
        })
        .collect();
    assert_eq!(
        shown,
        [
            json!(["usd-4", "deduction", 100, 49_700, id]),
            json!(["usd-3", "deduction", 100, 49_800, id]),
            json!(["usd-2", "deduction", 100, 49_900, id]),
            json!(["usd-1", "topup", 50_000, 50_000, id]),
        ]
    );
    assert_eq!(entries[0]["resource"], "GET /api/joke");
    assert_eq!(entries[3]["stripePaymentIntentId"], shared().stripe().charges(&card)[0].0);

    let page = asks("?limit=3&currency=usd").json();
    assert_eq!(page["entries"].as_array().unwrap().len(), 3);
    let rest = asks(&format!("?before={}", page["next"].as_str().unwrap())).json();
    assert_eq!((&rest["entries"][0]["id"], &rest["next"]), (&json!("usd-1"), &Value::Null));
    assert_eq!(asks("?limit=0").status, 400);

    let by_cookie =
        Request::get(ACCOUNT).header("cookie", cookie(&card)).header("sec-fetch-site", "same-origin");
    let told = visitor.asks(by_cookie);
    assert_eq!((told.status, &told.json()["clientId"]), (200, &json!("")));
    assert!(!told.text().contains(id), "{}", told.text());
}

#[test]
fn the_account_is_told_to_nobody_else() {
    let visitor = shared().visitor("account-foreign");
    let card = credited(visitor, "account_foreign");
    assert_eq!(visitor.gets(ACCOUNT).status, 401);
    let foreign = Request::get(ACCOUNT).header("cookie", cookie(&card)).header("sec-fetch-site", "same-site");
    assert_eq!(visitor.asks(foreign).status, 401);
    // A card's number opens nobody's account.
    assert_eq!(visitor.pays(ACCOUNT, &card.pays()).status, 401);
    let page = visitor.asks(Request::get(ACCOUNT).header("accept", BROWSER));
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let stranger = shared().stripe().card("account_stranger");
    let nothing = visitor.pays(ACCOUNT, &stranger.spends()).json();
    assert_eq!((&nothing["balances"], &nothing["entries"]), (&json!([]), &json!([])));
}

#[test]
fn only_this_sites_pages_make_a_browser_forget() {
    let visitor = shared().visitor("forgets");
    let forget = |site: &str| {
        visitor.asks(Request::post(&format!("{ACCOUNT}/forget"), "").header("sec-fetch-site", site))
    };
    let answer = forget("same-origin");
    assert_eq!(answer.status, 204);
    let cookies = answer.headers.all("set-cookie");
    assert_eq!(cookies.len(), 3, "{cookies:?}");
    assert!(cookies.iter().all(|set| set.starts_with("__Host-stripe402") && set.contains("Max-Age=0")));
    for site in ["cross-site", "same-site"] {
        assert_eq!((forget(site).status, forget(site).headers.all("set-cookie").len()), (403, 0));
    }
}
