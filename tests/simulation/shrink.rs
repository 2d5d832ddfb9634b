//! From a history that breaks an invariant to the shortest that still breaks the same one.

use super::coverage::Coverage;
use super::disk::Disk;
use super::run::run;
use super::schedule::{Act, Schedule};
use super::{HOUR, MINUTE, SECOND};

/// Takes out what is not needed, calms what need not go wrong, and lets no more time pass than it takes.
pub(crate) fn shrink(schedule: &Schedule, disks: &[Disk]) -> Schedule {
    let breaks = |schedule: &Schedule| {
        let (broken, _) = run(schedule, disks, &mut Coverage::default(), false);
        broken.map(|violation| violation.invariant)
    };
    let wanted = breaks(schedule);
    let still = |schedule: &Schedule| breaks(schedule) == wanted;
    let mut best = schedule.clone();
    loop {
        let before = best.clone();
        drop_steps(&mut best, &still);
        calm_steps(&mut best, &still);
        shorten(&mut best, &still);
        calm_world(&mut best, &still);
        if best == before {
            return best;
        }
    }
}

/// Halves, quarters and so on, down to single steps.
fn drop_steps(best: &mut Schedule, still: &dyn Fn(&Schedule) -> bool) {
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < best.steps.len() {
            let mut shorter = best.clone();
            shorter.steps.drain(from..(from + size).min(best.steps.len()));
            if still(&shorter) {
                *best = shorter;
            } else {
                from += size;
            }
        }
        size /= 2;
    }
}

fn calm_steps(best: &mut Schedule, still: &dyn Fn(&Schedule) -> bool) {
    for nth in 0..best.steps.len() {
        let mut calmer = best.clone();
        calmer.steps[nth].calm = true;
        if still(&calmer) {
            *best = calmer;
        }
    }
}

fn shorten(best: &mut Schedule, still: &dyn Fn(&Schedule) -> bool) {
    for nth in 0..best.steps.len() {
        let Act::Pass(span) = best.steps[nth].act else { continue };
        for less in [10, 100, SECOND, 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR] {
            let mut shorter = best.clone();
            shorter.steps[nth].act = Act::Pass(less);
            if less < span && still(&shorter) {
                *best = shorter;
                break;
            }
        }
    }
}

/// Trouble of a kind that the history does not need.
fn calm_world(best: &mut Schedule, still: &dyn Fn(&Schedule) -> bool) {
    for calm in 0..7 {
        let mut calmer = best.clone();
        let profile = &mut calmer.profile;
        *[
            &mut profile.stripe,
            &mut profile.link,
            &mut profile.crash,
            &mut profile.hold,
            &mut profile.webhook,
            &mut profile.unannounced,
            &mut profile.alarm,
        ][calm] = 0;
        if still(&calmer) {
            *best = calmer;
        }
    }
}
