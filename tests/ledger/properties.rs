//! Random histories of one account: whatever is paid, spent, reversed, answered, lost or announced, in any order and
//! at any time, the invariants of the ledger hold after every step.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::history::History;
use super::said::{Said, said};

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A client id pays.
    Spend { euro: bool, price: i64 },
    /// The nth order of this history comes again, as a call that is tried again.
    Again { nth: usize },
    /// A card pays: the nth of three; attached by now, as Stripe says, or not.
    Pay { euro: bool, price: i64, nth: usize, known: bool, asked: Option<i64> },
    /// Stripe answers the call that is out, so.
    Reply(Said),
    /// The answer to the call before comes (again).
    Late(Said),
    /// The object dies: the call that is out and all who wait are gone.
    Crash,
    /// All who wait hang up.
    HangUp,
    /// Time passes, and the alarm rings if it is due and nobody is at it.
    Pass { span: i64 },
    /// Time passes until the alarm is due.
    Alarm,
    /// The nth debit that was told is given back.
    Reverse { nth: usize },
    /// A webhook announces the PaymentIntent of the open top-up.
    Announced(Said),
}

fn step() -> impl Strategy<Value = Step> {
    let price = prop_oneof![1_i64..200, 1_i64..60_000];
    let span = prop_oneof![0_i64..2_000, 0_i64..130_000, 0_i64..4_000_000, 0_i64..400_000_000];
    prop_oneof![
        3 => (prop::bool::weighted(0.2), price.clone()).prop_map(|(euro, price)| Step::Spend { euro, price }),
        1 => (0_usize..20).prop_map(|nth| Step::Again { nth }),
        4 => (prop::bool::weighted(0.2), price, 0_usize..3, any::<bool>(), prop::option::of(50_000_i64..90_000))
            .prop_map(|(euro, price, nth, known, asked)| Step::Pay { euro, price, nth, known, asked }),
        8 => said().prop_map(Step::Reply),
        1 => said().prop_map(Step::Late),
        1 => Just(Step::Crash),
        1 => Just(Step::HangUp),
        2 => span.prop_map(|span| Step::Pass { span }),
        3 => Just(Step::Alarm),
        2 => (0_usize..20).prop_map(|nth| Step::Reverse { nth }),
        1 => said().prop_map(Step::Announced),
    ]
}

#[test]
fn whatever_happens_the_invariants_hold_after_every_step() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let seen = RefCell::new(BTreeMap::<&str, u32>::new());
    let result = runner.run(&prop::collection::vec(step(), 1..70), |steps| {
        let mut history = History::new();
        for step in &steps {
            history.happens(step);
            history.check();
        }
        for what in history.seen {
            *seen.borrow_mut().entry(what).or_default() += 1;
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    // The histories must have come somewhere, else nothing was shown.
    let seen = seen.into_inner();
    let wanted = [
        "announced",
        "attached",
        "canceled",
        "credited",
        "declined",
        "never_happened",
        "paid",
        "refused",
        "reversed",
        "secret",
    ];
    for what in wanted {
        assert!(seen.get(what).is_some_and(|count| *count >= 1), "{what}: {seen:?}");
    }
}
