//! The calls about queues.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{queue_of_url, required};
use crate::error::SqsError;
use crate::settings::Attributes;
use crate::{Sqs, queues, redrive};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateQueue {
    queue_name: Option<String>,
    attributes: Option<Attributes>,
    // The one member of the API with a small initial.
    #[serde(rename = "tags")]
    tags: Option<BTreeMap<String, String>>,
}

pub(super) fn create(sqs: &Sqs, request: CreateQueue) -> Result<Value, SqsError> {
    let name = required("QueueName", request.queue_name)?;
    let attributes = request.attributes.unwrap_or_default();
    let tags = request.tags.unwrap_or_default();
    queues::create(&mut sqs.store(), &name, &attributes, tags, sqs.now())?;
    Ok(json!({ "QueueUrl": sqs.url(&name) }))
}

/// A request that names a queue and nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfQueue {
    queue_url: Option<String>,
}

pub(super) fn delete(sqs: &Sqs, request: &OfQueue) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    let queue = queues::delete(&mut sqs.store(), name, sqs.now())?;
    // Whoever waits on it finds out now.
    queue.changed.notify_waiters();
    Ok(json!({}))
}

pub(super) fn purge(sqs: &Sqs, request: &OfQueue) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    queues::purge(&mut sqs.store(), name, sqs.now())?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueUrl {
    queue_name: Option<String>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

pub(super) fn url(sqs: &Sqs, request: &GetQueueUrl) -> Result<Value, SqsError> {
    let name = required("QueueName", request.queue_name.as_ref())?;
    if request.owner.as_ref().is_some_and(|owner| owner != sqs.account()) {
        return Err(SqsError::no_queue());
    }
    sqs.store().queue(name)?;
    Ok(json!({ "QueueUrl": sqs.url(name) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListQueues {
    queue_name_prefix: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

pub(super) fn list(sqs: &Sqs, request: &ListQueues) -> Result<Value, SqsError> {
    let prefix = request.queue_name_prefix.as_deref().unwrap_or_default();
    let names = sqs.store().queues.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
    page(sqs, "QueueUrls", names, request.next_token.as_ref(), request.max_results)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListDeadLetterSourceQueues {
    queue_url: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

pub(super) fn dead_letter_sources(sqs: &Sqs, request: &ListDeadLetterSourceQueues) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    let names = redrive::sources(&sqs.store(), name)?;
    page(sqs, "queueUrls", names, request.next_token.as_ref(), request.max_results)
}

/// A page of queue URLs in the order of their names. The token is the last name given. As on AWS, there is a
/// next token only for those who asked for pages.
fn page(
    sqs: &Sqs,
    member: &str,
    names: Vec<String>,
    token: Option<&String>,
    max: Option<i64>,
) -> Result<Value, SqsError> {
    if let Some(max) = max.filter(|max| !(1..=1_000).contains(max)) {
        return Err(SqsError::invalid("MaxResults", max, "Must be between 1 and 1000, if provided."));
    }
    let limit = usize::try_from(max.unwrap_or(1_000)).unwrap_or(1_000);
    let rest: Vec<_> = names.into_iter().filter(|name| token.is_none_or(|last| name > last)).collect();
    let urls: Vec<_> = rest.iter().take(limit).map(|name| sqs.url(name)).collect();
    let mut answer = json!({});
    if !urls.is_empty() {
        answer[member] = json!(urls);
    }
    if let Some(last) = rest.get(limit - 1).filter(|_| max.is_some() && rest.len() > limit) {
        answer["NextToken"] = json!(last);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueAttributes {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
}

pub(super) fn attributes(sqs: &Sqs, request: &GetQueueAttributes) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    let wanted = request.attribute_names.as_deref().unwrap_or_default();
    let attributes = queues::attributes(&sqs.store(), name, wanted, sqs.now())?;
    Ok(if attributes.is_empty() { json!({}) } else { json!({ "Attributes": attributes }) })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetQueueAttributes {
    queue_url: Option<String>,
    attributes: Option<Attributes>,
}

pub(super) fn set_attributes(sqs: &Sqs, request: SetQueueAttributes) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    let attributes = required("Attributes", request.attributes)?;
    queues::set_attributes(&mut sqs.store(), name, &attributes, sqs.now())?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagQueue {
    queue_url: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

pub(super) fn tag(sqs: &Sqs, request: TagQueue) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    let added = required("Tags", request.tags)?;
    queues::change_tags(&mut sqs.store(), name, |tags| tags.extend(added))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagQueue {
    queue_url: Option<String>,
    tag_keys: Option<Vec<String>>,
}

pub(super) fn untag(sqs: &Sqs, request: UntagQueue) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    let removed = required("TagKeys", request.tag_keys)?;
    queues::change_tags(&mut sqs.store(), name, |tags| tags.retain(|key, _| !removed.contains(key)))?;
    Ok(json!({}))
}

pub(super) fn tags(sqs: &Sqs, request: &OfQueue) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    let queue = sqs.store().queue(name)?;
    Ok(if queue.tags.is_empty() { json!({}) } else { json!({ "Tags": queue.tags }) })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartMessageMoveTask {
    source_arn: Option<String>,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<i64>,
}

pub(super) fn start_move(sqs: &Sqs, request: &StartMessageMoveTask) -> Result<Value, SqsError> {
    let source = required("SourceArn", request.source_arn.as_ref())?;
    let (task, changed) = redrive::start_move(
        &mut sqs.store(),
        source,
        request.destination_arn.as_deref(),
        request.max_number_of_messages_per_second,
        sqs.now(),
    )?;
    for queue in changed {
        queue.changed.notify_waiters();
    }
    Ok(json!({ "TaskHandle": task.handle }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListMessageMoveTasks {
    source_arn: Option<String>,
    max_results: Option<i64>,
}

pub(super) fn list_moves(sqs: &Sqs, request: &ListMessageMoveTasks) -> Result<Value, SqsError> {
    let source = required("SourceArn", request.source_arn.as_ref())?;
    let tasks = redrive::moves(&sqs.store(), source, request.max_results.unwrap_or(1))?;
    let results: Vec<Value> = tasks
        .into_iter()
        .map(|task| {
            let mut result = json!({
                "Status": "COMPLETED",
                "SourceArn": task.source_arn,
                "ApproximateNumberOfMessagesMoved": task.moved,
                "ApproximateNumberOfMessagesToMove": task.moved,
                "StartedTimestamp": task.started_at,
            });
            if let Some(arn) = task.destination_arn {
                result["DestinationArn"] = json!(arn);
            }
            if let Some(rate) = task.per_second {
                result["MaxNumberOfMessagesPerSecond"] = json!(rate);
            }
            result
        })
        .collect();
    Ok(json!({ "Results": results }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CancelMessageMoveTask {
    task_handle: Option<String>,
}

pub(super) fn cancel_move(sqs: &Sqs, request: &CancelMessageMoveTask) -> Result<Value, SqsError> {
    let handle = required("TaskHandle", request.task_handle.as_ref())?;
    Err(redrive::why_not_cancel(&sqs.store(), handle)?)
}
