//! The audit: per currency, customers, system accounts and what went to wallets add up to zero, and every account row
//! is explained by its entries and holds. Per asset, what wallets hold and the exchange's fees are what came from the
//! bank and from grants. Both together: nothing of any asset is anywhere that did not come from somewhere.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::{Currency, Money, account::Account, id::AccountId, instrument::Asset, transfer::SystemAccount};

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
    /// Sum of the entries of all wallets: what came into them from accounts, less what went back.
    pub wallets: Money,
}

/// The books of one asset at the exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssetBooks {
    /// What all wallets hold, free and locked.
    pub wallets: Decimal,
    /// What came into wallets from accounts, less what went back.
    pub from_bank: Decimal,
    /// Fees of the house.
    pub fees: Decimal,
    /// What was granted: the issuance owes it.
    pub granted: Decimal,
    /// Whether trades were being settled, or money moved, while it was counted: its difference says nothing then. No
    /// fault; the next audit looks again.
    pub moving: bool,
}

impl AssetBooks {
    /// Zero when the books are right; `None` beyond the range.
    pub fn difference(&self) -> Option<Decimal> {
        self.wallets.checked_add(self.fees)?.checked_sub(self.granted)?.checked_sub(self.from_bank)
    }

    /// Whether they are right, or cannot be told.
    pub fn is_clean(&self) -> bool {
        self.moving || self.difference().is_some_and(|difference| difference.is_zero())
    }
}

/// The outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Per currency.
    pub currencies: BTreeMap<Currency, CurrencyBooks>,
    /// Per asset at the exchange; empty when only the bank was audited.
    pub assets: BTreeMap<Asset, AssetBooks>,
    /// Accounts that differ from their entries.
    pub findings: Vec<Finding>,
    /// Accounts that never stood still long enough to be compared. No fault; the next audit looks again.
    pub moving: Vec<AccountId>,
    /// Account rows read.
    pub accounts: u64,
    /// Transfer rows read.
    pub transfers: u64,
    /// Wallet rows read.
    pub wallets: u64,
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

    /// Counts the wallet's side of a posting; `None` beyond the range.
    pub fn add_wallet_entry(&mut self, amount: Money) -> Option<()> {
        let books = self.books(amount.currency());
        books.wallets = books.wallets.checked_add(amount)?;
        Some(())
    }

    /// Notes a finding.
    pub fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// What the currency's accounts add up to with the system accounts and what went to wallets: zero when the books are
    /// right.
    pub fn difference(&self, currency: Currency) -> Option<Money> {
        let books = self.currencies.get(&currency)?;
        let sum = books.accounts.checked_add(books.wallets)?;
        books.system.values().try_fold(sum, |sum, system| sum.checked_add(*system))
    }

    /// Whether every currency and every asset that stood still is at zero, and every account explained.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
            && self.assets.values().all(AssetBooks::is_clean)
            && self.currencies.keys().all(|currency| self.difference(*currency).is_some_and(Money::is_zero))
    }

    fn books(&mut self, currency: Currency) -> &mut CurrencyBooks {
        self.currencies.entry(currency).or_insert_with(|| CurrencyBooks {
            accounts: Money::zero(currency),
            system: BTreeMap::new(),
            wallets: Money::zero(currency),
        })
    }
}
