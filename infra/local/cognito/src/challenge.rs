//! Answers to challenges: the SRP proof, the authenticator code, the new password, the set-up of a second factor.

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::Value;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::UserPools;
use crate::directory::{Client, Pool};
use crate::lookup::{check_secret_hash, check_username};
use crate::password::{self, StoredPassword};
use crate::refusal::{
    Refusal, code_mismatch, constraint, expired_code, invalid_parameter, missing_parameter, not_authorized,
    software_token_mfa_not_found, wrong_credentials,
};
use crate::schema::{self, Writer};
use crate::signin::{Parameters, parameter};
use crate::signup::taken_later;
use crate::srp::{self, Proof};
use crate::store::attempts::{self, Limit};
use crate::store::sessions::{self, Pending, Session};
use crate::store::users::{self, Status, User};
use crate::totp::{self, SoftwareToken, Verdict};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RespondToAuthChallenge {
    client_id: String,
    challenge_name: String,
    session: Option<String>,
    #[serde(default)]
    challenge_responses: Parameters,
}

pub(crate) fn respond_to_auth_challenge(pools: &UserPools, request: RespondToAuthChallenge) -> Result<Value, Refusal> {
    let (pool, client) = pools.client(&request.client_id)?;
    respond(pools, &pool, &client, &request)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AdminRespondToAuthChallenge {
    user_pool_id: String,
    #[serde(flatten)]
    answer: RespondToAuthChallenge,
}

pub(crate) fn admin_respond_to_auth_challenge(
    pools: &UserPools,
    request: AdminRespondToAuthChallenge,
) -> Result<Value, Refusal> {
    let (pool, client) = pools.client_of(&request.user_pool_id, &request.answer.client_id)?;
    respond(pools, &pool, &client, &request.answer)
}

fn respond(
    pools: &UserPools,
    pool: &Pool,
    client: &Client,
    request: &RespondToAuthChallenge,
) -> Result<Value, Refusal> {
    let answers = &request.challenge_responses;
    let username = parameter(answers, "USERNAME")?;
    check_username(username)?;
    check_secret_hash(client, username, answers.get("SECRET_HASH").map(String::as_str))?;
    let step = Step { pools, pool, client, username, answers };
    match request.challenge_name.as_str() {
        "PASSWORD_VERIFIER" => step.password_verifier(),
        "SOFTWARE_TOKEN_MFA" => step.software_token_mfa(session_text(request)?),
        "NEW_PASSWORD_REQUIRED" => step.new_password_required(session_text(request)?),
        "MFA_SETUP" => step.mfa_setup(session_text(request)?),
        other => {
            let known = "[PASSWORD_VERIFIER, SOFTWARE_TOKEN_MFA, NEW_PASSWORD_REQUIRED, MFA_SETUP]";
            let rule = format!("Member must satisfy enum value set: {known}");
            Err(constraint(&format!(" '{other}'"), "challengeName", &rule))
        }
    }
}

fn session_text(request: &RespondToAuthChallenge) -> Result<&str, Refusal> {
    request.session.as_deref().ok_or_else(|| missing_parameter("Session"))
}

/// One answer and whom it comes from.
struct Step<'a> {
    pools: &'a UserPools,
    pool: &'a Pool,
    client: &'a Client,
    username: &'a str,
    answers: &'a Parameters,
}

impl Step<'_> {
    /// The session if it is this client's, still open and waiting for this challenge.
    fn session(&self, connection: &Connection, text: &str, challenge: &str) -> Result<Session, Refusal> {
        let session = sessions::load(connection, &crate::digest(text), self.pools.around.now())?;
        let ours = session.client_id == self.client.id && session.pool_id == self.pool.id;
        if ours && session.pending.name() == challenge {
            Ok(session)
        } else {
            Err(not_authorized("Invalid session for the user."))
        }
    }

    /// The session's user, if the given name is one of his and he may still sign in.
    fn user(&self, connection: &Connection, session: &Session) -> Result<User, Refusal> {
        let named = users::resolve(connection, self.pool, self.username)?;
        match named {
            Some(user) if user.username != session.username => Err(not_authorized("Invalid session for the user.")),
            Some(user) if !user.enabled => Err(not_authorized("User is disabled.")),
            Some(user) => Ok(user),
            None => Err(not_authorized("Invalid session for the user.")),
        }
    }

    fn password_verifier(&self) -> Result<Value, Refusal> {
        let block = parameter(self.answers, "PASSWORD_CLAIM_SECRET_BLOCK")?;
        let signature = parameter(self.answers, "PASSWORD_CLAIM_SIGNATURE")?;
        let timestamp = parameter(self.answers, "TIMESTAMP")?;
        check_timestamp(timestamp)?;
        let session = self
            .pools
            .store
            .read(|connection| self.session(connection, block, "PASSWORD_VERIFIER"))
            .map_err(|_| wrong_credentials())?;
        let proven = proves(self.pool, &session, block, timestamp, signature);
        self.pools.store.write(|connection| {
            // A second answer to the same exchange finds it spent.
            let session = self.session(connection, block, "PASSWORD_VERIFIER").map_err(|_| wrong_credentials())?;
            sessions::spend(connection, &session)?;
            let user = users::load(connection, &self.pool.id, &session.username)?;
            let named = users::resolve(connection, self.pool, self.username)?;
            let same = named.is_some_and(|named| named.username == session.username);
            let Pending::PasswordVerifier { verifier, .. } = &session.pending else {
                return Err(wrong_credentials());
            };
            // The password may have been changed since the exchange began.
            let current = user.as_ref().and_then(|user| user.password.as_ref()).map(|p| &p.verifier);
            let right = proven && same && current == Some(verifier);
            self.pools.after_first_factor(connection, self.pool, self.client, &session.username, user, right)
        })
    }

    fn software_token_mfa(&self, session_text: &str) -> Result<Value, Refusal> {
        let code = parameter(self.answers, "SOFTWARE_TOKEN_MFA_CODE")?;
        self.pools.store.write(|connection| {
            let now = self.pools.around.now();
            let session = self.session(connection, session_text, "SOFTWARE_TOKEN_MFA")?;
            let mut user = self.user(connection, &session)?;
            let tries = Limit { pool_id: &self.pool.id, subject: &user.username, purpose: "totp" };
            if attempts::blocked(connection, &tries, now)? {
                return Err(not_authorized("Password attempts exceeded"));
            }
            let Some(token) = &mut user.software_token else {
                return Err(software_token_mfa_not_found("Software Token MFA does not exist for the user."));
            };
            match totp::judge(&token.secret, token.last_step, code, now / 1_000) {
                Verdict::Right(step) => token.last_step = step,
                Verdict::Replayed => {
                    return Err(expired_code("Your software token has already been used once."));
                }
                Verdict::Wrong => {
                    attempts::count_failure(connection, &tries, now)?;
                    return Err(code_mismatch("Invalid code received for user").kept());
                }
            }
            attempts::clear(connection, &tries)?;
            sessions::spend(connection, &session)?;
            users::save(connection, self.pool, &user)?.map_err(|taken| taken_later(&taken))?;
            self.pools.signed_in(connection, self.pool, self.client, &user)
        })
    }

    fn new_password_required(&self, session_text: &str) -> Result<Value, Refusal> {
        let new_password = parameter(self.answers, "NEW_PASSWORD")?;
        password::check(&self.pool.properties.password_policy(), "newPassword", new_password)?;
        let written: Parameters = self
            .answers
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("userAttributes.")?.to_owned(), value.clone())))
            .collect();
        schema::check(self.pool, Writer::Client(self.client), &written)?;
        let find = |connection: &Connection| {
            let session = self.session(connection, session_text, "NEW_PASSWORD_REQUIRED")?;
            let user = self.user(connection, &session)?;
            if user.status != Status::ForceChangePassword {
                return Err(not_authorized("Invalid session for the user."));
            }
            Ok((session, user))
        };
        let (_, user) = self.pools.store.read(find)?;
        let stored = StoredPassword::new(&self.pools.around, self.pool, &user.username, new_password);
        self.pools.store.write(|connection| {
            let (session, mut user) = find(connection)?;
            user.write(&written, self.pools.around.now());
            schema::check_required(self.pool, &user.attributes)?;
            user.password = Some(stored);
            user.temporary_until = None;
            user.status = Status::Confirmed;
            users::save(connection, self.pool, &user)?.map_err(|taken| taken_later(&taken))?;
            sessions::spend(connection, &session)?;
            self.pools.after_password(connection, self.pool, self.client, &user)
        })
    }

    fn mfa_setup(&self, session_text: &str) -> Result<Value, Refusal> {
        self.pools.store.write(|connection| {
            let session = self.session(connection, session_text, "MFA_SETUP")?;
            let mut user = self.user(connection, &session)?;
            let Pending::MfaSetup { secret: Some(secret), verified: Some(step) } = &session.pending else {
                return Err(invalid_parameter("User has not set up software token mfa"));
            };
            user.software_token = Some(SoftwareToken { secret: secret.clone(), device_name: None, last_step: *step });
            user.mfa_enabled = true;
            user.mfa_preferred = true;
            user.modified = self.pools.around.now();
            users::save(connection, self.pool, &user)?.map_err(|taken| taken_later(&taken))?;
            sessions::spend(connection, &session)?;
            self.pools.signed_in(connection, self.pool, self.client, &user)
        })
    }
}

fn proves(pool: &Pool, session: &Session, block: &str, timestamp: &str, signature: &str) -> bool {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let Pending::PasswordVerifier { client_public, secret, verifier } = &session.pending else {
        return false;
    };
    let (Ok(secret_block), Ok(signature)) = (STANDARD.decode(block), STANDARD.decode(signature)) else {
        return false;
    };
    let proof =
        Proof { short_pool_id: pool.short_id(), username: &session.username, secret_block: &secret_block, timestamp };
    srp::proves(verifier, client_public, secret, &proof, &signature)
}

/// `Tue Nov 3 09:05:00 UTC 2026`.
fn check_timestamp(text: &str) -> Result<(), Refusal> {
    const FORMAT: &[BorrowedFormatItem<'_>] = format_description!(
        "[weekday repr:short] [month repr:short] [day padding:none] [hour]:[minute]:[second] UTC [year]"
    );
    match time::PrimitiveDateTime::parse(text, FORMAT) {
        Ok(_) => Ok(()),
        Err(_) => Err(invalid_parameter("TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.")),
    }
}

/// What an operation outside a sign-in needs of a `MFA_SETUP` session.
pub(crate) fn mfa_setup_session(pools: &UserPools, connection: &Connection, text: &str) -> Result<Session, Refusal> {
    let session = sessions::load(connection, &crate::digest(text), pools.around.now())?;
    match session.pending {
        Pending::MfaSetup { .. } => Ok(session),
        _ => Err(not_authorized("Invalid session for the user.")),
    }
}
