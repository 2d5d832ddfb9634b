//! Form-encoded parameters with brackets, as Stripe reads them: `metadata[k]=v`, `expand[]=x`, `expand[0]=x`.
//!
//! Kept twice: as the flat list of fields that was sent (what an idempotency key compares, and what the request log
//! shows), and as a tree (what the parameter checks walk).

use serde_json::{Map, Value};

use super::errors::ApiError;

/// One parameter's value: text, or more parameters below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// `a=text`
    Text(String),
    /// `a[b]=…`, `a[]=…`, `a[0]=…`: names or indexes, in the order sent.
    Branch(Vec<(String, Node)>),
}

/// The fields of one request, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// Reads a query and a body; Stripe takes parameters from both.
    pub(crate) fn read(query: &str, body: &[u8]) -> Self {
        let fields = form_urlencoded::parse(query.as_bytes())
            .chain(form_urlencoded::parse(body))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Self { fields }
    }

    /// The fields in a fixed order: two requests with equal lists have the same parameters.
    pub(crate) fn sorted(&self) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        fields.sort();
        fields
    }

    /// The fields as sent, as a JSON object; a name that was sent more than once has a list.
    pub(crate) fn json(&self) -> Value {
        let mut object = Map::new();
        for (name, value) in &self.fields {
            let value = Value::String(value.clone());
            match object.get_mut(name) {
                None => {
                    object.insert(name.clone(), value);
                }
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        Value::Object(object)
    }

    /// The fields as a tree.
    pub(crate) fn tree(&self) -> Result<Vec<(String, Node)>, ApiError> {
        let mut root = Vec::new();
        for (name, value) in &self.fields {
            let path =
                path(name).ok_or_else(|| ApiError::invalid(format!("Invalid parameter name: {name}")))?;
            insert(&mut root, &path, value)
                .ok_or_else(|| ApiError::invalid("Invalid object").param(path[0]))?;
        }
        Ok(root)
    }
}

/// `a[b][]` → `a`, `b`, ``.
fn path(name: &str) -> Option<Vec<&str>> {
    let (first, mut rest) = match name.find('[') {
        None => return (!name.is_empty()).then(|| vec![name]),
        Some(at) => name.split_at(at),
    };
    if first.is_empty() {
        return None;
    }
    let mut path = vec![first];
    while !rest.is_empty() {
        let (key, after) = rest.strip_prefix('[')?.split_once(']')?;
        path.push(key);
        rest = after;
    }
    Some(path)
}

/// Puts a value into the tree; nothing if the same name is text here and a branch elsewhere.
fn insert(branch: &mut Vec<(String, Node)>, path: &[&str], value: &str) -> Option<()> {
    let (key, below) = path.split_first()?;
    let key = if key.is_empty() { branch.len().to_string() } else { (*key).to_owned() };
    let place = branch.iter().position(|(name, _)| *name == key);
    if below.is_empty() {
        let text = Node::Text(value.to_owned());
        match place {
            None => branch.push((key, text)),
            Some(place) => match &mut branch[place].1 {
                Node::Branch(_) => return None,
                old @ Node::Text(_) => *old = text,
            },
        }
        return Some(());
    }
    let place = place.unwrap_or_else(|| {
        branch.push((key, Node::Branch(Vec::new())));
        branch.len() - 1
    });
    match &mut branch[place].1 {
        Node::Text(_) => None,
        Node::Branch(children) => insert(children, below, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Node {
        Node::Text(value.to_owned())
    }

    #[test]
    fn brackets_become_a_tree() {
        let form =
            Form::read("", b"amount=500&metadata[a]=1&metadata%5Bb%5D=x+y&expand[]=c&expand[]=d&t[0]=card");
        assert_eq!(
            form.tree().unwrap(),
            vec![
                ("amount".into(), text("500")),
                ("metadata".into(), Node::Branch(vec![("a".into(), text("1")), ("b".into(), text("x y"))])),
                ("expand".into(), Node::Branch(vec![("0".into(), text("c")), ("1".into(), text("d"))])),
                ("t".into(), Node::Branch(vec![("0".into(), text("card"))])),
            ]
        );
    }

    #[test]
    fn a_name_that_is_text_and_branch_is_refused() {
        assert!(Form::read("", b"a=1&a[b]=2").tree().is_err());
        assert!(Form::read("", b"a[b]=2&a=1").tree().is_err());
        assert!(Form::read("", b"a[b=1").tree().is_err());
        assert!(Form::read("", b"[b]=1").tree().is_err());
    }

    #[test]
    fn a_name_sent_twice_is_shown_as_a_list() {
        let form = Form::read("x=1", b"e[]=a&e[]=b&e[]=c");
        assert_eq!(form.json(), serde_json::json!({"x": "1", "e[]": ["a", "b", "c"]}));
    }
}
