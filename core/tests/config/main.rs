//! The configuration: what is accepted, what is refused and how, and `wrangler.toml` as a whole.

mod accepts;
mod given;
mod refuses;
mod wrangler;
