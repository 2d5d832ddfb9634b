//! `/lax/*`: a router as careless as real ones, all their ways at once. Whatever it can read as a path of the
//! content answers that content, whatever the method; a gate in front must have read it the same way, or refused.

use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;
use tower::ServiceExt;

use super::{ReadAs, Sent};

/// Headers by which a request says that it is for another target.
const TARGETS: [&str; 3] = ["x-original-url", "x-rewrite-url", "x-forwarded-uri"];
/// Headers by which a request says that it has another method.
const METHODS: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Answers what no strict route has answered.
pub(crate) async fn answer(content: Router, mut request: Request) -> Response {
    let Some((path, query)) = reading(request.uri(), request.headers()) else {
        return (StatusCode::NOT_FOUND, Json(json!({"error": "not found"}))).into_response();
    };
    let wanted = method(request.method(), request.headers());
    let read_as = Extension(ReadAs(format!("{wanted} {path}")));
    *request.method_mut() = match path.as_str() {
        "/api/translate" | "/sink" => Method::POST,
        "/echo" => wanted,
        _ => Method::GET,
    };
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    // What a URI cannot hold, no route matches.
    let Ok(uri) = target.parse::<Uri>() else {
        return (read_as, StatusCode::NOT_FOUND).into_response();
    };
    let sent = std::mem::replace(request.uri_mut(), uri);
    request.extensions_mut().insert(Sent(sent));
    let answered: Result<Response, Infallible> = content.oneshot(request).await;
    let Ok(response) = answered;
    (read_as, response).into_response()
}

/// The path below `/lax` that this request is for, in the most generous reading, and its query.
fn reading(target: &Uri, headers: &HeaderMap) -> Option<(String, Option<String>)> {
    let sent = target.path_and_query().map_or("/", |target| target.as_str());
    let (sent_path, sent_query) = read(sent);
    let instead =
        TARGETS.iter().find_map(|name| headers.get(*name)?.to_str().ok()).map(without_host).map(read);
    let below = |path: &str| match path.strip_prefix("/lax") {
        Some("") => Some("/".to_owned()),
        Some(rest) if rest.starts_with('/') => Some(rest.to_owned()),
        _ => None,
    };
    match (below(&sent_path), instead) {
        (Some(path), None) => Some((path, sent_query)),
        // Behind `/lax`, the header may name the path with it or without it.
        (Some(_), Some((path, query))) => Some((below(&path).unwrap_or(path), query.or(sent_query))),
        (None, Some((path, query))) => Some((below(&path)?, query.or(sent_query))),
        (None, None) => None,
    }
}

/// `http://host/path` → `/path`
fn without_host(target: &str) -> &str {
    match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |slash| rest.split_at(slash).1),
        None => target,
    }
}

/// Reads a target: cuts the query, decodes twice, takes `\` for `/`, cuts `;…` and trailing dots and spaces of each
/// segment, resolves dot segments, merges slashes, drops the last one, and folds letter case.
fn read(target: &str) -> (String, Option<String>) {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    let decoded = decode(&decode(path.as_bytes()));
    let end = decoded.iter().position(|byte| b"?#\0".contains(byte)).unwrap_or(decoded.len());
    let text = String::from_utf8_lossy(&decoded[..end]).replace('\\', "/").to_ascii_lowercase();
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        let segment = segment.split(';').next().unwrap_or_default();
        match segment {
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment.trim_end_matches(['.', ' '])),
        }
        if segments.last().is_some_and(|segment| segment.is_empty()) {
            segments.pop();
        }
    }
    (format!("/{}", segments.join("/")), query)
}

/// Decodes `%xx` once; what is no such triple stays.
fn decode(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let pair = match (first, after) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        if let Some((high, low)) = pair {
            decoded.push(high * 16 + low);
            rest = &after[2..];
        } else {
            decoded.push(first);
            rest = after;
        }
    }
    decoded
}

fn method(sent: &Method, headers: &HeaderMap) -> Method {
    METHODS
        .iter()
        .find_map(|name| headers.get(*name))
        .and_then(|value| Method::from_bytes(value.as_bytes().to_ascii_uppercase().as_slice()).ok())
        .unwrap_or_else(|| sent.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_careless_spelling_reads_as_the_joke() {
        let spellings = [
            "/lax/api/joke",
            "/LAX/Api/JOKE",
            "/lax/api/joke/",
            "/lax/api/joke?x=1",
            "//lax///api//joke",
            "/lax/api/%6aoke",
            "/lax/api/%256aoke",
            "/lax%2fapi%2Fjoke",
            "/lax/api;v=1/joke;x",
            "/lax/x/../api/./joke",
            "/lax/x/%2e%2e/api/joke",
            "/lax/x/..;/api/joke",
            "/lax\\api\\joke",
            "/lax%5capi%5cjoke",
            "/lax/api/joke.",
            "/lax/api/joke%20",
            "/lax/api/joke%00.png",
            "/lax/api/joke%3fx",
            "/lax/api/joke%23x",
            "/../../lax/api/joke",
        ];
        for spelling in spellings {
            let headers = HeaderMap::new();
            let uri: Uri = spelling.parse().unwrap();
            let read = reading(&uri, &headers).map(|(path, _)| path);
            assert_eq!(read.as_deref(), Some("/api/joke"), "{spelling}");
        }
    }

    #[test]
    fn what_is_another_path_stays_another_path() {
        for spelling in ["/api/joke", "/laxapi/joke", "/lax/../api/joke", "/", "*"] {
            let uri: Uri = spelling.parse().unwrap();
            assert_eq!(reading(&uri, &HeaderMap::new()), None, "{spelling}");
        }
        assert_eq!(reading(&"/lax/api/jokes".parse().unwrap(), &HeaderMap::new()).unwrap().0, "/api/jokes");
        assert_eq!(reading(&"/lax/%zz".parse().unwrap(), &HeaderMap::new()).unwrap().0, "/%zz");
    }

    #[test]
    fn a_header_can_name_the_target() {
        let rows = [
            ("/lax/api/health", "x-original-url", "/lax/api/joke"),
            ("/lax/", "x-rewrite-url", "/api/joke"),
            ("/lax/free", "x-forwarded-uri", "http://origin/api/joke?x=1"),
            ("/nothing", "x-original-url", "/lax/api/joke"),
        ];
        for (target, name, value) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            let read = reading(&target.parse().unwrap(), &headers).map(|(path, _)| path);
            assert_eq!(read.as_deref(), Some("/api/joke"), "{target} {name}: {value}");
        }
    }
}
