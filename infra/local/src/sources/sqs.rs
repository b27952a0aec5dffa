//! Queue to function: batches, concurrency, partial failures.
//!
//! Only what the function has done is deleted. The rest becomes visible again after the queue's own timeout, counts as
//! received, and ends in the dead-letter queue by the queue's own rule. On a FIFO queue the queue keeps the order: a
//! group with a message in flight gives out nothing else, so a failed message holds back its group alone. A message
//! whose visibility timeout ends while its invocation still runs goes to another one beside it, as on AWS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use local_lambda::request_id;
use local_sqs::Message;
use local_template::{Function, SqsSource};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::batch::{Outcome, outcome};
use super::board::{Kind, Source};
use super::filter::{Filters, PatternError};
use super::{EVENT_BYTES, Services, stopping};

/// Batches at once where the template sets no limit (AWS begins with five pollers).
const CONCURRENCY: u32 = 5;
/// One long poll.
const WAIT: Duration = Duration::from_secs(20);
/// Pause after a receive that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// One queue and the function it feeds.
pub struct Mapping {
    services: Services,
    function: String,
    folder: String,
    source: SqsSource,
    fifo: bool,
    filters: Filters,
    concurrency: u32,
    shown: Arc<Source>,
}

impl Mapping {
    pub fn new(services: Services, function: &Function, source: &SqsSource) -> Result<Mapping, PatternError> {
        let filters = Filters::parse(&source.filters)?;
        let concurrency = concurrency(function, source);
        let shown = Source::new(function, &source.name, Kind::Sqs, &source.queue_arn, Some(concurrency));
        Ok(Mapping {
            shown: services.board.add(shown),
            services,
            function: function.name.clone(),
            folder: function.folder.clone(),
            fifo: source.queue_arn.ends_with(".fifo"),
            filters,
            concurrency,
            source: source.clone(),
        })
    }

    /// Delivers until told to stop, then waits for the batches under way.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let free = Arc::new(Semaphore::new(self.concurrency as usize));
        let mut batches = JoinSet::new();
        loop {
            let batch = async {
                // Received only when somebody can take it: a message must not wait out its visibility here.
                let permit = free.clone().acquire_owned().await;
                self.shown.resumed().await;
                let first = tokio::select! {
                    biased; // what is sent behind a pause must not be received because both are noticed at once
                    () = self.shown.paused() => Vec::new(),
                    messages = self.receive(self.source.batch_size.max(1) as usize, WAIT) => messages,
                };
                (permit, self.gather(first).await)
            };
            let (permit, messages) = tokio::select! {
                () = stopping(&mut stop) => break,
                batch = batch => batch,
            };
            while batches.try_join_next().is_some() {}
            if !messages.is_empty() {
                let mapping = self.clone();
                batches.spawn(async move {
                    mapping.deliver(&messages).await;
                    drop(permit);
                });
            }
        }
        while batches.join_next().await.is_some() {}
    }

    /// Gathers a batch behind the first messages: those alone, or as much as comes within the window.
    async fn gather(&self, mut batch: Vec<Message>) -> Vec<Message> {
        let size = self.source.batch_size.max(1) as usize;
        let until = Instant::now() + Duration::from_secs(self.source.window_s);
        let mut bytes: usize = batch.iter().map(|message| message.body.len()).sum();
        while !batch.is_empty() && batch.len() < size && bytes < EVENT_BYTES {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let more = self.receive(size - batch.len(), left).await;
            bytes += more.iter().map(|message| message.body.len()).sum::<usize>();
            batch.extend(more);
        }
        batch
    }

    async fn receive(&self, max: usize, wait: Duration) -> Vec<Message> {
        match self.services.sqs.receive(&self.source.queue_arn, max, wait).await {
            Ok(messages) if self.shown.is_paused() => {
                self.put_back(messages.iter(), |_| Some(Duration::ZERO));
                Vec::new()
            }
            Ok(messages) => self.filter(self.in_time(messages)),
            Err(error) => {
                self.services.say(format!("{} could not be read: {error}", self.source.queue_arn));
                tokio::time::sleep(PAUSE).await;
                Vec::new()
            }
        }
    }

    /// Messages that match no filter are deleted, as on AWS.
    fn filter(&self, messages: Vec<Message>) -> Vec<Message> {
        let (pass, other): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| self.filters.pass_message(&message.to_record()));
        other.iter().for_each(|message| self.delete(message));
        pass
    }

    /// Messages that are to be late are received later, and have not been now.
    fn in_time(&self, messages: Vec<Message>) -> Vec<Message> {
        if self.fifo {
            return messages;
        }
        let late = |message: &Message| self.services.faults.late(&self.folder, &message.message_id);
        self.put_back(messages.iter(), late)
    }

    /// Gives those back for which there is a time when, and returns the others.
    fn put_back<'a>(
        &self,
        messages: impl Iterator<Item = &'a Message>,
        when: impl Fn(&Message) -> Option<Duration>,
    ) -> Vec<Message> {
        let mut kept = Vec::new();
        for message in messages {
            let Some(after) = when(message) else {
                kept.push(message.clone());
                continue;
            };
            if let Err(error) = self.services.sqs.put_back(&self.source.queue_arn, &message.receipt_handle, after) {
                self.services.say(format!("a message of {} could not be given back: {error}", self.source.queue_arn));
            }
        }
        kept
    }

    /// Invokes the function with one batch and deletes what it has done.
    async fn deliver(&self, batch: &[Message]) {
        // Bodies together may exceed what one invocation takes.
        let mut rest = batch;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |message: &&Message| {
                bytes += message.body.len() + 2_000;
                bytes <= EVENT_BYTES
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            self.deliver_event(now).await;
            rest = later;
        }
    }

    async fn deliver_event(&self, batch: &[Message]) {
        let records: Vec<Value> = batch.iter().map(Message::to_record).collect();
        let event = Bytes::from(json!({"Records": records}).to_string());
        let running = self.shown.begin();
        let answer = self.services.invoke.invoke(&self.function, &request_id(), event).await;
        drop(running);
        match answer {
            Ok(_) if !self.source.report_batch_item_failures => self.finish(batch.iter()),
            Ok(answer) => {
                let in_batch = |id: &str| batch.iter().any(|message| message.message_id == id);
                match outcome(&answer, in_batch) {
                    Outcome::Done => self.finish(batch.iter()),
                    Outcome::Partly(failed) => {
                        self.finish(batch.iter().filter(|message| !failed.contains(&message.message_id)));
                    }
                    Outcome::Failed => {
                        let text = format!("{} answered about its batch what cannot be understood", self.function);
                        self.services.say(text);
                    }
                }
            }
            // The function's own log has it.
            Err(_) => {}
        }
    }

    /// Deletes what the function has done, as far as the queue hears of it.
    fn finish<'a>(&self, messages: impl Iterator<Item = &'a Message> + Clone) {
        let (queue, faults) = (&self.source.queue_arn, &self.services.faults);
        if self.fifo && faults.unheard(&self.folder, messages.clone().map(|message| &*message.message_id)) {
            return;
        }
        for message in messages {
            let again = if self.fifo { None } else { faults.again(&self.folder, &message.message_id) };
            match again {
                None => self.delete(message),
                Some(after) => {
                    let repeated = self.services.sqs.delete_but_repeat(queue, &message.receipt_handle, after);
                    self.say_of(message, repeated);
                }
            }
        }
    }

    fn delete(&self, message: &Message) {
        self.say_of(message, self.services.sqs.delete(&self.source.queue_arn, &message.receipt_handle));
    }

    fn say_of(&self, message: &Message, deleted: local_sqs::Result<()>) {
        if let Err(error) = deleted {
            let (queue, id) = (&self.source.queue_arn, &message.message_id);
            self.services.say(format!("finished message {id} of {queue} could not be deleted: {error}"));
        }
    }
}

/// Most batches at once.
pub fn concurrency(function: &Function, source: &SqsSource) -> u32 {
    let unlimited = function.reserved_concurrency.map_or(CONCURRENCY, |limit| limit.min(CONCURRENCY));
    source.max_concurrency.unwrap_or(unlimited).max(1)
}

#[cfg(test)]
mod tests;
