//! The demo origin: its content, and its record of who got it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Bed, Reply, send};

fn get(bed: &Bed, target: &str) -> Reply {
    send(&bed.origin, "GET", target, &[], b"").unwrap()
}

fn seen(bed: &Bed) -> Vec<Value> {
    get(bed, "/_origin/requests").value().as_array().unwrap().clone()
}

#[test]
fn the_content_is_where_it_belongs() {
    let bed = Bed::start();
    let (first, second) = (get(&bed, "/api/joke").expect(200), get(&bed, "/api/joke").expect(200));
    assert!(first["joke"].is_string());
    assert_ne!(first["joke"], second["joke"], "jokes rotate");
    assert!(get(&bed, "/api/weather").expect(200)["temperature"].is_object());
    let translated = send(&bed.origin, "POST", "/api/translate", &[], "olá".as_bytes()).unwrap().expect(200);
    assert_eq!(translated["translation"], "olá");
    assert_eq!(get(&bed, "/api/health").expect(200)["ok"], true);
    assert_eq!(get(&bed, "/status/503").expect(503)["status"], 503);
    get(&bed, "/status/204").expect(204);
    get(&bed, "/status/99").expect(400);
    let redirect = get(&bed, "/redirect?to=http%3A%2F%2Fexample.com%2Fx").expect(302);
    assert_eq!(redirect.header("location"), Some("http://example.com/x"));
    assert_eq!(get(&bed, "/gzip").expect(200).header("content-encoding"), Some("gzip"));
    let cookies = get(&bed, "/cookie").expect(200);
    assert_eq!(cookies.headers.iter().filter(|(name, _)| name == "set-cookie").count(), 2);
    let slow = Instant::now();
    get(&bed, "/slow?ms=200").expect(200);
    assert!(slow.elapsed() >= Duration::from_millis(200));
    let events = get(&bed, "/stream?events=3&ms=10").expect(200);
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    assert_eq!(events.text().matches("data: ").count(), 3);
}

#[test]
fn the_origin_itself_is_strict() {
    let bed = Bed::start();
    for target in [
        "/API/joke",
        "/api/joke/",
        "//api/joke",
        "/api/%6aoke",
        "/api;x/joke",
        "/x/../api/joke",
        "/laxapi/joke",
    ] {
        get(&bed, target).expect(404);
    }
    send(&bed.origin, "POST", "/api/joke", &[], b"").unwrap().expect(405);
    get(&bed, "/api/translate").expect(405);
}

#[test]
fn the_echo_shows_what_arrived() {
    let bed = Bed::start();
    let headers = [("X-One", "1"), ("x-one", "2")];
    let reply = send(&bed.origin, "PATCH", "/echo?a=%2F&b", &headers, b"hello").unwrap().expect(200);
    assert_eq!((&reply["method"], &reply["target"]), (&json!("PATCH"), &json!("/echo?a=%2F&b")));
    assert_eq!((&reply["body"], &reply["bytes"]), (&json!("hello"), &json!(5)));
    assert_eq!(reply["sha256"], "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    let given = reply["headers"].as_array().unwrap();
    assert!(given.contains(&json!(["x-one", "1"])) && given.contains(&json!(["x-one", "2"])));
}

#[test]
fn big_bodies_stream_both_ways() {
    let bed = Bed::start();
    let big = get(&bed, "/big?bytes=5000000").expect(200);
    assert_eq!((big.header("content-length"), big.body.len()), (Some("5000000"), 5_000_000));
    assert_eq!(get(&bed, "/big").expect(200).body.len(), 0);
    let sunk = send(&bed.origin, "POST", "/sink", &[], &vec![7; 3_000_000]).unwrap().expect(200);
    assert_eq!(sunk["bytes"], 3_000_000);
}

#[test]
fn a_web_socket_says_everything_back() {
    let bed = Bed::start();
    let mut stream = TcpStream::connect(&bed.origin).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        bed.origin
    );
    stream.write_all(handshake.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    // A masked text frame with mask 0, and its echo without one.
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).unwrap();
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame, [0x81, 2, b'h', b'i']);
    assert_eq!(seen(&bed)[0]["status"], 101);
}

#[test]
fn everything_that_arrives_is_counted() {
    let bed = Bed::start();
    get(&bed, "/api/joke?x=1");
    send(&bed.origin, "HEAD", "/api/joke", &[("payment", "abc")], b"").unwrap().expect(200);
    get(&bed, "/nothing").expect(404);
    get(&bed, "/status/500").expect(500);
    let seen_now = seen(&bed);
    let told: Vec<Value> = seen_now
        .iter()
        .map(|one| json!([one["method"], one["path"], one["status"], one["served"], one["content"]]))
        .collect();
    assert_eq!(
        told,
        [
            json!(["GET", "/api/joke?x=1", 200, true, "joke"]),
            json!(["HEAD", "/api/joke", 200, true, "joke"]),
            json!(["GET", "/nothing", 404, false, null]),
            json!(["GET", "/status/500", 500, false, "status"]),
        ]
    );
    assert!(seen_now[1]["headers"].as_array().unwrap().contains(&json!(["payment", "abc"])));
    let count = get(&bed, "/_origin/count");
    assert_eq!((&count["total"], &count["served"]), (&json!(4), &json!(2)));

    let settings = |record: bool| {
        let order = json!({ "record": record }).to_string();
        send(&bed.origin, "POST", "/_origin/settings", &[], order.as_bytes()).unwrap().expect(200);
    };
    settings(false);
    get(&bed, "/api/joke");
    assert_eq!(seen(&bed).len(), 4);
    assert_eq!(get(&bed, "/_origin/count")["total"], 5, "counted even when not recorded");
    settings(true);
    send(&bed.origin, "POST", "/_origin/reset", &[], b"").unwrap().expect(200);
    assert_eq!((seen(&bed).len(), get(&bed, "/_origin/count")["total"].clone()), (0, json!(0)));
}

#[test]
fn a_request_under_way_is_in_the_record() {
    let bed = Bed::start();
    std::thread::scope(|scope| {
        scope.spawn(|| get(&bed, "/slow?ms=500"));
        bed.until("the request", |bed| seen(bed).len() == 1);
        assert_eq!(seen(&bed)[0]["status"], json!(null));
    });
    assert_eq!(seen(&bed)[0]["status"], 200);
}
