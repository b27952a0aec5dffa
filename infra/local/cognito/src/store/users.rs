//! User profiles and the names they answer to.

use std::collections::BTreeMap;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde::{Deserialize, Serialize};

use crate::directory::Pool;
use crate::password::StoredPassword;
use crate::refusal::Refusal;
use crate::totp::SoftwareToken;

/// Where a user stands in his life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    Unconfirmed,
    Confirmed,
    ForceChangePassword,
    ResetRequired,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::Unconfirmed => "UNCONFIRMED",
            Status::Confirmed => "CONFIRMED",
            Status::ForceChangePassword => "FORCE_CHANGE_PASSWORD",
            Status::ResetRequired => "RESET_REQUIRED",
        }
    }
}

/// A user profile. Times are milliseconds since the epoch.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct User {
    pub username: String,
    pub status: Status,
    pub enabled: bool,
    /// `sub` included.
    pub attributes: BTreeMap<String, String>,
    /// New values that wait for their code, where the pool asks for verification first.
    #[serde(default)]
    pub pending: BTreeMap<String, String>,
    pub password: Option<StoredPassword>,
    /// Until when a temporary password may be used.
    pub temporary_until: Option<i64>,
    pub software_token: Option<SoftwareToken>,
    /// The secret of a software token that has been handed out and not yet been proven.
    #[serde(default)]
    pub associating: Option<String>,
    /// The user asked for the software token at sign-in.
    #[serde(default)]
    pub mfa_enabled: bool,
    #[serde(default)]
    pub mfa_preferred: bool,
    pub created: i64,
    pub modified: i64,
}

impl User {
    pub fn sub(&self) -> &str {
        self.attributes.get("sub").map_or("", String::as_str)
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// Whether `email` or `phone_number` is verified.
    pub fn verified(&self, name: &str) -> bool {
        self.attribute(&format!("{name}_verified")) == Some("true")
    }

    /// Sets what an operation wrote: a blank value takes the attribute away, a new contact is unverified
    /// unless the same write says otherwise.
    pub fn write(&mut self, attributes: &BTreeMap<String, String>, now: i64) {
        for (name, value) in attributes {
            let changed = self.attribute(name) != Some(value.as_str());
            if changed && (name == "email" || name == "phone_number") {
                self.attributes.insert(format!("{name}_verified"), "false".to_owned());
                self.pending.remove(name);
            }
        }
        for (name, value) in attributes {
            if value.is_empty() {
                self.attributes.remove(name);
                self.attributes.remove(&format!("{name}_verified"));
            } else {
                self.attributes.insert(name.clone(), value.clone());
            }
        }
        self.modified = now;
    }
}

/// A name somebody else already answers to.
pub(crate) struct Taken {
    /// `username`, `email`, `phone_number` or `preferred_username`.
    pub kind: String,
}

/// Finds a user by any name he signs in with.
pub(crate) fn resolve(connection: &Connection, pool: &Pool, name: &str) -> Result<Option<User>, Refusal> {
    let mut statement = connection.prepare_cached("SELECT username FROM aliases WHERE pool_id = ?1 AND alias = ?2")?;
    let username: Option<String> =
        statement.query_row(params![pool.id, pool.normalise(name)], |row| row.get(0)).optional()?;
    match username {
        None => Ok(None),
        Some(username) => load(connection, &pool.id, &username),
    }
}

pub(crate) fn load(connection: &Connection, pool_id: &str, username: &str) -> Result<Option<User>, Refusal> {
    let mut statement = connection.prepare_cached("SELECT document FROM users WHERE pool_id = ?1 AND username = ?2")?;
    let document: Option<String> = statement.query_row(params![pool_id, username], |row| row.get(0)).optional()?;
    Ok(document.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// Writes the profile and claims its names. [`Taken`] changes nothing.
pub(crate) fn save(connection: &Connection, pool: &Pool, user: &User) -> Result<Result<(), Taken>, Refusal> {
    let names = names_of(pool, user);
    for (kind, alias) in &names {
        let owner: Option<String> = connection
            .prepare_cached("SELECT username FROM aliases WHERE pool_id = ?1 AND alias = ?2")?
            .query_row(params![pool.id, alias], |row| row.get(0))
            .optional()?;
        if owner.is_some_and(|owner| owner != user.username) {
            return Ok(Err(Taken { kind: (*kind).to_owned() }));
        }
    }
    connection
        .prepare_cached("DELETE FROM aliases WHERE pool_id = ?1 AND username = ?2")?
        .execute(params![pool.id, user.username])?;
    for (kind, alias) in &names {
        connection
            .prepare_cached("INSERT OR REPLACE INTO aliases (pool_id, alias, kind, username) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![pool.id, alias, kind, user.username])?;
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO users (pool_id, username, document) VALUES (?1, ?2, ?3)")?
        .execute(params![pool.id, user.username, serde_json::to_string(user)?])?;
    Ok(Ok(()))
}

/// Attributes that are user names are claimed at once, aliases only when verified.
fn names_of(pool: &Pool, user: &User) -> Vec<(&'static str, String)> {
    let mut names = vec![("username", pool.normalise(&user.username))];
    for kind in ["email", "phone_number", "preferred_username"] {
        let signs_in = pool.signs_in_with(kind);
        let alias = pool.properties.alias_attributes.iter().any(|name| name == kind)
            && (kind == "preferred_username" || user.verified(kind));
        if let Some(value) = user.attribute(kind)
            && (signs_in || alias)
        {
            names.push((kind, pool.normalise(value)));
        }
    }
    names
}

/// Removes the user and all that hangs on him.
pub(crate) fn delete(connection: &Connection, pool_id: &str, username: &str) -> Result<(), Refusal> {
    for table in ["users", "aliases", "members", "codes", "sessions", "grants"] {
        connection.execute(
            &format!("DELETE FROM {table} WHERE pool_id = ?1 AND username = ?2"),
            params![pool_id, username],
        )?;
    }
    connection.execute("DELETE FROM attempts WHERE pool_id = ?1 AND subject = ?2", params![pool_id, username])?;
    Ok(())
}

pub(crate) fn count(connection: &Connection, pool_id: &str) -> Result<i64, Refusal> {
    Ok(connection.query_row("SELECT count(*) FROM users WHERE pool_id = ?1", [pool_id], |row| row.get(0))?)
}

/// What `ListUsers` compares.
pub(crate) struct Condition {
    /// Path in the stored document, such as `$.attributes.email`.
    pub path: String,
    pub value: String,
    pub prefix: bool,
}

/// A page of users after `after`, in the order of their user names.
pub(crate) fn page(
    connection: &Connection,
    pool_id: &str,
    condition: Option<&Condition>,
    after: &str,
    limit: usize,
) -> Result<Vec<User>, Refusal> {
    let mut sql = "SELECT document FROM users WHERE pool_id = ? AND username > ?".to_owned();
    let mut values = vec![Sql::from(pool_id.to_owned()), Sql::from(after.to_owned())];
    if let Some(condition) = condition {
        values.push(Sql::from(condition.path.clone()));
        if condition.prefix {
            sql.push_str(" AND substr(json_extract(document, ?), 1, ?) = ?");
            values.push(Sql::from(i64::try_from(condition.value.chars().count()).unwrap_or(i64::MAX)));
        } else {
            sql.push_str(" AND CAST(json_extract(document, ?) AS TEXT) = ?");
        }
        values.push(Sql::from(condition.value.clone()));
    }
    sql.push_str(" ORDER BY username LIMIT ?");
    values.push(Sql::from(i64::try_from(limit).unwrap_or(i64::MAX)));
    let mut statement = connection.prepare_cached(&sql)?;
    let documents = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(0))?;
    documents.map(|text| Ok(serde_json::from_str(&text?)?)).collect()
}
