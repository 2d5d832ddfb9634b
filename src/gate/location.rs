//! Redirects of the origin, as the client must see them.
//!
//! Kept true here: a `Location` that names the configured origin is rewritten to ours, so that a client is not sent
//! around the paywall; every other one passes as it is.

/// The rewritten `Location`; none: it does not name the origin. `base` and `base_path` as configured, `here` our own
/// scheme and host.
pub fn rewritten(location: &str, base: &str, base_path: &str, here: &str) -> Option<String> {
    let location = location.trim();
    let (scheme, host) = base.split_once("://")?;
    let rest = if let Some(rest) = location.strip_prefix("//") {
        // Without a scheme: that of the answer it stands in.
        after_host(rest, host)?
    } else if location.starts_with('/') {
        // Before the next one: a query may hold a whole URL.
        location
    } else if let Some((said, rest)) = location.split_once("://") {
        if !said.eq_ignore_ascii_case(scheme) {
            return None;
        }
        after_host(rest, host)?
    } else {
        return None;
    };
    let path = if base_path.is_empty() {
        rest
    } else {
        let below = rest.strip_prefix(base_path)?;
        if !(below.is_empty() || below.starts_with(['/', '?', '#'])) {
            return None;
        }
        below
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    // What is left of a path must not become a host.
    let is_path = !path.starts_with("//") && !path.starts_with("/\\");
    if location.starts_with('/') && !location.starts_with("//") && is_path {
        // It was relative to the host, and stays so.
        return (path != location).then(|| format!("{slash}{path}"));
    }
    Some(format!("{here}{slash}{path}"))
}

/// What stands behind the host, if it is that one (a default port aside, hosts are compared as they are written).
fn after_host<'l>(rest: &'l str, host: &str) -> Option<&'l str> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (said, path) = rest.split_at_checked(end)?;
    said.eq_ignore_ascii_case(host).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_that_names_the_origin_names_us() {
        let rows = [
            ("http://origin.test:8421/a?b#c", "", Some("https://us.test/a?b#c")),
            ("HTTP://ORIGIN.test:8421/a", "", Some("https://us.test/a")),
            ("http://origin.test:8421", "", Some("https://us.test/")),
            ("http://origin.test:8421?x", "", Some("https://us.test/?x")),
            ("//origin.test:8421/a", "", Some("https://us.test/a")),
            ("http://origin.test:8421/base/a", "/base", Some("https://us.test/a")),
            ("http://origin.test:8421/base", "/base", Some("https://us.test/")),
            ("/base/a", "/base", Some("/a")),
            ("/base", "/base", Some("/")),
            ("/base/login?next=https://us.test/x", "/base", Some("/login?next=https://us.test/x")),
            ("/base//evil.test/a/", "/base", Some("https://us.test//evil.test/a/")),
            ("/base/\\evil.test/", "/base", Some("https://us.test/\\evil.test/")),
            ("/a?next=http://origin.test:8421/b", "", None),
            ("/a", "", None),
            ("/other", "/base", None),
            ("/basement", "/base", None),
            ("http://origin.test:8421/other", "/base", None),
            ("https://origin.test:8421/a", "", None),
            ("http://origin.test:84210/a", "", None),
            ("http://origin.test:8421@evil.test/", "", None),
            ("http://other.test/a", "", None),
            ("a/b", "", None),
            ("mailto:a@b.c", "", None),
            ("", "", None),
        ];
        for (said, base_path, seen) in rows {
            let found = rewritten(said, "http://origin.test:8421", base_path, "https://us.test");
            assert_eq!(found.as_deref(), seen, "{said} below {base_path:?}");
        }
    }
}
