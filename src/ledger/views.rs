//! What an operator sees of an account, as JSON: the client, its entries, the acts, the balance derived anew, all of it.
//!
//! Kept true here: reads only; the client id, which spends, is told by its beginning alone.

use serde_json::Value;
use stripe402_core::protocol::digest::{hex, sha256};
use stripe402_core::protocol::{AccountId, ClientId};

use super::account::Account;
use super::operator::{ACT, Objection, View};
use super::record::Fields;
use super::statement::{Cursor, MOST_EXPORTED, Page, Shown, currencies, iso};
use super::store::{Millis, Param, Store, StoreError, Value as Column, at_most_one};
use super::{disputes, entries};

/// The rows of a statement as objects. A name that begins with `@` is that of a moment, one with `?` that of a flag.
fn rows<S: Store>(
    store: &S,
    names: &[&str],
    sql: &'static str,
    params: &[Param<'_>],
) -> Result<Vec<Value>, StoreError> {
    let object = |row: super::store::Row| {
        let mut fields = Fields::default();
        for (name, column) in names.iter().zip(row.0) {
            let value = match column {
                Column::Null => Value::Null,
                Column::Text(text) => text.into(),
                Column::Integer(at) if name.starts_with('@') => iso(Millis(at)).into(),
                Column::Integer(flag) if name.starts_with('?') => (flag != 0).into(),
                Column::Integer(number) => number.into(),
            };
            fields = fields.with(name.trim_start_matches(['@', '?']), value);
        }
        fields.done()
    };
    Ok(store.run(sql, params)?.into_iter().map(object).collect())
}

const OPEN: (&[&str], &str) = (
    &["id", "state", "@startedAt", "currency", "amount", "stripePaymentIntentId", "@wakeAt"],
    "SELECT id, (SELECT key FROM json_each(machine, '$.state') LIMIT 1), started_at, currency, units, payment_intent,
        wake_at FROM topup WHERE open = 1",
);
const TOP_UPS: (&[&str], &str) = (
    &[
        "id",
        "@startedAt",
        "@settledAt",
        "outcome",
        "currency",
        "amount",
        "stripePaymentIntentId",
        "refunded",
        "receiptEmail",
    ],
    "SELECT id, started_at, settled_at, outcome, currency, units, payment_intent, refunded,
        json_extract(machine, '$.wanted.receipt_email') FROM topup ORDER BY started_at DESC LIMIT 10000",
);
const REFUNDS: (&[&str], &str) = (
    &["id", "act", "state", "@at", "currency", "amount", "stripePaymentIntentId", "@wakeAt"],
    "SELECT id, substr(act, 5), (SELECT key FROM json_each(machine, '$.state') LIMIT 1), at, currency, units,
        payment_intent, wake_at FROM payback WHERE wake_at IS NOT NULL OR ?1 ORDER BY at DESC LIMIT 10000",
);
const DISPUTES: (&[&str], &str) = (
    &["id", "stripePaymentIntentId", "currency", "amount", "status", "?withdrawn", "?reinstated"],
    "SELECT id, payment_intent, currency, amount, status, withdrawn, reinstated FROM dispute LIMIT 10000",
);
const ACTS: (&[&str], &str) = (
    &["id", "@at", "act", "by", "reason", "currency", "amount"],
    "SELECT substr(id, 5), at, what, by_whom, reason, currency, amount FROM act ORDER BY at DESC, id LIMIT 500",
);
const SUMS: (&[&str], &str) = (
    &["currency", "@from", "resource", "debits", "reversals", "amount"],
    "SELECT currency, hour * 3600000, resource, debits, reversals, amount FROM summary ORDER BY hour DESC LIMIT 10000",
);
// Every number but the first four is zero in books that are right.
const AUDIT: (&[&str], &str) = (
    &["currency", "balance", "derived", "entries", "breaks", "creditsOff", "refundsOff", "disputesOff"],
    "SELECT e.currency,
        (SELECT balance FROM entry WHERE currency = e.currency ORDER BY seq DESC LIMIT 1),
        e.total + (SELECT coalesce(sum(amount), 0) FROM summary WHERE currency = e.currency),
        e.entries, e.breaks,
        e.topups - (SELECT count(*) FROM topup WHERE currency = e.currency AND outcome = 'credited'),
        e.refunds + (SELECT coalesce(sum(refunded), 0) FROM topup WHERE currency = e.currency)
            + (SELECT coalesce(sum(taken), 0) FROM payback WHERE currency = e.currency),
        e.disputes + (SELECT coalesce(sum(amount), 0) FROM dispute
            WHERE currency = e.currency AND withdrawn AND NOT reinstated)
     FROM (SELECT currency, count(*) AS entries, sum(amount) AS total,
        sum(balance != amount + CASE WHEN seq = 1 THEN 0 WHEN before = seq - 1 THEN left ELSE balance - amount END)
            AS breaks,
        sum(kind = 'topup') AS topups,
        sum(CASE kind WHEN 'refund' THEN amount ELSE 0 END) AS refunds,
        sum(CASE kind WHEN 'dispute' THEN amount ELSE 0 END) AS disputes
        FROM (SELECT currency, seq, kind, amount, balance, lag(seq) OVER w AS before, lag(balance) OVER w AS left
            FROM entry WINDOW w AS (PARTITION BY currency ORDER BY seq))
        GROUP BY currency) AS e ORDER BY e.currency",
);

impl<S: Store> Account<'_, S> {
    /// What an operator asks to see.
    pub fn view(&self, view: View, page: &Page) -> Result<String, Objection> {
        let store = self.store();
        let table = |(names, sql): (&[&str], &'static str)| rows(store, names, sql, &[]);
        let Some((client_id, client)) = self.client_json()? else { return Err(Objection::Unknown) };
        Ok(match view {
            View::Client => client,
            View::Transactions => self.transactions(&client_id, page)?,
            View::Acts => Fields::default().with("acts", table(ACTS)?),
            View::Audit => {
                let audited = table(AUDIT)?;
                let number = |row: &Value, name| row.get(name).and_then(Value::as_i64);
                let ok = audited.iter().all(|row| {
                    let zero = |name| number(row, name) == Some(0);
                    number(row, "balance") == number(row, "derived")
                        && ["breaks", "creditsOff", "refundsOff", "disputesOff"].into_iter().all(zero)
                });
                Fields::default().with("ok", ok).with("currencies", audited)
            }
            View::Export => {
                let page = Page { currency: None, before: None, limit: MOST_EXPORTED, client_id: None };
                let all = self.transactions(&client_id, &page)?;
                client
                    .with("history", all.done())
                    .with("sums", table(SUMS)?)
                    .with("topUps", table(TOP_UPS)?)
                    .with("refunds", rows(store, REFUNDS.0, REFUNDS.1, &[1.into()])?)
                    .with("disputes", table(DISPUTES)?)
                    .with("acts", table(ACTS)?)
            }
        }
        .done()
        .to_string())
    }

    fn client_json(&self) -> Result<Option<(ClientId, Fields)>, StoreError> {
        let store = self.store();
        if store.is_blank()? {
            return Ok(None);
        }
        let sql = "SELECT client_id, customer, created_at, attempted_at, frozen FROM account WHERE one = 1";
        let Some(row) = at_most_one(store.run(sql, &[])?)? else { return Ok(None) };
        let client_id = ClientId::parse(row.text(0)?).map_err(|_| StoreError::Shape("a client id"))?;
        let mut updated = row.integer(3)?;
        let mut balances = Vec::new();
        for currency in currencies(store)? {
            let sql = "SELECT at FROM entry WHERE currency = ?1 ORDER BY seq DESC LIMIT 1";
            let last =
                at_most_one(store.run(sql, &[currency.into()])?)?.ok_or(StoreError::Shape("an entry"))?;
            updated = updated.max(last.integer(0)?);
            let balance = entries::balance(store, currency)?.get();
            balances
                .push(Fields::default().with("currency", currency.code()).with("balance", balance).done());
        }
        let top_up = rows(store, OPEN.0, OPEN.1, &[])?.pop();
        let client = Fields::default()
            .with("account", AccountId::of(&client_id).as_str())
            .with("clientId", shortened(&client_id))
            .with("stripeCustomerId", row.optional_text(1)?)
            .with("balances", balances)
            .with("createdAt", iso(Millis(row.integer(2)?)))
            .with("updatedAt", iso(Millis(updated)))
            .with("frozen", row.optional_text(4)?.is_some())
            .with("disputed", disputes::is_disputed(store)?)
            .with("topUp", top_up)
            .with("refunds", rows(store, REFUNDS.0, REFUNDS.1, &[0.into()])?);
        Ok(Some((client_id, client)))
    }

    fn transactions(&self, client_id: &ClientId, page: &Page) -> Result<Fields, StoreError> {
        let statement = self.statement(page)?;
        let account = AccountId::of(client_id);
        let mut transactions = Vec::with_capacity(statement.entries.len());
        for entry in &statement.entries {
            transactions.push(self.transaction(entry, client_id, &account)?);
        }
        let next = statement.next.as_ref().map(Cursor::to_string);
        Ok(Fields::default().with("transactions", transactions).with("next", next))
    }

    fn transaction(
        &self,
        entry: &Shown,
        client_id: &ClientId,
        account: &AccountId,
    ) -> Result<Value, StoreError> {
        let mut json = entry.to_json(&shortened(client_id));
        let mut put = |name: &str, value: Value| {
            json.as_object_mut().map(|fields| fields.insert(name.to_owned(), value))
        };
        put("id", uuid(account, entry).into());
        if let Some(act) = &entry.act {
            let sql = "SELECT by_whom, reason FROM act WHERE id = ?1";
            if let Some(row) = at_most_one(self.store().run(sql, &[act.as_str().into()])?)? {
                put("by", row.text(0)?.into());
                put("reason", row.text(1)?.into());
            }
            put("act", act.strip_prefix(ACT).unwrap_or(act).into());
        }
        Ok(json)
    }
}

/// A client id for people: what spends is not shown.
fn shortened(client_id: &ClientId) -> String {
    format!("{}…", client_id.as_str().get(..8).unwrap_or_default())
}

/// The name of an entry outside of its account: a UUID (version 8, RFC 9562) of account, currency and number.
fn uuid(account: &AccountId, entry: &Shown) -> String {
    let name = format!("{account} {} {}", entry.currency, entry.seq);
    let text = hex(&sha256(name.as_bytes()));
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
