//! What an operator sees of an account, as JSON: the client, its entries, the acts, the balance derived anew, all of it.
//!
//! Kept true here: reads only; the client id, which spends, is told by its beginning alone. The database writes the JSON:
//! reading rows only to name their columns would be a tenth of the whole Worker.

use serde_json::Value;
use stripe402_core::protocol::AccountId;
use stripe402_core::protocol::digest::{hex, sha256};

use super::account::Account;
use super::operator::{ACT, Objection, View};
use super::record::Fields;
use super::statement::{Cursor, MOST_EXPORTED, Page, Shown};
use super::store::{Store, StoreError, at_most_one};

/// A column of milliseconds as ISO 8601.
macro_rules! iso {
    ($at:literal) => {
        concat!("strftime('%Y-%m-%dT%H:%M:%fZ', ", $at, " / 1000.0, 'unixepoch')")
    };
}

/// The objects of these rows, as an array.
macro_rules! list {
    ($object:expr, $rows:literal) => {
        concat!("json((SELECT json_group_array(json_object(", $object, ")) FROM (", $rows, ")))")
    };
}

/// A condition as a flag.
macro_rules! flag {
    ($is:literal) => {
        concat!("json(iif(", $is, ", 'true', 'false'))")
    };
}

macro_rules! refund {
    () => {
        concat!(
            "'id', id, 'act', substr(act, 5), 'state', (SELECT key FROM json_each(machine, '$.state') LIMIT 1), 'at', ",
            iso!("at"),
            ", 'currency', currency, 'amount', units, 'stripePaymentIntentId', payment_intent, 'wakeAt', ",
            iso!("wake_at")
        )
    };
}

macro_rules! client {
    () => {
        concat!(
            "WITH RECURSIVE known (currency) AS (
                SELECT min(currency) FROM entry
                UNION ALL
                SELECT (SELECT min(currency) FROM entry WHERE currency > known.currency) FROM known
                WHERE known.currency IS NOT NULL
            ),
            last AS (SELECT e.currency, e.balance, e.at FROM known JOIN entry AS e ON e.currency = known.currency
                AND e.seq = (SELECT max(seq) FROM entry WHERE currency = known.currency))
            SELECT json_object('account', ?1, 'clientId', ?2, 'stripeCustomerId', a.customer, 'balances', ",
            list!("'currency', currency, 'balance', balance", "SELECT * FROM last"),
            ", 'createdAt', ",
            iso!("a.created_at"),
            ", 'updatedAt', ",
            iso!("max(a.attempted_at, coalesce((SELECT max(at) FROM last), 0))"),
            ", 'frozen', ",
            flag!("a.frozen IS NOT NULL"),
            ", 'disputed', ",
            flag!("EXISTS (SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review'))"),
            ", 'topUp', json((SELECT json_object(
                'id', id, 'state', (SELECT key FROM json_each(machine, '$.state') LIMIT 1), 'startedAt', ",
            iso!("started_at"),
            ", 'currency', currency, 'amount', units, 'stripePaymentIntentId', payment_intent, 'wakeAt', ",
            iso!("wake_at"),
            ") FROM topup WHERE open = 1))"
        )
    };
}

macro_rules! acts {
    () => {
        list!(
            concat!(
                "'id', substr(id, 5), 'at', ",
                iso!("at"),
                ", 'act', what, 'by', by_whom, 'reason', reason, 'currency', currency, 'amount', amount"
            ),
            "SELECT * FROM act ORDER BY at DESC, id LIMIT 500"
        )
    };
}

const CLIENT: &str = concat!(
    client!(),
    ", 'refunds', ",
    list!(refund!(), "SELECT * FROM payback WHERE wake_at IS NOT NULL ORDER BY at, id"),
    ") FROM account AS a WHERE a.one = 1"
);

const EXPORT: &str = concat!(
    client!(),
    ", 'refunds', ",
    list!(refund!(), "SELECT * FROM payback ORDER BY at DESC, id LIMIT 10000"),
    ", 'history', json(?3), 'acts', ",
    acts!(),
    ", 'sums', ",
    list!(
        concat!(
            "'currency', currency, 'from', ",
            iso!("hour * 3600000"),
            ", 'resource', resource, 'debits', debits, 'reversals', reversals, 'amount', amount"
        ),
        "SELECT * FROM summary ORDER BY hour DESC LIMIT 10000"
    ),
    ", 'topUps', ",
    list!(
        concat!(
            "'id', id, 'startedAt', ",
            iso!("started_at"),
            ", 'settledAt', ",
            iso!("settled_at"),
            ", 'outcome', outcome, 'currency', currency, 'amount', units, 'stripePaymentIntentId', payment_intent,
            'refunded', refunded, 'receiptEmail', json_extract(machine, '$.wanted.receipt_email')"
        ),
        "SELECT * FROM topup ORDER BY started_at DESC LIMIT 10000"
    ),
    ", 'disputes', ",
    list!(
        concat!(
            "'id', id, 'stripePaymentIntentId', payment_intent, 'currency', currency, 'amount', amount, 'status', status,
            'withdrawn', ",
            flag!("withdrawn"),
            ", 'reinstated', ",
            flag!("reinstated")
        ),
        "SELECT * FROM dispute LIMIT 10000"
    ),
    ") FROM account AS a WHERE a.one = 1"
);

const ACTS: &str = concat!("SELECT json_object('acts', ", acts!(), ")");

// An entry whose predecessor has become part of a sum cannot be compared with it.
const AUDIT: &str = concat!(
    "WITH e AS (SELECT currency, count(*) AS entries, sum(amount) AS total,
        sum(balance != amount + CASE WHEN seq = 1 THEN 0 WHEN before = seq - 1 THEN left ELSE balance - amount END)
            AS breaks,
        sum(kind = 'topup') AS topups,
        sum(CASE kind WHEN 'refund' THEN amount ELSE 0 END) AS refunds,
        sum(CASE kind WHEN 'dispute' THEN amount ELSE 0 END) AS disputes
        FROM (SELECT currency, seq, kind, amount, balance, lag(seq) OVER w AS before, lag(balance) OVER w AS left
            FROM entry WINDOW w AS (PARTITION BY currency ORDER BY seq))
        GROUP BY currency),
    audited AS (SELECT currency, entries, breaks,
        (SELECT balance FROM entry WHERE currency = e.currency ORDER BY seq DESC LIMIT 1) AS balance,
        total + (SELECT coalesce(sum(amount), 0) FROM summary WHERE currency = e.currency) AS derived,
        topups - (SELECT count(*) FROM topup WHERE currency = e.currency AND outcome = 'credited') AS credits,
        refunds + (SELECT coalesce(sum(refunded), 0) FROM topup WHERE currency = e.currency)
            + (SELECT coalesce(sum(taken), 0) FROM payback WHERE currency = e.currency) AS refunds,
        disputes + (SELECT coalesce(sum(amount), 0) FROM dispute
            WHERE currency = e.currency AND withdrawn AND NOT reinstated) AS disputes
        FROM e)
    SELECT json_object('ok', ",
    flag!(
        "NOT EXISTS (SELECT 1 FROM audited WHERE balance != derived OR breaks OR credits OR refunds OR disputes)"
    ),
    ", 'currencies', ",
    list!(
        "'currency', currency, 'balance', balance, 'derived', derived, 'entries', entries, 'breaks', breaks,
        'creditsOff', credits, 'refundsOff', refunds, 'disputesOff', disputes",
        "SELECT * FROM audited"
    ),
    ")"
);

impl<S: Store> Account<'_, S> {
    /// What an operator asks to see.
    pub fn view(&self, view: View, page: &Page) -> Result<String, Objection> {
        let Some(client_id) = self.owner()? else { return Err(Objection::Unknown) };
        let account = AccountId::of(&client_id);
        // What spends is not shown.
        let short = format!("{}…", client_id.as_str().get(..8).unwrap_or_default());
        let all = Page { currency: None, before: None, limit: MOST_EXPORTED, client_id: None };
        let history = match view {
            View::Transactions => return Ok(self.transactions(&account, &short, page)?),
            View::Export => self.transactions(&account, &short, &all)?,
            View::Client | View::Acts | View::Audit => String::new(),
        };
        let params = [account.as_str().into(), short.as_str().into(), history.as_str().into()];
        let (sql, bound) = match view {
            View::Client => (CLIENT, 2),
            View::Export | View::Transactions => (EXPORT, 3),
            View::Acts => (ACTS, 0),
            View::Audit => (AUDIT, 0),
        };
        let rows = self.store().run(sql, params.get(..bound).unwrap_or_default())?;
        let row = at_most_one(rows)?.ok_or(StoreError::Shape("the account's row"))?;
        Ok(row.text(0)?.to_owned())
    }

    fn transactions(&self, account: &AccountId, short: &str, page: &Page) -> Result<String, StoreError> {
        let statement = self.statement(page)?;
        let mut transactions = Vec::with_capacity(statement.entries.len());
        for entry in &statement.entries {
            transactions.push(self.transaction(entry, account, short)?);
        }
        let next = statement.next.as_ref().map(Cursor::to_string);
        Ok(Fields::default().with("transactions", transactions).with("next", next).text())
    }

    fn transaction(&self, entry: &Shown, account: &AccountId, short: &str) -> Result<Value, StoreError> {
        let mut json = entry.to_json(short);
        let mut put = |name: &str, value: String| {
            json.as_object_mut().map(|fields| fields.insert(name.to_owned(), value.into()))
        };
        put("id", uuid(account, entry));
        if let Some(act) = &entry.act {
            let sql = "SELECT by_whom, reason FROM act WHERE id = ?1";
            if let Some(row) = at_most_one(self.store().run(sql, &[act.as_str().into()])?)? {
                put("by", row.text(0)?.to_owned());
                put("reason", row.text(1)?.to_owned());
            }
            put("act", act.strip_prefix(ACT).unwrap_or(act).to_owned());
        }
        Ok(json)
    }
}

/// The name of an entry outside of its account: a UUID (version 8, RFC 9562) of account, currency and number.
fn uuid(account: &AccountId, entry: &Shown) -> String {
    let name = format!("{account} {} {}", entry.currency, entry.seq);
    let mut text = hex(&sha256(name.as_bytes()));
    text.truncate(32);
    text.replace_range(12..13, "8");
    text.replace_range(16..17, "a");
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}
