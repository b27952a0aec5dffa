//! Applies commands to the book of their instrument and commits each batch with one conditional write.
//!
//! ```text
//! OrderQueue (a group is a book) ─► warm book at version v, or snapshot + journal ─► apply in memory
//!        ─► put journal v+1 if it is not there ─┬─ done ─► now and then a snapshot
//!                                               └─ somebody was faster ─► follow the journal, apply again
//! ```
//! The put is commit and fence: a matcher whose book is old never commits, and whoever lost follows the journal first.
//! A business refusal is an event like any other. Only commands that do nothing are left out, and only when the book is
//! surely the newest: because its batch was committed, or because the journal was looked at.
//!
//! A place command is applied once, however often and late it comes. A book knows its open orders and the last that
//! ended; of an order so old that the book may have forgotten it, the order's row and the journal behind the settlement
//! are asked.

mod books;

use aws::{
    exchange::{Appended, Exchange, JournalEntry, MAX_BATCH_BYTES, OrderRef, batch_size},
    store::StoreError,
};
use domain::{
    exchange::{BATCH_EVENTS, Message, Replica},
    instrument::Symbol,
    order::{OrderKey, Owner, Status},
};
use edge::{
    clock::Clock,
    sqs::{self, Failure},
};

use books::Books;

/// How often a batch is tried when others write the same journal.
const TRIES: u32 = 10;
/// Versions read at a time.
const STEP: usize = 100;

/// What a matcher keeps from one invocation to the next.
#[derive(Debug)]
pub struct Matcher<C> {
    exchange: Exchange,
    clock: C,
    snapshot_every: u64,
    books: Books,
}

/// Reads a message of the group of its book.
pub fn read(group: &str, body: &str) -> Result<Message, Failure> {
    let message: Message = sqs::parse(body)?;
    if message.symbol.as_str() == group {
        Ok(message)
    } else {
        Err(Failure::new("a message in the group of another book"))
    }
}

impl<C: Clock> Matcher<C> {
    /// With no book in memory. A book is kept as a snapshot after every so many versions.
    pub fn new(exchange: Exchange, clock: C, snapshot_every: u64) -> Self {
        Self { exchange, clock, snapshot_every: snapshot_every.max(1), books: Books::default() }
    }

    /// Handles messages of one group, in their order.
    pub async fn handle(&self, group: String, messages: Vec<Message>) -> Result<(), Failure> {
        let symbol = Symbol::parse(&group).ok_or_else(|| Failure::new("the group is no symbol"))?;
        // A book that has met an error is not kept: the next look begins with what is stored.
        let mut replica = match self.books.take(&symbol) {
            Some(replica) => replica,
            None => self.load(&symbol).await?,
        };
        self.apply(&symbol, &mut replica, messages).await?;
        self.books.put(symbol, replica);
        Ok(())
    }

    /// Applies all of them, in as many batches as it takes.
    async fn apply(&self, symbol: &Symbol, replica: &mut Replica, mut left: Vec<Message>) -> Result<(), Failure> {
        let (mut enough, mut overtaken) = (BATCH_EVENTS, 0);
        loop {
            self.drop_forgotten(symbol, replica, &mut left).await?;
            let commands: Vec<_> = left.iter().map(|message| message.command).collect();
            let (entry, taken) = replica.propose(&commands, self.clock.now(), enough);
            let Some(entry) = entry else {
                // Whether there is nothing to do tells the newest book only.
                if self.follow(symbol, replica).await? == 0 {
                    return Ok(());
                }
                overtaken = again(overtaken)?;
                continue;
            };
            if enough > 1 && batch_size(&entry.batch)? > MAX_BATCH_BYTES {
                replica.withdraw();
                enough = 1;
                continue;
            }
            match self.exchange.append(symbol, entry.version, entry.at, &entry.batch).await? {
                Appended::Done => {
                    replica.keep(&entry);
                    log(symbol, &entry, taken);
                    self.snapshot(symbol, replica).await;
                    left.drain(..taken);
                    enough = BATCH_EVENTS;
                    if left.is_empty() {
                        return Ok(());
                    }
                }
                Appended::Lost => {
                    replica.withdraw();
                    let followed = self.follow(symbol, replica).await?;
                    tracing::info!(%symbol, version = entry.version, followed, "another matcher was faster");
                    overtaken = again(overtaken)?;
                }
            }
        }
    }

    /// The book as it is stored.
    async fn load(&self, symbol: &Symbol) -> Result<Replica, Failure> {
        let mut replica = match self.exchange.load_snapshot(symbol).await? {
            Some((version, snapshot)) => Replica::restore(version, &snapshot, self.clock.now())
                .map_err(|_| Failure::new(format!("the snapshot of {symbol} is no book")))?,
            None => {
                let instrument = self.exchange.instrument(symbol).await?;
                let instrument = instrument.ok_or_else(|| Failure::new("there is no such instrument"))?;
                Replica::new(*instrument.instrument.terms())
            }
        };
        let (from, followed) = (replica.version(), self.follow(symbol, &mut replica).await?);
        tracing::info!(%symbol, snapshot = from, followed, orders = replica.book().len(), "book loaded");
        Ok(replica)
    }

    /// Takes in what others have written; how many versions.
    async fn follow(&self, symbol: &Symbol, replica: &mut Replica) -> Result<u64, Failure> {
        let before = replica.version();
        loop {
            let tail = self.exchange.tail(symbol, replica.version() + 1, STEP).await?;
            for entry in &tail {
                replica.follow(entry).map_err(|diverged| StoreError::corrupt(format!("{symbol}: {diverged}")))?;
            }
            if tail.len() < STEP {
                return Ok(replica.version() - before);
            }
        }
    }

    /// Drops orders that were in the book so long ago that it has forgotten them.
    async fn drop_forgotten(
        &self,
        symbol: &Symbol,
        replica: &Replica,
        messages: &mut Vec<Message>,
    ) -> Result<(), Failure> {
        let doubtful: Vec<_> = messages
            .iter()
            .filter(|message| !replica.would_remember(message.placed_at))
            .filter_map(|message| message.command.placing())
            .filter(|(_, order)| !replica.book().knows(*order))
            .collect();
        if doubtful.is_empty() {
            return Ok(());
        }
        let fresh = self.never_seen(symbol, replica, &doubtful).await?;
        tracing::info!(%symbol, asked = doubtful.len(), fresh = fresh.len(), "old orders looked up");
        let is_old = |order: OrderKey| doubtful.iter().any(|(_, key)| *key == order) && !fresh.contains(&order);
        messages.retain(|message| !message.command.placed().is_some_and(is_old));
        Ok(())
    }

    /// Those of these orders that no version of the journal has: their rows are still pending, which no settled version
    /// has left them, and no version behind that places them.
    async fn never_seen(
        &self,
        symbol: &Symbol,
        replica: &Replica,
        orders: &[(Owner, OrderKey)],
    ) -> Result<Vec<OrderKey>, Failure> {
        // In this turn: what is settled after the first look is looked for in the journal.
        let mut settled = self.exchange.cursor(symbol).await?.version;
        let wanted: Vec<_> = orders
            .iter()
            .map(|(owner, order)| OrderRef { customer: owner.customer_id(), id: order.order_id() })
            .collect();
        let rows = self.exchange.orders(&wanted).await?;
        let pending = rows.iter().filter(|row| row.status == Status::Pending && row.symbol == *symbol);
        let mut fresh: Vec<_> = pending.filter_map(|row| OrderKey::of(&row.id)).collect();
        while !fresh.is_empty() && settled < replica.version() {
            let entries = self.exchange.tail(symbol, settled + 1, STEP).await?;
            fresh.retain(|order| !entries.iter().any(|entry| entry.places(*order)));
            settled = entries.last().map_or(replica.version(), |entry| entry.version);
        }
        Ok(fresh)
    }

    /// Now and then the book is kept, so that no cold start reads a long journal. It can wait: the next one comes.
    async fn snapshot(&self, symbol: &Symbol, replica: &Replica) {
        let version = replica.version();
        if !version.is_multiple_of(self.snapshot_every) {
            return;
        }
        match self.exchange.save_snapshot(symbol, version, &replica.book().snapshot()).await {
            Ok(saved) => tracing::info!(%symbol, version, saved, orders = replica.book().len(), "snapshot"),
            Err(error) => tracing::warn!(%symbol, version, %error, "no snapshot"),
        }
    }
}

/// Counts how often somebody else was faster; enough is enough.
fn again(overtaken: u32) -> Result<u32, Failure> {
    if overtaken + 1 < TRIES { Ok(overtaken + 1) } else { Err(Failure::new("other matchers kept being faster")) }
}

fn log(symbol: &Symbol, entry: &JournalEntry, messages: usize) {
    let (commands, events) = (entry.batch.commands.len(), entry.batch.events.len());
    tracing::info!(%symbol, version = entry.version, messages, commands, events, trades = entry.trades().count(), "committed");
}
