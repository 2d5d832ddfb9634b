//! What the reports say, and what the accounts' own databases say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use rusqlite::{Connection, OpenFlags};

/// What both sides can be asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    /// Debits, reversals and revenue by currency, hour and route.
    pub(crate) usage: BTreeMap<(String, i64, String), [i64; 3]>,
    /// The balance of every account in every currency.
    pub(crate) balances: BTreeMap<(String, String), i64>,
    /// Account, currency, number, kind, amount and source of all that is neither debit nor reversal.
    pub(crate) movements: Vec<(String, String, i64, String, i64, String)>,
    /// Outcome, units and PaymentIntent of every attempt to charge, by its name.
    pub(crate) top_ups: BTreeMap<String, (String, i64, Option<String>)>,
    /// Every dispute's status, and whether its money is gone.
    pub(crate) disputes: BTreeMap<String, (String, i64, i64)>,
    /// The accounts that were ever credited, and whether they are frozen.
    pub(crate) accounts: BTreeMap<String, i64>,
    /// How many top-ups and refunds are under way.
    pub(crate) open: i64,
}

const OURS: [&str; 6] = [
    "SELECT currency, hour, resource, sum(debits), sum(reversals), sum(amount) FROM (
        SELECT d.currency, d.at / 3600000 AS hour, coalesce(d.route, d.resource) AS resource, e.kind = 'debit' AS debits,
            e.kind = 'reversal' AS reversals, -e.amount AS amount
        FROM entry AS e JOIN entry AS d ON d.currency = e.currency AND d.seq = coalesce(e.of_seq, e.seq)
        WHERE e.kind IN ('debit', 'reversal')
        UNION ALL SELECT currency, hour, resource, debits, reversals, -amount FROM summary) GROUP BY 1, 2, 3",
    "SELECT ?1, currency, balance FROM entry AS e WHERE seq = (SELECT max(seq) FROM entry WHERE currency = e.currency)",
    "SELECT ?1, currency, seq, kind, amount, coalesce(source, resource) FROM entry WHERE kind NOT IN ('debit', 'reversal')",
    "SELECT id, outcome, units, payment_intent FROM topup WHERE outcome IS NOT NULL AND units > 0",
    "SELECT id, status, withdrawn, reinstated FROM dispute",
    "SELECT ?1, frozen IS NOT NULL OR EXISTS
        (SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review')) FROM account WHERE EXISTS
        (SELECT 1 FROM entry)",
];

const THEIRS: [&str; 6] = [
    "SELECT currency, hour, resource, sum(debits), sum(reversals), sum(amount) FROM usage GROUP BY 1, 2, 3",
    "SELECT account, currency, balance FROM balance",
    "SELECT account, currency, seq, kind, amount, source FROM movement",
    "SELECT id, outcome, units, payment_intent FROM topup",
    "SELECT id, status, withdrawn, reinstated FROM dispute",
    "SELECT account, frozen FROM account",
];

fn opened(path: &PathBuf) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database")
}

fn has(connection: &Connection, table: &str) -> bool {
    let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
    connection.query_row(sql, [table], |row| row.get::<_, i64>(0)).expect("a schema") > 0
}

/// The reports' database. None: it has no tables yet.
pub(crate) fn reports(databases: &[PathBuf]) -> Option<Connection> {
    databases.iter().map(opened).find(|one| has(one, "movement"))
}

impl Books {
    /// What the reports say.
    pub(crate) fn reported(databases: &[PathBuf]) -> Option<Self> {
        let mut books = Self::default();
        books.read(&reports(databases)?, THEIRS, None);
        books.movements.sort();
        Some(books)
    }

    /// What the accounts say.
    pub(crate) fn own(databases: &[PathBuf]) -> Self {
        let mut books = Self::default();
        for path in databases {
            let connection = opened(path);
            if !has(&connection, "entry") {
                continue;
            }
            let client: Option<String> = connection
                .query_row("SELECT max(client_id) FROM account", [], |row| row.get(0))
                .expect("a row");
            let Some(client) = client else { continue };
            let client = stripe402_core::protocol::ClientId::parse(&client).expect("a client id");
            let account = stripe402_core::protocol::AccountId::of(&client);
            books.read(&connection, OURS, Some(account.as_str()));
            let open = "SELECT (SELECT count(*) FROM topup WHERE open = 1)
                + (SELECT count(*) FROM payback WHERE wake_at IS NOT NULL)";
            books.open += connection.query_row(open, [], |row| row.get::<_, i64>(0)).expect("a number");
        }
        books.movements.sort();
        books
    }

    fn read(&mut self, connection: &Connection, sql: [&str; 6], account: Option<&str>) {
        let mut nth = 0;
        let mut rows = |each: &mut dyn FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>| {
            let mut statement = connection.prepare(sql[nth]).expect("a query");
            nth += 1;
            let bound: Vec<&str> = account.into_iter().take(statement.parameter_count()).collect();
            let mut rows = statement.query(rusqlite::params_from_iter(bound)).expect("rows");
            while let Some(row) = rows.next().expect("a row") {
                each(row).expect("columns");
            }
        };
        rows(&mut |row| {
            let sum = self.usage.entry((row.get(0)?, row.get(1)?, row.get(2)?)).or_default();
            *sum = [
                sum[0] + row.get::<_, i64>(3)?,
                sum[1] + row.get::<_, i64>(4)?,
                sum[2] + row.get::<_, i64>(5)?,
            ];
            Ok(())
        });
        rows(&mut |row| {
            self.balances.insert((row.get(0)?, row.get(1)?), row.get(2)?).map_or(Ok(()), |_| panic!("twice"))
        });
        rows(&mut |row| {
            self.movements.push((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
            ));
            Ok(())
        });
        rows(&mut |row| {
            self.top_ups.insert(row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
            Ok(())
        });
        rows(&mut |row| {
            self.disputes.insert(row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
            Ok(())
        });
        rows(&mut |row| {
            self.accounts.insert(row.get(0)?, row.get(1)?);
            Ok(())
        });
    }

    /// In what two differ, in short.
    pub(crate) fn difference(&self, other: &Self) -> String {
        let mut said = format!("{} are open; ", self.open);
        for (one, two) in [
            (format!("{:?}", self.usage), format!("{:?}", other.usage)),
            (format!("{:?}", self.balances), format!("{:?}", other.balances)),
            (format!("{:?}", self.movements), format!("{:?}", other.movements)),
            (format!("{:?}", self.top_ups), format!("{:?}", other.top_ups)),
            (format!("{:?}", self.disputes), format!("{:?}", other.disputes)),
            (format!("{:?}", self.accounts), format!("{:?}", other.accounts)),
        ] {
            if one != two {
                let same = one.bytes().zip(two.bytes()).take_while(|(one, two)| one == two).count();
                let part =
                    |text: &str| -> String { text.chars().skip(same.saturating_sub(90)).take(200).collect() };
                let _ = write!(said, "\nours …{}\ntheirs …{}", part(&one), part(&two));
            }
        }
        said
    }

    /// Revenue in a currency.
    pub(crate) fn revenue(&self, currency: &str) -> i64 {
        self.usage.iter().filter(|((known, ..), _)| known == currency).map(|(_, sums)| sums[2]).sum()
    }
}
