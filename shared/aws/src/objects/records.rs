//! Records into files of the lake's bucket.

use std::collections::BTreeMap;

use domain::Timestamp;
use lake::{
    Record, Table, file,
    keys::{self, File},
};

use super::Bucket;
use crate::store::StoreError;

/// Most records of one file; more become several.
const RECORDS_OF_A_FILE: usize = 50_000;

impl Bucket {
    /// Writes records: one file for each table and day, then what says how new the table is. Their names begin with `name`
    /// and follow from their content: whoever repeats this writes the same again, however often, and whatever was done of
    /// it before. How many files.
    pub async fn put_records(&self, name: &str, records: &[Record], now: Timestamp) -> Result<usize, StoreError> {
        let mut files: BTreeMap<(&str, String), (&'static Table, Vec<Record>)> = BTreeMap::new();
        for record in records {
            let place = files.entry((record.table.name, record.day()));
            place.or_insert_with(|| (record.table, Vec::new())).1.push(record.clone());
        }
        let mut written = 0;
        for ((_, day), (table, records)) in files {
            for some in records.chunks(RECORDS_OF_A_FILE) {
                let content = file::encode(table, some).map_err(|error| StoreError::corrupt(error.to_string()))?;
                let key = File::new(table, &day, format!("{name}-{}", keys::digest([&content]))).to_string();
                self.put(&key, content).await?;
                self.note_fresh(table, &key, now).await?;
                written += 1;
            }
        }
        Ok(written)
    }

    /// Says that a table is newer than it was. The moment keeps two notes apart that name the same file: an ETag that was
    /// seen before would bring old results back.
    async fn note_fresh(&self, table: &Table, key: &str, now: Timestamp) -> Result<(), StoreError> {
        self.put(&keys::fresh(table), format!("{key}\n{now}\n")).await
    }
}
