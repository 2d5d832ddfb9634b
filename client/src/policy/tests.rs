#![allow(clippy::arithmetic_side_effects, reason = "a test may fail loudly")]

use super::*;
use url::Url;

fn units(value: i64) -> Units {
    Units::new(value).unwrap()
}

fn origin(url: &str) -> Origin {
    Origin::of(&Url::parse(url).unwrap()).unwrap()
}

fn order(origin: &Origin) -> Order<'_> {
    Order {
        origin,
        currency: Currency::USD,
        price: units(100),
        top_up: None,
        last_price: None,
        redirected: false,
    }
}

fn rule(policy: &Policy, order: &Order<'_>) -> Option<Rule> {
    policy.check(order).err().map(|refused| refused.rule)
}

#[test]
fn without_limits_only_plain_http_and_redirects_are_refused() {
    let (far, near) = (origin("http://api.example"), origin("http://127.0.0.1:8402"));
    let policy = Policy::new();
    assert!(!policy.needs_a_price());
    assert_eq!(rule(&policy, &order(&far)), Some(Rule::HttpsOnly));
    assert_eq!(rule(&policy.clone().allow_http(true), &order(&far)), None);
    assert_eq!(rule(&policy, &Order { price: Units::MAX, top_up: Some(Units::MAX), ..order(&near) }), None);
    assert_eq!(rule(&policy, &Order { redirected: true, ..order(&near) }), Some(Rule::Redirect));
}

#[test]
fn limits_are_inclusive_and_hold_for_their_currency() {
    let origin = origin("https://api.example");
    let policy =
        Policy::new().limits(Currency::USD, Limits::new().max_price(units(100)).max_top_up(units(50_000)));
    let euro = Currency::parse("eur").unwrap();
    let plain = order(&origin);
    for (order, expected) in [
        (plain, None),
        (Order { price: units(101), ..plain }, Some(Rule::MaxPrice)),
        (Order { top_up: Some(units(50_000)), ..plain }, None),
        (Order { top_up: Some(units(50_001)), ..plain }, Some(Rule::MaxTopUp)),
        (Order { currency: euro, price: units(1), ..plain }, Some(Rule::Currency)),
    ] {
        assert_eq!(rule(&policy, &order), expected, "{order:?}");
    }
    let both = policy.limits(euro, Limits::new());
    assert_eq!(rule(&both, &Order { currency: euro, price: units(1_000_000), ..plain }), None);
}

#[test]
fn only_listed_hosts_are_paid() {
    let policy =
        Policy::new().hosts([Host::parse("api.example").unwrap(), Host::parse("*.shop.example").unwrap()]);
    for (url, expected) in [
        ("https://api.example", None),
        ("https://a.shop.example:8443", None),
        ("https://shop.example", Some(Rule::AllowedHosts)),
        ("https://evil.example", Some(Rule::AllowedHosts)),
    ] {
        assert_eq!(rule(&policy, &order(&origin(url))), expected, "{url}");
    }
    let nobody = Policy::new().hosts([]);
    assert_eq!(rule(&nobody, &order(&origin("https://api.example"))), Some(Rule::AllowedHosts));
}

#[test]
fn a_price_may_rise_by_the_factor_and_no_more() {
    let origin = origin("https://api.example");
    let policy = Policy::new().max_price_rise(Factor::parse("1.5").unwrap());
    assert!(policy.needs_a_price());
    let was = |last: i64, now: i64| Order {
        price: units(now),
        last_price: Some((Currency::USD, units(last))),
        ..order(&origin)
    };
    for (last, now, expected) in [
        (100, 150, None),
        (100, 151, Some(Rule::PriceRise)),
        (1, 1, None),
        (1, 2, Some(Rule::PriceRise)),
        (Units::MAX.get(), Units::MAX.get(), None),
    ] {
        assert_eq!(rule(&policy, &was(last, now)), expected, "{last} {now}");
    }
    let euro = Currency::parse("eur").unwrap();
    assert_eq!(rule(&policy, &Order { currency: euro, ..was(100, 1) }), Some(Rule::PriceRise));
    assert_eq!(rule(&policy, &order(&origin)), None, "the first time");
}

#[test]
fn the_first_offer_that_passes_is_taken() {
    let origin = origin("https://api.example");
    let policy = Policy::new().limits(Currency::USD, Limits::new().max_price(units(100)));
    let offer = |currency: &str, amount| Accept {
        currency: Currency::parse(currency).unwrap(),
        amount: units(amount),
        min_top_up: units(50_000),
        publishable_key: String::new(),
        description: None,
    };
    let offers = [offer("eur", 1), offer("usd", 200), offer("usd", 100)];
    let choose = |offers| {
        policy.choose(offers, |offer: &Accept| Order {
            currency: offer.currency,
            price: offer.amount,
            ..order(&origin)
        })
    };
    assert_eq!(choose(&offers), Ok(&offers[2]));
    let refused = choose(&offers[..2]).unwrap_err().unwrap();
    assert_eq!(refused.rule, Rule::Currency, "the first refusal is told");
    assert_eq!(choose(&[]), Err(None));
}

#[test]
fn a_factor_is_a_decimal_of_at_least_one() {
    for (text, shown) in [("1", "1"), ("1.5", "1.5"), ("2.250", "2.25"), ("1000", "1000")] {
        assert_eq!(Factor::parse(text).unwrap().to_string(), shown);
    }
    for text in ["", "0", "0.999", "1000.001", "1.5.0", "-1", "+1", "1e3", "1.", ".5", "1.2345", "NaN"] {
        assert_eq!(Factor::parse(text), Err(InvalidFactor), "{text:?}");
    }
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = Rule::ALL.map(Rule::as_str).into();
    assert_eq!(names.len(), Rule::ALL.len());
}
