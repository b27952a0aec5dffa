//! Frees the money of holds whose deadline has come. Runs each minute; nothing depends on when: a hold past its
//! deadline is refused and shown as expired whether or not it was swept.

use aws::ledger::{Ledger, transfers::Resolved};
use domain::transfer::Transfer;
use edge::clock::Clock;
use lambda_runtime::Error;
use serde_json::{Value, json};

/// Holds looked at in one go.
const BATCH: usize = 200;
/// Goes in one run; what is left waits for the next minute.
const ROUNDS: usize = 20;

/// Frees what is due. Fails at the end if any hold could not be freed, so that the failure is seen and tried again;
/// the others are free by then.
pub async fn sweep(ledger: &Ledger, clock: &impl Clock) -> Result<Value, Error> {
    let (mut freed, mut failed) = (0, 0);
    for _ in 0..ROUNDS {
        let due = ledger.due_holds(clock.now(), BATCH).await?;
        let mut progress = false;
        for hold in &due {
            match free(ledger, clock, hold).await {
                Ok(done) => {
                    freed += usize::from(done);
                    progress = true;
                }
                Err(cause) => {
                    failed += 1;
                    tracing::error!(transfer_id = %hold.id, %cause, "hold not freed");
                }
            }
        }
        if !progress {
            break;
        }
    }
    tracing::info!(freed, failed, "holds swept");
    if failed > 0 { Err(format!("{failed} holds could not be freed").into()) } else { Ok(json!({"freed": freed})) }
}

/// Whether this call freed it; somebody else may have been first.
async fn free(ledger: &Ledger, clock: &impl Clock, hold: &Transfer) -> Result<bool, String> {
    let Some(resolution) = hold.expire(clock.now()) else { return Ok(false) };
    match ledger.resolve(hold, &resolution, None).await {
        Ok(Resolved::Done(_)) => Ok(true),
        Ok(Resolved::Before(..)) => Ok(false),
        Ok(Resolved::Refused(rejection)) => Err(format!("{rejection:?}")),
        Err(error) => Err(format!("{error:?}")),
    }
}
