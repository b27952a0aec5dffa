//! How transfers look from outside, and how refusals are told.

use aws::{ledger::transfers::PostError, store::StoreError};
use domain::{
    Timestamp,
    id::{AccountId, TransferId},
    transfer::{HoldRejection, Kind, Party, Refusal, Rejection, State, Status, Transfer},
};
use edge::http::{Code, Problem};
use serde::Serialize;
use serde_json::Value;

/// A transfer as clients see it.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    transfer_id: TransferId,
    r#type: Kind,
    status: Status,
    amount: String,
    currency: &'static str,
    from_account: Option<String>,
    to_account: Option<String>,
    description: Option<String>,
    metadata: Option<Value>,
    hold: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Refusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reverses: Option<TransferId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reversed_by: Option<TransferId>,
    created_at: Timestamp,
    posted_at: Option<Timestamp>,
}

/// From where somebody looks at a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Staff, or the one who disposes of the money.
    Full,
    /// The receiver: the sender's number is masked, its id hidden.
    Receiver,
}

impl View {
    pub(crate) fn new(transfer: &Transfer, sight: Sight, now: Timestamp) -> Self {
        let captured = match &transfer.state {
            State::Captured { amount, .. } => Some(amount.to_string()),
            _ => None,
        };
        let reason = match transfer.state {
            State::Rejected { reason } => Some(reason),
            _ => None,
        };
        Self {
            transfer_id: transfer.id.clone(),
            r#type: transfer.kind,
            status: transfer.status(now),
            amount: transfer.money.to_string(),
            currency: transfer.currency().code(),
            from_account: match (&transfer.debit, sight) {
                (Party::Account { number, .. }, Sight::Receiver) => Some(number.masked()),
                (party, _) => party.account().map(AccountId::to_string),
            },
            to_account: transfer.credit.account().map(AccountId::to_string),
            description: transfer.description.clone(),
            metadata: transfer.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            hold: transfer.hold_seconds.is_some(),
            expires_at: transfer.expires_at(),
            captured_amount: captured,
            reason,
            reverses: transfer.reverses.clone(),
            reversed_by: transfer.reversed_by().cloned(),
            created_at: transfer.created_at,
            posted_at: transfer.posted().map(|(_, at)| at),
        }
    }
}

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

/// The same key with another request.
pub(crate) fn reused(field: &str) -> Problem {
    let detail = format!("This Idempotency-Key was used for a request with another {field}.");
    Problem::new(Code::IdempotencyKeyReused, detail).with("field", field)
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
        PostError::InProgress => {
            Problem::new(Code::RequestInProgress, "The first request with this key is still running.")
                .header("Retry-After", "1")
        }
    }
}
