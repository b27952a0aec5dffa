//! The ledger recomputed from its rows.
//!
//! Accounts are compared with the sum of their entries, system accounts are nothing but the sum of theirs. Money that
//! moves during the scan makes an account look wrong for a moment, and so does an index that lags behind its table: a
//! difference is believed only when it has stood still for a while.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

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

/// A difference that stands for this long is believed; an index follows its table well within.
const STANDSTILL: Duration = Duration::from_secs(2);
/// Accounts that still move after this long are left to the next audit.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between one look at the accounts in doubt and the next.
const PAUSE: Duration = Duration::from_millis(100);

/// An account that its entries did not explain when it was last looked at.
struct Doubt {
    account: Account,
    /// Its entries as the scan read them.
    scanned: Tally,
    /// Its entries as they were read last.
    tally: Tally,
    /// Since when neither the account nor its entries have changed.
    since: Instant,
}

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
        let mut doubts = Vec::new();
        for account in accounts {
            let scanned = tallies.remove(&account.id).unwrap_or_else(|| Tally::new(account.currency));
            if scanned.explains(&account) {
                count_account(&account, &scanned, &scanned, &mut audit)?;
            } else {
                doubts.push(Doubt { account, scanned, tally: scanned, since: Instant::now() });
            }
        }
        for (id, scanned) in tallies {
            match self.account(&id).await? {
                // Opened while the scan was under way, behind its back.
                Some(account) => doubts.push(Doubt { account, scanned, tally: scanned, since: Instant::now() }),
                // Entries whose account row is gone: money nobody holds.
                None if !scanned.posted.is_zero() => audit.find(Finding::of_lost(id, scanned)),
                None => {}
            }
        }
        self.settle(doubts, &mut audit).await?;
        Ok(audit)
    }

    /// Looks at the accounts in doubt again and again until each is explained, believed to be wrong, or given up on
    /// because it keeps moving.
    async fn settle(&self, mut doubts: Vec<Doubt>, audit: &mut Audit) -> Result<(), StoreError> {
        let started = Instant::now();
        while !doubts.is_empty() {
            let mut left = Vec::new();
            for mut doubt in doubts {
                let Some(explained) = self.look(&mut doubt).await? else { continue };
                if explained || doubt.since.elapsed() >= STANDSTILL {
                    count_account(&doubt.account, &doubt.scanned, &doubt.tally, audit)?;
                } else if started.elapsed() >= PATIENCE {
                    let counted = audit.add_moving(&doubt.account, &doubt.scanned);
                    counted.ok_or_else(|| StoreError::corrupt("sum of accounts"))?;
                } else {
                    left.push(doubt);
                }
            }
            doubts = left;
            if !doubts.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Reads entries and row anew; whether the entries explain the row as it was before or after. `None` if the row is
    /// gone.
    async fn look(&self, doubt: &mut Doubt) -> Result<Option<bool>, StoreError> {
        let tally = self.tally(&doubt.account).await?;
        let Some(account) = self.account(&doubt.account.id).await? else { return Ok(None) };
        let explained = tally.explains(&doubt.account);
        if account.version != doubt.account.version || tally != doubt.tally {
            doubt.since = Instant::now();
        }
        doubt.tally = tally;
        if !explained {
            doubt.account = account;
        }
        Ok(Some(explained || tally.explains(&doubt.account)))
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

fn count_account(account: &Account, scanned: &Tally, confirmed: &Tally, audit: &mut Audit) -> Result<(), StoreError> {
    audit.add_account(account, scanned, confirmed).ok_or_else(|| StoreError::corrupt("sum of accounts"))
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
