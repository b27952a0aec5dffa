//! The SQLite file behind the queues, and the queues themselves as they are known in memory.
//!
//! Every call is one transaction, so what a client was told has happened is on file: the write-ahead log with
//! `synchronous=NORMAL` survives the end of the process at any instant (not the loss of power).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction, params};
use tokio::sync::Notify;

use crate::clock::Millis;
use crate::error::SqsError;
use crate::settings::{self, Attributes, Settings};

/// A message is delayed while `received_at` is null and `visible_at` lies ahead, in flight while `received_at`
/// is set and `visible_at` lies ahead, and can be received otherwise. `sequence` is the order of arrival and
/// is never used twice.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    purged_at INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS deleted_queues (name TEXT PRIMARY KEY, deleted_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS messages (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    queue_id INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL,
    trace_header TEXT,
    group_id TEXT,
    deduplication_id TEXT,
    sent_at INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    received_at INTEGER,
    first_received_at INTEGER,
    receive_count INTEGER NOT NULL DEFAULT 0,
    dead_letter_source TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS messages_by_visibility ON messages (queue_id, visible_at, sequence);
CREATE INDEX IF NOT EXISTS messages_by_arrival ON messages (queue_id, sequence, group_id, visible_at);
CREATE INDEX IF NOT EXISTS messages_by_age ON messages (queue_id, sent_at);
CREATE INDEX IF NOT EXISTS messages_in_flight ON messages (queue_id, visible_at, group_id) WHERE received_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS deduplication (
    queue_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    message_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (queue_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS deduplication_by_expiry ON deduplication (expires_at);
CREATE TABLE IF NOT EXISTS move_tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    handle TEXT NOT NULL UNIQUE,
    source_arn TEXT NOT NULL,
    destination_arn TEXT,
    per_second INTEGER,
    moved INTEGER NOT NULL,
    started_at INTEGER NOT NULL
) STRICT;
";

/// A queue as it is known in memory. Replaced as a whole when its attributes change.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub id: i64,
    pub name: String,
    pub arn: String,
    /// As set, in canonical form; defaults are not in here.
    pub attributes: Attributes,
    pub settings: Settings,
    pub tags: BTreeMap<String, String>,
    pub created_at: Millis,
    pub modified_at: Millis,
    /// Rung after every commit that may let a waiting receiver see more, or see it earlier.
    pub changed: Arc<Notify>,
}

impl Queue {
    pub(crate) fn fifo(&self) -> bool {
        settings::is_fifo(&self.name)
    }
}

/// The open file and the queues in it.
pub(crate) struct Store {
    connection: Connection,
    pub queues: BTreeMap<String, Arc<Queue>>,
    /// Everything of an ARN but the queue's name.
    arn_prefix: String,
}

impl Store {
    pub(crate) fn open(file: &Path, account: &str, region: &str) -> Result<Self, SqsError> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(SCHEMA)?;
        let mut store =
            Self { connection, queues: BTreeMap::new(), arn_prefix: format!("arn:aws:sqs:{region}:{account}:") };
        store.load()?;
        Ok(store)
    }

    fn load(&mut self) -> Result<(), SqsError> {
        let rows = {
            let mut select =
                self.connection.prepare("SELECT id, name, attributes, tags, created_at, modified_at FROM queues")?;
            let rows = select.query_map([], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, String>(3)?,
                    row.get::<_, Millis>(4)?,
                    row.get::<_, Millis>(5)?,
                ))
            })?;
            rows.collect::<Result<Vec<_>, _>>()?
        };
        for (id, name, attributes, tags, created_at, modified_at) in rows {
            let attributes: Attributes = serde_json::from_str(&attributes)?;
            let queue = Queue {
                id,
                arn: self.arn(&name),
                settings: Settings::of(&attributes)?,
                attributes,
                tags: serde_json::from_str(&tags)?,
                created_at,
                modified_at,
                changed: Arc::default(),
                name: name.clone(),
            };
            self.queues.insert(name, Arc::new(queue));
        }
        Ok(())
    }

    pub(crate) fn arn(&self, name: &str) -> String {
        format!("{}{name}", self.arn_prefix)
    }

    /// The queue of a name, or the refusal that there is none.
    pub(crate) fn queue(&self, name: &str) -> Result<Arc<Queue>, SqsError> {
        self.queues.get(name).cloned().ok_or_else(SqsError::no_queue)
    }

    /// The queue of an ARN of this account and region.
    pub(crate) fn queue_of_arn(&self, arn: &str) -> Option<Arc<Queue>> {
        self.queues.get(arn.strip_prefix(&self.arn_prefix)?).cloned()
    }

    /// The queue that takes what was received too often from `queue`.
    pub(crate) fn dead_letter_queue(&self, queue: &Queue) -> Option<Arc<Queue>> {
        let redrive = queue.settings.redrive.as_ref()?;
        self.queue_of_arn(&redrive.target_arn)
    }

    /// Begins the one transaction of a call. Dropping it undoes everything.
    pub(crate) fn begin(&mut self) -> Result<Transaction<'_>, SqsError> {
        Ok(self.connection.transaction()?)
    }

    /// For reads outside a transaction.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Adds a queue that is not there yet.
    pub(crate) fn insert(
        &mut self,
        name: &str,
        attributes: Attributes,
        tags: BTreeMap<String, String>,
        now: Millis,
    ) -> Result<Arc<Queue>, SqsError> {
        let settings = Settings::of(&attributes)?;
        self.connection.execute(
            "INSERT INTO queues (name, attributes, tags, created_at, modified_at) VALUES (?, ?, ?, ?, ?)",
            params![name, serde_json::to_string(&attributes)?, serde_json::to_string(&tags)?, now, now],
        )?;
        let queue = Arc::new(Queue {
            id: self.connection.last_insert_rowid(),
            name: name.to_owned(),
            arn: self.arn(name),
            attributes,
            settings,
            tags,
            created_at: now,
            modified_at: now,
            changed: Arc::default(),
        });
        self.queues.insert(name.to_owned(), queue.clone());
        Ok(queue)
    }

    /// Writes a queue whose attributes or tags were changed.
    pub(crate) fn update(&mut self, queue: Queue) -> Result<(), SqsError> {
        self.connection.execute(
            "UPDATE queues SET attributes = ?, tags = ?, modified_at = ? WHERE id = ?",
            params![
                serde_json::to_string(&queue.attributes)?,
                serde_json::to_string(&queue.tags)?,
                queue.modified_at,
                queue.id
            ],
        )?;
        self.queues.insert(queue.name.clone(), Arc::new(queue));
        Ok(())
    }
}
