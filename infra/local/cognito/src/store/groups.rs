//! Groups and who is in them.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::users::{self, User};
use crate::refusal::Refusal;

pub(crate) struct Group {
    pub name: String,
    pub description: Option<String>,
    pub precedence: Option<i64>,
    pub role_arn: Option<String>,
    pub created: i64,
    pub modified: i64,
}

impl Group {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Group> {
        Ok(Group {
            name: row.get(0)?,
            description: row.get(1)?,
            precedence: row.get(2)?,
            role_arn: row.get(3)?,
            created: row.get(4)?,
            modified: row.get(5)?,
        })
    }

    /// `GroupType` of the API.
    pub fn to_json(&self, pool_id: &str) -> Value {
        let mut group = json!({
            "GroupName": self.name,
            "UserPoolId": pool_id,
            "CreationDate": crate::wire::date(self.created),
            "LastModifiedDate": crate::wire::date(self.modified),
        });
        if let Some(description) = &self.description {
            group["Description"] = json!(description);
        }
        if let Some(precedence) = self.precedence {
            group["Precedence"] = json!(precedence);
        }
        if let Some(role_arn) = &self.role_arn {
            group["RoleArn"] = json!(role_arn);
        }
        group
    }
}

const COLUMNS: &str = "g.name, g.description, g.precedence, g.role_arn, g.created, g.modified";

pub(crate) fn load(connection: &Connection, pool_id: &str, name: &str) -> Result<Option<Group>, Refusal> {
    let sql = format!("SELECT {COLUMNS} FROM groups g WHERE g.pool_id = ?1 AND g.name = ?2");
    Ok(connection.prepare_cached(&sql)?.query_row(params![pool_id, name], Group::from_row).optional()?)
}

pub(crate) fn save(connection: &Connection, pool_id: &str, group: &Group) -> Result<(), Refusal> {
    connection.execute(
        "INSERT INTO groups (pool_id, name, description, precedence, role_arn, created, modified)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (pool_id, name) DO UPDATE SET description = ?3, precedence = ?4, role_arn = ?5, modified = ?7",
        params![
            pool_id,
            group.name,
            group.description,
            group.precedence,
            group.role_arn,
            group.created,
            group.modified
        ],
    )?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, pool_id: &str, name: &str) -> Result<(), Refusal> {
    connection.execute("DELETE FROM members WHERE pool_id = ?1 AND name = ?2", params![pool_id, name])?;
    connection.execute("DELETE FROM groups WHERE pool_id = ?1 AND name = ?2", params![pool_id, name])?;
    Ok(())
}

pub(crate) fn page(connection: &Connection, pool_id: &str, after: &str, limit: usize) -> Result<Vec<Group>, Refusal> {
    let sql = format!("SELECT {COLUMNS} FROM groups g WHERE g.pool_id = ?1 AND g.name > ?2 ORDER BY g.name LIMIT ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    let groups = statement.query_map(params![pool_id, after, as_limit(limit)], Group::from_row)?;
    Ok(groups.collect::<Result<_, _>>()?)
}

/// The groups of a user, the most important (lowest precedence) first.
pub(crate) fn of_user(connection: &Connection, pool_id: &str, username: &str) -> Result<Vec<Group>, Refusal> {
    let sql = format!(
        "SELECT {COLUMNS} FROM groups g JOIN members m ON m.pool_id = g.pool_id AND m.name = g.name
         WHERE m.pool_id = ?1 AND m.username = ?2 ORDER BY g.precedence IS NULL, g.precedence, g.name"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let groups = statement.query_map(params![pool_id, username], Group::from_row)?;
    Ok(groups.collect::<Result<_, _>>()?)
}

pub(crate) fn add(connection: &Connection, pool_id: &str, username: &str, name: &str) -> Result<(), Refusal> {
    connection.execute(
        "INSERT OR IGNORE INTO members (pool_id, username, name) VALUES (?1, ?2, ?3)",
        params![pool_id, username, name],
    )?;
    Ok(())
}

pub(crate) fn remove(connection: &Connection, pool_id: &str, username: &str, name: &str) -> Result<(), Refusal> {
    connection.execute(
        "DELETE FROM members WHERE pool_id = ?1 AND username = ?2 AND name = ?3",
        params![pool_id, username, name],
    )?;
    Ok(())
}

/// A page of the members of a group, in the order of their user names.
pub(crate) fn members(
    connection: &Connection,
    pool_id: &str,
    name: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<User>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT username FROM members WHERE pool_id = ?1 AND name = ?2 AND username > ?3 ORDER BY username LIMIT ?4",
    )?;
    let names = statement
        .query_map(params![pool_id, name, after, as_limit(limit)], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut members = Vec::with_capacity(names.len());
    for username in names {
        members.extend(users::load(connection, pool_id, &username)?);
    }
    Ok(members)
}

fn as_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
