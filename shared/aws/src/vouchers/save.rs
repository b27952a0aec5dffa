//! A purchase moves on: by itself, or together with its money.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use domain::{
    Timestamp,
    id::TransferId,
    transfer::{HoldRejection, Resolution, Transfer},
    voucher::{MoneyMove, Purchase},
};

use super::{Vouchers, rows};
use crate::{
    item::{Item, key, number},
    ledger::{Committed, Ledger, transfers::PostError},
    store::StoreError,
    write::{self, WriteError, WriteId},
};

/// How a change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved<T = Purchase> {
    /// Committed now.
    Done,
    /// It is no longer as it was decided upon, and nothing was written; this is how it stands.
    Stale(Box<T>),
}

impl Vouchers {
    /// Writes `next` if the purchase still has the version before it. Moves no money: for that see
    /// [`Vouchers::settle`].
    pub async fn save(&self, next: &Purchase) -> Result<Saved, StoreError> {
        let id = WriteId::new();
        let Change { update, condition, names, values } = self.change(next, id);
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(next.id.as_str(), rows::VOUCHER)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values));
        match write::update_alone(&self.meter, request).await {
            Ok(_) => Ok(Saved::Done),
            Err(WriteError::Cancelled(cancelled)) => stale(cancelled.failed(0).flatten(), id),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes `next` and moves its money as [`Purchase::settle`] decided, in one transaction, if the purchase still has
    /// the version before it. Money that stands otherwise than the purchase says is corrupt: no outcome mends it.
    pub async fn settle(
        &self,
        ledger: &Ledger,
        next: &Purchase,
        money: &MoneyMove,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        match money {
            MoneyMove::Stays => self.save(next).await,
            MoneyMove::Capture(hold) => {
                let capture = |hold: &Transfer| hold.capture(None, now).map(Some);
                self.resolve(ledger, next, hold, capture).await
            }
            MoneyMove::Release(hold) => self.resolve(ledger, next, hold, |hold| hold.void(now)).await,
            MoneyMove::Book(booking) => {
                let id = WriteId::new();
                let committed = ledger.post_beside(booking, vec![self.update(next, id)?]).await;
                committed_with(committed, id)
            }
        }
    }

    async fn resolve(
        &self,
        ledger: &Ledger,
        next: &Purchase,
        hold: &TransferId,
        how: impl FnOnce(&Transfer) -> Result<Option<Resolution>, HoldRejection>,
    ) -> Result<Saved, StoreError> {
        let hold = ledger.transfer(hold).await?.ok_or_else(|| StoreError::corrupt("a purchase without its hold"))?;
        let Ok(Some(resolution)) = how(&hold) else { return self.resolved_before(next).await };
        let id = WriteId::new();
        let committed = ledger.resolve_beside(&hold, &resolution, None, vec![self.update(next, id)?]).await;
        committed_with(committed, id)
    }

    /// A hold is resolved together with its purchase only: the purchase must have moved on as well.
    async fn resolved_before(&self, next: &Purchase) -> Result<Saved, StoreError> {
        match self.purchase(&next.id).await? {
            Some(row) if row.version != next.version.saturating_sub(1) => Ok(Saved::Stale(Box::new(row))),
            _ => Err(StoreError::corrupt("the hold of an open purchase is resolved")),
        }
    }

    fn update(&self, next: &Purchase, id: WriteId) -> Result<aws_sdk_dynamodb::types::TransactWriteItem, StoreError> {
        let Change { update, condition, names, values } = self.change(next, id);
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(next.id.as_str(), rows::VOUCHER)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values));
        Ok(write::update(update)?)
    }

    /// Sets what `next` has of everything that changes in the life of a purchase, and removes the rest.
    fn change(&self, next: &Purchase, id: WriteId) -> Change {
        let mut has = rows::standing(next, &self.patience, id);
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        let mut names = HashMap::from([("#version".to_owned(), "version".to_owned())]);
        let before = number(next.version.saturating_sub(1));
        let mut values = HashMap::from([(":before".to_owned(), before)]);
        for name in rows::STANDING {
            names.insert(format!("#{name}"), name.to_owned());
            match has.remove(name) {
                Some(value) => {
                    set.push(format!("#{name} = :{name}"));
                    values.insert(format!(":{name}"), value);
                }
                None => remove.push(format!("#{name}")),
            }
        }
        let update = format!("SET {} REMOVE {}", set.join(", "), remove.join(", "));
        Change { update, condition: "#version = :before", names, values }
    }
}

struct Change {
    update: String,
    condition: &'static str,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

fn committed_with(committed: Result<Committed, PostError>, id: WriteId) -> Result<Saved, StoreError> {
    match committed {
        Ok(Committed::Done) => Ok(Saved::Done),
        Ok(Committed::Denied(denied)) => match denied.beside(0) {
            Some(row) => stale(row, id),
            None => Err(StoreError::corrupt("the money of a purchase stands otherwise than the purchase")),
        },
        // Another outcome of this purchase is being written, or was tried to be too often.
        Err(PostError::InProgress) => Err(StoreError::Conflict),
        Err(PostError::Store(error)) => Err(error),
    }
}

fn stale(row: Option<&Item>, id: WriteId) -> Result<Saved, StoreError> {
    let row = row.ok_or_else(|| StoreError::corrupt("the purchase is gone"))?;
    // Our own write, of which the answer was lost.
    Ok(if id.wrote(row) { Saved::Done } else { Saved::Stale(Box::new(rows::purchase(row)?)) })
}
