//! The program as an operator calls it: arguments, exit codes, and what it prints.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Output};

/// A server that asks for money on `/api/joke` as it is written, and on every other path that has a joke in it if
/// `closed`.
fn server(closed: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            let _ = lines.take_while(|line| !line.is_empty()).count();
            let plain = first.contains(" /api/joke ");
            let (status, header, body) = match first.to_ascii_lowercase().contains("joke") {
                true if plain || closed => (402, "payment-required: e30=\r\n", "pay"),
                true => (200, "", "a joke"),
                false => (404, "", "none"),
            };
            let length = body.len();
            let _ = write!(stream, "HTTP/1.1 {status} X\r\n{header}content-length: {length}\r\n\r\n{body}");
        }
    });
    url
}

fn check(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, .. } =
        Command::new(env!("CARGO_BIN_EXE_check-bypass")).args(arguments).output().unwrap();
    (status.code(), String::from_utf8_lossy(&stdout).into_owned())
}

#[test]
fn it_fails_where_something_gets_through_and_says_what() {
    let (code, said) = check(&[&server(false), "GET /api/joke", "--rate", "100000"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("GOT THROUGH encoded slash → 200: GET /api%2fjoke (as GET /api/joke)"), "{said}");
    let (code, said) = check(&[&server(true), "GET /api/joke", "--rate", "100000"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("bypasses 0 ("), "{said}");
}

#[test]
fn a_path_that_costs_nothing_is_no_proof() {
    let (code, said) = check(&[&server(true), "GET /api/free", "--rate", "100000", "--most", "50"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("NOT PRICED  GET /api/free: answered 404"), "{said}");
}

#[test]
fn without_paths_it_reads_the_routes_of_a_configuration() {
    let file = std::env::temp_dir().join(format!("stripe402-check-bypass-{}.toml", std::process::id()));
    let text = "[vars.ROUTES]\n\"GET /api/joke\" = { amount = 1 }\n\"GET /api/free\" = { amount = 0 }\n\
                [env.staging.vars]\nROUTES_MORE = '{\"POST /api/joke/:id\":{\"price\":\"0.1\"}}'\n";
    std::fs::write(&file, text).unwrap();
    let config = file.to_str().unwrap();
    let url = server(true);
    let (code, said) = check(&[&url, "--config", config, "--rate", "100000", "--most", "50"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(": GET /api/joke\n"), "{said}");
    let (code, said) =
        check(&[&url, "", "--config", config, "--env", "staging", "--rate", "100000", "--most", "50"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(": POST /api/joke/1\n") && said.contains("were left out"), "{said}");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn what_cannot_be_tried_is_an_error_of_its_own() {
    for arguments in [
        &[][..],
        &["ftp://x"],
        &["http://127.0.0.1:1", "/no/method"],
        &["http://127.0.0.1:1", "GET /a", "--most"],
        &["http://127.0.0.1:1", "GET /a", "--unknown"],
        &["http://127.0.0.1:1", "--config", "/nonexistent.toml"],
        &["http://127.0.0.1:1", "GET /a", "--rate", "100000"],
    ] {
        let (code, said) = check(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
    }
}
