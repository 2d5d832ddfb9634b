//! A card that pays: Stripe makes a payment method of it, with the publishable key from the challenge.
//!
//! Kept true here: a card number goes to Stripe and nowhere else, in a body, over https; it is in no error, no log and no
//! `Debug`.

mod stripe;

use crate::payer::{Ask, Means, Payer, PayerError};
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::fmt;
use stripe402_core::protocol::{PaymentMethodId, Units};
use url::Url;

/// What is printed on a card.
pub struct Card {
    number: SecretString,
    month: u8,
    year: u16,
    cvc: Option<SecretString>,
}

/// Why a card is none, or Stripe made no payment method of it. Never quotes the card.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The number has a wrong length, other characters than digits, or a wrong check digit.
    #[error("that is not a card number")]
    Number,
    /// Not a month and a year.
    #[error("expected the expiry as MM/YY, such as 09/31")]
    Expiry,
    /// Not three or four digits.
    #[error("the security code (CVC) has three or four digits")]
    Cvc,
    /// The challenge's key is not one that Stripe gives for this.
    #[error("the server's challenge has no publishable key of Stripe's (pk_test_… or pk_live_…)")]
    PublishableKey,
    /// Another address than Stripe's, and not this machine.
    #[error("cards are sent to https://api.stripe.com only (or, in tests, to this machine)")]
    NotStripe,
    /// The account takes no card numbers under its publishable key, as is the default.
    #[error(
        "the Stripe account of this API takes no card numbers from programs: its operator has to switch on \"publishable \
         key card tokenization\" in Stripe's dashboard (Settings, Integration: \
         https://dashboard.stripe.com/settings/integration). Until then, pay with a payment method (pm_…) that a page \
         with Stripe.js made"
    )]
    TokenizationOff,
    /// Stripe's words about the card.
    #[error("Stripe refused the card: {0}")]
    Refused(String),
    /// Stripe did not answer, or not in its own way.
    #[error("Stripe could not be asked for a payment method: {0}")]
    Unreachable(String),
}

impl Card {
    /// Checks what was typed: `4242 4242 4242 4242`, `09/31`, `123`. Spaces and dashes in the number are ignored; the
    /// security code may be missing.
    ///
    /// ```
    /// use stripe402_client::Card;
    /// let card = Card::parse("4242 4242 4242 4242", "09/31", Some("123")).unwrap();
    /// assert_eq!(format!("{card:?}"), "Card(…)");
    /// ```
    pub fn parse(number: &str, expiry: &str, cvc: Option<&str>) -> Result<Self, CardError> {
        let number: String = number.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
        if !(12..=19).contains(&number.len()) || !luhn(&number) {
            return Err(CardError::Number);
        }
        let (month, year) = expiry.split_once(['/', '-']).ok_or(CardError::Expiry)?;
        let number_of = |text: &str| text.trim().parse::<u16>().map_err(|_| CardError::Expiry);
        let (month, year) = (number_of(month)?, number_of(year)?);
        let year = if year < 100 { year.saturating_add(2000) } else { year };
        let month = u8::try_from(month).map_err(|_| CardError::Expiry)?;
        if !(1..=12).contains(&month) || !(2000..=2100).contains(&year) {
            return Err(CardError::Expiry);
        }
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let cvc = cvc.map(str::trim).filter(|cvc| !cvc.is_empty());
        if cvc.is_some_and(|cvc| !(3..=4).contains(&cvc.len()) || !digits(cvc)) {
            return Err(CardError::Cvc);
        }
        Ok(Self { number: number.into(), month, year, cvc: cvc.map(SecretString::from) })
    }

    /// The form that Stripe takes.
    fn form(&self) -> SecretString {
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(256));
        form.append_pair("type", "card")
            .append_pair("card[number]", self.number.expose_secret())
            .append_pair("card[exp_month]", &self.month.to_string())
            .append_pair("card[exp_year]", &self.year.to_string());
        if let Some(cvc) = &self.cvc {
            form.append_pair("card[cvc]", cvc.expose_secret());
        }
        form.finish().into()
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Card(…)")
    }
}

/// The check digit of card numbers (ISO/IEC 7812-1, annex B).
fn luhn(number: &str) -> bool {
    let mut sum = 0_u32;
    for (nth, letter) in number.chars().rev().enumerate() {
        let Some(digit) = letter.to_digit(10) else { return false };
        let doubled = if nth % 2 == 1 { digit.saturating_mul(2) } else { digit };
        sum = sum.saturating_add(doubled / 10).saturating_add(doubled % 10);
    }
    sum.is_multiple_of(10)
}

/// Pays with a card. Stripe makes one payment method of it for each API's Stripe account; that is used again as long as
/// this payer lives.
pub struct CardPayer {
    card: Card,
    stripe: Url,
    top_up: Option<Units>,
    made: tokio::sync::Mutex<BTreeMap<String, PaymentMethodId>>,
}

impl CardPayer {
    /// Pays with this card, for the smallest top-up that the server takes.
    pub fn new(card: Card) -> Result<Self, CardError> {
        Self::at(card, "https://api.stripe.com")
    }

    /// The same with a pretend Stripe on this machine, for tests.
    pub fn at(card: Card, stripe: &str) -> Result<Self, CardError> {
        let stripe = Url::parse(stripe).map_err(|_| CardError::NotStripe)?;
        if !is_stripe(&stripe) {
            return Err(CardError::NotStripe);
        }
        Ok(Self { card, stripe, top_up: None, made: tokio::sync::Mutex::default() })
    }

    /// Charges so much instead of the smallest top-up.
    pub const fn top_up(mut self, units: Option<Units>) -> Self {
        self.top_up = units;
        self
    }

    async fn payment_method(&self, key: &str) -> Result<PaymentMethodId, CardError> {
        if !is_publishable(key) {
            return Err(CardError::PublishableKey);
        }
        // One at a time: who comes second finds what the first one was given.
        let mut made = self.made.lock().await;
        if let Some(known) = made.get(key) {
            return Ok(known.clone());
        }
        let url = self.stripe.join("/v1/payment_methods").map_err(|_| CardError::NotStripe)?;
        let method = stripe::create(&url, key, &self.card.form()).await?;
        made.insert(key.to_owned(), method.clone());
        Ok(method)
    }
}

impl fmt::Debug for CardPayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardPayer")
            .field("card", &self.card)
            .field("top_up", &self.top_up)
            .finish_non_exhaustive()
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Payer for CardPayer {
    async fn pay(&self, ask: &Ask<'_>) -> Result<Option<Means>, PayerError> {
        let payment_method = self.payment_method(&ask.offer.publishable_key).await?;
        Ok(Some(Means { payment_method, top_up: self.top_up }))
    }
}

fn is_stripe(url: &Url) -> bool {
    let stripe = url.scheme() == "https" && url.host_str() == Some("api.stripe.com") && url.port().is_none();
    let here = match url.host() {
        Some(url::Host::Ipv4(address)) => url.scheme() == "http" && address.is_loopback(),
        Some(url::Host::Ipv6(address)) => url.scheme() == "http" && address.is_loopback(),
        Some(url::Host::Domain(_)) | None => false,
    };
    stripe || here
}

fn is_publishable(key: &str) -> bool {
    let rest = key.strip_prefix("pk_test_").or_else(|| key.strip_prefix("pk_live_"));
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    rest.is_some_and(|rest| !rest.is_empty() && key.len() <= 255 && rest.bytes().all(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_checked_before_it_is_sent_anywhere() {
        for number in ["4242424242424242", "3782 822463 10005", "6011-1111-1111-1117"] {
            assert!(Card::parse(number, "9/31", None).is_ok(), "{number}");
        }
        let error = |number, expiry, cvc| Card::parse(number, expiry, cvc).err();
        for number in ["", "4242424242424241", "42424242424", "4242 4242 4242 424x", "42424242424242424242"] {
            assert_eq!(error(number, "09/31", None), Some(CardError::Number), "{number}");
        }
        for expiry in ["", "09", "13/31", "0/31", "09/1999", "09/3100", "09/", "x/31"] {
            assert_eq!(error("4242424242424242", expiry, None), Some(CardError::Expiry), "{expiry}");
        }
        for cvc in ["12", "12345", "12x"] {
            assert_eq!(error("4242424242424242", "09/31", Some(cvc)), Some(CardError::Cvc), "{cvc}");
        }
    }

    #[test]
    fn the_form_is_the_one_that_stripe_takes() {
        let card = Card::parse("4242 4242 4242 4242", "09/31", Some("123")).unwrap();
        let expected = "type=card&card%5Bnumber%5D=4242424242424242&card%5Bexp_month%5D=9&card%5Bexp_year%5D=2031\
                        &card%5Bcvc%5D=123";
        assert_eq!(card.form().expose_secret(), expected);
        let payer = CardPayer::new(card).unwrap();
        for shown in [format!("{payer:?}"), format!("{:#?}", payer.card), format!("{:?}", payer.card.form())]
        {
            assert!(!shown.contains("4242") && !shown.contains("123"), "{shown}");
        }
    }

    #[test]
    fn cards_go_to_stripe_alone() {
        let at = |url| CardPayer::at(Card::parse("4242424242424242", "09/31", None).unwrap(), url).is_ok();
        for url in ["https://api.stripe.com", "http://127.0.0.1:8420", "http://[::1]:8420"] {
            assert!(at(url), "{url}");
        }
        for url in [
            "http://api.stripe.com",
            "https://api.stripe.com.evil.example",
            "https://api.stripe.com@evil.example",
            "https://api.stripe.com:8443",
            "http://localhost:8420",
            "https://evil.example",
            "nonsense",
        ] {
            assert!(!at(url), "{url}");
        }
        for (key, good) in [
            ("pk_test_testbed", true),
            ("pk_live_51Example", true),
            ("pk_test_", false),
            ("sk_live_51Example", false),
            ("pk_test_a\r\nx: y", false),
            ("", false),
        ] {
            assert_eq!(is_publishable(key), good, "{key:?}");
        }
    }
}
