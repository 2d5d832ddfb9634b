// Writes what an account hands over into the reports' database (D1).
//
// Kept true here: each statement takes the whole handover as its only parameter, so that nothing is bound by hand; all of
// them are upserts of absolute values, and one that comes late never overwrites a later one: the same handover again changes
// nothing. They are one transaction. The tables: migrations/. In JavaScript, since text that only passes through would cost
// the module its size; the tests on the host run these very statements.

const statements = `
INSERT INTO account (account, created_at, updated_at, customer, frozen, handover)
  SELECT ?1 ->> 'account', value ->> 1, ?1 ->> 'at', value ->> 2, value ->> 3, ?1 ->> 'handover'
  FROM json_each(?1, '$.register') WHERE true
  ON CONFLICT DO UPDATE SET created_at = excluded.created_at, updated_at = excluded.updated_at,
     customer = excluded.customer, frozen = excluded.frozen, handover = excluded.handover
  WHERE excluded.handover >= handover;
INSERT INTO balance (account, currency, balance, updated_at, handover)
  SELECT ?1 ->> 'account', value ->> 0, value ->> 1, ?1 ->> 'at', ?1 ->> 'handover'
  FROM json_each(?1, '$.balance') WHERE true
  ON CONFLICT DO UPDATE SET balance = excluded.balance, updated_at = excluded.updated_at,
     handover = excluded.handover
  WHERE excluded.handover >= handover;
INSERT INTO usage (currency, hour, resource, account, since, debits, reversals, amount, handover)
  SELECT value ->> 0, value ->> 1, value ->> 2, ?1 ->> 'account', ?1 ->> 'since', value ->> 3, value ->> 4, value ->> 5,
     ?1 ->> 'handover'
  FROM json_each(?1, '$.usage') WHERE true
  ON CONFLICT DO UPDATE SET debits = excluded.debits, reversals = excluded.reversals, amount = excluded.amount,
     handover = excluded.handover
  WHERE excluded.handover >= handover;
INSERT INTO movement (account, currency, seq, at, kind, amount, source)
  SELECT ?1 ->> 'account', value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
  FROM json_each(?1, '$.movement') WHERE true
  ON CONFLICT DO NOTHING;
INSERT INTO topup (id, account, started_at, settled_at, outcome, decline_code, currency, units, payment_intent,
     handover)
  SELECT value ->> 0, ?1 ->> 'account', value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
     value ->> 7, ?1 ->> 'handover'
  FROM json_each(?1, '$.topup') WHERE true
  ON CONFLICT DO UPDATE SET settled_at = excluded.settled_at, outcome = excluded.outcome,
     decline_code = excluded.decline_code, payment_intent = excluded.payment_intent, handover = excluded.handover
  WHERE excluded.handover >= handover;
INSERT INTO dispute (id, account, at, payment_intent, currency, amount, status, withdrawn, reinstated, handover)
  SELECT value ->> 0, ?1 ->> 'account', value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
     value ->> 7, ?1 ->> 'handover'
  FROM json_each(?1, '$.dispute') WHERE true
  ON CONFLICT DO UPDATE SET currency = excluded.currency, amount = excluded.amount, status = excluded.status,
     withdrawn = excluded.withdrawn, reinstated = excluded.reinstated, handover = excluded.handover
  WHERE excluded.handover >= handover;
`;

// The database may take half a minute: a task that waited for ever would be the last.
export async function write(env, json) {
  const db = env.REPORTS;
  const batch = statements.split(";").slice(0, -1).map((sql) => db.prepare(sql).bind(json));
  let timer;
  const late = new Promise((_, no) => {
    timer = setTimeout(() => no(new Error("no answer in time")), 30_000);
  });
  try {
    await Promise.race([db.batch(batch), late]);
  } finally {
    clearTimeout(timer);
  }
}
