//! `GET …/admin/reports/<name>`: which report is asked for, of which days and currency, and the query that makes it.
//!
//! Kept true here: a query is one of those below, and what was sent is bound to it, never part of it; what is misspelt is
//! refused, since it would mean another time; no report reads more than [`MOST_DAYS`] days or gives more than 2,500 rows.

use stripe402_core::protocol::Currency;

use super::answer::Answer;
use crate::ledger::Millis;

/// So many days a report may be about.
pub const MOST_DAYS: i64 = 400;
/// So many it is about where no day is named: the last ones, with today.
const USUAL_DAYS: i64 = 30;
const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

/// A report that is asked for. Days are those of UTC, since hours are what the accounts hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The query, to be put after [`ASKED`].
    pub sql: &'static str,
    /// From when.
    pub from: Millis,
    /// Until before when.
    pub until: Millis,
    /// In which currency.
    pub currency: Currency,
    /// How much time one row of the timeline stands for, in milliseconds.
    pub step: i64,
}

/// What every query begins with. Its parameters are the last four fields of [`Wanted`], in their order; what comes from
/// JavaScript is a float. The columns `at`, `createdAt` and `updatedAt` of a query are milliseconds.
pub const ASKED: &str = "
    WITH asked AS (SELECT CAST(?1 AS INTEGER) AS begins, CAST(?2 AS INTEGER) AS ends, ?3 AS coin, CAST(?4 AS INTEGER) AS step),
    used AS (SELECT usage.* FROM asked CROSS JOIN usage
        WHERE currency = coin AND hour >= begins / 3600000 AND hour < ends / 3600000),
    moved AS (SELECT movement.* FROM asked CROSS JOIN movement WHERE at >= begins AND at < ends AND currency = coin),
    tried AS (SELECT topup.* FROM asked CROSS JOIN topup WHERE settled_at >= begins AND settled_at < ends
        AND currency = coin AND outcome IN ('declined', 'refused'))";

/// The figures, in one row.
const SUMMARY: &str = "
    SELECT * FROM (SELECT coalesce(sum(amount), 0) AS revenue, coalesce(sum(debits - reversals), 0) AS requests,
            coalesce(sum(reversals), 0) AS reversals, count(DISTINCT account) AS payers FROM used),
        (SELECT coalesce(sum(amount) FILTER (WHERE kind = 'topup'), 0) AS topUps,
            count(*) FILTER (WHERE kind = 'topup') AS charges,
            -coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS refunded,
            -coalesce(sum(amount) FILTER (WHERE kind = 'dispute'), 0) AS disputed,
            coalesce(sum(amount) FILTER (WHERE kind = 'adjustment'), 0) AS adjusted FROM moved),
        (SELECT coalesce(sum(balance), 0) AS outstanding, -coalesce(sum(min(balance, 0)), 0) AS debts, count(*) AS clients
            FROM asked CROSS JOIN balance WHERE currency = coin),
        (SELECT count(*) FILTER (WHERE created_at >= begins AND created_at < ends) AS newClients,
            coalesce(sum(frozen), 0) AS frozen, max(updated_at) AS updatedAt FROM asked CROSS JOIN account),
        (SELECT count(*) AS declines FROM tried),
        (SELECT count(*) AS openDisputes FROM asked CROSS JOIN dispute
            WHERE currency = coin AND status IN ('needs_response', 'under_review'))";

const TIMELINE: &str = "
    SELECT at * step AS at, sum(revenue) AS revenue, sum(requests) AS requests, sum(topUps) AS topUps FROM asked, (
        SELECT hour * 3600000 / step AS at, sum(amount) AS revenue, sum(debits - reversals) AS requests, 0 AS topUps
        FROM asked, used GROUP BY 1
        UNION ALL SELECT at / step, 0, 0, sum(amount) FROM asked, moved WHERE kind = 'topup' GROUP BY 1)
    GROUP BY 1 ORDER BY 1";

const ROUTES: &str = "
    SELECT resource, sum(amount) AS revenue, sum(debits - reversals) AS requests, sum(reversals) AS reversals,
        count(DISTINCT account) AS payers FROM used GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 500";

const CLIENTS: &str = "
    SELECT best.*, (SELECT coalesce(sum(amount), 0) FROM moved WHERE account = best.account AND kind = 'topup') AS topUps,
        balance, frozen, created_at AS createdAt
    FROM (SELECT account, sum(amount) AS revenue, sum(debits - reversals) AS requests
        FROM used GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100) AS best
    LEFT JOIN balance ON balance.account = best.account AND currency = (SELECT coin FROM asked)
    LEFT JOIN account ON account.account = best.account ORDER BY 2 DESC, 1";

const REFUNDS: &str = "
    SELECT at, account, kind, amount, source FROM moved WHERE kind IN ('refund', 'dispute')
    ORDER BY 1 DESC, 2, seq DESC LIMIT 500";

const DISPUTES: &str = "
    SELECT at, account, id, amount, status, withdrawn, reinstated, payment_intent AS stripePaymentIntentId
    FROM asked CROSS JOIN dispute
    WHERE currency = coin AND (at >= begins AND at < ends OR status IN ('needs_response', 'under_review'))
    ORDER BY 1 DESC, 3 LIMIT 500";

const DECLINES: &str = "
    SELECT settled_at AS at, account, outcome, decline_code AS code, units AS amount
    FROM tried ORDER BY 1 DESC, id LIMIT 500";

/// What all clients hold, in every currency: whatever time and currency were asked for.
const CREDITS: &str = "
    SELECT currency, sum(balance) AS outstanding, -sum(min(balance, 0)) AS debts, count(*) AS clients
    FROM balance GROUP BY 1 ORDER BY 4 DESC, 1";

/// Every report by its name.
pub const REPORTS: [(&str, &str); 8] = [
    ("summary", SUMMARY),
    ("timeline", TIMELINE),
    ("routes", ROUTES),
    ("clients", CLIENTS),
    ("refunds", REFUNDS),
    ("disputes", DISPUTES),
    ("declines", DECLINES),
    ("credits", CREDITS),
];

/// The report of this name; none: there is no such report.
pub fn named(name: &str) -> Option<&'static str> {
    REPORTS.into_iter().find(|(known, _)| *known == name).map(|(_, sql)| sql)
}

/// Reads `?from=&to=&currency=&by=`, each of which may be left out, and nothing else.
pub fn wanted(sql: &'static str, query: &str, usual: Currency, now: Millis) -> Result<Wanted, Answer> {
    read(sql, query, usual, now).ok_or_else(|| {
        let detail = "from and to: days (2026-11-20), in this order, at most 400; currency: one of Stripe's, in lower case; \
                      by: day, or hour for at most 100 days. Each once.";
        Answer::problem(400, "Bad query", detail)
    })
}

fn read(sql: &'static str, query: &str, usual: Currency, now: Millis) -> Option<Wanted> {
    let mut said = [None; 4];
    // None of these values has to be escaped, so an escaped one is none of them.
    for pair in query.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let slot = ["from", "to", "currency", "by"].iter().position(|known| *known == name)?;
        if said.get_mut(slot)?.replace(value).is_some() {
            return None;
        }
    }
    let [from, to, currency, by] = said;
    let to = to.map_or(Some(now.0.div_euclid(DAY)), day)?;
    let from = from.map_or(Some(to.saturating_sub(USUAL_DAYS - 1)), day)?;
    let days = to.saturating_sub(from).saturating_add(1);
    let currency = currency.map_or(Ok(usual), Currency::parse).ok()?;
    let step = match by {
        None | Some("day") => DAY,
        // Not more rows than a chart has room for.
        Some("hour") if days <= 100 => HOUR,
        Some(_) => return None,
    };
    let at = |day: i64| Millis(day.saturating_mul(DAY));
    let wanted = Wanted { sql, from: at(from), until: at(to.saturating_add(1)), currency, step };
    (1..=MOST_DAYS).contains(&days).then_some(wanted)
}

/// The number of a day (`2026-11-20`) since 1970, in the calendar of ISO 8601.
fn day(text: &str) -> Option<i64> {
    let is_date = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let number = |from, until| text.get(from..until)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let found = first_of(year, month).saturating_add(day).saturating_sub(1);
    let right = is_date
        && (1970..=9998).contains(&year)
        && (1..=12).contains(&month)
        && day >= 1
        && found < first_of(year, month.saturating_add(1));
    right.then_some(found)
}

/// The number of a month's first day. Counted from March, so that a leap day is a year's last.
#[expect(clippy::arithmetic_side_effects, reason = "years of four digits")]
const fn first_of(year: i64, month: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let months = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (153 * months + 2) / 5 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20, a quarter to one.
    const NOW: Millis = Millis(1_795_178_700_000);

    fn asks(query: &str) -> Result<Wanted, Answer> {
        wanted(SUMMARY, query, Currency::USD, NOW)
    }

    #[test]
    fn a_day_is_counted_as_calendars_count() {
        let rows = [
            ("1970-01-01", Some(0)),
            ("1970-03-01", Some(59)),
            ("2000-02-29", Some(11_016)),
            ("2000-03-01", Some(11_017)),
            ("2026-11-20", Some(20_777)),
            ("2026-12-31", Some(20_818)),
            ("2027-01-01", Some(20_819)),
            ("2026-02-29", None),
            ("2100-02-29", None),
            ("2026-04-31", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-01-00", None),
            ("1969-12-31", None),
            ("9999-01-01", None),
            ("26-11-20", None),
            ("2026-11-2", None),
            ("2026-11-200", None),
            ("2026-11-+1", None),
            ("2026/11/20", None),
            ("2026-11-20T00:00:00Z", None),
            ("", None),
        ];
        for (text, number) in rows {
            assert_eq!(day(text), number, "{text}");
        }
        let mut before = day("1999-12-31").unwrap();
        for year in 2000..2030 {
            for month in 1..=12 {
                let first = day(&format!("{year}-{month:02}-01")).unwrap();
                let last = (28..=31).rev().find_map(|at| day(&format!("{year}-{month:02}-{at:02}"))).unwrap();
                assert_eq!(first, before + 1);
                before = last;
            }
        }
    }

    #[test]
    fn what_is_not_said_is_the_last_thirty_days_in_the_usual_currency() {
        let usual = asks("").unwrap();
        assert_eq!((usual.currency, usual.step), (Currency::USD, DAY));
        assert_eq!((usual.from.0 / DAY, usual.until.0 / DAY), (20_748, 20_778));
        assert_eq!((usual.from.0 % DAY, usual.until.0 % DAY), (0, 0));
        let one = asks("?from=2026-11-20&to=2026-11-20&currency=jpy&by=hour").unwrap();
        assert_eq!((one.from.0 / DAY, one.until.0 / DAY), (20_777, 20_778));
        assert_eq!((one.currency.code(), one.step), ("jpy", HOUR));
        let before = asks("?to=2026-10-31").unwrap();
        assert_eq!(before.from, asks("?from=2026-10-02").unwrap().from);
        assert!(asks("?from=2025-10-17").is_ok(), "400 days");
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for query in [
            "?form=2026-11-01",
            "?from",
            "?from=",
            "?to=",
            "?currency=",
            "?by=",
            "?by=week",
            "?by=hour&from=2026-08-12",
            "?currency=USD",
            "?currency=xxx",
            "?from=2026-11-21",
            "?from=2026-11-02&to=2026-11-01",
            "?from=2025-10-16",
            "?from=2026-11-01&from=2026-11-02",
            "?from=2026%2D11-01",
            "?from=1763596800000",
            "?from='; DROP TABLE usage; --",
            "?currency=usd'",
        ] {
            let answer = asks(query).unwrap_err();
            assert_eq!((answer.status, answer.content_type), (400, "application/problem+json"), "{query}");
            assert!(!answer.body.contains("DROP"), "nothing that was sent is repeated");
        }
    }

    #[test]
    fn a_report_has_one_name() {
        assert_eq!(named("summary"), Some(SUMMARY));
        for name in ["", "Summary", "summary/", "sql", "summary;"] {
            assert_eq!(named(name), None, "{name}");
        }
        for (name, sql) in REPORTS {
            assert!(!sql.contains(['?', ';']), "{name} is one statement, and binds nothing of its own");
        }
    }
}
