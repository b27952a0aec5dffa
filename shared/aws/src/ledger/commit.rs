//! One transaction for one movement of money: the transfer's own row, its sides, and whatever belongs to it.

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{
    account::AccountStatus,
    transfer::{Rejection, Transfer},
};

use super::{Ledger, rows, transfers::PostError};
use crate::{
    item::{Item, Read},
    store::StoreError,
    write::{self, Cancelled, WriteError},
};

/// What a movement of money writes in LedgerTable.
pub(super) struct Movement {
    /// The transfer's own row.
    pub row: TransactWriteItem,
    /// The debited account, if a customer's is debited.
    pub debit: Option<TransactWriteItem>,
    /// The credited account, likewise.
    pub credit: Option<TransactWriteItem>,
    /// Whether what is debited is a wallet, which refuses for lack of funds only.
    pub debits_wallet: bool,
}

/// How a transaction ended whose conditions were heard.
#[derive(Debug)]
pub(crate) enum Committed {
    /// All of it is written.
    Done,
    /// None of it is.
    Denied(Denied),
}

/// Which conditions said no.
#[derive(Debug)]
pub(crate) struct Denied {
    cancelled: Cancelled,
    debit: Option<usize>,
    credit: Option<usize>,
    debits_wallet: bool,
    beside: usize,
}

impl Denied {
    /// The transfer's row as it stands, if it is not as the movement needs it.
    pub fn row(&self) -> Result<Option<&Item>, StoreError> {
        let failed = self.cancelled.failed(0);
        failed.map(|row| row.ok_or_else(|| StoreError::corrupt("transfer row"))).transpose()
    }

    /// The transfer as it stands, if it is not as the movement needs it.
    pub fn transfer(&self) -> Result<Option<Transfer>, StoreError> {
        self.row()?.map(rows::transfer).transpose()
    }

    /// `Some` if the condition of the item with this index among those beside the movement failed; inside it the row
    /// as it is, if there is one.
    pub fn beside(&self, index: usize) -> Option<Option<&Item>> {
        self.cancelled.failed(self.beside + index)
    }

    /// Which rule the accounts refuse by, in the published order: frozen, closed; `None` for lack of funds.
    pub fn refusal(&self) -> Result<Option<Rejection>, StoreError> {
        let failed = |index: Option<usize>| index.and_then(|index| self.cancelled.failed(index));
        let (debit, credit) = (failed(self.debit), failed(self.credit));
        let mut statuses = Vec::new();
        let account = debit.filter(|_| !self.debits_wallet);
        for side in [account, credit].into_iter().flatten() {
            let Some(row) = side else { return Ok(Some(Rejection::AccountNotFound)) };
            statuses.push(row.parsed("status", AccountStatus::parse)?);
        }
        if statuses.contains(&AccountStatus::Frozen) {
            Ok(Some(Rejection::AccountFrozen))
        } else if statuses.contains(&AccountStatus::Closed) {
            Ok(Some(Rejection::AccountClosed))
        } else if debit.is_some() {
            Ok(None)
        } else {
            Err(StoreError::corrupt("a transaction was cancelled for no reason of ours"))
        }
    }
}

impl Ledger {
    /// Commits a movement and the items beside it, all or nothing.
    pub(super) async fn commit(
        &self,
        movement: Movement,
        beside: Vec<TransactWriteItem>,
    ) -> Result<Committed, PostError> {
        let Movement { row, debit, credit, debits_wallet } = movement;
        let debit_index = debit.is_some().then_some(1);
        let credit_index = credit.is_some().then_some(1 + usize::from(debit.is_some()));
        let first_beside = 1 + usize::from(debit.is_some()) + usize::from(credit.is_some());
        let items = [Some(row), debit, credit].into_iter().flatten().chain(beside).collect();
        match write::transact(&self.client, &self.meter, items).await {
            Ok(()) => Ok(Committed::Done),
            Err(WriteError::Cancelled(cancelled)) => Ok(Committed::Denied(Denied {
                cancelled,
                debit: debit_index,
                credit: credit_index,
                debits_wallet,
                beside: first_beside,
            })),
            Err(WriteError::Conflict(indexes)) if indexes.contains(&0) => Err(PostError::InProgress),
            Err(error) => Err(lost(error)),
        }
    }
}

/// A write that failed for no reason that its caller gave it.
pub(super) fn lost(error: WriteError) -> PostError {
    PostError::Store(error.into())
}
