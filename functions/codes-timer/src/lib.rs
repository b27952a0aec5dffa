//! Waits for the end of a code. A message waits in AuthCodeTimerQueue until its code is due and then moves on to
//! AuthCodeTimerExpiredQueue; one that arrives early, or had to wait longer than a queue can make it, goes round again.

use aws::queues::Queue;
use domain::phone_code::Timer;
use edge::{clock::Clock, sqs::Failure};

/// The two queues.
pub struct Queues {
    /// AuthCodeTimerQueue.
    pub waiting: Queue,
    /// AuthCodeTimerExpiredQueue.
    pub expired: Queue,
}

/// Handles one timer.
pub async fn pass(queues: &Queues, clock: &impl Clock, timer: Timer) -> Result<(), Failure> {
    match timer.remaining(clock.now()) {
        Some(remaining) => queues.waiting.send(&timer, remaining).await?,
        None => queues.expired.send(&timer, std::time::Duration::ZERO).await?,
    }
    Ok(())
}
