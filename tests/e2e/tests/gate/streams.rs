//! Connections that stay: WebSockets, events, and clients that leave before the end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::json;
use stripe402_core::protocol::{PaymentResponse, decode};
use stripe402_e2e::{Config, Layout, Paywall, Request};

use crate::given::{config, sends};

/// What an origin that keeps its connections open has seen.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Asked,
    Gone,
}

/// An origin that answers nothing, or one event after the other, until it is left alone.
fn patient(begins: bool) -> (SocketAddr, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(&stream);
                let head = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
                if head.count() == 0 {
                    return;
                }
                drop(sender.send(Seen::Asked));
                if begins {
                    let head =
                        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                    (&stream).write_all(head.as_bytes()).unwrap();
                    let until = Instant::now() + Duration::from_secs(30);
                    while (&stream).write_all(b"data: x\n\n").is_ok() && Instant::now() < until {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                } else {
                    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                    let left = reader.read(&mut [0; 1]);
                    assert!(matches!(left, Ok(0) | Err(_)), "{left:?}");
                }
                drop(sender.send(Seen::Gone));
            });
        }
    });
    (address, receiver)
}

fn seen(receiver: &Receiver<Seen>) -> Option<Seen> {
    receiver.recv_timeout(Duration::from_secs(10)).ok()
}

#[test]
fn a_client_that_leaves_takes_its_request_to_the_origin_with_it() {
    for begins in [false, true] {
        let (origin, receiver) = patient(begins);
        let mut paywall =
            Paywall::start_raw(config().var("ORIGIN_URL", format!("http://{origin}")), Layout::new());
        let card = paywall.stripe().card("leaves");
        for request in [Request::get("/free"), Request::get("/paid/x").payment(card.pays())] {
            let left = if begins {
                let mut incoming = request.open(paywall.address()).unwrap();
                let mut first = [0; 9];
                incoming.read_exact(&mut first).unwrap();
                assert_eq!(&first, b"data: x\n\n");
                assert_eq!(seen(&receiver), Some(Seen::Asked));
                let began = Instant::now();
                drop(incoming);
                began
            } else {
                let socket = request.only_sends(paywall.address()).unwrap();
                assert_eq!(seen(&receiver), Some(Seen::Asked));
                let began = Instant::now();
                // A reset: raw workerd, which has Cloudflare's edge before it, takes a mere end for all that was said.
                socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
                drop(socket);
                began
            };
            assert_eq!(seen(&receiver), Some(Seen::Gone), "begins {begins}: the origin works on for nobody");
            assert!(left.elapsed() < Duration::from_secs(5), "begins {begins}: after {:?}", left.elapsed());
        }
        paywall.kill();
    }
}

#[test]
fn an_origin_that_takes_too_long_is_a_504_is_left_alone_and_is_not_paid() {
    let (origin, receiver) = patient(false);
    let config = config().var("ORIGIN_URL", format!("http://{origin}")).var("ORIGIN_TIMEOUT_MS", 700);
    let paywall = Paywall::start_raw(config, Layout::new());
    let card = paywall.stripe().card("too_long");
    for (request, paid) in
        [(Request::get("/free"), false), (Request::get("/paid/x").payment(card.pays()), true)]
    {
        let began = Instant::now();
        let answer = sends(&paywall, request);
        assert_eq!((answer.status, answer.header("cache-control")), (504, Some("no-store")));
        assert!(began.elapsed() >= Duration::from_millis(600), "{:?}", began.elapsed());
        assert_eq!((seen(&receiver), seen(&receiver)), (Some(Seen::Asked), Some(Seen::Gone)));
        if paid {
            let receipt = answer.receipt();
            assert_eq!((receipt.success, receipt.credits_remaining.get()), (false, 50_000));
        }
    }
}

#[test]
fn the_timeout_is_for_the_headers_and_not_for_what_follows() {
    let config = config_of_the_demo().var("ORIGIN_TIMEOUT_MS", 300);
    let paywall = Paywall::start_raw(config, Layout::new());
    let card = paywall.stripe().card("long_stream");
    let answer = sends(&paywall, Request::get("/stream?events=4&ms=300").payment(card.pays()));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text().matches("data: ").count(), 4);
}

fn config_of_the_demo() -> Config {
    Config::new().var("ROUTES", json!({ "GET /stream": { "amount": 100 }, "GET /ws": { "amount": 100 } }))
}

#[test]
fn events_are_passed_on_as_they_come() {
    let paywall = Paywall::start_raw(config_of_the_demo(), Layout::new());
    let card = paywall.stripe().card("events");
    for target in ["/stream?events=3&ms=400", "/lax/stream?events=3&ms=400"] {
        let incoming = Request::get(target).payment(card.pays()).open(paywall.address()).unwrap();
        assert_eq!(incoming.headers.get("content-type"), Some("text/event-stream"), "{target}");
        let times: Vec<_> = BufReader::new(incoming)
            .lines()
            .map_while(Result::ok)
            .filter(|line| line.starts_with("data: "))
            .map(|_| Instant::now())
            .collect();
        assert_eq!(times.len(), 3, "{target}");
        assert!(times[2] - times[0] > Duration::from_millis(500), "{target}: something waited for the end");
    }
}

fn handshake(payment: &str) -> Request {
    // The key and its answer are those of RFC 6455, section 1.3.
    Request::get("/ws")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .payment(payment)
}

/// Sends a word in a frame masked with nothing but zeros, and reads the echo.
fn echo(stream: &mut BufReader<TcpStream>, word: &str) -> Vec<u8> {
    let length = u8::try_from(word.len()).unwrap();
    stream.get_mut().write_all(&[&[0x81, 0x80 | length, 0, 0, 0, 0], word.as_bytes()].concat()).unwrap();
    let mut echo = vec![0; 2 + word.len()];
    stream.read_exact(&mut echo).unwrap();
    echo.split_off(2)
}

#[test]
fn a_web_socket_is_charged_once_at_its_handshake() {
    let paywall = Paywall::start_raw(config_of_the_demo(), Layout::new());
    let card = paywall.stripe().card("web_socket");
    assert_eq!(handshake("").open(paywall.address()).unwrap().status, 402);
    assert_eq!(paywall.origin().arrived(), []);
    for (nth, payment) in (1..).zip([card.pays(), card.spends()]) {
        let incoming = handshake(&payment).open(paywall.address()).unwrap();
        assert_eq!(incoming.status, 101);
        let receipt: PaymentResponse = decode(incoming.headers.get("payment-response").unwrap()).unwrap();
        assert_eq!((receipt.success, receipt.credits_remaining.get()), (true, 50_000 - 100 * nth));
        let mut stream = incoming.switched();
        for word in ["one", "two", "three"] {
            assert_eq!(echo(&mut stream, word), word.as_bytes());
        }
    }
    // An upgrade that is none, on a route that has one.
    let plain = sends(&paywall, Request::get("/ws").header("upgrade", "websocket").payment(card.spends()));
    assert!(plain.status >= 400, "{plain:?}");
    let arrived = paywall.origin().arrived();
    assert!(arrived.iter().all(|one| one.header("payment").is_none()));
}
