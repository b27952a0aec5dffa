//! How refusals are told.

use aws::{ledger::transfers::PostError, store::StoreError};
use domain::transfer::{Rejection, Transfer};
use edge::http::{Code, Problem};

/// A rule that said no.
pub(crate) fn refused(rejection: Rejection) -> Problem {
    let (code, detail) = match rejection {
        Rejection::AccountNotFound => return Problem::not_found(),
        Rejection::AccountFrozen => (Code::AccountFrozen, "The account is frozen."),
        Rejection::AccountClosed => (Code::AccountClosed, "The account is closed."),
        Rejection::CurrencyMismatch => (Code::CurrencyMismatch, "The account is kept in another currency."),
        // A transfer between an account and a wallet has one account and reverses nothing.
        Rejection::SameAccount | Rejection::NotReversible | Rejection::AlreadyReversed => {
            return Code::Internal.into();
        }
    };
    Problem::new(code, detail)
}

/// The refusal that stays on record under its id.
pub(crate) fn rejected(transfer: &Transfer) -> Problem {
    let side = if transfer.debit.wallet().is_some() { "free in the wallet" } else { "available on the account" };
    Problem::new(Code::InsufficientFunds, format!("There is not enough {side}."))
        .with("transfer_id", transfer.id.as_str())
}

/// The store failed; the cause goes to the log once, here.
pub(crate) fn failed(error: StoreError) -> Problem {
    tracing::error!(%error, "wallet");
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
