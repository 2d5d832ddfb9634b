//! The few addresses an operator writes, taken apart by hand: a URL library would double the Worker's size.
//!
//! Only plain `http` and `https` addresses of a named host pass; no user name or password, which would end up
//! in logs and requests.

use super::path::canonical;

/// An address that requests are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// `scheme://host[:port]`, in lower case, without a port that the scheme implies, without a final slash.
    pub(crate) base: String,
    /// The canonical path without a final slash; empty for the root.
    pub(crate) path: String,
    /// `https`.
    pub(crate) secure: bool,
}

/// Reads an http(s) address without query and fragment. The error says what was expected.
pub(crate) fn address(text: &str) -> Result<Address, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or("expected an http or https URL")?;
    let secure = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err("expected an http or https URL"),
    };
    if rest.contains(['?', '#']) {
        return Err("expected a URL without a query or a fragment");
    }
    let split = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(split).unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("expected a URL without a user name or password");
    }
    let authority = authority.to_ascii_lowercase();
    let (host, port) = host_and_port(&authority)?;
    let implied = if secure { "443" } else { "80" };
    let scheme = if secure { "https" } else { "http" };
    let base = match port {
        Some(port) if port != implied => format!("{scheme}://{host}:{port}"),
        Some(_) | None => format!("{scheme}://{host}"),
    };
    let path = if path.is_empty() { "/" } else { path };
    let path = canonical(path).map_err(|_| "expected a URL with a readable path")?;
    if path.contains(['\\', ' ']) || path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err("expected a URL with a plain path");
    }
    Ok(Address { base, path: path.trim_end_matches('/').to_owned(), secure })
}

/// Splits `host[:port]`; the host is a name, an IPv4 address or an IPv6 address in brackets.
fn host_and_port(authority: &str) -> Result<(&str, Option<&str>), &'static str> {
    let (host, rest) = if authority.starts_with('[') {
        let end = authority.find(']').ok_or("expected a URL with a host")?.saturating_add(1);
        authority.split_at_checked(end).unwrap_or((authority, ""))
    } else {
        let end = authority.find(':').unwrap_or(authority.len());
        authority.split_at_checked(end).unwrap_or((authority, ""))
    };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let numbered = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let well_formed = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => inner.contains(':') && inner.bytes().all(numbered),
        None => !host.is_empty() && host.bytes().all(named) && !host.starts_with('.'),
    };
    if !well_formed {
        return Err("expected a URL with a host (other than ASCII in its xn-- form)");
    }
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((host, None)),
        Some(port) if port.parse::<u16>().is_ok_and(|number| number > 0) && !port.starts_with(['+', '0']) => {
            Ok((host, Some(port)))
        }
        Some(_) | None => Err("expected a port from 1 to 65535"),
    }
}

/// Checks an https address that a browser is sent to; a query and a fragment may follow.
pub(crate) fn web_page(text: &str) -> Result<String, &'static str> {
    let expected = "expected an https URL";
    let visible =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\');
    let plain = text.split(['?', '#']).next().unwrap_or_default();
    let address = address(plain).map_err(|_| expected)?;
    if address.secure && text.bytes().all(visible) { Ok(text.to_owned()) } else { Err(expected) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_apart_into_base_and_path() {
        let table = [
            ("https://api.example.com", "https://api.example.com", ""),
            ("https://api.example.com/", "https://api.example.com", ""),
            ("HTTPS://API.Example.com:443/v1/", "https://api.example.com", "/v1"),
            ("http://127.0.0.1:8421", "http://127.0.0.1:8421", ""),
            ("http://localhost:80/a/b", "http://localhost", "/a/b"),
            ("http://[::1]:8421/x", "http://[::1]:8421", "/x"),
            ("https://x/%61/Ünder", "https://x", "/a/%C3%9Cnder"),
        ];
        for (text, base, path) in table {
            let address = address(text).unwrap();
            assert_eq!((address.base.as_str(), address.path.as_str()), (base, path), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for text in [
            "",
            "api.example.com",
            "//api.example.com",
            "ftp://x",
            "https:/x",
            "https://",
            "https:///a",
            "https://x:0",
            "https://x:65536",
            "https://x:",
            "https://x:8a",
            "https://x:+80",
            "https://u@x",
            "https://u:p@x/",
            "https://x?a",
            "https://x/#a",
            "https://exämple.com",
            "https://a b/",
            "https://[::1",
            "https://[]",
            "https://[::1]x",
            "https://x/a/../b",
            "https://x/a\\b",
            "https://x/%zz",
            "https://.x",
            "javascript://x",
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_is_https_and_cannot_leave_its_attribute() {
        assert!(web_page("https://example.com/help?lang=en#top").is_ok());
        for text in [
            "http://example.com",
            "javascript:alert(1)",
            "https://x/\"onclick=",
            "https://x/ a",
            "https://x?<b>",
            "https://u@x",
        ] {
            assert!(web_page(text).is_err(), "{text}");
        }
    }
}
