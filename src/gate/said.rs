//! What a request says, read by the platform's side (`worker/platform.js`) in one text instead of a dozen calls: in lines,
//! since no header holds a line break.
//!
//! Kept true here: a header that is empty counts as absent.

use super::Facts;
use super::cookie::Cookie;

/// What was read of a request.
#[derive(Debug, Clone, Copy)]
pub struct Said<'s> {
    /// What the gate needs of it, but for a cookie that pays.
    pub facts: Facts<'s>,
    /// The deployment that has forwarded it to this one.
    pub hop: Option<&'s str>,
    /// The names of all headers, each in a line, where there is a payment: a challenge needs none of them.
    pub names: &'s str,
    /// `cookie`, where there is no payment.
    pub cookie: Option<&'s str>,
    /// `accept`, where there is no payment.
    pub accept: Option<&'s str>,
}

impl<'s> Said<'s> {
    /// Reads method, URL, payment, origin, hop and what a preflight asks for (two lines); then, with a payment, the
    /// idempotency key and all names; without one, the cookies and what is accepted.
    pub fn new(lines: &'s str) -> Self {
        let mut rest = lines;
        let mut next = || {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            rest = after;
            Some(line).filter(|line| !line.is_empty())
        };
        let (method, url) = (next().unwrap_or_default(), next().unwrap_or_default());
        let (payment, origin, hop) = (next(), next(), next());
        let mut facts = Facts {
            method,
            url,
            payment,
            origin,
            preflight_for: next(),
            preflight_headers: next(),
            idempotency_key: None,
            cookie: None,
            headers: 0,
        };
        if facts.payment.is_none() {
            return Self { facts, hop, names: "", cookie: next(), accept: next() };
        }
        facts.idempotency_key = next();
        facts.headers = rest.lines().count();
        Self { facts, hop, names: rest, cookie: None, accept: None }
    }

    /// The same request, paid for by a cookie: what was not read at once is given here.
    pub fn paid_by<'f>(
        &self,
        cookie: &'f Cookie,
        idempotency_key: Option<&'f str>,
        names: &'f str,
    ) -> Said<'f>
    where
        's: 'f,
    {
        let facts = Facts {
            cookie: Some(cookie),
            idempotency_key: idempotency_key.filter(|key| !key.is_empty()),
            headers: names.lines().count(),
            ..self.facts
        };
        Said { facts, names, hop: self.hop, cookie: self.cookie, accept: self.accept }
    }

    /// Whether this deployment has forwarded it already: there is no origin behind it.
    pub fn is_loop(&self, deployment: &str) -> bool {
        self.hop == Some(deployment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::cookie::{COOKIE, Fetched};

    #[test]
    fn a_request_is_read_line_by_line_and_what_is_empty_is_absent() {
        let paid =
            Said::new("GET\nhttps://a.example/x?y\neyJ9\nhttps://page.example\n\n\n\nkey 1\naccept\npayment");
        let facts = paid.facts;
        assert_eq!((facts.method, facts.url), ("GET", "https://a.example/x?y"));
        assert_eq!((facts.payment, facts.origin), (Some("eyJ9"), Some("https://page.example")));
        assert_eq!((facts.idempotency_key, facts.headers, paid.names), (Some("key 1"), 2, "accept\npayment"));
        assert_eq!((paid.cookie, paid.accept, facts.preflight_for), (None, None, None));

        let asked = Said::new("OPTIONS\nhttps://a.example/\n\n\nab\nPOST\nx-a, payment\na=b\ntext/html");
        let facts = asked.facts;
        assert_eq!((facts.payment, facts.origin, facts.idempotency_key), (None, None, None));
        assert_eq!((facts.preflight_for, facts.preflight_headers), (Some("POST"), Some("x-a, payment")));
        assert_eq!((asked.cookie, asked.accept, asked.names), (Some("a=b"), Some("text/html"), ""));
        assert!(asked.is_loop("ab") && !asked.is_loop("abc") && !asked.is_loop(""));
        assert!(!paid.is_loop("ab") && !paid.is_loop(""));

        let bare = Said::new("GET\nhttps://a.example/\n\n\n\n\n\n\n");
        assert_eq!((bare.cookie, bare.accept, bare.names), (None, None, ""));
        assert_eq!(Said::new("").facts.method, "");
    }

    #[test]
    fn a_cookie_that_pays_brings_what_a_payment_brings() {
        let said = Said::new("POST\nhttps://a.example/x\n\nhttps://a.example\n\n\n\na=b\ntext/html");
        let fetched = Fetched { site: Some("same-origin".to_owned()), ..Default::default() };
        let header = format!("{}={}", COOKIE, "a".repeat(64));
        let cookie = Cookie::read(&header, &fetched).unwrap();
        let paid = said.paid_by(&cookie, Some("key 1"), "cookie\naccept\norigin");
        assert_eq!((paid.facts.cookie, paid.facts.idempotency_key), (Some(&cookie), Some("key 1")));
        assert_eq!((paid.facts.headers, paid.names), (3, "cookie\naccept\norigin"));
        assert_eq!((paid.facts.method, paid.facts.origin), ("POST", Some("https://a.example")));
        assert_eq!(said.paid_by(&cookie, Some(""), "").facts.idempotency_key, None);
    }
}
