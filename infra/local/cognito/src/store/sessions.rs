//! Sign-ins that wait for an answer to a challenge. The client holds an opaque text, the table its digest.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::refusal::{Refusal, not_authorized};

/// What the sign-in waits for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "challenge", rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Pending {
    /// `secret` is our half of the exchange; `verifier` is the user's, or an invented one where there is no user.
    PasswordVerifier {
        client_public: String,
        secret: String,
        verifier: String,
    },
    SoftwareTokenMfa,
    NewPasswordRequired,
    /// `verified` is the time step of the code that proved the token.
    MfaSetup {
        secret: Option<String>,
        verified: Option<i64>,
    },
}

impl Pending {
    /// The challenge's name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Pending::PasswordVerifier { .. } => "PASSWORD_VERIFIER",
            Pending::SoftwareTokenMfa => "SOFTWARE_TOKEN_MFA",
            Pending::NewPasswordRequired => "NEW_PASSWORD_REQUIRED",
            Pending::MfaSetup { .. } => "MFA_SETUP",
        }
    }
}

pub(crate) struct Session {
    pub digest: String,
    pub pool_id: String,
    pub client_id: String,
    pub username: String,
    pub pending: Pending,
}

pub(crate) fn put(connection: &Connection, session: &Session, expires: i64, now: i64) -> Result<(), Refusal> {
    // A day is kept beyond the end, so that a late answer hears "expired" and not "unknown".
    connection.prepare_cached("DELETE FROM sessions WHERE expires < ?1")?.execute([now - 86_400_000])?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO sessions (digest, pool_id, client_id, username, document, expires, used)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)",
        )?
        .execute(params![
            session.digest,
            session.pool_id,
            session.client_id,
            session.username,
            serde_json::to_string(&session.pending)?,
            expires
        ])?;
    Ok(())
}

/// The live session of that client, or the refusal the service gives.
pub(crate) fn load(connection: &Connection, digest: &str, now: i64) -> Result<Session, Refusal> {
    let row: Option<(Session, String, i64, bool)> = connection
        .prepare_cached("SELECT pool_id, client_id, username, document, expires, used FROM sessions WHERE digest = ?1")?
        .query_row([digest], |row| {
            let session = Session {
                digest: digest.to_owned(),
                pool_id: row.get(0)?,
                client_id: row.get(1)?,
                username: row.get(2)?,
                pending: Pending::NewPasswordRequired,
            };
            Ok((session, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .optional()?;
    let Some((mut session, document, expires, used)) = row else {
        return Err(not_authorized("Invalid session for the user."));
    };
    if used {
        return Err(not_authorized("Invalid session for the user, session can only be used once."));
    }
    if expires <= now {
        return Err(not_authorized("Invalid session for the user, session is expired."));
    }
    session.pending = serde_json::from_str(&document)?;
    Ok(session)
}

pub(crate) fn spend(connection: &Connection, session: &Session) -> Result<(), Refusal> {
    connection.prepare_cached("UPDATE sessions SET used = 1 WHERE digest = ?1")?.execute([&session.digest])?;
    Ok(())
}
