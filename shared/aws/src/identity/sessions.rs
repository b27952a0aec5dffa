//! What a person does for himself: sign-up, confirmation, sign-in, challenges, tokens, passwords, one-time codes.

use std::fmt;

use aws_sdk_cognitoidentityprovider::{
    Client,
    types::{AuthFlowType, AuthenticationResultType, ChallengeNameType, SoftwareTokenMfaSettingsType},
};
use domain::customer::{EmailAddress, Registration};

use super::{IdentityError, Refusal, attributes_of, incomplete, refused};

/// The public client of the user pool.
#[derive(Clone, Debug)]
pub struct Sessions {
    client: Client,
    client_id: String,
}

/// What opens the API.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// For `Authorization`.
    pub access: String,
    /// Tells a client who signed in.
    pub id: String,
    /// For new tokens; `None` when they were made from one.
    pub refresh: Option<String>,
    /// Seconds until the first two expire.
    pub expires_in: i32,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// How far a sign-in came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// All the way.
    Tokens(Tokens),
    /// The pool wants something more.
    Challenge {
        /// The pool's name of it.
        name: String,
        /// Belongs to the answer.
        session: String,
    },
}

/// An answer to a challenge.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// The code of the moment from an authenticator app (`SOFTWARE_TOKEN_MFA`).
    TotpCode(String),
    /// The password that replaces a temporary one (`NEW_PASSWORD_REQUIRED`).
    NewPassword(String),
}

impl Answer {
    fn parts(self) -> (ChallengeNameType, &'static str, String) {
        match self {
            Self::TotpCode(code) => (ChallengeNameType::SoftwareTokenMfa, "SOFTWARE_TOKEN_MFA_CODE", code),
            Self::NewPassword(password) => (ChallengeNameType::NewPasswordRequired, "NEW_PASSWORD", password),
        }
    }
}

impl Sessions {
    /// The client of this id.
    pub fn new(client: Client, client_id: String) -> Self {
        Self { client, client_id }
    }

    /// Makes a user, unconfirmed; a code goes out by mail. Answers the user's subject.
    pub async fn sign_up(&self, registration: &Registration, password: &str) -> Result<String, IdentityError> {
        let answer = self
            .client
            .sign_up()
            .client_id(&self.client_id)
            .username(registration.email.as_str())
            .password(password)
            .set_user_attributes(Some(attributes_of(registration)?))
            .send()
            .await
            .map_err(refused)?;
        Ok(answer.user_sub)
    }

    /// Confirms the address with the code. When the trigger that follows fails, the user is confirmed all the same.
    pub async fn confirm(&self, email: &EmailAddress, code: &str) -> Result<(), IdentityError> {
        self.client
            .confirm_sign_up()
            .client_id(&self.client_id)
            .username(email.as_str())
            .confirmation_code(code)
            .send()
            .await
            .map(drop)
            .map_err(refused)
    }

    /// Sends another confirmation code.
    pub async fn resend(&self, email: &EmailAddress) -> Result<(), IdentityError> {
        self.client
            .resend_confirmation_code()
            .client_id(&self.client_id)
            .username(email.as_str())
            .send()
            .await
            .map(drop)
            .map_err(refused)
    }

    /// Signs in with a password.
    pub async fn sign_in(&self, username: &str, password: &str) -> Result<SignedIn, IdentityError> {
        let answer = self
            .client
            .initiate_auth()
            .client_id(&self.client_id)
            .auth_flow(AuthFlowType::UserPasswordAuth)
            .auth_parameters("USERNAME", username)
            .auth_parameters("PASSWORD", password)
            .send()
            .await
            .map_err(refused)?;
        signed_in(answer.authentication_result, answer.challenge_name, answer.session)
    }

    /// Answers a challenge of sign-in.
    pub async fn answer(&self, username: &str, session: &str, answer: Answer) -> Result<SignedIn, IdentityError> {
        let (name, key, value) = answer.parts();
        let answer = self
            .client
            .respond_to_auth_challenge()
            .client_id(&self.client_id)
            .challenge_name(name)
            .session(session)
            .challenge_responses("USERNAME", username)
            .challenge_responses(key, value)
            .send()
            .await
            .map_err(refused)?;
        signed_in(answer.authentication_result, answer.challenge_name, answer.session)
    }

    /// New tokens for a refresh token.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Tokens, IdentityError> {
        let answer = self
            .client
            .initiate_auth()
            .client_id(&self.client_id)
            .auth_flow(AuthFlowType::RefreshTokenAuth)
            .auth_parameters("REFRESH_TOKEN", refresh_token)
            .send()
            .await
            .map_err(refused)?;
        tokens(answer.authentication_result.ok_or_else(|| incomplete("tokens"))?)
    }

    /// Ends every session of the user; access tokens run out by themselves.
    pub async fn sign_out(&self, access_token: &str) -> Result<(), IdentityError> {
        self.client.global_sign_out().access_token(access_token).send().await.map(drop).map_err(refused)
    }

    /// Sends a code for a new password, if the user is known.
    pub async fn forgot_password(&self, email: &EmailAddress) -> Result<(), IdentityError> {
        self.client
            .forgot_password()
            .client_id(&self.client_id)
            .username(email.as_str())
            .send()
            .await
            .map(drop)
            .map_err(refused)
    }

    /// Sets a new password with the code.
    pub async fn reset_password(
        &self,
        email: &EmailAddress,
        code: &str,
        new_password: &str,
    ) -> Result<(), IdentityError> {
        self.client
            .confirm_forgot_password()
            .client_id(&self.client_id)
            .username(email.as_str())
            .confirmation_code(code)
            .password(new_password)
            .send()
            .await
            .map(drop)
            .map_err(refused)
    }

    /// Begins with an authenticator app: the secret it is fed with, in base 32. Nothing is asked for yet.
    pub async fn new_totp_secret(&self, access_token: &str) -> Result<String, IdentityError> {
        let answer = self.client.associate_software_token().access_token(access_token).send().await.map_err(refused)?;
        answer.secret_code.ok_or_else(|| incomplete("secret"))
    }

    /// Proves that the app has the secret; from then on every sign-in asks for a code.
    pub async fn turn_on_totp(&self, access_token: &str, code: &str) -> Result<(), IdentityError> {
        self.client.verify_software_token().access_token(access_token).user_code(code).send().await.map_err(refused)?;
        self.set_totp(access_token, true).await
    }

    async fn set_totp(&self, access_token: &str, on: bool) -> Result<(), IdentityError> {
        let settings = SoftwareTokenMfaSettingsType::builder().enabled(on).preferred_mfa(on).build();
        self.client
            .set_user_mfa_preference()
            .access_token(access_token)
            .software_token_mfa_settings(settings)
            .send()
            .await
            .map(drop)
            .map_err(refused)
    }
}

fn signed_in(
    result: Option<AuthenticationResultType>,
    challenge: Option<ChallengeNameType>,
    session: Option<String>,
) -> Result<SignedIn, IdentityError> {
    match (result, challenge) {
        (Some(result), _) => tokens(result).map(SignedIn::Tokens),
        (None, Some(name)) => Ok(SignedIn::Challenge {
            name: name.as_str().to_owned(),
            session: session.ok_or_else(|| incomplete("session"))?,
        }),
        // A pool that remembers devices or asks nothing at all would answer so; ours does neither.
        (None, None) => Err(IdentityError::Refused(Refusal::NotAuthorized)),
    }
}

fn tokens(result: AuthenticationResultType) -> Result<Tokens, IdentityError> {
    Ok(Tokens {
        access: result.access_token.ok_or_else(|| incomplete("access token"))?,
        id: result.id_token.ok_or_else(|| incomplete("id token"))?,
        refresh: result.refresh_token,
        expires_in: result.expires_in,
    })
}
