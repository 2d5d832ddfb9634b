//! The corpus: every rule applied to every priced path, or to some of them in turn.
//!
//! A rule is a line in one of the tables of this folder. What is added there is part of the next `make check-bypass`,
//! and of `tests/vectors/bypass.json` once that is written anew (the test that compares them says how).

mod file;
mod headers;
mod methods;
mod paths;
mod targets;

pub use file::Corpus;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A request that has a price, as an honest client sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Priced {
    /// The method.
    pub method: String,
    /// The path, plain: no escapes, no `//`, no final slash.
    pub path: String,
    /// The query with its `?`, or nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
}

impl Priced {
    /// Reads `METHOD /path`, as routes are written: `:name` and `*` become segments that fit them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not \"METHOD /path\"");
        let (method, target) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let target = target.trim();
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (target, String::new()),
        };
        let rest = path.strip_prefix('/').ok_or_else(wrong)?;
        let mut path = String::new();
        for segment in rest.split('/').filter(|segment| !segment.is_empty()) {
            path.push('/');
            path.push_str(if segment == "*" || segment.starts_with(':') { "1" } else { segment });
        }
        let method = if method == "*" { "GET" } else { method };
        Ok(Self { method: method.to_owned(), path, query })
    }

    /// `METHOD /path`.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The segments.
    fn segments(&self) -> Vec<&str> {
        self.path.split('/').skip(1).collect()
    }

    /// The same request for a sibling that does not exist.
    pub fn sibling(&self, name: &str) -> Self {
        let cut = self.path.rfind('/').unwrap_or_default();
        let (above, _) = self.path.split_at(cut);
        Self { path: format!("{above}/{name}"), ..self.clone() }
    }
}

/// One way to ask for a priced request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Form {
    /// The rule that made it.
    pub rule: String,
    /// Which priced request an origin could take it for.
    pub of: String,
    /// The method, as it goes over the wire.
    pub method: String,
    /// The target, as it goes over the wire. Every character is one byte (Latin-1).
    pub target: String,
    /// Further headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
}

impl Form {
    fn new(rule: impl Into<String>, of: &Priced, target: String) -> Self {
        Self { rule: rule.into(), of: of.name(), method: of.method.clone(), target, headers: Vec::new() }
    }

    /// The request as bytes. It ends the connection; one with a method that may have a body has an empty one.
    pub fn bytes(&self, host: &str, more: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = latin1(&format!("{} {} HTTP/1.1\r\n", self.method, self.target));
        let own = |name: &str| self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut add = |name: &str, value: &str| bytes.extend(latin1(&format!("{name}: {value}\r\n")));
        if !own("host") {
            add("host", host);
        }
        for (name, value) in &self.headers {
            add(name, value);
        }
        for (name, value) in more {
            add(name, value);
        }
        if !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "CONNECT") {
            add("content-length", "0");
        }
        add("connection", "close");
        bytes.extend_from_slice(b"\r\n");
        bytes
    }
}

/// The bytes of a text in which every character stands for one.
pub fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
}

/// Makes the forms of these requests. Each rule is applied to at most `spread` of them, in turn. A form stands once.
pub fn forms(priced: &[Priced], spread: usize) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut seen = BTreeSet::new();
    let mut turn = 0;
    for rule in rules() {
        for nth in 0..spread.min(priced.len()) {
            // A step that is no divisor of a dozen: each rule meets other paths than the one before.
            let Some(of) = priced.get((turn * 5 + nth) % priced.len()) else { continue };
            for form in rule(of, turn + nth) {
                if seen.insert((form.method.clone(), form.target.clone(), form.headers.clone())) {
                    forms.push(form);
                }
            }
        }
        turn += 1;
    }
    forms
}

/// A rule: the forms of one request. The number turns with every use, for rules that have a choice.
type Rule = Box<dyn Fn(&Priced, usize) -> Vec<Form>>;

fn rules() -> Vec<Rule> {
    let mut rules = paths::rules();
    rules.extend(targets::rules());
    rules.extend(methods::rules());
    rules.extend(headers::rules());
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joke() -> Priced {
        Priced::parse("GET /lax/api/joke").unwrap()
    }

    #[test]
    fn a_route_becomes_a_request_that_fits_it() {
        for (route, method, path, query) in [
            ("GET /api/joke", "GET", "/api/joke", ""),
            ("* /v1/images/*", "GET", "/v1/images/1", ""),
            ("POST /users/:id/posts", "POST", "/users/1/posts", ""),
            ("GET /big?bytes=0", "GET", "/big", "?bytes=0"),
            ("GET /", "GET", "", ""),
        ] {
            let expected = Priced { method: method.into(), path: path.into(), query: query.into() };
            assert_eq!(Priced::parse(route), Ok(expected), "{route}");
        }
        assert!(Priced::parse("/api/joke").is_err() && Priced::parse("GET api").is_err());
    }

    #[test]
    fn no_form_stands_twice_and_each_names_its_rule() {
        let forms = forms(&[joke()], 1);
        let requests: BTreeSet<_> =
            forms.iter().map(|form| (&form.method, &form.target, &form.headers)).collect();
        assert_eq!(requests.len(), forms.len());
        assert!(forms.len() > 150, "{}", forms.len());
        assert!(forms.iter().all(|form| !form.rule.is_empty() && form.of == "GET /lax/api/joke"));
        assert!(forms.iter().all(|form| form.target.chars().all(|c| u32::from(c) < 256)), "each is one byte");
    }

    #[test]
    fn a_form_goes_out_as_it_stands() {
        let mut form = Form::new("x", &joke(), "/\u{c0}\u{af}".into());
        form.headers.push(("x-a".into(), "b".into()));
        let expected =
            b"GET /\xc0\xaf HTTP/1.1\r\nhost: h\r\nx-a: b\r\nx-form: 7\r\nconnection: close\r\n\r\n";
        assert_eq!(form.bytes("h", &[("x-form", "7")]), expected);
        form.headers.push(("Host".into(), "other".into()));
        let text = String::from_utf8_lossy(&form.bytes("h", &[])).into_owned();
        assert_eq!(text.to_ascii_lowercase().matches("host: ").count(), 1, "{text}");
    }
}
