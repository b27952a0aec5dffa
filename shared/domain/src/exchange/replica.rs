//! A book that follows its journal, and is a step ahead of it while a batch is being committed.

use std::{collections::VecDeque, fmt};

use super::{Batch, JournalEntry};
use crate::{
    Timestamp,
    order::Terms,
    order_book::{Book, Command, Event, REMEMBERED, Snapshot, SnapshotError},
};

/// A batch takes no further command once it has so many events: ten ordinary commands have fewer, and what one command
/// can do at most (see [`FILLS_BEFORE_STOPS_WAIT`](crate::order_book::FILLS_BEFORE_STOPS_WAIT)) still fits behind them.
/// It is no more than what keeps stops waiting, so a command of a batch never meets any that are due.
pub const BATCH_EVENTS: usize = 64;
/// Versions between two copies of the book.
const COPY_EVERY: usize = 64;
/// By how much the clocks of two functions may differ.
const CLOCKS_MS: i64 = 5_000;

/// A book at a version of its journal.
///
/// A proposal is applied at once; if it is not committed, the book goes back to where it was: to a copy taken some
/// versions ago, and from there by the same commands.
#[derive(Clone, Debug)]
pub struct Replica {
    book: Book,
    version: u64,
    at: Timestamp,
    /// The book [`COPY_EVERY`] versions ago or less, and what was done to it since.
    copy: Book,
    since: Vec<Vec<Command>>,
    forgotten: Forgotten,
}

/// A journal that does not do to the book what it says it did: stored by other rules, or damaged. Nothing may be built
/// on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diverged {
    /// The version that follows.
    pub expected: u64,
    /// The version that was to be followed.
    pub found: u64,
}

impl fmt::Display for Diverged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} of the journal cannot follow where version {} is due", self.found, self.expected)
    }
}

impl std::error::Error for Diverged {}

impl Replica {
    /// The book before its first version.
    pub fn new(terms: Terms) -> Self {
        Self::at(Book::new(terms), 0, Timestamp::from_millis(0), Forgotten::default())
    }

    /// The book of a snapshot taken at this version. Of what it has forgotten before only this much is sure: that it was
    /// before `now`.
    pub fn restore(version: u64, snapshot: &Snapshot, now: Timestamp) -> Result<Self, SnapshotError> {
        let ended = snapshot.ended.len();
        let mut forgotten = Forgotten { until: (ended >= REMEMBERED).then_some(now), ..Forgotten::default() };
        forgotten.note(now, ended);
        Ok(Self::at(Book::restore(snapshot)?, version, Timestamp::from_millis(0), forgotten))
    }

    fn at(book: Book, version: u64, at: Timestamp, forgotten: Forgotten) -> Self {
        Self { copy: book.clone(), book, version, at, since: Vec::new(), forgotten }
    }

    /// The book.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The last version that is in it.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When that was.
    pub fn moment(&self) -> Timestamp {
        self.at
    }

    /// Takes in the next version of the journal.
    pub fn follow(&mut self, entry: &JournalEntry) -> Result<(), Diverged> {
        let diverged = Diverged { expected: self.version + 1, found: entry.version };
        if diverged.expected != diverged.found {
            return Err(diverged);
        }
        let mut events = Vec::with_capacity(entry.batch.events.len());
        for command in &entry.batch.commands {
            self.book.apply(command, &mut events);
        }
        if events != entry.batch.events {
            self.withdraw();
            return Err(diverged);
        }
        self.keep(entry);
        Ok(())
    }

    /// Applies commands and says what the next version is, and how many of the commands are done with: the others are
    /// for a batch of their own, because this one has `enough` events (usually [`BATCH_EVENTS`]). First ends what
    /// stands no longer at `now`; then the commands, without those that do nothing: orders that are or were here,
    /// cancellations of what is not open, a halt of a halted book. `None` if nothing changes. What is proposed must be
    /// kept or withdrawn.
    pub fn propose(&mut self, commands: &[Command], now: Timestamp, enough: usize) -> (Option<JournalEntry>, usize) {
        let at = now.max(self.at);
        let mut batch = Batch::default();
        while self.is_due(at) && batch.events.len() < enough && self.expire(at, &mut batch) {}
        let mut taken = 0;
        while taken < commands.len() && batch.events.len() < enough {
            self.try_on(&commands[taken], &mut batch);
            taken += 1;
        }
        // Stops that the bounds of a command have kept from their turn go on at once, as far as the batch takes them.
        while self.book.has_due_stops() && batch.events.len() < enough && self.expire(at, &mut batch) {}
        let entry = JournalEntry { version: self.version + 1, at, batch };
        ((!entry.batch.commands.is_empty()).then_some(entry), taken)
    }

    /// Whether time alone has something to do here.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.book.has_due_stops() || self.book.next_deadline().is_some_and(|deadline| deadline <= now.millis())
    }

    /// The proposal is committed.
    pub fn keep(&mut self, entry: &JournalEntry) {
        (self.version, self.at) = (entry.version, entry.at.max(self.at));
        let ended = entry.batch.events.iter().filter(|event| matches!(event, Event::Closed { .. })).count();
        self.forgotten.note(self.at, ended);
        self.since.push(entry.batch.commands.clone());
        if self.since.len() >= COPY_EVERY {
            self.copy = self.book.clone();
            self.since.clear();
        }
    }

    /// The proposal is not committed.
    pub fn withdraw(&mut self) {
        self.book = self.copy.clone();
        let mut events = Vec::new();
        for command in self.since.iter().flatten() {
            self.book.apply(command, &mut events);
            events.clear();
        }
    }

    /// Whether an order made at this moment that the book does not know cannot have been here: nothing that ended since
    /// then has been forgotten.
    pub fn would_remember(&self, placed_at: Option<i64>) -> bool {
        self.forgotten.until.is_none_or(|until| placed_at.is_some_and(|moment| moment > until.millis() + CLOCKS_MS))
    }

    fn expire(&mut self, at: Timestamp, batch: &mut Batch) -> bool {
        self.do_to_book(&Command::Expire { now: at.millis() }, batch)
    }

    /// Time is told by the clock alone, never by a message.
    fn try_on(&mut self, command: &Command, batch: &mut Batch) {
        if !matches!(command, Command::Expire { .. }) {
            self.do_to_book(command, batch);
        }
    }

    /// Whether that changes anything.
    fn do_to_book(&mut self, command: &Command, batch: &mut Batch) -> bool {
        let (before, halted) = (batch.events.len(), self.book.is_halted());
        self.book.apply(command, &mut batch.events);
        let mut new = batch.events[before..].iter();
        if halted == self.book.is_halted() && new.all(|event| matches!(event, Event::Declined { .. })) {
            batch.events.truncate(before);
            return false;
        }
        batch.commands.push(*command);
        true
    }
}

/// Until when ended orders may have been forgotten: a book remembers the last [`REMEMBERED`].
#[derive(Clone, Debug, Default)]
struct Forgotten {
    until: Option<Timestamp>,
    /// How many have ended.
    ended: u64,
    /// Of each version that ended any and whose orders are all remembered: how many had ended before, and its moment.
    versions: VecDeque<(u64, Timestamp)>,
}

impl Forgotten {
    fn note(&mut self, at: Timestamp, ended: usize) {
        if ended == 0 {
            return;
        }
        self.versions.push_back((self.ended, at));
        self.ended += ended as u64;
        let forgotten = self.ended.saturating_sub(REMEMBERED as u64);
        while let Some((_, at)) = self.versions.pop_front_if(|(before, _)| *before < forgotten) {
            self.until = self.until.max(Some(at));
        }
    }
}
