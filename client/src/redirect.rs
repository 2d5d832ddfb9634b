//! Where a redirect leads, what goes along, and what is left of a payment at the end.
//!
//! Kept true here: what was paid for on the way is told at the end of it, whatever the end is.

use crate::exchange::{NotFollowed, Outcome};
use crate::origin::Origin;
use crate::paying::Failure;
use url::Url;

/// A request that follows a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) url: Url,
    pub(crate) origin: Origin,
    /// As GET, without a body and its headers.
    pub(crate) as_get: bool,
    /// To another host: credentials stay behind, and nothing is paid there.
    pub(crate) elsewhere: bool,
}

/// What travels to its own origin only.
pub(crate) const CREDENTIALS: [&str; 5] =
    ["authorization", "cookie", "cookie2", "proxy-authorization", "www-authenticate"];
/// What describes a body.
pub(crate) const OF_A_BODY: [&str; 5] =
    ["content-type", "content-length", "content-encoding", "transfer-encoding", "content-language"];

/// What an answer's redirect asks for (RFC 9110, 15.4); none if it is no redirect that can be followed.
pub(crate) fn next(status: u16, method: &str, from: &Url, location: Option<&str>) -> Option<Next> {
    let as_get = match status {
        301 | 302 => method == "POST",
        303 => method != "HEAD",
        307 | 308 => false,
        _ => return None,
    };
    let mut url = from.join(location?).ok()?;
    if url.fragment().is_none() {
        url.set_fragment(from.fragment());
    }
    let (here, origin) = (Origin::of(from)?, Origin::of(&url)?);
    let elsewhere = !same_payee(&here, &origin);
    Some(Next { url, origin, as_get, elsewhere })
}

/// The same origin, or the same host that insists on https.
pub(crate) fn same_payee(here: &Origin, there: &Origin) -> bool {
    let secured = here.as_str().strip_prefix("http://").map(|host| format!("https://{host}"));
    here == there || secured.as_deref() == Some(there.as_str())
}

/// What the caller is given in the end. `paid` is the redirect on the way that was paid for, if one was; nothing is paid
/// after it. Where it leads to an answer, that is the caller's, with what the way to it cost; else the redirect is: it was
/// paid for, and an error would say that nothing was.
pub(crate) fn arrive<R, E>(
    paid: Option<(R, Outcome)>,
    end: Result<(R, Outcome), Failure<E>>,
) -> Result<(R, Outcome), Failure<E>> {
    let Some((reply, mut outcome)) = paid else { return end };
    let why = match end {
        Ok((end, Outcome::Free)) => return Ok((end, outcome)),
        Ok(_) => NotFollowed::AnotherPayment,
        Err(Failure::Paying(error)) => NotFollowed::Failed(Box::new(error)),
        Err(Failure::Lost { .. }) => NotFollowed::NoAnswer,
    };
    if let Outcome::Paid(paid) | Outcome::Reversed(paid) = &mut outcome {
        paid.not_followed = Some(why);
    }
    Ok((reply, outcome))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, NotAChallenge, Paid, Refused, Rule};

    #[test]
    fn what_was_paid_for_on_the_way_is_told_at_its_end() {
        let paid = || Outcome::Paid(Paid::default());
        let stopped = |why| Ok((302, Outcome::Paid(Paid { not_followed: Some(why), ..Paid::default() })));
        let refused = || Error::Refused(Refused::new(Rule::Redirect, ""));
        let told = |paid, end: Result<(u16, Outcome), Failure<&str>>| {
            arrive(paid, end).map_err(|error| format!("{error:?}"))
        };
        let way = || Some((302, paid()));
        assert_eq!(told(way(), Ok((200, Outcome::Free))), Ok((200, paid())));
        assert_eq!(told(way(), Ok((404, Outcome::Free))), Ok((404, paid())));
        let other = Outcome::NotOurs(NotAChallenge::NoHeader);
        assert_eq!(told(way(), Ok((402, other))), stopped(NotFollowed::AnotherPayment));
        let failed = |error| stopped(NotFollowed::Failed(Box::new(error)));
        assert_eq!(told(way(), Err(Failure::Paying(refused()))), failed(refused()));
        let endless = Error::TooManyRedirects(10);
        assert_eq!(told(way(), Err(Failure::Paying(endless.clone()))), failed(endless));
        assert_eq!(
            told(way(), Err(Failure::Lost { error: "reset", paid: false })),
            stopped(NotFollowed::NoAnswer)
        );
        // Where nothing was paid on the way, the end is what it is.
        assert_eq!(told(None, Ok((302, paid()))), Ok((302, paid())));
        assert!(told(None, Err(Failure::Paying(refused()))).is_err());
    }

    #[test]
    fn a_redirect_is_followed_as_http_says() {
        let from = Url::parse("http://a.example/x?q#here").unwrap();
        let next = |status, method, location| next(status, method, &from, Some(location));
        let plain = next(302, "GET", "y").unwrap();
        assert_eq!(
            (plain.url.as_str(), plain.as_get, plain.elsewhere),
            ("http://a.example/y#here", false, false)
        );
        for (status, method, as_get) in [
            (301, "POST", true),
            (302, "POST", true),
            (303, "POST", true),
            (303, "DELETE", true),
            (303, "HEAD", false),
            (302, "PUT", false),
            (307, "POST", false),
            (308, "POST", false),
        ] {
            assert_eq!(next(status, method, "/").unwrap().as_get, as_get, "{status} {method}");
        }
        for status in [200, 300, 304, 305, 402] {
            assert_eq!(next(status, "GET", "/"), None, "{status}");
        }
        assert_eq!(super::next(302, "GET", &from, None), None);
        for location in ["mailto:a", "ftp://a.example/", "file:///etc/passwd", "http://"] {
            assert_eq!(next(302, "GET", location), None, "{location}");
        }
    }

    #[test]
    fn another_host_port_or_protocol_is_elsewhere() {
        for (from, to, elsewhere) in [
            ("http://a.example/", "https://a.example/", false),
            ("https://a.example/", "http://a.example/", true),
            ("https://a.example/", "https://b.example/", true),
            ("https://a.example/", "https://a.example:8443/", true),
            ("http://a.example:8402/", "https://a.example/", true),
            ("https://a.example/", "https://a.example:443/x", false),
            ("https://a.example/", "//a.example/", false),
            ("https://a.example/", "//b.example/", true),
        ] {
            let from = Url::parse(from).unwrap();
            assert_eq!(next(307, "GET", &from, Some(to)).unwrap().elsewhere, elsewhere, "{from} {to}");
        }
    }
}
