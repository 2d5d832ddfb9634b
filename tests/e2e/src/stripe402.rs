//! The command `stripe402`, for the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    stripe402_client::cli::main()
}
