//! Object ids: Stripe's prefix and 24 random letters and digits.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `prefix` + `_` + 24 random characters.
pub(crate) fn fresh(prefix: &str) -> String {
    format!("{prefix}_{}", random(24))
}

/// Random letters and digits.
pub(crate) fn random(length: usize) -> String {
    let mut bytes = vec![0_u8; length];
    // Without randomness the ids would collide, and every result after it would be wrong: stop here.
    #[allow(clippy::expect_used)]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    alphabetic(&bytes)
}

/// Bytes written in letters and digits, one each.
pub(crate) fn alphabetic(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}
