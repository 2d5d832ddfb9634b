//! Stripe's test cards: what each number does, and the alias (`pm_card_…`) that stands for it.
//! Source: docs.stripe.com/testing. The same number has the same fingerprint, always.

use sha2::{Digest, Sha256};

use super::declines::{self, Decline};
use super::ids;

/// When a card asks for its holder (3-D Secure).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreeDSecure {
    Never,
    /// At every payment; without the holder there, the bank declines.
    Always,
    /// On-session always; off-session only until it was set up by an on-session payment.
    UnlessSetUp,
    /// On-session always; off-session never, as if it had been set up.
    OnSession,
}

/// What happens after a payment has succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    Nothing,
    /// A dispute with this status and reason.
    Dispute(&'static str, &'static str),
    /// The bank warns of fraud; no dispute.
    FraudWarning,
    /// A refund succeeds, then fails.
    RefundFails,
    /// A refund is pending, then succeeds.
    RefundPends,
}

/// How a card behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nature {
    pub(crate) decline: Option<Decline>,
    /// Whether the decline already happens when the card is attached to a customer.
    pub(crate) at_attach: bool,
    pub(crate) three_d_secure: ThreeDSecure,
    /// The payment stays `processing` until a test settles it.
    pub(crate) processing: bool,
    pub(crate) afterwards: Afterwards,
}

/// A row of Stripe's table of test cards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestCard {
    pub(crate) number: &'static str,
    /// Names after `pm_card_` (and `tok_`).
    pub(crate) aliases: &'static [&'static str],
    pub(crate) brand: &'static str,
    pub(crate) funding: &'static str,
    pub(crate) country: &'static str,
    pub(crate) nature: Nature,
}

pub(crate) const WORKS: Nature = Nature {
    decline: None,
    at_attach: false,
    three_d_secure: ThreeDSecure::Never,
    processing: false,
    afterwards: Afterwards::Nothing,
};

const fn brand(
    number: &'static str,
    aliases: &'static [&'static str],
    brand: &'static str,
    funding: &'static str,
) -> TestCard {
    TestCard { number, aliases, brand, funding, country: "US", nature: WORKS }
}

const fn visa(number: &'static str, aliases: &'static [&'static str], nature: Nature) -> TestCard {
    TestCard { number, aliases, brand: "visa", funding: "credit", country: "US", nature }
}

/// Cannot be attached, cannot be charged.
const fn declines(decline: Decline) -> Nature {
    Nature { decline: Some(decline), at_attach: true, ..WORKS }
}

/// Can be attached, cannot be charged.
const fn declines_charges(decline: Decline) -> Nature {
    Nature { decline: Some(decline), ..WORKS }
}

const fn asks(three_d_secure: ThreeDSecure, decline: Option<Decline>) -> Nature {
    Nature { decline, three_d_secure, ..WORKS }
}

const fn afterwards(afterwards: Afterwards) -> Nature {
    Nature { afterwards, ..WORKS }
}

const CARDS: &[TestCard] = &[
    brand("4242424242424242", &["visa"], "visa", "credit"),
    brand("4000056655665556", &["visa_debit"], "visa", "debit"),
    brand("5555555555554444", &["mastercard"], "mastercard", "credit"),
    brand("2223003122003222", &[], "mastercard", "credit"),
    brand("5200828282828210", &["mastercard_debit"], "mastercard", "debit"),
    brand("5105105105105100", &["mastercard_prepaid"], "mastercard", "prepaid"),
    brand("378282246310005", &["amex"], "amex", "credit"),
    brand("6011111111111117", &["discover"], "discover", "credit"),
    brand("3056930009020004", &["diners"], "diners", "credit"),
    brand("3566002020360505", &["jcb"], "jcb", "credit"),
    brand("6200000000000005", &["unionpay"], "unionpay", "credit"),
    visa("4000000000000002", &["visa_chargeDeclined", "chargeDeclined"], declines(declines::GENERIC)),
    visa(
        "4000000000009995",
        &["visa_chargeDeclinedInsufficientFunds", "chargeDeclinedInsufficientFunds"],
        declines(declines::INSUFFICIENT_FUNDS),
    ),
    visa("4000000000009987", &["visa_chargeDeclinedLostCard"], declines(declines::LOST)),
    visa("4000000000009979", &["visa_chargeDeclinedStolenCard"], declines(declines::STOLEN)),
    visa("4000000000000069", &["chargeDeclinedExpiredCard"], declines(declines::EXPIRED)),
    visa("4000000000000127", &["chargeDeclinedIncorrectCvc"], declines(declines::INCORRECT_CVC)),
    visa("4000000000000119", &["chargeDeclinedProcessingError"], declines(declines::PROCESSING_ERROR)),
    visa("4000000000006975", &["visa_chargeDeclinedVelocityLimitExceeded"], declines(declines::VELOCITY)),
    visa("4000000000000341", &["chargeCustomerFail"], declines_charges(declines::GENERIC)),
    visa("4000002500003155", &["authenticationRequiredOnSetup"], asks(ThreeDSecure::UnlessSetUp, None)),
    visa("4000002760003184", &["authenticationRequired"], asks(ThreeDSecure::Always, None)),
    visa(
        "4000003800000446",
        &["authenticationRequiredSetupForOffSession"],
        asks(ThreeDSecure::OnSession, None),
    ),
    visa(
        "4000008260003178",
        &["authenticationRequiredChargeDeclinedInsufficientFunds"],
        asks(ThreeDSecure::Always, Some(declines::INSUFFICIENT_FUNDS)),
    ),
    visa("4000000000003220", &["threeDSecure2Required"], asks(ThreeDSecure::Always, None)),
    visa(
        "4000008400001629",
        &["threeDSecureRequiredChargeDeclined"],
        asks(ThreeDSecure::Always, Some(declines::GENERIC)),
    ),
    visa("4100000000000019", &["radarBlock"], declines_charges(declines::BLOCKED)),
    visa(
        "4000000000000259",
        &["createDispute"],
        afterwards(Afterwards::Dispute("needs_response", "fraudulent")),
    ),
    visa(
        "4000000000002685",
        &["createDisputeProductNotReceived"],
        afterwards(Afterwards::Dispute("needs_response", "product_not_received")),
    ),
    visa(
        "4000000000001976",
        &["createDisputeInquiry"],
        afterwards(Afterwards::Dispute("warning_needs_response", "fraudulent")),
    ),
    visa("4000000000005423", &["createIssuerFraudRecord"], afterwards(Afterwards::FraudWarning)),
    visa("4000000000005126", &["refundFail"], afterwards(Afterwards::RefundFails)),
    visa("4000000000007726", &["pendingRefund"], afterwards(Afterwards::RefundPends)),
    visa("4000000000000077", &["bypassPending"], WORKS),
    // Not Stripe's: a payment that stays `processing` until `/_testbed/payment_intents/{id}/settle`.
    visa("4000000000000085", &["testbedProcessing"], Nature { processing: true, ..WORKS }),
];

/// The card behind `pm_card_…`.
pub(crate) fn by_alias(id: &str) -> Option<&'static TestCard> {
    named(id.strip_prefix("pm_card_")?)
}

/// The card behind `tok_…`.
pub(crate) fn by_token(token: &str) -> Option<&'static TestCard> {
    named(token.strip_prefix("tok_")?)
}

fn named(name: &str) -> Option<&'static TestCard> {
    CARDS.iter().find(|card| card.aliases.contains(&name))
}

/// The card with this number.
pub(crate) fn by_number(number: &str) -> Option<&'static TestCard> {
    CARDS.iter().find(|card| card.number == number)
}

/// Whether the check digit is right (Luhn), and the length that of a card.
pub(crate) fn plausible(number: &str) -> bool {
    let digits: Option<Vec<u32>> = number.chars().map(|digit| digit.to_digit(10)).collect();
    let Some(digits) = digits else { return false };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    (12..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

/// 16 letters and digits that depend on the card number alone.
pub(crate) fn fingerprint(number: &str) -> String {
    let digest = Sha256::digest(format!("testbed fingerprint {number}"));
    ids::alphabetic(&digest[..16])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_test_number_is_a_plausible_card_and_all_are_different() {
        let mut numbers = HashSet::new();
        let mut fingerprints = HashSet::new();
        let mut aliases = HashSet::new();
        for card in CARDS {
            assert!(plausible(card.number), "{}", card.number);
            assert!(numbers.insert(card.number), "{}", card.number);
            assert!(fingerprints.insert(fingerprint(card.number)));
            assert!(card.aliases.iter().all(|alias| aliases.insert(alias)), "{:?}", card.aliases);
        }
        assert!(!plausible("4242424242424241"));
        assert!(!plausible("4242"));
        assert!(!plausible("424242424242424a"));
    }

    #[test]
    fn a_number_keeps_its_fingerprint() {
        assert_eq!(fingerprint("4242424242424242"), fingerprint("4242424242424242"));
        assert_eq!(fingerprint("4242424242424242").len(), 16);
    }
}
