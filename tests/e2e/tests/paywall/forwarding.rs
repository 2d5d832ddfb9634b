//! What crosses the paywall on its way to the origin and back, and what does not.

use std::io::{BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

use stripe402_core::protocol::{PaymentResponse, decode};
use stripe402_e2e::Request;

use crate::{assert_paid, shared};

#[test]
fn headers_that_an_origin_could_take_for_ours_or_obey_never_reach_it() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("look-alikes"));
    let card = stripe.card("look_alikes");
    let look_alikes = [
        "payment-context",
        "x-original-url",
        "x-rewrite-url",
        "x-original-uri",
        "x-forwarded-uri",
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "stripe402-anything",
        "Stripe402-Hop",
        "Stripe402-Call",
        "stripe402-",
    ];
    let dress = |mut request: Request| {
        for name in look_alikes {
            request = request.header(name, "/api/weather");
        }
        request.header("x-innocent", "kept").payment(card.pays())
    };

    let paid = visitor.asks(dress(
        Request::get("/api/joke").header("payment-response", "mine").header("payment-required", "mine"),
    ));
    assert_paid(&paid, 49_900);
    assert_eq!(visitor.asks(dress(Request::get("/api/health"))).status, 200);

    let reached = visitor.reached();
    assert_eq!(reached.len(), 2);
    for one in reached {
        for (name, value) in &one.headers {
            // Only we name ourselves there.
            let hop = name == "stripe402-hop" && value != "/api/weather";
            let ours = (name.starts_with("stripe402-") && !hop) || name.starts_with("payment");
            assert!(!ours && !look_alikes.contains(&name.as_str()), "{} got {name}: {value}", one.target);
        }
        assert_eq!(one.header("x-innocent"), Some("kept"));
    }
}

#[test]
fn the_origin_learns_under_which_name_it_was_asked() {
    let visitor = shared().visitor("forwarded-host");
    let request = Request::get("/api/health")
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-forwarded-host", "evil.example");
    assert_eq!(visitor.asks(request).status, 200);
    let reached = visitor.reached();
    assert_eq!(reached[0].header("x-forwarded-host"), Some(shared().address().to_string().as_str()));
    assert_eq!(reached[0].header("x-forwarded-proto"), Some("http"));
    assert_ne!(
        reached[0].header("x-forwarded-for"),
        Some("203.0.113.9"),
        "the client does not choose its address"
    );
}

#[test]
fn a_paid_answer_is_private_and_keeps_the_origins_other_headers() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("private"));
    let card = stripe.card("private");

    let answer = visitor.pays("/cookie", &card.pays());

    assert_paid(&answer, 49_900);
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    assert_eq!(answer.header("vary"), Some("payment"));
    assert_eq!(answer.headers.all("set-cookie"), ["first=1; Path=/", "second=2; Path=/; HttpOnly"]);
    assert_eq!(answer.header("payment-required"), None);

    // A free answer is the origin's own business.
    let free = visitor.gets("/api/health");
    assert_eq!((free.header("cache-control"), free.header("vary")), (None, None));
}

#[test]
fn a_redirect_is_passed_on_not_followed() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("redirect"));
    let card = stripe.card("redirect");
    for (nth, status) in (1..).zip([301, 302, 303, 307, 308]) {
        let answer = visitor.pays(&format!("/redirect?to=/api/weather&status={status}"), &card.pays());
        assert_eq!((answer.status, answer.header("location")), (status, Some("/api/weather")));
        assert!(answer.receipt().success);
        assert_eq!(answer.receipt().credits_remaining.get(), 50_000 - 100 * nth);
    }
    let reached = visitor.reached();
    assert_eq!(reached.len(), 5, "nobody went where it points to");
    assert!(reached.iter().all(|one| one.target.starts_with("/redirect?")));
}

#[test]
fn a_redirect_to_the_origin_itself_leads_to_the_paywall() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("redirect-home"));
    let card = stripe.card("redirect_home");
    let (origin, here) = (shared().origin().url(), format!("http://{}", shared().address()));
    for (nth, (to, location)) in (1..).zip([
        (format!("{origin}/api/weather?x=1"), format!("{here}/api/weather?x=1")),
        (format!("{origin}/"), format!("{here}/")),
        ("https://elsewhere.example/a".to_owned(), "https://elsewhere.example/a".to_owned()),
    ]) {
        let answer = visitor.pays(&format!("/redirect?to={to}"), &card.pays());
        assert_eq!((answer.status, answer.header("location")), (302, Some(location.as_str())));
        assert_eq!(answer.receipt().credits_remaining.get(), 50_000 - 100 * nth);
    }
}

#[test]
fn a_compressed_answer_comes_as_it_was_compressed() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("gzip"));
    let card = stripe.card("gzip");
    let answer = visitor.asks(Request::get("/gzip").header("accept-encoding", "gzip").payment(card.pays()));
    assert_paid(&answer, 49_900);
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.body[..2], [0x1f, 0x8b], "the mark of gzip");
}

#[test]
fn events_arrive_one_by_one_as_the_origin_sends_them() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("events"));
    let card = stripe.card("events");
    let request = Request::get("/stream?events=4&ms=400").payment(card.pays());

    let incoming = visitor.opens(request).unwrap();

    assert_eq!(incoming.status, 200);
    assert_eq!(incoming.headers.get("content-type"), Some("text/event-stream"));
    assert!(incoming.headers.get("payment-response").is_some(), "the receipt comes before the first event");
    let mut seen = Vec::new();
    for line in BufReader::new(incoming).lines().map(Result::unwrap) {
        if let Some(data) = line.strip_prefix("data: ") {
            seen.push((data.to_owned(), Instant::now()));
        }
    }
    let data: Vec<_> = seen.iter().map(|(data, _)| data.as_str()).collect();
    assert_eq!(data, [r#"{"number":0}"#, r#"{"number":1}"#, r#"{"number":2}"#, r#"{"number":3}"#]);
    let apart = seen[3].1 - seen[0].1;
    assert!(
        apart > Duration::from_millis(800),
        "sent over 1.2 s, seen within {apart:?}: something waited for the end"
    );
}

#[test]
fn a_body_larger_than_an_isolates_memory_streams_through() {
    const SIZE: u64 = 160 * 1024 * 1024;
    let (stripe, visitor) = (shared().stripe(), shared().visitor("big"));
    let card = stripe.card("big");

    let mut incoming =
        visitor.opens(Request::get(&format!("/big?bytes={SIZE}")).payment(card.pays())).unwrap();

    assert_eq!(
        (incoming.status, incoming.headers.get("content-length")),
        (200, Some(SIZE.to_string().as_str()))
    );
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        match incoming.read(&mut buffer).unwrap() {
            0 => break,
            read => total += read as u64,
        }
    }
    assert_eq!(total, SIZE);
}

#[test]
fn a_big_upload_streams_to_the_origin() {
    const SIZE: usize = 40 * 1024 * 1024;
    let (stripe, visitor) = (shared().stripe(), shared().visitor("upload"));
    let card = stripe.card("upload");
    let answer = visitor.asks(Request::post("/sink", vec![7; SIZE]).payment(card.pays()));
    assert_paid(&answer, 49_900);
    assert_eq!(answer.json()["bytes"], SIZE);
}

#[test]
fn a_web_socket_is_paid_for_at_its_handshake_and_then_speaks_freely() {
    let (stripe, visitor) = (shared().stripe(), shared().visitor("web-socket"));
    let card = stripe.card("web_socket");
    let handshake = |payment: &str| {
        // The key and its answer are those of RFC 6455, section 1.3.
        Request::get("/ws")
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .payment(payment)
    };
    assert_eq!(visitor.opens(handshake("")).unwrap().status, 402);
    assert_eq!(visitor.reached(), []);

    let incoming = visitor.opens(handshake(&card.pays())).unwrap();

    assert_eq!(incoming.headers.get("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    let receipt: PaymentResponse = decode(incoming.headers.get("payment-response").unwrap()).unwrap();
    assert_eq!((receipt.success, receipt.credits_remaining.get()), (true, 49_900));
    let mut stream = incoming.switched();
    for word in ["eins", "zwei"] {
        // A text frame, masked with nothing but zeros, as a client's must be; the origin's echo comes unmasked.
        let length = u8::try_from(word.len()).unwrap();
        stream.get_mut().write_all(&[&[0x81, 0x80 | length, 0, 0, 0, 0], word.as_bytes()].concat()).unwrap();
        let mut echo = vec![0; 2 + word.len()];
        stream.read_exact(&mut echo).unwrap();
        assert_eq!(echo, [&[0x81, length], word.as_bytes()].concat());
    }
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends()), 49_800), None);
    assert_eq!(visitor.reached().len(), 2);
}
