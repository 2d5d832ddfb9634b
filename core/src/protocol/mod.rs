//! The stripe402 protocol, version 1: money, identities, messages and headers.
//!
//! Holds what both ends must read and write alike, byte for byte: `tests/vectors/stripe402.json` pins it
//! to the reference implementation, and the tests name each place where this crate is stricter on purpose.

pub mod currency;
pub mod digest;
pub mod error_code;
pub mod headers;
pub mod ids;
pub mod messages;
pub mod payment;
pub mod units;

pub use currency::{Currency, PriceError, UnknownCurrency};
pub use error_code::ErrorCode;
pub use headers::{MAX_HEADER_BYTES, PAYMENT, PAYMENT_REQUIRED, PAYMENT_RESPONSE};
pub use headers::{MalformedHeader, decode, decode_bytes, encode};
pub use ids::{AccountId, ClientId, InvalidId, PaymentMethodId, deployment_tag};
pub use messages::{Accept, Action, PaymentRequired, PaymentResponse, Resource, VERSION};
pub use payment::{InvalidPayment, Payment, PaymentHeader, check_top_up, decode_payment};
pub use units::{MinorAmount, Units};
