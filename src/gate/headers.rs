//! Which headers pass, and which are ours to remove or to change. Names only; the values stay where they are.
//!
//! Kept true here: what could make an origin serve another path, method or payer than the one that was judged never
//! reaches it; a paid answer is never kept by a shared cache.

use stripe402_core::config::ChargeOn;

/// Removed from every request: our own, what an origin could take for ours, what overrides the path or the method,
/// and what belongs to one hop.
pub const REMOVED_FROM_REQUEST: [&str; 16] = [
    "payment",
    "payment-context",
    "x-original-url",
    "x-rewrite-url",
    "x-forwarded-uri",
    "x-original-uri",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
];

/// Whether a request header is removed on every route. CGI, WSGI and their like make one name of `-` and `_`, so what
/// differs in nothing else is the same name.
pub fn is_removed(name: &str) -> bool {
    let starts = name.as_bytes().get(..REMOVED_PREFIX.len()).unwrap_or_default();
    is_like(starts, REMOVED_PREFIX)
        || REMOVED_FROM_REQUEST.iter().any(|known| is_like(name.as_bytes(), known))
}

fn is_like(name: &[u8], known: &str) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    name.len() == known.len() && name.iter().zip(known.bytes()).all(|(byte, known)| fold(*byte) == known)
}

/// Whether a request header is removed on a priced route as well.
pub fn is_ours_on_priced(name: &str) -> bool {
    OURS_ON_PRICED.iter().any(|known| is_like(name.as_bytes(), known))
}

/// Removed as well, unless the request is a WebSocket handshake.
pub const REMOVED_UNLESS_UPGRADE: [&str; 2] = ["connection", "upgrade"];

/// Removed from what goes to and comes from the origin on a priced route: only we write these.
pub const OURS_ON_PRICED: [&str; 2] = ["payment-required", "payment-response"];

/// Every request header that starts so is removed.
pub const REMOVED_PREFIX: &str = "stripe402-";

/// Removed from a paid answer: they would let a shared cache keep it.
pub const CACHE_HEADERS_REMOVED: [&str; 4] =
    ["cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "expires"];

/// The `cache-control` of a paid answer: never a shared cache's, whatever the origin said.
pub fn private_cache_control(origin: Option<&str>) -> String {
    let said = origin.map(str::trim).filter(|said| !said.is_empty());
    let Some(said) = said else { return "private, no-store".to_owned() };
    let mut kept: Vec<&str> = Vec::new();
    for directive in said.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
        let name = directive.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
        let shared = matches!(name.as_str(), "public" | "s-maxage" | "private" | "proxy-revalidate");
        if !shared {
            kept.push(directive);
        }
    }
    let mut value = "private".to_owned();
    for directive in kept {
        value.push_str(", ");
        value.push_str(directive);
    }
    value
}

/// The `vary` of an answer that a payment decides about.
pub fn vary_with(origin: Option<&str>, name: &str) -> String {
    match origin.map(str::trim).filter(|said| !said.is_empty()) {
        None => name.to_owned(),
        Some(said)
            if said
                .split(',')
                .any(|one| matches!(one.trim(), "*") || one.trim().eq_ignore_ascii_case(name)) =>
        {
            said.to_owned()
        }
        Some(said) => format!("{said}, {name}"),
    }
}

/// Whether a route charges for an answer of this status; none: there was no answer.
pub fn is_charged(charge_on: ChargeOn, status: Option<u16>) -> bool {
    match (charge_on, status) {
        (ChargeOn::Always, _) => true,
        (_, None) => false,
        (ChargeOn::NoServerError, Some(status)) => status < 500,
        (ChargeOn::Success, Some(status)) => status == 101 || (200..400).contains(&status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paid_answer_is_private() {
        let rows = [
            (None, "private, no-store"),
            (Some(""), "private, no-store"),
            (Some("public, max-age=60"), "private, max-age=60"),
            (Some("s-maxage=60, max-age=5, proxy-revalidate"), "private, max-age=5"),
            (Some("no-store"), "private, no-store"),
            (Some("private=\"x\", max-age=1"), "private, max-age=1"),
            (Some("Public"), "private"),
            (Some("immutable, PUBLIC,max-age=9"), "private, immutable, max-age=9"),
        ];
        for (said, made) in rows {
            assert_eq!(private_cache_control(said), made, "{said:?}");
        }
    }

    #[test]
    fn a_route_charges_for_what_it_says() {
        let rows = [
            (None, [false, false, true]),
            (Some(101), [true, true, true]),
            (Some(200), [true, true, true]),
            (Some(204), [true, true, true]),
            (Some(304), [true, true, true]),
            (Some(302), [true, true, true]),
            (Some(400), [true, false, true]),
            (Some(404), [true, false, true]),
            (Some(499), [true, false, true]),
            (Some(500), [false, false, true]),
            (Some(503), [false, false, true]),
        ];
        for (status, charged) in rows {
            let found = [ChargeOn::NoServerError, ChargeOn::Success, ChargeOn::Always]
                .map(|on| is_charged(on, status));
            assert_eq!(found, charged, "{status:?}");
        }
    }

    #[test]
    fn what_an_origin_could_take_for_ours_is_removed_however_it_is_written() {
        for name in
            ["payment", "Payment-Context", "payment_context", "X_Original-URL", "stripe402_call", "te"]
        {
            assert!(is_removed(name), "{name}");
        }
        for name in ["payment-method", "x-payment", "x-original", "stripe402", "host", "team"] {
            assert!(!is_removed(name), "{name}");
        }
        assert!(is_ours_on_priced("payment_response") && !is_ours_on_priced("payment-context"));
    }

    #[test]
    fn vary_gains_a_name_once() {
        assert_eq!(vary_with(None, "payment"), "payment");
        assert_eq!(vary_with(Some("accept"), "payment"), "accept, payment");
        assert_eq!(vary_with(Some("Accept, Payment"), "payment"), "Accept, Payment");
        assert_eq!(vary_with(Some("*"), "payment"), "*");
    }
}
