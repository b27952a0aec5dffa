//! Resolving holds: captured, voided or expired, at most once.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use domain::{
    Money,
    account::AccountStatus,
    id::AccountId,
    transfer::{Resolution, Transfer},
};

use super::{
    Ledger,
    commit::{Committed, Movement, lost},
    rows,
    transfers::{PostError, ResolutionKey, Resolved, resolution_key},
};
use crate::{
    item::{key, money, text},
    store::StoreError,
    write,
};

impl Ledger {
    /// Commits the resolution of a hold on the condition that it is still pending, and within (or past) its deadline.
    /// `by` is remembered with a capture, so that its repetition is known.
    pub async fn resolve(
        &self,
        hold: &Transfer,
        resolution: &Resolution,
        by: Option<&ResolutionKey>,
    ) -> Result<Resolved, PostError> {
        match self.resolve_beside(hold, resolution, by, Vec::new()).await? {
            Committed::Done => Ok(Resolved::Done(hold.resolved(resolution))),
            Committed::Denied(denied) => {
                if let Some(existing) = denied.row()? {
                    return Ok(Resolved::Before(rows::transfer(existing)?, resolution_key(existing)?));
                }
                let rejection = denied.refusal()?.ok_or_else(|| StoreError::corrupt("less held than the hold"))?;
                Ok(Resolved::Refused(rejection))
            }
        }
    }

    /// As [`Ledger::resolve`], with the items beside it, all or nothing.
    pub(crate) async fn resolve_beside(
        &self,
        hold: &Transfer,
        resolution: &Resolution,
        by: Option<&ResolutionKey>,
        beside: Vec<TransactWriteItem>,
    ) -> Result<Committed, PostError> {
        let row = self.resolve_row(hold, &hold.resolved(resolution), resolution, by)?;
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
        self.commit(Movement { row, debit, credit, debits_wallet: false }, beside).await
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

    /// What was held moves. A frozen account pays too where the kind says so; there the hold itself is the condition.
    fn capture_debit(&self, id: &AccountId, hold: &Transfer, amount: Money) -> Result<TransactWriteItem, PostError> {
        let released = hold.money.checked_sub(amount).ok_or_else(|| StoreError::corrupt("captured amount"))?;
        let mut update = self
            .account_update(id)
            .update_expression(format!(
                "SET posted = posted - :amount, held = held - :held, available = available + :released, \
                 #version = #version + :one, {}",
                rows::remember_entry(":transfer")
            ))
            .expression_attribute_values(":transfer", text(hold.id.as_str()))
            .expression_attribute_values(":amount", money(amount))
            .expression_attribute_values(":held", money(hold.money))
            .expression_attribute_values(":released", money(released));
        update = if hold.kind.captures_frozen() {
            update.condition_expression("held >= :held")
        } else {
            update
                .condition_expression("#status = :active AND held >= :held")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":active", text(AccountStatus::Active.as_str()))
        };
        write::update(update).map_err(lost)
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
}
