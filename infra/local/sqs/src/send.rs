//! Accepting messages. Whatever is wrong with a message is found here, before anything is stored.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::clock::Millis;
use crate::error::{ErrorKind, SqsError};
use crate::message::{self, SendOptions, Sent};
use crate::settings::DELAY_SECONDS_LIMIT;
use crate::store::Queue;

/// How long a FIFO queue recognises a repeated send, whether or not the message is still there.
pub const DEDUPLICATION_WINDOW: Millis = 5 * 60 * 1_000;

/// Stores one message, or recognises it as sent before.
pub(crate) fn send(
    tx: &Connection,
    queue: &Queue,
    body: &str,
    options: &SendOptions,
    now: Millis,
) -> Result<Sent, SqsError> {
    message::check_body(body)?;
    message::check_attributes(&options.attributes)?;
    if message::size(body, &options.attributes) > queue.settings.message_bytes {
        return Err(ErrorKind::InvalidParameterValue.because(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
            queue.settings.message_bytes
        )));
    }
    let delay = delay(queue, options)?;
    check_group(queue, options)?;
    let deduplication_id = deduplication_id(queue, body, options)?;
    let key = deduplication_id.as_ref().map(|id| match &options.group_id {
        Some(group) if queue.settings.deduplication_per_group => format!("{group}\n{id}"),
        _ => id.clone(),
    });

    let repeated = key.as_ref().map(|key| recognise(tx, queue, key, now)).transpose()?.flatten();
    let (message_id, sequence) = match repeated {
        Some(first) => first,
        None => {
            let message_id = message::message_id();
            tx.prepare_cached(
                "INSERT INTO messages (queue_id, message_id, body, attributes, trace_header, group_id,
                                       deduplication_id, sent_at, visible_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                queue.id,
                message_id,
                body,
                serde_json::to_string(&options.attributes)?,
                options.trace_header,
                options.group_id,
                deduplication_id,
                now,
                now + delay,
            ])?;
            let sequence = tx.last_insert_rowid();
            if let Some(key) = &key {
                remember(tx, queue, key, &message_id, sequence, now)?;
            }
            (message_id, sequence)
        }
    };
    Ok(Sent {
        message_id,
        md5_of_body: message::md5_of_body(body),
        md5_of_attributes: message::md5_of_attributes(&options.attributes),
        md5_of_system_attributes: message::md5_of_attributes(&message::system_attributes(
            options.trace_header.as_deref(),
        )),
        sequence_number: queue.fifo().then(|| sequence_number(sequence)),
    })
}

/// The service's sequence numbers have 20 digits and gaps; only their order means something.
pub(crate) fn sequence_number(sequence: i64) -> String {
    (18_850_000_000_000_000_000_i128 + i128::from(sequence) * 256).to_string()
}

fn delay(queue: &Queue, options: &SendOptions) -> Result<Millis, SqsError> {
    match options.delay_seconds {
        None => Ok(queue.settings.delay),
        Some(0) if queue.fifo() => Ok(queue.settings.delay),
        Some(delay) if queue.fifo() => Err(SqsError::wrong_queue_type("DelaySeconds", delay)),
        Some(delay) if (0..=DELAY_SECONDS_LIMIT).contains(&delay) => Ok(delay * 1_000),
        Some(delay) => Err(SqsError::invalid("DelaySeconds", delay, "DelaySeconds must be >= 0 and <= 900.")),
    }
}

fn check_group(queue: &Queue, options: &SendOptions) -> Result<(), SqsError> {
    match &options.group_id {
        None if queue.fifo() => Err(SqsError::missing("MessageGroupId")),
        // Standard queues take a group too: there it only spreads consumers fairly and orders nothing.
        Some(group) => check_id("MessageGroupId", group),
        None => Ok(()),
    }
}

fn deduplication_id(queue: &Queue, body: &str, options: &SendOptions) -> Result<Option<String>, SqsError> {
    match &options.deduplication_id {
        Some(id) if !queue.fifo() => Err(SqsError::wrong_queue_type("MessageDeduplicationId", id)),
        Some(id) => {
            check_id("MessageDeduplicationId", id)?;
            Ok(Some(id.clone()))
        }
        None if !queue.fifo() => Ok(None),
        None if queue.settings.content_based_deduplication => {
            Ok(Some(message::hex(&Sha256::digest(body.as_bytes()))))
        }
        None => Err(ErrorKind::InvalidParameterValue.because(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        )),
    }
}

fn check_id(parameter: &str, id: &str) -> Result<(), SqsError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_punctuation();
    if id.is_empty() || id.len() > 128 || !id.chars().all(plain) {
        return Err(SqsError::invalid(
            parameter,
            id,
            &format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."),
        ));
    }
    Ok(())
}

fn recognise(tx: &Connection, queue: &Queue, key: &str, now: Millis) -> Result<Option<(String, i64)>, SqsError> {
    let first = tx
        .prepare_cached(
            "SELECT message_id, sequence FROM deduplication
             WHERE queue_id = ? AND key = ? AND expires_at > ?",
        )?
        .query_row(params![queue.id, key, now], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(first)
}

fn remember(
    tx: &Connection,
    queue: &Queue,
    key: &str,
    message_id: &str,
    sequence: i64,
    now: Millis,
) -> Result<(), SqsError> {
    tx.prepare_cached("DELETE FROM deduplication WHERE expires_at <= ?")?.execute([now])?;
    tx.prepare_cached(
        "INSERT INTO deduplication (queue_id, key, message_id, sequence, expires_at) VALUES (?, ?, ?, ?, ?)",
    )?
    .execute(params![queue.id, key, message_id, sequence, now + DEDUPLICATION_WINDOW])?;
    Ok(())
}
