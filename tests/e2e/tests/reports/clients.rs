//! Two hundred clients pay, spend, are refused, refunded and disputed, and the power goes out in between. Then the reports
//! say, to the unit, what the accounts say, and what Stripe charged.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use stripe402_e2e::{Card, Paywall, Request, Stripe, project, wait_for};

use crate::books::{Books, reports};
use crate::{TOKEN, config, register};

const CLIENTS: usize = 200;
/// How many of them are asking at a time.
const AT_ONCE: usize = 8;

/// splitmix64: repeatable.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// One in ten has a card that is declined.
fn is_declined(nth: usize) -> bool {
    nth.is_multiple_of(10)
}

fn cards(stripe: Stripe) -> Vec<Card> {
    let lay_out = |nth: usize| {
        let name = format!("client{nth}");
        if is_declined(nth) {
            stripe.card_like(&name, "pm_card_chargeCustomerFail")
        } else {
            stripe.card(&name)
        }
    };
    (0..CLIENTS).map(lay_out).collect()
}

/// What was told to clients: how much they paid for answers, in dollars' units, and how many answers that were.
#[derive(Default)]
struct Told {
    answers: AtomicUsize,
    paid: AtomicI64,
    cut_off: AtomicUsize,
}

/// A request of a client's, at random, on one of six routes. The last one's origin fails, and is given back.
fn request(card: &Card, random: &mut Random) -> (Request, i64) {
    let amount = 50_000 + 100 * i64::try_from(random.below(3_000)).expect("small");
    let payment = match random.below(4) {
        0 => card.tops_up(100_000 + amount),
        1 => card.pays(),
        _ => card.spends_or_pays(),
    };
    let (request, price) = match random.below(8) {
        0..=2 => (Request::get("/api/joke"), 100),
        3 => (Request::post("/api/translate", "x"), 30_000),
        4 => (Request::get("/status/404"), 700),
        5 => (Request::get("/status/500"), 0),
        // In euros.
        6 => (Request::get("/api/weather"), 0),
        _ => (Request::post("/echo", "x"), 0),
    };
    (request.payment(payment), price)
}

/// Every client asks some times. `over`: the power is out.
fn traffic(cards: &[Card], address: SocketAddr, seed: u64, each: u64, told: &Told, over: &AtomicBool) {
    thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            scope.spawn(move || {
                for (nth, card) in cards.iter().enumerate().filter(|(nth, _)| nth % AT_ONCE == worker) {
                    let mut random = Random(seed * 1_000 + nth as u64);
                    for _ in 0..=random.below(each) {
                        let (request, price) = request(card, &mut random);
                        let Ok(answer) = request.send(address) else {
                            told.cut_off.fetch_add(1, Ordering::Relaxed);
                            if over.load(Ordering::Relaxed) {
                                return;
                            }
                            continue;
                        };
                        let right = [200, 402, 404, 409, 500, 503].contains(&answer.status);
                        assert!(right, "{answer:?}");
                        if answer.header("payment-response").is_some() && answer.receipt().success {
                            told.answers.fetch_add(1, Ordering::Relaxed);
                            told.paid.fetch_add(price, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
}

fn acts(paywall: &Paywall, card: &Card, what: &str, fields: &Value) -> u16 {
    let path = format!("/.well-known/stripe402/admin/clients/{}/{what}", card.account);
    let mut body = json!({"by": "Ada", "reason": "the client asked"});
    for (name, value) in fields.as_object().expect("fields") {
        body[name] = value.clone();
    }
    let request = Request::post(&path, body.to_string()).header("authorization", format!("Bearer {TOKEN}"));
    let key = format!("{what}-{}", &card.account.as_str()[..8]);
    paywall.visitor("operator").asks(request.header("idempotency-key", key)).status
}

/// Refunds at Stripe and by the operator, disputes that are open, won and lost, gifts and a freeze.
fn what_else_happens(paywall: &Paywall, cards: &[Card]) -> usize {
    let stripe = paywall.stripe();
    let mut happened = 0;
    let charges = stripe.all_charges();
    for (nth, card) in cards.iter().enumerate().filter(|(nth, _)| !is_declined(*nth)) {
        let first = charges.iter().find(|(account, ..)| account == card.account.as_str());
        let Some((_, intent, amount)) = first else { continue };
        let dispute = |status: &str| {
            let order = json!({"payment_intent": intent, "status": status});
            stripe.posts("/_testbed/disputes", &order.to_string());
        };
        match nth % 20 {
            1 => drop(stripe.posts("/v1/refunds", &format!("payment_intent={intent}&amount={}", amount / 2))),
            2 => drop(stripe.posts("/v1/refunds", &format!("payment_intent={intent}"))),
            3 => assert!([200, 409].contains(&acts(paywall, card, "refund", &json!({"currency": "usd"})))),
            4 => {
                let gift = json!({"currency": "usd", "amount": 12_345});
                assert_eq!(acts(paywall, card, "adjust", &gift), 200);
            }
            5 => dispute("needs_response"),
            6 => {
                dispute("needs_response");
                dispute("won");
            }
            7 => {
                dispute("needs_response");
                dispute("lost");
            }
            8 => dispute("warning_needs_response"),
            9 => assert_eq!(acts(paywall, card, "freeze", &json!({})), 200),
            _ => continue,
        }
        happened += 1;
    }
    happened
}

#[test]
fn the_reports_of_two_hundred_clients_are_right_to_the_unit() {
    let mut paywall = Paywall::start(config());
    paywall.kill();
    paywall.migrate();
    paywall.start_again();
    register(&paywall);
    let stripe = paywall.stripe();
    let cards = cards(stripe);
    let (told, over) = (Told::default(), AtomicBool::new(false));

    // The power goes out while they ask, and handovers are under way.
    let address = paywall.address();
    thread::scope(|scope| {
        scope.spawn(|| traffic(&cards, address, 1, 4, &told, &over));
        thread::sleep(Duration::from_secs(6));
        over.store(true, Ordering::Relaxed);
        paywall.kill();
    });
    paywall.start_again();
    register(&paywall);
    over.store(false, Ordering::Relaxed);
    traffic(&cards, paywall.address(), 2, 6, &told, &over);
    let happened = what_else_happens(&paywall, &cards);
    assert!(happened > 50, "{happened}");
    traffic(&cards, paywall.address(), 3, 2, &told, &over);

    let settled = || {
        let (own, reported) = (Books::own(&paywall.databases()), Books::reported(&paywall.databases())?);
        (own.open == 0 && own == reported && own == Books::own(&paywall.databases())).then_some(reported)
    };
    let difference = || {
        let (own, reported) = (Books::own(&paywall.databases()), Books::reported(&paywall.databases()));
        let said = paywall.said();
        format!("the reports to be right: {}\n{said}", own.difference(&reported.unwrap_or_default()))
    };
    let books = wait_for(Duration::from_mins(4), difference, settled);

    // Stripe is the witness of what was charged.
    // By what the log tells of an account, it is found.
    let known = books.accounts.keys().next().expect("a client");
    let request = Request::post(
        "/.well-known/stripe402/admin/clients/find",
        json!({"account": &known[..12]}).to_string(),
    );
    let found = request.header("authorization", format!("Bearer {TOKEN}")).send(paywall.address()).unwrap();
    assert_eq!((found.status, found.json()["account"].as_str()), (200, Some(known.as_str())), "{found:?}");

    let at_stripe = stripe.all_charges();
    let charged: BTreeSet<(String, i64)> =
        at_stripe.iter().map(|(_, intent, amount)| (intent.clone(), amount * 100)).collect();
    assert_eq!(charged.len(), at_stripe.len());
    let credited = books.top_ups.values().filter(|(outcome, ..)| outcome == "credited");
    let credited: BTreeSet<(String, i64)> =
        credited.map(|(_, units, intent)| (intent.clone().expect("its PaymentIntent"), *units)).collect();
    assert_eq!(credited, charged);
    let topped_up = books.movements.iter().filter(|(.., kind, _, _)| kind == "topup");
    let topped_up: BTreeSet<(String, i64)> =
        topped_up.map(|(.., amount, source)| (source.clone(), *amount)).collect();
    assert_eq!(topped_up, charged);

    // Clients are the witnesses of what was sold: each answer that was paid for is in the sums. One that a kill cut off,
    // after its debit, is, too.
    let sold: i64 = books.usage.values().map(|[debits, back, _]| debits - back).sum();
    let answers = i64::try_from(told.answers.load(Ordering::Relaxed)).unwrap();
    let cut_off = i64::try_from(told.cut_off.load(Ordering::Relaxed)).unwrap();
    assert!(
        sold >= answers && sold <= answers + cut_off,
        "{sold} were sold, {answers} answered, {cut_off} cut off"
    );
    let (revenue, paid) = (books.revenue("usd"), told.paid.load(Ordering::Relaxed));
    assert!(revenue >= paid && revenue <= paid + 30_000 * cut_off, "{revenue} was earned, {paid} paid");

    // In every currency: what came in and went is what was earned, and what is owed.
    for currency in ["usd", "eur"] {
        let moved: i64 = books
            .movements
            .iter()
            .filter(|(_, known, ..)| known == currency)
            .map(|(.., amount, _)| amount)
            .sum();
        let owed: i64 = books
            .balances
            .iter()
            .filter(|((_, known), _)| known == currency)
            .map(|(_, balance)| balance)
            .sum();
        assert_eq!(moved, books.revenue(currency) + owed, "{currency}");
    }

    // A declined card is seen, and is no account.
    let declined = books.top_ups.values().filter(|(outcome, ..)| outcome == "declined").count();
    assert!(declined >= CLIENTS / 10, "{declined}");
    for (nth, card) in cards.iter().enumerate() {
        assert!(!is_declined(nth) || !books.accounts.contains_key(card.account.as_str()), "{nth}");
    }
    assert!(books.disputes.len() >= 30 && books.accounts.values().any(|frozen| *frozen == 1));
    assert!(books.usage.values().any(|[_, back, _]| *back > 0), "origins failed");
    println!(
        "{} accounts, {sold} requests sold on {} routes and hours, {cut_off} cut off, revenue {revenue} usd and {} eur, \
         {} charges, {declined} declines, {} disputes",
        books.accounts.len(),
        books.usage.len(),
        books.revenue("eur"),
        charged.len(),
        books.disputes.len()
    );
    the_documented_queries_answer(&paywall, &books);
    the_dashboard_is_told_the_same(&paywall, &books);
}

/// What the dashboard asks for.
fn the_dashboard_is_told_the_same(paywall: &Paywall, books: &Books) {
    let asks = |report: &str, currency: &str| -> Value {
        let path = format!("/.well-known/stripe402/admin/reports/{report}?currency={currency}");
        let request = Request::get(&path).header("authorization", format!("Bearer {TOKEN}"));
        let answer = paywall.visitor("dashboard").asks(request);
        assert_eq!(answer.status, 200, "{report}: {}", answer.text());
        answer.json()["rows"].clone()
    };
    for currency in ["usd", "eur"] {
        let mut routes = BTreeMap::<&str, i64>::new();
        for ((_, _, route), sums) in books.usage.iter().filter(|((known, ..), _)| known == currency) {
            *routes.entry(route).or_default() += sums[2];
        }
        let told = asks("routes", currency);
        let told: BTreeMap<_, _> = told
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["resource"].as_str().unwrap(), row["revenue"].as_i64().unwrap()))
            .collect();
        assert_eq!(told, routes);

        let balances = || books.balances.iter().filter(|((_, known), _)| known == currency);
        let topped_up =
            books.movements.iter().filter(|(_, known, _, kind, ..)| known == currency && kind == "topup");
        let summary = &asks("summary", currency)[0];
        assert_eq!(summary["revenue"], books.revenue(currency));
        assert_eq!(summary["outstanding"], balances().map(|(_, balance)| balance).sum::<i64>());
        assert_eq!(summary["clients"], balances().count());
        assert_eq!(summary["topUps"], topped_up.map(|(.., amount, _)| amount).sum::<i64>());
        let timeline = asks("timeline", currency);
        let earned: i64 =
            timeline.as_array().unwrap().iter().map(|row| row["revenue"].as_i64().unwrap()).sum();
        assert_eq!(earned, books.revenue(currency));
        let credits = asks("credits", currency);
        let credit = credits.as_array().unwrap().iter().find(|row| row["currency"] == currency).unwrap();
        assert_eq!(credit["outstanding"], summary["outstanding"]);
    }
    let declined =
        books.top_ups.values().filter(|(outcome, ..)| outcome == "declined" || outcome == "refused");
    let listed = |report| ["usd", "eur"].map(|currency| asks(report, currency).as_array().unwrap().len());
    assert_eq!(listed("declines").iter().sum::<usize>(), declined.count());
    assert_eq!(listed("disputes").iter().sum::<usize>(), books.disputes.len());
}

/// The queries of the operations page, on these tables.
fn the_documented_queries_answer(paywall: &Paywall, books: &Books) {
    let page = std::fs::read_to_string(project().join("docs/operations.md")).unwrap();
    let connection = reports(&paywall.databases()).unwrap();
    let mut answers = Vec::new();
    for block in page.split("```sql\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for query in block.split(';').map(str::trim).filter(|query| !query.is_empty()) {
            let mut statement = connection.prepare(query).unwrap_or_else(|error| panic!("{query}: {error}"));
            if !query.starts_with("SELECT") {
                continue;
            }
            let names: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
            let mut rows = statement.query([]).unwrap();
            let mut found = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                let value = |nth: usize| match row.get_ref(nth).unwrap() {
                    ValueRef::Integer(number) => json!(number),
                    ValueRef::Real(number) => json!(number),
                    ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
                    ValueRef::Null | ValueRef::Blob(_) => Value::Null,
                };
                let row: serde_json::Map<String, Value> =
                    names.iter().enumerate().map(|(nth, name)| (name.clone(), value(nth))).collect();
                found.push(Value::Object(row));
            }
            assert!(!found.is_empty(), "{query}");
            answers.push(found);
        }
    }
    let [revenue, clients, owed, moved, disputes, declines, charges] =
        answers.try_into().expect("as many queries as there are");
    let total = |rows: &[Value], column: &str, currency: &str| -> i64 {
        let of = rows.iter().filter(|row| row["currency"] == currency);
        #[allow(clippy::cast_possible_truncation)]
        of.map(|row| (row[column].as_f64().unwrap() * 10_000.0).round() as i64).sum()
    };
    for currency in ["usd", "eur"] {
        assert_eq!(total(&revenue, "revenue", currency), books.revenue(currency));
        let balances = books.balances.iter().filter(|((_, known), _)| known == currency);
        let right: i64 = balances.map(|(_, balance)| balance).sum();
        assert_eq!(total(&owed, "owed", currency) + total(&owed, "debts", currency), right);
        let of = |kinds: &[&str]| -> i64 {
            let all = books.movements.iter();
            let all =
                all.filter(|(_, known, _, kind, ..)| known == currency && kinds.contains(&kind.as_str()));
            all.map(|(.., amount, _)| amount).sum()
        };
        assert_eq!(total(&moved, "amount", currency), of(&["refund", "dispute"]));
        assert_eq!(total(&charges, "charged", currency), of(&["topup"]));
    }
    assert_eq!((clients.len(), disputes.len()), (20, books.disputes.len().min(50)));
    assert!(declines.iter().all(|row| row["decline_code"] == "generic_decline"), "{declines:?}");
}
