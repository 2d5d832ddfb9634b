//! The path of a route as the operator writes it: literal segments, `:name` for one segment, a final `/*` for
//! the path itself and all below.
//!
//! A pattern holds canonical, folded segments, so the gate compares it with a request's folded canonical path
//! and nothing else. What cannot mean what it seems to is refused with the way to write it.

use super::path::{PathError, canonical, fold};
use std::fmt;

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Exactly this, canonical and folded.
    Literal(String),
    /// One segment that is not empty; the name is for people.
    Param(String),
    /// Whatever follows, also nothing; the last segment.
    Rest,
}

/// A route's path.
///
/// ```
/// use stripe402_core::config::{Pattern, Segment};
/// let pattern = Pattern::parse("/v1/Images/:id/").unwrap();
/// assert_eq!(pattern.to_string(), "/v1/images/:id");
/// assert_eq!(pattern.segments().last(), Some(&Segment::Param("id".into())));
/// assert!(Pattern::parse("/v1/*/x").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    segments: Vec<Segment>,
}

/// Why a path is no pattern, with the way to write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// As for any path.
    #[error("{0}")]
    Path(#[from] PathError),
    /// A query.
    #[error("a route has no query: leave out \"?\" and what follows (or write %3F for the character)")]
    Query,
    /// A fragment.
    #[error("a route has no fragment: leave out \"#\" and what follows (or write %23 for the character)")]
    Fragment,
    /// Braces.
    #[error("write :name instead of {{name}}")]
    Braces,
    /// A star that is not the last segment.
    #[error("\"*\" stands only at the end, as \"/*\"; for one segment in the middle write :name")]
    Star,
    /// A space or a backslash.
    #[error("write a space as %20, and no backslash")]
    Space,
    /// `//`.
    #[error("a route has no empty segment: write one \"/\" where two stand")]
    Empty,
    /// `.` or `..`.
    #[error("a route has no \".\" or \"..\" segment")]
    Dots,
    /// `:` without a proper name.
    #[error("a name after \":\" is made of letters, digits and underscores")]
    Name,
    /// One name for two segments.
    #[error("the same :name stands twice")]
    SameName,
    /// Our own paths.
    #[error("/.well-known/stripe402/ is the paywall's own")]
    Reserved,
}

impl Pattern {
    /// Reads a path, in Unicode or percent-encoded; letter case and one trailing slash do not matter.
    pub fn parse(path: &str) -> Result<Pattern, PatternError> {
        for (character, error) in [
            ('?', PatternError::Query),
            ('#', PatternError::Fragment),
            ('{', PatternError::Braces),
            ('}', PatternError::Braces),
            (' ', PatternError::Space),
            ('\\', PatternError::Space),
        ] {
            if path.contains(character) {
                return Err(error);
            }
        }
        canonical(path)?;
        let rest = path.strip_prefix('/').unwrap_or(path);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            // "/" has no segments; "//" has an empty one.
            return if path.len() > 1 {
                Err(PatternError::Empty)
            } else {
                Ok(Pattern { segments: Vec::new() })
            };
        }
        let mut segments: Vec<Segment> = Vec::new();
        let mut parts = rest.split('/').peekable();
        while let Some(part) = parts.next() {
            let segment = segment(part, parts.peek().is_none())?;
            if matches!(segment, Segment::Param(_)) && segments.contains(&segment) {
                return Err(PatternError::SameName);
            }
            segments.push(segment);
        }
        let pattern = Pattern { segments };
        if format!("{pattern}/").starts_with("/.well-known/stripe402/") {
            return Err(PatternError::Reserved);
        }
        Ok(pattern)
    }

    /// Its segments, in order; none for the root.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The pattern without its names: two patterns of one shape match the same paths.
    pub fn shape(&self) -> String {
        let mut shape = String::new();
        for segment in &self.segments {
            shape.push('/');
            shape.push_str(match segment {
                Segment::Literal(literal) => literal,
                Segment::Param(_) => ":",
                Segment::Rest => "*",
            });
        }
        shape
    }
}

fn segment(part: &str, last: bool) -> Result<Segment, PatternError> {
    if part == "*" && last {
        return Ok(Segment::Rest);
    }
    if part.contains('*') {
        return Err(PatternError::Star);
    }
    if let Some(name) = part.strip_prefix(':') {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(word) {
            return Err(PatternError::Name);
        }
        return Ok(Segment::Param(name.to_owned()));
    }
    let literal = fold(&canonical(&format!("/{part}"))?);
    match literal.trim_start_matches('/') {
        "" => Err(PatternError::Empty),
        "." | ".." => Err(PatternError::Dots),
        literal => Ok(Segment::Literal(literal.to_owned())),
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str("/");
        }
        for segment in &self.segments {
            match segment {
                Segment::Literal(literal) => write!(f, "/{literal}")?,
                Segment::Param(name) => write!(f, "/:{name}")?,
                Segment::Rest => f.write_str("/*")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_canonical_and_folded() {
        let table = [
            ("/", "/"),
            ("/api/joke", "/api/joke"),
            ("/API/Joke/", "/api/joke"),
            ("/Zürich", "/z%c3%bcrich"),
            ("/Z%C3%BCrich/", "/z%c3%bcrich"),
            ("/%61/b%2Fc", "/a/b%2fc"),
            ("/*", "/*"),
            ("/v1/images/*", "/v1/images/*"),
            ("/v1/images/*/", "/v1/images/*"),
            ("/users/:user_id/posts/:post", "/users/:user_id/posts/:post"),
            ("/a:b", "/a:b"),
            ("/%2A", "/%2a"),
            ("/.well-known/other", "/.well-known/other"),
            ("/a;v=1", "/a;v=1"),
        ];
        for (written, read) in table {
            assert_eq!(
                Pattern::parse(written).map(|pattern| pattern.to_string()).as_deref(),
                Ok(read),
                "{written}"
            );
        }
        assert!(Pattern::parse("/").unwrap().segments().is_empty());
    }

    #[test]
    fn names_do_not_make_a_shape() {
        let shape = |path| Pattern::parse(path).unwrap().shape();
        assert_eq!(shape("/a/:x"), shape("/A/:y/"));
        assert_ne!(shape("/a/:x"), shape("/a/*"));
        assert_ne!(shape("/a/:x"), shape("/a/x"));
        assert_ne!(shape("/"), shape("/*"));
    }

    #[test]
    fn what_cannot_mean_what_it_seems_to_is_refused() {
        let table = [
            ("", PatternError::Path(PathError::NotAbsolute)),
            ("api/joke", PatternError::Path(PathError::NotAbsolute)),
            ("/%zz", PatternError::Path(PathError::BadPercent)),
            ("/a\tb", PatternError::Path(PathError::Control)),
            ("/a?x=1", PatternError::Query),
            ("/a#x", PatternError::Fragment),
            ("/a/{id}", PatternError::Braces),
            ("/a b", PatternError::Space),
            ("/a\\b", PatternError::Space),
            ("/a/*/b", PatternError::Star),
            ("/a*", PatternError::Star),
            ("/a/**", PatternError::Star),
            ("/*.json", PatternError::Star),
            ("//", PatternError::Empty),
            ("//a", PatternError::Empty),
            ("/a//b", PatternError::Empty),
            ("/a//", PatternError::Empty),
            ("/a/../b", PatternError::Dots),
            ("/a/%2e%2E", PatternError::Dots),
            ("/.", PatternError::Dots),
            ("/:", PatternError::Name),
            ("/:a-b", PatternError::Name),
            ("/:é", PatternError::Name),
            ("/:a/:a", PatternError::SameName),
            ("/.well-known/stripe402", PatternError::Reserved),
            ("/.Well-Known/Stripe402/health", PatternError::Reserved),
        ];
        for (written, error) in table {
            assert_eq!(Pattern::parse(written), Err(error), "{written:?}");
        }
    }
}
