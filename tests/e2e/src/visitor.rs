//! Who asks the paywall. Each test is a visitor of its own, so that many can visit one paywall at a time.

use std::io;

use crate::http::Incoming;
use crate::{Arrived, Paywall, Request, Response};

/// The header by which the origin's log tells one visitor from another.
pub(crate) const NAME: &str = "x-visitor";

/// Someone who asks.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'p> {
    paywall: &'p Paywall,
    name: &'static str,
}

impl<'p> Visitor<'p> {
    pub(crate) fn new(paywall: &'p Paywall, name: &'static str) -> Self {
        Self { paywall, name }
    }

    /// Asks, and gives the whole answer.
    pub fn asks(&self, request: Request) -> Response {
        let request = request.header(NAME, self.name);
        request.send(self.paywall.address()).unwrap_or_else(|error| {
            panic!("no answer to {request:?}: {error}\nwrangler:\n{}", self.paywall.said())
        })
    }

    /// Asks, and gives the answer as soon as its headers are there.
    pub fn opens(&self, request: Request) -> io::Result<Incoming> {
        request.header(NAME, self.name).open(self.paywall.address())
    }

    /// GET without a payment.
    pub fn gets(&self, target: &str) -> Response {
        self.asks(Request::get(target))
    }

    /// GET with a payment.
    pub fn pays(&self, target: &str, payment: &str) -> Response {
        self.asks(Request::get(target).payment(payment))
    }

    /// What of it reached the origin.
    pub fn reached(&self) -> Vec<Arrived> {
        self.paywall.origin().arrived_from(self.name)
    }
}
