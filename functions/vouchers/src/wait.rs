//! The waiting request: looks until the outcome is there or its time is over, then decides by one conditional write who
//! tells it. Whoever loses that write looks again.

use std::time::Duration;

use aws::vouchers::{Saved, Vouchers};
use domain::{
    Timestamp,
    id::VoucherId,
    voucher::{Notice, Purchase},
};
use edge::{clock::Clock, http::Problem};

use crate::answers::failed;

/// The pause after the first look; each further one is half as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
/// An answer given later than this after the end of the wait may reach nobody: the gateway gives up at 29 seconds, and a
/// wait lasts up to 25.
const LATEST_ANSWER_SECONDS: i64 = 2;
/// How often it is decided anew when the purchase changes meanwhile.
const DECISIONS: usize = 8;

/// How waiting ends.
#[derive(Debug)]
pub(crate) enum Told {
    /// This answer tells the outcome; no SMS does.
    Here(Purchase),
    /// An SMS was promised.
    BySms(Purchase),
    /// Another request with the same key waits in the place of this one.
    Elsewhere,
}

/// Waits for the outcome of a purchase whose notice waits until this moment.
pub(crate) async fn outcome(
    vouchers: &Vouchers,
    clock: &impl Clock,
    id: &VoucherId,
    until: Timestamp,
) -> Result<Told, Problem> {
    let mut pause = FIRST_PAUSE;
    while let Ok(left) = u64::try_from(until.millis() - clock.now().millis())
        && left > 0
    {
        // A look that fails is no reason to stop waiting.
        if matches!(vouchers.purchase(id).await, Ok(Some(purchase)) if !purchase.state.is_open()) {
            break;
        }
        tokio::time::sleep(pause.min(Duration::from_millis(left))).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
    decide(vouchers, clock, id, until, until).await
}

/// Ends the wait that lasts until this moment, for a request that is still there `by` another: with the outcome if it is
/// there, with the promise of an SMS if not. One that comes too late, since its process stood still, leaves an outcome to
/// the SMS that vouchers-reconcile sends in its place.
pub(crate) async fn decide(
    vouchers: &Vouchers,
    clock: &impl Clock,
    id: &VoucherId,
    until: Timestamp,
    by: Timestamp,
) -> Result<Told, Problem> {
    let latest = by.plus_seconds(LATEST_ANSWER_SECONDS);
    for _ in 0..DECISIONS {
        let purchase = vouchers.purchase(id).await.map_err(failed)?.ok_or_else(Problem::not_found)?;
        let next = match purchase.notice {
            // Ours, whose confirmation got lost, or that of the request which took our place: both have the same key.
            Notice::Answered => return Ok(Told::Here(purchase)),
            Notice::Sms | Notice::Queued => return Ok(Told::BySms(purchase)),
            Notice::Waiting { until: other } if other != until => return Ok(Told::Elsewhere),
            Notice::Waiting { .. } if !purchase.state.is_open() && clock.now() > latest => {
                tracing::warn!(voucher_id = %id, "too late to tell the outcome here");
                return Ok(Told::BySms(purchase));
            }
            Notice::Waiting { .. } => {
                purchase.answer().map(Told::Here).or_else(|| purchase.stop_waiting().map(Told::BySms))
            }
        };
        let Some(next) = next else { continue };
        let (Told::Here(written) | Told::BySms(written)) = &next else { continue };
        match vouchers.save(written).await {
            Ok(Saved::Done) => return Ok(next),
            Ok(Saved::Stale(_)) => {}
            // Written or not: the next look tells.
            Err(error) => {
                tracing::warn!(voucher_id = %id, %error, "who tells the outcome is decided again");
                tokio::time::sleep(FIRST_PAUSE).await;
            }
        }
    }
    Err(Problem::unavailable())
}
