//! The paywall as its payers meet it: the built Worker on real workerd, started by `wrangler dev` on free ports, with
//! the testbed's Stripe behind it and the testbed's origin to witness what came through.
//!
//! - [`Paywall`]: one Worker with a Stripe and an origin of its own; started, stopped, killed, started again.
//! - [`Visitor`]: who asks it. What a visitor caused at the origin is counted in the origin's own log.
//! - [`Card`]: what a visitor pays with. What a card caused at Stripe is counted in Stripe's own log.
//! - [`Group`], [`Folder`], [`serve`]: programs that end when whoever started them does; `make bench` uses them too.
//! - [`http`]: a client that sends the bytes it is told to, and nothing else.
//!
//! Kept true here: only 127.0.0.1; however a test process ends, nothing that it started goes on running.

// A program of the build machine, for tests alone: it stops at the first surprise, and says which it was.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used
)]

mod card;
mod config;
mod group;
pub mod http;
mod origin;
mod paywall;
mod stripe;
pub mod vectors;
mod visitor;
mod workerd;
mod wrangler;

pub use card::Card;
pub use config::Config;
pub use group::{Group, project, watched};
pub use http::{Request, Response};
pub use origin::{Arrived, Origin};
pub use paywall::{Folder, Paywall, first_answer, free_port};
pub use stripe::Stripe;
pub use visitor::Visitor;
pub use workerd::{Layout, serve};

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Waits until something holds, and gives what it found; after `patience` it stops the test with what `describe` says.
pub fn wait_for<T>(
    patience: Duration,
    describe: impl Fn() -> String,
    mut look: impl FnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < patience, "waited {patience:?} in vain: {}", describe());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The databases of all objects, wherever they are below a folder; not the runtime's own about them.
pub fn databases(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry of the folder").path());
    let below = paths.flat_map(|path| if path.is_dir() { databases(&path) } else { vec![path] });
    let ours = |path: &PathBuf| {
        path.extension().is_some_and(|end| end == "sqlite")
            && path.file_stem().is_some_and(|stem| stem.len() == 64)
    };
    below.filter(ours).collect()
}
