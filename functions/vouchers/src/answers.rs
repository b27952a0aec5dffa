//! How refusals are told.

use aws::store::StoreError;
use domain::{
    transfer,
    voucher::{Purchase, Rejection},
};
use edge::http::{Code, Problem};

/// A rule that said no.
pub(crate) fn refused(rejection: Rejection) -> Problem {
    let (code, detail) = match rejection {
        Rejection::ProductNotFound | Rejection::Account(transfer::Rejection::AccountNotFound) => {
            return Problem::not_found();
        }
        Rejection::ProductWithdrawn => (Code::ProductWithdrawn, "This product is no longer sold."),
        Rejection::Account(transfer::Rejection::AccountFrozen) => (Code::AccountFrozen, "The account is frozen."),
        Rejection::Account(transfer::Rejection::AccountClosed) => (Code::AccountClosed, "The account is closed."),
        Rejection::Account(transfer::Rejection::CurrencyMismatch) => {
            (Code::CurrencyMismatch, "The account is kept in another currency than the price.")
        }
        // A purchase has one account and reverses nothing.
        Rejection::Account(
            transfer::Rejection::SameAccount
            | transfer::Rejection::NotReversible
            | transfer::Rejection::AlreadyReversed,
        ) => return Code::Internal.into(),
    };
    Problem::new(code, detail)
}

/// The refusal that stays on record under its id.
pub(crate) fn unpaid(purchase: &Purchase) -> Problem {
    Problem::new(Code::InsufficientFunds, "There is not enough available on the account.")
        .with("voucher_id", purchase.id.as_str())
}

/// The same key while its first request waits.
pub(crate) fn in_progress() -> Problem {
    Problem::in_progress()
}

/// The store failed; the cause goes to the log once, here.
pub(crate) fn failed(error: StoreError) -> Problem {
    tracing::error!(%error, "vouchers");
    match error {
        StoreError::Conflict | StoreError::Unavailable(_) => Problem::unavailable(),
        StoreError::Corrupt(_) => Problem::from(Code::Internal),
    }
}
