//! Posting: transfers decided just now, reversals, and attempts that are refused and remembered.

use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem, Update, builders::UpdateBuilder};
use domain::{
    Money,
    account::AccountStatus,
    id::{AccountId, TransferId},
    transfer::{Party, Refusal, Rejection, State, Transfer},
};

use super::{
    Ledger,
    commit::{Committed, Movement, lost},
    rows,
    transfers::{PostError, Posted},
};
use crate::{
    item::{key, money, number, text},
    store::StoreError,
    write,
};

impl Ledger {
    /// Commits a decided transfer. A rejected one is written down; any other is one transaction of transfer row, debit
    /// side and credit side. A hold may come with its end already, which is how history is written afterwards. Funds that ran out since the decision are recorded as a refusal under
    /// the transfer's id.
    pub async fn post(&self, transfer: &Transfer) -> Result<Posted, PostError> {
        match self.post_beside(transfer, Vec::new()).await? {
            Committed::Done => Ok(Posted::Done(transfer.clone())),
            Committed::Denied(denied) => {
                if let Some(existing) = denied.row()? {
                    return Ok(Posted::Before(rows::transfer(existing)?));
                }
                match denied.refusal()? {
                    Some(rejection) => Ok(Posted::Refused(rejection)),
                    None => self.refuse(transfer).await,
                }
            }
        }
    }

    /// Commits a reversal: as [`Ledger::post`], and the original is marked as reversed in the same transaction, which
    /// makes it happen once.
    pub async fn reverse(&self, reversal: &Transfer, original: &TransferId) -> Result<Posted, PostError> {
        if let State::Rejected { .. } = reversal.state {
            return self.post(reversal).await;
        }
        let mark = self.reversed_mark(reversal, original)?;
        match self.post_beside(reversal, vec![mark]).await? {
            Committed::Done => Ok(Posted::Done(reversal.clone())),
            Committed::Denied(denied) => {
                if let Some(existing) = denied.row()? {
                    return Ok(Posted::Before(rows::transfer(existing)?));
                }
                if denied.beside(0).is_some() {
                    return Ok(Posted::Refused(Rejection::AlreadyReversed));
                }
                match denied.refusal()? {
                    Some(rejection) => Ok(Posted::Refused(rejection)),
                    None => self.refuse(reversal).await,
                }
            }
        }
    }

    /// Commits a decided transfer and the items beside it, all or nothing.
    pub(crate) async fn post_beside(
        &self,
        transfer: &Transfer,
        beside: Vec<TransactWriteItem>,
    ) -> Result<Committed, PostError> {
        self.commit(self.movement(transfer)?, beside).await
    }

    /// What a decided transfer writes. A rejected one moves nothing: its row is all that is written of it.
    pub(super) fn movement(&self, transfer: &Transfer) -> Result<Movement, PostError> {
        let row = self.new_row(transfer)?;
        let (debit, credit) = match transfer.state {
            State::Rejected { .. } => (None, None),
            _ => self.sides(transfer)?,
        };
        Ok(Movement { row, debit, credit, debits_wallet: transfer.debit.wallet().is_some() })
    }

    /// Marks the original as taken back, if nobody has before.
    pub(super) fn reversed_mark(
        &self,
        reversal: &Transfer,
        original: &TransferId,
    ) -> Result<TransactWriteItem, PostError> {
        write::update(
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
        .map_err(lost)
    }

    /// Writes a refusal down under the transfer's id, unless the id was decided meanwhile.
    pub(crate) async fn refuse(&self, transfer: &Transfer) -> Result<Posted, PostError> {
        let rejected = transfer.clone().rejected(Refusal::InsufficientFunds);
        match self.post_beside(&rejected, Vec::new()).await? {
            Committed::Done => Ok(Posted::Done(rejected)),
            Committed::Denied(denied) => {
                let existing = denied.row()?.ok_or_else(|| StoreError::corrupt("transfer row"))?;
                Ok(Posted::Before(rows::transfer(existing)?))
            }
        }
    }

    /// Debit and credit side, where they are customers'. A hold that comes with its end already needs what it reserved
    /// and moves what was captured of it.
    fn sides(&self, transfer: &Transfer) -> Result<(Option<TransactWriteItem>, Option<TransactWriteItem>), PostError> {
        let money = transfer.money;
        let pending = matches!(transfer.state, State::Pending { .. });
        let moved = transfer.posted().map(|(amount, _)| amount);
        let debit = match &transfer.debit {
            Party::Account { id, .. } if pending => Some(self.reserve(id, money)?),
            Party::Account { id, .. } => Some(match moved {
                Some(amount) => self.debit(id, money, amount, &transfer.id)?,
                None => self.could_reserve(id, money)?,
            }),
            Party::Wallet(customer) => Some(self.take(customer, money)?),
            Party::System(_) => None,
        };
        let credit = match &transfer.credit {
            Party::Account { id, .. } => Some(match moved {
                Some(amount) => self.credit(id, amount, &transfer.id)?,
                None => self.takes_postings(id)?,
            }),
            Party::Wallet(customer) => Some(self.give_money(customer, money)?),
            Party::System(_) => None,
        };
        Ok((debit, credit))
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

    pub(super) fn account_update(&self, id: &AccountId) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(id.as_str(), rows::ACCOUNT)))
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":one", number(1))
    }

    /// Takes `amount`, if as much as `needed` is available: more than that only where a part of a hold was captured.
    fn debit(
        &self,
        id: &AccountId,
        needed: Money,
        amount: Money,
        transfer: &TransferId,
    ) -> Result<TransactWriteItem, PostError> {
        let mut update = self.account_update(id);
        let mut condition = "#status = :active AND available >= :amount";
        if needed != amount {
            condition = "#status = :active AND available >= :needed";
            update = update.expression_attribute_values(":needed", money(needed));
        }
        write::update(
            update
                .update_expression(format!(
                    "SET posted = posted - :amount, available = available - :amount, \
                     #version = #version + :one, {}",
                    rows::remember_entry(":transfer")
                ))
                .condition_expression(condition)
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":active", text(AccountStatus::Active.as_str()))
                .expression_attribute_values(":transfer", text(transfer.as_str()))
                .expression_attribute_values(":amount", money(amount)),
        )
        .map_err(lost)
    }

    pub(super) fn credit(
        &self,
        id: &AccountId,
        amount: Money,
        transfer: &TransferId,
    ) -> Result<TransactWriteItem, PostError> {
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

    /// A hold that was given back leaves nothing behind, but there must have been enough to reserve.
    fn could_reserve(&self, id: &AccountId, amount: Money) -> Result<TransactWriteItem, PostError> {
        write::check(
            ConditionCheck::builder()
                .table_name(&self.table)
                .set_key(Some(key(id.as_str(), rows::ACCOUNT)))
                .condition_expression("#status = :active AND available >= :amount")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":active", text(AccountStatus::Active.as_str()))
                .expression_attribute_values(":amount", money(amount)),
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
}
