//! Servers that do anything at all.

use super::*;
use proptest::prelude::*;

/// What a server, and the world, may do.
fn any_event() -> impl Strategy<Value = Event> {
    let amounts = prop_oneof![Just(100_i64), 1..1_000_i64, Just(i64::MAX)];
    let offers = (
        amounts,
        prop_oneof![Just(50_000_i64), 1..200_000_i64],
        prop_oneof![Just("usd"), Just("eur"), Just("zzz")],
    );
    let codes = prop::option::of(prop_oneof![
        Just("insufficient_credits"),
        Just("card_declined"),
        Just("top_up_below_minimum"),
        Just("nonsense")
    ]);
    prop_oneof![
        4 => (offers, codes).prop_map(|((amount, least, currency), error)| {
            asks_for(&json!({"amount": amount, "minTopUp": least, "currency": currency}), error)
        }),
        2 => Just(insufficient()),
        2 => Just(same_again()),
        1 => (100..600_u16).prop_map(|status| answer(status, &[])),
        1 => Just(receipt(&json!({}))),
        1 => prop_oneof![Just(Arrived::No), Just(Arrived::Perhaps)].prop_map(Event::Lost),
    ]
}

proptest! {
    /// Whatever a server does: it ends, one card is charged at most, and nothing is sent that was not put aside.
    #[test]
    fn it_ends_and_pays_once(
        events in prop::collection::vec(any_event(), 40),
        turns in prop::collection::vec(any::<(bool, bool)>(), 40),
        known in any::<bool>(), quoted in any::<bool>(), replayable in any::<bool>(), free_hand in any::<bool>(),
    ) {
        let policy = if free_hand { Policy::new() } else { strict() };
        let quote = quoted.then_some((Currency::USD, units(100)));
        let start = Start { quote, replayable, repeatable: replayable, ..start(policy, known.then(|| client("a"))) };
        let (mut exchange, mut step) = Exchange::begin(start);
        let (mut events, mut turns) = (events.into_iter(), turns.into_iter());
        let (mut sent, mut asked, mut cards, mut put_aside) = (0, 0, std::collections::BTreeSet::new(), None);
        let mut over = false;
        for _ in 0..60 {
            let event = match &step {
                Step::Send(payment) => {
                    sent += 1;
                    match payment {
                        Some(Payment { payment_method: Some(_), top_up, .. }) => {
                            let (_, _, allowed) = put_aside.expect("put aside before it is sent");
                            prop_assert!(top_up.is_some() && *top_up <= allowed, "{top_up:?} {allowed:?}");
                            cards.insert(*top_up);
                        }
                        Some(_) => prop_assert!(free_hand || put_aside.is_some()),
                        None => {}
                    }
                    events.next().unwrap()
                }
                Step::PutAside { currency, price, top_up } => {
                    if !free_hand && top_up.is_some_and(|top_up| top_up > units(50_000)) {
                        Event::Aside(Err(Refused::new(Rule::MaxTopUp, "")))
                    } else {
                        prop_assert!(free_hand || (*currency == Currency::USD && *price <= units(500)));
                        put_aside = Some((*currency, *price, *top_up));
                        allowed()
                    }
                }
                Step::Turn => {
                    let (known, topped_up) = turns.next().unwrap();
                    turned(known.then_some("b"), topped_up)
                }
                Step::Ask { .. } => { asked += 1; card() }
                Step::Wait(time) => {
                    prop_assert!(*time >= Duration::from_secs(1) && *time <= Duration::from_mins(1));
                    Event::Waited
                }
                Step::Done(_) | Step::Fail { .. } | Step::FailAsLost { .. } => { over = true; break }
            };
            step = exchange.next(event, NOW);
        }
        prop_assert!(over, "it goes on and on: {step:?}");
        prop_assert!(sent <= 4 + 5, "{sent} requests");
        prop_assert!(asked <= 1 && cards.len() <= 1);
    }
}
