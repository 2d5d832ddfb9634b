//! What a person sees in a browser: the paywall and the account, as HTML. No logic about money.
//!
//! Kept true here: whatever comes from the configuration or the request is escaped by the template; a page runs the
//! scripts and styles of its own nonce and Stripe's, nothing else; no other page may frame it.

mod account;
mod paywall;

use std::fmt::Write as _;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use stripe402_core::config::{Mode, Settings};

pub use account::account;
pub use paywall::{Refusal, paywall};

/// Stripe's own address of Stripe.js, of the release that goes with our API version.
const STRIPE_JS: &str = "https://js.stripe.com/dahlia/stripe.js";
const STRIPE_API: &str = "https://api.stripe.com";

// Minified by `make build`, otherwise without comments and indentation: see build.rs.
const STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/page.css"));
const PAY: &str = include_str!(concat!(env!("OUT_DIR"), "/pay.js"));
const ACCOUNT: &str = include_str!(concat!(env!("OUT_DIR"), "/account.js"));

/// The accent where the operator names none.
const ACCENT: &str = "#4f46e5";

/// A page, and the policy that it has to be sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The HTML.
    pub html: String,
    /// The `content-security-policy`.
    pub policy: String,
}

/// What goes around a page.
struct Frame<'a> {
    settings: &'a Settings,
    host: &'a str,
    nonce: &'a str,
    title: &'a str,
    script: &'static str,
    /// Whether cards are asked for: then Stripe.js is loaded.
    pays: bool,
    wide: bool,
}

impl Frame<'_> {
    fn page(&self, main: &Markup) -> Page {
        let look = &self.settings.paywall;
        let (nonce, name) = (self.nonce, look.name.as_deref().unwrap_or(self.host));
        let color = look.color.as_deref().unwrap_or(ACCENT);
        let on_color = if is_light(color) { "#111" } else { "#fff" };
        let html = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    title { (self.title) " · " (name) }
                    link rel="icon" href="data:,";
                    style nonce=(nonce) {
                        (PreEscaped(STYLE)) ":root{--accent:" (color) ";--on-accent:" (on_color) "}"
                    }
                    @if self.pays { script src=(self.stripe_js()) defer nonce=(nonce) {} }
                }
                body class=[self.wide.then_some("wide")] {
                    header {
                        @if let Some(logo) = &look.logo { img src=(logo) alt="" height="32"; }
                        span { (name) }
                        @if self.settings.mode == Mode::Test { b class="tag" { "Test mode" } }
                    }
                    (main)
                    footer {
                        span { "Cards are handled by Stripe." }
                        @if self.pays { a href="/.well-known/stripe402/account" { "Your account" } }
                        @if let Some(url) = &look.support_url { a href=(url) rel="noopener" { "Support" } }
                        @if let Some(url) = &look.terms_url { a href=(url) rel="noopener" { "Terms" } }
                    }
                    @if !self.script.is_empty() {
                        script type="module" nonce=(nonce) { (PreEscaped(self.script)) }
                    }
                }
            }
        };
        Page { html: html.into_string(), policy: self.policy() }
    }

    /// The testbed stands in for Stripe where the configuration says so (never with a live key).
    fn stripe_js(&self) -> String {
        match self.settings.stripe_api_base.as_str() {
            STRIPE_API => STRIPE_JS.to_owned(),
            base => format!("{base}/dahlia/stripe.js"),
        }
    }

    /// Stripe's list (<https://docs.stripe.com/security/guide#content-security-policy>), our own nonce, the logo, and
    /// nothing else.
    fn policy(&self) -> String {
        let nonce = self.nonce;
        let mut policy = format!(
            "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; style-src 'nonce-{nonce}'"
        );
        let logo = self.settings.paywall.logo.as_deref().map_or("", crate::gate::path::origin_of);
        let _ = write!(policy, "; img-src data: {logo}");
        if !self.pays {
            let _ = write!(policy, "; script-src 'nonce-{nonce}'; connect-src 'self'");
        } else if self.settings.stripe_api_base == STRIPE_API {
            let _ = write!(
                policy,
                "; script-src 'nonce-{nonce}' https://js.stripe.com https://*.js.stripe.com; connect-src 'self' \
                 https://api.stripe.com; frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com"
            );
        } else {
            let base = crate::gate::path::origin_of(&self.settings.stripe_api_base);
            let _ = write!(policy, "; script-src 'nonce-{nonce}' {base}; connect-src 'self' {base}");
        }
        policy
    }
}

/// Whether black is easier to read on a colour than white: by its luminance, with a gamma of two.
fn is_light(color: &str) -> bool {
    let mut digits = color.chars().filter_map(|digit| digit.to_digit(16));
    let mut sum = 0_u32;
    for weight in [2126, 7152, 722] {
        let high = digits.next().unwrap_or(0).saturating_mul(16);
        let value = high.saturating_add(digits.next().unwrap_or(0));
        sum = sum.saturating_add(value.saturating_mul(value).saturating_mul(weight) / 10_000);
    }
    sum > 255 * 255 * 21 / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_on_a_colour_can_be_read() {
        for dark in ["#4f46e5", "#000000", "#b3261e", "#666666"] {
            assert!(!is_light(dark), "{dark}");
        }
        for light in ["#ffffff", "#ffd60a", "#7ee787", "#0a7cff", "#f5a623", "#999999"] {
            assert!(is_light(light), "{light}");
        }
    }

    #[test]
    fn styles_and_scripts_are_small_and_hold_nothing_that_ends_them() {
        let sizes = [STYLE, PAY, ACCOUNT].map(str::len);
        assert!(sizes.iter().sum::<usize>() < 30_000, "{sizes:?}");
        for text in [STYLE, PAY, ACCOUNT] {
            assert!(!text.contains("</") && !text.contains("<!--"), "would end its element");
            assert!(!text.contains("\n//") && !text.contains("\n "), "comments and indentation were left in");
        }
    }
}
