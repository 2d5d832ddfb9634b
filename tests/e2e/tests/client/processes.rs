//! Several processes with one file: budgets hold across them.

use std::process::Stdio;

use crate::given::{Folder, command, runs, shared, url};

#[test]
fn a_budget_holds_across_processes_that_run_at_once() {
    let (paywall, home) = (shared(), Folder::new());
    let card = paywall.stripe().card("processes");
    let joke = url(paywall, "/api/joke?processes");
    let pay = ["get", &joke, "-q", "--budget", "0.04", "--payment-method", card.method.as_str()];
    assert_eq!(runs(&home, &pay).exit, 0);
    let running: Vec<_> = (0..8)
        .map(|_| command(&home, &pay).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
        .collect();
    let mut exits: Vec<_> =
        running.into_iter().map(|mut child| child.wait().unwrap().code().unwrap()).collect();
    exits.sort_unstable();
    assert_eq!(exits, [0, 0, 0, 6, 6, 6, 6, 6], "one cent was spent, three are left");
    let served = paywall.origin().arrived().iter().filter(|one| one.target.ends_with("?processes")).count();
    assert_eq!(served, 4);
    assert_eq!(paywall.stripe().charges(&card).len(), 1);
}

#[test]
fn a_process_that_is_killed_while_it_pays_has_spent() {
    use crate::liars::asks;
    use crate::scripted::{Scripted, answer};
    use serde_json::json;
    use std::time::Duration;
    use stripe402_client::protocol::PAYMENT;

    let home = Folder::new();
    let server = Scripted::start(|asked| {
        if asked.header(PAYMENT).is_none() {
            return asks(&json!({}), None);
        }
        std::thread::sleep(Duration::from_secs(5));
        answer(200, &[], "late")
    });
    let url = server.url();
    let pay = ["get", &url, "-q", "--budget", "0.01", "--payment-method", "pm_card_visa"];
    let mut child = command(&home, &pay).spawn().unwrap();
    stripe402_e2e::wait_for(
        Duration::from_secs(20),
        || "the payment to be sent".to_owned(),
        || server.asked().iter().any(|asked| asked.header(PAYMENT).is_some()).then_some(()),
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let next = runs(&home, &pay);
    assert_eq!(next.exit, 6, "{next:?}");
    assert!(next.err.contains("budget: the price is $0.01; $0.01 of $0.01"), "{next:?}");
}
