//! Time and randomness, by hand.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use domain::{Timestamp, id};
use edge::{clock::Clock, entropy::Entropy};

/// A clock that stands still until it is moved. Clones share the time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Stands at this RFC 3339 moment.
    pub fn at(moment: &str) -> Self {
        let moment: Timestamp = moment.parse().unwrap_or_else(|_| panic!("{moment} is no moment"));
        Self(Arc::new(AtomicI64::new(moment.millis())))
    }

    /// Moves on.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Moves on by a millisecond, so that two things in a row have an order.
    pub fn tick(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::at("2026-11-21T10:00:00Z")
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Distinct bytes, the same in every run.
#[derive(Clone, Debug, Default)]
pub struct SequentialEntropy(Arc<AtomicU64>);

impl Entropy for SequentialEntropy {
    fn bytes(&self) -> [u8; 16] {
        id::derive(&["entropy", &self.0.fetch_add(1, Ordering::SeqCst).to_string()])
    }
}
