//! Sends again what was locked and recorded but never reached its book, wakes books whose orders end by time, and has
//! settled what nobody settles.
//!
//! ```text
//! stream: an order was placed (seconds ago) ─┬─ it has an answer ─► done
//! SweepQueue: a later look ─────────────────┤
//!                                           ├─ pending, the journal not settled to its end ─► a later look
//!                                           ├─ pending all the same ─► OrderQueue once more, a later look
//!                                           └─ rests until a moment ─► a look then: OrderQueue, expire
//! stream: a book was written to (seconds ago) ─► not settled so far ─► NudgeQueue, in some seconds
//! ```
//! An order is locked in one transaction and queued by another call, so it may never arrive. It may also be a backlog
//! that keeps it: sending it twice does no harm, because the queue knows it for five minutes and the book for ever.
//! The settlement's own stream may lose the last nudge of a book, so each version is looked after here as well.
//! Looks become rarer and end some day; an order that pends for minutes is a metric.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws::{
    exchange::{Exchange, OrderRef, version_of_keys},
    queues::{LONGEST_DELAY, Queue},
};
use domain::{
    Timestamp,
    exchange::{Message, Nudge},
    id::{CustomerId, OrderId},
    instrument::{Instrument, Symbol},
    order::{Order, Status},
    order_book::Command,
};
use edge::{
    clock::Clock,
    sqs::{self, BatchResponse, Failure},
    streams, telemetry,
};
use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Seconds until each further look at an order that pends; the last one again and again.
const PAUSES: [u64; 8] = [5, 15, 30, 60, 120, 300, 600, 900];
/// From this look on, some four minutes after the first, an order counts as stuck.
const STUCK: u32 = 5;
/// The last look, some three hours after the first.
const LAST: u32 = 20;
/// An order younger than this may just be on its way.
const YOUNG: Duration = Duration::from_secs(3);
/// A version younger than this may just be being settled.
const UNSETTLED: Duration = Duration::from_secs(5);
/// Orders and books looked at at the same time.
const AT_ONCE: usize = 16;

/// The message of `SweepQueue`: look at this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Whose.
    pub customer_id: String,
    /// Which.
    pub order_id: String,
    /// How often it was found waiting.
    #[serde(default)]
    pub looks: u32,
}

/// The queues it sends to.
#[derive(Clone, Debug)]
pub struct Queues {
    /// Commands for the books.
    pub orders: Queue,
    /// Later looks.
    pub later: Queue,
    /// Books to be settled.
    pub nudges: Queue,
}

/// What a sweeper keeps from one invocation to the next.
#[derive(Debug)]
pub struct Sweeper<C> {
    exchange: Exchange,
    queues: Queues,
    clock: C,
    metrics: String,
    /// Their steps never change.
    instruments: Mutex<HashMap<Symbol, Instrument>>,
}

/// What is to be done about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing, now and later.
    Nothing,
    /// It has no answer though there has been time for one.
    Overdue,
    /// It ends at this moment.
    Ends(Timestamp),
    /// It is too young to tell.
    Wait,
}

fn step(order: &Order, now: Timestamp) -> Step {
    let age = now.millis().saturating_sub(order.created_at.millis());
    match (order.status, order.expires_at) {
        (Status::Pending, _) if age < YOUNG.as_millis() as i64 => Step::Wait,
        (Status::Pending, _) => Step::Overdue,
        (status, Some(moment)) if !status.is_final() => Step::Ends(moment),
        _ => Step::Nothing,
    }
}

impl<C: Clock> Sweeper<C> {
    /// Metrics go to this namespace.
    pub fn new(exchange: Exchange, queues: Queues, clock: C, metrics: String) -> Self {
        Self { exchange, queues, clock, metrics, instruments: Mutex::default() }
    }

    /// Handles a batch of the stream or of the queue.
    pub async fn handle(&self, event: Value) -> Result<BatchResponse, serde_json::Error> {
        if event["Records"][0]["eventSource"] == json!("aws:sqs") {
            let event: sqs::Event = serde_json::from_value(event)?;
            Ok(sqs::batch(event, |look| self.look_again(look)).await)
        } else {
            Ok(self.written(serde_json::from_value(event)?).await)
        }
    }

    /// The first look at orders that were placed and books that were written to.
    async fn written(&self, event: streams::Event) -> BatchResponse {
        let order_of = |record: &streams::Record| OrderRef::of_keys(record.partition_key(), record.sort_key());
        let version_of = |record: &streams::Record| version_of_keys(record.partition_key(), record.sort_key());
        let wanted: Vec<_> = event.records.iter().filter_map(order_of).collect();
        // Of each book the newest version: a record that is late may come behind a newer one.
        let mut books = BTreeMap::<Symbol, u64>::new();
        for (symbol, version) in event.records.iter().filter_map(version_of) {
            let newest = books.entry(symbol).or_default();
            *newest = version.max(*newest);
        }
        let (orders, books) = tokio::join!(self.placed(&wanted), self.behind(&books));
        let failed = orders.len() + books.len();
        tracing::info!(records = event.records.len(), failed, "orders and books looked at");
        event.failed(|record| {
            order_of(record).is_some_and(|order| orders.contains(&order.id))
                || version_of(record).is_some_and(|(symbol, _)| books.contains(&symbol))
        })
    }

    /// Looks at orders; those that could not be looked after.
    async fn placed(&self, wanted: &[OrderRef]) -> Vec<OrderId> {
        let orders = match self.exchange.orders(wanted).await {
            Ok(orders) => orders,
            Err(error) => {
                tracing::error!(orders = wanted.len(), %error, "orders not looked at");
                return wanted.iter().map(|order| order.id.clone()).collect();
            }
        };
        let looks = stream::iter(orders).map(|order| async move {
            let failure = self.look(&order, 0).await.err()?;
            tracing::error!(order_id = %order.id, cause = failure.cause(), "order not looked after");
            Some(order.id)
        });
        looks.buffer_unordered(AT_ONCE).filter_map(async |failed| failed).collect().await
    }

    /// Has books settled that are behind these versions of their journals; those that could not be looked after.
    async fn behind(&self, books: &BTreeMap<Symbol, u64>) -> Vec<Symbol> {
        let looks = stream::iter(books).map(|(symbol, version)| async move {
            let failure = self.nudge(symbol, *version).await.err()?;
            tracing::error!(%symbol, version, cause = failure.cause(), "book not looked after");
            Some(symbol.clone())
        });
        looks.buffer_unordered(AT_ONCE).filter_map(async |failed| failed).collect().await
    }

    async fn nudge(&self, symbol: &Symbol, version: u64) -> Result<(), Failure> {
        if self.exchange.cursor(symbol).await?.version < version {
            tracing::info!(%symbol, version, "not settled so far");
            self.queues.nudges.send(&Nudge { symbol: symbol.clone() }, UNSETTLED).await?;
        }
        Ok(())
    }

    /// A later one.
    async fn look_again(&self, look: Look) -> Result<(), Failure> {
        let ids = (CustomerId::parse(&look.customer_id), OrderId::parse(&look.order_id));
        let (Some(customer), Some(id)) = ids else { return Err(Failure::new("no identifiers of an order")) };
        let order = self.exchange.order(&customer, &id).await?;
        let order = order.ok_or_else(|| Failure::new(format!("no order {id}")))?;
        self.look(&order, look.looks).await
    }

    async fn look(&self, order: &Order, looks: u32) -> Result<(), Failure> {
        let now = self.clock.now();
        match step(order, now) {
            Step::Nothing => Ok(()),
            Step::Wait => self.later(order, looks, pause(0)).await,
            Step::Overdue => self.overdue(order, looks, now).await,
            Step::Ends(moment) if moment > now => {
                let left = u64::try_from(moment.millis() - now.millis()).unwrap_or_default();
                self.later(order, 0, Duration::from_millis(left).min(LONGEST_DELAY)).await
            }
            Step::Ends(_) => {
                // The book ends by its own clock what is over; it only has to be woken.
                let command = Command::Expire { now: now.millis() };
                let message = Message { symbol: order.symbol.clone(), command, placed_at: None };
                self.send(&message, now).await?;
                self.stay(order, looks, now).await
            }
        }
    }

    async fn overdue(&self, order: &Order, looks: u32, now: Timestamp) -> Result<(), Failure> {
        let cursor = self.exchange.cursor(&order.symbol).await?.version;
        let settled = self.exchange.head(&order.symbol).await? <= cursor;
        if settled {
            let instrument = self.instrument(&order.symbol).await?;
            let message = Message::place(order, &instrument);
            self.send(&message.ok_or_else(|| Failure::new(format!("{} is no command", order.id)))?, now).await?;
        }
        let age_ms = now.millis().saturating_sub(order.created_at.millis());
        tracing::warn!(order_id = %order.id, symbol = %order.symbol, looks, age_ms, sent = settled, "order pends");
        self.stay(order, looks, now).await
    }

    /// Looks again, unless it has been often enough.
    async fn stay(&self, order: &Order, looks: u32, now: Timestamp) -> Result<(), Failure> {
        if looks >= STUCK {
            telemetry::metric(&self.metrics, now, "OrdersStuck", "Count", &json!(1), &[]);
        }
        if looks >= LAST {
            tracing::error!(order_id = %order.id, symbol = %order.symbol, looks, "order given up; what it locks stays locked");
            return Ok(());
        }
        self.later(order, looks + 1, pause(looks)).await
    }

    async fn later(&self, order: &Order, looks: u32, delay: Duration) -> Result<(), Failure> {
        let (customer_id, order_id) = (order.customer.to_string(), order.id.to_string());
        Ok(self.queues.later.send(&Look { customer_id, order_id, looks }, delay).await?)
    }

    async fn send(&self, message: &Message, now: Timestamp) -> Result<(), Failure> {
        let id = message.deduplication_id(now);
        Ok(self.queues.orders.send_in_order(message, message.symbol.as_str(), &id).await?)
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

fn pause(looks: u32) -> Duration {
    let place = usize::try_from(looks).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    Duration::from_secs(PAUSES[place])
}
