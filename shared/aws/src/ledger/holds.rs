//! Holds whose deadline has come.

use domain::{Timestamp, id::TransferId};
use futures::future::try_join_all;

use super::{Ledger, rows};
use crate::{
    item::{Read, text, unavailable},
    store::StoreError,
};

impl Ledger {
    /// Up to `limit` holds with a deadline at or before `now`, the longest overdue of each shard first. The index lags
    /// behind its table, so the row itself decides whether a hold is still pending.
    pub async fn due_holds(&self, now: Timestamp, limit: usize) -> Result<Vec<TransferId>, StoreError> {
        let per_shard = limit.div_ceil(usize::from(rows::HOLD_SHARDS)).max(1);
        let shards = (0..rows::HOLD_SHARDS).map(|shard| self.due_in(shard, now, per_shard));
        Ok(try_join_all(shards).await?.concat())
    }

    async fn due_in(&self, shard: u8, now: Timestamp, limit: usize) -> Result<Vec<TransferId>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("holds")
            .key_condition_expression("hold_key = :key AND hold_expires <= :now")
            .expression_attribute_values(":key", text(rows::hold_key(shard)))
            .expression_attribute_values(":now", text(format!("{now}~")))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(unavailable)?;
        answer.items.unwrap_or_default().iter().map(|item| item.parsed("pk", TransferId::parse)).collect()
    }
}
