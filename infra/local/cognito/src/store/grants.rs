//! Refresh tokens, by digest, and the families of access tokens that stand on them.

use rusqlite::{Connection, OptionalExtension, params};

use crate::refusal::Refusal;

/// One sign-in. Times are milliseconds since the epoch.
pub(crate) struct Grant {
    pub digest: String,
    pub origin_jti: String,
    pub pool_id: String,
    pub client_id: String,
    pub username: String,
    pub auth_time: i64,
    pub expires: i64,
    pub revoked: bool,
}

pub(crate) fn put(connection: &Connection, grant: &Grant, now: i64) -> Result<(), Refusal> {
    // Access tokens live a day at most: the row is kept that much longer than the refresh token.
    connection.prepare_cached("DELETE FROM grants WHERE expires < ?1")?.execute([now - 2 * 86_400_000])?;
    connection
        .prepare_cached(
            "INSERT INTO grants (digest, origin_jti, pool_id, client_id, username, auth_time, expires, revoked)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            grant.digest,
            grant.origin_jti,
            grant.pool_id,
            grant.client_id,
            grant.username,
            grant.auth_time,
            grant.expires,
            grant.revoked
        ])?;
    Ok(())
}

pub(crate) fn load(connection: &Connection, digest: &str) -> Result<Option<Grant>, Refusal> {
    let grant = connection
        .prepare_cached(
            "SELECT origin_jti, pool_id, client_id, username, auth_time, expires, revoked FROM grants WHERE digest = ?1",
        )?
        .query_row([digest], |row| {
            Ok(Grant {
                digest: digest.to_owned(),
                origin_jti: row.get(0)?,
                pool_id: row.get(1)?,
                client_id: row.get(2)?,
                username: row.get(3)?,
                auth_time: row.get(4)?,
                expires: row.get(5)?,
                revoked: row.get(6)?,
            })
        })
        .optional()?;
    Ok(grant)
}

/// Whether the family of an access token has been revoked. An unknown family belonged to a deleted user.
pub(crate) fn family_revoked(connection: &Connection, origin_jti: &str) -> Result<bool, Refusal> {
    let revoked: Option<bool> = connection
        .prepare_cached("SELECT revoked FROM grants WHERE origin_jti = ?1")?
        .query_row([origin_jti], |row| row.get(0))
        .optional()?;
    Ok(revoked.unwrap_or(true))
}

pub(crate) fn revoke(connection: &Connection, digest: &str) -> Result<(), Refusal> {
    connection.execute("UPDATE grants SET revoked = 1 WHERE digest = ?1", [digest])?;
    Ok(())
}

pub(crate) fn revoke_all(connection: &Connection, pool_id: &str, username: &str) -> Result<(), Refusal> {
    connection
        .execute("UPDATE grants SET revoked = 1 WHERE pool_id = ?1 AND username = ?2", params![pool_id, username])?;
    Ok(())
}

/// Whether the sign-in of that second has been revoked, for tokens without a family id.
pub(crate) fn sign_in_revoked(
    connection: &Connection,
    pool_id: &str,
    username: &str,
    auth_time: i64,
) -> Result<bool, Refusal> {
    let revoked: Option<bool> = connection.query_row(
        "SELECT min(revoked) FROM grants WHERE pool_id = ?1 AND username = ?2 AND auth_time / 1000 = ?3",
        params![pool_id, username, auth_time],
        |row| row.get(0),
    )?;
    Ok(revoked.unwrap_or(true))
}
