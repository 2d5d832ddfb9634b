//! What most tests here start from.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest_middleware::ClientWithMiddleware;
use serde_json::json;
use stripe402_client::protocol::{Currency, Units};
use stripe402_client::{Outcome, Paying};
use stripe402_e2e::{Config, Layout, Paywall};

/// What is for sale.
pub(crate) fn config() -> Config {
    let routes = json!({
        "GET /api/joke": { "amount": 100, "description": "Random joke" },
        "POST /echo": { "amount": 100 },
        "GET /lax/api/weather": { "amount": 30_000 },
        "GET /status/:code": { "amount": 100 },
    });
    Config::new().var("ROUTES", routes).var("STRIPE_PUBLISHABLE_KEY", "pk_test_testbed")
}

/// The paywall that most tests visit, each with a card of its own.
pub(crate) fn shared() -> &'static Paywall {
    static SHARED: LazyLock<Paywall> = LazyLock::new(|| Paywall::start_raw(config(), Layout::new()));
    &SHARED
}

/// A URL there.
pub(crate) fn url(paywall: &Paywall, target: &str) -> String {
    format!("http://{}{target}", paywall.address())
}

pub(crate) fn units(value: i64) -> Units {
    Units::new(value).unwrap()
}

/// A hundred units: what most things cost here.
pub(crate) const USD: Currency = Currency::USD;

/// A client that pays.
pub(crate) fn client(paying: &Paying) -> ClientWithMiddleware {
    paying.client(reqwest::Client::builder()).unwrap()
}

/// What became of a request.
pub(crate) fn outcome(answer: &reqwest::Response) -> Outcome {
    answer.extensions().get::<Outcome>().expect("every answer says what became of it").clone()
}

/// A folder for the time of a test.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("stripe402-client-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The command `stripe402`, as somebody runs it whose files are in a folder.
pub(crate) fn command(home: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stripe402-under-test"));
    command.args(arguments).env_clear().env("STRIPE402_HOME", home.path()).stdin(Stdio::null());
    command
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command.
pub(crate) fn runs(home: &Folder, arguments: &[&str]) -> Said {
    said(command(home, arguments).output().unwrap())
}

pub(crate) fn said(output: Output) -> Said {
    Said {
        exit: output.status.code().expect("it ended by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
