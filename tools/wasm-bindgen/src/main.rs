//! The `wasm-bindgen` command line, from the version in this workspace's `Cargo.lock`.
//!
//! `wasm-bindgen` refuses a module that another version of its macro made, so the tool and the library are
//! pinned by one lock file. `cargo install wasm-bindgen-cli` would bring a lock file of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    match wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}
