//! Secrets, their versions and the stages that point at versions, in SQLite. Decides nothing but what follows
//! from moving `AWSCURRENT`: the version that had it becomes `AWSPREVIOUS`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{CURRENT, PREVIOUS};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS secrets (
    name TEXT PRIMARY KEY,
    arn TEXT NOT NULL UNIQUE,
    description TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    accessed_at INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS secret_versions (
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    text TEXT,
    binary TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (name, id)
) STRICT;
CREATE TABLE IF NOT EXISTS secret_stages (
    name TEXT NOT NULL,
    stage TEXT NOT NULL,
    version_id TEXT NOT NULL,
    PRIMARY KEY (name, stage)
) STRICT;
";

/// A secret without its values.
#[derive(Clone)]
pub(super) struct Secret {
    pub name: String,
    pub arn: String,
    pub description: Option<String>,
    pub created_at: i64,
    pub changed_at: i64,
    pub accessed_at: Option<i64>,
}

/// What a version holds. Has no `Debug`, so that it cannot be printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Content {
    Text(String),
    /// In base64.
    Binary(String),
}

/// One value of a secret.
pub(super) struct Version {
    pub id: String,
    pub content: Content,
    pub created_at: i64,
    pub stages: Vec<String>,
}

impl Version {
    pub(super) fn has(&self, stage: &str) -> bool {
        self.stages.iter().any(|own| own == stage)
    }
}

pub(super) struct Store {
    connection: Connection,
}

impl Store {
    pub(super) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection })
    }

    /// The secret of a name, an ARN, or an ARN without its suffix.
    pub(super) fn find(&self, id: &str) -> rusqlite::Result<Option<Secret>> {
        let name = id.split_once(":secret:").map_or(id, |(_, name)| name);
        self.connection
            .prepare_cached(&format!("{SELECT} WHERE name = ?1 OR name = ?2 OR arn = ?1 ORDER BY arn = ?1 DESC"))?
            .query_row([id, name], read)
            .optional()
    }

    /// Secrets in the order of their names, from behind `name`.
    pub(super) fn after(&self, name: &str, most: usize) -> rusqlite::Result<Vec<Secret>> {
        self.connection
            .prepare_cached(&format!("{SELECT} WHERE name > ? ORDER BY name LIMIT ?"))?
            .query_map(params![name, i64::try_from(most).unwrap_or(i64::MAX)], read)?
            .collect()
    }

    pub(super) fn insert(
        &mut self,
        name: &str,
        arn: &str,
        description: Option<&str>,
        now: i64,
    ) -> rusqlite::Result<Secret> {
        self.connection.execute(
            "INSERT INTO secrets (name, arn, description, created_at, changed_at) VALUES (?, ?, ?, ?, ?)",
            params![name, arn, description, now, now],
        )?;
        Ok(Secret {
            name: name.to_owned(),
            arn: arn.to_owned(),
            description: description.map(str::to_owned),
            created_at: now,
            changed_at: now,
            accessed_at: None,
        })
    }

    pub(super) fn rename_arn(&mut self, secret: &Secret, arn: &str) -> rusqlite::Result<Secret> {
        self.connection.execute("UPDATE secrets SET arn = ? WHERE name = ?", [arn, &secret.name])?;
        Ok(Secret { arn: arn.to_owned(), ..secret.clone() })
    }

    pub(super) fn touch(&mut self, secret: &Secret, now: i64) -> rusqlite::Result<()> {
        self.connection.execute("UPDATE secrets SET accessed_at = ? WHERE name = ?", params![now, secret.name])?;
        Ok(())
    }

    /// Adds a version and lets `stages` point at it.
    pub(super) fn put(
        &mut self,
        secret: &Secret,
        id: &str,
        content: &Content,
        stages: &[String],
        now: i64,
    ) -> Result<(), super::SecretsError> {
        let (text, binary) = match content {
            Content::Text(text) => (Some(text), None),
            Content::Binary(base64) => (None, Some(base64)),
        };
        let tx = self.connection.transaction()?;
        tx.execute(
            "INSERT INTO secret_versions (name, id, text, binary, created_at) VALUES (?, ?, ?, ?, ?)",
            params![secret.name, id, text, binary, now],
        )?;
        for stage in stages {
            if stage == CURRENT {
                tx.execute(
                    "INSERT OR REPLACE INTO secret_stages (name, stage, version_id)
                     SELECT name, ?, version_id FROM secret_stages WHERE name = ? AND stage = ?",
                    [PREVIOUS, &secret.name, CURRENT],
                )?;
            }
            tx.execute(
                "INSERT OR REPLACE INTO secret_stages (name, stage, version_id) VALUES (?, ?, ?)",
                [&secret.name, stage, id],
            )?;
        }
        tx.execute("UPDATE secrets SET changed_at = ? WHERE name = ?", params![now, secret.name])?;
        Ok(tx.commit()?)
    }

    /// The version that a stage points at.
    pub(super) fn at_stage(&self, secret: &Secret, stage: &str) -> rusqlite::Result<Option<Version>> {
        let id: Option<String> = self
            .connection
            .prepare_cached("SELECT version_id FROM secret_stages WHERE name = ? AND stage = ?")?
            .query_row([&secret.name, stage], |row| row.get(0))
            .optional()?;
        id.map_or(Ok(None), |id| self.version(secret, &id))
    }

    pub(super) fn version(&self, secret: &Secret, id: &str) -> rusqlite::Result<Option<Version>> {
        let stages = self.stages_by_version(secret)?.remove(id).unwrap_or_default();
        self.connection
            .prepare_cached("SELECT text, binary, created_at FROM secret_versions WHERE name = ? AND id = ?")?
            .query_row([&secret.name, id], |row| {
                let content = match row.get::<_, Option<String>>(0)? {
                    Some(text) => Content::Text(text),
                    None => Content::Binary(row.get(1)?),
                };
                Ok(Version { id: id.to_owned(), content, created_at: row.get(2)?, stages })
            })
            .optional()
    }

    /// The stages of each version that has any.
    pub(super) fn stages_by_version(&self, secret: &Secret) -> rusqlite::Result<BTreeMap<String, Vec<String>>> {
        let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut select = self
            .connection
            .prepare_cached("SELECT version_id, stage FROM secret_stages WHERE name = ? ORDER BY stage")?;
        let rows = select.query_map([&secret.name], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in rows {
            let (id, stage): (String, String) = row?;
            versions.entry(id).or_default().push(stage);
        }
        Ok(versions)
    }
}

const SELECT: &str = "SELECT name, arn, description, created_at, changed_at, accessed_at FROM secrets";

fn read(row: &Row<'_>) -> rusqlite::Result<Secret> {
    Ok(Secret {
        name: row.get(0)?,
        arn: row.get(1)?,
        description: row.get(2)?,
        created_at: row.get(3)?,
        changed_at: row.get(4)?,
        accessed_at: row.get(5)?,
    })
}
