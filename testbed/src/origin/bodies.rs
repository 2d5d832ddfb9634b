//! Bodies of any size in constant memory, in and out.

use std::convert::Infallible;
use std::io::{self, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Sent;
use crate::hex::hex;

/// One piece of a big body.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
/// So much of a body is shown as text.
const SHOWN: usize = 1024 * 1024;

/// So many zeros.
pub(crate) fn zeros(bytes: u64) -> Body {
    Body::from_stream(stream::unfold(bytes, |left| async move {
        let piece = usize::try_from(left).unwrap_or(ZEROS.len()).min(ZEROS.len());
        (piece > 0).then(|| (Ok::<_, Infallible>(Bytes::from_static(&ZEROS[..piece])), left - piece as u64))
    }))
}

/// So many server-sent events, with a pause before each but the first.
pub(crate) fn events(count: u64, pause: Duration) -> Body {
    Body::from_stream(stream::unfold(0, move |number| async move {
        if number >= count {
            return None;
        }
        if number > 0 {
            tokio::time::sleep(pause).await;
        }
        let event = format!("id: {number}\ndata: {{\"number\":{number}}}\n\n");
        Some((Ok::<_, Infallible>(event), number + 1))
    }))
}

/// How many bytes came; in the error, how many came before the body broke off.
pub(crate) async fn counted(body: Body) -> Result<u64, u64> {
    let mut pieces = body.into_data_stream();
    let mut bytes = 0;
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => bytes += piece.len() as u64,
            Err(_) => return Err(bytes),
        }
    }
    Ok(bytes)
}

/// A request as it arrived.
pub(crate) async fn described(request: Request) -> Value {
    let (parts, body) = request.into_parts();
    let mut pieces = body.into_data_stream();
    let (mut shown, mut bytes, mut hash, mut complete) = (Vec::new(), 0, Sha256::new(), true);
    while let Some(piece) = pieces.next().await {
        let Ok(piece) = piece else {
            complete = false;
            break;
        };
        bytes += piece.len() as u64;
        hash.update(&piece);
        shown.extend_from_slice(&piece[..piece.len().min(SHOWN - shown.len())]);
    }
    let headers: Vec<(&str, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    json!({
        "method": parts.method.as_str(),
        "target": parts.extensions.get::<Sent>().map_or(&parts.uri, |sent| &sent.0).to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&shown),
        "bytes": bytes,
        "sha256": hex(&hash.finalize()),
        "complete": complete,
    })
}

pub(crate) fn gzipped(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain)?;
    encoder.finish()
}
