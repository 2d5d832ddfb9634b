//! Card testing: past a limit nobody is let through, and Stripe is not called.

use std::thread;

use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use stripe402_e2e::{Card, Config, Paywall, Request, project};

/// How many random payment methods and as many client ids are tried: `STRIPE402_GUESSES`, in `make test-all` more.
fn guesses() -> usize {
    std::env::var("STRIPE402_GUESSES").ok().map_or(1_000, |text| text.parse().expect("a number of guesses"))
}

/// A paywall whose limits hold.
fn held() -> Paywall {
    Paywall::start(Config::new().without("LIMITS"))
}

fn random(seed: &mut u64) -> u64 {
    // splitmix64
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn random_payment_methods_and_client_ids_find_nothing_and_hardly_reach_stripe() {
    let mut paywall = held();
    let guesses = guesses();
    let visitor = paywall.visitor("guesses");
    let mut seed = 402;
    let payments: Vec<String> = (0..guesses)
        .flat_map(|_| {
            let method = format!("pm_{:016x}{:08x}", random(&mut seed), random(&mut seed) >> 32);
            let [a, b, c, d] = std::array::from_fn(|_| random(&mut seed));
            let client = format!("{a:016x}{b:016x}{c:016x}{d:016x}");
            [json!({"paymentMethodId": method}), json!({"clientId": client})]
        })
        .map(|fields| Card::writes(&fields))
        .collect();

    let began = std::time::Instant::now();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let workers: Vec<_> = payments
            .chunks(payments.len() / 8)
            .map(|chunk| {
                scope.spawn(move || {
                    let ask =
                        |payment: &String| visitor.asks(Request::get("/api/joke").payment(payment.as_str()));
                    chunk
                        .iter()
                        .map(|payment| {
                            let answer = ask(payment);
                            assert!(
                                answer.status != 429 || answer.header("retry-after").is_some(),
                                "{answer:?}"
                            );
                            answer.status
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });

    assert!(statuses.iter().all(|status| [402, 429].contains(status)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 429).count() > guesses, "most are held back");
    // Ten in sixty seconds, for one address.
    let windows = began.elapsed().as_secs() / 60 + 2;
    let calls = paywall.stripe().calls_naming("pm_").len();
    assert!(u64::try_from(calls).unwrap() <= 10 * windows, "{calls} calls in {windows} windows");
    assert_eq!(visitor.reached(), []);
    paywall.kill();
    let databases = paywall.databases();
    assert!(databases.len() >= guesses / 2, "every client id that was guessed has been asked for");
    let schema = std::fs::read_to_string(project().join("src/ledger/schema.rs")).unwrap();
    let names = |text: &str| {
        let name = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        format!("'{name}'")
    };
    let ours: Vec<_> = schema.split("CREATE TABLE IF NOT EXISTS ").skip(1).map(names).collect();
    assert!(ours.len() > 10 && ours.contains(&"'entry'".to_owned()), "{ours:?}");
    let ours = format!("SELECT group_concat(name) FROM sqlite_master WHERE name IN ({})", ours.join(", "));
    for path in databases {
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let tables: Option<String> = connection.query_row(&ours, [], |row| row.get(0)).unwrap();
        assert_eq!(tables, None, "nothing of ours is left behind");
    }
}

#[test]
fn declines_are_limited_per_account_and_hour() {
    // Five requests are within the limit per address: this one is about the account.
    let paywall = Paywall::start(Config::new().var("MAX_DECLINES", "3").without("LIMITS"));
    let (stripe, visitor) = (paywall.stripe(), paywall.visitor("declines"));
    let mut statuses = Vec::new();
    for nth in 0..5 {
        let card = stripe.lays_out(
            &format!("declines_{nth}"),
            "declines",
            &json!({"behaviour": "pm_card_chargeCustomerFail"}),
        );
        let answer = visitor.pays("/api/joke", &card.pays());
        statuses.push(answer.status);
        if answer.status == 429 {
            assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() <= 3_600);
        }
    }
    assert_eq!(statuses, [402, 402, 402, 429, 429]);
    assert_eq!(
        stripe.calls_naming("payment_intents").len(),
        3,
        "past the limit Stripe is not asked to charge"
    );
}
