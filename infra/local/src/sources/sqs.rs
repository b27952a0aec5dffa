//! Queue to function: batches, concurrency, partial failures.
//!
//! Only what the function has done is deleted. The rest becomes visible again after the queue's own timeout, counts as
//! received, and ends in the dead-letter queue by the queue's own rule. On a FIFO queue the queue keeps the order: a
//! group with a message in flight gives out nothing else, so a failed message holds back its group alone.

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
    source: SqsSource,
    filters: Filters,
    concurrency: u32,
}

impl Mapping {
    pub fn new(services: Services, function: &Function, source: &SqsSource) -> Result<Mapping, PatternError> {
        let unlimited = function.reserved_concurrency.map_or(CONCURRENCY, |limit| limit.min(CONCURRENCY));
        Ok(Mapping {
            services,
            function: function.name.clone(),
            filters: Filters::parse(&source.filters)?,
            concurrency: source.max_concurrency.unwrap_or(unlimited).max(1),
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
                (permit, self.gather().await)
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

    /// Waits for messages and gathers a batch: what is there, or as much as comes within the window.
    async fn gather(&self) -> Vec<Message> {
        let size = self.source.batch_size.max(1) as usize;
        let mut batch = self.receive(size, WAIT).await;
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
            Ok(messages) => self.filter(messages),
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
        self.delete(other.iter());
        pass
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
        match self.services.invoke.invoke(&self.function, &request_id(), event).await {
            Ok(_) if !self.source.report_batch_item_failures => self.delete(batch.iter()),
            Ok(answer) => {
                let in_batch = |id: &str| batch.iter().any(|message| message.message_id == id);
                match outcome(&answer, in_batch) {
                    Outcome::Done => self.delete(batch.iter()),
                    Outcome::Partly(failed) => {
                        self.delete(batch.iter().filter(|message| !failed.contains(&message.message_id)));
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

    fn delete<'a>(&self, messages: impl Iterator<Item = &'a Message>) {
        for message in messages {
            if let Err(error) = self.services.sqs.delete(&self.source.queue_arn, &message.receipt_handle) {
                let (queue, id) = (&self.source.queue_arn, &message.message_id);
                self.services.say(format!("finished message {id} of {queue} could not be deleted: {error}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use local_sqs::{SendOptions, Sqs};

    use super::*;
    use crate::sources::testing::{Scripted, failed, function, queues, services, until};

    const ORDERS: &str = "arn:aws:sqs:eu-west-1:000000000000:orders";

    fn source(queue_arn: &str) -> SqsSource {
        SqsSource {
            name: "Orders".into(),
            queue_arn: queue_arn.into(),
            batch_size: 10,
            window_s: 0,
            max_concurrency: None,
            report_batch_item_failures: true,
            filters: Vec::new(),
            enabled: true,
        }
    }

    /// Runs a mapping until `done`, then stops it.
    async fn run(invoke: Arc<Scripted>, sqs: &Sqs, source: SqsSource, done: impl FnMut() -> bool) {
        let mapping = Mapping::new(services(invoke, sqs), &function(), &source).unwrap();
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(Arc::new(mapping).run(stopped));
        until("the messages are dealt with", done).await;
        stop.send(true).unwrap();
        running.await.unwrap();
    }

    fn send(sqs: &Sqs, queue: &str, body: &str, group: Option<&str>) {
        let options = SendOptions {
            group_id: group.map(str::to_owned),
            deduplication_id: group.map(|group| format!("{group}-{}", body.replace(' ', "-"))),
            ..SendOptions::default()
        };
        sqs.send(queue, body, &options).unwrap();
    }

    fn left(sqs: &Sqs, queue: &str) -> (i64, i64) {
        let queue = sqs.queues().unwrap().into_iter().find(|stats| stats.name == queue).unwrap();
        (queue.available, queue.in_flight)
    }

    /// Fails the records whose body begins with `bad`, by name.
    fn reports() -> Arc<Scripted> {
        Scripted::new(|event| {
            let records = event["Records"].as_array().unwrap().iter();
            let bad = records.filter(|record| record["body"].as_str().unwrap().starts_with("bad"));
            let failures: Vec<Value> = bad.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
            Ok(json!({"batchItemFailures": failures}).to_string())
        })
    }

    #[tokio::test]
    async fn only_what_the_function_has_done_is_deleted() {
        let (_folder, sqs) = queues(&["orders"]);
        for body in ["a", "bad b", "c"] {
            send(&sqs, "orders", body, None);
        }
        let function = reports();
        run(function.clone(), &sqs, source(ORDERS), || left(&sqs, "orders") == (0, 1)).await;
        let record = &function.events()[0]["Records"][0];
        assert_eq!(record["eventSource"], "aws:sqs");
        assert_eq!(record["eventSourceARN"], ORDERS);
        assert_eq!(record["awsRegion"], "eu-west-1");
        assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    }

    #[tokio::test]
    async fn an_error_or_an_answer_that_makes_no_sense_deletes_nothing() {
        for answer in [Err(failed("no")), Ok(r#"{"batchItemFailures": [{"itemIdentifier": "x"}]}"#.to_owned())] {
            let (_folder, sqs) = queues(&["orders"]);
            send(&sqs, "orders", "a", None);
            let function = Scripted::new(move |_| answer.clone());
            let calls = function.clone();
            run(function, &sqs, source(ORDERS), || !calls.events().is_empty()).await;
            assert_eq!(left(&sqs, "orders"), (0, 1), "the message waits for its visibility");
        }
    }

    #[tokio::test]
    async fn without_item_failures_any_answer_is_a_success() {
        let (_folder, sqs) = queues(&["orders"]);
        send(&sqs, "orders", "a", None);
        let mut plain = source(ORDERS);
        plain.report_batch_item_failures = false;
        let function = Scripted::new(|_| Ok("\"whatever\"".into()));
        run(function, &sqs, plain, || left(&sqs, "orders") == (0, 0)).await;
    }

    #[tokio::test]
    async fn a_failed_message_blocks_its_group_and_no_other() {
        let (_folder, sqs) = queues(&["orders.fifo"]);
        for (body, group) in [("bad 1", "BTC"), ("1", "ETH"), ("2", "BTC"), ("2", "ETH"), ("3", "ETH")] {
            send(&sqs, "orders.fifo", body, Some(group));
        }
        let function = reports();
        let mut one_by_one = source("arn:aws:sqs:eu-west-1:000000000000:orders.fifo");
        one_by_one.batch_size = 1;
        run(function.clone(), &sqs, one_by_one, || left(&sqs, "orders.fifo").1 == 1 && function.events().len() >= 4)
            .await;
        let mut by_group: std::collections::BTreeMap<String, Vec<String>> = Default::default();
        for event in function.events() {
            let record = &event["Records"][0];
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            by_group.entry(text(&record["attributes"]["MessageGroupId"])).or_default().push(text(&record["body"]));
        }
        assert_eq!(by_group["BTC"], ["bad 1"]);
        assert_eq!(by_group["ETH"], ["1", "2", "3"]);
    }

    #[tokio::test]
    async fn a_window_gathers_messages_and_ends_early_when_the_batch_is_full() {
        let (_folder, sqs) = queues(&["orders"]);
        let mut windowed = source(ORDERS);
        windowed.window_s = 20; // longer than the test waits
        windowed.batch_size = 3;
        let function = reports();
        let sender = sqs.clone();
        tokio::spawn(async move {
            for body in ["a", "b", "c"] {
                send(&sender, "orders", body, None);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        run(function.clone(), &sqs, windowed, || function.events().len() == 1).await;
        assert_eq!(function.seen("/body"), [["a", "b", "c"]]);
    }

    #[tokio::test]
    async fn what_matches_no_filter_is_deleted_unseen() {
        let (_folder, sqs) = queues(&["orders"]);
        send(&sqs, "orders", r#"{"kind": "noise"}"#, None);
        send(&sqs, "orders", r#"{"kind": "order"}"#, None);
        let mut filtered = source(ORDERS);
        filtered.filters = vec![json!({"body": {"kind": ["order"]}})];
        let function = reports();
        run(function.clone(), &sqs, filtered, || left(&sqs, "orders") == (0, 0)).await;
        assert_eq!(function.seen("/body"), [[r#"{"kind": "order"}"#]]);
    }
}
