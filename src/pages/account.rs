//! The account: a frame that its script fills with the statement, so that there is one source of what it says.

use maud::html;
use stripe402_core::config::Settings;

use super::{ACCOUNT, Frame, Page};

/// The page.
pub fn account(settings: &Settings, origin: &str, nonce: &str) -> Page {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let frame =
        Frame { settings, host, nonce, title: "Your account", script: ACCOUNT, pays: false, wide: true };
    let main = html! {
        main {
            h1 { "Your account" }
            p id="say" class="say bad" role="alert" tabindex="-1" hidden {}
            p id="loading" class="soft" { "Reading your account…" }
            div id="none" hidden {
                p { "This browser has no credits here." }
                p class="soft" {
                    "Credits belong to your card. Pay for a page with it, and what is left of them is there again."
                }
            }
            div id="account" hidden {
                ul id="balances" class="balances" aria-label="Balances" {}
                div id="charts" {}
                div class="row" {
                    h2 { "Statement" }
                    button id="csv" type="button" { "Export as CSV" }
                }
                table aria-label="Statement" {
                    thead { tr { th scope="col" { "What" } th scope="col" { "Amount" } th scope="col" { "Balance" } } }
                    tbody id="rows" {}
                }
                p { button id="more" type="button" hidden { "Show more" } }
                div class="row" {
                    p class="fine" { "On a shared computer, let this browser forget your credits when you leave." }
                    button id="forget" type="button" { "Forget me on this device" }
                }
            }
            noscript { p class="say bad" { "This page needs JavaScript." } }
        }
    };
    frame.page(&main)
}
