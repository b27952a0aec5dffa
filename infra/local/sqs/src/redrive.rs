//! Dead letters: messages that were received too often move to another queue, and on request back again.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use crate::clock::Millis;
use crate::error::{ErrorKind, SqsError};
use crate::message;
use crate::store::{Queue, Store};

/// Moves one message to the dead-letter queue, to the end of it. It keeps its id and its receive count; on a
/// standard queue it keeps its age too, while a FIFO queue counts retention from the move.
pub(crate) fn bury(tx: &Connection, sequence: i64, queue: &Queue, target: &Queue, now: Millis) -> Result<(), SqsError> {
    let sent_at = target.fifo().then_some(now);
    tx.prepare_cached(
        "INSERT INTO messages (queue_id, message_id, body, attributes, trace_header, group_id, deduplication_id,
                               sent_at, visible_at, first_received_at, receive_count, dead_letter_source)
         SELECT ?, message_id, body, attributes, trace_header, group_id, deduplication_id,
                COALESCE(?, sent_at), ?, first_received_at, receive_count, ?
         FROM messages WHERE sequence = ?",
    )?
    .execute(params![target.id, sent_at, now, queue.arn, sequence])?;
    tx.prepare_cached("DELETE FROM messages WHERE sequence = ?")?.execute([sequence])?;
    Ok(())
}

/// The names of the queues whose dead letters go to `name`.
pub(crate) fn sources(store: &Store, name: &str) -> Result<Vec<String>, SqsError> {
    let target = store.queue(name)?;
    let leads_here = |queue: &&Arc<Queue>| {
        let redrive = queue.settings.redrive.as_ref();
        redrive.is_some_and(|redrive| redrive.target_arn == target.arn)
    };
    let sources = store.queues.values().filter(leads_here);
    Ok(sources.map(|queue| queue.name.clone()).collect())
}

/// A finished move of dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MoveTask {
    pub handle: String,
    pub source_arn: String,
    pub destination_arn: Option<String>,
    pub per_second: Option<i64>,
    pub moved: i64,
    pub started_at: Millis,
}

/// Moves every visible message of a dead-letter queue to `destination_arn`, or back to where each came from.
/// They count as new: new id, new age, never received. Unlike the service this is done when the call returns,
/// whatever the rate asked for. Returns the task and the queues that got something.
pub(crate) fn start_move(
    store: &mut Store,
    source_arn: &str,
    destination_arn: Option<&str>,
    per_second: Option<i64>,
    now: Millis,
) -> Result<(MoveTask, Vec<Arc<Queue>>), SqsError> {
    let no_such = |arn: &str| {
        ErrorKind::ResourceNotFoundException
            .because(format!("The resource that you specified for the {arn} parameter doesn't exist."))
    };
    let source = store.queue_of_arn(source_arn).ok_or_else(|| no_such("SourceArn"))?;
    if sources(store, &source.name)?.is_empty() {
        return Err(ErrorKind::InvalidParameterValue.because("Source queue must be configured as a Dead Letter Queue."));
    }
    let destination =
        destination_arn.map(|arn| store.queue_of_arn(arn).ok_or_else(|| no_such("DestinationArn"))).transpose()?;
    if destination.as_ref().is_some_and(|queue| queue.fifo() != source.fifo()) {
        return Err(ErrorKind::InvalidParameterValue.because("Source and destination queues must be of the same type."));
    }
    if let Some(rate) = per_second.filter(|rate| !(1..=500).contains(rate)) {
        return Err(SqsError::invalid("MaxNumberOfMessagesPerSecond", rate, "Must be between 1 and 500, if provided."));
    }

    let queues = store.queues.clone();
    let tx = store.begin()?;
    let dead: Vec<(i64, Option<String>)> = tx
        .prepare_cached(
            "SELECT sequence, dead_letter_source FROM messages
             WHERE queue_id = ? AND visible_at <= ? AND sent_at > ? ORDER BY sequence",
        )?
        .query_map(params![source.id, now, now - source.settings.retention], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut changed: Vec<Arc<Queue>> = Vec::new();
    let mut moved = 0;
    for (sequence, came_from) in dead {
        let origin = || queues.values().find(|queue| Some(&queue.arn) == came_from.as_ref());
        let Some(target) = destination.as_ref().or_else(origin) else {
            continue; // sent here directly, or its queue is gone: there is nowhere to put it
        };
        tx.prepare_cached(
            "INSERT INTO messages (queue_id, message_id, body, attributes, trace_header, group_id,
                                   deduplication_id, sent_at, visible_at)
             SELECT ?, ?, body, attributes, trace_header, group_id, deduplication_id, ?, ?
             FROM messages WHERE sequence = ?",
        )?
        .execute(params![target.id, message::message_id(), now, now + target.settings.delay, sequence])?;
        tx.prepare_cached("DELETE FROM messages WHERE sequence = ?")?.execute([sequence])?;
        moved += 1;
        if !changed.iter().any(|queue| queue.id == target.id) {
            changed.push(target.clone());
        }
    }
    let task = MoveTask {
        handle: message::message_id(),
        source_arn: source_arn.to_owned(),
        destination_arn: destination_arn.map(str::to_owned),
        per_second,
        moved,
        started_at: now,
    };
    tx.execute(
        "INSERT INTO move_tasks (handle, source_arn, destination_arn, per_second, moved, started_at)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![task.handle, task.source_arn, task.destination_arn, per_second, moved, now],
    )?;
    tx.commit()?;
    Ok((task, changed))
}

/// The latest moves from a dead-letter queue, newest first.
pub(crate) fn moves(store: &Store, source_arn: &str, max: i64) -> Result<Vec<MoveTask>, SqsError> {
    if store.queue_of_arn(source_arn).is_none() {
        return Err(ErrorKind::ResourceNotFoundException
            .because("The resource that you specified for the SourceArn parameter doesn't exist."));
    }
    let mut select = store.connection().prepare_cached(
        "SELECT handle, source_arn, destination_arn, per_second, moved, started_at
         FROM move_tasks WHERE source_arn = ? ORDER BY id DESC LIMIT ?",
    )?;
    let rows = select.query_map(params![source_arn, max.clamp(1, 10)], |row| {
        Ok(MoveTask {
            handle: row.get(0)?,
            source_arn: row.get(1)?,
            destination_arn: row.get(2)?,
            per_second: row.get(3)?,
            moved: row.get(4)?,
            started_at: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The refusal to cancel a move: it is finished when its call returns, so there is never one to cancel.
pub(crate) fn why_not_cancel(store: &Store, handle: &str) -> Result<SqsError, SqsError> {
    let known: Option<i64> = store
        .connection()
        .query_row("SELECT id FROM move_tasks WHERE handle = ?", [handle], |row| row.get(0))
        .optional()?;
    Ok(match known {
        Some(_) => ErrorKind::InvalidParameterValue.because("Only active message movement tasks can be cancelled."),
        None => ErrorKind::ResourceNotFoundException.because("Task does not exist."),
    })
}
