//! Bodies of any size pass in constant memory, in both directions: what workerd holds is measured while they do.
//!
//! `STRIPE402_BYTES` says how many bytes (1 GB in `make test-all`); without it enough that a body that was kept would
//! show.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use stripe402_e2e::{Card, Config, Layout, Paywall, Request};

/// How far the memory may move, in bytes.
const LEEWAY: u64 = 20 * 1024 * 1024;
/// What is written or read at a time.
const PIECE: usize = 256 * 1024;

fn bytes() -> u64 {
    std::env::var("STRIPE402_BYTES")
        .ok()
        .map_or(128 * 1024 * 1024, |text| text.parse().expect("a number of bytes"))
}

/// What workerd holds, as the operating system counts it.
fn resident(group: u32) -> u64 {
    let output =
        Command::new("ps").args(["-A", "-o", "pgid=,rss=,comm="]).output().expect("ps can be started");
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let of = |line: &str| {
        let mut words = line.split_whitespace();
        let (pgid, rss) = (words.next()?.parse::<u32>().ok()?, words.next()?.parse::<u64>().ok()?);
        (pgid == group && words.next()?.ends_with("workerd")).then_some(rss * 1024)
    };
    listed.lines().find_map(of).expect("workerd runs")
}

/// Does something, and gives what it gave, with the memory before it and the most while it went on.
fn measured<T>(paywall: &Paywall, work: impl FnOnce() -> T) -> (T, u64, u64) {
    let group = paywall.process_group();
    let before = resident(group);
    let (most, over) = (Arc::new(AtomicU64::new(before)), Arc::new(AtomicBool::new(false)));
    let (seen, told) = (Arc::clone(&most), Arc::clone(&over));
    let watcher = std::thread::spawn(move || {
        while !told.load(Ordering::SeqCst) {
            seen.fetch_max(resident(group), Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let outcome = work();
    over.store(true, Ordering::SeqCst);
    watcher.join().unwrap();
    (outcome, before, most.load(Ordering::SeqCst))
}

/// Past the test's captured output: what was measured is part of the result.
fn tell(what: &str, before: u64, most: u64) {
    let mb = |bytes: u64| bytes / (1024 * 1024);
    let (size, before_mb, most_mb) = (mb(bytes()), mb(before), mb(most));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}: {size} MB streamed, workerd held {before_mb} MB before, at most {most_mb} MB")
        .unwrap();
    assert!(most <= before + LEEWAY, "{what}: the memory grew from {before_mb} to {most_mb} MB");
}

/// Reads all of a big answer; stops reading for a while after the first piece, as a slow client does.
fn downloads(paywall: &Paywall, card: &Card, size: u64) -> u64 {
    let request = Request::get(&format!("/big?bytes={size}")).payment(card.pays());
    let mut incoming = request.open(paywall.address()).unwrap();
    assert_eq!(incoming.status, 200);
    assert!(incoming.headers.get("payment-response").is_some());
    let mut buffer = vec![0; PIECE];
    let mut total = incoming.read(&mut buffer).unwrap() as u64;
    std::thread::sleep(Duration::from_secs(1));
    loop {
        match incoming.read(&mut buffer).unwrap() {
            0 => return total,
            read => total += read as u64,
        }
    }
}

/// Sends a big body, piece by piece; gives the status and the body of the answer.
fn uploads(paywall: &Paywall, card: &Card, size: u64, chunked: bool) -> (String, String) {
    let address = paywall.address();
    let stream = TcpStream::connect(address).unwrap();
    let framing =
        if chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {size}") };
    let payment = card.pays();
    let head = format!(
        "POST /sink HTTP/1.1\r\nhost: {address}\r\n{framing}\r\npayment: {payment}\r\nconnection: close\r\n\r\n"
    );
    (&stream).write_all(head.as_bytes()).unwrap();
    let piece = vec![7; PIECE];
    let mut left = size;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let part = piece.split_at(now).0;
        if chunked {
            (&stream).write_all(format!("{now:x}\r\n").as_bytes()).unwrap();
            (&stream).write_all(part).unwrap();
            (&stream).write_all(b"\r\n").unwrap();
        } else {
            (&stream).write_all(part).unwrap();
        }
        left -= now as u64;
    }
    if chunked {
        (&stream).write_all(b"0\r\n\r\n").unwrap();
    }
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let status = lines.next().unwrap_or_default();
    (status, lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_body_of_any_size_streams_in_constant_memory_in_both_directions() {
    let routes = json!({ "GET /big": { "amount": 100 }, "POST /sink": { "amount": 100 } });
    let paywall = Paywall::start_raw(Config::new().var("ROUTES", routes), Layout::new());
    let card = paywall.stripe().card("gigabyte");
    // What it needs for any body at all, it has taken after the first.
    for _ in 0..2 {
        assert_eq!(downloads(&paywall, &card, 16 * 1024 * 1024), 16 * 1024 * 1024);
        uploads(&paywall, &card, 16 * 1024 * 1024, false);
        uploads(&paywall, &card, 16 * 1024 * 1024, true);
    }
    let size = bytes();

    let (total, before, most) = measured(&paywall, || downloads(&paywall, &card, size));
    assert_eq!(total, size);
    tell("origin to client", before, most);

    for (what, chunked) in [("client to origin", false), ("client to origin, chunked", true)] {
        let ((status, body), before, most) = measured(&paywall, || uploads(&paywall, &card, size, chunked));
        assert!(status.starts_with("HTTP/1.1 200 "), "{status} {body}");
        assert!(body.contains(&format!("{{\"bytes\":{size}}}")), "{body}");
        tell(what, before, most);
    }
}
