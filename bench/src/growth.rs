//! What a debit costs on an account of ten entries, of ten thousand and of a million, and what an entry takes on disk.
//!
//! Every account has been topped up by the paywall itself; then its database is filled, while nobody has it open, with
//! entries as a debit makes them, one after the other. The smallest account is a new one in each round, so that it is
//! small when it is measured.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::json;
use stripe402_e2e::{Card, Layout, Paywall};

use crate::ours::{self, MUCH, PRICED};
use crate::report::{Figures, Growth, Sample, Spread};
use crate::wish::Wish;
use crate::{Outcome, drive};

/// The sizes, the smallest first.
const SIZES: [u64; 3] = [10, 10_000, 1_000_000];
/// How many debits make one measurement, over how many connections.
const DEBITS: usize = 1_000;
const CONNECTIONS: u32 = 16;
/// The first debits open the database and find its statements unprepared, which is not what grows.
const WARM_UP: usize = 200;
const PATIENCE: Duration = Duration::from_mins(1);

const FILL: &str = "
    WITH RECURSIVE
        last AS (SELECT currency, seq, at, balance FROM entry ORDER BY seq DESC LIMIT 1),
        more (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < ?1)
    INSERT INTO entry (currency, seq, at, kind, amount, balance, resource, op)
    SELECT last.currency, last.seq + n, last.at, 'debit', -100, last.balance - 100 * n, 'GET /api/joke',
           lower(hex(randomblob(16)))
    FROM more, last ORDER BY n";

/// Measures all sizes in turn.
pub(crate) fn measure(wish: &Wish) -> Outcome<Vec<Growth>> {
    let mut paywall = ours::start(ours::config(&json!({})), Layout::new())?;
    let rounds = wish.rounds as usize;
    let mut accounts = Vec::new();
    for entries in SIZES {
        let name = format!("of{entries}_");
        accounts.push(ours::cards(&paywall, &name, if entries == SIZES[0] { rounds } else { 1 }));
    }
    for cards in &accounts {
        ours::top_up(&paywall, cards, MUCH)?;
    }
    paywall.stop();
    let databases = by_client(&paywall.databases())?;
    let mut bytes = Vec::new();
    for (entries, cards) in SIZES.iter().zip(&accounts) {
        for card in cards {
            let database = databases.get(card.client.as_str()).ok_or("an account has no database")?;
            bytes.push((*entries, fill(database, *entries)?));
        }
    }
    paywall.start_again();

    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); SIZES.len()];
    for round in 0..rounds {
        for (cards, samples) in accounts.iter().zip(&mut samples) {
            let card = cards.get(round).or(cards.first()).ok_or("an account for every size")?;
            debit(&paywall, card, WARM_UP)?;
            samples.push(debit(&paywall, card, DEBITS)?);
        }
    }
    let smallest = samples.first().cloned().unwrap_or_default();
    let all = SIZES.iter().zip(&samples).map(|(entries, samples)| Growth {
        entries: *entries,
        debits: DEBITS as u64,
        figures: Figures::of(samples),
        ratio: Spread::of(samples.iter().zip(&smallest).map(|(one, small)| one.cpu / small.cpu)),
        bytes: bytes.iter().find(|(of, _)| of == entries).and_then(|(_, bytes)| *bytes),
    });
    Ok(all.collect())
}

fn debit(paywall: &Paywall, card: &Card, debits: usize) -> Outcome<Sample> {
    let requests = vec![drive::paid(paywall.address(), PRICED, &card.spends()); debits];
    let (paid, sample) = drive::run(ours::server(paywall), CONNECTIONS, &requests, PATIENCE, 200)?;
    if paid == debits { Ok(sample) } else { Err("debits took longer than anybody waits".into()) }
}

/// The databases by whose they are.
fn by_client(paths: &[PathBuf]) -> Outcome<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for path in paths {
        let client =
            Connection::open(path)?.query_row("SELECT client_id FROM account", [], |row| row.get(0))?;
        found.insert(client, path.clone());
    }
    Ok(found)
}

/// Adds entries. Gives what each took, in bytes, where they are many more than fit into a page.
pub(crate) fn fill(database: &Path, entries: u64) -> Outcome<Option<f64>> {
    let connection = Connection::open(database)?;
    let before = size(&connection)?;
    let added = connection.execute(FILL, params![i64::try_from(entries)?])?;
    if added as u64 != entries {
        return Err(format!("{added} entries were added instead of {entries}").into());
    }
    let grown = size(&connection)? - before;
    Ok((entries >= 10_000).then_some(grown as f64 / entries as f64))
}

fn size(connection: &Connection) -> Outcome<i64> {
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    Ok(pages * page)
}
