//! The request target, read by hand: nothing that a URL parser would resolve, merge or encode is lost before the gate
//! has judged it.
//!
//! Kept true here: a target has one canonical reading, or it is refused; the folded reading is what routes are
//! matched against, and the canonical one is what a priced request is forwarded as.

use stripe402_core::config::path::{canonical, fold};

/// Longer paths are refused with 414.
pub const MAX_PATH: usize = 4096;

/// A request target that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The path as it was sent.
    pub raw: String,
    /// Unreserved characters decoded, escapes in upper case: what a priced request is forwarded as.
    pub canonical: String,
    /// The canonical reading without its letter case and one trailing slash: what routes are matched against.
    pub folded: String,
    /// The query with its `?`, as it was sent; empty if there was none.
    pub query: String,
}

/// Why a target could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// There is no path in it (`OPTIONS *`, say).
    #[error("the request target has no path")]
    NoPath,
    /// The path is longer than 4 KB.
    #[error("the path is longer than 4096 bytes")]
    TooLong,
    /// A percent sign without two hex digits, or a control character; or a host with a character that no host has, which
    /// some reader takes for the path's beginning, or for the host's.
    #[error("the path has a malformed escape or a control character, or the host is none")]
    Malformed,
}

impl Target {
    /// Reads the target out of a URL as the platform hands it over: `scheme://host[:port]/path[?query]`. A fragment
    /// never reaches a server, so a `#` is a character of the path like any other.
    pub fn of_url(url: &str) -> Result<Self, BadTarget> {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let at = rest.find(['/', '?']).ok_or(BadTarget::NoPath)?;
        let (host, path) = rest.split_at_checked(at).ok_or(BadTarget::NoPath)?;
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:_-[]".contains(&byte)) {
            return Err(BadTarget::Malformed);
        }
        Self::parse(path)
    }

    /// Reads a path with an optional query.
    pub fn parse(target: &str) -> Result<Self, BadTarget> {
        let (raw, query) = match target.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (target, String::new()),
        };
        if !raw.starts_with('/') {
            return Err(BadTarget::NoPath);
        }
        if raw.len() > MAX_PATH {
            return Err(BadTarget::TooLong);
        }
        let canonical = canonical(raw).map_err(|_| BadTarget::Malformed)?;
        let folded = fold(&canonical);
        Ok(Self { raw: raw.to_owned(), canonical, folded, query })
    }
}

/// The scheme and host of a URL as the platform hands it over, without a slash at the end.
pub fn origin_of(url: &str) -> &str {
    let after = url.find("://").map_or(0, |at| at.saturating_add(3));
    let rest = url.get(after..).unwrap_or_default();
    let end = rest.find(['/', '?']).map_or(url.len(), |at| after.saturating_add(at));
    url.get(..end).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_split_by_hand() {
        let target = Target::of_url("http://127.0.0.1:8402/API/Jok%65/?a=/b?c").unwrap();
        assert_eq!(target.raw, "/API/Jok%65/");
        assert_eq!(target.canonical, "/API/Joke/");
        assert_eq!(target.folded, "/api/joke");
        assert_eq!(target.query, "?a=/b?c");
        assert_eq!(Target::of_url("http://h/a/../b").unwrap().canonical, "/a/../b");
        assert_eq!(Target::of_url("http://h/").unwrap().folded, "/");
        assert_eq!(Target::of_url("http://h//a").unwrap().raw, "//a");
        assert_eq!(Target::of_url("https://[::1]:8402/a").unwrap().raw, "/a");
    }

    #[test]
    fn what_has_no_path_or_cannot_be_read_is_refused() {
        let long = format!("http://h/{}", "a".repeat(MAX_PATH));
        let rows = [
            ("http://127.0.0.1:8402*", BadTarget::NoPath),
            ("http://h", BadTarget::NoPath),
            ("http://h?a=/b", BadTarget::NoPath),
            ("", BadTarget::NoPath),
            ("http://h\\api/joke", BadTarget::Malformed),
            ("http://h@evil.example/a", BadTarget::Malformed),
            ("http://h#/a", BadTarget::Malformed),
            ("http://h%2fa/b", BadTarget::Malformed),
            ("http://h/%", BadTarget::Malformed),
            ("http://h/%zz", BadTarget::Malformed),
            ("http://h/a\u{1}", BadTarget::Malformed),
            (long.as_str(), BadTarget::TooLong),
        ];
        for (url, why) in rows {
            assert_eq!(Target::of_url(url), Err(why), "{url}");
        }
    }

    #[test]
    fn an_origin_ends_where_the_path_begins() {
        assert_eq!(origin_of("https://a.example:8402/x?y"), "https://a.example:8402");
        assert_eq!(origin_of("https://a.example?x/y"), "https://a.example");
        assert_eq!(origin_of("https://a.example"), "https://a.example");
    }
}
