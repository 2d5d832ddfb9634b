//! What a request makes Cloudflare bill, counted by the platform around the Worker as it is deployed, and what it makes
//! Stripe do.

use std::time::Duration;

use serde_json::{Value, json};
use stripe402_e2e::{Card, Layout, Paywall, Request};

use crate::ours::{self, FREE, PRICED};
use crate::report::Work;
use crate::{Outcome, drive};

/// The kind of request that everything here is about.
pub(crate) const PAID: &str = "paid";

/// So many paid requests, and so many of each other kind.
const MANY: usize = 1_000;
const FEW: usize = 20;
const CONNECTIONS: u32 = 16;
const PATIENCE: Duration = Duration::from_mins(1);

/// A route whose price is the smallest top-up, so that every payment with a card is one.
const DEAR: &str = "/api/weather";

/// Counts it for every kind of request.
pub(crate) fn count() -> Outcome<Vec<Work>> {
    let dear = json!({"GET /api/weather": {"amount": 50_000}});
    let paywall = ours::start(ours::config(&dear), Layout::new().counted())?;
    let at = paywall.address();
    let (cards, [client]) = (ours::cards(&paywall, "some", FEW), [paywall.stripe().card("client")]);
    ours::top_up(&paywall, std::slice::from_ref(&client), 1_000_000)?;
    let each = |path: &'static str, pays: fn(&Card) -> String| {
        let request = move |card: &Card| drive::paid(at, path, &pays(card));
        cards.iter().map(request).collect::<Vec<_>>()
    };
    let keyed = |nth| {
        let request = format!(
            "GET {PRICED} HTTP/1.1\r\nhost: {at}\r\npayment: {}\r\nidempotency-key: key-{nth}\r\n\r\n",
            client.spends()
        );
        request.into_bytes()
    };
    let kinds = [
        ("challenge", vec![drive::free(at, PRICED); FEW], 402),
        ("free", vec![drive::free(at, FREE); FEW], 200),
        (PAID, vec![drive::paid(at, PRICED, &client.spends()); MANY], 200),
        ("paid, with an Idempotency-Key", (0..FEW).map(keyed).collect(), 200),
        ("first top-up of a card", each(PRICED, Card::pays), 200),
        ("later top-up, same PaymentMethod", each(DEAR, Card::spends_or_pays), 200),
    ];
    kinds.into_iter().map(|(name, requests, status)| one(&paywall, name, &requests, status)).collect()
}

fn one(paywall: &Paywall, name: &str, requests: &[Vec<u8>], status: u16) -> Outcome<Work> {
    let (stripe_before, origin_before) = (stripe_calls(paywall), origin_requests(paywall)?);
    paywall.counts();
    let (answered, _) = drive::run(ours::server(paywall), CONNECTIONS, requests, PATIENCE, status)?;
    let counts = paywall.counts();
    if answered != requests.len() {
        return Err(format!("{name}: only {answered} of {} were answered", requests.len()).into());
    }
    Ok(Work {
        name: name.to_owned(),
        requests: answered as u64,
        counts,
        stripe_calls: (stripe_calls(paywall) - stripe_before) as u64,
        origin_requests: origin_requests(paywall)? - origin_before,
    })
}

fn stripe_calls(paywall: &Paywall) -> usize {
    paywall.stripe().calls_naming("").len()
}

fn origin_requests(paywall: &Paywall) -> Outcome<u64> {
    let answer: Value = Request::get("/_origin/count").send(ours::origin(paywall)?)?.json();
    answer.get("total").and_then(Value::as_u64).ok_or_else(|| "the origin does not count".into())
}
