//! Sends one SMS per message id, however often the message is delivered.
//!
//! ```text
//! over ─► done, nothing is sent
//! claim ─► publish ─► mark as sent
//!   │          ├ surely not sent ─► a few more tries ─► claim given back, failed: the next delivery sends
//!   │          └ nobody knows ────► claim stays, failed
//!   ├ sent before ─► done
//!   ├ claimed this moment by another delivery ─► failed: the next delivery sees what became of it
//!   └ claimed by one that died ─► nobody knows, failed
//! ```
//! What nobody knows is never repeated on a guess: it is counted in `SmsOutcomeUnknown` and ends in the dead-letter
//! queue, for people (see the runbook).

use std::time::Duration;

use aws::{
    phones::{Claim, Phones, SmsClaim},
    sms::{Phone, SendError},
};
use domain::sms::{Next, Sms};
use edge::{clock::Clock, sqs::Failure, telemetry};
use serde_json::json;

/// How often SNS is asked while it surely sends nothing. A code is worth something for a minute only, a new delivery
/// takes longer.
const ATTEMPTS: u32 = 3;
/// The wait before the second try; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// What sending stands on.
pub struct SmsSend<C> {
    /// The claims.
    pub phones: Phones,
    /// The way out.
    pub phone: Phone,
    /// Where metrics go.
    pub metrics: String,
    /// Tells the time.
    pub clock: C,
}

/// Handles one SMS.
pub async fn send(function: &SmsSend<impl Clock>, sms: Sms) -> Result<(), Failure> {
    if sms.is_over(function.clock.now()) {
        tracing::info!(sms_id = %sms.id, "SMS came too late to be worth anything");
        return Ok(());
    }
    let claim = match function.phones.claim_sms(&sms.id, function.clock.now()).await? {
        Claim::Ours(claim) => claim,
        Claim::Before(record) => match record.next(function.clock.now()) {
            Next::Done => return Ok(()),
            Next::Later => return Err(Failure::new(format!("{}: another delivery is sending it", sms.id))),
            Next::Unknown => return Err(unknown(function, &sms, "its sender died")),
        },
    };
    match publish(&function.phone, &sms).await {
        Ok(()) => {
            mark(function, &claim).await?;
            tracing::info!(sms_id = %sms.id, "SMS sent");
            Ok(())
        }
        Err(SendError::NotSent(cause)) => {
            give_back(function, claim).await?;
            Err(Failure::new(format!("{}: surely not sent: {cause}", sms.id)))
        }
        Err(SendError::Unknown(cause)) => Err(unknown(function, &sms, &cause)),
    }
}

/// Tries again only after an error that surely sent nothing.
async fn publish(phone: &Phone, sms: &Sms) -> Result<(), SendError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match phone.send(sms).await {
            Err(SendError::NotSent(_)) => tokio::time::sleep(wait).await,
            outcome => return outcome,
        }
        wait *= 2;
    }
    phone.send(sms).await
}

/// Tries again whatever the error: an SMS that was sent and is on record as anybody's guess makes work for people.
async fn mark(function: &SmsSend<impl Clock>, claim: &SmsClaim) -> Result<(), Failure> {
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match function.phones.mark_sms_sent(claim).await {
            Ok(()) => return Ok(()),
            Err(error) => tracing::warn!(%error, "not noted yet that an SMS was sent"),
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    Ok(function.phones.mark_sms_sent(claim).await?)
}

/// A claim that could not be given back stays, and the SMS counts as unknown from then on.
async fn give_back(function: &SmsSend<impl Clock>, claim: SmsClaim) -> Result<(), Failure> {
    function.phones.release_sms(claim).await?;
    Ok(())
}

fn unknown(function: &SmsSend<impl Clock>, sms: &Sms, cause: &str) -> Failure {
    telemetry::metric(&function.metrics, function.clock.now(), "SmsOutcomeUnknown", "Count", &json!(1), &[]);
    Failure::new(format!("{}: nobody knows whether it was sent: {cause}", sms.id))
}
