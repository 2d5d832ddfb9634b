//! What the host tests share: a database, and Stripe's answers as values. Each test crate uses a part of it.

#![allow(dead_code, reason = "each test crate uses a part")]

pub(crate) mod replies;
pub(crate) mod sqlite;
