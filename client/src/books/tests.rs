#![allow(clippy::arithmetic_side_effects, reason = "a test may fail loudly")]

use super::*;
use crate::origin::Host;
use crate::policy::{Budget, Limits, Rule, Window};
use proptest::prelude::*;
use url::Url;

const MINUTE: Millis = 60_000;
const NOW: Millis = 1_800_000_000_000;

fn units(value: i64) -> Units {
    Units::new(value).unwrap()
}

fn origin(url: &str) -> Origin {
    Origin::of(&Url::parse(url).unwrap()).unwrap()
}

fn order(origin: &Origin, price: i64, top_up: Option<i64>) -> Order<'_> {
    Order {
        origin,
        currency: Currency::USD,
        price: units(price),
        top_up: top_up.map(units),
        last_price: None,
        redirected: false,
    }
}

fn host(name: &str) -> Host {
    Host::parse(name).unwrap()
}

fn policy(budgets: impl IntoIterator<Item = Budget>) -> Policy {
    Policy::new().limits(Currency::USD, budgets.into_iter().fold(Limits::new(), Limits::budget))
}

#[test]
fn what_is_put_aside_counts_until_it_is_taken_back() {
    let (mut books, here) = (Books::default(), origin("https://a.example"));
    let policy = policy([Budget::spending(Window::Day, units(250))]);
    let first = books.put_aside(&policy, &order(&here, 100, None), None, NOW).unwrap();
    let second = books.put_aside(&policy, &order(&here, 100, None), None, NOW).unwrap();
    let refused = books.put_aside(&policy, &order(&here, 100, None), None, NOW).unwrap_err();
    assert_eq!(refused.rule, Rule::Budget);
    assert_eq!(
        refused.to_string(),
        "budget: the price is $0.01; $0.02 of $0.025 in all were spent in the last day"
    );
    books.take_back(first);
    let third = books.put_aside(&policy, &order(&here, 150, None), None, NOW).unwrap();
    // Settled for less than was put aside: the rest is free again.
    books.settle(second, units(40), Units::ZERO, NOW);
    books.settle(third, units(150), Units::ZERO, NOW);
    assert_eq!(books.put_aside(&policy, &order(&here, 61, None), None, NOW).unwrap_err().rule, Rule::Budget);
    books.put_aside(&policy, &order(&here, 60, None), None, NOW).unwrap();
}

#[test]
fn the_same_payment_is_put_aside_once() {
    let (mut books, here) = (Books::default(), origin("https://a.example"));
    let policy = policy([Budget::spending(Window::Day, units(100))]);
    let ticket = books.put_aside(&policy, &order(&here, 100, None), None, NOW).unwrap();
    let ticket = books.put_aside(&policy, &order(&here, 100, Some(50_000)), Some(ticket), NOW).unwrap();
    books.settle(ticket, units(100), Units::ZERO, NOW);
    assert_eq!(books.aside.len(), 0);
}

#[test]
fn a_budget_of_nothing_allows_nothing() {
    let (mut books, here) = (Books::default(), origin("https://a.example"));
    let policy = policy([Budget::spending(Window::Hour, Units::ZERO)]);
    assert_eq!(books.put_aside(&policy, &order(&here, 1, None), None, NOW).unwrap_err().rule, Rule::Budget);
}

#[test]
fn top_ups_have_budgets_of_their_own() {
    let (mut books, here) = (Books::default(), origin("https://a.example"));
    let policy =
        policy([Budget::spending(Window::Day, units(1_000)), Budget::top_ups(Window::Day, units(50_000))]);
    let ticket = books.put_aside(&policy, &order(&here, 100, Some(50_000)), None, NOW).unwrap();
    books.settle(ticket, units(100), units(50_000), NOW);
    assert_eq!(
        books.put_aside(&policy, &order(&here, 100, Some(1)), None, NOW).unwrap_err().rule,
        Rule::TopUpBudget
    );
    books.put_aside(&policy, &order(&here, 100, None), None, NOW).unwrap();
}

#[test]
fn each_host_has_its_own_and_all_share_one() {
    let (mut books, a, b) = (Books::default(), origin("https://a.example"), origin("https://b.example"));
    let policy = policy([
        Budget::spending(Window::Day, units(150)),
        Budget::spending(Window::Day, units(100)).for_each_host(),
        Budget::spending(Window::Day, units(40)).for_host(host("b.example")),
    ]);
    books.put_aside(&policy, &order(&a, 100, None), None, NOW).unwrap();
    assert_eq!(books.put_aside(&policy, &order(&a, 1, None), None, NOW).unwrap_err().rule, Rule::Budget);
    let refused = books.put_aside(&policy, &order(&b, 41, None), None, NOW).unwrap_err();
    assert!(refused.why.contains("for b.example"), "{refused}");
    books.put_aside(&policy, &order(&b, 40, None), None, NOW).unwrap();
}

#[test]
fn a_budget_for_a_host_holds_however_the_host_is_written() {
    for (name, url) in [
        ("api.example", "https://api.example"),
        ("API.example", "https://api.example/"),
        ("api.example:443", "https://api.example"),
        ("api.example", "https://api.example:443"),
        ("api.example", "https://api.example:8443"),
        ("api.example:8443", "https://API.example:8443"),
        ("api.example:80", "http://api.example"),
        ("*.example", "https://api.example"),
        ("bücher.example", "https://xn--bcher-kva.example"),
        ("[::1]", "http://[::1]:8402"),
    ] {
        for budget in
            [Budget::spending(Window::Day, units(100)), Budget::top_ups(Window::Day, units(100_000))]
        {
            let (mut books, here) = (Books::default(), origin(url));
            let policy = policy([budget.for_host(host(name))]).allow_http(true);
            let order = order(&here, 60, Some(60_000));
            let ticket = books.put_aside(&policy, &order, None, NOW).unwrap();
            let refused = books.put_aside(&policy, &order, None, NOW).unwrap_err();
            assert!(refused.why.contains(&format!("for {}", host(name))), "{name} {url}: {refused}");
            // Settled, it counts as well.
            books.settle(ticket, units(60), units(60_000), NOW);
            assert!(books.put_aside(&policy, &order, None, NOW).is_err(), "{name} {url}");
        }
    }
    let (mut books, here) = (Books::default(), origin("https://api.example"));
    let others = ["example", "api.example:8443", "*.api.example", "api.example.evil"];
    let others = others.map(|name| Budget::spending(Window::Day, Units::ZERO).for_host(host(name)));
    books.put_aside(&policy(others), &order(&here, 60, None), None, NOW).unwrap();
}

#[test]
fn windows_slide() {
    for (window, length) in [(Window::Hour, 60), (Window::Day, 24 * 60), (Window::Month, 30 * 24 * 60)] {
        let (mut books, here) = (Books::default(), origin("https://a.example"));
        let policy = policy([Budget::spending(window, units(100))]);
        let ticket = books.put_aside(&policy, &order(&here, 100, None), None, NOW).unwrap();
        books.settle(ticket, units(100), Units::ZERO, NOW);
        let at = |minutes: i64| {
            let mut books = books.clone();
            books.compact(NOW + minutes * MINUTE);
            books.put_aside(&policy, &order(&here, 100, None), None, NOW + minutes * MINUTE).is_ok()
        };
        assert!(!at(0) && !at(length / 2) && !at(length - 1), "{window}");
        // Coarse sums count a little longer, never shorter.
        assert!(at(length * 2 + 24 * 60), "{window}");
        // A clock that goes backwards frees nothing.
        assert!(!at(-100 * 24 * 60), "{window}");
    }
}

#[test]
fn what_was_never_settled_counts_as_spent() {
    let (mut books, here) = (Books::default(), origin("https://a.example"));
    let policy = policy([Budget::spending(Window::Month, units(100))]);
    books.put_aside(&policy, &order(&here, 100, None), None, NOW).unwrap();
    books.compact(NOW + 3 * 24 * 60 * MINUTE);
    assert_eq!(books.aside.len(), 0);
    let later = NOW + 4 * 24 * 60 * MINUTE;
    assert_eq!(books.put_aside(&policy, &order(&here, 1, None), None, later).unwrap_err().rule, Rule::Budget);
}

#[test]
fn a_price_holds_for_its_lifetime_and_is_remembered_after_it() {
    let (mut books, here) = (Books::default(), origin("https://a.example"));
    let get = Target::new(here.clone(), "GET", "/joke");
    let head = Target::new(here.clone(), "HEAD", "/joke");
    let post = Target::new(here, "POST", "/joke");
    books.price_is(&get, Currency::USD, units(100), NOW);
    let price = Some((Currency::USD, units(100)));
    assert_eq!(books.quote(&head, MINUTE, NOW + MINUTE - 1), price);
    assert_eq!(books.quote(&get, MINUTE, NOW + MINUTE), None);
    assert_eq!(books.quote(&get, MINUTE, NOW - 1), None, "said in the future");
    assert_eq!(books.quote(&get, 0, NOW), None);
    assert_eq!(books.last_price(&get), price);
    assert_eq!(books.last_price(&post), None);
    for nth in 0..3_000 {
        let target = Target::new(get.origin.clone(), "GET", &format!("/{nth}"));
        books.price_is(&target, Currency::USD, units(1), NOW + nth);
    }
    assert_eq!(books.prices.len(), MOST_PRICES);
    assert_eq!(books.last_price(&get), None);
}

#[test]
fn a_price_that_the_balance_proves_holds_longer() {
    let (mut books, here) = (Books::default(), origin("https://a.example"));
    let target = Target::new(here.clone(), "GET", "/joke");
    let price = (Currency::USD, units(100));
    books.remember(&here, &ClientId::derive(b"secret", "card"));
    books.paid(&target, price, true, Some(units(1_000)), NOW);
    let at = |books: &Books, minutes: i64| books.quote(&target, MINUTE, NOW + minutes * MINUTE).is_some();
    assert!(at(&books, 0) && !at(&books, 1));
    books.paid(&target, price, false, Some(units(900)), NOW + MINUTE);
    assert!(at(&books, 1), "100 less are left: that was the price");
    books.paid(&target, price, false, Some(units(700)), NOW + 2 * MINUTE);
    assert!(!at(&books, 2), "somebody else paid, or the price is another one");
    books.paid(&target, price, false, Some(units(600)), NOW + 3 * MINUTE);
    assert!(at(&books, 3));
    books.paid(&target, price, false, None, NOW + 4 * MINUTE);
    assert!(!at(&books, 4), "no receipt proves nothing");
}

#[test]
fn the_books_survive_json_and_other_books_are_refused() {
    let (mut books, here) = (Books::default(), origin("https://a.example"));
    let client = ClientId::derive(b"secret", "card");
    books.remember(&here, &client).balances.insert("usd".into(), units(7));
    books.price_is(&Target::new(here.clone(), "GET", "/a"), Currency::USD, units(1), NOW);
    let ticket = books.put_aside(&Policy::new(), &order(&here, 1, Some(2)), None, NOW).unwrap();
    books.settle(ticket, units(1), units(2), NOW);
    books.put_aside(&Policy::new(), &order(&here, 1, Some(2)), None, NOW).unwrap();
    let json = serde_json::to_string(&books).unwrap();
    assert_eq!(serde_json::from_str::<Books>(&json).unwrap(), books);
    assert!(!format!("{books:?}").contains(client.as_str()), "Debug shows no secret");
    for wrong in [r#"{"version":2}"#, r"{}", r#"{"version":1,"more":1}"#, "[]"] {
        assert!(serde_json::from_str::<Books>(wrong).is_err(), "{wrong}");
    }
    let other = ClientId::derive(b"secret", "other card");
    assert!(books.remember(&here, &other).balances.is_empty());
    assert!(books.forget(here.as_str()) && !books.forget(here.as_str()));
}

/// What happens to one payment.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Settled,
    TakenBack,
    Forgotten,
}

proptest! {
    /// However payments come, end and age: what was spent, or may have been, in any window never exceeds its budget.
    #[test]
    fn no_budget_is_ever_exceeded(
        payments in prop::collection::vec((
            0..3_usize, 1..400_i64, 0..20_000_000_i64,
            prop_oneof![Just(Fate::Settled), Just(Fate::TakenBack), Just(Fate::Forgotten)],
        ), 1..120),
    ) {
        let hosts = ["https://a.example", "https://b.example", "https://c.example"].map(origin);
        let budgets = [(Window::Hour, 600), (Window::Day, 1_500), (Window::Month, 4_000)];
        let policy = policy(budgets.map(|(window, most)| Budget::spending(window, units(most))).into_iter().chain(
            [Budget::spending(Window::Hour, units(450)).for_each_host()],
        ));
        let (mut books, mut now) = (Books::default(), NOW);
        let mut spent: Vec<(Millis, i64, usize)> = Vec::new();
        let mut allowed = 0;
        for (host, price, pause, fate) in payments {
            now += pause;
            let Ok(ticket) = books.put_aside(&policy, &order(&hosts[host], price, None), None, now) else { continue };
            allowed += 1;
            match fate {
                Fate::Settled => books.settle(ticket, units(price), Units::ZERO, now),
                Fate::TakenBack => { books.take_back(ticket); continue }
                Fate::Forgotten => {}
            }
            spent.push((now, price, host));
            for (window, most) in budgets {
                let sum: i64 = spent.iter().filter(|(at, ..)| *at > now - window.millis()).map(|(_, price, _)| price).sum();
                prop_assert!(sum <= most, "{window}: {sum}");
            }
            let hour = spent.iter().filter(|(at, _, of)| *at > now - Window::Hour.millis() && *of == host);
            prop_assert!(hour.map(|(_, price, _)| price).sum::<i64>() <= 450);
            // Each host has at most 60 minutes, 25 hours and 32 days.
            prop_assert!(books.aside.len() + serde_json::to_value(&books.spending).unwrap().as_array().unwrap().len() <= 400);
        }
        prop_assert!(allowed > 0, "the first payment always fits");
    }
}
