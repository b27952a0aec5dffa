//! Rows of LedgerTable, written and read.
//!
//! | row | pk | sk | index keys |
//! |---|---|---|---|
//! | account | `acc_…` | `account` | `owner`+`opened_key`, `list_key`+`list_sort` |
//! | account number | `number#…` | `number` | |
//! | account type | `account-types` | the code | |
//! | wallet | `cus_…` | `wallet` | |
//! | transfer | `trf_…` | `transfer` | `debit_key`, `credit_key` + `entry_key`; a pending hold that has a deadline: `hold_key`+`hold_expires` |
//!
//! `debit_key` and `credit_key` are the side and whether money moved: `acc_…#posted` are an account's entries,
//! `acc_…#other` its pending, voided, expired and refused transfers. System accounts are spread over
//! [`SYSTEM_SHARDS`] keys, so that no index partition is hot.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Currency, Timestamp,
    account::{Account, AccountStatus, Balance},
    id::{AccountId, CustomerId, TransferId},
    number::AccountNumber,
    transfer::{Kind, Party, Refusal, State, SystemAccount, Transfer},
};

use crate::{
    item::{Item, Read, key, money, number, text},
    store::StoreError,
};

/// Sort key of an account.
pub(super) const ACCOUNT: &str = "account";
/// Sort key of a wallet.
pub(super) const WALLET: &str = "wallet";
/// Sort key of a transfer.
pub(super) const TRANSFER: &str = "transfer";
/// Sort key of an account number.
pub(super) const NUMBER: &str = "number";
/// Index partitions of one system account and currency.
pub(super) const SYSTEM_SHARDS: u8 = 16;
/// Index partitions of pending holds.
pub(super) const HOLD_SHARDS: u8 = 8;

/// Partition key of an account number.
pub(super) fn number_key(number: &AccountNumber) -> String {
    format!("number#{number}")
}

/// Whether entries or the rest of an account's transfers are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Money has moved: the account's entries.
    Posted,
    /// Pending, voided, expired, refused.
    Other,
}

impl Shelf {
    fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::Other => "other",
        }
    }
}

/// The index key of a customer account's side.
pub(super) fn account_side(account: &AccountId, shelf: Shelf) -> String {
    format!("{account}#{}", shelf.as_str())
}

/// The index key of a system account's side in one of its shards.
pub(super) fn system_side(system: SystemAccount, currency: Currency, shard: u8, shelf: Shelf) -> String {
    format!("system:{}:{currency}#{shard:02}#{}", system.as_str(), shelf.as_str())
}

/// The index key of pending holds in one shard.
pub(super) fn hold_key(shard: u8) -> String {
    format!("hold#{shard}")
}

/// The sort key of an entry: when it took effect, then its identifier.
pub(super) fn entry_key(at: Timestamp, id: &TransferId) -> String {
    format!("{at}#{id}")
}

fn shard(id: &TransferId, shards: u8) -> u8 {
    id.as_str().bytes().fold(0u8, u8::wrapping_add) % shards
}

/// The index key of a side; a wallet has its entries elsewhere, and costs no index write here.
fn side(party: &Party, transfer: &Transfer, shelf: Shelf) -> Option<String> {
    match party {
        Party::Account { id, .. } => Some(account_side(id, shelf)),
        Party::System(system) => {
            Some(system_side(*system, transfer.currency(), shard(&transfer.id, SYSTEM_SHARDS), shelf))
        }
        Party::Wallet(_) => None,
    }
}

/// The index keys of the sides that have one and the sort key of a transfer as it stands.
pub(super) fn index_keys(transfer: &Transfer) -> impl Iterator<Item = (&'static str, String)> {
    let (shelf, at) = match transfer.posted() {
        Some((_, at)) => (Shelf::Posted, at),
        None => (Shelf::Other, transfer.created_at),
    };
    [
        side(&transfer.debit, transfer, shelf).map(|key| ("debit_key", key)),
        side(&transfer.credit, transfer, shelf).map(|key| ("credit_key", key)),
        Some(("entry_key", entry_key(at, &transfer.id))),
    ]
    .into_iter()
    .flatten()
}

/// A new transfer row. A hold may come with its end already, when history is written afterwards; its row is then as its
/// resolution would have left it.
pub(super) fn transfer_item(transfer: &Transfer) -> Item {
    let mut item = key(transfer.id.as_str(), TRANSFER);
    let mut put = |name: &str, value: AttributeValue| {
        item.insert(name.to_owned(), value);
    };
    put("type", text(transfer.kind.as_str()));
    put("amount", money(transfer.money));
    put("currency", text(transfer.currency().code()));
    put("initiator", text(&transfer.initiator));
    put("created_at", text(transfer.created_at.to_string()));
    for (name, party) in [("debit", &transfer.debit), ("credit", &transfer.credit)] {
        match party {
            Party::Account { id, number } => {
                put(name, text(id.as_str()));
                put(&format!("{name}_number"), text(number.as_str()));
            }
            Party::System(system) => put(name, text(format!("system:{}", system.as_str()))),
            Party::Wallet(customer) => put(name, text(format!("wallet:{customer}"))),
        }
    }
    for (name, value) in [("description", &transfer.description), ("metadata", &transfer.metadata)] {
        if let Some(value) = value {
            put(name, text(value));
        }
    }
    if let Some(seconds) = transfer.hold_seconds {
        put("hold_seconds", number(seconds));
    }
    if let Some(original) = &transfer.reverses {
        put("reverses", text(original.as_str()));
    }
    for (name, value) in index_keys(transfer) {
        put(name, text(value));
    }
    put("status", text(stored_status(&transfer.state)));
    match &transfer.state {
        State::Completed { posted_at, .. } => put("posted_at", text(posted_at.to_string())),
        State::Pending { expires_at } => {
            put("expires_at", text(expires_at.to_string()));
            // The process behind a hold that resolves itself asks after it; the sweep of deadlines has no say in it.
            if !transfer.kind.resolves_itself() {
                put("hold_key", text(hold_key(shard(&transfer.id, HOLD_SHARDS))));
                put("hold_expires", text(entry_key(*expires_at, &transfer.id)));
            }
        }
        State::Rejected { reason } => put("reason", text(reason.as_str())),
        State::Captured { amount, posted_at, expires_at, .. } => {
            put("captured", money(*amount));
            put("posted_at", text(posted_at.to_string()));
            put("resolved_at", text(posted_at.to_string()));
            put("expires_at", text(expires_at.to_string()));
        }
        State::Voided { at, expires_at } | State::Expired { at, expires_at } => {
            put("resolved_at", text(at.to_string()));
            put("expires_at", text(expires_at.to_string()));
        }
    }
    item
}

/// How a state is stored. `captured` is kept apart from `completed`, as its row has a deadline and an amount of its own.
pub(super) fn stored_status(state: &State) -> &'static str {
    match state {
        State::Completed { .. } => "completed",
        State::Pending { .. } => "pending",
        State::Captured { .. } => "captured",
        State::Voided { .. } => "voided",
        State::Expired { .. } => "expired",
        State::Rejected { .. } => "rejected",
    }
}

/// Reads a transfer row.
pub(super) fn transfer(item: &Item) -> Result<Transfer, StoreError> {
    let currency = item.currency("currency")?;
    let reversed_by = item.parsed_optional("reversed_by", TransferId::parse)?;
    let state = match item.text("status")? {
        "completed" => State::Completed { posted_at: item.moment("posted_at")?, reversed_by },
        "pending" => State::Pending { expires_at: item.moment("expires_at")? },
        "captured" => State::Captured {
            amount: item.money("captured", currency)?,
            posted_at: item.moment("posted_at")?,
            expires_at: item.moment("expires_at")?,
            reversed_by,
        },
        "voided" => State::Voided { at: item.moment("resolved_at")?, expires_at: item.moment("expires_at")? },
        "expired" => State::Expired { at: item.moment("resolved_at")?, expires_at: item.moment("expires_at")? },
        "rejected" => State::Rejected { reason: item.parsed("reason", Refusal::parse)? },
        _ => return Err(StoreError::corrupt("status")),
    };
    Ok(Transfer {
        id: item.parsed("pk", TransferId::parse)?,
        kind: item.parsed("type", Kind::parse)?,
        state,
        money: item.money("amount", currency)?,
        debit: party(item, "debit")?,
        credit: party(item, "credit")?,
        description: item.optional("description").map(str::to_owned),
        metadata: item.optional("metadata").map(str::to_owned),
        hold_seconds: item
            .digits("hold_seconds")
            .map(|digits| digits.parse().map_err(|_| StoreError::corrupt("hold_seconds")))
            .transpose()?,
        initiator: item.text("initiator")?.to_owned(),
        created_at: item.moment("created_at")?,
        reverses: item.parsed_optional("reverses", TransferId::parse)?,
    })
}

fn party(item: &Item, name: &str) -> Result<Party, StoreError> {
    let id = item.text(name)?;
    if let Some(system) = id.strip_prefix("system:") {
        return SystemAccount::parse(system).map(Party::System).ok_or_else(|| StoreError::corrupt(name));
    }
    if let Some(customer) = id.strip_prefix("wallet:") {
        return CustomerId::parse(customer).map(Party::Wallet).ok_or_else(|| StoreError::corrupt(name));
    }
    Ok(Party::Account {
        id: AccountId::parse(id).ok_or_else(|| StoreError::corrupt(name))?,
        number: item.parsed(&format!("{name}_number"), AccountNumber::parse)?,
    })
}

/// Where an account row keeps its newest postings, the newest first. The indexes do not get postings in their order;
/// knowing a few of them tells whether an index has caught up.
const LAST_ENTRIES: [&str; 4] = ["last_entry", "last_entry_2", "last_entry_3", "last_entry_4"];

/// The part of an update of an account row that makes `value` its newest posting and moves the others down.
pub(super) fn remember_entry(value: &str) -> String {
    let moved = LAST_ENTRIES.windows(2).map(|pair| format!("{} = if_not_exists({}, {value})", pair[1], pair[0]));
    moved.chain([format!("{} = {value}", LAST_ENTRIES[0])]).collect::<Vec<_>>().join(", ")
}

/// The newest postings of an account row, as many as it keeps.
pub(super) fn last_entries(item: &Item) -> Result<Vec<TransferId>, StoreError> {
    let mut entries = Vec::new();
    for name in LAST_ENTRIES {
        entries.extend(item.parsed_optional(name, TransferId::parse)?);
    }
    entries.dedup();
    Ok(entries)
}

/// A new account row.
pub(super) fn account_item(account: &Account) -> Item {
    let mut item = key(account.id.as_str(), ACCOUNT);
    let opened = format!("{}#{}", account.opened_at, account.id);
    for (name, value) in [
        ("number", text(account.number.as_str())),
        ("owner", text(account.owner.as_str())),
        ("type", text(&account.kind)),
        ("currency", text(account.currency.code())),
        ("status", text(account.status.as_str())),
        ("posted", money(account.balance.posted)),
        ("held", money(account.balance.held)),
        ("available", money(account.balance.available)),
        ("overdraft", money(account.overdraft)),
        ("opened_at", text(account.opened_at.to_string())),
        ("version", number(account.version)),
        ("opened_key", text(&opened)),
        ("list_key", text("accounts")),
        ("list_sort", text(&opened)),
    ] {
        item.insert(name.to_owned(), value);
    }
    item
}

/// Reads an account row.
pub(super) fn account(item: &Item) -> Result<Account, StoreError> {
    let currency = item.currency("currency")?;
    Ok(Account {
        id: item.parsed("pk", AccountId::parse)?,
        number: item.parsed("number", AccountNumber::parse)?,
        owner: item.parsed("owner", CustomerId::parse)?,
        kind: item.text("type")?.to_owned(),
        currency,
        status: item.parsed("status", AccountStatus::parse)?,
        balance: Balance {
            posted: item.money("posted", currency)?,
            held: item.money("held", currency)?,
            available: item.money("available", currency)?,
        },
        overdraft: item.money("overdraft", currency)?,
        opened_at: item.moment("opened_at")?,
        version: item.count("version")?,
    })
}
