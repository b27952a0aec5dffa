//! Books what came of an order, once: captures the money, gives it back, or keeps it reserved. Then hands over the SMS
//! that was promised.
//!
//! ```text
//! VoucherOrderResultQueue ─► purchase and money, one write ─► SmsQueue, if an SMS was promised
//! ```
//! Results come late, twice and in any order. Each is decided on the purchase as it stands, and the write holds only if
//! it still stands so.

use aws::{
    ledger::Ledger,
    queues::Queue,
    store::StoreError,
    vouchers::{Saved, Vouchers},
};
use domain::voucher::{Purchase, Report, ResultMessage, Settlement, State};
use edge::{clock::Clock, sqs::Failure, telemetry};
use serde_json::json;

/// How often a result is decided again when the purchase changes meanwhile.
const DECISIONS: usize = 5;

/// Where purchases and money are kept.
#[derive(Clone, Debug)]
pub struct Stores {
    /// The purchases.
    pub vouchers: Vouchers,
    /// Their money.
    pub ledger: Ledger,
}

/// How this worker is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The pause before the supplier is asked about an unknown outcome.
    pub first_ask_seconds: i64,
    /// Whom to turn to, told with a failure.
    pub support: String,
    /// Where metrics go.
    pub namespace: String,
}

/// Handles one result.
pub async fn settle(
    stores: &Stores,
    sms: &Queue,
    setup: &Setup,
    clock: &impl Clock,
    message: ResultMessage,
) -> Result<(), Failure> {
    let purchase = book(stores, setup, clock, &message).await?;
    // Also when the result was known before: whoever booked it may have died before this.
    stores.vouchers.hand_over_sms(sms, &setup.support, &purchase).await?;
    Ok(())
}

/// The purchase with this result in it.
async fn book(
    stores: &Stores,
    setup: &Setup,
    clock: &impl Clock,
    message: &ResultMessage,
) -> Result<Purchase, Failure> {
    let Stores { vouchers, ledger } = stores;
    let outcome = message.outcome.outcome();
    for _ in 0..DECISIONS {
        let purchase = vouchers.purchase(&message.voucher_id).await?;
        let purchase = purchase.ok_or_else(|| Failure::new(format!("no purchase {}", message.voucher_id)))?;
        let now = clock.now();
        match purchase.settle(&outcome, setup.first_ask_seconds, now) {
            Settlement::Nothing => {
                // Whoever booked it may have died before it said so.
                if matches!(message.outcome, Report::Delivered { .. }) && purchase.is_late_success() {
                    tell_late(setup, clock, &purchase);
                }
                return Ok(purchase);
            }
            Settlement::Contradiction(what) => {
                tracing::warn!(voucher_id = %purchase.id, what, "the supplier contradicts itself");
                count(setup, clock, "VoucherContradiction");
                return Ok(purchase);
            }
            Settlement::Changes(settled, money) => match vouchers.settle(ledger, &settled, &money, now).await {
                Ok(Saved::Done) => {
                    tell(setup, clock, &settled);
                    return Ok(*settled);
                }
                Ok(Saved::Stale(_)) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            },
        }
    }
    Err(Failure::new(format!("{} kept changing", message.voucher_id)))
}

fn tell(setup: &Setup, clock: &impl Clock, purchase: &Purchase) {
    tracing::info!(voucher_id = %purchase.id, status = ?purchase.status(), "voucher settled");
    if purchase.is_late_success() {
        tell_late(setup, clock, purchase);
    }
    if let State::Delivered { at, .. } = purchase.state {
        let millis = at.millis() - purchase.created_at.millis();
        telemetry::metric(&setup.namespace, clock.now(), "VoucherDelivery", "Milliseconds", &json!(millis), &[]);
    }
}

fn tell_late(setup: &Setup, clock: &impl Clock, purchase: &Purchase) {
    tracing::error!(voucher_id = %purchase.id, "delivered after the money was given back; the bank has paid");
    count(setup, clock, "VoucherLateSuccess");
}

fn count(setup: &Setup, clock: &impl Clock, metric: &str) {
    telemetry::metric(&setup.namespace, clock.now(), metric, "Count", &json!(1), &[]);
}
