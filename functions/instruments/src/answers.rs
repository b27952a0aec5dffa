//! How refusals are told.

use aws::{ledger::transfers::PostError, store::StoreError};
use edge::http::{Code, Problem};

/// The same key with another request.
pub(crate) fn reused(field: &str) -> Problem {
    let detail = format!("This Idempotency-Key was used for a request with another {field}.");
    Problem::new(Code::IdempotencyKeyReused, detail).with("field", field)
}

/// The store failed; the cause goes to the log once, here.
pub(crate) fn failed(error: StoreError) -> Problem {
    tracing::error!(%error, "instruments");
    match error {
        StoreError::Conflict | StoreError::Unavailable(_) => Problem::unavailable(),
        StoreError::Corrupt(_) => Problem::from(Code::Internal),
    }
}

/// A grant failed without an answer of the rules.
pub(crate) fn not_granted(error: PostError) -> Problem {
    match error {
        PostError::Store(error) => failed(error),
        PostError::InProgress => {
            Problem::new(Code::RequestInProgress, "The first request with this key is still running.")
                .header("Retry-After", "1")
        }
    }
}
