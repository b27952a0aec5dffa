//! Many at once, for whoever has a history to write: postings and openings that have nothing to do with each other share
//! a transaction. Each has the items and the conditions that it has alone, and each is answered by itself.
//!
//! When a condition of a transaction says no, each of its postings is committed alone, which tells whose it was.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{
    account::Account,
    transfer::{Party, State, Transfer},
};

use super::{
    Ledger,
    accounts::Opened,
    commit::{Movement, lost},
    rows,
    transfers::{PostError, Posted},
};
use crate::{
    store::StoreError,
    write::{self, Cancelled, WriteError},
};

/// Most items of one transaction (DynamoDB).
const MOST_ITEMS: usize = 100;

/// A transaction being filled. No row stands in it twice, which DynamoDB refuses.
#[derive(Default)]
struct Batch {
    items: Vec<TransactWriteItem>,
    /// Where each member's own row is among the items.
    own_rows: Vec<usize>,
    touched: HashSet<String>,
}

impl Batch {
    /// Adds a member, its own row first; `false` if that would make the transaction too large or have a row in it twice.
    fn take(&mut self, items: Vec<TransactWriteItem>, touches: Vec<String>) -> bool {
        let full = self.items.len() + items.len() > MOST_ITEMS;
        if full || touches.iter().any(|row| self.touched.contains(row)) {
            return false;
        }
        self.own_rows.push(self.items.len());
        self.items.extend(items);
        self.touched.extend(touches);
        true
    }

    fn members(&self) -> usize {
        self.own_rows.len()
    }
}

/// Whether every member was there before: the whole transaction is a repetition.
fn all_present(own_rows: &[usize], cancelled: &Cancelled) -> bool {
    own_rows.iter().all(|row| cancelled.failed(*row).is_some())
}

impl Ledger {
    /// Commits decided transfers in their order, as many in one transaction as share no account and fit into it. Each is
    /// committed as [`Ledger::post`] and, if it takes another back, [`Ledger::reverse`] would, and answered likewise.
    /// Repeating the call applies nothing twice, also after an error, which leaves open how many were committed.
    pub async fn post_many(&self, transfers: &[Transfer]) -> Result<Vec<Posted>, PostError> {
        let mut outcomes = Vec::with_capacity(transfers.len());
        while outcomes.len() < transfers.len() {
            let rest = &transfers[outcomes.len()..];
            let mut batch = Batch::default();
            for transfer in rest {
                if !batch.take(self.items_of(transfer)?, touches(transfer)) {
                    break;
                }
            }
            let members = &rest[..batch.members()];
            match write::transact(&self.client, &self.meter, batch.items).await {
                Ok(()) => outcomes.extend(members.iter().cloned().map(Posted::Done)),
                Err(WriteError::Cancelled(cancelled)) if all_present(&batch.own_rows, &cancelled) => {
                    for row in batch.own_rows {
                        let existing = cancelled.failed(row).flatten();
                        let existing = existing.ok_or_else(|| StoreError::corrupt("transfer row"))?;
                        outcomes.push(Posted::Before(rows::transfer(existing)?));
                    }
                }
                Err(WriteError::Cancelled(_) | WriteError::Conflict(_)) => {
                    for transfer in members {
                        outcomes.push(self.post_alone(transfer).await?);
                    }
                }
                Err(error) => return Err(lost(error)),
            }
        }
        Ok(outcomes)
    }

    /// Opens accounts in their order, as many in one transaction as fit into it, each as [`Ledger::open_account`] would.
    pub async fn open_accounts(&self, accounts: &[Account], customers_table: &str) -> Result<Vec<Opened>, StoreError> {
        let mut outcomes = Vec::with_capacity(accounts.len());
        while outcomes.len() < accounts.len() {
            let rest = &accounts[outcomes.len()..];
            let mut batch = Batch::default();
            let mut owners = HashSet::new();
            for account in rest {
                let mut items = self.opening(account)?;
                if !owners.contains(&account.owner) {
                    items.push(self.owner_is_active(&account.owner, customers_table)?);
                }
                if !batch.take(items, vec![account.id.to_string(), account.number.to_string()]) {
                    break;
                }
                owners.insert(&account.owner);
            }
            let members = &rest[..batch.members()];
            match write::transact(&self.client, &self.meter, batch.items).await {
                Ok(()) => outcomes.extend(members.iter().map(|_| Opened::Done)),
                Err(WriteError::Cancelled(cancelled)) if all_present(&batch.own_rows, &cancelled) => {
                    for row in batch.own_rows {
                        let existing = cancelled.failed(row).flatten();
                        let existing = existing.ok_or_else(|| StoreError::corrupt("account row"))?;
                        outcomes.push(Opened::Before(rows::account(existing)?));
                    }
                }
                Err(WriteError::Cancelled(_) | WriteError::Conflict(_)) => {
                    for account in members {
                        outcomes.push(self.open_account(account, customers_table).await?);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(outcomes)
    }

    async fn post_alone(&self, transfer: &Transfer) -> Result<Posted, PostError> {
        match &transfer.reverses {
            Some(original) => self.reverse(transfer, original).await,
            None => self.post(transfer).await,
        }
    }

    /// All that a decided transfer writes, its own row first.
    fn items_of(&self, transfer: &Transfer) -> Result<Vec<TransactWriteItem>, PostError> {
        let Movement { row, debit, credit, .. } = self.movement(transfer)?;
        let mark = match (&transfer.reverses, &transfer.state) {
            (None, _) | (_, State::Rejected { .. }) => None,
            (Some(original), _) => Some(self.reversed_mark(transfer, original)?),
        };
        Ok([Some(row), debit, credit, mark].into_iter().flatten().collect())
    }
}

/// The rows that a transfer has a say in, whether or not it writes them.
fn touches(transfer: &Transfer) -> Vec<String> {
    let sides = [&transfer.debit, &transfer.credit].into_iter().filter_map(|party| match party {
        Party::Account { id, .. } => Some(id.to_string()),
        Party::Wallet(customer) => Some(customer.to_string()),
        Party::System(_) => None,
    });
    let own = [Some(&transfer.id), transfer.reverses.as_ref()];
    sides.chain(own.into_iter().flatten().map(ToString::to_string)).collect()
}
