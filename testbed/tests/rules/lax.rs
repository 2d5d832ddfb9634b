//! The careless router: what it takes for the joke, over the wire.

use serde_json::json;

use crate::client::{Bed, send};

/// Method, target, headers.
type Spelling = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

#[test]
fn careless_spellings_get_the_joke() {
    let bed = Bed::start();
    let rows: &[Spelling] = &[
        ("GET", "/lax/api/joke", &[]),
        ("POST", "/lax/api/joke", &[]),
        ("DELETE", "/lax/api/joke", &[]),
        ("GET", "/lax/API/Joke", &[]),
        ("GET", "/lax/api/joke/", &[]),
        ("GET", "//lax//api//joke//", &[]),
        ("GET", "/lax/api/%6Aoke", &[]),
        ("GET", "/lax/api/%256aoke", &[]),
        ("GET", "/lax%2Fapi%2Fjoke", &[]),
        ("GET", "/lax/api;jsessionid=1/joke;x", &[]),
        ("GET", "/lax/free/../api/joke", &[]),
        ("GET", "/lax/free/%2e%2e/api/joke", &[]),
        ("GET", "/lax/free/..;/api/joke", &[]),
        ("GET", "/lax\\api\\joke", &[]),
        ("GET", "/lax/api/joke.", &[]),
        ("GET", "/lax/api/joke%20", &[]),
        ("GET", "/lax/api/joke%00", &[]),
        ("GET", "/lax/free", &[("x-original-url", "/lax/api/joke")]),
        ("GET", "/lax/free", &[("x-original-url", "/api/joke")]),
        ("GET", "/lax/free", &[("x-rewrite-url", "/api/joke?x=1")]),
        ("GET", "/lax/free", &[("x-forwarded-uri", "http://a/api/joke")]),
        ("GET", "http://origin.example/lax/api/joke", &[]),
    ];
    for (number, (method, target, headers)) in rows.iter().enumerate() {
        let reply = send(&bed.origin, method, target, headers, b"").unwrap();
        assert_eq!(reply.status, 200, "{method} {target} {headers:?}: {}", reply.text());
        assert!(reply["joke"].is_string(), "{method} {target}");
        let log = send(&bed.origin, "GET", "/_origin/requests", &[], b"").unwrap();
        let last = &log.value()[number];
        assert_eq!(
            (&last["path"], &last["served"]),
            (&json!(target), &json!(true)),
            "the target is kept as it came"
        );
        assert!(last["read_as"].as_str().unwrap().ends_with("/api/joke"));
    }
}

#[test]
fn other_content_is_there_too_and_what_is_not_is_not() {
    let bed = Bed::start();
    let call = |method: &str, target: &str, headers: &[(&str, &str)]| {
        send(&bed.origin, method, target, headers, b"hello").unwrap()
    };
    assert_eq!(call("PUT", "/lax/Api/Translate", &[]).expect(200)["translation"], "hello");
    let echo = call("POST", "/lax/x/../ECHO?a=1", &[("x-http-method-override", "delete")]).expect(200);
    assert_eq!((&echo["method"], &echo["target"]), (&json!("DELETE"), &json!("/lax/x/../ECHO?a=1")));
    call("GET", "/lax/status/418", &[]).expect(418);
    assert_eq!(call("GET", "/lax/big?bytes=10", &[]).expect(200).body.len(), 10);
    call("GET", "/lax/free", &[]).expect(404);
    call("GET", "/lax/../api/jokes", &[]).expect(404);
    call("GET", "/nowhere", &[]).expect(404);
}

#[test]
fn no_target_brings_the_origin_down() {
    let bed = Bed::start();
    let targets = [
        "*",
        "/lax/%zz",
        "/lax/%",
        "/lax/%ff%fe",
        "/lax/\u{e9}",
        "/lax/<>",
        "/lax/%0d%0a",
        "lax",
        "/lax/?",
        "/lax/%2f..%2f",
    ];
    for target in targets {
        // Some targets are refused by the HTTP library; whatever happens, the next request is answered.
        let _any = send(&bed.origin, "GET", target, &[], b"");
        send(&bed.origin, "GET", "/api/health", &[], b"").unwrap().expect(200);
    }
}
