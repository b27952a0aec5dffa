//! The batch calls. Each entry succeeds or fails by itself; what is wrong with the batch as a whole refuses it
//! before any entry is looked at. All entries are one transaction: an answer tells what is on file.

use std::collections::HashSet;

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use super::messages::{Outgoing, answer};
use super::{queue_of_url, required};
use crate::error::{ErrorKind, SqsError};
use crate::settings::MESSAGE_BYTES_LIMIT;
use crate::store::Queue;
use crate::{Sqs, receipt, send as sending};

const ENTRIES_LIMIT: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch<E> {
    queue_url: Option<String>,
    entries: Option<Vec<Entry<E>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<E> {
    id: Option<String>,
    #[serde(flatten)]
    content: E,
}

pub(super) fn send(sqs: &Sqs, batch: Batch<Outgoing>, trace: Option<&str>) -> Result<Value, SqsError> {
    let now = sqs.now();
    let size: usize = batch.entries.iter().flatten().map(|entry| entry.content.size()).sum();
    let fits = || {
        if size <= MESSAGE_BYTES_LIMIT {
            return Ok(());
        }
        Err(ErrorKind::BatchRequestTooLong.because(format!(
            "Batch requests cannot be longer than {MESSAGE_BYTES_LIMIT} bytes. You have sent {size} bytes."
        )))
    };
    each(sqs, "SendMessageBatchRequestEntry", batch, fits, |tx, queue, outgoing| {
        let stated = outgoing.states_system_attributes();
        let (body, options) = outgoing.parse(trace)?;
        let sent = sending::send(tx, queue, &body, &options, now)?;
        Ok(answer(&sent, stated))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Deletion {
    receipt_handle: Option<String>,
}

pub(super) fn delete(sqs: &Sqs, batch: Batch<Deletion>) -> Result<Value, SqsError> {
    let now = sqs.now();
    each(
        sqs,
        "DeleteMessageBatchRequestEntry",
        batch,
        || Ok(()),
        |tx, queue, deletion| {
            let handle = required("ReceiptHandle", deletion.receipt_handle)?;
            receipt::delete(tx, queue, &handle, now)?;
            Ok(json!({}))
        },
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Change {
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

pub(super) fn change_visibility(sqs: &Sqs, batch: Batch<Change>) -> Result<Value, SqsError> {
    let now = sqs.now();
    each(
        sqs,
        "ChangeMessageVisibilityBatchRequestEntry",
        batch,
        || Ok(()),
        |tx, queue, change| {
            let handle = required("ReceiptHandle", change.receipt_handle)?;
            let seconds = change.visibility_timeout.unwrap_or(queue.settings.visibility / 1_000);
            receipt::change_visibility(tx, queue, &handle, seconds, now)?;
            Ok(json!({}))
        },
    )
}

fn each<E>(
    sqs: &Sqs,
    entry_name: &str,
    batch: Batch<E>,
    check: impl FnOnce() -> Result<(), SqsError>,
    call: impl Fn(&Connection, &Queue, E) -> Result<Value, SqsError>,
) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, batch.queue_url.as_ref())?;
    let entries = check_entries(entry_name, batch.entries)?;
    check()?;
    sqs.commit(name, |tx, queue| {
        let mut successful = Vec::new();
        let mut failed = Vec::new();
        for (id, content) in entries {
            match call(tx, queue, content) {
                Ok(mut result) => {
                    result["Id"] = json!(id);
                    successful.push(result);
                }
                Err(error) if !error.kind.is_sender_fault() => return Err(error),
                Err(error) => failed.push(json!({
                    "Id": id,
                    "SenderFault": true,
                    "Code": error.kind.query_code(),
                    "Message": error.message,
                })),
            }
        }
        let mut answer = json!({ "Successful": successful });
        if !failed.is_empty() {
            answer["Failed"] = json!(failed);
        }
        Ok(answer)
    })
}

fn check_entries<E>(entry_name: &str, entries: Option<Vec<Entry<E>>>) -> Result<Vec<(String, E)>, SqsError> {
    let entries = entries.unwrap_or_default();
    if entries.is_empty() {
        return Err(
            ErrorKind::EmptyBatchRequest.because(format!("There should be at least one {entry_name} in the request."))
        );
    }
    if entries.len() > ENTRIES_LIMIT {
        return Err(ErrorKind::TooManyEntriesInBatchRequest.because(format!(
            "Maximum number of entries per request are {ENTRIES_LIMIT}. You have sent {}.",
            entries.len()
        )));
    }
    let mut seen = HashSet::new();
    let mut checked = Vec::with_capacity(entries.len());
    for entry in entries {
        let id = required("Id", entry.id)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.is_empty() || id.len() > 80 || !id.chars().all(plain) {
            return Err(ErrorKind::InvalidBatchEntryId.because(
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
            ));
        }
        if !seen.insert(id.clone()) {
            return Err(ErrorKind::BatchEntryIdsNotDistinct.because(format!("Id {id} repeated.")));
        }
        checked.push((id, entry.content));
    }
    Ok(checked)
}
