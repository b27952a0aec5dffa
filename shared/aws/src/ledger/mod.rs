//! LedgerTable: accounts, transfers and their entries, wallets.
//!
//! The only place that knows its attribute names. Every change of money is one `TransactWriteItems` whose conditions
//! are the rules; a condition that fails is an answer and never tried again, a conflict or a throttle is. What belongs
//! to a movement of money in another table is written beside it, in the same transaction.

pub mod accounts;
pub mod audit;
mod batch;
mod commit;
pub mod history;
pub mod holds;
mod post;
mod resolve;
mod rows;
pub mod transfers;
pub mod wallets;

pub(crate) use commit::Committed;

use aws_sdk_dynamodb::Client;
use domain::{account::Account, id::AccountId, number::AccountNumber};

use crate::{
    item::{self, Item, Read, key},
    meter::{Meter, Usage},
    store::StoreError,
};

/// The table.
#[derive(Clone, Debug)]
pub struct Ledger {
    client: Client,
    table: String,
    meter: Meter,
}

impl Ledger {
    /// A table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table, meter: Meter::default() }
    }

    /// An account as it stands, read consistently.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let item = self.get(key(id.as_str(), rows::ACCOUNT)).await?;
        item.as_ref().map(rows::account).transpose()
    }

    /// The account behind a number.
    pub async fn account_by_number(&self, number: &AccountNumber) -> Result<Option<AccountId>, StoreError> {
        let item = self.get(key(rows::number_key(number), rows::NUMBER)).await?;
        item.map(|item| item.parsed("account_id", AccountId::parse)).transpose()
    }

    /// What this ledger's reads and postings have cost so far.
    pub fn usage(&self) -> Usage {
        self.meter.usage()
    }

    async fn get(&self, key: Item) -> Result<Option<Item>, StoreError> {
        item::row(&self.meter, self.client.get_item().table_name(&self.table).set_key(Some(key))).await
    }

    /// Whether the table answers at all.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.get(key("health", "health")).await.map(drop)
    }
}
