//! Routes that are asked ahead of their debit: sooner answered, and never without having been paid for.

use std::time::{Duration, Instant};

use serde_json::json;
use stripe402_e2e::{Config, Layout, Paywall, Request};

use crate::given::{before, sends};
use crate::scripted::{Scripted, answer};

/// How long the accounts below take, from the second call on; as long as the origin does.
const SLOW: Duration = Duration::from_millis(400);

fn config() -> Config {
    let routes = json!({
        "GET /ahead/*": { "amount": 100, "speculative": true },
        "GET /after/*": { "amount": 100 },
    });
    Config::new().var("ROUTES", routes)
}

/// An account that answers its first call at once and the others late, with this.
fn late(then: &str) -> &'static str {
    let module = format!(
        "import {{ DurableObject }} from 'cloudflare:workers';
        let calls = 0;
        export class Account extends DurableObject {{
          async ask() {{
            calls += 1;
            const first = calls === 1;
            if (!first) await new Promise((done) => setTimeout(done, {}));
            return first ? '{{\"paid\":{{\"balance\":49900,\"seq\":2}}}}' : '{then}';
          }}
        }}
        export default {{}};",
        SLOW.as_millis()
    );
    module.leak()
}

/// An origin that takes its time.
fn slow() -> Scripted {
    Scripted::start(|_| {
        std::thread::sleep(SLOW);
        answer(200, &[], "what is sold")
    })
}

fn start(origin: &Scripted, accounts: &'static str) -> Paywall {
    Paywall::start_raw(config().var("ORIGIN_URL", origin.url()), Layout::new().accounts_of(accounts))
}

#[test]
fn a_debit_and_the_origin_take_as_long_as_the_slower_of_them() {
    let origin = slow();
    let paywall = start(&origin, late(r#"{"paid":{"balance":49800,"seq":3}}"#));
    let card = paywall.stripe().card("ahead");
    let takes = |target: &str| {
        let began = Instant::now();
        let answer = sends(&paywall, Request::get(target).payment(card.spends()));
        assert_eq!((answer.status, answer.text().as_ref()), (200, "what is sold"));
        assert!(answer.receipt().success);
        began.elapsed()
    };
    takes("/ahead/first");
    // The fastest of three: a busy machine adds, and takes nothing away.
    let fastest = |target: &str| (0..3).map(|_| takes(target)).min().unwrap();
    let (ahead, after) = (fastest("/ahead/x"), fastest("/after/x"));
    assert!(after >= 2 * SLOW, "one after the other: {after:?}");
    assert!(ahead + SLOW / 2 < after, "at the same time: {ahead:?} against {after:?}");
}

#[test]
fn who_is_refused_gets_nothing_and_makes_the_origin_work_once() {
    let origin = Scripted::with_headers(&[]);
    let paywall = start(&origin, late(r#"{"insufficient":{"balance":0}}"#));
    let card = paywall.stripe().card("refused");
    let asks = || sends(&paywall, Request::get("/ahead/x").payment(card.spends()));
    assert_eq!(asks().status, 200);
    let refused = asks();
    assert_eq!(refused.status, 402);
    assert!(refused.header("payment-required").is_some() && !refused.text().contains("said"), "{refused:?}");
    assert_eq!(origin.asked().len(), 2, "it was asked ahead");
    assert_eq!(asks().status, 402);
    assert_eq!(origin.asked().len(), 2, "and not again for who was refused");
}

#[test]
fn strangers_and_keyed_requests_wait_for_their_debit() {
    let origin = Scripted::with_headers(&[]);
    let paywall = start(&origin, late(r#"{"insufficient":{"balance":0}}"#));
    let (card, stranger) = (paywall.stripe().card("keyed"), paywall.stripe().card("stranger"));
    assert_eq!(sends(&paywall, Request::get("/ahead/x").payment(card.spends())).status, 200);
    let keyed = Request::get("/ahead/x").payment(card.spends()).header("idempotency-key", "k");
    assert_eq!(sends(&paywall, keyed).status, 402);
    assert_eq!(sends(&paywall, Request::get("/ahead/x").payment(stranger.spends())).status, 402);
    assert_eq!(origin.asked().len(), 1);
}

#[test]
fn as_many_are_served_as_are_paid_for_however_many_go_ahead() {
    let origin = Scripted::with_headers(&[]);
    let routes = json!({ "GET /ahead/*": { "amount": 6_250, "speculative": true } });
    let paywall = before(&origin, Config::new().var("ROUTES", routes));
    let card = paywall.stripe().card("many");
    assert_eq!(sends(&paywall, Request::get("/ahead/x").payment(card.pays())).status, 200);
    // Seven of eight are left of the smallest top-up.
    let address = paywall.address();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = || Request::get("/ahead/x").payment(card.spends()).send(address).expect("an answer").status;
        let all: Vec<_> = (0..30).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 7, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 402).count(), 23, "{statuses:?}");
}
