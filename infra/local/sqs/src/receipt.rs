//! What a receiver may do with a message it holds: finish it or change how long it stays invisible.
//! A handle stands for one receive of one message; the next receive makes it stale.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension, params};

use crate::clock::Millis;
use crate::error::{ErrorKind, SqsError};
use crate::settings::VISIBILITY_SECONDS_LIMIT;
use crate::store::Queue;

/// The content of a receipt handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub queue_id: i64,
    pub sequence: i64,
    pub receive_count: i64,
}

impl Receipt {
    const MARK: &str = "sqs";

    pub(crate) fn to_handle(self) -> String {
        let Self { queue_id, sequence, receive_count } = self;
        URL_SAFE_NO_PAD.encode(format!("{}:{queue_id}:{sequence}:{receive_count}", Self::MARK))
    }

    /// Reads a handle that this queue gave out.
    pub(crate) fn of(handle: &str, queue: &Queue) -> Result<Self, SqsError> {
        let parsed = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(handle).ok()?).ok()?;
            let mut parts = text.strip_prefix(Self::MARK)?.strip_prefix(':')?.split(':');
            let mut number = || parts.next()?.parse::<i64>().ok();
            let receipt = Self { queue_id: number()?, sequence: number()?, receive_count: number()? };
            (receipt.queue_id == queue.id).then_some(receipt)
        };
        parsed().ok_or_else(|| {
            ErrorKind::ReceiptHandleIsInvalid
                .because(format!("The input receipt handle \"{handle}\" is not a valid receipt handle."))
        })
    }
}

/// Where the message of a receipt stands.
pub(crate) enum Standing {
    /// Deleted, expired or moved to a dead-letter queue.
    Gone,
    /// Received again since.
    Stale,
    /// Visible again, but not received since.
    Visible,
    /// Held by this receipt since that moment.
    InFlight { received_at: Millis },
}

/// Looks it up.
pub(crate) fn standing(tx: &Connection, receipt: Receipt, now: Millis) -> Result<Standing, SqsError> {
    let row: Option<(i64, Millis, Option<Millis>)> = tx
        .prepare_cached(
            "SELECT receive_count, visible_at, received_at FROM messages WHERE sequence = ? AND queue_id = ?",
        )?
        .query_row(params![receipt.sequence, receipt.queue_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    Ok(match row {
        None => Standing::Gone,
        Some((count, ..)) if count != receipt.receive_count => Standing::Stale,
        Some((_, visible_at, Some(received_at))) if visible_at > now => Standing::InFlight { received_at },
        Some(_) => Standing::Visible,
    })
}

fn expired(handle: &str) -> SqsError {
    SqsError::invalid("ReceiptHandle", handle, "The receipt handle has expired.")
}

/// Deletes the message. Deleting what is gone succeeds. A stale handle of a standard queue succeeds without
/// effect; a FIFO queue refuses any handle whose visibility timeout has passed.
pub(crate) fn delete(tx: &Connection, queue: &Queue, handle: &str, now: Millis) -> Result<(), SqsError> {
    let receipt = Receipt::of(handle, queue)?;
    match standing(tx, receipt, now)? {
        Standing::Gone => return Ok(()),
        Standing::Stale | Standing::Visible if queue.fifo() => return Err(expired(handle)),
        Standing::Stale => return Ok(()),
        Standing::Visible | Standing::InFlight { .. } => {}
    }
    tx.prepare_cached("DELETE FROM messages WHERE sequence = ?")?.execute([receipt.sequence])?;
    Ok(())
}

/// Lets the message become visible `seconds` from now.
pub(crate) fn change_visibility(
    tx: &Connection,
    queue: &Queue,
    handle: &str,
    seconds: i64,
    now: Millis,
) -> Result<(), SqsError> {
    check_visibility(seconds)?;
    let receipt = Receipt::of(handle, queue)?;
    let received_at = match standing(tx, receipt, now)? {
        Standing::Gone => {
            return Err(SqsError::invalid(
                "ReceiptHandle",
                handle,
                "Message does not exist or is not available for visibility timeout change.",
            ));
        }
        Standing::Stale if queue.fifo() => return Err(expired(handle)),
        Standing::Stale | Standing::Visible => {
            return Err(ErrorKind::MessageNotInflight.because("The message referred to isn't in flight."));
        }
        Standing::InFlight { received_at } => received_at,
    };
    let visible_at = now + seconds * 1_000;
    if visible_at > received_at + VISIBILITY_SECONDS_LIMIT * 1_000 {
        return Err(SqsError::invalid(
            "VisibilityTimeout",
            seconds,
            "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
        ));
    }
    tx.prepare_cached("UPDATE messages SET visible_at = ? WHERE sequence = ?")?
        .execute(params![visible_at, receipt.sequence])?;
    Ok(())
}

/// Refuses a visibility timeout outside 0 seconds to 12 hours.
pub(crate) fn check_visibility(seconds: i64) -> Result<(), SqsError> {
    if (0..=VISIBILITY_SECONDS_LIMIT).contains(&seconds) {
        Ok(())
    } else {
        Err(SqsError::invalid(
            "VisibilityTimeout",
            seconds,
            "VisibilityTimeout must be an integer between 0 and 43200.",
        ))
    }
}
