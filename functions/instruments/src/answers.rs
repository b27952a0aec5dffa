//! How refusals are told.

use aws::{ledger::transfers::PostError, store::StoreError};
use edge::http::{Code, Problem};

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
        PostError::InProgress => Problem::in_progress(),
    }
}
