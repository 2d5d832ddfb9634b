//! What holds for every input, tried on many.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    reason = "a test may fail loudly, and its tables are long"
)]

use proptest::prelude::*;
use stripe402_core::config::{Pattern, path};
use stripe402_core::protocol::{
    AccountId, ClientId, Currency, MinorAmount, Payment, PaymentHeader, PaymentMethodId, PaymentRequired,
    PaymentResponse, Units, decode, decode_bytes, decode_payment, encode,
};

fn any_currency() -> impl Strategy<Value = Currency> {
    proptest::sample::select(Currency::all().collect::<Vec<_>>())
}

fn any_payment() -> impl Strategy<Value = Payment> {
    let client = proptest::option::of("[0-9a-f]{64}");
    let card = proptest::option::of("pm_[A-Za-z0-9_]{1,252}");
    let top_up = proptest::option::of(0..=9_007_199_254_740_991_i64);
    (client, card, top_up).prop_map(|(client, card, top_up)| Payment {
        client_id: client.map(|id| ClientId::parse(&id).unwrap()),
        payment_method: card.map(|id| PaymentMethodId::parse(&id).unwrap()),
        top_up: top_up.map(|amount| Units::new(amount).unwrap()),
    })
}

/// Text that comes near the protocol's JSON.
fn near_json() -> impl Strategy<Value = String> {
    let token = proptest::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\u0000",
        "null",
        "true",
        "1",
        "-",
        "1e9",
        "50000",
        "\"stripe402Version\":1",
        "\"clientId\":",
        "\"paymentMethodId\":",
        "\"pm_visa\"",
        "\"topUpAmount\":",
        " ",
        "\\",
        "é",
    ]);
    proptest::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decoding_any_text_gives_an_outcome(text in "\\PC*") {
        let _ = decode_payment(Some(&text));
        let _ = decode_bytes(&text);
        let _ = decode::<PaymentRequired>(&text);
        let _ = decode::<PaymentResponse>(&text);
    }

    #[test]
    fn decoding_any_bytes_gives_an_outcome(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        struct Raw<'a>(&'a [u8]);
        impl serde::Serialize for Raw<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&String::from_utf8_lossy(self.0))
            }
        }
        let header = encode(&Raw(&bytes)).unwrap();
        prop_assert!(decode_bytes(&header).is_ok());
        let _ = decode_payment(Some(&header));
    }

    #[test]
    fn a_payment_that_is_read_has_something_to_pay_with(json in near_json()) {
        let header = base64_of(&json);
        if let Ok(PaymentHeader::Payment(payment)) = decode_payment(Some(&header)) {
            prop_assert!(payment.client_id.is_some() || payment.payment_method.is_some());
            prop_assert!(payment.top_up.is_none_or(|amount| !amount.is_negative()));
        }
    }

    #[test]
    fn a_payment_survives_its_header(payment in any_payment()) {
        let read = decode_payment(Some(&payment.to_header().unwrap())).unwrap();
        if payment.client_id.is_none() && payment.payment_method.is_none() {
            prop_assert_eq!(read, PaymentHeader::None);
        } else {
            prop_assert_eq!(read, PaymentHeader::Payment(payment));
        }
    }

    #[test]
    fn a_charge_covers_its_units_and_none_smaller_does(currency in any_currency(), units in 1..10_000_000_000_i64) {
        let units = Units::new(units).unwrap();
        let Some(charge) = currency.charge_for(units) else {
            prop_assert!(units > currency.units_of(currency.stripe_maximum()).unwrap());
            return Ok(());
        };
        let covered = currency.units_of(charge).unwrap();
        prop_assert!(covered >= units, "{covered} covers {units}");
        prop_assert_eq!(currency.charge_for(covered), Some(charge), "a charge is its own charge");
        prop_assert_eq!(currency.round_up_chargeable(units), Some(covered));
        // Every amount that Stripe takes and that is smaller falls short.
        let step = match currency.code() {
            "bhd" | "jod" | "kwd" | "omr" | "tnd" => 10,
            "isk" | "ugx" => 100,
            _ => 1,
        };
        prop_assert_eq!(charge.get() % step, 0);
        if let Some(smaller) = MinorAmount::new(charge.get() - step) {
            prop_assert!(currency.units_of(smaller).unwrap() < units);
        }
    }

    #[test]
    fn a_price_is_read_back_from_its_decimal(currency in any_currency(), units in 0..=9_007_199_254_740_991_i64) {
        let units = Units::new(units).unwrap();
        prop_assert_eq!(currency.parse_price(&units.to_decimal()), Ok(units));
    }

    #[test]
    fn reading_a_price_never_panics_and_never_rounds(text in "[0-9]{0,20}\\.?[0-9]{0,8}") {
        if let Ok(units) = Currency::USD.parse_price(&text) {
            let shown = units.to_decimal();
            let canonical = text.trim_start_matches('0');
            let canonical = if text.contains('.') { canonical.trim_end_matches('0').trim_end_matches('.') } else { canonical };
            let canonical = if canonical.is_empty() || canonical.starts_with('.') { format!("0{canonical}") } else { canonical.to_owned() };
            prop_assert_eq!(shown, canonical);
        }
    }

    #[test]
    fn the_canonical_reading_and_the_fold_are_stable(raw in "/[a-zA-Z0-9%/.;:_~\\\\é☂ -]{0,40}") {
        if let Ok(once) = path::canonical(&raw) {
            prop_assert!(once.is_ascii());
            let twice = path::canonical(&once).unwrap();
            prop_assert_eq!(&twice, &once);
            // Folding does not leave what the canonical reading has made alike.
            prop_assert_eq!(path::fold(&once).to_ascii_uppercase(), path::fold(&once.to_ascii_uppercase()).to_ascii_uppercase());
        }
    }

    #[test]
    fn escaping_an_unreserved_character_changes_nothing(path in "/[a-z/]{0,8}", letter in "[a-zA-Z0-9._~-]", upper in any::<bool>()) {
        let code = letter.as_bytes()[0];
        let escape = if upper { format!("%{code:02X}") } else { format!("%{code:02x}") };
        prop_assert_eq!(path::canonical(&format!("{path}{escape}")), path::canonical(&format!("{path}{letter}")));
    }

    #[test]
    fn no_path_makes_the_pattern_reader_panic(raw in "\\PC{0,30}") {
        let _ = Pattern::parse(&raw);
        let _ = Pattern::parse(&format!("/{raw}"));
    }

    #[test]
    fn a_pattern_is_read_back_from_its_own_text(raw in "/[a-zA-Z0-9%é:*/._-]{0,30}") {
        if let Ok(pattern) = Pattern::parse(&raw) {
            prop_assert_eq!(Pattern::parse(&pattern.to_string()), Ok(pattern));
        }
    }

    #[test]
    fn client_ids_are_well_formed_and_accounts_hide_them(secret in proptest::collection::vec(any::<u8>(), 0..100), fingerprint in "\\PC{0,40}") {
        let client = ClientId::derive(&secret, &fingerprint);
        prop_assert_eq!(ClientId::parse(client.as_str()), Ok(client.clone()));
        let account = AccountId::of(&client);
        prop_assert_eq!(AccountId::parse(account.as_str()), Ok(account.clone()));
        prop_assert_ne!(account.as_str(), client.as_str());
    }
}

fn base64_of(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}
