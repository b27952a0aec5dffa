//! How refusals of the table, the user pool and the rules leave.

use aws::{
    customers::{Claim, Refusal, WriteError},
    identity::{self, IdentityError},
    store::StoreError,
};
use domain::customer::{ChangeRejection, MAX_DOCUMENTS};
use edge::http::{Code, Problem};

/// The world failed; said once in the log.
pub(crate) fn store(error: StoreError) -> Problem {
    tracing::error!(%error, "a service behind customers failed");
    match error {
        StoreError::Corrupt(_) => Problem::from(Code::Internal),
        StoreError::Conflict | StoreError::Unavailable(_) => Problem::unavailable(),
    }
}

/// The user pool did not do what was asked.
pub(crate) fn identity(error: IdentityError) -> Problem {
    match error {
        IdentityError::Store(error) => store(error),
        IdentityError::Refused(identity::Refusal::Exists) => taken_email(),
        IdentityError::Refused(identity::Refusal::TooMany) => {
            Problem::new(Code::RateLimited, "The user pool takes no more calls for a while.").header("Retry-After", "5")
        }
        IdentityError::Refused(refusal) => {
            tracing::error!(?refusal, "the user pool refused what it should take");
            Problem::from(Code::Internal)
        }
    }
}

/// A change that the table did not take.
pub(crate) fn write(error: WriteError) -> Problem {
    match error {
        WriteError::Store(error) => store(error),
        WriteError::Refused(Refusal::Taken(claim)) => taken(&claim),
        WriteError::Refused(Refusal::Exists) => taken_email(),
        WriteError::Refused(Refusal::Stale) => stale(),
    }
}

/// Somebody else has it.
pub(crate) fn taken(claim: &Claim) -> Problem {
    match claim {
        Claim::Email(_) => taken_email(),
        Claim::Phone(_) => Problem::new(Code::PhoneTaken, "Another customer has this phone number."),
        Claim::Document(_) => Problem::new(Code::DocumentTaken, "Another customer has this document."),
    }
}

fn taken_email() -> Problem {
    Problem::new(Code::EmailTaken, "Another customer has this e-mail address.")
}

/// The customer has changed since the caller looked.
pub(crate) fn stale() -> Problem {
    Problem::new(Code::VersionMismatch, "The customer has changed since; read again.")
}

/// The rules said no.
pub(crate) fn rejected(rejection: ChangeRejection) -> Problem {
    match rejection {
        ChangeRejection::StaffOnly => Problem::new(Code::Forbidden, "Only staff changes e-mail address and status."),
        ChangeRejection::DocumentPresent => {
            Problem::new(Code::DocumentTaken, "This customer has this document already.")
        }
        ChangeRejection::TooManyDocuments => {
            Problem::new(Code::TooManyDocuments, format!("A customer has at most {MAX_DOCUMENTS} documents."))
        }
    }
}
