//! What a queue may do and seldom does: deliver late, out of order, or once more after the delete. Consumers must bear
//! it, so that tests need it more often than chance brings it.

use rusqlite::{Connection, params};

use crate::clock::Millis;
use crate::error::SqsError;
use crate::receipt::{Receipt, Standing, standing};
use crate::store::Queue;

/// Undoes a receive, as if it had not been: the message can be received `after` from now and has not been counted.
/// Whoever has received it again since keeps it.
pub(crate) fn put_back(
    tx: &Connection,
    queue: &Queue,
    handle: &str,
    after: Millis,
    now: Millis,
) -> Result<(), SqsError> {
    let receipt = Receipt::of(handle, queue)?;
    if let Standing::Visible | Standing::InFlight { .. } = standing(tx, receipt, now)? {
        tx.prepare_cached(
            "UPDATE messages SET receive_count = receive_count - 1, received_at = NULL, visible_at = ?,
                                 first_received_at = CASE receive_count WHEN 1 THEN NULL ELSE first_received_at END
             WHERE sequence = ?",
        )?
        .execute(params![now + after, receipt.sequence])?;
    }
    Ok(())
}

/// Deletes a message and leaves the copy that a server of the service kept which did not hear of it: it can be received
/// `after` from now, under the same id and as if it never had been.
pub(crate) fn delete_but_repeat(
    tx: &Connection,
    queue: &Queue,
    handle: &str,
    after: Millis,
    now: Millis,
) -> Result<(), SqsError> {
    let receipt = Receipt::of(handle, queue)?;
    if let Standing::Visible | Standing::InFlight { .. } = standing(tx, receipt, now)? {
        tx.prepare_cached(
            "INSERT INTO messages (queue_id, message_id, body, attributes, trace_header, group_id, deduplication_id,
                                   sent_at, visible_at)
             SELECT queue_id, message_id, body, attributes, trace_header, group_id, deduplication_id, sent_at, ?
             FROM messages WHERE sequence = ?",
        )?
        .execute(params![now + after, receipt.sequence])?;
        tx.prepare_cached("DELETE FROM messages WHERE sequence = ?")?.execute([receipt.sequence])?;
    }
    Ok(())
}
