//! What a request says, read by the platform's side (`worker/platform.js`) in one text instead of a dozen calls: in lines,
//! since no header holds a line break.
//!
//! Kept true here: a header that is empty counts as absent.

/// What was read of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said<'s> {
    /// The method.
    pub method: &'s str,
    /// The URL.
    pub url: &'s str,
    /// `payment`.
    pub payment: Option<&'s str>,
    /// `origin`.
    pub origin: Option<&'s str>,
    /// `access-control-request-method`, of a preflight.
    pub preflight_for: Option<&'s str>,
    /// `access-control-request-headers`, of a preflight.
    pub preflight_headers: Option<&'s str>,
    /// `idempotency-key`, where there is a payment.
    pub idempotency_key: Option<&'s str>,
    /// The names of all headers, each in a line, where there is a payment: a challenge needs none of them.
    pub names: &'s str,
    /// `cookie`, where there is no payment.
    pub cookie: Option<&'s str>,
    /// `accept`, where there is no payment.
    pub accept: Option<&'s str>,
}

impl<'s> Said<'s> {
    /// Reads method, URL, payment, origin and what a preflight asks for (two lines); then, with a payment, the
    /// idempotency key and all names; without one, the cookies and what is accepted.
    pub fn new(lines: &'s str) -> Self {
        let mut rest = lines;
        let mut next = || {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            rest = after;
            Some(line).filter(|line| !line.is_empty())
        };
        let (method, url) = (next().unwrap_or_default(), next().unwrap_or_default());
        let (payment, origin) = (next(), next());
        let (preflight_for, preflight_headers) = (next(), next());
        let (idempotency_key, names, cookie, accept) = if payment.is_some() {
            let key = next();
            (key, rest, None, None)
        } else {
            (None, "", next(), next())
        };
        Self {
            method,
            url,
            payment,
            origin,
            preflight_for,
            preflight_headers,
            idempotency_key,
            names,
            cookie,
            accept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_line_by_line_and_what_is_empty_is_absent() {
        let paid =
            Said::new("GET\nhttps://a.example/x?y\neyJ9\nhttps://page.example\n\n\nkey 1\naccept\npayment");
        assert_eq!((paid.method, paid.url), ("GET", "https://a.example/x?y"));
        assert_eq!((paid.payment, paid.origin), (Some("eyJ9"), Some("https://page.example")));
        assert_eq!((paid.idempotency_key, paid.names), (Some("key 1"), "accept\npayment"));
        assert_eq!((paid.cookie, paid.accept, paid.preflight_for), (None, None, None));

        let asked = Said::new("OPTIONS\nhttps://a.example/\n\n\nPOST\nx-a, payment\na=b\ntext/html");
        assert_eq!((asked.payment, asked.origin, asked.idempotency_key), (None, None, None));
        assert_eq!((asked.preflight_for, asked.preflight_headers), (Some("POST"), Some("x-a, payment")));
        assert_eq!((asked.cookie, asked.accept, asked.names), (Some("a=b"), Some("text/html"), ""));

        let bare = Said::new("GET\nhttps://a.example/\n\n\n\n\n\n");
        assert_eq!((bare.cookie, bare.accept, bare.names), (None, None, ""));
        assert_eq!(Said::new("").method, "");
    }
}
