//! The SMS that tells an outcome: handed over first, noted afterwards. Who dies in between has it handed over once more,
//! under the same message id, by which `sms-send` sends it once.

use std::time::Duration;

use domain::voucher::Purchase;

use super::{Saved, Vouchers};
use crate::{queues::Queue, store::StoreError};

/// How often it is noted anew when the purchase changes meanwhile.
const NOTES: usize = 8;

impl Vouchers {
    /// Hands over the SMS that this purchase owes, and notes it; whether it owed one. `support` is told with a failure.
    pub async fn hand_over_sms(&self, sms: &Queue, support: &str, purchase: &Purchase) -> Result<bool, StoreError> {
        if !purchase.owes_sms() {
            return Ok(false);
        }
        let message = purchase.sms(support).ok_or_else(|| StoreError::corrupt("an SMS of this outcome"))?;
        sms.send(&message, Duration::ZERO).await?;
        tracing::info!(voucher_id = %purchase.id, message_id = %message.id, "SMS handed over");
        let mut known = Box::new(purchase.clone());
        for _ in 0..NOTES {
            let Some(queued) = known.queued() else { return Ok(true) };
            match self.save(&queued).await? {
                Saved::Done => return Ok(true),
                Saved::Stale(now) => known = now,
            }
        }
        Err(StoreError::Conflict)
    }
}
