//! ExchangeTable: instruments, orders, journals and their snapshots, what wallets went through, candles.
//!
//! The only place that knows its attribute names; see [`rows`] for them. What is committed together with a wallet is one
//! `TransactWriteItems` over this table and LedgerTable. A journal is appended by one conditional put, which is commit and
//! fence at once. Whatever settles it may be repeated, cut off anywhere, or run twice at a time: every write says which
//! version it stands on.

mod audit;
mod candles;
mod entries;
mod grants;
mod instruments;
mod journal;
mod orders;
mod place;
mod rows;
mod settle;
mod snapshots;
mod transfers;
mod warm;

pub use audit::ExchangeBooks;
pub use candles::StoredCandle;
pub use domain::exchange::{Batch, JournalEntry};
pub use entries::{EntriesPage, Entry, What, is_place as is_entries_place};
pub use grants::Granted;
pub use instruments::{InstrumentAdded, InstrumentChanged, StoredInstrument};
pub use journal::{Appended, MAX_BATCH_BYTES, journal_of, size as batch_size, version_of_keys};
pub use orders::{OrderRef, OrdersPage, is_place as is_orders_place};
pub use place::{Placed, Refused};
pub use settle::{Advanced, Cursor, FillsEntry, OrderSettled, OrderUpdate};
pub use warm::{Followed, Freshness, MOST_TRADES, Warm};

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{
        put_item::{PutItemError, builders::PutItemFluentBuilder},
        query::builders::QueryFluentBuilder,
    },
    types::{
        KeysAndAttributes, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
        WriteRequest,
    },
};

use crate::{
    item::{self, Item, key, text, unavailable},
    meter::{Meter, Usage},
    store::StoreError,
    write,
};

/// Rows of one batch write. Source: DynamoDB `BatchWriteItem`.
const BATCH_WRITES: usize = 25;
/// Rows of one batch read. Source: DynamoDB `BatchGetItem`.
const BATCH_READS: usize = 100;
/// How often what a table leaves out of a batch, or a put that meets a transaction, is tried.
const ATTEMPTS: u32 = 9;
/// The first pause between two of them is up to this long, each further one up to twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// No try begins after this long.
const PATIENCE: Duration = Duration::from_secs(6);

/// The table.
#[derive(Clone, Debug)]
pub struct Exchange {
    client: Client,
    table: String,
    meter: Meter,
}

/// How a conditional put ended.
enum PutOutcome {
    Done,
    /// The row that is there.
    Denied(Option<Item>),
}

impl Exchange {
    /// A table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table, meter: Meter::default() }
    }

    /// What the reads and lone writes of this table have cost so far. What is committed together with a wallet is
    /// counted by the ledger that it was committed with, [`crate::ledger::Ledger::usage`].
    pub fn usage(&self) -> Usage {
        self.meter.usage()
    }

    /// Whether the table answers at all.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.get(key("health", "health")).await.map(drop)
    }

    async fn get(&self, key: Item) -> Result<Option<Item>, StoreError> {
        item::row(&self.meter, self.client.get_item().table_name(&self.table).set_key(Some(key))).await
    }

    /// Rows of a partition whose sort key lies between these, both included.
    fn between(&self, partition: &str, lowest: &str, highest: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :partition AND sk BETWEEN :lowest AND :highest")
            .expression_attribute_values(":partition", text(partition))
            .expression_attribute_values(":lowest", text(lowest))
            .expression_attribute_values(":highest", text(highest))
    }

    /// Up to `limit` rows of a query, and whether there are more.
    async fn rows(&self, query: QueryFluentBuilder, limit: usize) -> Result<(Vec<Item>, bool), StoreError> {
        let (mut found, mut from) = (Vec::new(), None);
        while found.len() < limit {
            let answer = query
                .clone()
                .limit(i32::try_from(limit - found.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(unavailable)?;
            self.meter.read(&answer.consumed_capacity);
            found.extend(answer.items.unwrap_or_default());
            from = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok((found, false));
            }
        }
        Ok((found, true))
    }

    /// All rows of a partition, read consistently.
    async fn partition(&self, partition: &str) -> Result<Vec<Item>, StoreError> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :partition");
        let query = query.expression_attribute_values(":partition", text(partition)).consistent_read(true);
        Ok(self.rows(query, usize::MAX).await?.0)
    }

    /// Rows by their keys, read consistently, in any order; missing ones are left out.
    async fn batch_get(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        for some in keys.chunks(BATCH_READS) {
            let mut left = some.to_vec();
            let mut pause = Pause::new();
            while !left.is_empty() {
                let request = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build();
                let request = request.map_err(|error| StoreError::Corrupt(error.to_string()))?;
                let mut answer = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, request)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(unavailable)?;
                self.meter.read(answer.consumed_capacity());
                let rows = answer.responses.take().and_then(|mut tables| tables.remove(&self.table));
                found.extend(rows.unwrap_or_default());
                let rest = answer.unprocessed_keys.and_then(|mut tables: HashMap<_, _>| tables.remove(&self.table));
                left = rest.map(|rest| rest.keys).unwrap_or_default();
                if !left.is_empty() && !pause.wait().await {
                    return Err(StoreError::Unavailable("rows stay unprocessed".into()));
                }
            }
        }
        Ok(found)
    }

    /// Puts and deletes without conditions, in no particular order.
    async fn batch_write(&self, requests: Vec<WriteRequest>) -> Result<(), StoreError> {
        for some in requests.chunks(BATCH_WRITES) {
            let mut left = some.to_vec();
            let mut pause = Pause::new();
            while !left.is_empty() {
                let answer = self
                    .client
                    .batch_write_item()
                    .request_items(&self.table, left)
                    .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
                    .send()
                    .await
                    .map_err(unavailable)?;
                self.meter.write(answer.consumed_capacity());
                left = answer.unprocessed_items.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
                if !left.is_empty() && !pause.wait().await {
                    return Err(StoreError::Unavailable("rows stay unprocessed".into()));
                }
            }
        }
        Ok(())
    }

    fn put(&self, item: Item) -> PutItemFluentBuilder {
        self.client.put_item().table_name(&self.table).set_item(Some(item))
    }

    /// A put within a transaction, if there is no such row.
    fn new_row(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        Ok(write::put(put.condition_expression("attribute_not_exists(pk)"))?)
    }

    /// Sends a conditional put alone.
    async fn put_if(&self, put: PutItemFluentBuilder) -> Result<PutOutcome, StoreError> {
        let put = put
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        let mut pause = Pause::new();
        loop {
            match put.clone().send().await {
                Ok(answer) => {
                    self.meter.write(&answer.consumed_capacity);
                    return Ok(PutOutcome::Done);
                }
                Err(SdkError::ServiceError(refused)) => match refused.into_err() {
                    PutItemError::ConditionalCheckFailedException(failed) => {
                        return Ok(PutOutcome::Denied(failed.item));
                    }
                    PutItemError::TransactionConflictException(_) => {
                        if !pause.wait().await {
                            return Err(StoreError::Conflict);
                        }
                    }
                    error => return Err(StoreError::Unavailable(format!("{error:?}"))),
                },
                Err(error) => return Err(unavailable(error)),
            }
        }
    }
}

/// Pauses with full jitter, longer each time, up to a bound.
struct Pause {
    started: Instant,
    tries: u32,
    longest: Duration,
}

impl Pause {
    fn new() -> Self {
        Self { started: Instant::now(), tries: 1, longest: FIRST_PAUSE }
    }

    /// `false` when it has been enough.
    async fn wait(&mut self) -> bool {
        if self.tries >= ATTEMPTS || self.started.elapsed() >= PATIENCE {
            return false;
        }
        tokio::time::sleep(self.longest.mul_f64(fastrand::f64())).await;
        (self.tries, self.longest) = (self.tries + 1, self.longest * 2);
        true
    }
}
