//! Passwords: what can be one at all, and a new one for a forgotten one. How strong it must be, the pool says.

use aws::identity::{IdentityError, Refusal, Sessions};
use edge::http::{Answer, Code, Problem, Request, no_content};
use serde::Deserialize;

use crate::{problem, who};

/// The user pool's own bound.
const LONGEST: usize = 256;

/// Whether the pool would look at it at all: 1 to 256 characters, no blank at either end.
pub(crate) fn fits(password: &str) -> bool {
    !password.is_empty() && password.chars().count() <= LONGEST && password.trim() == password
}

/// Refuses what cannot be a password.
pub(crate) fn check(password: &str) -> Result<(), Problem> {
    if fits(password) {
        return Ok(());
    }
    let detail = format!("A password has 1 to {LONGEST} characters and no blank at either end.");
    Err(Problem::new(Code::InvalidPassword, detail))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgot {
    email: String,
}

/// `POST /auth/forgot-password`: one answer, whether the address is known or not.
pub(crate) async fn forgot(sessions: &Sessions, request: &Request) -> Result<Answer, Problem> {
    let body: Forgot = request.parse()?;
    let email = who::email(&body.email)?;
    match sessions.forgot_password(&email).await {
        Err(error @ (IdentityError::Store(_) | IdentityError::Refused(Refusal::TooMany))) => {
            Err(problem::identity(error, Code::RateLimited))
        }
        Ok(()) | Err(IdentityError::Refused(_)) => Ok(no_content().status(202)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    email: String,
    code: String,
    new_password: String,
}

/// `POST /auth/reset-password`
pub(crate) async fn reset(sessions: &Sessions, request: &Request) -> Result<Answer, Problem> {
    let body: Reset = request.parse()?;
    let email = who::email(&body.email)?;
    check(&body.new_password)?;
    match sessions.reset_password(&email, &body.code, &body.new_password).await {
        Ok(()) => Ok(no_content()),
        Err(IdentityError::Refused(Refusal::Trigger)) => {
            // The password is changed all the same; the trigger has nothing to do here.
            tracing::warn!("the trigger failed after a new password");
            Ok(no_content())
        }
        // Told apart here, it would tell whether the address is known.
        Err(IdentityError::Refused(Refusal::NotConfirmed)) => Err(problem::wrong(Code::InvalidCode)),
        Err(error) => Err(problem::identity(error, Code::InvalidCode)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_password_never_reaches_the_pool() {
        for (password, expected) in [
            ("a", true),
            ("Florin demo 1", true),
            ("", false),
            (" a", false),
            ("a\n", false),
            (&"é".repeat(257), false),
        ] {
            assert_eq!(fits(password), expected, "{password:?}");
        }
    }
}
