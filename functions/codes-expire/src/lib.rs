//! Ends a code whose time is over: the generation and the time the timer names and no other, so that a late timer never
//! ends a newer code, also after generations began anew. Nothing depends on it being quick: whoever checks a code looks at its time as well.

use aws::phones::Phones;
use domain::phone_code::Timer;
use edge::sqs::Failure;

/// Handles one timer.
pub async fn expire(phones: &Phones, timer: Timer) -> Result<(), Failure> {
    let ended = phones.expire(&timer).await?;
    tracing::info!(generation = timer.generation, ended, "phone code expired");
    Ok(())
}
