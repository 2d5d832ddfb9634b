//! `stripe402`: pays for HTTP requests from the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    stripe402_client::cli::main()
}
