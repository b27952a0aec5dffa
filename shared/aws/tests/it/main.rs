//! The ledger on a real DynamoDB engine: what the rows say after posting, racing, failing and repeating.
#![allow(missing_docs)]

mod audit;
mod batches;
mod capacity;
mod exchange;
mod history;
mod holds;
mod model;
mod races;
mod vouchers;

use aws::ledger::Ledger;
use domain::Timestamp;

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().expect("a moment")
}

/// Whatever happened, the books are at zero and every account is explained by its entries.
async fn assert_clean(ledger: &Ledger) {
    let audit = ledger.audit().await.expect("the audit runs");
    assert!(audit.is_clean(), "{audit:#?}");
}
