//! The six digits sent by mail or SMS. One live code per user and purpose; a new one replaces the old.
//! They are kept in clear: hashing does not hide one in a million from whoever holds the file.

use rusqlite::{Connection, OptionalExtension, params};

use super::attempts::{self, Limit};
use crate::refusal::{Refusal, attempt_limit, code_mismatch, expired_code};
use crate::same_bytes;

pub(crate) const SIGN_UP: &str = "sign-up";
pub(crate) const RESET: &str = "reset";

/// The purpose of a code that verifies `email` or `phone_number`.
pub(crate) fn attribute(name: &str) -> String {
    format!("attribute:{name}")
}

pub(crate) fn put(
    connection: &Connection,
    pool_id: &str,
    username: &str,
    purpose: &str,
    code: &str,
    expires: i64,
) -> Result<(), Refusal> {
    connection.execute(
        "INSERT OR REPLACE INTO codes (pool_id, username, purpose, code, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![pool_id, username, purpose, code, expires],
    )?;
    Ok(())
}

/// Takes the code away if it is the right one; counts wrong tries and refuses all after five in an hour.
pub(crate) fn redeem(
    connection: &Connection,
    pool_id: &str,
    username: &str,
    purpose: &str,
    given: &str,
    now: i64,
) -> Result<(), Refusal> {
    let tries = Limit { pool_id, subject: username, purpose: &format!("code:{purpose}") };
    if attempts::blocked(connection, &tries, now)? {
        return Err(attempt_limit());
    }
    let live: Option<(String, i64)> = connection
        .query_row(
            "SELECT code, expires FROM codes WHERE pool_id = ?1 AND username = ?2 AND purpose = ?3",
            params![pool_id, username, purpose],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((code, _)) = live.filter(|(_, expires)| *expires > now) else {
        return Err(expired());
    };
    if !same_bytes(code.as_bytes(), given.as_bytes()) {
        attempts::count_within_hour(connection, &tries, 5, now)?;
        return Err(code_mismatch("Invalid verification code provided, please try again.").kept());
    }
    connection.execute(
        "DELETE FROM codes WHERE pool_id = ?1 AND username = ?2 AND purpose = ?3",
        params![pool_id, username, purpose],
    )?;
    attempts::clear(connection, &tries)
}

pub(crate) fn expired() -> Refusal {
    expired_code("Invalid code provided, please request a code again.")
}
