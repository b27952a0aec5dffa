//! The audit: per currency, customers and system accounts add up to zero, and every account row is explained by
//! its entries and holds.

use std::collections::BTreeMap;

use crate::{Currency, Money, account::Account, id::AccountId, transfer::SystemAccount};

/// What the entries and pending holds of one account add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Sum of the entries.
    pub posted: Money,
    /// Sum of the pending holds.
    pub held: Money,
}

impl Tally {
    /// Nothing yet.
    pub fn new(currency: Currency) -> Self {
        Self { posted: Money::zero(currency), held: Money::zero(currency) }
    }

    /// Whether the row says what the entries say, and `available` follows from them.
    pub fn explains(&self, account: &Account) -> bool {
        let balance = &account.balance;
        let available = self.posted.checked_sub(self.held).and_then(|free| free.checked_add(account.overdraft));
        balance.posted == self.posted && balance.held == self.held && available == Some(balance.available)
    }
}

/// An account that its entries do not explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub account: AccountId,
    /// What its entries and holds say.
    pub tally: Tally,
    /// What its row says; `None` when there is no row.
    pub row: Option<crate::account::Balance>,
}

impl Finding {
    /// Entries without an account row.
    pub fn of_lost(account: AccountId, tally: Tally) -> Self {
        Self { account, tally, row: None }
    }
}

/// The books of one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyBooks {
    /// Sum over the customers' accounts.
    pub accounts: Money,
    /// Sum of the entries of each system account.
    pub system: BTreeMap<SystemAccount, Money>,
}

/// The outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Per currency.
    pub currencies: BTreeMap<Currency, CurrencyBooks>,
    /// Accounts that differ from their entries.
    pub findings: Vec<Finding>,
    /// Accounts that never stood still long enough to be compared. No fault; the next audit looks again.
    pub moving: Vec<AccountId>,
    /// Account rows read.
    pub accounts: u64,
    /// Transfer rows read.
    pub transfers: u64,
}

impl Audit {
    /// Counts an account. `scanned` are its entries as the scan read them, together with those of all others;
    /// `confirmed` what they were when the row was last looked at. Money that moved in between changes both, so only
    /// what the row says beyond its entries disturbs the zero. `None` beyond the range.
    pub fn add_account(&mut self, account: &Account, scanned: &Tally, confirmed: &Tally) -> Option<()> {
        self.accounts += 1;
        if !confirmed.explains(account) {
            let row = Some(account.balance);
            self.findings.push(Finding { account: account.id.clone(), tally: *confirmed, row });
        }
        let unexplained = account.balance.posted.checked_sub(confirmed.posted)?;
        let books = self.books(account.currency);
        books.accounts = books.accounts.checked_add(scanned.posted)?.checked_add(unexplained)?;
        Some(())
    }

    /// Counts an account that could not be compared by its entries alone; `None` beyond the range.
    pub fn add_moving(&mut self, account: &Account, scanned: &Tally) -> Option<()> {
        self.accounts += 1;
        self.moving.push(account.id.clone());
        let books = self.books(account.currency);
        books.accounts = books.accounts.checked_add(scanned.posted)?;
        Some(())
    }

    /// Counts one side of a posting on a system account; `None` beyond the range.
    pub fn add_system(&mut self, system: SystemAccount, amount: Money) -> Option<()> {
        let books = self.books(amount.currency());
        let sum = books.system.entry(system).or_insert_with(|| Money::zero(amount.currency()));
        *sum = sum.checked_add(amount)?;
        Some(())
    }

    /// Notes a finding.
    pub fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// What the currency's accounts add up to with the system accounts: zero when the books are right.
    pub fn difference(&self, currency: Currency) -> Option<Money> {
        let books = self.currencies.get(&currency)?;
        books.system.values().try_fold(books.accounts, |sum, system| sum.checked_add(*system))
    }

    /// Whether every currency is at zero and every account explained.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
            && self.currencies.keys().all(|currency| self.difference(*currency).is_some_and(Money::is_zero))
    }

    fn books(&mut self, currency: Currency) -> &mut CurrencyBooks {
        self.currencies
            .entry(currency)
            .or_insert_with(|| CurrencyBooks { accounts: Money::zero(currency), system: BTreeMap::new() })
    }
}
