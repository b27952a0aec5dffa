//! Whether a transfer may happen, given the accounts as they stand.

use super::{Command, Kind, Party, Refusal, State, SystemAccount, Transfer};
use crate::{
    Money, Timestamp,
    account::{Account, AccountStatus},
    id::TransferId,
};

/// Why a transfer is turned down. The first that applies is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Both sides are the same account.
    SameAccount,
    /// An account does not exist, or is not the caller's to dispose of.
    AccountNotFound,
    /// Not completed, so there is nothing to take back (reversals only).
    NotReversible,
    /// Taken back before (reversals only).
    AlreadyReversed,
    /// A side is frozen.
    AccountFrozen,
    /// A side is closed.
    AccountClosed,
    /// A side is kept in another currency.
    CurrencyMismatch,
}

/// The accounts named by a command, as loaded.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// The debited one, if the command names one and it exists.
    pub from: Option<Account>,
    /// The credited one, likewise.
    pub to: Option<Account>,
}

/// Decides a transfer: completed, pending, or rejected for lack of funds. All three are to be committed.
pub fn decide(accounts: &Accounts, command: &Command, now: Timestamp) -> Result<Transfer, Rejection> {
    if command.from.is_some() && command.from == command.to {
        return Err(Rejection::SameAccount);
    }
    let from = present(&command.from, accounts.from.as_ref())?;
    let to = present(&command.to, accounts.to.as_ref())?;
    // A deposit is disposed of by whoever owns the credited side; everything else by the owner of the debited one.
    let disposed = from.or(to).ok_or(Rejection::AccountNotFound)?;
    if !command.authority.covers(&disposed.owner) {
        return Err(Rejection::AccountNotFound);
    }
    let sides = [from, to].into_iter().flatten();
    check_state(sides, command.money)?;
    let transfer = Transfer {
        id: command.id.clone(),
        kind: command.kind,
        state: match command.hold {
            Some(terms) => State::Pending { expires_at: now.plus_seconds(i64::from(terms.seconds())) },
            None => State::Completed { posted_at: now, reversed_by: None },
        },
        money: command.money,
        debit: from.map_or(Party::System(SystemAccount::CashIn), party),
        credit: to.map_or(Party::System(outside(command.kind)), party),
        description: command.description.clone(),
        metadata: command.metadata.clone(),
        hold_seconds: command.hold.map(super::HoldTerms::seconds),
        initiator: command.initiator.clone(),
        created_at: now,
        reverses: None,
    };
    Ok(check_funds(from, transfer))
}

/// Decides the reversal of `original`: what moved goes back, if the receiver still has it.
/// `accounts.from` is the account that received, `accounts.to` the one that paid.
pub fn decide_reversal(
    original: &Transfer,
    accounts: &Accounts,
    id: TransferId,
    initiator: String,
    description: Option<String>,
    now: Timestamp,
) -> Result<Transfer, Rejection> {
    if original.reversed_by().is_some() {
        return Err(Rejection::AlreadyReversed);
    }
    // What went to or from a wallet its owner moves back himself.
    let reversible = !matches!(original.kind, Kind::Reversal | Kind::Wallet);
    let Some((money, _)) = original.posted().filter(|_| reversible) else {
        return Err(Rejection::NotReversible);
    };
    let from = present(&original.credit.account().cloned(), accounts.from.as_ref())?;
    let to = present(&original.debit.account().cloned(), accounts.to.as_ref())?;
    check_state([from, to].into_iter().flatten(), money)?;
    let transfer = Transfer {
        id,
        kind: Kind::Reversal,
        state: State::Completed { posted_at: now, reversed_by: None },
        money,
        debit: original.credit.clone(),
        credit: original.debit.clone(),
        description,
        metadata: None,
        hold_seconds: None,
        initiator,
        created_at: now,
        reverses: Some(original.id.clone()),
    };
    Ok(check_funds(from, transfer))
}

impl Transfer {
    /// A booking between two accounts of the bank, completed at once.
    pub fn between(
        id: TransferId,
        kind: Kind,
        money: Money,
        (debit, credit): (SystemAccount, SystemAccount),
        description: String,
        initiator: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            kind,
            state: State::Completed { posted_at: now, reversed_by: None },
            money,
            debit: Party::System(debit),
            credit: Party::System(credit),
            description: Some(description),
            metadata: None,
            hold_seconds: None,
            initiator,
            created_at: now,
            reverses: None,
        }
    }

    /// This attempt as it stays on record when it is refused for lack of funds.
    pub fn rejected(self, reason: Refusal) -> Self {
        Self { state: State::Rejected { reason }, ..self }
    }
}

/// Why an account refuses a posting at all, or `None`.
pub(super) fn refusal_of(account: &Account) -> Option<Rejection> {
    match account.status {
        AccountStatus::Active => None,
        AccountStatus::Frozen => Some(Rejection::AccountFrozen),
        AccountStatus::Closed => Some(Rejection::AccountClosed),
    }
}

fn present<'a>(
    named: &Option<crate::id::AccountId>,
    found: Option<&'a Account>,
) -> Result<Option<&'a Account>, Rejection> {
    match (named, found) {
        (None, _) => Ok(None),
        (Some(id), Some(account)) if account.id == *id => Ok(Some(account)),
        (Some(_), _) => Err(Rejection::AccountNotFound),
    }
}

/// Frozen before closed before currency, on either side.
pub(crate) fn check_state<'a>(sides: impl Iterator<Item = &'a Account> + Clone, money: Money) -> Result<(), Rejection> {
    for wanted in [Rejection::AccountFrozen, Rejection::AccountClosed] {
        if sides.clone().any(|account| refusal_of(account) == Some(wanted)) {
            return Err(wanted);
        }
    }
    if sides.clone().any(|account| account.currency != money.currency()) {
        return Err(Rejection::CurrencyMismatch);
    }
    Ok(())
}

/// Lack of funds is no rejection but an outcome: it stays on record under the transfer's id.
fn check_funds(from: Option<&Account>, transfer: Transfer) -> Transfer {
    match from {
        Some(account) if !account.balance.available.covers(transfer.money) => {
            transfer.rejected(Refusal::InsufficientFunds)
        }
        _ => transfer,
    }
}

/// The side of a transfer that an account is.
pub(crate) fn party(account: &Account) -> Party {
    Party::Account { id: account.id.clone(), number: account.number.clone() }
}

/// Where money goes that leaves the bank.
fn outside(kind: Kind) -> SystemAccount {
    match kind {
        Kind::Payment => SystemAccount::Payments,
        Kind::Voucher => SystemAccount::Supplier,
        _ => SystemAccount::CashOut,
    }
}
