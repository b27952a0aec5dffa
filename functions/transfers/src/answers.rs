//! How refusals are told.

use aws::{ledger::transfers::PostError, store::StoreError};
use domain::transfer::{HoldRejection, Rejection, Transfer};
use edge::http::{Code, Problem};

/// A rule that said no.
pub(crate) fn refused(rejection: Rejection) -> Problem {
    let (code, detail) = match rejection {
        Rejection::SameAccount => (Code::SameAccount, "Money cannot move from an account to itself."),
        Rejection::AccountNotFound => return Problem::not_found(),
        Rejection::NotReversible => (Code::NotReversible, "Only a completed transfer can be reversed."),
        Rejection::AlreadyReversed => (Code::AlreadyReversed, "This transfer has been reversed before."),
        Rejection::AccountFrozen => (Code::AccountFrozen, "An account of this transfer is frozen."),
        Rejection::AccountClosed => (Code::AccountClosed, "An account of this transfer is closed."),
        Rejection::CurrencyMismatch => {
            (Code::CurrencyMismatch, "An account of this transfer is kept in another currency.")
        }
    };
    Problem::new(code, detail)
}

/// The refusal that stays on record under its id.
pub(crate) fn rejected(transfer: &Transfer) -> Problem {
    Problem::new(Code::InsufficientFunds, "There is not enough available on the account.")
        .with("transfer_id", transfer.id.as_str())
}

/// A hold that is not resolved.
pub(crate) fn hold_refused(rejection: HoldRejection) -> Problem {
    let (code, detail) = match rejection {
        HoldRejection::NotPending => {
            (Code::HoldNotPending, "This is no pending hold: it was resolved, has expired, or never was one.")
        }
        HoldRejection::CurrencyMismatch => (Code::CurrencyMismatch, "The hold is in another currency."),
        HoldRejection::ExceedsHold => (Code::CaptureExceedsHold, "This is more than the hold reserves."),
    };
    Problem::new(code, detail)
}

/// The store failed; the cause goes to the log once, here.
pub(crate) fn failed(error: StoreError) -> Problem {
    tracing::error!(%error, "ledger");
    match error {
        StoreError::Conflict | StoreError::Unavailable(_) => Problem::unavailable(),
        StoreError::Corrupt(_) => Problem::from(Code::Internal),
    }
}

/// A posting failed without an answer of the rules.
pub(crate) fn not_posted(error: PostError) -> Problem {
    match error {
        PostError::Store(error) => failed(error),
        PostError::InProgress => Problem::in_progress(),
    }
}
