//! Frees the money of holds whose deadline has come. Runs each minute; nothing depends on when: a hold past its
//! deadline is refused and shown as expired whether or not it was swept.

use std::collections::BTreeSet;

use aws::ledger::{Ledger, transfers::Resolved};
use domain::id::TransferId;
use edge::clock::Clock;
use lambda_runtime::Error;
use serde_json::{Value, json};

/// Holds looked at in one go.
const BATCH: usize = 200;
/// Goes in one run; what is left waits for the next minute.
const ROUNDS: usize = 20;
/// No hold is begun after this long: the timeout of the function is 50 s.
const LONGEST_RUN_SECONDS: i64 = 40;

/// Frees what is due. Fails at the end if any hold could not be freed, so that the failure is seen and tried again;
/// the others are free by then.
pub async fn sweep(ledger: &Ledger, clock: &impl Clock) -> Result<Value, Error> {
    let end = clock.now().plus_seconds(LONGEST_RUN_SECONDS);
    let (mut freed, mut stuck) = (0, BTreeSet::new());
    for _ in 0..ROUNDS {
        let before = freed;
        for id in ledger.due_holds(clock.now(), BATCH).await? {
            if stuck.contains(&id) || clock.now() >= end {
                continue;
            }
            match free(ledger, clock, &id).await {
                Ok(done) => freed += usize::from(done),
                Err(cause) => {
                    tracing::error!(transfer_id = %id, %cause, "hold not freed");
                    stuck.insert(id);
                }
            }
        }
        if freed == before {
            break;
        }
    }
    let failed = stuck.len();
    tracing::info!(freed, failed, "holds swept");
    if failed > 0 { Err(format!("{failed} holds could not be freed").into()) } else { Ok(json!({"freed": freed})) }
}

/// Whether this call freed it; somebody else may have been first.
async fn free(ledger: &Ledger, clock: &impl Clock, id: &TransferId) -> Result<bool, String> {
    let hold = ledger.transfer(id).await.map_err(|error| error.to_string())?;
    let due = hold.and_then(|hold| Some((hold.expire(clock.now())?, hold)));
    let Some((resolution, hold)) = due else { return Ok(false) };
    match ledger.resolve(&hold, &resolution, None).await {
        Ok(Resolved::Done(_)) => Ok(true),
        Ok(Resolved::Before(..)) => Ok(false),
        Ok(Resolved::Refused(rejection)) => Err(format!("{rejection:?}")),
        Err(error) => Err(format!("{error:?}")),
    }
}
