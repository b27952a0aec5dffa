//! What the pieces of the exchange tell each other: the messages to books and to their settlement, the batch that a
//! journal keeps, the book that follows a journal, and what a stretch of a journal comes to.

mod message;
mod replica;
#[cfg(test)]
mod replica_tests;
mod stretch;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    order::OrderKey,
    order_book::{Command, Event, Trade},
};

pub use message::{Message, Nudge};
pub use replica::{BATCH_EVENTS, Diverged, Replica};
pub use stretch::{OrderMove, Stretch};

/// Commands that were applied in this order, and what came of them. Commands that changed nothing are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// What was done.
    pub commands: Vec<Command>,
    /// What came of it.
    pub events: Vec<Event>,
}

/// One version of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// 1, 2, 3, …
    pub version: u64,
    /// When it was committed, by the clock of whoever did; never before the version before.
    pub at: Timestamp,
    /// What happened.
    pub batch: Batch,
}

impl JournalEntry {
    /// The trades in it.
    pub fn trades(&self) -> impl Iterator<Item = &Trade> {
        self.batch.events.iter().filter_map(|event| match event {
            Event::Traded(trade) => Some(trade),
            _ => None,
        })
    }

    /// Whether a new order with this key was taken in, or rejected, by it.
    pub fn places(&self, order: OrderKey) -> bool {
        self.batch.commands.iter().any(|command| command.placed() == Some(order))
    }
}
