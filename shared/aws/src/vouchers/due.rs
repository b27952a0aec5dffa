//! What vouchers-reconcile must look at, from a sparse index: a purchase with nothing left to do is not in it.

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use domain::{Timestamp, id::VoucherId};
use futures::future::try_join_all;

use super::{Vouchers, rows};
use crate::{
    item::{Item, Read, text, unavailable},
    store::StoreError,
};

/// Most rows of one shard counted, ten pages of an index.
const MAX_COUNTED: usize = 100_000;

impl Vouchers {
    /// Up to `limit` purchases that are due at `now`, the longest overdue first. The index lags behind its table: the
    /// purchase itself decides whether anything is to be done.
    pub async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<VoucherId>, StoreError> {
        let shards = (0..rows::DUE_SHARDS).map(|shard| self.due_in(shard, Some(now), limit));
        let mut due = Vec::new();
        for item in try_join_all(shards).await?.concat() {
            due.push((item.text("due_at")?.to_owned(), item.parsed("pk", VoucherId::parse)?));
        }
        due.sort();
        due.truncate(limit);
        Ok(due.into_iter().map(|(_, id)| id).collect())
    }

    /// How many purchases are unknown whose order was last submitted at or before `submitted_by`. Reads the keys of all
    /// open purchases, no row.
    pub async fn unknown_for(&self, submitted_by: Timestamp) -> Result<usize, StoreError> {
        let shards = (0..rows::DUE_SHARDS).map(|shard| self.due_in(shard, None, MAX_COUNTED));
        let mut count = 0;
        for item in try_join_all(shards).await?.concat() {
            count += usize::from(rows::unknown_since(item.text("due_at")?).is_some_and(|since| since <= submitted_by));
        }
        Ok(count)
    }

    async fn due_in(&self, shard: u8, until: Option<Timestamp>, limit: usize) -> Result<Vec<Item>, StoreError> {
        let (mut found, mut from) = (Vec::new(), None);
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_key = :key")
            .expression_attribute_values(":key", text(rows::due_key(shard)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if let Some(until) = until {
            query = query
                .key_condition_expression("due_key = :key AND due_at <= :until")
                .expression_attribute_values(":until", text(format!("{until}~")));
        }
        while found.len() < limit {
            let answer = query
                .clone()
                .limit(i32::try_from(limit - found.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(unavailable)?;
            self.meter.read(&answer.consumed_capacity);
            found.extend(answer.items.unwrap_or_default());
            from = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
