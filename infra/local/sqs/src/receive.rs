//! Handing out messages. A standard queue gives what became visible first. A FIFO queue gives the order of
//! arrival, and nothing of a group while one of the group's messages is in flight or delayed ahead of it.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, Row, params};

use crate::clock::Millis;
use crate::error::{ErrorKind, SqsError};
use crate::message::{Message, MessageAttributes};
use crate::receipt::Receipt;
use crate::redrive;
use crate::send::sequence_number;
use crate::store::Queue;

/// How many messages of a queue can be in flight at once.
pub(crate) const IN_FLIGHT_LIMIT: usize = 120_000;

/// What one look into a queue brought.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub messages: Vec<Message>,
    /// Whether the dead-letter queue got something.
    pub dead_letters: bool,
    /// When the next message can become visible by itself.
    pub next_visible: Option<Millis>,
}

struct Candidate {
    sequence: i64,
    receive_count: i64,
}

/// Takes up to `max` messages and makes them invisible for `visibility` milliseconds.
pub(crate) fn receive(
    tx: &Connection,
    queue: &Queue,
    dead_letter_queue: Option<&Queue>,
    max: usize,
    visibility: Millis,
    now: Millis,
) -> Result<Received, SqsError> {
    expire(tx, queue, now)?;
    let mut received = Received::default();
    let in_flight = in_flight(tx, queue, now)?;
    if in_flight >= IN_FLIGHT_LIMIT {
        // A FIFO queue answers as if it were empty.
        return if queue.fifo() {
            Ok(received)
        } else {
            Err(ErrorKind::OverLimit.because(format!("Too many messages in flight: the limit is {IN_FLIGHT_LIMIT}.")))
        };
    }
    let candidates = loop {
        let candidates = candidates(tx, queue, max.min(IN_FLIGHT_LIMIT - in_flight), now)?;
        let Some((target, redrive)) = dead_letter_queue.zip(queue.settings.redrive.as_ref()) else {
            break candidates;
        };
        let (exhausted, fresh): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| candidate.receive_count >= redrive.max_receive_count);
        if exhausted.is_empty() {
            break fresh;
        }
        for candidate in exhausted {
            redrive::bury(tx, candidate.sequence, queue, target, now)?;
            received.dead_letters = true;
        }
    };
    for candidate in candidates {
        received.messages.push(take(tx, queue, &candidate, visibility, now)?);
    }
    received.next_visible = tx
        .prepare_cached("SELECT MIN(visible_at) FROM messages WHERE queue_id = ? AND visible_at > ?")?
        .query_row(params![queue.id, now], |row| row.get(0))?;
    Ok(received)
}

/// Drops what is past its retention.
pub(crate) fn expire(tx: &Connection, queue: &Queue, now: Millis) -> Result<(), SqsError> {
    tx.prepare_cached("DELETE FROM messages WHERE queue_id = ? AND sent_at <= ?")?
        .execute(params![queue.id, now - queue.settings.retention])?;
    Ok(())
}

fn in_flight(tx: &Connection, queue: &Queue, now: Millis) -> Result<usize, SqsError> {
    let count: i64 = tx
        .prepare_cached(
            "SELECT COUNT(*) FROM messages WHERE queue_id = ? AND visible_at > ? AND received_at IS NOT NULL",
        )?
        .query_row(params![queue.id, now], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

fn candidates(tx: &Connection, queue: &Queue, max: usize, now: Millis) -> Result<Vec<Candidate>, SqsError> {
    if queue.fifo() {
        candidates_in_order(tx, queue, max, now)
    } else {
        let limit = i64::try_from(max).unwrap_or(i64::MAX);
        let mut select = tx.prepare_cached(
            "SELECT sequence, receive_count FROM messages WHERE queue_id = ? AND visible_at <= ?
             ORDER BY visible_at, sequence LIMIT ?",
        )?;
        let rows = select.query_map(params![queue.id, now, limit], |row| {
            Ok(Candidate { sequence: row.get(0)?, receive_count: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn candidates_in_order(tx: &Connection, queue: &Queue, max: usize, now: Millis) -> Result<Vec<Candidate>, SqsError> {
    let mut locked: HashSet<String> = tx
        .prepare_cached(
            "SELECT DISTINCT group_id FROM messages
             WHERE queue_id = ? AND visible_at > ? AND received_at IS NOT NULL",
        )?
        .query_map(params![queue.id, now], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut select =
        tx.prepare_cached("SELECT sequence, group_id, visible_at FROM messages WHERE queue_id = ? ORDER BY sequence")?;
    let mut rows = select.query([queue.id])?;
    let mut candidates = Vec::new();
    while candidates.len() < max
        && let Some(row) = rows.next()?
    {
        let group = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        if locked.contains(group) {
            continue;
        }
        if row.get::<_, Millis>(2)? > now {
            locked.insert(group.to_owned());
            continue;
        }
        let sequence = row.get(0)?;
        let receive_count = tx
            .prepare_cached("SELECT receive_count FROM messages WHERE sequence = ?")?
            .query_row([sequence], |row| row.get(0))?;
        candidates.push(Candidate { sequence, receive_count });
    }
    Ok(candidates)
}

fn take(
    tx: &Connection,
    queue: &Queue,
    candidate: &Candidate,
    visibility: Millis,
    now: Millis,
) -> Result<Message, SqsError> {
    let message = tx
        .prepare_cached(
            "UPDATE messages SET receive_count = receive_count + 1, received_at = ?1, visible_at = ?2,
                                 first_received_at = COALESCE(first_received_at, ?1)
             WHERE sequence = ?3
             RETURNING message_id, body, attributes, trace_header, group_id, deduplication_id, sent_at,
                       first_received_at, receive_count, dead_letter_source, sequence",
        )?
        .query_row(params![now, now + visibility, candidate.sequence], |row| read(queue, row))?;
    Ok(message)
}

fn read(queue: &Queue, row: &Row<'_>) -> rusqlite::Result<Message> {
    let attributes: String = row.get(2)?;
    let message_attributes: MessageAttributes = serde_json::from_str(&attributes)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error)))?;
    let sequence: i64 = row.get(10)?;
    let receive_count: i64 = row.get(8)?;
    let sent_at: Millis = row.get(6)?;
    let first_received_at: Millis = row.get(7)?;
    let system = [
        ("SenderId", Some("AIDALOCALRUNNER".to_owned())),
        ("SentTimestamp", Some(sent_at.to_string())),
        ("ApproximateReceiveCount", Some(receive_count.to_string())),
        ("ApproximateFirstReceiveTimestamp", Some(first_received_at.to_string())),
        ("SequenceNumber", queue.fifo().then(|| sequence_number(sequence))),
        ("AWSTraceHeader", row.get(3)?),
        ("MessageGroupId", row.get(4)?),
        ("MessageDeduplicationId", row.get(5)?),
        ("DeadLetterQueueSourceArn", row.get(9)?),
    ];
    let receipt = Receipt { queue_id: queue.id, sequence, receive_count };
    Ok(Message {
        message_id: row.get(0)?,
        receipt_handle: receipt.to_handle(),
        body: row.get(1)?,
        attributes: system
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect::<BTreeMap<_, _>>(),
        message_attributes,
        queue_arn: queue.arn.clone(),
    })
}
