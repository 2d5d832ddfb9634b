//! What an object hands over to the reports (`worker/reports`), and a model of their database (`worker/reports.js`).
//!
//! Kept true here: a handover may be lost, come late, or come again days later; whoever made it learns that it arrived, or
//! nothing. In the end the reports say what the accounts say.

use std::collections::BTreeMap;

use serde_json::Value;
use stripe402_edge::ledger::{Account as Ledger, Millis};

use super::calls::ledger;
use super::dice::Dice;
use super::invariants::Violation;
use super::schedule::Bound;
use super::world::{Event, World};
use super::{DAY, HOUR, MINUTE, SECOND};

/// How long after an entry it is handed over.
const EVERY: i64 = MINUTE;
/// How long a handover is waited for.
const TIMEOUT: i64 = 30 * SECOND;

/// The tables of the reports: the name of a row, without the number, and what it says.
#[derive(Default)]
pub(crate) struct Reports {
    rows: BTreeMap<(&'static str, String), (i64, Value)>,
}

impl Reports {
    /// A handover arrives.
    fn take(&mut self, handover: &Value) {
        let (account, number) = (&handover["account"], handover["handover"].as_i64().expect("a number"));
        // How many of a row's columns name it, and whether it never changes.
        let kinds =
            [("register", 1), ("balance", 1), ("usage", 3), ("movement", 3), ("topup", 1), ("dispute", 1)];
        for (kind, key) in kinds {
            for row in handover[kind].as_array().expect("rows") {
                let named = &row.as_array().expect("a row")[..key];
                let name = format!("{account} {named:?}");
                let known = self.rows.entry((kind, name)).or_insert_with(|| (number, row.clone()));
                if number >= known.0 {
                    *known = (number, row.clone());
                }
            }
        }
    }

    /// The rows of an account.
    fn of(&self, account: &str) -> BTreeMap<&'static str, Vec<Value>> {
        let mut all: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
        for ((kind, name), (_, row)) in &self.rows {
            if name.starts_with(&format!("\"{account}\"")) {
                all.entry(kind).or_default().push(row.clone());
            }
        }
        all
    }
}

impl World<'_> {
    pub(crate) fn report_at(&mut self, account: usize) -> Option<Millis> {
        if !self.bound {
            return None;
        }
        ledger!(self, account).report_at(EVERY, self.clock(account)).unwrap_or_else(|error| {
            self.break_rule(Violation::store(&error));
            None
        })
    }

    /// There may be something to hand over: the alarm is set for it, unless it is already.
    pub(crate) fn report_soon(&mut self, account: usize) {
        if self.bound && !self.objects[account].reports.awaited {
            self.arm(account);
        }
    }

    /// Hands over what is due, one handover at a time.
    pub(crate) fn report(&mut self, account: usize) {
        if !self.bound || self.objects[account].reports.under_way {
            return;
        }
        let now = self.clock(account);
        if self.report_at(account).is_none_or(|at| at > now) {
            return;
        }
        match ledger!(self, account).report(EVERY, now) {
            Err(error) => self.break_rule(Violation::store(&error)),
            // Nobody has thousands of entries here.
            Ok(None) => self.broke(0, || "there is something to hand over, and nothing is".to_owned()),
            Ok(Some(json)) => {
                let object = &mut self.objects[account];
                object.reports.under_way = true;
                object.hand_over(json);
            }
        }
    }

    /// What an object says leaves for the reports.
    pub(crate) fn send_to_reports(&mut self, account: usize, json: String, dice: &mut Dice) {
        let trouble = self.profile.reports;
        let generation = self.objects[account].generation;
        if dice.fault(trouble / 4) {
            self.coverage.handover("lost");
            let after = dice.one_of(&[20, TIMEOUT]);
            return self.in_a(after, Event::Reported { account, generation, json, arrived: false });
        }
        if dice.fault(trouble / 2) {
            let late = dice.one_of(&[2 * SECOND, 2 * MINUTE, 2 * HOUR, 3 * DAY]);
            self.in_a(late, Event::AtReports(json.clone(), None));
        }
        self.in_a(dice.between(1, 60), Event::AtReports(json, Some((account, generation))));
    }

    pub(crate) fn at_reports(&mut self, json: String, from: Option<(usize, u32)>, dice: &mut Dice) {
        self.reports.take(&serde_json::from_str(&json).expect("JSON"));
        let Some((account, generation)) = from else { return self.coverage.handover("late copy") };
        let lost = dice.fault(self.profile.reports / 4);
        self.coverage.handover(if lost { "answer lost" } else { "confirmed" });
        let after = if lost { TIMEOUT } else { dice.between(1, 60) };
        self.in_a(after, Event::Reported { account, generation, json, arrived: !lost });
    }

    pub(crate) fn reported(&mut self, account: usize, json: &str, arrived: bool, dice: &mut Dice) {
        self.turn(account, "report answered", dice, |world, _| {
            if arrived && let Err(error) = ledger!(world, account).confirm(json) {
                return world.break_rule(Violation::store(&error));
            }
            world.objects[account].reports.under_way = false;
            world.arm(account);
        });
    }

    /// Where there were reports now and then, there are from here on; every account has its next request.
    pub(crate) fn bind_reports(&mut self, dice: &mut Dice) {
        if self.profile.bound != Bound::NowAndThen {
            return;
        }
        self.bound = true;
        for account in 0..self.objects.len() {
            self.turn(account, "spend", dice, |world, _| world.report_soon(account));
        }
    }

    /// At the end, to the unit: what the reports say of an account is what its entries say, those included that have become
    /// sums since.
    pub(crate) fn check_the_reports(&mut self) {
        if !self.bound || self.broken.is_some() {
            return;
        }
        for account in 0..self.objects.len() {
            let said = self.reports.of(self.objects[account].account.as_str());
            let right = self.own(account);
            for kind in ["register", "balance", "usage", "movement", "topup", "dispute"] {
                let mut said = said.get(kind).cloned().unwrap_or_default();
                let mut right = right.get(kind).cloned().unwrap_or_default();
                // What was tried before the account was emptied stays in the reports.
                if kind == "topup" {
                    said.retain(|row| right.iter().any(|one| one[0] == row[0]));
                }
                said.sort_by_key(Value::to_string);
                right.sort_by_key(Value::to_string);
                if said != right {
                    let what =
                        format!("account {account}: the reports say of {kind} {said:?}, right is {right:?}");
                    return self.broke(1, || what);
                }
            }
        }
    }

    /// What is to be said of an account.
    fn own(&self, account: usize) -> BTreeMap<&'static str, Vec<Value>> {
        let object = &self.objects[account];
        let mut all: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
        let mut sums: BTreeMap<(&str, i64, &str), [i64; 3]> = BTreeMap::new();
        let mut balances: BTreeMap<&str, i64> = BTreeMap::new();
        for entry in &object.books.entries {
            balances.insert(&entry.currency, entry.balance);
            let debit = match entry.kind.as_str() {
                "debit" => Some(entry),
                "reversal" => object
                    .books
                    .entries
                    .iter()
                    .find(|one| one.currency == entry.currency && Some(one.seq) == entry.of),
                _ => None,
            };
            if let Some(debit) = debit {
                let route = debit.about.as_deref().unwrap_or_default();
                let sum = sums.entry((&debit.currency, debit.at / HOUR, route)).or_default();
                sum[usize::from(entry.kind == "reversal")] += 1;
                sum[2] -= entry.amount;
            } else {
                let source = entry.source.as_ref().or(entry.about.as_ref());
                all.entry("movement").or_default().push(serde_json::json!([
                    entry.currency,
                    entry.seq,
                    entry.at,
                    entry.kind,
                    entry.amount,
                    source
                ]));
            }
        }
        let sums = sums.into_iter().map(|((currency, hour, route), [debits, back, amount])| {
            serde_json::json!([currency, hour, route, debits, back, amount])
        });
        all.insert("usage", sums.collect());
        all.insert("balance", balances.into_iter().map(|pair| serde_json::json!([pair.0, pair.1])).collect());
        if object.disk.was_blank() {
            return all;
        }
        let tables = [
            (
                "topup",
                "SELECT json_array(id, started_at, settled_at, outcome, CASE outcome WHEN 'declined' THEN
                    nullif(replace(json_extract(machine, '$.state.settled.declined.codes'), 'card_declined/', ''), '') END,
                    currency, units, payment_intent) FROM topup WHERE outcome IS NOT NULL AND units > 0",
            ),
            (
                "dispute",
                "SELECT json_array(id, at, payment_intent, currency, amount, status, withdrawn, reinstated) FROM dispute",
            ),
            (
                "register",
                "SELECT json_array('account', created_at, customer, frozen IS NOT NULL OR EXISTS
                    (SELECT 1 FROM dispute WHERE status IN ('needs_response', 'under_review')))
                 FROM account WHERE EXISTS (SELECT 1 FROM entry)",
            ),
        ];
        for (kind, sql) in tables {
            let rows = object.disk.look(sql);
            let read = |row: &stripe402_edge::ledger::Row| serde_json::from_str(row.text(0).expect("text"));
            all.insert(kind, rows.iter().map(|row| read(row).expect("JSON")).collect());
        }
        all
    }
}
