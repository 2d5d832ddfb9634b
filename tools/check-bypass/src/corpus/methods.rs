//! Forms of the method: for an origin that answers the same whatever it is.

use super::{Form, Rule};

/// Methods, as they go over the wire.
const METHODS: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "COPY",
    "LOCK",
    "MKCOL",
    "SEARCH",
    "QUERY",
    "PURGE",
    "M-SEARCH",
    "SUBSCRIBE",
    "get",
    "Get",
    "head",
    "post",
    "GETT",
    "FOO",
    "*",
];

pub(super) fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for &method in METHODS {
        rules.push(Box::new(move |of, _| {
            let mut form = Form::new(format!("method {method}"), of, format!("{}{}", of.path, of.query));
            if method == of.method {
                return vec![form];
            }
            method.clone_into(&mut form.method);
            vec![form]
        }));
    }
    for method in ["OPTIONS", "HEAD", "POST", "PUT"] {
        rules.push(Box::new(move |of, _| {
            let mut form = Form::new(
                format!("method {method} on another spelling"),
                of,
                of.path.to_ascii_uppercase() + "/" + &of.query,
            );
            method.clone_into(&mut form.method);
            vec![form]
        }));
    }
    for origin in ["https://app.example", "null"] {
        rules.push(Box::new(move |of, _| {
            let mut form =
                Form::new(format!("preflight from {origin}"), of, format!("{}{}", of.path, of.query));
            "OPTIONS".clone_into(&mut form.method);
            form.headers.push(("origin".to_owned(), origin.to_owned()));
            form.headers.push(("access-control-request-method".to_owned(), of.method.clone()));
            vec![form]
        }));
    }
    rules
}
