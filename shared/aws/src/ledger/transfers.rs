//! Posting, and what a posting needs to know before it.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{
    ConditionCheck, KeysAndAttributes, Put, ReturnConsumedCapacity, TransactWriteItem, Update,
};
use domain::{
    Money,
    account::{Account, AccountStatus},
    id::{AccountId, TransferId},
    transfer::{Refusal, Rejection, Resolution, State, Transfer},
};

use super::{
    Ledger, rows,
    write::{self, Cancelled, WriteError},
};
use crate::{
    item::{Item, Read, key, money, number, text, unavailable},
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

    /// Commits a decided transfer. A rejected one is written down; a completed or pending one is one transaction of debit side, credit side and transfer row.
    /// Funds that ran out since the decision are recorded as a refusal under the transfer's id.
    pub async fn post(&self, transfer: &Transfer) -> Result<Posted, PostError> {
        if let State::Rejected { .. } = transfer.state {
            return self.refuse(transfer).await;
        }
        let sides = self.sides(transfer)?;
        let row = self.new_row(transfer)?;
        let debit = sides.debit.is_some().then_some(0);
        let credit = sides.credit.is_some().then_some(usize::from(debit.is_some()));
        let row_index = usize::from(debit.is_some()) + usize::from(credit.is_some());
        let items = [sides.debit, sides.credit, Some(row)].into_iter().flatten().collect();
        match write::transact(&self.client, &self.meter, items).await {
            Ok(()) => Ok(Posted::Done(transfer.clone())),
            Err(WriteError::Cancelled(cancelled)) => {
                if let Some(existing) = cancelled.failed(row_index) {
                    let existing = existing.ok_or_else(|| StoreError::corrupt("transfer row"))?;
                    return Ok(Posted::Before(rows::transfer(existing)?));
                }
                match self.refusal(&cancelled, debit, credit)? {
                    Some(rejection) => Ok(Posted::Refused(rejection)),
                    None => self.refuse(transfer).await,
                }
            }
            Err(WriteError::Conflict(indexes)) if indexes.contains(&row_index) => Err(PostError::InProgress),
            Err(error) => Err(lost(error)),
        }
    }

    /// Commits a reversal: as [`Ledger::post`], and the original is marked as reversed in the same transaction, which
    /// makes it happen once.
    pub async fn reverse(&self, reversal: &Transfer, original: &TransferId) -> Result<Posted, PostError> {
        if let State::Rejected { .. } = reversal.state {
            return self.refuse(reversal).await;
        }
        let sides = self.sides(reversal)?;
        let row = self.new_row(reversal)?;
        let mark = write::update(
            Update::builder()
                .table_name(&self.table)
                .set_key(Some(key(original.as_str(), rows::TRANSFER)))
                .update_expression("SET reversed_by = :reversal")
                .condition_expression("attribute_not_exists(reversed_by) AND #status IN (:completed, :captured)")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":reversal", text(reversal.id.as_str()))
                .expression_attribute_values(":completed", text("completed"))
                .expression_attribute_values(":captured", text("captured")),
        )
        .map_err(lost)?;
        let debit = sides.debit.is_some().then_some(2);
        let credit = sides.credit.is_some().then_some(2 + usize::from(debit.is_some()));
        let items = [Some(row), Some(mark), sides.debit, sides.credit].into_iter().flatten().collect();
        match write::transact(&self.client, &self.meter, items).await {
            Ok(()) => Ok(Posted::Done(reversal.clone())),
            Err(WriteError::Cancelled(cancelled)) => {
                if let Some(existing) = cancelled.failed(0) {
                    let existing = existing.ok_or_else(|| StoreError::corrupt("transfer row"))?;
                    return Ok(Posted::Before(rows::transfer(existing)?));
                }
                if cancelled.failed(1).is_some() {
                    return Ok(Posted::Refused(Rejection::AlreadyReversed));
                }
                match self.refusal(&cancelled, debit, credit)? {
                    Some(rejection) => Ok(Posted::Refused(rejection)),
                    None => self.refuse(reversal).await,
                }
            }
            Err(WriteError::Conflict(indexes)) if indexes.contains(&0) => Err(PostError::InProgress),
            Err(error) => Err(lost(error)),
        }
    }

    /// Writes a refusal down under the transfer's id, unless the id was decided meanwhile.
    async fn refuse(&self, transfer: &Transfer) -> Result<Posted, PostError> {
        let rejected = transfer.clone().rejected(Refusal::InsufficientFunds);
        let put = self.new_row(&rejected)?;
        match write::transact(&self.client, &self.meter, vec![put]).await {
            Ok(()) => Ok(Posted::Done(rejected)),
            Err(WriteError::Cancelled(cancelled)) => {
                let existing = cancelled.failed(0).flatten().ok_or_else(|| StoreError::corrupt("transfer row"))?;
                Ok(Posted::Before(rows::transfer(existing)?))
            }
            Err(WriteError::Conflict(_)) => Err(PostError::InProgress),
            Err(error) => Err(lost(error)),
        }
    }

    /// Commits the resolution of a hold on the condition that it is still pending, and within (or past) its deadline.
    /// `by` is remembered with a capture, so that its repetition is known.
    pub async fn resolve(
        &self,
        hold: &Transfer,
        resolution: &Resolution,
        by: Option<&ResolutionKey>,
    ) -> Result<Resolved, PostError> {
        let resolved = hold.resolved(resolution);
        let row = self.resolve_row(hold, &resolved, resolution, by)?;
        let (debit, credit) = match resolution {
            Resolution::Capture { amount, .. } => {
                let debit = hold.debit.account().map(|id| self.capture_debit(id, hold, *amount)).transpose()?;
                let credit = hold.credit.account().map(|id| self.credit(id, *amount, &hold.id)).transpose()?;
                (debit, credit)
            }
            Resolution::Void { .. } | Resolution::Expire { .. } => {
                (hold.debit.account().map(|id| self.release(id, hold.money)).transpose()?, None)
            }
        };
        let debit_index = debit.is_some().then_some(1);
        let credit_index = credit.is_some().then_some(1 + usize::from(debit.is_some()));
        let items = [Some(row), debit, credit].into_iter().flatten().collect();
        match write::transact(&self.client, &self.meter, items).await {
            Ok(()) => Ok(Resolved::Done(resolved)),
            Err(WriteError::Cancelled(cancelled)) => {
                if let Some(existing) = cancelled.failed(0) {
                    let existing = existing.ok_or_else(|| StoreError::corrupt("transfer row"))?;
                    return Ok(Resolved::Before(rows::transfer(existing)?, resolution_key(existing)?));
                }
                let rejection = self.refusal(&cancelled, debit_index, credit_index)?;
                Ok(Resolved::Refused(rejection.ok_or_else(|| StoreError::corrupt("less held than the hold"))?))
            }
            Err(WriteError::Conflict(indexes)) if indexes.contains(&0) => Err(PostError::InProgress),
            Err(error) => Err(lost(error)),
        }
    }

    fn sides(&self, transfer: &Transfer) -> Result<Sides, PostError> {
        let pending = matches!(transfer.state, State::Pending { .. });
        let debit = transfer.debit.account().map(|id| {
            if pending { self.reserve(id, transfer.money) } else { self.debit(id, transfer.money, &transfer.id) }
        });
        let credit = transfer
            .credit
            .account()
            .map(|id| if pending { self.takes_postings(id) } else { self.credit(id, transfer.money, &transfer.id) });
        Ok(Sides { debit: debit.transpose()?, credit: credit.transpose()? })
    }

    fn new_row(&self, transfer: &Transfer) -> Result<TransactWriteItem, PostError> {
        write::put(
            Put::builder()
                .table_name(&self.table)
                .set_item(Some(rows::transfer_item(transfer)))
                .condition_expression("attribute_not_exists(pk)"),
        )
        .map_err(lost)
    }

    fn account_update(&self, id: &AccountId) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(id.as_str(), rows::ACCOUNT)))
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":one", number(1))
    }

    fn debit(&self, id: &AccountId, amount: Money, transfer: &TransferId) -> Result<TransactWriteItem, PostError> {
        write::update(
            self.account_update(id)
                .update_expression(format!(
                    "SET posted = posted - :amount, available = available - :amount, \
                     #version = #version + :one, {}",
                    rows::remember_entry(":transfer")
                ))
                .condition_expression("#status = :active AND available >= :amount")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":active", text(AccountStatus::Active.as_str()))
                .expression_attribute_values(":transfer", text(transfer.as_str()))
                .expression_attribute_values(":amount", money(amount)),
        )
        .map_err(lost)
    }

    fn credit(&self, id: &AccountId, amount: Money, transfer: &TransferId) -> Result<TransactWriteItem, PostError> {
        write::update(
            self.account_update(id)
                .update_expression(format!(
                    "SET posted = posted + :amount, available = available + :amount, \
                     #version = #version + :one, {}",
                    rows::remember_entry(":transfer")
                ))
                .condition_expression("#status = :active")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":active", text(AccountStatus::Active.as_str()))
                .expression_attribute_values(":transfer", text(transfer.as_str()))
                .expression_attribute_values(":amount", money(amount)),
        )
        .map_err(lost)
    }

    fn reserve(&self, id: &AccountId, amount: Money) -> Result<TransactWriteItem, PostError> {
        write::update(
            self.account_update(id)
                .update_expression(
                    "SET held = held + :amount, available = available - :amount, #version = #version + :one",
                )
                .condition_expression("#status = :active AND available >= :amount")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":active", text(AccountStatus::Active.as_str()))
                .expression_attribute_values(":amount", money(amount)),
        )
        .map_err(lost)
    }

    /// What was held is released, also on a frozen account: freeing is no posting.
    fn release(&self, id: &AccountId, amount: Money) -> Result<TransactWriteItem, PostError> {
        write::update(
            self.account_update(id)
                .update_expression(
                    "SET held = held - :amount, available = available + :amount, #version = #version + :one",
                )
                .condition_expression("held >= :amount")
                .expression_attribute_values(":amount", money(amount)),
        )
        .map_err(lost)
    }

    fn capture_debit(&self, id: &AccountId, hold: &Transfer, amount: Money) -> Result<TransactWriteItem, PostError> {
        let released = hold.money.checked_sub(amount).ok_or_else(|| StoreError::corrupt("captured amount"))?;
        write::update(
            self.account_update(id)
                .update_expression(format!(
                    "SET posted = posted - :amount, held = held - :held, available = available + :released, \
                     #version = #version + :one, {}",
                    rows::remember_entry(":transfer")
                ))
                .condition_expression("#status = :active AND held >= :held")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":active", text(AccountStatus::Active.as_str()))
                .expression_attribute_values(":transfer", text(hold.id.as_str()))
                .expression_attribute_values(":amount", money(amount))
                .expression_attribute_values(":held", money(hold.money))
                .expression_attribute_values(":released", money(released)),
        )
        .map_err(lost)
    }

    fn takes_postings(&self, id: &AccountId) -> Result<TransactWriteItem, PostError> {
        write::check(
            ConditionCheck::builder()
                .table_name(&self.table)
                .set_key(Some(key(id.as_str(), rows::ACCOUNT)))
                .condition_expression("#status = :active")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":active", text(AccountStatus::Active.as_str())),
        )
        .map_err(lost)
    }

    fn resolve_row(
        &self,
        hold: &Transfer,
        resolved: &Transfer,
        resolution: &Resolution,
        by: Option<&ResolutionKey>,
    ) -> Result<TransactWriteItem, PostError> {
        let (deadline, now) = match *resolution {
            Resolution::Capture { at, .. } | Resolution::Void { at } => ("expires_at > :now", at),
            Resolution::Expire { at } => ("expires_at <= :now", at),
        };
        let mut set = vec!["#status = :status", "resolved_at = :now"];
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(hold.id.as_str(), rows::TRANSFER)))
            .condition_expression(format!("#status = :pending AND {deadline}"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", text("pending"))
            .expression_attribute_values(":status", text(rows::stored_status(&resolved.state)))
            .expression_attribute_values(":now", text(now.to_string()));
        if let Resolution::Capture { amount, .. } = resolution {
            set.extend(["captured = :captured", "posted_at = :now", "debit_key = :debit_key"]);
            set.extend(["credit_key = :credit_key", "entry_key = :entry_key"]);
            update = update.expression_attribute_values(":captured", money(*amount));
            for (name, value) in rows::index_keys(resolved) {
                update = update.expression_attribute_values(format!(":{name}"), text(value));
            }
            if let Some(by) = by {
                set.push("captured_by = :captured_by");
                update = update.expression_attribute_values(":captured_by", text(by.id.as_str()));
                if let Some(asked) = &by.amount {
                    set.push("captured_ask = :captured_ask");
                    update = update.expression_attribute_values(":captured_ask", text(asked));
                }
            }
        }
        write::update(update.update_expression(format!("SET {} REMOVE hold_key, hold_expires", set.join(", "))))
            .map_err(lost)
    }

    /// Which rule the rows refuse by, in the published order: frozen, closed; `None` for lack of funds.
    fn refusal(
        &self,
        cancelled: &Cancelled,
        debit: Option<usize>,
        credit: Option<usize>,
    ) -> Result<Option<Rejection>, StoreError> {
        let failed = |index: Option<usize>| index.and_then(|index| cancelled.failed(index));
        let mut statuses = Vec::new();
        for side in [failed(debit), failed(credit)].into_iter().flatten() {
            let Some(row) = side else { return Ok(Some(Rejection::AccountNotFound)) };
            statuses.push(row.parsed("status", AccountStatus::parse)?);
        }
        if statuses.contains(&AccountStatus::Frozen) {
            Ok(Some(Rejection::AccountFrozen))
        } else if statuses.contains(&AccountStatus::Closed) {
            Ok(Some(Rejection::AccountClosed))
        } else if failed(debit).is_some() {
            Ok(None)
        } else {
            Err(StoreError::corrupt("a transaction was cancelled for no reason of ours"))
        }
    }
}

struct Sides {
    debit: Option<TransactWriteItem>,
    credit: Option<TransactWriteItem>,
}

fn resolution_key(item: &Item) -> Result<Option<ResolutionKey>, StoreError> {
    let id = item.parsed_optional("captured_by", TransferId::parse)?;
    Ok(id.map(|id| ResolutionKey { id, amount: item.optional("captured_ask").map(str::to_owned) }))
}

fn lost(error: WriteError) -> PostError {
    PostError::Store(match error {
        WriteError::Store(error) => error,
        WriteError::Conflict(_) => StoreError::Conflict,
        WriteError::Cancelled(_) => StoreError::corrupt("a condition failed that has no meaning here"),
    })
}
