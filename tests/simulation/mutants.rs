//! Every deliberate bug of the ledger is found, by an invariant, on a history that is green without it.

use stripe402_edge::ledger::mutants::{Mutant, activate};

use super::coverage::Coverage;
use super::invariants::Violation;
use super::run::{disks, run};
use super::schedule::Schedule;

/// Within so many histories each bug has to show.
const WITHIN: u64 = 4_000;

/// Where a bug showed.
pub(crate) struct Caught {
    pub(crate) seed: u64,
    pub(crate) by: Violation,
}

/// Looks for the first history that a bug breaks, and that is green without it.
pub(crate) fn catch(mutant: Mutant) -> Option<Caught> {
    activate(Some(mutant));
    // The tables are made with the bug in place: some bugs leave an index out.
    let with = disks();
    activate(None);
    let without = disks();
    for seed in 0..WITHIN {
        let schedule = Schedule::of(seed);
        activate(Some(mutant));
        let (broken, _) = run(&schedule, &with, &mut Coverage::default(), false);
        activate(None);
        let Some(by) = broken else { continue };
        let (green, _) = run(&schedule, &without, &mut Coverage::default(), false);
        if green.is_none() {
            return Some(Caught { seed, by });
        }
    }
    None
}
