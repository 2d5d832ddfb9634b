//! A pretend Stripe and a demo origin for the paywall's tests and for `make dev`.
//!
//! What this crate keeps true: both servers listen on 127.0.0.1 only, hold everything in memory, and refuse what
//! the real ones are known to refuse, so that a mistake of ours shows here first. What reached either server is
//! written down and can be read back (`GET /_testbed/requests`, `GET /_origin/requests`).
//!
//! ```
//! use stripe402_testbed::{Options, Testbed};
//!
//! let testbed = Testbed::start(Options::default())?;
//! assert!(testbed.stripe_url().starts_with("http://127.0.0.1:"));
//! assert!(testbed.origin_url().starts_with("http://127.0.0.1:"));
//! # Ok::<(), std::io::Error>(())
//! ```

// Stripe's objects have more fields than `json!` counts by default.
#![recursion_limit = "256"]
// This is a program of the build machine, not of the platform: it reads the host's clock, and counts with plain
// integers whose size is bounded by what a test can send. The lints that keep panics out of the Worker would only
// hide the rules here; panics are confined to the request that caused them.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

mod clock;
mod hex;
mod origin;
mod server;
mod shelf;
mod stripe;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use tokio::runtime::{Builder, Runtime};

/// What to start. The default takes two free ports and behaves as a fresh Stripe account does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The port of the Stripe double on 127.0.0.1; 0 takes a free one.
    pub stripe_port: u16,
    /// The port of the demo origin on 127.0.0.1; 0 takes a free one.
    pub origin_port: u16,
    /// Whether card numbers are accepted under a publishable key from the start. A fresh Stripe account refuses
    /// them; `POST /_testbed/settings` changes it at any time.
    pub publishable_key_tokenization: bool,
}

/// Both servers, running on threads of their own until this is dropped.
#[derive(Debug)]
pub struct Testbed {
    runtime: Option<Runtime>,
    stripe: SocketAddr,
    origin: SocketAddr,
}

impl Testbed {
    /// Starts both servers; they accept connections when this returns. May be called from synchronous and from
    /// asynchronous code.
    ///
    /// # Errors
    /// When a port is taken or threads cannot be started.
    pub fn start(options: Options) -> io::Result<Self> {
        let stripe = listen(options.stripe_port)?;
        let origin = listen(options.origin_port)?;
        let addresses = (stripe.local_addr()?, origin.local_addr()?);
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let entered = runtime.enter();
        let stripe = tokio::net::TcpListener::from_std(stripe)?;
        let origin = tokio::net::TcpListener::from_std(origin)?;
        drop(entered);
        runtime.spawn(server::serve(stripe, stripe::router(options.publishable_key_tokenization)));
        runtime.spawn(server::serve(origin, origin::router()));
        Ok(Self { runtime: Some(runtime), stripe: addresses.0, origin: addresses.1 })
    }

    /// The Stripe double's base URL, without a trailing slash: what `STRIPE_API_BASE` is set to.
    pub fn stripe_url(&self) -> String {
        format!("http://{}", self.stripe)
    }

    /// The demo origin's base URL, without a trailing slash: what `ORIGIN_URL` is set to.
    pub fn origin_url(&self) -> String {
        format!("http://{}", self.origin)
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
