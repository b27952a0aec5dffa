//! Accounts: what they hold, who may use them, when they may be closed.

use crate::{
    Currency, Money, Timestamp,
    id::{AccountId, CustomerId},
    number::AccountNumber,
};

/// Whether an account takes part in postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// Takes postings.
    Active,
    /// Refuses postings until thawed; holds may still be freed.
    Frozen,
    /// Refuses postings for good.
    Closed,
}

impl AccountStatus {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Frozen => "frozen",
            Self::Closed => "closed",
        }
    }

    /// Reads what [`AccountStatus::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Frozen, Self::Closed].into_iter().find(|status| status.as_str() == text)
    }
}

/// What an account holds. `available = posted − held + overdraft`, at all times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Sum of the entries.
    pub posted: Money,
    /// Reserved by pending holds.
    pub held: Money,
    /// What may be spent now.
    pub available: Money,
}

impl Balance {
    /// The balance of a new account with this overdraft limit.
    pub fn opening(overdraft: Money) -> Self {
        let zero = Money::zero(overdraft.currency());
        Self { posted: zero, held: zero, available: overdraft }
    }
}

/// An account as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its identifier.
    pub id: AccountId,
    /// Its number, unique in the bank.
    pub number: AccountNumber,
    /// Whose it is.
    pub owner: CustomerId,
    /// Account type, such as `savings`.
    pub kind: String,
    /// The one currency it is kept in.
    pub currency: Currency,
    /// Whether it takes postings.
    pub status: AccountStatus,
    /// What it holds.
    pub balance: Balance,
    /// How far `posted − held` may fall below zero; zero or more.
    pub overdraft: Money,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Counts every change; the `ETag`.
    pub version: u64,
}

/// Why an account is not closed, frozen or deleted. The first that applies is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeRejection {
    /// Closed accounts stay closed.
    Closed,
    /// There is money on it or held by it.
    BalanceNotZero,
}

impl Account {
    /// Whether its status may become `next`. Closing needs a balance of exactly zero, nothing held.
    pub fn may_become(&self, next: AccountStatus) -> Result<(), ChangeRejection> {
        if self.status == AccountStatus::Closed && next != AccountStatus::Closed {
            return Err(ChangeRejection::Closed);
        }
        if next == AccountStatus::Closed && !(self.balance.posted.is_zero() && self.balance.held.is_zero()) {
            return Err(ChangeRejection::BalanceNotZero);
        }
        Ok(())
    }
}

/// A kind of account on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountType {
    /// Its name in requests: lower-case letters, digits and underscores, 2 to 32.
    pub code: String,
    /// Its name for people.
    pub name: String,
    /// What it offers.
    pub description: String,
    /// Charged each month, in the account's currency; a plain decimal.
    pub monthly_fee: String,
    /// Yearly interest in percent; a plain decimal.
    pub interest_rate: String,
    /// Whether it can be opened.
    pub active: bool,
}

impl AccountType {
    /// The types every bank starts with.
    pub fn first_ones() -> Vec<Self> {
        [
            ("checking", "Checking account", "Everyday payments without a fee", "0.00", "0.50"),
            ("salary", "Salary account", "Receives a salary", "0.00", "0.00"),
            ("savings", "Savings account", "Earns interest", "5.00", "3.00"),
            ("premium", "Premium account", "Higher interest and personal service", "15.00", "1.50"),
        ]
        .map(|(code, name, description, monthly_fee, interest_rate)| Self {
            code: code.into(),
            name: name.into(),
            description: description.into(),
            monthly_fee: monthly_fee.into(),
            interest_rate: interest_rate.into(),
            active: true,
        })
        .into()
    }

    /// Whether a text can name a type.
    pub fn is_code(text: &str) -> bool {
        (2..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && text.starts_with(|c: char| c.is_ascii_lowercase())
    }
}
