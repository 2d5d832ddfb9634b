//! The canonical reading of a path, and the fold under which paths are compared.
//!
//! Patterns and requests go through the same two functions, so what an operator wrote in Unicode, in percent
//! escapes or with a trailing slash meets what a client sends. Nothing is resolved or merged here: dot
//! segments, double slashes and backslashes are other readings, and judging those is the gate's work.

/// Why a path has no canonical reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not start with a slash.
    #[error("a path starts with \"/\"")]
    NotAbsolute,
    /// A `%` that two hexadecimal digits do not follow.
    #[error("\"%\" is followed by two hexadecimal digits")]
    BadPercent,
    /// A control character as it is, not escaped.
    #[error("a path has no control characters")]
    Control,
}

/// Unreserved characters decoded, the hex of all other escapes in upper case, bytes above 127 and what URLs escape escaped
/// (RFC 3986, 6.2.2); every other byte as it is.
///
/// ```
/// use stripe402_core::config::path::canonical;
/// assert_eq!(canonical("/caf%c3%a9/%61%2f").unwrap(), "/caf%C3%A9/a%2F");
/// assert_eq!(canonical("/café").unwrap(), "/caf%C3%A9");
/// assert!(canonical("/%zz").is_err());
/// ```
pub fn canonical(raw: &str) -> Result<String, PathError> {
    if !raw.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    let mut path = String::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let escaped = escaped(bytes.next(), bytes.next()).ok_or(PathError::BadPercent)?;
                push(&mut path, escaped, is_unreserved(escaped));
            }
            0x00..=0x1f | 0x7f => return Err(PathError::Control),
            _ => push(&mut path, byte, byte.is_ascii() && !is_escaped_by_urls(byte)),
        }
    }
    Ok(path)
}

/// The form in which paths are compared: ASCII letters in lower case, those of escapes included, and one
/// trailing slash gone. The root stays `/`.
///
/// ```
/// use stripe402_core::config::path::fold;
/// assert_eq!(fold("/API/Joke/"), "/api/joke");
/// assert_eq!(fold("/caf%C3%A9"), "/caf%c3%a9");
/// assert_eq!(fold("/"), "/");
/// ```
pub fn fold(canonical: &str) -> String {
    let mut folded = canonical.to_ascii_lowercase();
    if folded.len() > 1 && folded.ends_with('/') {
        folded.pop();
    }
    folded
}

/// The segments of a path: none for `/`, `a` and an empty one for `/a/`.
pub fn segments(path: &str) -> impl Iterator<Item = &str> {
    let rest = path.strip_prefix('/').unwrap_or(path);
    rest.split('/').filter(move |_| !rest.is_empty())
}

/// Letters, digits, `-`, `.`, `_` and `~`: an escape of these means the same as the character.
pub fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What URLs escape in a path besides bytes above 127 (WHATWG URL, path percent-encode set): a path that is forwarded
/// through one arrives so, and is named so.
fn is_escaped_by_urls(byte: u8) -> bool {
    matches!(byte, b' ' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'}')
}

/// The byte that two hexadecimal digits name.
fn escaped(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(high)? << 4) | digit(low)?)
}

fn push(path: &mut String, byte: u8, plain: bool) {
    if plain {
        path.push(char::from(byte));
    } else {
        path.push('%');
        path.push_str(&crate::protocol::digest::hex(&[byte]).to_ascii_uppercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_reading_decodes_what_means_the_same_and_nothing_else() {
        let table = [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/%61%7E%2d%5f%2E", "/a~-_."),
            ("/%2f%5C%00%25", "/%2F%5C%00%25"),
            ("/%c3%a9", "/%C3%A9"),
            ("/é", "/%C3%A9"),
            ("/☂", "/%E2%98%82"),
            ("/a%20b", "/a%20b"),
            ("/A;b=c//d/../e\\f", "/A;b=c//d/../e\\f"),
            ("/%2561", "/%2561"),
            ("//", "//"),
            ("/!$&'()*+,;=:@", "/!$&'()*+,;=:@"),
            ("/a{b}^`\"<> |[]", "/a%7Bb%7D%5E%60%22%3C%3E%20|[]"),
        ];
        for (raw, expected) in table {
            assert_eq!(canonical(raw).as_deref(), Ok(expected), "{raw}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for raw in ["/%", "/%4", "/%4g", "/%g4", "/a%", "/%%41", "/% 41", "/%é1", "/%+1", "/%-1"] {
            assert_eq!(canonical(raw), Err(PathError::BadPercent), "{raw}");
        }
        for raw in ["/\0", "/a\nb", "/a\tb", "/\x7f"] {
            assert_eq!(canonical(raw), Err(PathError::Control), "{raw:?}");
        }
        for raw in ["", "a", "*", "%2f", "http://host/"] {
            assert_eq!(canonical(raw), Err(PathError::NotAbsolute), "{raw:?}");
        }
    }

    #[test]
    fn the_fold_takes_one_slash_and_the_case() {
        for (path, expected) in [("/", "/"), ("//", "/"), ("/a//", "/a/"), ("/A%2F", "/a%2f"), ("/É", "/É")]
        {
            assert_eq!(fold(path), expected, "{path}");
        }
    }

    #[test]
    fn segments_are_what_stands_between_slashes() {
        let all = |path| segments(path).collect::<Vec<_>>();
        assert_eq!(all("/"), Vec::<&str>::new());
        assert_eq!(all("/a/b"), ["a", "b"]);
        assert_eq!(all("/a/"), ["a", ""]);
        assert_eq!(all("//a"), ["", "a"]);
    }
}
