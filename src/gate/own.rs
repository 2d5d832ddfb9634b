//! The paths that are ours: what they are called and which methods each answers.
//!
//! Kept true here: whatever lies below [`OWN_PREFIX`] is answered by us and never forwarded, known or not.

use super::answer::Answer;

/// Where our own paths live. Never forwarded.
pub const OWN_PREFIX: &str = "/.well-known/stripe402";

/// The paths that are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// The prefix itself: what is for sale.
    Discovery,
    /// `…/health`: what is switched on.
    Health,
    /// `…/webhook`: Stripe's events.
    Webhook,
    /// `…/top-up`: charge a card, debit nothing.
    TopUp,
    /// `…/account`: balances and statement, for programs and for people.
    Account,
    /// `…/account/forget`: this browser's cookies go.
    Forget,
    /// `…/admin` and all below: for the operator. Whoever has the token learns there which paths and methods there are.
    Admin,
}

/// Each path below the prefix, folded, with the methods that it answers.
const PATHS: [(&str, &[&str], Own); 6] = [
    ("", &["GET", "HEAD"], Own::Discovery),
    ("/health", &["GET", "HEAD"], Own::Health),
    ("/webhook", &["POST"], Own::Webhook),
    ("/top-up", &["POST"], Own::TopUp),
    ("/account", &["GET", "HEAD"], Own::Account),
    ("/account/forget", &["POST"], Own::Forget),
];

/// What of a folded path lies below the prefix; none: the path is not ours.
pub(super) fn below_prefix(folded: &str) -> Option<&str> {
    let rest = folded.strip_prefix(OWN_PREFIX)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Whether a path is for clients, so that pages of other hosts may be allowed to ask for it.
pub(super) fn is_for_clients(rest: &str) -> bool {
    matches!(rest, "" | "/top-up" | "/account")
}

/// Which of our paths a request means, or the answer that refuses it. `rest`: what lies below the prefix.
pub(super) fn find(rest: &str, method: &str) -> Result<Own, Answer> {
    if rest == "/admin" || rest.starts_with("/admin/") {
        return Ok(Own::Admin);
    }
    let Some((_, methods, own)) = PATHS.into_iter().find(|(path, ..)| *path == rest) else {
        return Err(not_found());
    };
    if !methods.contains(&method) {
        return Err(not_allowed(&methods.join(", ")));
    }
    Ok(own)
}

/// 405: the path answers these methods.
pub(super) fn not_allowed(methods: &str) -> Answer {
    let detail = format!("This resource answers {methods}.");
    Answer::problem(405, "Method not allowed", &detail).with("allow", methods)
}

/// 404: there is no such path of ours, or it is switched off.
pub fn not_found() -> Answer {
    Answer::problem(404, "Not found", "There is no such resource of stripe402.")
}
