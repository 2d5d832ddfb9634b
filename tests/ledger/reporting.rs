//! What the tests of reports start from: the real tables and the real statements on SQLite.

use stripe402_edge::ledger::account::Terms;
use stripe402_edge::ledger::operator::Act;
use stripe402_edge::ledger::{Row, Store, Value};
use stripe402_edge::reports::statements;

use super::given::{DEPLOYMENT, MINUTE, World};
use crate::support::replies::Intent;
use crate::support::sqlite::Sqlite;

/// How long after an entry a handover is due.
pub(crate) const EVERY: i64 = MINUTE;

/// The reports' database: the real tables and the real statements.
pub(crate) struct Reports(Sqlite);

impl Reports {
    pub(crate) fn new() -> Self {
        let sqlite = Sqlite::in_memory();
        sqlite.script(include_str!("../../migrations/0001_reports.sql"));
        Self(sqlite)
    }

    /// A handover arrives.
    pub(crate) fn take(&self, handover: &str) {
        let write = || statements().try_for_each(|sql| self.0.run(sql, &[handover.into()]).map(drop));
        self.0.transaction(&mut || write()).unwrap();
    }

    pub(crate) fn look(&self, sql: &'static str) -> Vec<Vec<String>> {
        shown(self.0.look(sql))
    }

    /// Debits, reversals and amount, by currency, hour and route.
    pub(crate) fn usage(&self) -> Vec<Vec<String>> {
        self.look(
            "SELECT currency, hour, resource, sum(debits), sum(reversals), sum(amount) FROM usage GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        )
    }
}

pub(crate) fn shown(rows: Vec<Row>) -> Vec<Vec<String>> {
    let value = |value: Value| match value {
        Value::Null => "-".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text,
    };
    rows.into_iter().map(|row| row.0.into_iter().map(value).collect()).collect()
}

pub(crate) fn due(world: &World) -> Option<i64> {
    world.account().report_at(EVERY, world.now).unwrap().map(|at| at.since(world.now))
}

/// What is handed over next.
pub(crate) fn handed(world: &World) -> String {
    for _ in 0..100 {
        if let Some(handover) = world.account().report(EVERY, world.now).unwrap() {
            return handover;
        }
    }
    panic!("it does not end");
}

pub(crate) fn confirm(world: &World, handover: &str) {
    world.account().confirm(handover).unwrap();
}

/// Hands over until nothing is due.
pub(crate) fn report(world: &World, reports: &Reports) -> usize {
    let mut handovers = 0;
    while due(world).is_some() {
        let handover = handed(world);
        reports.take(&handover);
        confirm(world, &handover);
        handovers += 1;
        assert!(handovers < 50, "it ends");
    }
    handovers
}

/// What the account's own tables say, entries and sums together.
pub(crate) const EARNED: &str = "
    SELECT currency, hour, resource, sum(debits), sum(reversals), sum(amount) FROM (
        SELECT d.currency, d.at / 3600000 AS hour, coalesce(d.route, d.resource) AS resource, e.kind = 'debit' AS debits,
            e.kind = 'reversal' AS reversals, -e.amount AS amount
        FROM entry AS e JOIN entry AS d ON d.currency = e.currency AND d.seq = coalesce(e.of_seq, e.seq)
        WHERE e.kind IN ('debit', 'reversal')
        UNION ALL SELECT currency, hour, resource, debits, reversals, -amount FROM summary)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";

/// The reports say what the account says, to the unit.
pub(crate) fn agree(world: &World, reports: &Reports) {
    assert_eq!(reports.usage(), shown(world.store.look(EARNED)));
    let both = [
        (
            "SELECT currency, seq, at, kind, amount, source FROM movement ORDER BY currency, seq",
            "SELECT currency, seq, at, kind, amount, coalesce(source, resource) FROM entry
             WHERE kind NOT IN ('debit', 'reversal') ORDER BY currency, seq",
        ),
        (
            "SELECT currency, balance FROM balance ORDER BY currency",
            "SELECT currency, balance FROM entry AS e WHERE seq = (SELECT max(seq) FROM entry WHERE currency = e.currency)
             ORDER BY currency",
        ),
        (
            "SELECT id, started_at, settled_at, outcome, currency, units, payment_intent FROM topup ORDER BY id",
            "SELECT id, started_at, settled_at, outcome, currency, units, payment_intent FROM topup
             WHERE outcome IS NOT NULL AND units > 0 ORDER BY id",
        ),
        (
            "SELECT id, at, payment_intent, currency, amount, status, withdrawn, reinstated FROM dispute ORDER BY id",
            "SELECT id, at, payment_intent, currency, amount, status, withdrawn, reinstated FROM dispute ORDER BY id",
        ),
        (
            "SELECT created_at, customer, frozen FROM account",
            "SELECT created_at, customer, frozen IS NOT NULL OR EXISTS
                (SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review')) FROM account
             WHERE EXISTS (SELECT 1 FROM entry)",
        ),
    ];
    for (theirs, ours) in both {
        assert_eq!(reports.look(theirs), shown(world.store.look(ours)), "{theirs}");
    }
}

pub(crate) fn does(world: &World, act: &Act) {
    let terms = Terms { side: &world.side, deployment: DEPLOYMENT, descriptor_suffix: None };
    world.account().act(act, &terms, world.now).unwrap();
}

pub(crate) fn dispute(world: &World, status: &str, flags: stripe402_edge::ledger::account::DisputeFlags) {
    let truth = stripe402_edge::stripe::Dispute {
        id: "dp_1".to_owned(),
        amount: 200,
        currency: "usd".to_owned(),
        status: status.to_owned(),
    };
    let intent = Intent::new("pi_first", "succeeded").of(&super::given::id(1)).read();
    world.account().announce_dispute(&super::given::id(1), &intent, &truth, flags, world.now).unwrap();
}

pub(crate) fn many(world: &World, debits: i64, routes: i64) {
    let sql = "INSERT INTO entry (currency, seq, at, kind, amount, balance, resource, op)
         WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= ?2)
         SELECT 'usd', i, ?1, 'debit', -1, 50001 - i, 'GET /' || (i % ?3), printf('%032x', i) FROM n";
    world.store.run(sql, &[world.now.into(), debits.into(), routes.into()]).unwrap();
}
