//! Forms that leave the target alone and say in a header that the request is another one, or that it is paid.

use super::{Form, Priced, Rule};

/// Headers that some origin takes for the target.
const TARGETS: &[&str] = &[
    "x-original-url",
    "x-rewrite-url",
    "x-forwarded-uri",
    "x-original-uri",
    "x_original_url",
    "X-Original-URL",
];
/// Headers that some origin takes for the method.
const METHODS: &[&str] =
    &["x-http-method-override", "x-http-method", "x-method-override", "X_HTTP_Method_Override"];
/// Paths that are free, for a request that is about another one.
const FREE: &[&str] = &["/", "/free", "/favicon.ico"];

/// Headers that say "paid".
const PAID: &[(&str, &str)] = &[
    ("payment", ""),
    ("payment", "x"),
    ("payment", "e30="),
    ("payment", "bnVsbA=="),
    ("payment", "eyJzdHJpcGU0MDJWZXJzaW9uIjoxfQ=="),
    ("payment-response", "eyJzdWNjZXNzIjp0cnVlfQ=="),
    ("payment-context", "eyJhbGciOiJub25lIn0.e30."),
    ("stripe402-call", "e30="),
    ("stripe402-hop", "1"),
    ("authorization", "Payment e30="),
    ("x-middleware-subrequest", "middleware"),
    ("x-forwarded-for", "127.0.0.1"),
    ("connection", "payment, host"),
    ("upgrade", "websocket"),
    ("range", "bytes=0-9"),
    ("if-none-match", "*"),
    ("expect", "100-continue"),
    ("purpose", "prefetch"),
];

fn with(rule: String, of: &Priced, target: String, name: &str, value: &str) -> Form {
    let mut form = Form::new(rule, of, target);
    form.headers.push((name.to_owned(), value.to_owned()));
    form
}

pub(super) fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for &name in TARGETS {
        rules.push(Box::new(move |of, turn| {
            let free = FREE.get(turn % FREE.len()).copied().unwrap_or("/");
            let path = format!("{}{}", of.path, of.query);
            let full = format!("http://host.example{path}");
            vec![
                with(format!("target in {name}"), of, free.to_owned(), name, &path),
                with(format!("URL in {name}"), of, free.to_owned(), name, &full),
            ]
        }));
    }
    for &name in METHODS {
        rules.push(Box::new(move |of, _| {
            let mut form =
                with(format!("method in {name}"), of, format!("{}{}", of.path, of.query), name, &of.method);
            let other = if of.method == "POST" { "PUT" } else { "POST" };
            other.clone_into(&mut form.method);
            vec![form]
        }));
    }
    for &(name, value) in PAID {
        rules.push(Box::new(move |of, _| {
            vec![with(format!("{name}: {value}"), of, format!("{}{}", of.path, of.query), name, value)]
        }));
    }
    rules
}
