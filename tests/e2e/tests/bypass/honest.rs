//! What honest APIs use on free paths arrives as it was sent, byte for byte: the gate judges, it does not tidy up.

use std::time::Duration;

use check_bypass::corpus::latin1;
use check_bypass::wire::Endpoint;
use stripe402_e2e::{Layout, Paywall, Request};

use crate::gate_on;

/// Targets on no route, none of which any careless origin could take for a priced one.
const FREE: [&str; 22] = [
    "/@scope%2fname",
    "/@Scope%2Fname/-/name-1.0.0.tgz",
    "/image//https://cdn.example//a.png",
    "/image/https%3A%2F%2Fcdn.example%2Fa.png?w=%2f",
    "/resize/100x100//cdn.example/b.png",
    "/files/a%2Fb%5Cc",
    "/wiki/AC%2fDC",
    "/wiki/Z%C3%BCrich/%e2%82%ac",
    "/lax%2fother/api",
    "/matrix;v=1/b;w=2,3",
    "/a%20b/c%2520d/e%25",
    "/question%3Fmark/hash%23mark",
    "/nul%00/tab%09",
    "/dots.../x./y%2e",
    "/~user/!$&'()*+,=:@",
    "/trailing/",
    "/trailing//",
    "/UPPER/lower?Q=A&&q=%zz",
    "/.well-known/acme-challenge/x_-Y",
    "/lax/api/jokes",
    "/lax/api/joke/1",
    "//lax.example/asset.js",
];

#[test]
fn free_paths_arrive_as_they_were_sent() {
    for (runtime, paywall) in
        [("workerd", Paywall::start_raw(gate_on(), Layout::new())), ("wrangler", Paywall::start(gate_on()))]
    {
        let visitor = paywall.visitor("honest");
        for target in FREE {
            let answer = visitor.asks(Request::get(target));
            assert_eq!(answer.status, 404, "{runtime}: the origin's own word on {target}: {}", answer.text());
        }
        let reached: Vec<_> = visitor.reached().into_iter().map(|one| one.target).collect();
        assert_eq!(reached, FREE, "{runtime}");
    }
}

/// What the platform's own URLs cannot hold is changed by them, not by us: dots are resolved, a backslash is a slash,
/// and what is not ASCII is encoded. None of that can make a free path a priced one: the readings are judged before.
#[test]
fn what_a_url_cannot_hold_arrives_as_the_platform_writes_it() {
    let paywall = Paywall::start_raw(gate_on(), Layout::new());
    let address = paywall.address();
    let endpoint = Endpoint { secure: false, host: address.ip().to_string(), port: address.port() };
    let rows = [
        ("/free/x/../y", 404, Some("/free/y")),
        ("/free/./y/%2e%2E/z", 404, Some("/free/z")),
        ("/free\\y", 404, Some("/free/y")),
        ("/free/\u{c3}\u{a9}", 404, Some("/free/%C3%A9")),
        ("/free#y", 404, Some("/free")),
        ("/x/../lax/api/joke", 400, None),
        ("/lax\\api\\joke", 400, None),
        ("/lax/api/joke#y", 402, None),
        ("/lax/\u{c3}\u{a9}/../api/joke", 400, None),
    ];
    for (sent, status, arrived) in rows {
        let before = paywall.origin().arrived().len();
        let request = format!("GET {sent} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        let answer = endpoint.exchange(&latin1(&request), Duration::from_secs(20)).unwrap();
        assert_eq!(answer.status, status, "{sent}");
        let new: Vec<_> = paywall.origin().arrived().into_iter().skip(before).map(|one| one.target).collect();
        assert_eq!(new.first().map(String::as_str), arrived, "{sent}");
    }
}
