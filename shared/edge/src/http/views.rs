//! Accounts and transfers as clients see them, the same wherever they appear.

use domain::{
    Timestamp,
    account::{Account, AccountStatus, Balance},
    id::{AccountId, CustomerId, TransferId},
    transfer::{Kind, Party, Refusal, State, Status, Transfer},
};
use serde::Serialize;
use serde_json::Value;

use super::Caller;

/// An account as its owner and staff see it.
#[derive(Debug, Serialize)]
pub struct AccountView<'a> {
    account_id: &'a AccountId,
    number: &'a str,
    customer_id: &'a CustomerId,
    r#type: &'a str,
    currency: &'static str,
    status: AccountStatus,
    balance: BalanceView,
    overdraft_limit: String,
    opened_at: Timestamp,
    version: u64,
}

impl<'a> From<&'a Account> for AccountView<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            account_id: &account.id,
            number: account.number.as_str(),
            customer_id: &account.owner,
            r#type: &account.kind,
            currency: account.currency.code(),
            status: account.status,
            balance: BalanceView::from(&account.balance),
            overdraft_limit: account.overdraft.to_string(),
            opened_at: account.opened_at,
            version: account.version,
        }
    }
}

/// What an account holds.
#[derive(Debug, Serialize)]
pub struct BalanceView {
    posted: String,
    held: String,
    available: String,
}

impl From<&Balance> for BalanceView {
    fn from(balance: &Balance) -> Self {
        Self {
            posted: balance.posted.to_string(),
            held: balance.held.to_string(),
            available: balance.available.to_string(),
        }
    }
}

/// From where somebody looks at a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Staff, or the one who disposes of the money.
    Full,
    /// The receiver: the sender's number is masked, its id hidden.
    Receiver,
}

impl Sight {
    /// What the caller may see of a transfer, if anything: all of it as staff or as the owner of the debited account
    /// (or of a deposit), the receiver's view once money has reached him. `own` are the caller's accounts.
    pub fn of(caller: &Caller, transfer: &Transfer, own: &[AccountId]) -> Option<Self> {
        let owns = |account: Option<&AccountId>| account.is_some_and(|account| own.contains(account));
        if caller.is_staff() || owns(transfer.debit.account()) {
            return Some(Self::Full);
        }
        if !owns(transfer.credit.account()) {
            return None;
        }
        let from_outside = transfer.debit.account().is_none();
        (from_outside || transfer.posted().is_some()).then_some(Self::Receiver)
    }
}

/// A transfer as somebody with this sight sees it.
#[derive(Debug, Serialize)]
pub struct TransferView {
    transfer_id: TransferId,
    r#type: Kind,
    status: Status,
    amount: String,
    currency: &'static str,
    from_account: Option<String>,
    to_account: Option<String>,
    description: Option<String>,
    metadata: Option<Value>,
    hold: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Refusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reverses: Option<TransferId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reversed_by: Option<TransferId>,
    created_at: Timestamp,
    posted_at: Option<Timestamp>,
}

impl TransferView {
    /// As it stands at this moment: a hold past its deadline is expired, whoever looks first.
    pub fn new(transfer: &Transfer, sight: Sight, now: Timestamp) -> Self {
        let captured = match &transfer.state {
            State::Captured { amount, .. } => Some(amount.to_string()),
            _ => None,
        };
        let reason = match transfer.state {
            State::Rejected { reason } => Some(reason),
            _ => None,
        };
        Self {
            transfer_id: transfer.id.clone(),
            r#type: transfer.kind,
            status: transfer.status(now),
            amount: transfer.money.to_string(),
            currency: transfer.currency().code(),
            from_account: match (&transfer.debit, sight) {
                (Party::Account { number, .. }, Sight::Receiver) => Some(number.masked()),
                (party, _) => party.account().map(AccountId::to_string),
            },
            to_account: transfer.credit.account().map(AccountId::to_string),
            description: transfer.description.clone(),
            metadata: transfer.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            hold: transfer.hold_seconds.is_some(),
            expires_at: transfer.expires_at(),
            captured_amount: captured,
            reason,
            reverses: transfer.reverses.clone(),
            reversed_by: transfer.reversed_by().cloned(),
            created_at: transfer.created_at,
            posted_at: transfer.posted().map(|(_, at)| at),
        }
    }
}
