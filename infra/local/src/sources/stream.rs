//! Table stream to function: in order, from a checkpoint, with every limit the mapping sets on failure.
//!
//! A shard is one sequence: nothing behind a failing record is delivered before it succeeds or is given up. The
//! checkpoint moves only over records that are done, given up or filtered out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use local_lambda::{InvokeError, request_id};
use local_template::{Function, StreamSource};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::batch::{Outcome, outcome};
use super::board::{Kind, Source};
use super::filter::{Filters, PatternError};
use super::state::{Checkpoint, State};
use super::{EVENT_BYTES, Services, failure, stopping, timestamp};
use crate::faults::BatchFate;

mod reader;

pub use reader::{Reader, Record};

/// Between looks at a stream on which something happened lately.
const LIVELY: Duration = Duration::from_millis(20);
/// Between looks at a quiet one.
const QUIET: Duration = Duration::from_millis(100);
/// How long a stream counts as lively.
const LIVELY_FOR: Duration = Duration::from_secs(5);
/// Pause after a read that failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause before a batch is tried again; it doubles.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// The longest such pause.
const LAST_RETRY: Duration = Duration::from_secs(10);

/// One stream and the function it feeds.
pub struct Mapping {
    name: String,
    services: Services,
    state: Arc<State>,
    function: String,
    folder: String,
    function_arn: String,
    source: StreamSource,
    shown: Arc<Source>,
    filters: Filters,
    first_retry: Duration,
}

/// Records that are delivered together, and how often they failed.
struct Batch {
    records: Vec<Record>,
    failures: u32,
    /// Whether it was delivered with success before.
    again: bool,
}

/// Why a batch is given up.
struct GivenUp<'a> {
    condition: &'static str,
    request_id: &'a str,
    failures: u32,
    error: Option<&'a InvokeError>,
}

impl Mapping {
    pub fn new(
        services: Services,
        state: Arc<State>,
        function: &Function,
        source: &StreamSource,
    ) -> Result<Mapping, PatternError> {
        let filters = Filters::parse(&source.filters)?;
        // One shard, one batch at a time.
        let shown = Source::new(function, &source.name, Kind::Stream, &source.stream_arn, Some(1));
        Ok(Mapping {
            name: format!("{}/{}", function.folder, source.name),
            shown: services.board.add(shown),
            services,
            state,
            function: function.name.clone(),
            folder: function.folder.clone(),
            function_arn: function.arn.clone(),
            filters,
            source: source.clone(),
            first_retry: FIRST_RETRY,
        })
    }

    /// Reads and delivers until told to stop.
    pub async fn run(self, mut reader: Reader, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = stopping(&mut stop) => return,
            () = self.open(&mut reader) => {}
        }
        let mut lively_until = Instant::now() + LIVELY_FOR;
        loop {
            // Looking is interrupted; a call under way is not, so that what it did is noted.
            let look = async {
                self.shown.resumed().await;
                let records = self.gather(&mut reader).await;
                self.shown.resumed().await;
                records
            };
            let records = tokio::select! {
                () = stopping(&mut stop) => return,
                records = look => records,
            };
            let any = !records.is_empty();
            self.deliver(&reader, records, &mut stop).await;
            if any {
                lively_until = Instant::now() + LIVELY_FOR;
            } else {
                let pause = if Instant::now() < lively_until { LIVELY } else { QUIET };
                tokio::select! {
                    () = stopping(&mut stop) => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }

    /// Finds the stream and the place to begin, and notes it, so that `LATEST` means the first start only.
    async fn open(&self, reader: &mut Reader) {
        let checkpoint = self.state.checkpoint(&self.name);
        while let Err(reason) = reader.open(checkpoint.as_ref(), self.source.starting_position == "LATEST").await {
            self.services.say(format!("{}: the stream cannot be read yet: {reason}", self.name));
            tokio::time::sleep(PAUSE).await;
        }
        self.note(reader.checkpoint());
    }

    /// Reads what is there or, with a window, as much as comes within it. Filtered-out records only move the place, and
    /// not while others before them wait to be delivered.
    async fn gather(&self, reader: &mut Reader) -> Vec<Record> {
        let size = self.source.batch_size.clamp(1, 10_000) as usize;
        let mut batch = self.read(reader, size).await;
        if batch.is_empty() {
            self.note(reader.checkpoint());
            return batch;
        }
        let until = Instant::now() + Duration::from_secs(self.source.window_s);
        while batch.len() < size && Instant::now() < until {
            tokio::time::sleep(LIVELY).await;
            batch.extend(self.read(reader, size - batch.len()).await);
        }
        batch
    }

    async fn read(&self, reader: &mut Reader, limit: usize) -> Vec<Record> {
        match reader.read(limit).await {
            Ok(records) => records.into_iter().filter(|record| self.filters.pass(&record.event)).collect(),
            Err(reason) => {
                self.services.say(format!("{}: the stream could not be read: {reason}", self.name));
                tokio::time::sleep(PAUSE).await;
                Vec::new()
            }
        }
    }

    /// Delivers records until all are done or given up, or the runner stops: then the rest comes again.
    async fn deliver(&self, reader: &Reader, records: Vec<Record>, stop: &mut watch::Receiver<bool>) {
        let mut batches: VecDeque<Batch> =
            chunks(records).map(|records| Batch { records, failures: 0, again: false }).collect();
        while let Some(batch) = batches.pop_front() {
            tokio::select! {
                biased;
                () = stopping(stop) => return,
                () = self.shown.resumed() => {}
            }
            let Some(batch) = self.without_aged(reader, batch) else {
                continue;
            };
            let fate = if batch.again { BatchFate::Passes } else { self.services.faults.batch(&self.folder) };
            if fate == BatchFate::Dropped {
                batch.records.last().into_iter().for_each(|last| self.note(reader.checkpoint_at(last)));
                continue;
            }
            let id = request_id();
            let event = json!({"Records": batch.records.iter().map(|record| &record.event).collect::<Vec<_>>()});
            let running = self.shown.begin();
            let answer = self.services.invoke.invoke(&self.function, &id, Bytes::from(event.to_string())).await;
            drop(running);
            let (done, error) = self.done(&batch, answer);
            if fate == BatchFate::Twice && done == batch.records.len() {
                batches.push_front(Batch { again: true, ..batch });
                continue;
            }
            if let Some(last) = done.checked_sub(1) {
                self.note(reader.checkpoint_at(&batch.records[last]));
            }
            if done < batch.records.len() {
                let (rest, pause) = self.after_failure(reader, batch, done, &id, error.as_ref());
                tokio::select! {
                    () = stopping(stop) => return,
                    () = tokio::time::sleep(pause) => {}
                }
                rest.into_iter().rev().for_each(|batch| batches.push_front(batch));
            }
        }
        // Behind the last delivered record there may be filtered ones.
        self.note(reader.checkpoint());
    }

    /// How many records from the front of the batch are done.
    fn done(&self, batch: &Batch, answer: Result<Bytes, InvokeError>) -> (usize, Option<InvokeError>) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return (0, Some(error)),
        };
        let place = |id: &str| batch.records.iter().position(|record| record.sequence == id);
        if !self.source.report_batch_item_failures {
            return (batch.records.len(), None);
        }
        match outcome(&answer, |id| place(id).is_some()) {
            Outcome::Done => (batch.records.len(), None),
            Outcome::Partly(failed) => (failed.iter().filter_map(|id| place(id)).min().unwrap_or(0), None),
            Outcome::Failed => (0, None),
        }
    }

    /// What is still to be delivered of a batch that failed behind its first `done` records, and after what pause.
    fn after_failure(
        &self,
        reader: &Reader,
        mut batch: Batch,
        done: usize,
        request_id: &str,
        error: Option<&InvokeError>,
    ) -> (Vec<Batch>, Duration) {
        if matches!(error, Some(InvokeError::Throttled | InvokeError::ShuttingDown)) {
            return (vec![batch], self.first_retry * 5); // never reached the function: no try
        }
        if done > 0 {
            // What failed is at the front now, once.
            batch.records.drain(..done);
            batch.failures = 0;
        } else if self.source.bisect_on_error && batch.records.len() > 1 {
            // Halving is no try, as on AWS.
            let second = batch.records.split_off(batch.records.len().div_ceil(2));
            let (failures, again) = (batch.failures, batch.again);
            return (vec![batch, Batch { records: second, failures, again }], Duration::ZERO);
        }
        batch.failures += 1;
        if self.source.max_retry_attempts.is_some_and(|tries| batch.failures > tries) {
            let failures = batch.failures;
            self.give_up(
                reader,
                &batch.records,
                &GivenUp { condition: "RetryAttemptsExhausted", request_id, failures, error },
            );
            return (Vec::new(), Duration::ZERO);
        }
        let pause = self.first_retry * 2_u32.saturating_pow(batch.failures.min(16) - 1);
        (vec![batch], pause.min(LAST_RETRY))
    }

    /// Gives up the records older than the mapping allows; `None` if no others are left.
    fn without_aged(&self, reader: &Reader, mut batch: Batch) -> Option<Batch> {
        if let Some(limit) = self.source.max_record_age_s {
            let oldest = SystemTime::now() - Duration::from_secs(limit);
            // Records are in the order of their creation.
            let aged = batch.records.iter().take_while(|record| record.created < oldest).count();
            if aged > 0 {
                let aged: Vec<Record> = batch.records.drain(..aged).collect();
                let failures = batch.failures;
                self.give_up(
                    reader,
                    &aged,
                    &GivenUp { condition: "RecordAgeExceeded", request_id: &request_id(), failures, error: None },
                );
            }
        }
        (!batch.records.is_empty()).then_some(batch)
    }

    /// Tells the destination which records were given up, not what was in them, and goes on behind them.
    fn give_up(&self, reader: &Reader, records: &[Record], why: &GivenUp<'_>) {
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return;
        };
        let (mapping, condition, count) = (&self.name, why.condition, records.len());
        self.services.say(format!("{mapping}: {count} records from {} were given up ({condition})", first.sequence));
        let mut message = failure(&self.function_arn, why.request_id, why.condition, why.failures, why.error);
        message["DDBStreamBatchInfo"] = json!({
            "shardId": reader.shard(),
            "startSequenceNumber": first.sequence,
            "endSequenceNumber": last.sequence,
            "approximateArrivalOfFirstRecord": timestamp(first.created),
            "approximateArrivalOfLastRecord": timestamp(last.created),
            "batchSize": records.len(),
            "streamArn": self.source.stream_arn,
        });
        self.services.tell(self.source.on_failure.as_deref(), &message);
        self.note(reader.checkpoint_at(last));
    }

    fn note(&self, checkpoint: Checkpoint) {
        if self.state.checkpoint(&self.name).as_ref() != Some(&checkpoint)
            && let Err(error) = self.state.set_checkpoint(&self.name, checkpoint)
        {
            self.services.say(format!("{}: the place in the stream could not be noted: {error}", self.name));
        }
    }
}

/// Cuts records into events that fit into one invocation.
fn chunks(records: Vec<Record>) -> impl Iterator<Item = Vec<Record>> {
    let mut chunks: Vec<Vec<Record>> = Vec::new();
    let mut bytes = EVENT_BYTES;
    for record in records {
        let size = record.event.to_string().len() + 1;
        bytes += size;
        match chunks.last_mut() {
            Some(chunk) if bytes <= EVENT_BYTES => chunk.push(record),
            _ => {
                bytes = size;
                chunks.push(vec![record]);
            }
        }
    }
    chunks.into_iter()
}

#[cfg(test)]
mod tests;
