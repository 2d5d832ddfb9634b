//! The gate: the facts of one request go in, one [`Decision`] comes out. Pure: no clock, no I/O, no platform.
//!
//! Kept true here: the price and the resource come from the route table, never from the client; what cannot be read
//! is refused, never free; the path that was priced is the path that is forwarded.

pub mod account;
pub mod admin;
pub mod ahead;
pub mod answer;
pub mod cookie;
pub mod dashboard;
pub mod decide;
pub mod deposit;
pub mod discovery;
pub mod headers;
pub mod health;
pub mod limits;
pub mod location;
pub mod memory;
pub mod negotiation;
pub mod own;
pub mod path;
mod preflight;
pub mod proof;
pub mod readings;
pub mod record;
pub mod reporting;
pub mod route_table;
pub mod said;
pub mod session;

pub use ahead::Ahead;
pub use answer::Answer;
pub use decide::{Decision, Facts, Gate, PaidRequest};
pub use memory::Memory;
pub use own::Own;
pub use path::Target;
pub use route_table::{Found, RouteTable};
