//! Reports of histories that are drawn: whatever happens and whatever gets lost, in the end they are right.

use proptest::prelude::*;
use stripe402_edge::ledger::Order;
use stripe402_edge::ledger::entries::{self, Kind};
use stripe402_edge::ledger::operator::What;

use super::given::{DAY, HOUR, KEEP, MINUTE, SECOND, START, World, act, eur, op, order, units, usd};

use super::reporting::{Reports, agree, confirm, does, due, handed, report};

/// What may happen, in any order.
#[derive(Debug, Clone)]
enum Thing {
    Spend(u8, i64),
    Reverse(u8),
    Credit(bool, i64),
    Take(i64),
    Freeze(bool),
    Later(i64),
    Compact,
    /// A handover is made; it arrives (or not), and that is confirmed (or not).
    HandOver(bool, bool),
    /// A copy of an earlier one arrives.
    Copy(usize),
    Anew,
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        8 => (0..4_u8, 1..200_i64).prop_map(|(route, price)| Thing::Spend(route, price)),
        3 => (0..8_u8).prop_map(Thing::Reverse),
        2 => (any::<bool>(), 5_000..9_000_i64).prop_map(|(euro, amount)| Thing::Credit(euro, amount)),
        1 => (1..500_i64).prop_map(Thing::Take),
        1 => any::<bool>().prop_map(Thing::Freeze),
        4 => prop_oneof![Just(SECOND), Just(MINUTE), Just(HOUR), Just(DAY), Just(KEEP)].prop_map(Thing::Later),
        2 => Just(Thing::Compact),
        6 => (any::<bool>(), any::<bool>()).prop_map(|(arrives, confirmed)| Thing::HandOver(arrives, confirmed)),
        2 => (0..9_usize).prop_map(Thing::Copy),
        1 => Just(Thing::Anew),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_lost_late_or_repeated_the_reports_say_in_the_end_what_the_account_says(
        things in prop::collection::vec(thing(), 1..60)
    ) {
        let mut world = World::credited();
        let reports = Reports::new();
        let mut sent: Vec<String> = Vec::new();
        let mut debits: Vec<(i64, u8)> = Vec::new();
        for (nth, thing) in things.iter().enumerate() {
            let name = u8::try_from(nth + 1).unwrap();
            match thing {
                Thing::Spend(route, price) => {
                    let one = Order {
                        resource: format!("GET /{route}/{nth}"),
                        route: Some(format!("GET /{route}/*")),
                        ..order(name, *price)
                    };
                    if let stripe402_edge::ledger::account::Spent::Paid(posted) = world.spend(&one) {
                        debits.push((posted.seq, name));
                    }
                }
                Thing::Reverse(back) => {
                    if let Some((seq, of)) = debits.iter().rev().nth(usize::from(*back)) {
                        world.account().reverse(usd(), *seq, &op(*of), &op(*of), world.now).unwrap();
                    }
                }
                Thing::Credit(euro, amount) => {
                    let currency = if *euro { eur() } else { usd() };
                    world.credit(currency, *amount, &format!("pi_{nth}")).unwrap();
                }
                Thing::Take(amount) => entries::adjust(
                    &world.store, Kind::Refund, usd(), units(-amount), "pi_first", None, world.now,
                ).unwrap(),
                Thing::Freeze(on) => {
                    does(&world, &act(&format!("{nth}"), if *on { What::Freeze } else { What::Unfreeze }));
                }
                Thing::Later(span) => world.later(*span),
                Thing::Compact => world.account().compact(KEEP, world.now).unwrap(),
                Thing::HandOver(arrives, confirmed) => {
                    if due(&world).is_some() {
                        let handover = handed(&world);
                        if *arrives {
                            reports.take(&handover);
                            if *confirmed {
                                confirm(&world, &handover);
                            }
                        }
                        sent.push(handover);
                    }
                }
                Thing::Copy(nth) => {
                    if let Some(copy) = sent.iter().rev().nth(*nth) {
                        reports.take(copy);
                    }
                }
                Thing::Anew => does(&world, &act(&format!("{nth}"), What::Report)),
            }
        }
        report(&world, &reports);
        agree(&world, &reports);
        for copy in &sent {
            reports.take(copy);
        }
        agree(&world, &reports);
        prop_assert!(START < world.now);
    }
}
