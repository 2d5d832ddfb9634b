//! What writes a handover of an account (`ledger/reports`) into the reports' database: the statements of one batch.
//!
//! Kept true here: each takes the whole handover as its only parameter, so that nothing is bound by hand; all of them are
//! upserts of absolute values, and one that comes late never overwrites a later one. The same handover again changes
//! nothing. The tables: `migrations/`.

/// The statements, between semicolons, to be run as one transaction, each with the handover's JSON bound to `?1`.
pub const WRITE: &str = concat!(
    "INSERT INTO account (account, created_at, updated_at, customer, frozen, handover)
     SELECT ?1 ->> 'account', value ->> 1, ?1 ->> 'at', value ->> 2, value ->> 3, ?1 ->> 'handover'
     FROM json_each(?1, '$.register') WHERE true
     ON CONFLICT DO UPDATE SET created_at = excluded.created_at, updated_at = excluded.updated_at,
        customer = excluded.customer, frozen = excluded.frozen, handover = excluded.handover
     WHERE excluded.handover >= handover;",
    "INSERT INTO balance (account, currency, balance, updated_at, handover)
     SELECT ?1 ->> 'account', value ->> 0, value ->> 1, ?1 ->> 'at', ?1 ->> 'handover'
     FROM json_each(?1, '$.balance') WHERE true
     ON CONFLICT DO UPDATE SET balance = excluded.balance, updated_at = excluded.updated_at,
        handover = excluded.handover
     WHERE excluded.handover >= handover;",
    "INSERT INTO usage (currency, hour, resource, account, since, debits, reversals, amount, handover)
     SELECT value ->> 0, value ->> 1, value ->> 2, ?1 ->> 'account', ?1 ->> 'since', value ->> 3, value ->> 4, value ->> 5,
        ?1 ->> 'handover'
     FROM json_each(?1, '$.usage') WHERE true
     ON CONFLICT DO UPDATE SET debits = excluded.debits, reversals = excluded.reversals, amount = excluded.amount,
        handover = excluded.handover
     WHERE excluded.handover >= handover;",
    "INSERT INTO movement (account, currency, seq, at, kind, amount, source)
     SELECT ?1 ->> 'account', value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
     FROM json_each(?1, '$.movement') WHERE true
     ON CONFLICT DO NOTHING;",
    "INSERT INTO topup (id, account, started_at, settled_at, outcome, decline_code, currency, units, payment_intent,
        handover)
     SELECT value ->> 0, ?1 ->> 'account', value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
        value ->> 7, ?1 ->> 'handover'
     FROM json_each(?1, '$.topup') WHERE true
     ON CONFLICT DO UPDATE SET settled_at = excluded.settled_at, outcome = excluded.outcome,
        decline_code = excluded.decline_code, payment_intent = excluded.payment_intent, handover = excluded.handover
     WHERE excluded.handover >= handover;",
    "INSERT INTO dispute (id, account, at, payment_intent, currency, amount, status, withdrawn, reinstated, handover)
     SELECT value ->> 0, ?1 ->> 'account', value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
        value ->> 7, ?1 ->> 'handover'
     FROM json_each(?1, '$.dispute') WHERE true
     ON CONFLICT DO UPDATE SET currency = excluded.currency, amount = excluded.amount, status = excluded.status,
        withdrawn = excluded.withdrawn, reinstated = excluded.reinstated, handover = excluded.handover
     WHERE excluded.handover >= handover"
);
