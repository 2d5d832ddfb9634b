//! The operator's session in a browser: a cookie that says until when, sealed under the token.
//!
//! Kept true here: nothing is kept of a session but in the browser, and with another token every session is over; it counts
//! only where the browser says that a page of this very origin asks, so that no other page can act by it; it ends by itself.

use stripe402_core::protocol::digest::{hex, hmac_sha256};
use subtle::ConstantTimeEq;

use super::cookie::{self, Fetched};
use crate::ledger::Millis;

/// The cookie. Its name begins as those of clients do, so that no origin sees it: see [`cookie::without_ours`].
pub const COOKIE: &str = "__Host-stripe402-admin";
/// How long a session lasts, in seconds.
pub const LASTS: u32 = 12 * 60 * 60;

/// What seals a session that ends then. The key is the token's, for this purpose alone.
fn seal(token: &str, until: i64) -> String {
    let key = hmac_sha256(token.as_bytes(), b"session");
    hex(&hmac_sha256(&key, until.to_string().as_bytes()))
}

/// The `set-cookie` that begins a session.
pub fn begin(token: &str, now: Millis) -> String {
    let until = now.0.saturating_add(i64::from(LASTS).saturating_mul(1_000));
    cookie::set(COOKIE, &format!("{until}.{}", seal(token, until)), LASTS)
}

/// The `set-cookie` that ends it.
pub fn end() -> String {
    cookie::set(COOKIE, "", 0)
}

/// Whether a `cookie` header holds a session that goes on, and a page of this very origin sent it. The time that this
/// takes tells nothing about the seal.
pub fn is_open(header: &str, fetched: &Fetched, token: &str, now: Millis) -> bool {
    // Not by hand either: nothing that a session opens is an address to type or a link to follow.
    let ours = fetched.site.as_deref() == Some("same-origin") && fetched.is_own();
    let Some((until, sent)) = cookie::value(header, COOKIE).and_then(|value| value.split_once('.')) else {
        return false;
    };
    let Some(until) = until.parse::<i64>().ok().filter(|until| *until > now.0) else { return false };
    ours && bool::from(seal(token, until).as_bytes().ct_eq(sent.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "an-admin-token-of-at-least-32-bytes!!";
    const NOW: Millis = Millis(1_800_000_000_000);

    fn same_origin() -> Fetched {
        Fetched { site: Some("same-origin".into()), ..Fetched::default() }
    }

    fn begun() -> String {
        begin(TOKEN, NOW).split(';').next().unwrap().to_owned()
    }

    #[test]
    fn a_session_is_for_this_host_alone_and_out_of_reach_of_scripts() {
        let set = begin(TOKEN, NOW);
        assert!(set.starts_with("__Host-stripe402-admin=1800043200000."), "{set}");
        assert!(set.ends_with("; Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Strict"), "{set}");
        assert_eq!(end(), "__Host-stripe402-admin=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict");
        assert!(!set.contains(TOKEN));
    }

    #[test]
    fn it_ends_after_twelve_hours_and_with_another_token() {
        let header = format!("a=b; {}", begun());
        let opens = |token, at| is_open(&header, &same_origin(), token, Millis(at));
        assert!(opens(TOKEN, NOW.0));
        assert!(opens(TOKEN, NOW.0 + 12 * 3_600_000 - 1));
        assert!(!opens(TOKEN, NOW.0 + 12 * 3_600_000));
        assert!(!opens("another-admin-token-of-at-least-32-bytes", NOW.0));
        assert!(!opens("", NOW.0));
    }

    #[test]
    fn only_a_page_of_this_origin_has_it() {
        let rows = [
            (Some("same-origin"), None, true),
            (Some("same-origin"), Some("prefetch"), false),
            (Some("none"), None, false),
            (Some("same-site"), None, false),
            (Some("cross-site"), None, false),
            (Some("Same-Origin"), None, false),
            (None, None, false),
        ];
        for (site, purpose, may) in rows {
            let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
            for (mode, dest) in [("cors", "empty"), ("navigate", "document")] {
                let fetched = Fetched {
                    site: owned(site),
                    mode: owned(Some(mode)),
                    dest: owned(Some(dest)),
                    purpose: owned(purpose),
                };
                assert_eq!(is_open(&begun(), &fetched, TOKEN, NOW), may, "{fetched:?}");
            }
        }
    }

    #[test]
    fn what_is_changed_or_stands_twice_is_none() {
        let good = begun();
        let (until, mac) = good.split_once('=').unwrap().1.split_once('.').unwrap();
        let later = until.parse::<i64>().unwrap() + 1;
        let longer = format!("{COOKIE}={until}.{mac}0");
        let shorter = format!("{COOKIE}={until}.{}", mac.get(1..).unwrap());
        for header in [
            String::new(),
            format!("{COOKIE}="),
            format!("{COOKIE}={until}"),
            format!("{COOKIE}={until}."),
            format!("{COOKIE}=.{mac}"),
            format!("{COOKIE}={later}.{mac}"),
            format!("{COOKIE}=+{until}.{}", "0".repeat(64)),
            format!("{COOKIE}={until}.{}", mac.to_uppercase()),
            longer,
            shorter,
            format!("{COOKIE}={TOKEN}"),
            format!("{good}; {good}"),
            good.to_uppercase(),
            format!("x{good}"),
        ] {
            assert!(!is_open(&header, &same_origin(), TOKEN, NOW), "{header}");
        }
    }

    #[test]
    fn no_origin_sees_it() {
        let header = format!("a=b; {}; c=d", begun());
        assert_eq!(cookie::without_ours(&header).as_deref(), Some("a=b; c=d"));
        assert_eq!(cookie::without_ours(&begun()), None);
    }
}
