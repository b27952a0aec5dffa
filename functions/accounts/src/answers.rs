//! How account types look from outside, and how refusals are told.

use aws::store::StoreError;
use domain::account::{AccountType, ChangeRejection};
use edge::http::{Code, Problem};
use serde::Serialize;

/// An account type as everybody sees it.
#[derive(Debug, Serialize)]
pub(crate) struct KindView<'a> {
    r#type: &'a str,
    name: &'a str,
    description: &'a str,
    monthly_fee: &'a str,
    interest_rate: &'a str,
    status: &'static str,
}

impl<'a> From<&'a AccountType> for KindView<'a> {
    fn from(kind: &'a AccountType) -> Self {
        Self {
            r#type: &kind.code,
            name: &kind.name,
            description: &kind.description,
            monthly_fee: &kind.monthly_fee,
            interest_rate: &kind.interest_rate,
            status: if kind.active { "active" } else { "inactive" },
        }
    }
}

/// A rule that said no to a change.
pub(crate) fn refused(rejection: ChangeRejection) -> Problem {
    let (code, detail) = match rejection {
        ChangeRejection::Closed => (Code::AccountClosed, "The account is closed and stays as it is."),
        ChangeRejection::Frozen => (Code::AccountFrozen, "The account is frozen; only the bank can close it."),
        ChangeRejection::BalanceNotZero => {
            (Code::BalanceNotZero, "An account is closed when its balance is zero and nothing is held.")
        }
    };
    Problem::new(code, detail)
}

/// The store failed; the cause goes to the log once, here.
pub(crate) fn failed(error: StoreError) -> Problem {
    tracing::error!(%error, "store");
    match error {
        StoreError::Conflict | StoreError::Unavailable(_) => Problem::unavailable(),
        StoreError::Corrupt(_) => Problem::from(Code::Internal),
    }
}
