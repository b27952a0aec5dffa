//! The state of all pools in one SQLite file: WAL, so that what was acknowledged survives `kill -9`.
//! This module and its children know the tables; nothing else does. They never decide what an operation may do.

pub(crate) mod attempts;
pub(crate) mod codes;
pub(crate) mod directory;
pub(crate) mod grants;
pub(crate) mod groups;
pub(crate) mod sessions;
pub(crate) mod users;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, TransactionBehavior};

use crate::refusal::Refusal;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS pools (
    pool_id TEXT PRIMARY KEY, properties TEXT NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS signing_keys (
    pool_id TEXT NOT NULL, purpose TEXT NOT NULL, pkcs8 BLOB NOT NULL, PRIMARY KEY (pool_id, purpose)
);
CREATE TABLE IF NOT EXISTS clients (
    client_id TEXT PRIMARY KEY, pool_id TEXT NOT NULL, secret TEXT, properties TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS resource_servers (
    pool_id TEXT NOT NULL, identifier TEXT NOT NULL, scopes TEXT NOT NULL, PRIMARY KEY (pool_id, identifier)
);
CREATE TABLE IF NOT EXISTS users (
    pool_id TEXT NOT NULL, username TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (pool_id, username)
);
-- Every name a user may sign in with; what makes e-mail and phone unique.
CREATE TABLE IF NOT EXISTS aliases (
    pool_id TEXT NOT NULL, alias TEXT NOT NULL, kind TEXT NOT NULL, username TEXT NOT NULL, PRIMARY KEY (pool_id, alias)
);
CREATE INDEX IF NOT EXISTS aliases_of_user ON aliases (pool_id, username);
CREATE TABLE IF NOT EXISTS groups (
    pool_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT, precedence INTEGER, role_arn TEXT,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, PRIMARY KEY (pool_id, name)
);
CREATE TABLE IF NOT EXISTS members (
    pool_id TEXT NOT NULL, username TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (pool_id, username, name)
);
CREATE INDEX IF NOT EXISTS members_of_group ON members (pool_id, name, username);
CREATE TABLE IF NOT EXISTS codes (
    pool_id TEXT NOT NULL, username TEXT NOT NULL, purpose TEXT NOT NULL, code TEXT NOT NULL, expires INTEGER NOT NULL,
    PRIMARY KEY (pool_id, username, purpose)
);
CREATE TABLE IF NOT EXISTS sessions (
    digest TEXT PRIMARY KEY, pool_id TEXT NOT NULL, client_id TEXT NOT NULL, username TEXT NOT NULL,
    document TEXT NOT NULL, expires INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS sessions_by_expiry ON sessions (expires);
-- One row per sign-in: the refresh token's digest and the family id in its access tokens.
CREATE TABLE IF NOT EXISTS grants (
    digest TEXT PRIMARY KEY, origin_jti TEXT NOT NULL UNIQUE, pool_id TEXT NOT NULL, client_id TEXT NOT NULL,
    username TEXT NOT NULL, auth_time INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS grants_of_user ON grants (pool_id, username);
CREATE INDEX IF NOT EXISTS grants_by_expiry ON grants (expires);
CREATE TABLE IF NOT EXISTS attempts (
    pool_id TEXT NOT NULL, subject TEXT NOT NULL, purpose TEXT NOT NULL,
    count INTEGER NOT NULL, since INTEGER NOT NULL, last INTEGER NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (pool_id, subject, purpose)
);
CREATE INDEX IF NOT EXISTS attempts_by_age ON attempts (last);
";

/// One connection behind one lock: writes are serialised, which is what the decisions here rely on.
pub(crate) struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    pub fn open(file: &Path) -> rusqlite::Result<Store> {
        let connection = Connection::open(file)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(SCHEMA)?;
        Ok(Store { connection: Mutex::new(connection) })
    }

    /// Runs `decide` in one transaction: committed when it succeeds or refuses with [`Refusal::kept`], undone otherwise.
    /// Never call a hook from inside: a trigger may come back with a call of its own.
    pub fn write<T>(&self, decide: impl FnOnce(&Connection) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome = decide(&transaction);
        match &outcome {
            Err(refusal) if !refusal.kept => transaction.rollback()?,
            _ => transaction.commit()?,
        }
        outcome
    }

    /// Runs `look` without a write lock on the file.
    pub fn read<T>(&self, look: impl FnOnce(&Connection) -> Result<T, Refusal>) -> Result<T, Refusal> {
        look(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
