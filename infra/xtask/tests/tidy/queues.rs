//! Queues, streams and schedules: nothing is lost, nothing is delivered twice for want of time, nothing is overheard.

use std::collections::BTreeSet;

use local_template::{Event, Function, Queue, Stack};
use serde_json::Value;

use crate::repository::{Repository, texts};

/// So many receives, then a message goes to the dead letters.
const RECEIVES: u64 = 5;
/// Seconds a function needs around a call of the supplier.
const ROOM_TO_ANSWER: u64 = 10;
/// The largest batch of a FIFO queue.
const FIFO_BATCH: u32 = 10;
/// So many may read a shard of a stream at once; a third one throttles all of them.
const READERS: usize = 2;
/// Dead letters wait as long as SQS keeps anything.
const FOURTEEN_DAYS: &str = "1209600";

/// ARNs of the queues that catch what failed.
pub fn dead_letter_queues(stack: &Stack) -> BTreeSet<String> {
    let redriven = stack.queues().iter().filter_map(redrive).map(|(arn, _)| arn);
    redriven.chain(stack.functions().iter().flat_map(failures_of)).collect()
}

/// ARNs of the queues that a function's own failures go to: of its runs and of its sources.
pub fn failures_of(function: &Function) -> BTreeSet<String> {
    let of_source = |event: &Event| match event {
        Event::Stream(source) => source.on_failure.clone(),
        Event::Schedule(source) => source.dead_letter.clone(),
        Event::Api(_) | Event::Sqs(_) => None,
    };
    function.events.iter().filter_map(of_source).chain(function.on_failure.clone()).collect()
}

fn redrive(queue: &Queue) -> Option<(String, u64)> {
    let policy: Value = serde_json::from_str(queue.attributes.get("RedrivePolicy")?).ok()?;
    Some((policy["deadLetterTargetArn"].as_str()?.to_owned(), policy["maxReceiveCount"].as_u64()?))
}

fn number(queue: &Queue, attribute: &str, default: u64) -> u64 {
    queue.attributes.get(attribute).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn is_fifo(queue: &Queue) -> bool {
    queue.name.ends_with(".fifo")
}

pub fn queues_lose_nothing(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    let stack = &repository.full;
    let dead = dead_letter_queues(stack);
    for queue in stack.queues() {
        let id = &queue.logical_id;
        if dead.contains(&queue.arn) {
            if queue.attributes.get("MessageRetentionPeriod").map(String::as_str) != Some(FOURTEEN_DAYS) {
                broken.push(format!("{id} keeps dead letters for less than fourteen days"));
            }
            if redrive(queue).is_some() {
                broken.push(format!("{id} is a dead-letter queue with dead letters of its own"));
            }
            continue;
        }
        match redrive(queue) {
            None => broken.push(format!("{id} neither has a dead-letter queue nor is one")),
            Some((arn, receives)) => {
                if receives != RECEIVES {
                    broken.push(format!("{id} gives up after {receives} receives and not {RECEIVES}"));
                }
                match stack.queues().iter().find(|other| other.arn == arn) {
                    None => broken.push(format!("{id}: its dead-letter queue {arn} is not of this stack")),
                    Some(other) if is_fifo(other) != is_fifo(queue) => {
                        broken.push(format!("{id} and {} are not of one kind", other.logical_id));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    for function in stack.functions() {
        for event in &function.events {
            let Event::Sqs(source) = event else { continue };
            let Some(queue) = stack.queues().iter().find(|queue| queue.arn == source.queue_arn) else {
                broken.push(format!("{} reads a queue that is not of this stack", function.logical_id));
                continue;
            };
            let least = 6 * function.timeout_s + source.window_s;
            let visibility = number(queue, "VisibilityTimeout", 30);
            if visibility < least {
                let (id, consumer) = (&queue.logical_id, &function.logical_id);
                broken.push(format!("{id}: visibility {visibility} s, {consumer} needs 6 × its timeout: {least} s"));
            }
            let calls = function.environment.contains_key("SUPPLIER_URL");
            let deadline =
                function.environment.get("SUPPLIER_DEADLINE_SECONDS").and_then(|text| text.parse::<u64>().ok());
            if calls && deadline.is_some_and(|deadline| deadline + ROOM_TO_ANSWER > function.timeout_s) {
                broken.push(format!(
                    "{}: it is killed before it can say that the supplier did not answer",
                    function.logical_id
                ));
            }
            if is_fifo(queue) && source.window_s > 0 {
                broken.push(format!("{}: AWS refuses a batching window on FIFO", queue.logical_id));
            }
            if is_fifo(queue) && source.batch_size > FIFO_BATCH {
                broken.push(format!("{}: AWS refuses a batch of more than {FIFO_BATCH} on FIFO", queue.logical_id));
            }
        }
    }
    broken
}

pub fn queues_are_private(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    let stack = &repository.full;
    for queue in stack.queues() {
        let id = &queue.logical_id;
        let properties = &stack.resources[id].properties;
        if properties["SqsManagedSseEnabled"] != true && properties.get("KmsMasterKeyId").is_none() {
            broken.push(format!("{id} is not encrypted at rest"));
        }
        let tls_only =
            stack.resources.values().filter(|resource| resource.kind == "AWS::SQS::QueuePolicy").any(|policy| {
                let statements =
                    policy.properties["PolicyDocument"]["Statement"].as_array().cloned().unwrap_or_default();
                texts(&policy.properties["Queues"]) == [queue.url.clone()]
                    && statements.iter().any(|statement| {
                        statement["Effect"] == "Deny"
                            && statement["Principal"] == "*"
                            && statement["Action"] == "sqs:*"
                            && statement["Resource"] == queue.arn.as_str()
                            && statement["Condition"]["Bool"]["aws:SecureTransport"] == "false"
                    })
            });
        if !tls_only {
            broken.push(format!(
                "{id}: no queue policy of its own denies requests without TLS (SQS takes one resource a statement)"
            ));
        }
    }
    broken
}

pub fn sources_report_failures(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    for function in repository.full.functions() {
        for event in &function.events {
            let id = &function.logical_id;
            match event {
                Event::Sqs(source) if !source.report_batch_item_failures => {
                    broken.push(format!("{id}.{}: one bad message would return its whole batch", source.name));
                }
                Event::Stream(source) => {
                    if !source.report_batch_item_failures {
                        broken.push(format!("{id}.{}: one bad record would repeat its whole batch", source.name));
                    }
                    if source.max_retry_attempts.is_none() || source.on_failure.is_none() || !source.bisect_on_error {
                        broken.push(format!("{id}.{}: a bad record would block its shard for a day", source.name));
                    }
                    if source.on_failure.as_ref().is_some_and(|arn| arn.ends_with(".fifo")) {
                        broken.push(format!("{id}.{}: a FIFO queue is not allowed as destination", source.name));
                    }
                    if source.filters.is_empty() {
                        broken
                            .push(format!("{id}.{}: without a filter every write of its table calls it", source.name));
                    }
                }
                _ => {}
            }
        }
    }
    for table in repository.full.tables() {
        let reads = |event: &&Event| matches!(event, Event::Stream(source) if Some(&source.stream_arn) == table.stream_arn.as_ref());
        let functions = repository.full.functions().iter();
        let readers = functions.flat_map(|function| &function.events).filter(reads).count();
        if readers > READERS {
            broken.push(format!("{}: {readers} read its stream, more than {READERS}", table.logical_id));
        }
    }
    broken
}

pub fn schedules_are_named_and_caught(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    let stack = &repository.full;
    for function in stack.functions() {
        for event in &function.events {
            let Event::Schedule(schedule) = event else { continue };
            let id = format!("{}.{}", function.logical_id, schedule.name);
            if !schedule.name.starts_with(&format!("{}-{}", stack.name, function.folder)) {
                broken.push(format!("{id}: without the stack in its Name it collides with another stack's"));
            }
            if schedule.dead_letter.is_none() || schedule.dead_letter != function.on_failure {
                broken.push(format!("{id}: failed deliveries and failed runs do not go to one dead-letter queue"));
            }
            if function.max_retry_attempts.is_none() {
                broken.push(format!("{id}: MaximumRetryAttempts of the runs is not said"));
            }
            let fifo = schedule.dead_letter.as_ref().is_some_and(|arn| arn.ends_with(".fifo"));
            if fifo {
                broken.push(format!("{id}: a FIFO queue is not allowed as destination"));
            }
            if !schedule.input.as_ref().is_some_and(|input| input.contains("<aws.scheduler.scheduled-time>")) {
                broken.push(format!("{id}: the event does not tell the function its time"));
            }
        }
    }
    broken
}
