//! Addresses behind which nobody listens: Stripe's, and the origin's.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use stripe402_core::protocol::ErrorCode;
use stripe402_e2e::{Config, Paywall, Response, Stripe, free_port};
use stripe402_testbed::{Options, Testbed};

use crate::assert_paid;

/// Asserts a 502 for which the debit was given back.
#[track_caller]
fn assert_gone(answer: &Response, credits: i64) {
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let receipt = answer.receipt();
    assert_eq!((receipt.success, receipt.credits_remaining.get()), (false, credits));
    assert_eq!(receipt.error.as_deref(), Some("Nothing was served, so the request was not charged."));
}

/// Listens, and cuts every connection, until it is dropped.
struct Cuts {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<usize>>,
}

impl Cuts {
    fn on(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let address = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let cut = listener.incoming().take_while(|stream| {
                // With the request unread, this is a reset.
                drop(stream.as_ref().map(|stream| stream.shutdown(std::net::Shutdown::Both)));
                !told.load(Ordering::SeqCst)
            });
            cut.count()
        });
        Self { address, over, thread: Some(thread) }
    }

    /// Ends it, and tells how many connections it cut.
    fn end(mut self) -> usize {
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap()
    }
}

#[test]
fn what_cannot_be_reached_costs_nothing_and_works_once_it_can() {
    let (stripe_port, origin_port) = (free_port(), free_port());
    let address = |port: u16| format!("http://127.0.0.1:{port}");
    let config =
        Config::new().var("STRIPE_API_BASE", address(stripe_port)).var("ORIGIN_URL", address(origin_port));
    let paywall = Paywall::start(config);
    let visitor = paywall.visitor("unreachable");
    let card = stripe402_e2e::Card::new("pm_unreachable", "fp_unreachable");

    // Nobody is Stripe: nothing is known, nothing is refused.
    let answer = visitor.pays("/api/joke", &card.pays());
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.failure().error_code, Some(ErrorCode::PaymentFailed));
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));

    // Stripe is there: the same payment is charged once. Nobody is the origin: all of it stays as credit.
    let testbed = Testbed::start(Options { stripe_port, ..Options::default() }).unwrap();
    let stripe = Stripe::at(&testbed.stripe_url());
    stripe.lays_out("unreachable", "unreachable", &serde_json::json!({}));
    let answer = visitor.pays("/api/joke", &card.pays());
    assert_gone(&answer, 50_000);
    assert_eq!(stripe.charges(&card), [(answer.receipt().charge_id.unwrap(), 500, "usd".into())]);
    assert_gone(&visitor.pays("/api/joke", &card.spends()), 50_000);
    let free = visitor.gets("/free");
    assert_eq!((free.status, free.header("payment-response")), (502, None));
    assert_eq!(free.header("content-type"), Some("application/problem+json"));

    // An origin that cuts the connection instead of answering is no better.
    let cuts = Cuts::on(origin_port);
    assert_gone(&visitor.pays("/api/joke", &card.spends()), 50_000);
    assert!(cuts.end() > 0, "it was asked");

    // The origin is there: the credit pays.
    let origin = Testbed::start(Options { origin_port, ..Options::default() }).unwrap();
    assert_eq!(assert_paid(&visitor.pays("/api/joke", &card.spends()), 49_900), None);
    assert_eq!(stripe.charges(&card).len(), 1);
    drop(origin);
}
