//! How refusals of the user pool and the table leave. Each route says what is different for it.

use aws::{
    customers::Claim,
    identity::{IdentityError, Refusal},
    store::StoreError,
};
use edge::http::{Code, Problem};

/// What most routes answer; `otherwise` is for the refusals that mean "wrong" on this route.
pub(crate) fn identity(error: IdentityError, otherwise: Code) -> Problem {
    match error {
        IdentityError::Store(error) => store(error),
        IdentityError::Refused(Refusal::TooMany) => {
            Problem::new(Code::RateLimited, "Too many tries; wait a while.").header("Retry-After", "60")
        }
        IdentityError::Refused(Refusal::WeakPassword(reason)) => Problem::new(Code::InvalidPassword, reason.as_str()),
        IdentityError::Refused(Refusal::Exists) => taken_email(),
        IdentityError::Refused(Refusal::NotConfirmed) => {
            Problem::new(Code::UserNotConfirmed, "Confirm the e-mail address first, with the code that was sent to it.")
        }
        IdentityError::Refused(
            Refusal::Unknown | Refusal::NotAuthorized | Refusal::WrongCode | Refusal::Invalid(_) | Refusal::Trigger,
        ) => wrong(otherwise),
    }
}

/// One sentence per kind of "wrong", which never tells what exactly.
pub(crate) fn wrong(code: Code) -> Problem {
    let detail = match code {
        Code::InvalidCredentials => "The password does not belong to this e-mail or phone.",
        Code::InvalidSession => "The session or token is wrong, used or expired; sign in again.",
        Code::InvalidCode => "The code is wrong, used or expired.",
        _ => code.title(),
    };
    Problem::new(code, detail)
}

/// The world failed; said once in the log.
pub(crate) fn store(error: StoreError) -> Problem {
    tracing::error!(%error, "a service behind sign-in failed");
    match error {
        StoreError::Corrupt(_) => Problem::from(Code::Internal),
        StoreError::Conflict | StoreError::Unavailable(_) => Problem::unavailable(),
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
    Problem::new(
        Code::EmailTaken,
        "There is a customer with this e-mail address. If it is yours, sign in, or ask for a new confirmation code.",
    )
}
