//! The command line: what was written ([`args`]), within which limits ([`config`]), and one module per command.
//!
//! A part of the library only so that tests have the program without a second build.

#![allow(clippy::disallowed_methods, reason = "a program of the payer's machine, with a clock")]

mod args;
mod balance;
mod books;
mod card;
mod check;
mod config;
mod doctor;
mod exit;
mod money;
mod quote;
mod request;
mod say;
mod shell;

use args::{Args, Command};
use clap::Parser;
use exit::{Exit, Failed};
use say::Say;
use std::process::ExitCode;

/// Runs the command, and gives its exit code.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let say = Say::new(args.json, args.quiet);
    crate::middleware::provide_tls();
    let exit = match run(args, say) {
        Ok(exit) => exit,
        Err(failed) => {
            say.failed(&failed);
            failed.exit
        }
    };
    ExitCode::from(exit.code())
}

fn run(args: Args, say: Say) -> Result<Exit, Failed> {
    let config = || config::Config::load(args.config.as_deref());
    match args.command {
        Command::Check(check) => return check::run(&check, say),
        Command::Config(command) => return books::run(&command, args.config.as_deref(), say),
        Command::Completions { shell } => return shell::completions(shell),
        Command::Man => return shell::man(),
        _ => {}
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(
            |error| Failed::new(Exit::Local, format!("the program cannot start its threads: {error}")),
        )?;
    runtime.block_on(async {
        match args.command {
            Command::Get { url, request, pay } => {
                request::run("GET", &url, &request, &pay, &config()?, say).await
            }
            Command::Post { url, request, pay } => {
                request::run("POST", &url, &request, &pay, &config()?, say).await
            }
            Command::Request { url, method, request, pay } => {
                request::run(&method, &url, &request, &pay, &config()?, say).await
            }
            Command::Quote { url, method, request } => {
                quote::run(&method, &url, &request, &config()?, say).await
            }
            Command::Balance { url, currency } => {
                balance::balance(&url, currency.as_deref(), &config()?, say).await
            }
            Command::Statement { url, page } => balance::statement(&url, &page, &config()?, say).await,
            Command::Doctor { url, tokenization } => doctor::run(&url, tokenization, say).await,
            Command::Check(_) | Command::Config(_) | Command::Completions { .. } | Command::Man => {
                Ok(Exit::Ok)
            }
        }
    })
}
