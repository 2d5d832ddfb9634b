//! When the alarm rings.
//!
//! Kept true here: an alarm is never set to a time that has passed. The platform compares what is to be set with the alarm
//! that it rang last, and while that one's commit is on its way it takes the same time for one that is already planned: it
//! would never ring again.

use super::store::Millis;

/// What the alarm is set to. `due`: the earliest of what is due ([`Account::wake_at`](super::Account::wake_at)); `armed`: what it is set to
/// and has not rung at, if that is known.
pub fn alarm_at(due: Option<Millis>, armed: Option<Millis>, now: Millis) -> Option<Millis> {
    let soonest = now.plus(1);
    match (due?, armed) {
        (due, _) if due > soonest => Some(due),
        // It is about to ring: to set it again and again would put that off.
        (_, Some(armed)) if armed <= soonest => Some(armed),
        _ => Some(soonest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_never_set_to_a_time_that_has_passed() {
        let at = |at| Some(Millis(at));
        let rows = [
            (None, None, None),
            (None, at(5), None),
            (at(2_000), None, at(2_000)),
            (at(2_000), at(1_500), at(2_000)),
            (at(1_002), at(5), at(1_002)),
            // What has been due for long rings now: also after an alarm that rang when it became due.
            (at(500), None, at(1_001)),
            (at(1_000), None, at(1_001)),
            (at(1_001), None, at(1_001)),
            (at(500), at(26_000), at(1_001)),
            // One that was set and has not rung yet stays as it is.
            (at(500), at(900), at(900)),
            (at(500), at(1_001), at(1_001)),
            (at(1_001), at(900), at(900)),
            (at(500), at(1_002), at(1_001)),
        ];
        for (due, armed, wanted) in rows {
            assert_eq!(alarm_at(due, armed, Millis(1_000)), wanted, "due {due:?}, armed {armed:?}");
        }
    }
}
