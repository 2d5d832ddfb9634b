//! The books of all accounts, read from their databases, against Stripe's and against every answer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, OpenFlags};
use stripe402_e2e::{Card, Stripe};

use crate::traffic::Payer;

struct Entry {
    seq: i64,
    kind: String,
    amount: i64,
    balance: i64,
    source: Option<String>,
    of_seq: Option<i64>,
}

/// The entries of every account, by its client id.
pub(crate) struct Books {
    accounts: BTreeMap<String, Vec<Entry>>,
    /// How many top-ups are still to be settled.
    pub(crate) unsettled: i64,
}

impl Books {
    pub(crate) fn read(databases: &[PathBuf]) -> Self {
        let (mut accounts, mut unsettled) = (BTreeMap::new(), 0);
        for path in databases {
            let connection =
                Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
            let ours = "SELECT count(*) FROM sqlite_master WHERE name = 'entry'";
            if connection.query_row(ours, [], |row| row.get::<_, i64>(0)).expect("a schema") == 0 {
                continue;
            }
            let open = "SELECT count(*) FROM topup WHERE open IS NOT NULL";
            unsettled += connection.query_row(open, [], |row| row.get::<_, i64>(0)).expect("top-ups");
            let client: String =
                connection.query_row("SELECT client_id FROM account", [], |row| row.get(0)).expect("its row");
            let mut rows = connection
                .prepare("SELECT seq, kind, amount, balance, source, of_seq FROM entry WHERE currency = 'usd' ORDER BY seq")
                .expect("entries");
            let entries = rows.query_map([], |row| {
                Ok(Entry {
                    seq: row.get(0)?,
                    kind: row.get(1)?,
                    amount: row.get(2)?,
                    balance: row.get(3)?,
                    source: row.get(4)?,
                    of_seq: row.get(5)?,
                })
            });
            let entries: Vec<Entry> = entries.expect("rows").collect::<Result<_, _>>().expect("entries");
            accounts.insert(client, entries);
        }
        Self { accounts, unsettled }
    }

    /// What a card's account holds, all entries added up.
    pub(crate) fn credited(&self, card: &Card) -> i64 {
        let entries = self.accounts.get(card.client.as_str()).map_or(&[][..], Vec::as_slice);
        adds_up(entries);
        entries.iter().map(|entry| entry.amount).sum()
    }

    /// Compares everything with everything, and prints the tally.
    pub(crate) fn compare(&self, stripe: Stripe, payers: &[Payer], kills: usize) {
        let (mut charges, mut credits, mut answers, mut debits, mut lost, mut doubled) = (0, 0, 0, 0, 0, 0);
        for payer in payers {
            let entries = self.accounts.get(payer.card.client.as_str()).map_or(&[][..], Vec::as_slice);
            adds_up(entries);

            // Every succeeded PaymentIntent is credited once, with its own amount; every credit names one.
            let mut at_stripe: Vec<(String, i64)> =
                stripe.charges(&payer.card).into_iter().map(|(id, amount, _)| (id, amount * 100)).collect();
            let mut credited: Vec<(String, i64)> = entries
                .iter()
                .filter(|entry| entry.kind == "topup")
                .map(|entry| (entry.source.clone().expect("its PaymentIntent"), entry.amount))
                .collect();
            at_stripe.sort();
            credited.sort();
            let never_credited: Vec<_> =
                at_stripe.iter().filter(|charge| !credited.contains(charge)).collect();
            let never_charged: Vec<_> =
                credited.iter().filter(|credit| !at_stripe.contains(credit)).collect();
            let twice: Vec<_> = credited.windows(2).filter(|two| two[0] == two[1]).collect();
            lost += never_credited.len();
            doubled += never_charged.len() + twice.len();
            assert!(
                lost + doubled == 0,
                "{:?}, {} unsettled: never credited {never_credited:?}, never charged {never_charged:?}, twice {twice:?}",
                payer.card.account,
                self.unsettled
            );
            one_charge_per_top_up(stripe, payer);

            // Every answer that was paid for has its debit: the one that left the balance which the receipt tells.
            let mut left: BTreeMap<i64, i64> = BTreeMap::new();
            for entry in entries.iter().filter(|entry| entry.kind == "debit") {
                *left.entry(entry.balance).or_default() += 1;
                debits += 1;
            }
            for receipt in payer.receipts.lock().unwrap().iter() {
                let count = left.entry(receipt.credits_remaining.get()).or_default();
                *count -= 1;
                assert!(*count >= 0, "an answer without a debit: {receipt:?}");
                answers += 1;
            }
            charges += at_stripe.len();
            credits += credited.len();
        }
        let sent: usize = payers.iter().map(|payer| payer.sent.load(Ordering::Relaxed)).sum();
        let cut_off: usize = payers.iter().map(|payer| payer.cut_off.load(Ordering::Relaxed)).sum();
        println!(
            "kills {kills}, requests {sent}, cut off {cut_off}, charges {charges}, credits {credits}, lost = {lost}, \
             doubled = {doubled}, answers paid for {answers}, debits {debits}, debits without an answer {}",
            debits - answers
        );
        assert!(charges > 0 && answers > 0, "something happened");
    }
}

/// The balance is the sum of the entries, every entry stores the running balance, no debit made it negative, and a
/// debit was given back at most once.
fn adds_up(entries: &[Entry]) {
    let mut balance = 0;
    let mut reversed = Vec::new();
    for (nth, entry) in (1..).zip(entries) {
        assert_eq!(entry.seq, nth, "no entry is missing");
        balance += entry.amount;
        assert_eq!(entry.balance, balance, "entry {nth}");
        assert!(entry.kind != "debit" || balance >= 0, "entry {nth}");
        reversed.extend(entry.of_seq);
    }
    let count = reversed.len();
    reversed.sort_unstable();
    reversed.dedup();
    assert_eq!(reversed.len(), count, "reversed twice");
}

/// No client was charged twice for one top-up.
fn one_charge_per_top_up(stripe: Stripe, payer: &Payer) {
    let mut top_ups: Vec<String> = stripe
        .payment_intents(&payer.card)
        .iter()
        .map(|intent| intent["metadata"]["stripe402_top_up"].as_str().expect("its top-up").to_owned())
        .collect();
    let count = top_ups.len();
    top_ups.sort();
    top_ups.dedup();
    assert_eq!(top_ups.len(), count, "a top-up with two PaymentIntents");
}
