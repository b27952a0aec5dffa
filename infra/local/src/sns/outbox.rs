//! What would have reached a phone or a mailbox, kept on file instead. Nothing here sends anything.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use local_sqs::{Clock, SystemClock};
use rusqlite::{Connection, Row, params};
use serde::Serialize;

/// Every SMS and every e-mail the stack has sent. Kept on file; clones share it.
#[derive(Clone)]
pub struct Outbox {
    connection: Arc<Mutex<Connection>>,
}

/// An SMS as `/_local/sms` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sms {
    /// The phone number, E.164.
    pub to: String,
    /// The text.
    pub message: String,
    /// RFC 3339, UTC.
    pub sent_at: String,
}

/// An e-mail as `/_local/mail` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The text.
    pub message: String,
    /// The confirmation code in it, if there is one.
    pub code: Option<String>,
    /// RFC 3339, UTC.
    pub sent_at: String,
}

const OUTBOX_SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('sms', 'mail')),
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    message TEXT NOT NULL,
    code TEXT,
    sent_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_by_kind ON outbox (kind, id);
";

/// How many entries a page shows, newest first.
const OUTBOX_PAGE: i64 = 1_000;

impl Outbox {
    /// Opens the outbox kept in `file`, or begins an empty one.
    pub fn open(file: &Path) -> rusqlite::Result<Self> {
        Ok(Self { connection: Arc::new(Mutex::new(open(file, OUTBOX_SCHEMA)?)) })
    }

    /// Keeps an SMS.
    pub fn push_sms(&self, to: &str, message: &str) -> rusqlite::Result<()> {
        self.push("sms", to, "", message, None)
    }

    /// Keeps an e-mail, with the confirmation code in it.
    pub fn push_mail(&self, to: &str, subject: &str, message: &str, code: Option<&str>) -> rusqlite::Result<()> {
        self.push("mail", to, subject, message, code)
    }

    /// The latest SMS, newest first.
    pub fn sms(&self) -> rusqlite::Result<Vec<Sms>> {
        self.list("sms", |row| Ok(Sms { to: row.get(0)?, message: row.get(2)?, sent_at: row.get(4)? }))
    }

    /// The latest e-mails, newest first.
    pub fn mail(&self) -> rusqlite::Result<Vec<Mail>> {
        self.list("mail", |row| {
            Ok(Mail {
                to: row.get(0)?,
                subject: row.get(1)?,
                message: row.get(2)?,
                code: row.get(3)?,
                sent_at: row.get(4)?,
            })
        })
    }

    fn push(&self, kind: &str, to: &str, subject: &str, message: &str, code: Option<&str>) -> rusqlite::Result<()> {
        lock(&self.connection)
            .prepare_cached(
                "INSERT INTO outbox (kind, recipient, subject, message, code, sent_at) VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![kind, to, subject, message, code, SystemClock.now()])?;
        Ok(())
    }

    fn list<T>(&self, kind: &str, read: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<Vec<T>> {
        lock(&self.connection)
            .prepare_cached(
                "SELECT recipient, subject, message, code, strftime('%Y-%m-%dT%H:%M:%fZ', sent_at / 1000.0, 'unixepoch')
                 FROM outbox WHERE kind = ? ORDER BY id DESC LIMIT ?",
            )?
            .query_map(params![kind, OUTBOX_PAGE], |row| read(row))?
            .collect()
    }
}

/// Opens a file of the runner's state with the tables of `schema` in it.
pub(super) fn open(file: &Path, schema: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute_batch(schema)?;
    Ok(connection)
}

/// A call that panicked has left no statement half done, so the connection is sound for the next.
pub(super) fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}
