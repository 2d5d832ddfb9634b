//! What a browser says of itself: the cookie that may pay, and where its request comes from.

use web_sys::Headers;

use super::http::get;
use crate::gate::cookie::{COOKIE, Cookie, Fetched};

/// The cookie that may pay for this request.
pub(super) fn cookie(headers: &Headers) -> Option<Cookie> {
    let header = get(headers, "cookie").filter(|header| header.contains(COOKIE))?;
    fetched(headers, |fetched| Cookie::read(&header, fetched))
}

/// Looks at what the browser says about where a request comes from.
pub(super) fn fetched<T>(headers: &Headers, look: impl FnOnce(Fetched<'_>) -> T) -> T {
    let said = |name| get(headers, name);
    let (site, mode, dest) = (said("sec-fetch-site"), said("sec-fetch-mode"), said("sec-fetch-dest"));
    let purpose = said("sec-purpose").or_else(|| said("purpose"));
    look(Fetched {
        site: site.as_deref(),
        mode: mode.as_deref(),
        dest: dest.as_deref(),
        purpose: purpose.as_deref(),
    })
}
