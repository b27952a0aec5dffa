//! Where the queues get the time from. Nothing else in this crate may ask the operating system for it,
//! so that delays, visibility timeouts, retention and deduplication windows are tested without sleeping.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// Milliseconds since the Unix epoch.
pub type Millis = i64;

/// A source of time and of waiting for it.
pub trait Clock: Send + Sync + 'static {
    /// The present.
    fn now(&self) -> Millis;

    /// Completes when `now()` has reached `at`, or slightly before: callers look again.
    fn sleep_until(&self, at: Millis) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The time of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
    }

    fn sleep_until(&self, at: Millis) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let left = u64::try_from(at - self.now()).unwrap_or(0);
        Box::pin(tokio::time::sleep(Duration::from_millis(left)))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    present: watch::Sender<Millis>,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn at(start: Millis) -> Self {
        Self { present: watch::Sender::new(start) }
    }

    /// Moves the clock forward and wakes whoever waited for that moment.
    pub fn advance(&self, by: Duration) {
        self.present.send_modify(|now| *now += millis(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        *self.present.borrow()
    }

    fn sleep_until(&self, at: Millis) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut present = self.present.subscribe();
        Box::pin(async move {
            if present.wait_for(|now| *now >= at).await.is_err() {
                // The clock is gone, so that moment never comes.
                std::future::pending::<()>().await;
            }
        })
    }
}

/// A duration in whole milliseconds; absurd lengths are cut off at the largest value.
pub(crate) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
