//! The cookie as a credential: it pays where no header does, and within what the person set.

use serde_json::json;
use stripe402_edge::gate::account::{owner, page};
use stripe402_edge::gate::cookie::{Cookie, Fetched, agreement};
use stripe402_edge::gate::{Decision, Facts, Gate};

use super::given::{gate, payment, request, words};

const ID: &str = "766e94750da80b514ef6675c355fdc148f94430a41cf7df629d92774ce722e96";

fn cookie(more: &str) -> Cookie {
    let own = Fetched { site: Some("same-origin".into()), ..Fetched::default() };
    Cookie::read(&format!("__Host-stripe402={ID}{more}"), &own).unwrap()
}

fn shop() -> Gate {
    gate(json!({ "ROUTES": { "GET /joke": { "amount": 100 }, "* /dear": { "amount": 9_000 } } }))
}

fn asks(gate: &Gate, method: &str, url: &str, payment: Option<&str>, cookie: &Cookie) -> String {
    let facts = Facts { payment, cookie: Some(cookie), ..request(method, url) };
    match gate.decide(&facts) {
        Decision::Pay(paid) => {
            let who =
                if paid.payment.client_id.as_ref().is_some_and(|id| id.as_str() == ID) { "it" } else { "-" };
            format!("{} by {}, cookie {}", paid.price, who, paid.by_cookie)
        }
        other => words(&other),
    }
}

#[test]
fn a_cookie_pays_where_no_payment_header_does() {
    let (gate, cookie) = (shop(), cookie("; __Host-stripe402-limit=9000.usd"));
    for payment in [None, Some(""), Some(" ")] {
        assert_eq!(asks(&gate, "GET", "http://h/joke", payment, &cookie), "100 by it, cookie true");
    }
    let card = payment(&json!({ "stripe402Version": 1, "paymentMethodId": "pm_1" }));
    assert_eq!(asks(&gate, "GET", "http://h/joke", Some(&card), &cookie), "100 by -, cookie false");
    let client = payment(&json!({ "stripe402Version": 1, "clientId": ID }));
    assert_eq!(asks(&gate, "GET", "http://h/joke", Some(&client), &cookie), "100 by it, cookie false");
    assert_eq!(asks(&gate, "GET", "http://h/joke", Some("%"), &cookie), "402 invalid_payment");
    assert_eq!(asks(&gate, "GET", "http://h/free", None, &cookie), "pass /free");
    assert_eq!(asks(&gate, "POST", "http://h/dear", None, &cookie), "9000 by it, cookie true");
}

#[test]
fn above_the_limit_the_person_is_asked_first() {
    let gate = shop();
    assert_eq!(asks(&gate, "GET", "http://h/joke", None, &cookie("")), "402 for 100", "nothing was allowed");
    let limited = cookie("; __Host-stripe402-limit=1000.usd");
    assert_eq!(asks(&gate, "GET", "http://h/joke", None, &limited), "100 by it, cookie true");
    assert_eq!(asks(&gate, "GET", "http://h/dear", None, &limited), "402 for 9000");
    let units = stripe402_core::protocol::Units::new(9_000).unwrap();
    let word = agreement("GET", "/dear", "?a", units, stripe402_core::protocol::Currency::USD);
    let agreed = cookie(&format!("; __Host-stripe402-limit=1000.usd; __Host-stripe402-agreed={word}"));
    assert_eq!(asks(&gate, "GET", "http://h/dear?a", None, &agreed), "9000 by it, cookie true");
    assert_eq!(asks(&gate, "GET", "http://h/dear?b", None, &agreed), "402 for 9000");
    assert_eq!(asks(&gate, "POST", "http://h/dear?a", None, &agreed), "402 for 9000");
}

#[test]
fn a_statement_is_its_owners_and_a_page_that_comes_by_cookie_is_not_told_the_id() {
    let cookie = cookie("");
    let facts = request("GET", "http://h/.well-known/stripe402/account");
    let who = |payment: Option<&str>, cookie: Option<&Cookie>| {
        owner(&Facts { payment, cookie, ..facts }).map(|owner| owner.told).map_err(|answer| answer.status)
    };
    let client = payment(&json!({ "stripe402Version": 1, "clientId": ID }));
    let card = payment(&json!({ "stripe402Version": 1, "paymentMethodId": "pm_1" }));
    assert_eq!(who(Some(&client), None), Ok(true));
    assert_eq!(who(Some(&client), Some(&cookie)), Ok(true));
    assert_eq!(who(None, Some(&cookie)), Ok(false));
    assert_eq!(who(None, None), Err(401));
    assert_eq!(who(Some(&card), Some(&cookie)), Err(401), "a card's number opens nobody's account");
    assert_eq!(who(Some("%"), Some(&cookie)), Err(400));
}

#[test]
fn a_query_names_a_page_or_is_refused() {
    let limit = |query: &str| page(query).map(|page| page.limit).map_err(|answer| answer.status);
    for (query, found) in [
        ("", Ok(50)),
        ("?limit=1&before=usd-7&currency=usd", Ok(1)),
        ("?limit=500&other=x", Ok(500)),
        ("?limit=&before=", Ok(50)),
        ("?limit=0", Err(400)),
        ("?limit=501", Err(400)),
        ("?limit=-1", Err(400)),
        ("?limit=1e2", Err(400)),
        ("?before=7", Err(400)),
        ("?currency=USD", Err(400)),
    ] {
        assert_eq!(limit(query), found, "{query}");
    }
}
