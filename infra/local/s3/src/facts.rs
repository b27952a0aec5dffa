//! What S3 knows of an object beyond its bytes. A row describes a file by inode, size and time: it is written before the file gets
//! its name, and a file that no row describes is looked at and known from then on.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

/// Headers that come back as they were given: `content-type`, `x-amz-meta-…`.
pub(crate) type Headers = BTreeMap<String, String>;

/// Of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fact {
    /// Without its quotes.
    pub etag: String,
    pub headers: Headers,
    /// The header of a checksum, and its value.
    pub checksum: Option<(String, String)>,
}

pub(crate) struct Facts {
    connection: Connection,
}

impl Facts {
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE IF NOT EXISTS objects (
                 bucket TEXT NOT NULL, key TEXT NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
                 etag TEXT NOT NULL, headers TEXT NOT NULL, checksum TEXT NOT NULL,
                 PRIMARY KEY (bucket, key, inode)
             ) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS uploads (
                 id TEXT NOT NULL PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, headers TEXT NOT NULL
             ) WITHOUT ROWID;",
        )?;
        Ok(Self { connection })
    }

    pub(crate) fn get(&self, bucket: &str, key: &str, file: &Metadata) -> rusqlite::Result<Option<Fact>> {
        let row = |row: &rusqlite::Row<'_>| {
            let (headers, checksum): (String, String) = (row.get(1)?, row.get(2)?);
            let checksum = checksum.split_once(' ').map(|(name, value)| (name.to_owned(), value.to_owned()));
            Ok(Fact { etag: row.get(0)?, headers: serde_json::from_str(&headers).unwrap_or_default(), checksum })
        };
        let found = self.connection.prepare_cached(
            "SELECT etag, headers, checksum FROM objects WHERE bucket = ?1 AND key = ?2 AND inode = ?3 AND size = ?4 AND modified = ?5",
        );
        found?.query_row(params![bucket, key, inode(file), size(file), modified(file)], row).optional()
    }

    pub(crate) fn put(&self, bucket: &str, key: &str, file: &Metadata, fact: &Fact) -> rusqlite::Result<()> {
        let checksum = fact.checksum.as_ref().map_or_else(String::new, |(name, value)| format!("{name} {value}"));
        let headers = serde_json::json!(fact.headers).to_string();
        let put =
            self.connection.prepare_cached("INSERT OR REPLACE INTO objects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
        put?.execute(params![bucket, key, inode(file), size(file), modified(file), fact.etag, headers, checksum])?;
        Ok(())
    }

    /// Forgets every file that was this key, but one.
    pub(crate) fn forget(&self, bucket: &str, key: &str, but: Option<&Metadata>) -> rusqlite::Result<()> {
        let forget =
            self.connection.prepare_cached("DELETE FROM objects WHERE bucket = ?1 AND key = ?2 AND inode IS NOT ?3");
        forget?.execute(params![bucket, key, but.map(inode)])?;
        Ok(())
    }

    pub(crate) fn begin_upload(&self, id: &str, bucket: &str, key: &str, headers: &Headers) -> rusqlite::Result<()> {
        let headers = serde_json::json!(headers).to_string();
        self.connection.execute("INSERT INTO uploads VALUES (?1, ?2, ?3, ?4)", params![id, bucket, key, headers])?;
        Ok(())
    }

    /// The headers of an upload to this key.
    pub(crate) fn upload(&self, id: &str, bucket: &str, key: &str) -> rusqlite::Result<Option<Headers>> {
        let found =
            self.connection.prepare_cached("SELECT headers FROM uploads WHERE id = ?1 AND bucket = ?2 AND key = ?3");
        let headers: Option<String> = found?.query_row(params![id, bucket, key], |row| row.get(0)).optional()?;
        Ok(headers.map(|headers| serde_json::from_str(&headers).unwrap_or_default()))
    }

    pub(crate) fn end_upload(&self, id: &str) -> rusqlite::Result<()> {
        self.connection.execute("DELETE FROM uploads WHERE id = ?1", [id])?;
        Ok(())
    }
}

// SQLite's integers are signed; the bits are the same.
fn inode(file: &Metadata) -> i64 {
    file.ino().cast_signed()
}

fn size(file: &Metadata) -> i64 {
    file.len().cast_signed()
}

fn modified(file: &Metadata) -> i64 {
    file.mtime().wrapping_mul(1_000_000_000).wrapping_add(file.mtime_nsec())
}
