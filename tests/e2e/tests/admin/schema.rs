//! The document against the running Worker: schemathesis asks for everything that it describes, and for much that it
//! does not.

use std::process::Command;

use serde_json::json;
use stripe402_e2e::{Folder, Layout, Paywall, project};

use crate::refused::document;
use crate::{TOKEN, config, first_payment};

#[test]
#[ignore = "needs what make test-all installs"]
fn schemathesis_finds_no_answer_that_the_document_does_not_tell() {
    let program = project().join(".tools/python/bin/schemathesis");
    assert!(program.exists(), "schemathesis is not installed: run make test-all");
    let paywall = Paywall::start_raw(config(), Layout::default());
    let card = paywall.stripe().card("schemathesis");
    first_payment(paywall.visitor("schemathesis"), &card);
    // Where it has the choice, it names the client that is there.
    let mut document = document();
    document["components"]["parameters"]["account"]["schema"]["enum"] = json!([card.account.as_str()]);
    document["components"]["schemas"]["Find"]["properties"]["clientId"]["enum"] =
        json!([card.client.as_str()]);
    let folder = Folder::new();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, document.to_string()).expect("a folder can be written to");
    // A valid act under a key that another one has.
    let checks = "[checks.positive_data_acceptance]\nexpected-statuses = [\"2xx\", 401, 404, 409, 422]\n";
    std::fs::write(folder.path().join("schemathesis.toml"), checks).expect("a folder can be written to");
    let output = Command::new(program)
        .current_dir(folder.path())
        .arg("run")
        .arg(file)
        .args(["--url", &format!("http://{}", paywall.address())])
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--seed", "402"])
        .args(["--generation-database", "none", "--no-color", "--request-timeout", "20"])
        .output()
        .expect("schemathesis can be started");
    let said = String::from_utf8_lossy(&output.stdout).replace(card.client.as_str(), "…");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", said.lines().rev().take(12).collect::<Vec<_>>().join("\n"));
}
