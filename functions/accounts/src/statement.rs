//! GET /accounts/{id}/entries, as JSON or CSV, and /accounts/{id}/balance.

use aws::ledger::{
    Ledger,
    history::{Direction, EntriesPage, Entry, is_entries_place},
};
use domain::{
    Timestamp,
    account::{Account, Balance},
    id::{AccountId, TransferId},
    transfer::{Kind, Party, SystemAccount},
};
use edge::{
    clock::Clock,
    http::{Answer, BalanceView, Page, Problem, Request, ok},
};
use serde::Serialize;

use crate::{answers::failed, csv, find};

/// Entries read at a time.
const LARGEST_READ: usize = 200;

/// One line of a statement.
#[derive(Debug, Serialize)]
pub(crate) struct EntryView {
    pub(crate) entry_id: String,
    pub(crate) transfer_id: TransferId,
    pub(crate) r#type: Kind,
    pub(crate) direction: Direction,
    pub(crate) amount: String,
    pub(crate) currency: &'static str,
    pub(crate) balance_after: String,
    pub(crate) counterparty: String,
    pub(crate) description: Option<String>,
    pub(crate) created_at: Timestamp,
}

impl EntryView {
    /// The other side's number is shown in full to staff only.
    pub(crate) fn new(entry: &Entry, for_staff: bool) -> Self {
        let transfer = &entry.transfer;
        let (letter, other) = match entry.direction {
            Direction::Debit => ('d', &transfer.credit),
            Direction::Credit => ('c', &transfer.debit),
        };
        Self {
            entry_id: format!("{}{letter}", transfer.id),
            transfer_id: transfer.id.clone(),
            r#type: transfer.kind,
            direction: entry.direction,
            amount: entry.amount.to_string(),
            currency: entry.amount.currency().code(),
            balance_after: entry.balance_after.to_string(),
            counterparty: match other {
                Party::Account { number, .. } if for_staff => number.to_string(),
                Party::Account { number, .. } => number.masked(),
                Party::Wallet(_) => "wallet".to_owned(),
                Party::System(SystemAccount::CashIn | SystemAccount::CashOut) => "cash".to_owned(),
                Party::System(SystemAccount::Payments) => "biller".to_owned(),
                Party::System(SystemAccount::Supplier | SystemAccount::Losses) => "supplier".to_owned(),
            },
            description: transfer.description.clone(),
            created_at: entry.at,
        }
    }
}

pub(crate) async fn entries(ledger: &Ledger, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["limit", "cursor"])?;
    let id = request.path_id("id", AccountId::parse)?;
    let scope = format!("entries {id}");
    let page = request.page(&scope)?;
    let account = find::own(ledger, &caller, request).await?;
    let as_csv = csv::is_wanted(request.header("accept"));
    let limit = if as_csv && request.query("limit").is_none() { csv::MAX_LINES } else { page.limit };
    let page = page.checked(|place| is_entries_place(place, account.currency))?;
    let found = read(ledger, &account, page.after, limit).await?;
    let lines: Vec<_> = found.entries.iter().map(|entry| EntryView::new(entry, caller.is_staff())).collect();
    let page = Page::new(lines, found.next.as_deref(), &scope);
    if as_csv { Ok(csv::answer(&account, &page)) } else { ok(&page) }
}

/// Up to `limit` entries in as many reads as it takes. Each goes on from the balance where the one before ended, so
/// the running balance is unbroken whatever is posted meanwhile.
async fn read(ledger: &Ledger, account: &Account, after: Option<String>, limit: usize) -> Result<EntriesPage, Problem> {
    let mut found = EntriesPage { entries: Vec::new(), next: after };
    loop {
        let wanted = (limit - found.entries.len()).min(LARGEST_READ);
        let page = ledger.entries(&account.id, found.next.as_deref(), wanted).await.map_err(failed)?;
        let page = page.ok_or_else(Problem::not_found)?;
        found.entries.extend(page.entries);
        found.next = page.next;
        if found.next.is_none() || found.entries.len() >= limit {
            return Ok(found);
        }
    }
}

/// A balance at a moment.
#[derive(Debug, Serialize)]
struct BalanceAtView<'a> {
    account_id: &'a AccountId,
    at: Timestamp,
    #[serde(flatten)]
    balance: BalanceView,
    currency: &'static str,
}

pub(crate) async fn balance(ledger: &Ledger, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["at"])?;
    let at = request.query_as("at", "an RFC 3339 moment such as \"2026-11-21T10:15:30Z\"", |text| text.parse().ok())?;
    let account = find::own(ledger, &caller, request).await?;
    let now = clock.now();
    let (at, balance): (Timestamp, Balance) = match at.filter(|at| *at < now) {
        // The present is what is known of the future.
        None => (now, account.balance),
        Some(at) => {
            let then = ledger.balance_at(&account.id, at).await.map_err(failed)?.ok_or_else(Problem::not_found)?;
            (then.at, then.balance)
        }
    };
    let currency = account.currency.code();
    ok(&BalanceAtView { account_id: &account.id, at, balance: BalanceView::from(&balance), currency })
}
