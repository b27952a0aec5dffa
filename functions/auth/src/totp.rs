//! One-time codes from an authenticator app (RFC 6238): turned on by proving that the app has the secret.

use aws::{
    customers::Customers,
    identity::{IdentityError, Refusal, Sessions},
};
use edge::http::{Answer, Code, Problem, Request, no_content, ok};
use serde::Deserialize;
use serde_json::json;

use crate::{problem, providers::encoded, sign_in::is_totp_code};

/// `POST /auth/totp`: the secret, also as the URI that apps read from a QR code. Nothing is asked for yet.
pub(crate) async fn begin(sessions: &Sessions, customers: &Customers, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let token = request.bearer().ok_or(Code::Unauthorized)?;
    let secret = sessions.new_totp_secret(token).await.map_err(|error| problem::identity(error, Code::Unauthorized))?;
    let id = caller.customer().ok_or(Code::Unauthorized)?;
    let customer = customers.customer(id).await.map_err(problem::store)?;
    let label = customer.as_ref().map_or(id.as_str(), |customer| customer.email.as_str());
    let label = encoded(label);
    let uri = format!("otpauth://totp/Florin:{label}?secret={secret}&issuer=Florin&algorithm=SHA1&digits=6&period=30");
    ok(&json!({"secret": secret, "uri": uri}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnOn {
    code: String,
}

/// `POST /auth/totp/confirm`: from now on sign-in asks for a code.
pub(crate) async fn turn_on(sessions: &Sessions, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let body: TurnOn = request.parse()?;
    let token = request.bearer().ok_or(Code::Unauthorized)?;
    if !is_totp_code(&body.code) {
        return Err(problem::wrong(Code::InvalidCode));
    }
    match sessions.turn_on_totp(token, &body.code).await {
        Ok(()) => {
            tracing::info!(caller = caller.subject(), "one-time codes turned on");
            Ok(no_content())
        }
        Err(IdentityError::Refused(Refusal::NotAuthorized)) => Err(Code::Unauthorized.into()),
        Err(error) => Err(problem::identity(error, Code::InvalidCode)),
    }
}
