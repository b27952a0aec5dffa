//! Transfers as they stand, what a posting needs to know before it, and how postings end.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity};
use domain::{
    account::Account,
    id::{AccountId, TransferId},
    transfer::{Rejection, Transfer},
};

use super::{Ledger, rows};
use crate::{
    item::{Item, Read, key, unavailable},
    store::StoreError,
};

/// How often rows are asked for that a throttled table leaves out of its answer.
const BATCH_READS: u32 = 7;
/// Before the second of these reads it waits up to twice this long, before each further one up to twice as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// What is known before a transfer is decided.
#[derive(Debug, Default)]
pub struct Known {
    /// The transfer under this very id, if it was decided before.
    pub transfer: Option<Transfer>,
    /// The accounts that exist of those asked for.
    pub accounts: Vec<Account>,
}

impl Known {
    /// The account with this id.
    pub fn account(&self, id: Option<&AccountId>) -> Option<Account> {
        self.accounts.iter().find(|account| Some(&account.id) == id).cloned()
    }
}

/// How a posting ended.
#[derive(Debug)]
pub enum Posted {
    /// Committed now.
    Done(Transfer),
    /// The id was decided before, by an earlier or a simultaneous request.
    Before(Transfer),
    /// Refused by the rows as they are; nothing is remembered.
    Refused(Rejection),
}

/// How the resolution of a hold ended.
#[derive(Debug)]
pub enum Resolved {
    /// Committed now.
    Done(Transfer),
    /// The hold was resolved meanwhile; this is how it stands.
    Before(Transfer, Option<ResolutionKey>),
    /// A side refuses postings.
    Refused(Rejection),
}

/// The bytes of the idempotency key that captured a hold, and the amount it asked for (`None`: all of it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolutionKey {
    /// Derived from caller, path and key.
    pub id: TransferId,
    /// What was asked for.
    pub amount: Option<String>,
}

/// A posting failed because others keep writing: the first request with this key is still running, or the store is busy.
#[derive(Debug)]
pub enum PostError {
    /// Somebody is writing the row of this very transfer.
    InProgress,
    /// The world failed.
    Store(StoreError),
}

impl From<StoreError> for PostError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Ledger {
    /// Reads the transfer and the accounts a request names, consistently, in one call.
    pub async fn known(&self, id: &TransferId, accounts: &[&AccountId]) -> Result<Known, StoreError> {
        let mut keys = vec![key(id.as_str(), rows::TRANSFER)];
        for account in accounts {
            let account = key(account.as_str(), rows::ACCOUNT);
            if !keys.contains(&account) {
                keys.push(account);
            }
        }
        let mut known = Known::default();
        for item in self.batch_get(keys).await? {
            match item.text("sk")? {
                rows::TRANSFER => known.transfer = Some(rows::transfer(&item)?),
                _ => known.accounts.push(rows::account(&item)?),
            }
        }
        Ok(known)
    }

    /// Rows by their keys, consistently; at most 100. Missing ones are left out.
    pub(super) async fn batch_get(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        let mut wanted = Some(keys).filter(|keys| !keys.is_empty());
        for read in 0..BATCH_READS {
            let Some(keys) = wanted.take() else { return Ok(found) };
            if read > 0 {
                let longest = FIRST_PAUSE * 2u32.pow(read);
                tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
            }
            let request = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build()
                .map_err(|error| StoreError::Corrupt(error.to_string()))?;
            let mut answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, request)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(unavailable)?;
            self.meter.read(answer.consumed_capacity());
            found.extend(answer.responses.take().and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default());
            wanted = answer
                .unprocessed_keys
                .and_then(|mut tables: HashMap<_, _>| tables.remove(&self.table))
                .map(|rest| rest.keys)
                .filter(|keys| !keys.is_empty());
        }
        if wanted.is_none() {
            return Ok(found);
        }
        Err(StoreError::Unavailable("rows stay unprocessed".into()))
    }

    /// A transfer, read consistently.
    pub async fn transfer(&self, id: &TransferId) -> Result<Option<Transfer>, StoreError> {
        Ok(self.transfer_row(id).await?.map(|(transfer, _)| transfer))
    }

    /// A transfer and, for a captured hold, the key that captured it.
    pub async fn transfer_row(&self, id: &TransferId) -> Result<Option<(Transfer, Option<ResolutionKey>)>, StoreError> {
        let item = self.get(key(id.as_str(), rows::TRANSFER)).await?;
        item.map(|item| Ok((rows::transfer(&item)?, resolution_key(&item)?))).transpose()
    }
}

/// The key that captured a hold, from its row.
pub(super) fn resolution_key(item: &Item) -> Result<Option<ResolutionKey>, StoreError> {
    let id = item.parsed_optional("captured_by", TransferId::parse)?;
    Ok(id.map(|id| ResolutionKey { id, amount: item.optional("captured_ask").map(str::to_owned) }))
}
