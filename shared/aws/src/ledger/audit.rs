//! The ledger recomputed from its rows.
//!
//! Accounts are compared with the sum of their entries, system accounts are nothing but the sum of theirs. Money that
//! moves during the scan makes an account look wrong for a moment: whoever differs is read again until it stands still.

use std::collections::HashMap;

use domain::{
    Money,
    account::Account,
    audit::{Audit, Finding, Tally},
    id::AccountId,
    transfer::{Party, State, Transfer},
};

use super::{
    Ledger,
    history::{History, Window},
    rows::{self, Shelf},
};
use crate::{
    item::{Item, Read, unavailable},
    store::StoreError,
};

/// How often an account that differs is looked at again before the difference is believed.
const LOOKS: usize = 20;

impl Ledger {
    /// Recomputes everything. Reads every row of the table once, and the entries of accounts that moved meanwhile.
    pub async fn audit(&self) -> Result<Audit, StoreError> {
        let mut audit = Audit::default();
        let (mut accounts, mut tallies) = (Vec::new(), HashMap::<AccountId, Tally>::new());
        let mut from: Option<Item> = None;
        loop {
            let answer = self
                .client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(unavailable)?;
            for item in answer.items.unwrap_or_default() {
                match item.text("sk")? {
                    rows::ACCOUNT => accounts.push(rows::account(&item)?),
                    rows::TRANSFER => count(&rows::transfer(&item)?, &mut audit, &mut tallies)?,
                    _ => {}
                }
            }
            from = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                break;
            }
        }
        for account in accounts {
            let tally = tallies.remove(&account.id).unwrap_or_else(|| Tally::new(account.currency));
            self.settle(account, tally, &mut audit).await?;
        }
        // Entries whose account row is gone: money nobody holds.
        for (id, tally) in tallies {
            if self.account(&id).await?.is_none() && !tally.posted.is_zero() {
                audit.find(Finding::of_lost(id, tally));
            }
        }
        Ok(audit)
    }

    async fn settle(&self, mut account: Account, scanned: Tally, audit: &mut Audit) -> Result<(), StoreError> {
        let mut tally = scanned;
        for _ in 0..LOOKS {
            if tally.explains(&account) {
                break;
            }
            let before = account.version;
            tally = self.tally(&account).await?;
            let Some(now) = self.account(&account.id).await? else { return Ok(()) };
            let still = now.version == before;
            account = now;
            if still {
                break;
            }
        }
        audit.add_account(&account, &scanned, &tally).ok_or_else(|| StoreError::corrupt("sum of accounts"))
    }

    /// Entries and holds of one account, from its index partitions.
    async fn tally(&self, account: &Account) -> Result<Tally, StoreError> {
        let mut tally = Tally::new(account.currency);
        for shelf in [Shelf::Posted, Shelf::Other] {
            let mut history = History::new(self, Window::default(), None, usize::MAX - 1);
            history.add(rows::account_side(&account.id, shelf));
            while let Some((_, transfer)) = history.next().await? {
                add(&transfer, &account.id, &mut tally)?;
            }
        }
        Ok(tally)
    }
}

fn count(transfer: &Transfer, audit: &mut Audit, tallies: &mut HashMap<AccountId, Tally>) -> Result<(), StoreError> {
    audit.transfers += 1;
    for party in [&transfer.debit, &transfer.credit] {
        if let Party::Account { id, .. } = party {
            let tally = tallies.entry(id.clone()).or_insert_with(|| Tally::new(transfer.currency()));
            add(transfer, id, tally)?;
        }
    }
    let Some((amount, _)) = transfer.posted() else { return Ok(()) };
    for (party, sign) in [(&transfer.debit, -1), (&transfer.credit, 1)] {
        if let Party::System(system) = party {
            let moved = if sign < 0 { amount.negated() } else { amount };
            audit.add_system(*system, moved).ok_or_else(|| StoreError::corrupt("system sum"))?;
        }
    }
    Ok(())
}

fn add(transfer: &Transfer, id: &AccountId, tally: &mut Tally) -> Result<(), StoreError> {
    let (debited, credited) = (transfer.debit.account() == Some(id), transfer.credit.account() == Some(id));
    if transfer.currency() != tally.posted.currency() {
        return Err(StoreError::corrupt("an entry in another currency than its account"));
    }
    let sum = |to: Money, what: Money| to.checked_add(what).ok_or_else(|| StoreError::corrupt("tally"));
    if let Some((amount, _)) = transfer.posted() {
        if debited {
            tally.posted = sum(tally.posted, amount.negated())?;
        }
        if credited {
            tally.posted = sum(tally.posted, amount)?;
        }
    }
    if debited && matches!(transfer.state, State::Pending { .. }) {
        tally.held = sum(tally.held, transfer.money)?;
    }
    Ok(())
}
