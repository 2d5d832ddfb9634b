//! Programs in other languages, as their users write them: 402, a payment, the answer, and the credits after that.

use std::path::Path;
use std::process::{Command, Stdio};

use stripe402_e2e::{Layout, Paywall};

use crate::given::config;

/// Runs a client of `tests/clients` against a paywall, and gives what it printed.
fn runs(program: &str, script: &str) -> String {
    let paywall = Paywall::start_raw(config(), Layout::new());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients");
    let output = Command::new(program)
        .arg(folder.join(script))
        .arg(format!("http://{}", paywall.address()))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program} cannot be started ({error}): it is needed for this test"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}{errors}\n{}", paywall.said());
    let arrived = paywall.origin().arrived();
    assert_eq!(arrived.iter().filter(|one| one.served).count(), 2, "{script}: {arrived:?}");
    assert_eq!(arrived.len(), 2, "{script}: what was not paid for went nowhere");
    said
}

/// What each prints: the statuses, the credits after each paid request, and whether a card was charged for it.
const EXPECTED: &str = "402 amount 100\n200 credits 49900 charged\n200 credits 49800\n";

#[test]
fn node_pays_with_fetch() {
    assert_eq!(runs("node", "pay.mjs"), EXPECTED);
}

#[test]
#[ignore = "needs Python, which make test does without: make test-all runs it"]
fn python_pays_with_its_standard_library() {
    assert_eq!(runs("python3", "pay.py"), EXPECTED);
}

#[test]
fn a_shell_pays_with_curl() {
    assert_eq!(runs("sh", "pay.sh"), EXPECTED);
}
