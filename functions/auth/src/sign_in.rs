//! Sign-in, its challenges, new tokens, sign-out.

use aws::{
    customers::Customers,
    identity::{self, Sessions, SignedIn, Tokens},
};
use edge::http::{Answer, Code, Problem, Request, no_content, ok};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{password, problem, who};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    email: Option<String>,
    phone: Option<String>,
    password: String,
}

/// `POST /auth/sign-in`
pub(crate) async fn create(sessions: &Sessions, customers: &Customers, request: &Request) -> Result<Answer, Problem> {
    let body: SignIn = request.parse()?;
    let username = who::username(customers, body.email.as_deref(), body.phone.as_deref()).await?;
    if !password::fits(&body.password) {
        return Err(problem::wrong(Code::InvalidCredentials));
    }
    let outcome = sessions.sign_in(&username, &body.password).await;
    outcome.map_err(|error| problem::identity(error, Code::InvalidCredentials)).and_then(answered)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChallengeAnswer {
    challenge: String,
    session: String,
    email: Option<String>,
    phone: Option<String>,
    code: Option<String>,
    new_password: Option<String>,
}

impl ChallengeAnswer {
    /// What belongs to the challenge; anything else is a misunderstanding, not ignored.
    fn answer(&self) -> Result<identity::Answer, Problem> {
        let refuse = |pointer: &str, detail: &str| Err(Problem::field(Code::InvalidField, pointer, detail));
        match (self.challenge.as_str(), &self.code, &self.new_password) {
            ("SOFTWARE_TOKEN_MFA", Some(code), None) if is_totp_code(code) => {
                Ok(identity::Answer::TotpCode(code.clone()))
            }
            ("SOFTWARE_TOKEN_MFA", Some(_), None) => Err(problem::wrong(Code::InvalidCode)),
            ("SOFTWARE_TOKEN_MFA", None, _) => refuse("/code", "is missing"),
            ("SOFTWARE_TOKEN_MFA", _, Some(_)) => refuse("/new_password", "does not belong to this challenge"),
            ("NEW_PASSWORD_REQUIRED", None, Some(new_password)) => {
                password::check(new_password)?;
                Ok(identity::Answer::NewPassword(new_password.clone()))
            }
            ("NEW_PASSWORD_REQUIRED", _, None) => refuse("/new_password", "is missing"),
            ("NEW_PASSWORD_REQUIRED", Some(_), _) => refuse("/code", "does not belong to this challenge"),
            _ => refuse("/challenge", "must be SOFTWARE_TOKEN_MFA or NEW_PASSWORD_REQUIRED"),
        }
    }
}

/// RFC 6238 codes as authenticator apps show them.
pub(crate) fn is_totp_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `POST /auth/challenge`
pub(crate) async fn answer(sessions: &Sessions, customers: &Customers, request: &Request) -> Result<Answer, Problem> {
    let body: ChallengeAnswer = request.parse()?;
    let answer = body.answer()?;
    let username = who::username(customers, body.email.as_deref(), body.phone.as_deref()).await?;
    let outcome = sessions.answer(&username, &body.session, answer).await;
    let outcome = outcome.map_err(|error| match error {
        identity::IdentityError::Refused(identity::Refusal::WrongCode) => problem::wrong(Code::InvalidCode),
        error => problem::identity(error, Code::InvalidSession),
    });
    outcome.and_then(answered)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refresh {
    refresh_token: String,
}

/// `POST /auth/refresh`
pub(crate) async fn refresh(sessions: &Sessions, request: &Request) -> Result<Answer, Problem> {
    let body: Refresh = request.parse()?;
    let tokens = sessions.refresh(&body.refresh_token).await;
    ok(&shown(&tokens.map_err(|error| problem::identity(error, Code::InvalidSession))?))
}

/// `POST /auth/sign-out`: everywhere.
pub(crate) async fn end(sessions: &Sessions, request: &Request) -> Result<Answer, Problem> {
    let token = request.bearer().ok_or(Code::Unauthorized)?;
    sessions.sign_out(token).await.map_err(|error| problem::identity(error, Code::Unauthorized))?;
    Ok(no_content())
}

fn answered(outcome: SignedIn) -> Result<Answer, Problem> {
    match outcome {
        SignedIn::Tokens(tokens) => ok(&shown(&tokens)),
        SignedIn::Challenge { name, session } => ok(&json!({"challenge": name, "session": session})),
    }
}

fn shown(tokens: &Tokens) -> Value {
    let mut document = json!({
        "access_token": tokens.access,
        "id_token": tokens.id,
        "expires_in": tokens.expires_in,
        "token_type": "Bearer",
    });
    if let Some(refresh) = &tokens.refresh {
        document["refresh_token"] = json!(refresh);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_takes_what_belongs_to_it_and_nothing_else() {
        let outcome = |challenge: &str, code: Option<&str>, new_password: Option<&str>| {
            let answer = ChallengeAnswer {
                challenge: challenge.into(),
                session: "s".into(),
                email: None,
                phone: None,
                code: code.map(Into::into),
                new_password: new_password.map(Into::into),
            };
            answer.answer().map(drop).map_err(|problem| {
                let document = problem.document("/", "r");
                let pointer = document.pointer("/errors/0/pointer").and_then(Value::as_str).unwrap_or("-");
                format!("{} {pointer}", problem.code.as_str())
            })
        };
        for (challenge, code, password, expected) in [
            ("SOFTWARE_TOKEN_MFA", Some("123456"), None, Ok(())),
            ("SOFTWARE_TOKEN_MFA", Some("12345"), None, Err("invalid_code -")),
            ("SOFTWARE_TOKEN_MFA", Some("12345é"), None, Err("invalid_code -")),
            ("SOFTWARE_TOKEN_MFA", None, None, Err("invalid_field /code")),
            ("SOFTWARE_TOKEN_MFA", Some("123456"), Some("x"), Err("invalid_field /new_password")),
            ("NEW_PASSWORD_REQUIRED", None, Some("Florin-demo-1"), Ok(())),
            ("NEW_PASSWORD_REQUIRED", None, Some(""), Err("invalid_password -")),
            ("NEW_PASSWORD_REQUIRED", None, None, Err("invalid_field /new_password")),
            ("NEW_PASSWORD_REQUIRED", Some("1"), Some("x"), Err("invalid_field /code")),
            ("SMS_MFA", Some("123456"), None, Err("invalid_field /challenge")),
        ] {
            let found = outcome(challenge, code, password);
            assert_eq!(found, expected.map_err(str::to_owned), "{challenge} {code:?} {password:?}");
        }
    }
}
