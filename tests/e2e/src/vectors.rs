//! `tests/vectors/stripe402.json`: what the reference implementation said, and the keys that it said it with. Every
//! paywall here runs with those keys, so that client ids can be compared.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

/// The recorded vectors.
pub fn vectors() -> &'static Value {
    static VECTORS: LazyLock<Value> = LazyLock::new(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/stripe402.json");
        let text = std::fs::read_to_string(&path).expect("tests/vectors/stripe402.json can be read");
        serde_json::from_str(&text).expect("tests/vectors/stripe402.json is JSON")
    });
    &VECTORS
}

/// A text of the vectors, by its key.
pub fn text(key: &str) -> &'static str {
    vectors()[key].as_str().unwrap_or_else(|| panic!("the vectors have no text {key}"))
}
