//! All there is to know about one customer: the record, the accounts, the newest transfers, a summary per currency.
//!
//! The parts are read side by side, and each may fail on its own: what cannot be read is `null` and named in
//! `errors`, the rest still answers. Currencies are never added up.

use std::{collections::BTreeMap, future::Future, time::Duration};

use aws::{
    customers::Customers,
    ledger::{
        Ledger,
        history::{Window, is_place},
    },
    store::StoreError,
};
use domain::{
    Currency, Timestamp,
    account::{Account, AccountStatus, Balance},
    customer::Customer,
    id::{AccountId, CustomerId},
    transfer::Transfer,
};
use edge::{
    clock::Clock,
    http::{AccountView, Answer, BalanceView, Caller, Page, Problem, Request, Sight, TransferView, ok},
};
use serde::Serialize;

use crate::{access, problem};

/// How many transfers the profile shows.
const NEWEST: usize = 50;
/// How long each part of the profile may take.
const PART_LIMIT: Duration = Duration::from_secs(4);

#[derive(Serialize)]
struct Profile<'a> {
    customer: &'a Customer,
    accounts: Option<Vec<AccountView<'a>>>,
    transfers: Option<Vec<TransferView>>,
    summary: Summary,
    errors: Vec<&'a PartError>,
}

#[derive(Serialize)]
struct Summary {
    accounts: Option<usize>,
    active_accounts: Option<usize>,
    transfers: Option<usize>,
    last_activity: Option<Timestamp>,
    balances: Option<Vec<CurrencyBalance>>,
}

#[derive(Serialize)]
struct CurrencyBalance {
    currency: &'static str,
    #[serde(flatten)]
    balance: BalanceView,
}

#[derive(Serialize)]
struct PartError {
    part: &'static str,
    detail: &'static str,
}

/// `GET /customers/{id}/profile`
pub(crate) async fn profile(
    customers: &Customers,
    ledger: &Ledger,
    clock: &impl Clock,
    request: &Request,
) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&[])?;
    let id = access::served(&caller, request)?;
    let (customer, accounts) = futures::join!(access::load(customers, &id), part("accounts", ledger.accounts_of(&id)));
    let customer = customer?;
    let transfers = match &accounts {
        Ok(accounts) => part("transfers", newest(ledger, &caller, accounts)).await,
        // Without the accounts nobody knows which transfers are his.
        Err(_) => Err(PartError { part: "transfers", detail: "The accounts could not be read." }),
    };
    let parts = Parts { customer, accounts, transfers };
    ok(&parts.assemble(&caller, clock.now())?)
}

/// What was read, each part on its own.
struct Parts {
    customer: Customer,
    accounts: Result<Vec<Account>, PartError>,
    transfers: Result<Vec<Transfer>, PartError>,
}

async fn newest(ledger: &Ledger, caller: &Caller, accounts: &[Account]) -> Result<Vec<Transfer>, StoreError> {
    let own = ids(accounts);
    let keep = |transfer: &Transfer| Sight::of(caller, transfer, &own).is_some();
    let (transfers, _) = ledger.transfers_of(&own, &Window::default(), None, NEWEST, keep).await?;
    Ok(transfers)
}

async fn part<T>(name: &'static str, read: impl Future<Output = Result<T, StoreError>>) -> Result<T, PartError> {
    let detail = match tokio::time::timeout(PART_LIMIT, read).await {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => {
            tracing::error!(part = name, %error, "a part of the profile could not be read");
            "This part could not be read."
        }
        Err(_) => {
            tracing::error!(part = name, "a part of the profile took too long");
            "This part took too long."
        }
    };
    Err(PartError { part: name, detail })
}

impl Parts {
    fn assemble(&self, caller: &Caller, now: Timestamp) -> Result<Profile<'_>, Problem> {
        let (accounts, transfers) = (self.accounts.as_ref().ok(), self.transfers.as_ref().ok());
        let own = accounts.map(|accounts| ids(accounts)).unwrap_or_default();
        let is_active = |account: &&Account| account.status == AccountStatus::Active;
        let summary = Summary {
            accounts: accounts.map(Vec::len),
            active_accounts: accounts.map(|accounts| accounts.iter().filter(is_active).count()),
            transfers: transfers.map(Vec::len),
            last_activity: transfers.into_iter().flatten().map(|transfer| transfer.created_at).max(),
            balances: accounts.map(|accounts| per_currency(accounts)).transpose()?,
        };
        let view = |transfer: &Transfer| Some(TransferView::new(transfer, Sight::of(caller, transfer, &own)?, now));
        Ok(Profile {
            customer: &self.customer,
            accounts: accounts.map(|accounts| accounts.iter().map(AccountView::from).collect()),
            transfers: transfers.map(|transfers| transfers.iter().filter_map(view).collect()),
            summary,
            errors: [self.accounts.as_ref().err(), self.transfers.as_ref().err()].into_iter().flatten().collect(),
        })
    }
}

fn per_currency(accounts: &[Account]) -> Result<Vec<CurrencyBalance>, Problem> {
    let mut sums: BTreeMap<&'static str, (Currency, Balance)> = BTreeMap::new();
    for account in accounts {
        let balance = account.balance;
        let (_, sum) = match sums.entry(account.currency.code()) {
            std::collections::btree_map::Entry::Vacant(vacant) => {
                vacant.insert((account.currency, balance));
                continue;
            }
            std::collections::btree_map::Entry::Occupied(occupied) => occupied.into_mut(),
        };
        let added = || {
            Some(Balance {
                posted: sum.posted.checked_add(balance.posted)?,
                held: sum.held.checked_add(balance.held)?,
                available: sum.available.checked_add(balance.available)?,
            })
        };
        *sum = added().ok_or_else(|| problem::store(StoreError::corrupt("balance")))?;
    }
    let sums = sums.into_iter();
    Ok(sums.map(|(currency, (_, sum))| CurrencyBalance { currency, balance: BalanceView::from(&sum) }).collect())
}

/// `GET /customers/{id}/transfers`
pub(crate) async fn transfers(
    customers: &Customers,
    ledger: &Ledger,
    clock: &impl Clock,
    request: &Request,
) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["limit", "cursor"])?;
    let scope = format!("customer transfers {} {}", caller.subject(), request.path_text("id")?);
    let page = request.page(&scope)?.checked(is_place)?;
    let id: CustomerId = access::served(&caller, request)?;
    access::load(customers, &id).await?;

    let own = ids(&ledger.accounts_of(&id).await.map_err(problem::store)?);
    let keep = |transfer: &Transfer| Sight::of(&caller, transfer, &own).is_some();
    let found = ledger.transfers_of(&own, &Window::default(), page.after.as_deref(), page.limit, keep).await;
    let (transfers, next) = found.map_err(problem::store)?;
    let now = clock.now();
    let items = transfers
        .iter()
        .filter_map(|transfer| Some(TransferView::new(transfer, Sight::of(&caller, transfer, &own)?, now)));
    ok(&Page::new(items.collect(), next.as_deref(), &scope))
}

fn ids(accounts: &[Account]) -> Vec<AccountId> {
    accounts.iter().map(|account| account.id.clone()).collect()
}
