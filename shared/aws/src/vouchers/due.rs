//! What vouchers-reconcile must look at, from a sparse index: a purchase with nothing left to do is not in it.

use aws_sdk_dynamodb::{operation::query::builders::QueryFluentBuilder, types::ReturnConsumedCapacity};
use domain::{Timestamp, id::VoucherId};
use futures::future::try_join_all;

use super::{Vouchers, rows};
use crate::{
    item::{Item, Read, text, unavailable},
    store::StoreError,
};

impl Vouchers {
    /// Up to `limit` purchases that are due at `now`, the longest overdue first. The index lags behind its table: the
    /// purchase itself decides whether anything is to be done.
    pub async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<VoucherId>, StoreError> {
        let shards = (0..rows::DUE_SHARDS).map(|shard| self.due_in(shard, now, limit));
        let mut due = Vec::new();
        for item in try_join_all(shards).await?.concat() {
            due.push((item.text("due_at")?.to_owned(), item.parsed("pk", VoucherId::parse)?));
        }
        due.sort();
        due.truncate(limit);
        Ok(due.into_iter().map(|(_, id)| id).collect())
    }

    /// How many purchases are unknown whose order was last submitted at or before `submitted_by`. Reads the keys of all
    /// open purchases, no row, and keeps none of them.
    pub async fn unknown_for(&self, submitted_by: Timestamp) -> Result<usize, StoreError> {
        let shards = (0..rows::DUE_SHARDS).map(|shard| self.unknown_in(shard, submitted_by));
        Ok(try_join_all(shards).await?.into_iter().sum())
    }

    async fn unknown_in(&self, shard: u8, submitted_by: Timestamp) -> Result<usize, StoreError> {
        let (mut count, mut from) = (0, None);
        loop {
            let (page, next) = self.page(self.shard(shard), from).await?;
            for item in page {
                let since = rows::unknown_since(item.text("due_at")?);
                count += usize::from(since.is_some_and(|since| since <= submitted_by));
            }
            match next {
                Some(next) => from = Some(next),
                None => return Ok(count),
            }
        }
    }

    async fn due_in(&self, shard: u8, now: Timestamp, limit: usize) -> Result<Vec<Item>, StoreError> {
        let query = self
            .shard(shard)
            .key_condition_expression("due_key = :key AND due_at <= :now")
            .expression_attribute_values(":now", text(format!("{now}~")));
        let (mut found, mut from) = (Vec::new(), None);
        while found.len() < limit {
            let query = query.clone().limit(i32::try_from(limit - found.len()).unwrap_or(i32::MAX));
            let (page, next) = self.page(query, from).await?;
            found.extend(page);
            from = next;
            if from.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn shard(&self, shard: u8) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_key = :key")
            .expression_attribute_values(":key", text(rows::due_key(shard)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    /// One page, and where the next one begins.
    async fn page(
        &self,
        query: QueryFluentBuilder,
        from: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let answer = query.set_exclusive_start_key(from).send().await.map_err(unavailable)?;
        self.meter.read(&answer.consumed_capacity);
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key.filter(|key| !key.is_empty())))
    }
}
