//! The cookie that lets a browser spend credits: who may use it, for what, and that no origin sees it.
//!
//! Kept true here: it counts only where the browser itself says that the person navigated, or that a page of this very
//! origin asks (`Sec-Fetch-*`); a browser that fetches ahead of its person spends nothing; a price above what the
//! person set is paid only after they agreed to just that, and so is any price where nothing readable is set.

use std::fmt::Write as _;

use stripe402_core::protocol::digest::{hex, sha256};
use stripe402_core::protocol::{ClientId, Currency, Units};

/// The cookie that holds the client id. `__Host-`: only this host sets it, only over TLS, for all of its paths.
pub const COOKIE: &str = "__Host-stripe402";
/// The cookie that holds what may be spent on one request without asking: `1000.usd`. Written by our page, so browsers
/// may forget it long before [`COOKIE`].
pub const LIMIT: &str = "__Host-stripe402-limit";
/// The cookie by which a person agrees to one request above that: written by our page, for a few seconds.
pub const AGREED: &str = "__Host-stripe402-agreed";
/// How long the browser keeps the first two, in seconds: as long as browsers keep any.
pub const MAX_AGE: u32 = 34_560_000;

/// What a browser says about where a request comes from.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// `sec-fetch-site`
    pub site: Option<String>,
    /// `sec-fetch-mode`
    pub mode: Option<String>,
    /// `sec-fetch-dest`
    pub dest: Option<String>,
    /// `sec-purpose`, or the older `purpose`: that nobody has asked for it yet.
    pub purpose: Option<String>,
}

impl Fetched {
    /// Whether the person asked for it by hand, or a page of this very origin did. A sibling host is the same *site*,
    /// and gets the cookie sent, too: it is somebody else all the same.
    pub fn is_own(&self) -> bool {
        let by_hand = self.mode.as_deref() == Some("navigate") && self.dest.as_deref() == Some("document");
        match self.site.as_deref() {
            _ if self.purpose.as_ref().is_some_and(|purpose| purpose.contains("prefetch")) => false,
            Some("same-origin") => true,
            Some("none") => by_hand,
            _ => false,
        }
    }

    /// Whether a page of another origin asked. Programs do not say.
    pub fn is_foreign(&self) -> bool {
        !matches!(self.site.as_deref(), None | Some("same-origin" | "none"))
    }
}

/// A cookie that may pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Whose credits.
    pub client_id: ClientId,
    /// What one request may cost without asking; none: nothing.
    limit: Option<String>,
    /// What the person has just agreed to.
    agreed: Option<String>,
}

impl Cookie {
    /// Reads a `cookie` header. None: it holds nothing that may pay here.
    pub fn read(header: &str, fetched: &Fetched) -> Option<Self> {
        if !fetched.is_own() {
            return None;
        }
        let client_id = ClientId::parse(value(header, COOKIE)?).ok()?;
        let owned = |name| value(header, name).map(ToOwned::to_owned);
        Some(Self { client_id, limit: owned(LIMIT), agreed: owned(AGREED) })
    }

    /// Whether it may pay this price without asking, or the person has just agreed to it (see [`agreement`]).
    pub fn pays(&self, price: Units, currency: Currency, agreement: impl FnOnce() -> String) -> bool {
        let limit = self.limit.as_ref().and_then(|limit| limit.split_once('.'));
        let within = limit.is_some_and(|(units, code)| {
            code == currency.code() && units.parse::<i64>().is_ok_and(|units| price.get() <= units)
        });
        within || self.agreed.as_ref().is_some_and(|agreed| *agreed == agreement())
    }
}

/// What a person agrees to, in a word that our page puts into [`AGREED`]: this request at this price.
pub fn agreement(method: &str, path: &str, query: &str, price: Units, currency: Currency) -> String {
    let what = [method, path, query, &price.to_string(), currency.code()].join("\n");
    hex(&sha256(what.as_bytes())).chars().take(16).collect()
}

/// The `set-cookie` that remembers a client in this browser.
pub fn remember(client_id: &ClientId) -> String {
    set(COOKIE, client_id.as_str(), MAX_AGE)
}

/// The `set-cookie` headers that forget it.
pub fn forget() -> [String; 3] {
    [COOKIE, LIMIT, AGREED].map(|name| set(name, "", 0))
}

pub(super) fn set(name: &str, value: &str, max_age: u32) -> String {
    format!("{name}={value}; Path=/; Max-Age={max_age}; Secure; HttpOnly; SameSite=Strict")
}

/// The value of a cookie that stands once: of two, nobody knows which is meant.
pub(super) fn value<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    let mut values = header
        .split(';')
        .filter_map(|crumb| crumb.trim().strip_prefix(name)?.strip_prefix('='))
        .map(|value| value.trim_matches('"'));
    let found = values.next()?;
    values.next().is_none().then_some(found)
}

/// A `cookie` header as the origin may see it: without ours. None: nothing is left.
pub fn without_ours(header: &str) -> Option<String> {
    let ours = |text: &str| text.to_ascii_lowercase().contains("__host-stripe402");
    let mut kept = String::with_capacity(header.len());
    for crumb in header.split(';').map(str::trim) {
        // However it came to stand there (two headers are joined by commas): what holds our name does not pass.
        if !crumb.is_empty() && !ours(crumb) {
            let _ = write!(kept, "{}{crumb}", if kept.is_empty() { "" } else { "; " });
        }
    }
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "766e94750da80b514ef6675c355fdc148f94430a41cf7df629d92774ce722e96";
    fn own() -> Fetched {
        Fetched { site: Some("same-origin".into()), ..Fetched::default() }
    }

    fn units(value: i64) -> Units {
        Units::new(value).unwrap()
    }

    fn read(header: &str) -> Option<Cookie> {
        Cookie::read(header, &own())
    }

    #[test]
    fn only_who_navigates_by_hand_and_pages_of_this_origin_may_spend() {
        let rows = [
            (Some("same-origin"), "cors", "empty", None, true),
            (Some("same-origin"), "navigate", "document", None, true),
            (Some("same-origin"), "no-cors", "image", None, true),
            (Some("none"), "navigate", "document", None, true),
            (Some("none"), "navigate", "iframe", None, false),
            (Some("none"), "cors", "empty", None, false),
            (Some("same-site"), "navigate", "document", None, false),
            (Some("cross-site"), "navigate", "document", None, false),
            (Some("cross-site"), "cors", "empty", None, false),
            (None, "navigate", "document", None, false),
            (Some("Same-Origin"), "navigate", "document", None, false),
            (Some("none"), "navigate", "document", Some("prefetch;prerender"), false),
            (Some("same-origin"), "no-cors", "empty", Some("prefetch"), false),
        ];
        let header = format!("{COOKIE}={ID}");
        for (site, mode, dest, purpose, may) in rows {
            let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
            let fetched = Fetched {
                site: owned(site),
                mode: owned(Some(mode)),
                dest: owned(Some(dest)),
                purpose: owned(purpose),
            };
            assert_eq!(Cookie::read(&header, &fetched).is_some(), may, "{fetched:?}");
        }
        assert!(Cookie::read(&header, &Fetched::default()).is_none(), "an old browser, or none");
    }

    #[test]
    fn the_cookie_is_one_of_many_stands_once_and_is_a_client_id() {
        for header in [
            format!("{COOKIE}={ID}"),
            format!("a=b; {COOKIE}={ID};c=d"),
            format!("{COOKIE}-limit=5.usd; {COOKIE}=\"{ID}\""),
        ] {
            assert_eq!(read(&header).unwrap().client_id.as_str(), ID, "{header}");
        }
        let upper = COOKIE.to_uppercase();
        for header in [
            String::new(),
            format!("{COOKIE}="),
            format!("{COOKIE}={}", ID.to_uppercase()),
            format!("{upper}={ID}"),
            format!("x{COOKIE}={ID}"),
            format!("{COOKIE}-limit={ID}"),
            format!("{COOKIE}={ID}; {COOKIE}={ID}"),
        ] {
            assert_eq!(read(&header), None, "{header}");
        }
    }

    #[test]
    fn above_the_limit_only_what_was_agreed_to_is_paid() {
        let usd = Currency::USD;
        let eur = Currency::parse("eur").unwrap();
        let agreed = agreement("GET", "/dear", "?a=1", units(5_000), usd);
        let cookie = |more: &str| read(&format!("{COOKIE}={ID}{more}")).unwrap();
        let dear = |cookie: Cookie| cookie.pays(units(5_000), usd, || agreed.clone());
        assert!(!dear(cookie("")), "no limit was set, or the browser has forgotten it");
        assert!(dear(cookie(&format!("; {AGREED}={agreed}"))));
        assert!(
            !dear(cookie(&format!("; {LIMIT}=9000.usd; {LIMIT}=9000.usd"))),
            "nobody knows which is meant"
        );
        assert!(dear(cookie(&format!("; {LIMIT}=5000.usd"))));
        assert!(!dear(cookie(&format!("; {LIMIT}=4999.usd"))));
        assert!(!dear(cookie(&format!("; {LIMIT}=9000.eur"))), "another currency is asked about");
        for broken in ["", "x", "5000", ".usd", "1e9.usd", "99999999999999999999.usd"] {
            assert!(!dear(cookie(&format!("; {LIMIT}={broken}"))), "{broken}");
        }
        assert!(dear(cookie(&format!("; {LIMIT}=1.usd; {AGREED}={agreed}"))));
        let other = [
            agreement("POST", "/dear", "?a=1", units(5_000), usd),
            agreement("GET", "/dear2", "?a=1", units(5_000), usd),
            agreement("GET", "/dear", "", units(5_000), usd),
            agreement("GET", "/dear", "?a=1", units(5_001), usd),
            agreement("GET", "/dear", "?a=1", units(5_000), eur),
        ];
        for other in other {
            assert!(!dear(cookie(&format!("; {LIMIT}=1.usd; {AGREED}={other}"))));
        }
    }

    #[test]
    fn the_origin_sees_its_own_cookies_and_none_of_ours() {
        let rows = [
            (format!("{COOKIE}={ID}"), None),
            (format!("a=b; {COOKIE}={ID}; c=d"), Some("a=b; c=d")),
            (format!("{LIMIT}=1.usd;a=b;{AGREED}=x"), Some("a=b")),
            (format!("{COOKIE}-try=1; a=b"), Some("a=b")),
            (format!("a=b, {COOKIE}={ID}; c=d"), Some("c=d")),
            (format!("__host-STRIPE402={ID}; c=d"), Some("c=d")),
            ("a=b; c=\"d e\"".to_owned(), Some("a=b; c=\"d e\"")),
            (" ; ".to_owned(), None),
        ];
        for (header, left) in rows {
            assert_eq!(without_ours(&header).as_deref(), left, "{header}");
        }
    }

    #[test]
    fn what_is_set_is_for_this_host_alone_and_out_of_reach_of_scripts() {
        let client_id = ClientId::parse(ID).unwrap();
        let set = remember(&client_id);
        assert_eq!(
            set,
            format!("__Host-stripe402={ID}; Path=/; Max-Age=34560000; Secure; HttpOnly; SameSite=Strict")
        );
        assert!(forget().iter().all(|set| set.contains("=; Path=/; Max-Age=0; Secure;")));
    }
}
