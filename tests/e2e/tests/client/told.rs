//! What the command says of money that moved, or may have moved: nothing is called unpaid that was paid.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use stripe402_client::protocol::PAYMENT;

use crate::given::{Folder, runs};
use crate::liars::asks;
use crate::redirects::leads_on;
use crate::scripted::{Scripted, answer};

#[test]
fn a_charge_that_may_have_happened_counts_and_is_never_called_a_refusal() {
    let (home, tries) = (Folder::new(), AtomicUsize::new(0));
    let server = Scripted::start(move |asked| match asked.header(PAYMENT) {
        None => asks(&json!({}), None),
        Some(_) if tries.fetch_add(1, Ordering::SeqCst) == 0 => answer(503, &["retry-after: 1"], "{}"),
        Some(_) => answer(
            429,
            &["retry-after: 60"],
            r#"{"success":false,"creditsRemaining":0,"clientId":"","error":"Too many; nothing was charged."}"#,
        ),
    });
    let said = runs(&home, &["get", &server.url(), "--payment-method", "pm_a"]);
    assert!(said.exit == 7 && said.err.contains("nobody knows yet"), "{said:?}");
    assert!(said.err.contains("the last try was answered 429: Too many"), "{said:?}");
    let shown = runs(&home, &["config", "show"]);
    assert!(shown.out.contains("charges in a day: at most $50.00 in all, $5.00 so far"), "{shown:?}");
}

#[test]
fn what_was_paid_before_a_redirect_is_told() {
    let home = Folder::new();
    let dear = Scripted::start(|_| asks(&json!({}), None));
    let sold = leads_on(dear.url());
    let get = ["get", &sold.url(), "--payment-method", "pm_a"];
    let stopped = runs(&home, &get);
    assert_eq!(stopped.exit, 1, "{stopped:?}");
    let words = "stripe402: paid $0.01; the card was charged $5.00; $0.09 left; the redirect that this paid for was not \
                 followed: ";
    assert!(stopped.err.starts_with(words) && stopped.err.contains("redirect: "), "{stopped:?}");
    let stopped = runs(&home, &[&get[..], &["--json"]].concat());
    let object: Value = serde_json::from_str(&stopped.out).unwrap();
    assert_eq!((stopped.exit, &object["status"]), (1, &json!(303)));
    assert_eq!(object["payment"]["outcome"], "paid");
    assert!(object["payment"]["notFollowed"].as_str().is_some_and(|why| why.contains("redirect: ")));
    let free = Scripted::with_headers(&[]);
    let followed = runs(&Folder::new(), &["get", &leads_on(free.url()).url(), "--payment-method", "pm_a"]);
    assert!(followed.exit == 0 && followed.err.contains("the card was charged $5.00"), "{followed:?}");
}

#[test]
fn without_a_configuration_a_flag_opens_no_charge_without_a_bound() {
    let home = Folder::new();
    let euros = json!({"currency": "eur", "minTopUp": 99_990_000});
    let dear = Scripted::start(move |_| asks(&euros, None));
    let get = ["get", &dear.url(), "--payment-method", "pm_a", "--max-price", "0.05eur"];
    let refused = runs(&home, &get);
    assert!(refused.exit == 2 && refused.err.contains("--max-top-up in eur"), "{refused:?}");
    let refused = runs(&home, &[&get[..], &["--max-top-up", "20eur"]].concat());
    assert!(refused.exit == 6 && refused.err.contains("max-top-up: "), "{refused:?}");
    assert!(dear.asked().iter().all(|asked| asked.header(PAYMENT).is_none()));
}

#[test]
fn a_connection_that_breaks_with_the_payment_on_it_is_no_mere_failure() {
    let home = Folder::new();
    let server = Scripted::start(|asked| match asked.header(PAYMENT) {
        None => asks(&json!({}), None),
        Some(_) => Vec::new(),
    });
    let said = runs(&home, &["post", &server.url(), "-d", "x", "--payment-method", "pm_a"]);
    assert!(said.exit == 7 && said.err.contains("nobody knows yet whether it was made"), "{said:?}");
    let shown = runs(&home, &["config", "show"]);
    assert!(shown.out.contains("charges in a day: at most $50.00 in all, $5.00 so far"), "{shown:?}");
    let mute = Scripted::start(|_| Vec::new());
    let said = runs(&home, &["post", &mute.url(), "-d", "x", "--payment-method", "pm_a"]);
    assert!(said.exit == 3 && !said.err.contains("nobody knows"), "{said:?}");
}
