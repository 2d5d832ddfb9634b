//! What a request makes Cloudflare bill, counted by the platform around the Worker as it is deployed, and what it makes
//! Stripe do.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};
use stripe402_e2e::{Card, Layout, Paywall, Request};

use crate::ours::{self, FREE, MUCH, PRICED};
use crate::report::Work;
use crate::{Outcome, drive, growth};

/// The kind of request that everything here is about.
pub(crate) const PAID: &str = "paid";

/// What an old debit costs once more.
pub(crate) const SUMMED_UP: &str = "a debit, summed up when it is old";

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
    let all = kinds.into_iter().map(|(name, requests, status)| one(&paywall, name, &requests, status));
    all.chain([summed_up()]).collect()
}

/// Lets a year go by over so many debits, and counts what the alarms do then. The one top-up that sets the first of them
/// is counted with it.
fn summed_up() -> Outcome<Work> {
    const DEBITS: u64 = 5_000;
    let dear = json!({"GET /api/weather": {"amount": MUCH}});
    let mut paywall = ours::start(ours::config(&dear), Layout::new().counted())?;
    let card = paywall.stripe().card("old");
    ours::top_up(&paywall, std::slice::from_ref(&card), MUCH)?;
    paywall.stop();
    let databases = paywall.databases();
    let database = databases.first().ok_or("the account has no database")?;
    growth::fill(database, DEBITS)?;
    Connection::open(database)?.execute("UPDATE entry SET at = at - 365 * 86400000", [])?;
    paywall.start_again();

    let stripe_before = stripe_calls(&paywall);
    let request = [drive::paid(paywall.address(), DEAR, &card.spends_or_pays())];
    drive::run(ours::server(&paywall), 1, &request, PATIENCE, 200)?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut left = || -> Outcome<Option<()>> {
        for (name, count) in paywall.counts() {
            *counts.entry(name).or_default() += count;
        }
        let sql = "SELECT count(*) FROM entry WHERE kind = 'debit'";
        let debits: i64 = Connection::open(database)?.query_row(sql, [], |row| row.get(0))?;
        // The debit of the request that has just been paid is young.
        Ok((debits == 1).then_some(()))
    };
    let began = Instant::now();
    while left()?.is_none() {
        if began.elapsed() > PATIENCE {
            return Err("old debits are not summed up".into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    // The last alarm may still be at it.
    std::thread::sleep(Duration::from_millis(500));
    left()?;
    Ok(Work {
        name: SUMMED_UP.to_owned(),
        requests: DEBITS,
        stripe_calls: (stripe_calls(&paywall) - stripe_before) as u64,
        origin_requests: 1,
        counts,
    })
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
