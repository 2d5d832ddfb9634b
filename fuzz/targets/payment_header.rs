//! The `payment` header: read or refused, never a panic; what is read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stripe402_core::protocol::{PaymentHeader, decode_payment, encode};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    // As it may come, and as JSON that was encoded as it should be.
    let json = serde_json::from_slice::<serde_json::Value>(data).ok().and_then(|json| encode(&json).ok());
    for header in [Some(text.into_owned()), json].into_iter().flatten() {
        match decode_payment(Some(&header)) {
            Ok(PaymentHeader::Payment(payment)) => {
                let again = payment.to_header().expect("it can be written");
                assert_eq!(decode_payment(Some(&again)), Ok(PaymentHeader::Payment(payment)));
            }
            Ok(PaymentHeader::None) => {}
            Err(invalid) => assert!(!invalid.message.is_empty()),
        }
    }
});
