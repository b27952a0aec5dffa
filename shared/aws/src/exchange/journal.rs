//! The journal of a book: batches of commands and what they did, version by version. One conditional put commits a batch
//! and keeps every other writer from the same version.

use domain::{
    Timestamp,
    exchange::{Batch, JournalEntry},
    instrument::Symbol,
};

use super::{Exchange, PutOutcome, rows};
use crate::{
    item::{Item, Read, key, number, text},
    store::StoreError,
    write::WriteId,
};

/// Most bytes of a batch: an item may have 400 kB. One command always fits; whoever has more splits.
pub const MAX_BATCH_BYTES: usize = 390_000;
/// A partition key is this and the symbol.
const PARTITION: &str = "journal#";
/// The largest sort key of a version.
const LAST: &str = "999999999999";

/// How many bytes a batch takes in the journal.
pub fn size(batch: &Batch) -> Result<usize, StoreError> {
    Ok(rows::bytes(batch)?.len())
}

/// How appending to a journal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Committed now.
    Done,
    /// Somebody else has written this version; nothing was written.
    Lost,
}

impl Exchange {
    /// Commits a batch as this version. The version before must have been read or written by the caller: gaps are not
    /// looked for. A batch beyond [`MAX_BATCH_BYTES`] is refused as corrupt.
    pub async fn append(
        &self,
        symbol: &Symbol,
        version: u64,
        at: Timestamp,
        batch: &Batch,
    ) -> Result<Appended, StoreError> {
        let bytes = rows::bytes(batch)?;
        if bytes.len() > MAX_BATCH_BYTES {
            return Err(StoreError::corrupt("a batch larger than an item"));
        }
        let id = WriteId::new();
        let mut item = key(partition(symbol), rows::version(version));
        item.insert("at".to_owned(), number(at.millis()));
        item.insert("batch".to_owned(), rows::blob(bytes));
        item.insert("write_id".to_owned(), text(id.to_text()));
        match self.put_if(self.put(item).condition_expression("attribute_not_exists(pk)")).await? {
            PutOutcome::Done => Ok(Appended::Done),
            // A lost answer of our own, repeated by the SDK.
            PutOutcome::Denied(Some(row)) if id.wrote(&row) => Ok(Appended::Done),
            PutOutcome::Denied(_) => Ok(Appended::Lost),
        }
    }

    /// Up to `limit` versions from `from` on, in order, read consistently. Fewer only when there are no more.
    pub async fn tail(&self, symbol: &Symbol, from: u64, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let query = self.between(&partition(symbol), &rows::version(from), LAST).consistent_read(true);
        self.rows(query, limit).await?.0.iter().map(entry).collect()
    }

    /// The newest version, read consistently; 0 before the first.
    pub async fn head(&self, symbol: &Symbol) -> Result<u64, StoreError> {
        let query = self.between(&partition(symbol), "0", LAST).scan_index_forward(false).consistent_read(true);
        let query = query.projection_expression("sk");
        self.rows(query, 1).await?.0.first().map_or(Ok(0), version_of)
    }

    /// The newest `limit` versions, newest first; one of a moment ago may be missing.
    pub async fn recent(&self, symbol: &Symbol, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let query = self.between(&partition(symbol), "0", LAST).scan_index_forward(false);
        self.rows(query, limit).await?.0.iter().map(entry).collect()
    }
}

/// The journal that a partition key belongs to; `None` for keys of other rows.
pub fn journal_of(partition: &str) -> Option<Symbol> {
    Symbol::parse(partition.strip_prefix(PARTITION)?)
}

/// The version of a journal that is stored under these keys; `None` for keys of other rows.
pub fn version_of_keys(partition: &str, sort: &str) -> Option<(Symbol, u64)> {
    Some((journal_of(partition)?, sort.parse().ok()?))
}

fn partition(symbol: &Symbol) -> String {
    format!("{PARTITION}{symbol}")
}

fn version_of(item: &Item) -> Result<u64, StoreError> {
    item.parsed("sk", |sort| sort.parse().ok())
}

fn entry(item: &Item) -> Result<JournalEntry, StoreError> {
    let at = i64::try_from(item.count("at")?).map_err(|_| StoreError::corrupt("at"))?;
    Ok(JournalEntry {
        version: version_of(item)?,
        at: Timestamp::from_millis(at),
        batch: rows::from_bytes(rows::blob_of(item, "batch")?, "batch")?,
    })
}
