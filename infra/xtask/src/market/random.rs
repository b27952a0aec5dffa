//! Chance that can be had again: the same seed, the same numbers.

use std::time::{Duration, Instant};

/// Splitmix.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Of a seed and of who asks with it, so that each has numbers of its own.
    pub fn new(seed: u64, who: u64) -> Self {
        let mut random = Self(seed ^ who.wrapping_mul(0x2545_f491_4f6c_dd1d));
        random.next();
        random
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

    /// Either.
    pub fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// How long until the next of something that comes so often a second.
    pub fn gap(&mut self, per_second: f64) -> Duration {
        let share = (self.below(1 << 32) as f64 + 1.0) / (1_u64 << 32) as f64;
        Duration::from_secs_f64((-share.ln() / per_second).min(3600.0))
    }
}

/// The pause between two steps of a price.
const STEP: Duration = Duration::from_millis(100);
/// No price comes below.
const LOWEST: i64 = 1_000;

/// A price in ticks that goes up and down by chance. Its way depends on the seed and the time that has passed, and on
/// nobody who asks for it.
#[derive(Debug)]
pub struct Walk {
    random: Random,
    price: i64,
    at: Instant,
}

impl Walk {
    /// From this price on.
    pub fn new(random: Random, price: i64, now: Instant) -> Self {
        Self { random, price, at: now }
    }

    /// The price at this moment.
    pub fn price(&mut self, now: Instant) -> i64 {
        while now >= self.at + STEP {
            self.at += STEP;
            let step = self.random.below(3) as i64 + self.random.below(3) as i64 - 2;
            self.price = (self.price + step).max(LOWEST);
        }
        self.price
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_goes_the_same_way_however_often_it_is_asked_for() {
        let start = Instant::now();
        let [mut often, mut once] = [(); 2].map(|()| Walk::new(Random::new(7, 1), 10_000, start));
        for ms in (0..5_000).step_by(30) {
            often.price(start + Duration::from_millis(ms));
        }
        let end = start + Duration::from_secs(5);
        assert_eq!(often.price(end), once.price(end));
        assert_ne!(Walk::new(Random::new(8, 1), 10_000, start).price(end), once.price(end));
    }

    #[test]
    fn gaps_are_a_rate_on_average() {
        let mut random = Random::new(1, 1);
        let sum: Duration = (0..10_000).map(|_| random.gap(50.0)).sum();
        assert!((190.0..210.0).contains(&sum.as_secs_f64()), "{sum:?}");
    }
}
