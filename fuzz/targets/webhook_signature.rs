//! A webhook delivery: nothing is opened that was not signed, and what was signed is read or refused.
//! The first byte says where the header ends and the body begins.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stripe402_core::protocol::digest::{hex, hmac_sha256};
use stripe402_edge::stripe::webhook::{BadDelivery, open};

const SECRET: &str = "whsec_fuzz";
const NOW: i64 = 1_800_000_000;

fuzz_target!(|data: &[u8]| {
    let [first, rest @ ..] = data else { return };
    let (header, body) = rest.split_at(usize::from(*first).min(rest.len()));
    let header = String::from_utf8_lossy(header);
    assert!(open(body, &header, SECRET, NOW).is_err(), "{header:?} was taken for a signature");

    let signed = [NOW.to_string().as_bytes(), b".", body].concat();
    let signature = hex(&hmac_sha256(SECRET.as_bytes(), &signed));
    let opened = open(body, &format!("t={NOW},v1={signature}"), SECRET, NOW);
    assert!(matches!(opened, Ok(_) | Err(BadDelivery::Body)), "{opened:?}");
    assert_eq!(
        open(body, &format!("t={NOW},v1={signature}"), "whsec_other", NOW),
        Err(BadDelivery::Signature)
    );
});
