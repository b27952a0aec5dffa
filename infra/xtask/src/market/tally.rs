//! What traders did and how it was answered.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::bench::report::{ms, percentile};

/// So many latencies are kept for the summary, the latest ones.
const KEPT: usize = 100_000;

/// What was counted in a time.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Orders taken.
    pub orders: u64,
    /// Cancellations taken.
    pub cancels: u64,
    /// Orders that had filled or gone when their cancellation came.
    pub too_late: u64,
    /// Requests that were not sent, as their time had passed.
    pub skipped: u64,
    /// Refusals and failures, by their code.
    pub errors: BTreeMap<String, u64>,
    latencies: VecDeque<Duration>,
    trades: Vec<Duration>,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.orders += other.orders;
        self.cancels += other.cancels;
        self.too_late += other.too_late;
        self.skipped += other.skipped;
        for (code, count) in other.errors {
            *self.errors.entry(code).or_default() += count;
        }
        self.latencies.extend(other.latencies);
        let surplus = self.latencies.len().saturating_sub(KEPT);
        self.latencies.drain(..surplus);
        self.trades.extend(other.trades);
    }

    /// Median and 99th percentile of the orders' answers.
    pub fn answered(&self) -> [Duration; 2] {
        let mut samples: Vec<_> = self.latencies.iter().copied().collect();
        [50, 99].map(|percent| percentile(&mut samples, percent))
    }

    /// Orders that were answered with their trade, and how long that took: median and 99th percentile.
    pub fn traded(&self) -> (usize, [Duration; 2]) {
        let mut samples = self.trades.clone();
        (samples.len(), [50, 99].map(|percent| percentile(&mut samples, percent)))
    }

    /// All errors.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// One line of it, of so many seconds.
    pub fn line(&self, seconds: f64) -> String {
        let [p50, p99] = self.answered().map(ms);
        let per_second = |count: u64| format!("{:.0}", count as f64 / seconds);
        let (orders, cancels) = (per_second(self.orders), per_second(self.cancels));
        let mut line = format!("{orders:>5} orders/s  {cancels:>5} cancels/s  p50 {p50:>8} ms  p99 {p99:>8} ms");
        for (what, count) in [("too late", self.too_late), ("not sent", self.skipped)] {
            if count > 0 {
                line += &format!("  {what} {count}");
            }
        }
        for (code, count) in &self.errors {
            line += &format!("  {code} {count}");
        }
        line
    }
}

/// Counts for many traders.
#[derive(Debug, Default)]
pub struct Tally {
    now: Mutex<Counts>,
    all: Mutex<Counts>,
    /// Kept if somebody is going to ask.
    accepted: Option<Mutex<Vec<(usize, String)>>>,
}

impl Tally {
    /// Which also remembers every order that was taken.
    pub fn remembering() -> Self {
        Self { accepted: Some(Mutex::default()), ..Self::default() }
    }

    /// Counts something.
    pub fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut lock(&self.now));
    }

    /// An order that was taken; `traded` if the answer told of a trade.
    pub fn order(&self, trader: usize, id: &str, took: Duration, traded: bool) {
        let mut now = lock(&self.now);
        now.orders += 1;
        now.latencies.push_back(took);
        if traded {
            now.trades.push(took);
        }
        if let Some(accepted) = &self.accepted {
            lock(accepted).push((trader, id.to_owned()));
        }
    }

    /// What was counted since the last call.
    pub fn lap(&self) -> Counts {
        let lap = std::mem::take(&mut *lock(&self.now));
        lock(&self.all).add(lap.clone());
        lap
    }

    /// Everything.
    pub fn all(&self) -> Counts {
        self.lap();
        lock(&self.all).clone()
    }

    /// The orders that were taken so far, each with its trader.
    pub fn accepted(&self) -> Vec<(usize, String)> {
        self.accepted.as_ref().map(|accepted| lock(accepted).clone()).unwrap_or_default()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
