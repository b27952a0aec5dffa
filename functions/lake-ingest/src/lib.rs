//! Writes what has changed in the tables into the lake.
//!
//! ```text
//! streams of LedgerTable, CustomersTable, VouchersTable ─► a batch, by lake table and day: one file each ─► fresh/<table>
//! ```
//! A file holds versions and its name follows from its content, so a batch may come again, cut at another place, or half
//! done: every number stays as it was. A record that does not read fails its batch; Lambda halves the batch until the
//! record is alone, and puts it aside as a dead letter.

mod event;

use std::sync::atomic::{AtomicBool, Ordering};

use aws::{lake::changed, objects::Bucket};
use edge::{clock::Clock, sqs::BatchResponse};
use lake::{Record, records};
use lambda_runtime::Error;
use serde_json::Value;

pub use event::Event;

/// What an environment keeps from one batch to the next.
#[derive(Debug)]
pub struct Ingest<C> {
    bucket: Bucket,
    clock: C,
    /// Whether the account types that no row tells of are in the lake.
    has_first_types: AtomicBool,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ingested {
    /// Versions of rows in it.
    pub versions: usize,
    /// Files that they made.
    pub files: usize,
}

impl<C: Clock> Ingest<C> {
    /// Into this bucket.
    pub fn new(bucket: Bucket, clock: C) -> Self {
        Self { bucket, clock, has_first_types: AtomicBool::new(false) }
    }

    /// Writes a batch; an error has it halved or tried again as a whole.
    pub async fn handle(&self, event: Value) -> Result<Value, Error> {
        self.ingest(event).await?;
        Ok(serde_json::to_value(BatchResponse::default())?)
    }

    /// Writes a batch. How many versions it held and how many files they made.
    pub async fn ingest(&self, event: Value) -> Result<Ingested, Error> {
        let event = Event::parse(event)?;
        let first = event.first_sequence_number().to_owned();
        let mut versions = Vec::new();
        for record in &event.records {
            let of_record = changed(record.before(), record.now(), record.at());
            versions.extend(of_record.map_err(|error| format!("record {}: {error}", record.sequence_number()))?);
        }
        let with_first_types = !versions.is_empty() && !self.has_first_types.load(Ordering::Relaxed);
        if with_first_types {
            self.write("first", &records::first_account_types()).await?;
        }
        let files = self.write(&first, &versions).await?;
        if with_first_types {
            self.has_first_types.store(true, Ordering::Relaxed);
        }
        tracing::info!(records = event.records.len(), versions = versions.len(), files, first, "ingested");
        Ok(Ingested { versions: versions.len(), files })
    }

    async fn write(&self, name: &str, versions: &[Record]) -> Result<usize, Error> {
        Ok(self.bucket.put_records(name, versions, self.clock.now()).await?)
    }
}
