//! The program `testbed`: its line, its ports, its end.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use stripe402_testbed::{Options, Testbed};

use crate::client::send;

fn start(arguments: &[&str]) -> (Child, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_testbed"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["ready", "stripe", stripe, "origin", origin] = words[..] else { panic!("{line}") };
    let address = |url: &str| url.strip_prefix("http://").unwrap().to_owned();
    let addresses = (address(stripe), address(origin));
    (child, addresses.0, addresses.1)
}

#[track_caller]
fn ends_well(mut child: Child) {
    let end = Instant::now() + Duration::from_secs(5);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "still running");
        thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{status}");
}

#[test]
fn it_says_where_it_listens_and_ends_with_its_input() {
    let (mut child, stripe, origin) = start(&["--stripe-port", "0", "--origin-port=0", "--exit-with-stdin"]);
    assert!(stripe.starts_with("127.0.0.1:") && origin.starts_with("127.0.0.1:"));
    send(&stripe, "GET", "/_testbed/health", &[], b"").unwrap().expect(200);
    send(&origin, "GET", "/api/health", &[], b"").unwrap().expect(200);
    drop(child.stdin.take());
    ends_well(child);
}

#[test]
fn it_ends_on_sigterm_and_sigint() {
    for signal in ["TERM", "INT"] {
        let (child, ..) = start(&["--stripe-port=0", "--origin-port=0", "--publishable-key-tokenization"]);
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        ends_well(child);
    }
}

#[test]
fn wrong_arguments_and_taken_ports_are_errors() {
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_testbed")).args(arguments).stdin(Stdio::null()).output().unwrap()
    };
    assert_eq!(run(&["--nonsense"]).status.code(), Some(2));
    assert_eq!(run(&["--stripe-port", "many"]).status.code(), Some(2));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_eq!(run(&["--stripe-port", &port, "--origin-port", "0"]).status.code(), Some(1));
}

#[test]
fn dropping_the_testbed_frees_its_ports() {
    let testbed = Testbed::start(Options::default()).unwrap();
    let address = testbed.stripe_url().strip_prefix("http://").unwrap().to_owned();
    send(&address, "GET", "/_testbed/health", &[], b"").unwrap().expect(200);
    drop(testbed);
    let end = Instant::now() + Duration::from_secs(5);
    while TcpListener::bind(&address).is_err() {
        assert!(Instant::now() < end, "the port is still taken");
        thread::sleep(Duration::from_millis(20));
    }
}
