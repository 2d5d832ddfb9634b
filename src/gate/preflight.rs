//! Preflights: which of a browser's questions before a request of another origin's page are ours to answer, and how.
//!
//! Kept true here: no preflight serves anything, and none reaches an origin where its path is priced, except for a request
//! that is free there.

use stripe402_core::config::CorsOrigins;

use super::answer::Answer;
use super::decide::{Facts, Gate, price_of};
use super::path::Target;
use super::route_table::Found;

impl Gate {
    /// Whether an `origin` may read our answers from a page.
    pub fn allows_origin(&self, origin: &str) -> bool {
        match &self.cors {
            CorsOrigins::None => false,
            CorsOrigins::Any => true,
            CorsOrigins::List(list) => list.iter().any(|one| one == origin),
        }
    }

    /// Whether we answer a preflight for a path that is priced.
    pub(super) fn answers_preflight(&self, facts: &Facts<'_>, target: &Target) -> bool {
        self.is_allowed_preflight(facts) && self.table.is_priced_path(&target.folded)
    }

    /// Whether this is a preflight of a page that may read our answers.
    pub(super) fn is_allowed_preflight(&self, facts: &Facts<'_>) -> bool {
        facts.method == "OPTIONS"
            && facts.preflight_for.is_some()
            && facts.origin.is_some_and(|origin| self.allows_origin(origin))
    }

    /// Whether this is the preflight of a request that is free on this very path. Any other OPTIONS on a priced path is
    /// a method like those that no route names: an origin that does not look at methods would serve it.
    pub(super) fn is_preflight_of_what_is_free(&self, facts: &Facts<'_>, target: &Target) -> bool {
        let free = |method: &str| match self.table.find(method, &target.folded) {
            Found::Route(route) => price_of(route).is_none(),
            Found::OtherMethods { .. } | Found::Nothing => false,
        };
        facts.method == "OPTIONS" && facts.preflight_for.is_some_and(free)
    }
}

/// Allows what the page asks for, and our two headers: whether the request itself is served is decided when it comes.
pub(super) fn preflight(facts: &Facts<'_>) -> Answer {
    let token = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_, ".contains(&byte));
    let mut headers = "payment, idempotency-key".to_owned();
    if let Some(asked) = facts.preflight_headers.filter(|asked| !asked.is_empty() && token(asked)) {
        headers.push_str(", ");
        headers.push_str(asked);
    }
    Answer::empty()
        .with("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
        .with("access-control-allow-headers", headers)
        .with("access-control-max-age", "600")
}
