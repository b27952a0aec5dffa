//! The user pool: who may sign in. [`Sessions`] is what a person does for himself with his own word or token,
//! [`Users`] what the bank does to users; a function that holds only one cannot do the other.
//!
//! The pool's errors leave as a [`Refusal`]; nobody else reads its error names. Nothing here is logged: user names
//! are addresses.

mod sessions;
mod users;

use std::{collections::BTreeMap, fmt};

use aws_sdk_cognitoidentityprovider::{
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeType,
};
use domain::customer::Registration;

use crate::{http::kind, store::StoreError};

pub use sessions::{Answer, Sessions, SignedIn, Tokens};
pub use users::Users;

/// The pool's own sentence about a value. It may quote the value, so it prints masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The sentence, for the one who sent the value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why the user pool turned a request down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The address is another user's.
    Exists,
    /// There is no such user.
    Unknown,
    /// Wrong password, session or token; a disabled user.
    NotAuthorized,
    /// The user has not confirmed the address yet.
    NotConfirmed,
    /// A code that is wrong, used or expired.
    WrongCode,
    /// A password that the policy does not take.
    WeakPassword(Reason),
    /// A value the pool does not take.
    Invalid(Reason),
    /// Too many tries or messages.
    TooMany,
    /// The pool did what was asked, but a trigger of ours failed afterwards.
    Trigger,
}

/// The user pool did not do what was asked.
#[derive(Debug)]
pub enum IdentityError {
    /// It said no.
    Refused(Refusal),
    /// It was not reached, or failed; the outcome is unknown.
    Store(StoreError),
}

/// The pool's error as ours.
fn refused<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> IdentityError {
    let SdkError::ServiceError(context) = &error else {
        return IdentityError::Store(StoreError::Unavailable(format!("user pool: {}", kind(&error))));
    };
    let error = context.err();
    let message = || Reason(error.message().unwrap_or_default().to_owned());
    match by_name(error.code().unwrap_or_default(), message) {
        Some(refusal) => IdentityError::Refused(refusal),
        None => {
            // The message may hold an address, the name never does.
            let name = error.code().unwrap_or("unknown error");
            IdentityError::Store(StoreError::Unavailable(format!("user pool: {name}")))
        }
    }
}

fn by_name(name: &str, message: impl FnOnce() -> Reason) -> Option<Refusal> {
    Some(match name {
        "UsernameExistsException" | "AliasExistsException" => Refusal::Exists,
        "UserNotFoundException" => Refusal::Unknown,
        "NotAuthorizedException" | "PasswordResetRequiredException" => Refusal::NotAuthorized,
        "UserNotConfirmedException" => Refusal::NotConfirmed,
        "CodeMismatchException" | "ExpiredCodeException" | "EnableSoftwareTokenMFAException" => Refusal::WrongCode,
        "InvalidPasswordException" | "PasswordHistoryPolicyViolationException" => Refusal::WeakPassword(message()),
        "InvalidParameterException" | "SoftwareTokenMFANotFoundException" | "UnsupportedUserStateException" => {
            Refusal::Invalid(message())
        }
        "LimitExceededException" | "TooManyRequestsException" | "TooManyFailedAttemptsException" => Refusal::TooMany,
        "UserLambdaValidationException" | "UnexpectedLambdaException" | "InvalidLambdaResponseException" => {
            Refusal::Trigger
        }
        _ => return None,
    })
}

/// An answer of the pool without what it always has.
fn incomplete(what: &str) -> IdentityError {
    IdentityError::Store(StoreError::Corrupt(format!("user pool: answer without {what}")))
}

/// What the pool keeps about a user, for mails and as the copy a broken-off sign-up is healed from.
fn attributes_of(registration: &Registration) -> Result<Vec<AttributeType>, IdentityError> {
    let mut pairs = vec![
        ("email", registration.email.as_str()),
        ("given_name", registration.given_name.as_str()),
        ("family_name", registration.family_name.as_str()),
    ];
    pairs.extend(registration.phone.as_ref().map(|phone| ("phone_number", phone.as_str())));
    pairs.into_iter().map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(name: &str, value: &str) -> Result<AttributeType, IdentityError> {
    AttributeType::builder()
        .name(name)
        .value(value)
        .build()
        .map_err(|error| IdentityError::Store(StoreError::Corrupt(error.to_string())))
}

fn map_of(attributes: Vec<AttributeType>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|pair| (pair.name, pair.value.unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_name_has_its_refusal_and_unknown_ones_are_none() {
        for (name, expected) in [
            ("UsernameExistsException", Some(Refusal::Exists)),
            ("ExpiredCodeException", Some(Refusal::WrongCode)),
            ("InvalidPasswordException", Some(Refusal::WeakPassword(Reason("m".into())))),
            ("UserLambdaValidationException", Some(Refusal::Trigger)),
            ("LimitExceededException", Some(Refusal::TooMany)),
            ("InternalErrorException", None),
            ("ResourceNotFoundException", None),
            ("", None),
        ] {
            assert_eq!(by_name(name, || Reason("m".into())), expected, "{name}");
        }
    }
}
