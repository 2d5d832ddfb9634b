//! What the operator writes, checked by one parser on both sides.
//!
//! `build.rs` and the Worker run the very same [`Settings::parse`] over JSON: whatever `wrangler.toml`, the
//! dashboard, `--var` or `.dev.vars` hold becomes JSON first. So a wrong price never deploys, and what was
//! checked at build time is what runs. Every mistake is reported at once, with its place, what was found,
//! what was expected, and the nearest name that exists; a secret's value never appears in a report.

mod errors;
pub mod path;
mod pattern;
mod price;
mod routes;
mod secrets;
mod settings;
mod url;
mod value;
mod variables;
pub mod wrangler;

pub use errors::{ConfigError, ConfigErrors, Warning};
pub use path::PathError;
pub use pattern::{Pattern, PatternError, Segment};
pub use price::{DEFAULT_MIN_TOP_UP, Price, price_table};
pub use routes::{ChargeOn, Route, RouteMethod};
pub use secrets::{Mode, Secrets, account_of_key};
pub use settings::{CorsOrigins, Input, OriginTarget, Paywall, Phase, Settings, UnlistedMethods, Unmatched};
pub use variables::{Binding, Kind, VARIABLES, Variable, is_setting};
