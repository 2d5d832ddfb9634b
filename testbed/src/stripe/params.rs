//! Parameters against a table: unknown ones are refused, required ones asked for, every value typed. After
//! [`check`], an endpoint reads values without a second thought about their form.

use serde_json::{Map, Value};

use super::errors::ApiError;
use super::form::Node;

/// What a parameter's value must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Integer,
    /// Text of at most so many characters.
    Text(usize),
    Boolean,
    OneOf(&'static [&'static str]),
    BooleanOr(&'static [&'static str]),
    /// Up to 50 pairs of text.
    Metadata,
    /// A list of text.
    Texts,
    /// Named values below it.
    Hash(&'static [Param]),
    /// A time, or a range of times (`gt`, `gte`, `lt`, `lte`).
    Range,
    /// Accepted whatever its shape, and echoed nowhere.
    Opaque,
    /// Accepted by Stripe, refused by the double.
    NotModelled,
}

/// One row of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// A parameter that may be left out.
pub(crate) const fn may(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, required: false }
}

/// A parameter that must be there.
pub(crate) const fn must(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, required: true }
}

/// Parameters that passed their table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, Node)>);

impl Params {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.node(name)? {
            Node::Text(text) if !text.is_empty() => Some(text),
            Node::Text(_) | Node::Branch(_) => None,
        }
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        self.text(name).map(|text| text == "true")
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.node(name).is_some()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        match self.node(name) {
            Some(Node::Branch(children)) => children
                .iter()
                .filter_map(|(_, child)| match child {
                    Node::Text(text) => Some(text.clone()),
                    Node::Branch(_) => None,
                })
                .collect(),
            Some(Node::Text(_)) | None => Vec::new(),
        }
    }

    /// The parameters below a hash; nothing if the hash was not sent.
    pub(crate) fn hash(&self, name: &str) -> Option<Params> {
        match self.node(name)? {
            Node::Branch(children) => Some(Self(children.clone())),
            Node::Text(_) => None,
        }
    }

    /// A hash of text as a JSON object; a value sent empty is left out, as Stripe unsets it.
    pub(crate) fn object(&self, name: &str) -> Map<String, Value> {
        match self.node(name) {
            Some(Node::Branch(children)) => object(children),
            Some(Node::Text(_)) | None => Map::new(),
        }
    }

    fn node(&self, name: &str) -> Option<&Node> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }
}

fn object(children: &[(String, Node)]) -> Map<String, Value> {
    let pairs = children.iter().filter_map(|(key, child)| match child {
        Node::Text(text) if text.is_empty() => None,
        Node::Text(text) => Some((key.clone(), Value::String(text.clone()))),
        Node::Branch(below) => Some((key.clone(), Value::Object(object(below)))),
    });
    pairs.collect()
}

/// Checks the parameters of a request against the table of its endpoint.
pub(crate) fn check(table: &[Param], tree: Vec<(String, Node)>) -> Result<Params, ApiError> {
    check_below("", table, &tree)?;
    Ok(Params(tree))
}

fn check_below(above: &str, table: &[Param], tree: &[(String, Node)]) -> Result<(), ApiError> {
    let unknown: Vec<String> = tree
        .iter()
        .filter(|(name, _)| !table.iter().any(|param| param.name == name))
        .map(|(name, _)| full(above, name))
        .collect();
    if let Some(first) = unknown.first() {
        let noun = if unknown.len() == 1 { "parameter" } else { "parameters" };
        return Err(ApiError::invalid(format!("Received unknown {noun}: {}", unknown.join(", ")))
            .code("parameter_unknown")
            .param(first));
    }
    for param in table {
        let name = full(above, param.name);
        match tree.iter().find(|(key, _)| key == param.name) {
            Some((_, node)) => check_value(&name, param.kind, node)?,
            None if param.required => {
                return Err(ApiError::invalid(format!("Missing required param: {name}."))
                    .code("parameter_missing")
                    .param(&name));
            }
            None => {}
        }
    }
    Ok(())
}

fn full(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}[{name}]") }
}

fn check_value(name: &str, kind: Kind, node: &Node) -> Result<(), ApiError> {
    match kind {
        Kind::Opaque => Ok(()),
        Kind::NotModelled => Err(ApiError::not_modelled(name)),
        Kind::Metadata => check_metadata(name, node),
        Kind::Texts => match node {
            Node::Branch(children) => children.iter().try_for_each(|(index, child)| {
                let text = plain(name, child)?;
                if index.parse::<u32>().is_err() || text.is_empty() {
                    Err(wrong(name, "Invalid array"))
                } else {
                    Ok(())
                }
            }),
            Node::Text(_) => Err(wrong(name, "Invalid array")),
        },
        Kind::Hash(table) => match node {
            Node::Branch(children) => check_below(name, table, children),
            Node::Text(_) => Err(wrong(name, "Invalid object")),
        },
        Kind::Range => match node {
            Node::Text(text) => integer(name, text),
            Node::Branch(children) => check_below(
                name,
                &[
                    may("gt", Kind::Integer),
                    may("gte", Kind::Integer),
                    may("lt", Kind::Integer),
                    may("lte", Kind::Integer),
                ],
                children,
            ),
        },
        Kind::Integer | Kind::Text(_) | Kind::Boolean | Kind::OneOf(_) | Kind::BooleanOr(_) => {
            check_plain(name, kind, plain(name, node)?)
        }
    }
}

fn check_plain(name: &str, kind: Kind, text: &str) -> Result<(), ApiError> {
    if text.is_empty() {
        return Err(wrong(
            name,
            format!(
                "You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; \
                 however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty \
                 value."
            ),
        )
        .code("parameter_invalid_empty"));
    }
    let boolean = text == "true" || text == "false";
    match kind {
        Kind::Integer => integer(name, text),
        Kind::Text(limit) if text.chars().count() > limit => Err(wrong(
            name,
            format!("Invalid string: {}; must be at most {limit} characters", shortened(text)),
        )),
        Kind::Boolean if !boolean => Err(wrong(name, format!("Invalid boolean: {text}"))),
        Kind::OneOf(words) if !words.contains(&text) => Err(not_one_of(name, words)),
        Kind::BooleanOr(words) if !boolean && !words.contains(&text) => Err(not_one_of(name, words)),
        _ => Ok(()),
    }
}

fn check_metadata(name: &str, node: &Node) -> Result<(), ApiError> {
    let Node::Branch(pairs) = node else {
        return match node {
            Node::Text(text) if text.is_empty() => Ok(()),
            _ => Err(wrong(name, "Invalid metadata: metadata must be a hash of key-value pairs")),
        };
    };
    if pairs.len() > 50 {
        return Err(wrong(name, format!("Metadata can have at most 50 keys; you passed {}.", pairs.len())));
    }
    for (key, value) in pairs {
        let Node::Text(value) = value else {
            return Err(wrong(
                name,
                format!("Metadata values must be strings, but for key '{key}' you passed in a hash."),
            ));
        };
        if key.chars().count() > 40 {
            return Err(wrong(
                name,
                format!("Metadata keys can have up to 40 characters, but you passed in the key '{key}'."),
            ));
        }
        if value.chars().count() > 500 {
            return Err(wrong(
                &full(name, key),
                format!(
                    "Metadata values can have up to 500 characters, but you passed in a value that is {} characters. \
                     Invalid value: {value}",
                    value.chars().count()
                ),
            ));
        }
    }
    Ok(())
}

fn plain<'a>(name: &str, node: &'a Node) -> Result<&'a str, ApiError> {
    match node {
        Node::Text(text) => Ok(text),
        Node::Branch(_) => Err(wrong(name, "Invalid string: {...}")),
    }
}

fn integer(name: &str, text: &str) -> Result<(), ApiError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain && text.parse::<i64>().is_ok() {
        return Ok(());
    }
    Err(wrong(name, format!("Invalid integer: {text}")).code("parameter_invalid_integer"))
}

fn not_one_of(name: &str, words: &[&str]) -> ApiError {
    let listed = match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("one of {} or {last}", rest.join(", ")),
        _ => words.join(""),
    };
    wrong(name, format!("Invalid {name}: must be {listed}"))
}

fn wrong(name: &str, message: impl Into<String>) -> ApiError {
    ApiError::invalid(message).param(name)
}

fn shortened(text: &str) -> String {
    text.chars().take(40).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::form::Form;
    use super::*;

    const TABLE: &[Param] = &[
        must("amount", Kind::Integer),
        may("confirm", Kind::Boolean),
        may("off_session", Kind::BooleanOr(&["one_off", "recurring"])),
        may("metadata", Kind::Metadata),
        may("types", Kind::Texts),
        may("card", Kind::Hash(&[must("number", Kind::Text(19))])),
        may("created", Kind::Range),
        may("mandate", Kind::NotModelled),
    ];

    fn refused(body: &str) -> (String, String) {
        let error = check(TABLE, Form::read("", body.as_bytes()).tree().unwrap()).expect_err(body);
        let field = |name: &str| error.error.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        (field("message"), field("param"))
    }

    #[test]
    fn what_is_wrong_is_named() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(refused("confirm=true"), pair("Missing required param: amount.", "amount"));
        assert_eq!(refused("amount=1&foo=2"), pair("Received unknown parameter: foo", "foo"));
        assert_eq!(refused("amount=1&card[x]=2"), pair("Received unknown parameter: card[x]", "card[x]"));
        assert_eq!(refused("amount=1&card[]=2").1, "card[0]");
        assert_eq!(refused("amount=1.5"), pair("Invalid integer: 1.5", "amount"));
        assert_eq!(refused("amount=%2B5"), pair("Invalid integer: +5", "amount"));
        assert_eq!(refused("amount=1&confirm=yes"), pair("Invalid boolean: yes", "confirm"));
        assert_eq!(refused("amount=1&types=card"), pair("Invalid array", "types"));
        assert_eq!(refused("amount=1&created[after]=1").1, "created[after]");
        assert_eq!(refused("amount=1&mandate=m").1, "mandate");
        assert_eq!(refused("amount=1&confirm=").1, "confirm");
        assert_eq!(
            refused("amount=1&off_session=maybe"),
            pair("Invalid off_session: must be one of one_off or recurring", "off_session")
        );
    }

    #[test]
    fn what_is_right_is_read() {
        let body =
            "amount=5&confirm=true&types[0]=card&types[1]=link&metadata[a]=1&metadata[b]=&created[gte]=7";
        let params = check(TABLE, Form::read("", body.as_bytes()).tree().unwrap()).unwrap();
        assert_eq!(params.integer("amount"), Some(5));
        assert_eq!(params.boolean("confirm"), Some(true));
        assert_eq!(params.texts("types"), ["card", "link"]);
        assert_eq!(Value::Object(params.object("metadata")), serde_json::json!({"a": "1"}));
        assert_eq!(params.hash("created").unwrap().integer("gte"), Some(7));
    }
}
