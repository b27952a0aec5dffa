//! Chance that can be had again. Written out rather than taken from a crate: the numbers of a seed must stay what they
//! are when a crate changes its mind.

use domain::id::derive;

/// Splitmix. Whoever asks has numbers of his own.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers that belong to these words.
    pub fn of(words: &[&str]) -> Self {
        let bytes = derive(words);
        Self(bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From zero on, less than the bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// From the first on, less than the second.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.below(u64::try_from(to - from).unwrap_or(0))).unwrap_or(0)
    }

    /// So often in a hundred.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(usize::try_from(self.below(from.len() as u64)).unwrap_or(0))
    }

    /// One of them, each as likely as its weight; the first if all weigh nothing.
    pub fn weighed<T: Copy>(&mut self, first: T, from: &[(T, u64)]) -> T {
        let mut dice = self.below(from.iter().map(|(_, weight)| weight).sum());
        for (one, weight) in from {
            match dice.checked_sub(*weight) {
                Some(rest) => dice = rest,
                None => return *one,
            }
        }
        first
    }
}

/// Numbers below a bound that never repeat before all have been had: an index on its way through them all.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    bound: u64,
    step: u64,
    start: u64,
}

impl Spread {
    /// The way that belongs to these words. The bound stays below 2³², so that no product overflows.
    pub fn of(words: &[&str], bound: u64) -> Self {
        let mut random = Random::of(words);
        let mut step = random.below(bound) | 1;
        while common_divisor(step, bound) != 1 {
            step += 2;
        }
        Self { bound, step, start: random.below(bound) }
    }

    /// The number of this index.
    pub fn at(self, index: u64) -> u64 {
        ((index % self.bound) * (self.step % self.bound) + self.start) % self.bound
    }
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_numbers_of_a_seed_stay_what_they_are() {
        let mut random = Random::of(&["seed", "1"]);
        let numbers: Vec<_> = (0..4).map(|_| random.below(1_000)).collect();
        assert_eq!(numbers, [788, 810, 430, 474]);
        assert_ne!(Random::of(&["seed", "2"]).below(u64::MAX), Random::of(&["seed", "1"]).below(u64::MAX));
    }

    #[test]
    fn a_spread_has_every_number_once() {
        for bound in [1, 2, 97, 1_000, 70_000] {
            let spread = Spread::of(&["spread", &bound.to_string()], bound);
            let seen: HashSet<_> = (0..bound).map(|index| spread.at(index)).collect();
            assert_eq!(seen.len() as u64, bound);
            assert!(seen.iter().all(|number| *number < bound));
        }
    }

    #[test]
    fn a_weight_of_nothing_is_never_had() {
        let mut random = Random::of(&["weights"]);
        let had: HashSet<_> = (0..1_000).map(|_| random.weighed('x', &[('a', 3), ('b', 0), ('c', 1)])).collect();
        assert_eq!(had, HashSet::from(['a', 'c']));
        assert_eq!(random.weighed('x', &[]), 'x');
    }
}
