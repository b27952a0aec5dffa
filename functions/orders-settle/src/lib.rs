//! Books what the journals say into wallets, entries, candles and orders.
//!
//! ```text
//! stream: something was written to a journal ─┬─► from the cursor on, up to 50 versions netted, until the journal ends:
//! NudgeQueue: it was not settled seconds later ┘    wallets (each at its watermark) ─► entries ─► candles
//!                                                  ─► order rows (each at its seq) ─► cursor
//! ```
//! Both only nudge: what is settled is read from the journal, in its order, so nothing is lost or done out of turn when a
//! nudge is. Every row says how much of the journal it has, and takes the rest: any of this may be repeated, cut
//! off anywhere, or done by two at once. Order rows come last, so whoever sees an order's outcome sees all of it. Locks
//! were made when the orders were placed, so nothing is overspent however late this is.

mod candles;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use aws::{
    exchange::{Advanced, Exchange, FillsEntry, JournalEntry, OrderSettled, OrderUpdate, journal_of},
    ledger::{Ledger, wallets::WalletSettled},
    store::StoreError,
};
use domain::{
    exchange::{Nudge, OrderMove, Stretch},
    instrument::{Instrument, Symbol},
    order::{OrderKey, Owner},
    wallet::{Change, Wallet},
};
use edge::{
    sqs::{self, BatchResponse, Failure},
    streams::{self, Record},
};
use futures::{
    future::join_all,
    stream::{self, TryStreamExt},
};
use serde_json::{Value, json};

use candles::Candles;

/// Versions netted at a time,
const STRETCH: usize = 50;
/// as long as they have no more events than this together: every one of them may be a row of its own, and an invocation
/// must get through a stretch.
const EVENTS: usize = 5_000;
/// How often the journal of one book is read on in one invocation. What is left then fails, and the stream comes again.
const READS: usize = 100;
/// Rows written at a time.
const WRITERS: usize = 16;
/// How often a row is looked at again when another settler writes it too.
const LOOKS: usize = 20;

/// What a settler keeps from one invocation to the next.
#[derive(Debug)]
pub struct Settler {
    exchange: Exchange,
    ledger: Ledger,
    /// Their steps never change.
    instruments: Mutex<HashMap<Symbol, Instrument>>,
    candles: Candles,
}

impl Settler {
    /// Between these tables.
    pub fn new(exchange: Exchange, ledger: Ledger) -> Self {
        Self { exchange, ledger, instruments: Mutex::default(), candles: Candles::default() }
    }

    /// Handles a batch of the stream or of the queue.
    pub async fn handle(&self, event: Value) -> Result<BatchResponse, serde_json::Error> {
        if event["Records"][0]["eventSource"] == json!("aws:sqs") {
            let settle = async |nudge: Nudge| self.settle(&nudge.symbol).await.map(drop);
            Ok(sqs::batch(serde_json::from_value(event)?, settle).await)
        } else {
            Ok(self.written(serde_json::from_value(event)?).await)
        }
    }

    /// Settles every book that the records name.
    async fn written(&self, event: streams::Event) -> BatchResponse {
        let symbol_of = |record: &Record| journal_of(record.partition_key());
        let symbols: BTreeSet<Symbol> = event.records.iter().filter_map(symbol_of).collect();
        let settled = symbols.into_iter().map(|symbol| async move {
            let outcome = self.settle(&symbol).await;
            if let Err(failure) = &outcome {
                tracing::error!(%symbol, cause = failure.cause(), "not settled");
            }
            outcome.is_err().then_some(symbol)
        });
        let failed: BTreeSet<Symbol> = join_all(settled).await.into_iter().flatten().collect();
        event.failed(|record| symbol_of(record).is_some_and(|symbol| failed.contains(&symbol)))
    }

    /// Settles a book up to where its journal ends when it is read; how many versions. What is written meanwhile brings
    /// a nudge of its own, and costs less together with what follows it.
    pub async fn settle(&self, symbol: &Symbol) -> Result<u64, Failure> {
        let begun = self.exchange.cursor(symbol).await?.version;
        let mut cursor = begun;
        for _ in 0..READS {
            let mut ahead = VecDeque::from(self.exchange.tail(symbol, cursor + 1, STRETCH).await?);
            let mut last = ahead.len() < STRETCH;
            while !ahead.is_empty() {
                let gap = || StoreError::corrupt(format!("the journal of {symbol} has a gap behind {cursor}"));
                let stretch = Stretch::new(cursor, take(&mut ahead)).ok_or_else(gap)?;
                cursor = self.settle_stretch(symbol, &stretch).await?;
                if cursor != stretch.last() {
                    // Another settler is at it; from where it stands now it goes on.
                    last = false;
                    break;
                }
            }
            if last {
                return Ok(cursor - begun);
            }
        }
        Err(Failure::new("there is more to settle"))
    }

    /// Settles a stretch; where the cursor is then.
    async fn settle_stretch(&self, symbol: &Symbol, stretch: &Stretch) -> Result<u64, Failure> {
        let instrument = self.instrument(symbol).await?;
        let work = Work { settler: self, instrument: &instrument, stretch };
        let wallets = work.wallets().await?;
        let entries = work.entries().await?;
        self.candles.fold(&self.exchange, symbol, &stretch.trades()).await?;
        let orders = work.orders().await?;
        let (from, to) = (stretch.after(), stretch.last());
        let fees = instrument.quote_amount(wide(stretch.fees())?);
        let cursor = match self.exchange.advance(symbol, from, to, fees).await? {
            Advanced::Done => to,
            Advanced::Moved(cursor) => cursor.version,
        };
        tracing::info!(%symbol, from, to, cursor, wallets, entries, orders, "settled");
        Ok(cursor)
    }

    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, Failure> {
        let known = || self.instruments.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(instrument) = known().get(symbol) {
            return Ok(instrument.clone());
        }
        let stored = self.exchange.instrument(symbol).await?;
        let instrument = stored.ok_or_else(|| Failure::new("there is no such instrument"))?.instrument;
        known().insert(symbol.clone(), instrument.clone());
        Ok(instrument)
    }
}

/// The next versions to be netted, at least one.
fn take(ahead: &mut VecDeque<JournalEntry>) -> Vec<JournalEntry> {
    let mut events = 0;
    let fits = ahead.iter().take_while(|entry| {
        events += entry.batch.events.len();
        events <= EVENTS
    });
    let count = fits.count().max(1);
    ahead.drain(..count).collect()
}

/// A stretch and where it goes.
struct Work<'a> {
    settler: &'a Settler,
    instrument: &'a Instrument,
    stretch: &'a Stretch,
}

impl Work<'_> {
    async fn wallets(&self) -> Result<usize, Failure> {
        let changes = self.stretch.wallets();
        let customers: Vec<_> = changes.keys().map(|owner| owner.customer_id()).collect();
        let wallets = self.settler.ledger.wallets(&customers).await?;
        let each = stream::iter(changes.into_iter().zip(wallets).map(Ok::<_, Failure>));
        each.try_for_each_concurrent(WRITERS, |((owner, all), wallet)| self.wallet(owner, all, wallet)).await?;
        Ok(customers.len())
    }

    /// Funds, ended orders and the position, from the wallet's own watermark on.
    async fn wallet(&self, owner: Owner, all: Change, mut wallet: Wallet) -> Result<(), Failure> {
        let applied = |wallet: &Wallet| wallet.applied(self.instrument.symbol());
        let left = |wallet: &Wallet| self.stretch.wallet_after(owner, applied(wallet));
        let mut change = if applied(&wallet) <= self.stretch.after() { Some(all) } else { left(&wallet) };
        for _ in 0..LOOKS {
            let Some(net) = &change else { return Ok(()) };
            match self.settler.ledger.settle_wallet(&wallet, self.instrument, self.stretch.last(), net).await? {
                WalletSettled::Done(_) => return Ok(()),
                WalletSettled::Moved(now) => (change, wallet) = (left(&now), now),
            }
        }
        Err(Failure::new(format!("the wallet of {} kept changing", owner.customer_id())))
    }

    /// One row for each customer and version.
    async fn entries(&self) -> Result<usize, Failure> {
        let entry = |((owner, version), (at, fills)): ((Owner, u64), _)| FillsEntry {
            customer: owner.customer_id(),
            symbol: self.instrument.symbol().clone(),
            version,
            at,
            fills,
        };
        let entries: Vec<_> = self.stretch.fills().into_iter().map(entry).collect();
        self.settler.exchange.put_fills(&entries).await?;
        Ok(entries.len())
    }

    async fn orders(&self) -> Result<usize, Failure> {
        let orders = self.stretch.orders();
        let count = orders.len();
        let each = stream::iter(orders.into_iter().map(Ok::<_, Failure>));
        each.try_for_each_concurrent(WRITERS, |((owner, order), all)| self.order(owner, order, all)).await?;
        Ok(count)
    }

    /// From the row's own `seq` on.
    async fn order(&self, owner: Owner, order: OrderKey, all: OrderMove) -> Result<(), Failure> {
        let (customer, id) = (owner.customer_id(), order.order_id());
        let (mut after, mut left) = (self.stretch.after(), Some(all));
        for _ in 0..LOOKS {
            let Some(net) = left else { return Ok(()) };
            match self.settler.exchange.settle_order(&customer, &id, after, &self.update(&net)?).await? {
                OrderSettled::Done => return Ok(()),
                OrderSettled::Moved(seq) => (after, left) = (seq, self.stretch.order_after(owner, order, seq)),
                OrderSettled::Missing => {
                    tracing::error!(order_id = %id, version = net.version, "the book had an order without a row");
                    return Ok(());
                }
            }
        }
        Err(Failure::new(format!("{id} kept changing")))
    }

    fn update(&self, net: &OrderMove) -> Result<OrderUpdate, Failure> {
        Ok(OrderUpdate {
            status: net.change.status,
            reason: net.change.reason,
            filled: self.instrument.quantity(wide(net.change.filled)?),
            notional: self.instrument.quote_amount(wide(net.change.notional)?),
            fees: self.instrument.quote_amount(wide(net.change.fees)?),
            at: net.at,
            version: net.version,
        })
    }
}

fn wide(amount: u128) -> Result<i128, Failure> {
    i128::try_from(amount).map_err(|_| Failure::new("an amount beyond all that can be"))
}
