//! `testbed`: the Stripe double and the demo origin as one program.
//!
//! It prints one line when both accept connections, and ends on SIGINT, SIGTERM, or, if asked, when its standard
//! input closes.

use std::env;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::str::FromStr;

use stripe402_testbed::{Options, Testbed};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

const USAGE: &str = "usage: testbed [--stripe-port 8420] [--origin-port 8421] [--publishable-key-tokenization] \
[--exit-with-stdin]\n\nThe ports can also be set by STRIPE_PORT and ORIGIN_PORT; 0 takes a free one.";

/// What the command line and the environment ask for.
struct Arguments {
    options: Options,
    exit_with_stdin: bool,
}

fn main() -> ExitCode {
    let arguments = match arguments(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("testbed: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("testbed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // The handlers are set before the line is printed, so that a signal sent on seeing it ends us in good order.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let input_closed = input_closed(arguments.exit_with_stdin);
        let testbed = Testbed::start(arguments.options)?;
        let mut out = io::stdout();
        writeln!(out, "ready stripe {} origin {}", testbed.stripe_url(), testbed.origin_url())?;
        out.flush()?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = input_closed => {}
        }
        Ok(())
    })
}

/// Resolves when standard input ends; never, if nobody asked.
async fn input_closed(wanted: bool) {
    if !wanted {
        return std::future::pending().await;
    }
    let (closed, wait) = oneshot::channel();
    std::thread::spawn(move || {
        let mut sink = [0_u8; 256];
        let mut input = io::stdin();
        while matches!(input.read(&mut sink), Ok(read) if read > 0) {}
        closed.send(())
    });
    // The sender is dropped only after it has sent: both results mean that the input is at its end.
    let _ended = wait.await;
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut options = Options {
        stripe_port: from_environment("STRIPE_PORT", 8420)?,
        origin_port: from_environment("ORIGIN_PORT", 8421)?,
        publishable_key_tokenization: false,
    };
    let mut exit_with_stdin = false;
    while let Some(word) = words.next() {
        let (flag, inline) = match word.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        let mut port = || -> Result<u16, String> {
            let value = inline.clone().or_else(|| words.next()).ok_or(format!("{flag} needs a port"))?;
            number(&flag, &value)
        };
        match flag.as_str() {
            "--stripe-port" => options.stripe_port = port()?,
            "--origin-port" => options.origin_port = port()?,
            "--publishable-key-tokenization" => options.publishable_key_tokenization = true,
            "--exit-with-stdin" => exit_with_stdin = true,
            _ => return Err(format!("unknown argument {flag}")),
        }
    }
    Ok(Arguments { options, exit_with_stdin })
}

fn from_environment(name: &str, default: u16) -> Result<u16, String> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => number(name, &value),
        _ => Ok(default),
    }
}

fn number(name: &str, value: &str) -> Result<u16, String> {
    u16::from_str(value).map_err(|_| format!("{name} is not a port: {value}"))
}
