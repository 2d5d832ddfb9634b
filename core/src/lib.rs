//! What the Worker, its build script, its clients and its tests have to agree on.
//!
//! [`protocol`] is what goes over the wire: money in integer units, identities, the three headers and the
//! JSON in them. [`config`] is what an operator writes, checked by one parser at build time and at run
//! time. Everything here is pure: no clock, no randomness, no I/O, no Cloudflare.

pub mod config;
pub mod json;
pub mod protocol;
