//! Reads one table's stream through the DynamoDB Streams calls, and makes the records Lambda's.
//!
//! The database is asked in-process. It has one shard per table.

use std::time::{Duration, SystemTime};

use dynoxide::Database;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use serde_json::{Value, json};

use crate::sources::state::Checkpoint;

/// Most records of one read (AWS: 1000).
const READ_LIMIT: usize = 1_000;

/// One change of a table.
#[derive(Debug, Clone)]
pub struct Record {
    /// As the function gets it.
    pub event: Value,
    /// Its place in the stream.
    pub sequence: String,
    /// When it was written, to the second.
    pub created: SystemTime,
}

/// A stream and the place in it.
pub struct Reader {
    database: Database,
    stream_arn: String,
    region: String,
    shard: String,
    /// The database's own name of this stream; a table made anew has another.
    label: String,
    sequence: Option<String>,
    iterator: Option<String>,
}

impl Reader {
    /// A reader of the stream with this ARN. The region in the records is that of the function.
    pub fn new(database: Database, stream_arn: &str, function_arn: &str) -> Reader {
        Reader {
            database,
            stream_arn: stream_arn.to_owned(),
            region: function_arn.split(':').nth(3).unwrap_or_default().to_owned(),
            shard: String::new(),
            label: String::new(),
            sequence: None,
            iterator: None,
        }
    }

    /// Finds the place to begin: behind the checkpoint if it is of this stream, else at the end (`latest`) or the start.
    pub async fn open(&mut self, checkpoint: Option<&Checkpoint>, latest: bool) -> Result<(), String> {
        let stream_arn = self.stream_arn.clone();
        let describe = move |database: &Database| {
            database.describe_stream(DescribeStreamRequest { stream_arn, ..Default::default() })
        };
        let stream = self.ask(describe).await?.stream_description;
        let shard = stream.shards.into_iter().next().ok_or("the stream has no shard")?;
        // The label counts seconds; a table made anew within one is told apart by its time of creation.
        self.label = format!("{}/{}", stream.stream_label, stream.creation_request_date_time);
        self.sequence = match checkpoint.filter(|checkpoint| checkpoint.stream == self.label) {
            Some(checkpoint) => checkpoint.sequence.clone(),
            None if latest => shard.sequence_number_range.ending_sequence_number,
            None => None,
        };
        self.shard = shard.shard_id;
        self.iterator = None;
        Ok(())
    }

    /// Takes the next records, at most `limit`.
    pub async fn read(&mut self, limit: usize) -> Result<Vec<Record>, String> {
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => self.iterator().await?,
        };
        let request = GetRecordsRequest { shard_iterator: iterator, limit: Some(limit.min(READ_LIMIT)) };
        let response = self.ask(move |database| database.get_records(request)).await?;
        let records: Vec<Record> = response.records.iter().map(|record| self.record(record)).collect();
        self.iterator = response.next_shard_iterator;
        if let Some(last) = records.last() {
            self.sequence = Some(last.sequence.clone());
        }
        Ok(records)
    }

    async fn iterator(&self) -> Result<String, String> {
        let kind = if self.sequence.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
        let request = GetShardIteratorRequest {
            stream_arn: self.stream_arn.clone(),
            shard_id: self.shard.clone(),
            shard_iterator_type: kind.to_owned(),
            sequence_number: self.sequence.clone(),
        };
        let response = self.ask(move |database| database.get_shard_iterator(request)).await?;
        response.shard_iterator.ok_or_else(|| "no iterator was given".to_owned())
    }

    /// The shard's id.
    pub fn shard(&self) -> &str {
        &self.shard
    }

    /// The place behind what was read last.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { stream: self.label.clone(), sequence: self.sequence.clone() }
    }

    /// The place behind one record.
    pub fn checkpoint_at(&self, record: &Record) -> Checkpoint {
        Checkpoint { stream: self.label.clone(), sequence: Some(record.sequence.clone()) }
    }

    /// Asks the database away from the async workers: it is one connection behind one lock.
    async fn ask<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Database) -> dynoxide::errors::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let database = self.database.clone();
        let answer = tokio::task::spawn_blocking(move || call(&database).map_err(|error| error.to_string()));
        answer.await.map_err(|error| error.to_string())?
    }

    fn record(&self, record: &dynoxide::actions::get_records::Record) -> Record {
        let created = record.dynamodb.approximate_creation_date_time;
        let mut event = serde_json::to_value(record).unwrap_or_default();
        event["eventSourceARN"] = json!(self.stream_arn);
        event["awsRegion"] = json!(self.region);
        if created.fract() == 0.0 {
            event["dynamodb"]["ApproximateCreationDateTime"] = json!(created as u64);
        }
        Record {
            event,
            sequence: record.dynamodb.sequence_number.clone(),
            created: SystemTime::UNIX_EPOCH + Duration::from_secs_f64(created.max(0.0)),
        }
    }
}
