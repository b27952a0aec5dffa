//! The answers of the user pool that are not a success, under the names and with the messages of the real service.
//! Nothing here decides anything: the operations choose, this module only spells.

use std::borrow::Cow;

use serde_json::{Value, json};

/// An error as the service sends it: `{"__type": name, "message": message}`.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub name: &'static str,
    pub message: Cow<'static, str>,
    /// What the transaction wrote before refusing stays written (counters of wrong tries).
    pub kept: bool,
}

impl Refusal {
    pub fn new(name: &'static str, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { name, message: message.into(), kept: false }
    }

    /// The same refusal, with what was written before it committed.
    pub fn kept(mut self) -> Refusal {
        self.kept = true;
        self
    }

    /// 500 for our own faults, 400 for everything else, as the real service does.
    pub fn status(&self) -> u16 {
        if self.name == "InternalErrorException" { 500 } else { 400 }
    }

    pub fn body(&self) -> Value {
        json!({"__type": self.name, "message": self.message})
    }
}

/// One function per error name, so that a name is spelt once.
macro_rules! refusals {
    ($($function:ident => $name:literal),* $(,)?) => {
        $(pub(crate) fn $function(message: impl Into<Cow<'static, str>>) -> Refusal { Refusal::new($name, message) })*
    };
}

refusals! {
    alias_exists => "AliasExistsException",
    code_mismatch => "CodeMismatchException",
    enable_software_token_mfa => "EnableSoftwareTokenMFAException",
    expired_code => "ExpiredCodeException",
    group_exists => "GroupExistsException",
    internal => "InternalErrorException",
    invalid_lambda_response => "InvalidLambdaResponseException",
    invalid_parameter => "InvalidParameterException",
    invalid_password => "InvalidPasswordException",
    limit_exceeded => "LimitExceededException",
    missing_authentication_token => "MissingAuthenticationTokenException",
    not_authorized => "NotAuthorizedException",
    password_reset_required => "PasswordResetRequiredException",
    resource_not_found => "ResourceNotFoundException",
    serialization => "SerializationException",
    software_token_mfa_not_found => "SoftwareTokenMFANotFoundException",
    unauthorized => "UnauthorizedException",
    unknown_operation => "UnknownOperationException",
    unsupported_operation => "UnsupportedOperationException",
    unsupported_token_type => "UnsupportedTokenTypeException",
    unsupported_user_state => "UnsupportedUserStateException",
    user_lambda_validation => "UserLambdaValidationException",
    user_not_confirmed => "UserNotConfirmedException",
    user_not_found => "UserNotFoundException",
    username_exists => "UsernameExistsException",
}

pub(crate) fn wrong_credentials() -> Refusal {
    not_authorized("Incorrect username or password.")
}

pub(crate) fn attempt_limit() -> Refusal {
    limit_exceeded("Attempt limit exceeded, please try after some time.")
}

pub(crate) fn no_such_user() -> Refusal {
    user_not_found("User does not exist.")
}

pub(crate) fn missing_parameter(name: &str) -> Refusal {
    invalid_parameter(format!("Missing required parameter {name}"))
}

/// The sentence of the service's own request validation.
pub(crate) fn constraint(value: &str, field: &str, rule: &str) -> Refusal {
    invalid_parameter(format!(
        "1 validation error detected: Value{value} at '{field}' failed to satisfy constraint: {rule}"
    ))
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Refusal {
        internal(format!("store: {error}"))
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Refusal {
        internal(format!("stored document: {error}"))
    }
}

impl From<ring::error::Unspecified> for Refusal {
    fn from(_: ring::error::Unspecified) -> Refusal {
        internal("cryptography failed")
    }
}
