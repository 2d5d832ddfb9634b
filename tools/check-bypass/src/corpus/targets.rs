//! Forms of the whole target: absolute ones, other authorities, and what is no target at all.

use super::{Form, Rule};

/// The target, with `{}` for the path and query.
const TARGETS: &[(&str, &str)] = &[
    ("absolute form", "http://127.0.0.1{}"),
    ("absolute form, upper case", "HTTP://127.0.0.1{}"),
    ("absolute form, https", "https://127.0.0.1{}"),
    ("absolute form, another host", "http://host.example{}"),
    ("absolute form with a user", "http://user:word@host.example{}"),
    ("absolute form with a port", "http://127.0.0.1:1{}"),
    ("absolute form without a host", "http://{}"),
    ("absolute form with one slash", "http:{}"),
    ("absolute form of another scheme", "ws://127.0.0.1{}"),
    ("absolute form that goes up and down", "http://127.0.0.1/x/..{}"),
    ("absolute form with a backslash", "http:\\\\127.0.0.1{}"),
    ("absolute form with a query for a host", "http://?{}"),
    ("no slash before a host", "host.example{}"),
    ("port of its own", ":80{}"),
    ("user of its own", "@host.example{}"),
    ("asterisk and path", "*{}"),
    ("dot and path", ".{}"),
    ("semicolon and path", ";{}"),
    ("hash and path", "#{}"),
    ("question mark and path", "?{}"),
    ("backslash and path", "\\{}"),
    ("percent escape and path", "%2f{}"),
];

/// What stands in the `host` header, with `{}` for the path; the target is the root.
const HOSTS: &[(&str, &str)] = &[
    ("path in the host", "127.0.0.1{}"),
    ("path and query in the host", "127.0.0.1{}?"),
    ("path and fragment in the host", "127.0.0.1{}#"),
];

pub(super) fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for &(name, text) in TARGETS {
        rules.push(Box::new(move |of, _| {
            let path = format!("{}{}", of.path, of.query);
            vec![Form::new(name, of, text.replace("{}", &path))]
        }));
    }
    for &(name, text) in HOSTS {
        rules.push(Box::new(move |of, _| {
            let mut form = Form::new(name, of, "/".to_owned());
            form.headers.push(("host".to_owned(), text.replace("{}", &of.path)));
            vec![form]
        }));
    }
    for (name, host) in [
        ("free path in the host", "127.0.0.1/free?"),
        ("another host", "host.example"),
        ("empty host", ""),
        ("host with a user", "user@127.0.0.1"),
    ] {
        rules.push(Box::new(move |of, _| {
            let mut form = Form::new(name, of, format!("{}{}", of.path, of.query));
            form.headers.push(("host".to_owned(), host.to_owned()));
            vec![form]
        }));
    }
    rules.push(Box::new(|of, _| {
        let rest = of.path.strip_prefix('/').unwrap_or_default();
        vec![
            Form::new("no slash at all before", of, format!("{rest}{}", of.query)),
            Form::new("backslashes only", of, of.path.replace('/', "\\") + &of.query),
            Form::new("asterisk", of, "*".to_owned()),
        ]
    }));
    rules
}
