//! The proof to the origin that a request passed the paywall: `payment-context`, a JWT that any library verifies.
//!
//! Kept true here: it names one request (method, path, price, payer) and lives for two minutes at most, so that it is no
//! ticket for another one; the client's own header of that name never reaches the origin.
//! <https://www.rfc-editor.org/rfc/rfc7519>, HS256 with the shared `ORIGIN_SECRET`.

use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims, Header};
use serde::Serialize;
use stripe402_core::protocol::digest::{hex, sha256};
use stripe402_core::protocol::{AccountId, Currency, Units};

use crate::ledger::{Millis, Op};

/// The header that carries it.
pub const PAYMENT_CONTEXT: &str = "payment-context";
/// How long it is valid, in seconds.
pub const LIFETIME: i64 = 120;

/// What was paid, by whom, and for which request.
#[derive(Debug)]
pub struct Proof<'a> {
    /// Our public origin, as the client asked for it: `https://api.example`.
    pub issuer: &'a str,
    /// The origin's own, as it is configured.
    pub audience: &'a str,
    /// Who paid.
    pub account: &'a AccountId,
    /// The attempt: unique for every forwarded request.
    pub op: &'a Op,
    /// The route, as the operator wrote it.
    pub route: &'a str,
    /// The price.
    pub amount: Units,
    /// Its currency.
    pub currency: Currency,
    /// The method.
    pub method: &'a str,
    /// The canonical path, without the query.
    pub path: &'a str,
}

#[derive(Serialize)]
struct Body<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    route: &'a str,
    amount: i64,
    currency: &'a str,
    method: &'a str,
    path: &'a str,
}

/// Which secret signed: the first 16 hex digits of a digest of it, so that an origin can hold two while one is rolled.
pub fn key_id(secret: &[u8]) -> String {
    let digest = sha256(&[b"stripe402 kid ", secret].concat());
    hex(&digest).chars().take(16).collect()
}

/// Signs a proof. None: it could not be written.
pub fn sign(proof: &Proof<'_>, secret: &[u8], now: Millis) -> Option<String> {
    let iat = now.seconds();
    let body = Body {
        iss: proof.issuer,
        aud: proof.audience,
        sub: proof.account.as_str(),
        iat,
        exp: iat.saturating_add(LIFETIME),
        jti: proof.op.as_str(),
        route: proof.route,
        amount: proof.amount.get(),
        currency: proof.currency.code(),
        method: proof.method,
        path: proof.path,
    };
    let header = Header::empty().with_key_id(key_id(secret)).with_token_type("JWT");
    Hs256.token(&header, &Claims::new(body), &Hs256Key::from(secret)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use stripe402_core::protocol::ClientId;
    use stripe402_core::protocol::digest::hmac_sha256;

    #[test]
    fn a_proof_is_a_jwt_of_one_request_for_two_minutes() {
        let account = AccountId::of(&ClientId::derive(&[7; 32], "Xt5EWLLDS7FJjR1c"));
        let op = Op::from_bytes([9; 16]);
        let secret = [b's'; 32];
        let proof = Proof {
            issuer: "https://api.example",
            audience: "https://origin.example",
            account: &account,
            op: &op,
            route: "GET /api/joke",
            amount: Units::new(100).unwrap(),
            currency: Currency::parse("usd").unwrap(),
            method: "GET",
            path: "/api/joke",
        };
        let token = sign(&proof, &secret, Millis(1_800_000_000_999)).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let [header, body, signature] = parts[..] else { panic!("{token}") };
        let json = |part: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let expected = serde_json::json!({"alg": "HS256", "typ": "JWT", "kid": key_id(&secret)});
        assert_eq!(json(header), expected);
        assert_eq!(
            json(body),
            serde_json::json!({
                "iss": "https://api.example", "aud": "https://origin.example", "sub": account.as_str(),
                "iat": 1_800_000_000, "exp": 1_800_000_120, "jti": op.as_str(), "route": "GET /api/joke",
                "amount": 100, "currency": "usd", "method": "GET", "path": "/api/joke",
            })
        );
        let mac = hmac_sha256(&secret, format!("{header}.{body}").as_bytes());
        assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap(), mac);
        assert_ne!(key_id(&secret), key_id(&[b't'; 32]));
    }
}
