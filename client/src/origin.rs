//! Where requests go, as far as money is concerned: an [`Origin`] is whom a client id belongs to, and a [`Host`] is what
//! an allow-list names.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use url::Url;

/// Scheme, host and port of an http(s) URL: client ids are kept by it, and never sent to another.
///
/// ```
/// use stripe402_client::Origin;
/// let url = url::Url::parse("https://API.example:443/v1?q").unwrap();
/// assert_eq!(Origin::of(&url).unwrap().as_str(), "https://api.example");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    text: String,
    host: String,
    private: bool,
}

impl Origin {
    /// The origin of a URL; none if it is not http or https, or has no host.
    pub fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = url.host()?;
        let loopback = match &host {
            url::Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
            url::Host::Ipv4(address) => address.is_loopback(),
            url::Host::Ipv6(address) => address.is_loopback(),
        };
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        let host = format!("{}{port}", host.to_string().to_ascii_lowercase());
        Some(Self {
            text: format!("{}://{host}", url.scheme()),
            host,
            private: loopback || url.scheme() == "https",
        })
    }

    /// `scheme://host[:port]`, without a port that the scheme implies.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `host[:port]`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether what is sent there can be read by nobody on the way: https, or this machine.
    pub const fn is_private(&self) -> bool {
        self.private
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A name in a list of hosts: `api.example` with any port, `api.example:8443` with that one, `*.example` for every host
/// below, but not for `example` itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

/// Text that names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a host such as \"api.example\", \"127.0.0.1:8402\" or \"*.example\", without a scheme or a path"
)]
pub struct InvalidHost;

impl Host {
    /// Reads a name; letter case makes no difference.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let name = text.trim().to_ascii_lowercase();
        let rest = name.strip_prefix("*.").unwrap_or(&name);
        let plain = !rest.is_empty() && !rest.contains(['*', '/', '?', '#', '@', ' ']);
        // What a URL makes of it is what requests are compared with.
        let url = Url::parse(&format!("https://{rest}")).map_err(|_| InvalidHost)?;
        let host = Origin::of(&url).ok_or(InvalidHost)?.host;
        // 443 is what the URL's reader leaves out.
        let port = if rest.ends_with(":443") { ":443" } else { "" };
        let star = if rest.len() < name.len() { "*." } else { "" };
        if plain { Ok(Self(format!("{star}{host}{port}"))) } else { Err(InvalidHost) }
    }

    /// Whether a request to this origin goes to it.
    pub fn covers(&self, origin: &Origin) -> bool {
        let implied = if origin.as_str().starts_with("https:") { "443" } else { "80" };
        self.fits(origin.host(), &[implied])
    }

    /// Whether a request to this `host[:port]` may have gone to it: where the port is missing, nobody knows any more
    /// whether that was by https or http.
    pub(crate) fn may_cover(&self, host: &str) -> bool {
        self.fits(host, &["443", "80"])
    }

    fn fits(&self, host: &str, implied: &[&str]) -> bool {
        let (bare, port) = split_port(host);
        let (name, wanted) = split_port(&self.0);
        let right = |wanted| port.map_or_else(|| implied.contains(&wanted), |port| port == wanted);
        if !wanted.is_none_or(right) {
            return false;
        }
        match name.strip_prefix('*') {
            Some(end) => bare.len() > end.len() && bare.ends_with(end),
            None => bare == name,
        }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Host and port; an IPv6 address stays in its brackets.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (url, text, host, private) in [
            ("http://127.0.0.1:8402/api", "http://127.0.0.1:8402", "127.0.0.1:8402", true),
            ("http://[::1]:80/", "http://[::1]", "[::1]", true),
            ("http://LOCALHOST/", "http://localhost", "localhost", true),
            ("http://api.example/", "http://api.example", "api.example", false),
            ("https://u:p@api.example/", "https://api.example", "api.example", true),
            ("http://127.0.0.1.example/", "http://127.0.0.1.example", "127.0.0.1.example", false),
            ("http://localhost.example/", "http://localhost.example", "localhost.example", false),
        ] {
            let origin = origin(url);
            assert_eq!((origin.as_str(), origin.host(), origin.is_private()), (text, host, private), "{url}");
        }
        for url in ["ftp://a/", "file:///a", "data:,a"] {
            assert_eq!(Origin::of(&Url::parse(url).unwrap()), None, "{url}");
        }
    }

    #[test]
    fn a_listed_host_covers_itself_and_nothing_that_looks_like_it() {
        for (host, url, covered) in [
            ("api.example", "https://api.example/", true),
            ("API.Example", "http://api.example:8402/", true),
            ("api.example:8402", "http://api.example:8402/", true),
            ("api.example:8402", "http://api.example/", false),
            ("api.example:443", "https://api.example/", true),
            ("api.example:443", "http://api.example/", false),
            ("*.example", "https://a.b.example/", true),
            ("*.example", "https://example/", false),
            ("*.example", "https://anexample/", false),
            ("example", "https://api.example/", false),
            ("api.example", "https://api.example.evil/", false),
            ("api.example", "https://api.example@evil/", false),
            ("[::1]", "http://[::1]:8402/", true),
            ("[::1]:8402", "http://[::1]:8402/", true),
            ("bücher.example", "https://xn--bcher-kva.example/", true),
        ] {
            let (host, origin) = (Host::parse(host).unwrap(), origin(url));
            assert_eq!(host.covers(&origin), covered, "{host} {url}");
            assert!(!covered || host.may_cover(origin.host()), "{host} {url}");
        }
        for text in ["", "*", "*.", "https://a", "a/b", "a?b", "u@a", "a b", "a.*", "a:b"] {
            assert_eq!(Host::parse(text), Err(InvalidHost), "{text:?}");
        }
    }
}
