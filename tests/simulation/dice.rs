//! Chance from a seed: the same seed draws the same numbers on every machine.

/// A stream of numbers (splitmix64). A calm one draws no faults, so that a history can be told without them.
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    state: u64,
    calm: bool,
}

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed, calm: false }
    }

    pub(crate) const fn calm(seed: u64) -> Self {
        Self { state: seed, calm: true }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number from 0 to below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    /// So many times in a thousand.
    pub(crate) fn chance(&mut self, permille: u64) -> bool {
        self.next() % 1_000 < permille
    }

    /// So many times in a thousand, but never while calm.
    pub(crate) fn fault(&mut self, permille: u64) -> bool {
        self.chance(permille) && !self.calm
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// One of these, each as often as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, all: &[(u64, T)]) -> T {
        let total: u64 = all.iter().map(|(weight, _)| weight).sum();
        let mut drawn = self.next() % total;
        for (weight, one) in all {
            if drawn < *weight {
                return *one;
            }
            drawn -= weight;
        }
        all[0].1
    }

    pub(crate) fn bytes(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_le_bytes());
        bytes[8..].copy_from_slice(&self.next().to_le_bytes());
        bytes
    }
}
