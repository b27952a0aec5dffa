//! VouchersTable: products, purchases, and the payment references of partners.
//!
//! The only place that knows its attribute names. A purchase and its money are one `TransactWriteItems` over this table
//! and LedgerTable: there is no moment at which one says what the other does not. Every write is conditional on the
//! version the purchase was decided from; who is late gets the row as it is and decides anew.

mod buy;
mod due;
#[cfg(feature = "sqs")]
mod notice;
mod products;
mod rows;
mod save;

pub use buy::Purchased;
pub use save::Saved;

use aws_sdk_dynamodb::{Client, types::ReturnConsumedCapacity};
use domain::{
    customer::PhoneNumber,
    id::VoucherId,
    voucher::{Patience, Purchase},
};

use crate::{
    item::{self, Item, key, text, unavailable},
    meter::{Meter, Usage},
    store::StoreError,
};

/// Most purchases of one phone that are ever listed.
pub const MAX_OF_PHONE: usize = 1_000;

/// The table.
#[derive(Clone, Debug)]
pub struct Vouchers {
    client: Client,
    table: String,
    patience: Patience,
    meter: Meter,
}

impl Vouchers {
    /// A table of this name. Every write notes when its purchase is due, which `patience` says.
    pub fn new(client: Client, table: String, patience: Patience) -> Self {
        Self { client, table, patience, meter: Meter::default() }
    }

    /// A purchase as it stands, read consistently.
    pub async fn purchase(&self, id: &VoucherId) -> Result<Option<Purchase>, StoreError> {
        self.get(key(id.as_str(), rows::VOUCHER)).await?.as_ref().map(rows::purchase).transpose()
    }

    /// Up to `limit` purchases for a phone, at most [`MAX_OF_PHONE`], newest first, those left out that were never paid
    /// for. From an index: one of a moment ago may be missing, or be as it was a moment ago.
    pub async fn of_phone(&self, phone: &PhoneNumber, limit: usize) -> Result<Vec<Purchase>, StoreError> {
        let limit = limit.min(MAX_OF_PHONE);
        let (mut found, mut from) = (Vec::new(), None);
        while found.len() < limit {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("phones")
                .key_condition_expression("phone_key = :phone")
                .expression_attribute_values(":phone", text(phone.as_str()))
                .scan_index_forward(false)
                .limit(i32::try_from(limit - found.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(unavailable)?;
            self.meter.read(&answer.consumed_capacity);
            for item in answer.items.unwrap_or_default() {
                found.push(rows::purchase(&item)?);
            }
            from = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// What the reads and lone writes of this table have cost so far. What is committed together with money is counted
    /// by the ledger that it was committed with, [`crate::ledger::Ledger::usage`].
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
}
