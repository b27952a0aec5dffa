//! GET /transfers and /transfers/{id}.

use aws::ledger::{
    Ledger,
    history::{Window, is_place},
};
use domain::{
    Timestamp,
    id::{AccountId, TransferId},
    transfer::{Kind, Status, Transfer},
};
use edge::{
    clock::Clock,
    http::{Answer, Caller, Code, Page, Problem, Request, Sight, TransferView, ok},
};

use crate::answers::failed;

pub(crate) async fn one(ledger: &Ledger, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let id = request.path_id("id", TransferId::parse)?;
    let transfer = ledger.transfer(&id).await.map_err(failed)?.ok_or_else(Problem::not_found)?;
    let mut own = Vec::new();
    if !caller.is_staff() {
        for account in [transfer.debit.account(), transfer.credit.account()].into_iter().flatten() {
            let account = ledger.account(account).await.map_err(failed)?;
            own.extend(account.filter(|account| caller.may_serve(&account.owner)).map(|account| account.id));
        }
    }
    let sight = Sight::of(&caller, &transfer, &own).ok_or_else(Problem::not_found)?;
    ok(&TransferView::new(&transfer, sight, clock.now()))
}

/// The caller's transfers, or those of one account. Staff name the account: questions about the whole bank are for the
/// reports.
pub(crate) async fn list(ledger: &Ledger, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["account", "type", "status", "from", "to", "limit", "cursor"])?;
    let kind = request.query_as("type", "a type of transfer", Kind::parse)?;
    let status = request.query_as("status", "a status of transfers", Status::parse)?;
    let moment = |text: &str| text.parse::<Timestamp>().ok();
    let window = Window {
        from: request.query_as("from", "an RFC 3339 moment", moment)?,
        to: request.query_as("to", "an RFC 3339 moment", moment)?,
    };
    let filter = request.query("account");
    let parts = ["type", "status", "from", "to"].map(|name| request.query(name).unwrap_or_default());
    let scope = format!("transfers {} {} {}", caller.subject(), filter.unwrap_or_default(), parts.join(" "));
    let page = request.page(&scope)?.checked(is_place)?;

    let (accounts, own) = reach(ledger, &caller, filter).await?;
    let now = clock.now();
    let keep = |transfer: &Transfer| {
        kind.is_none_or(|kind| transfer.kind == kind)
            && status.is_none_or(|status| transfer.status(now) == status)
            && Sight::of(&caller, transfer, &own).is_some()
    };
    let found = ledger.transfers_of(&accounts, &window, page.after.as_deref(), page.limit, keep).await;
    let (transfers, next) = found.map_err(failed)?;
    let items = transfers
        .iter()
        .filter_map(|transfer| Some(TransferView::new(transfer, Sight::of(&caller, transfer, &own)?, now)));
    ok(&Page::new(items.collect(), next.as_deref(), &scope))
}

/// The accounts to read, and those that are the caller's own.
async fn reach(
    ledger: &Ledger,
    caller: &Caller,
    filter: Option<&str>,
) -> Result<(Vec<AccountId>, Vec<AccountId>), Problem> {
    let filter = match filter {
        None => None,
        Some(text) => Some(AccountId::parse(text).ok_or_else(Problem::not_found)?),
    };
    if caller.is_staff() {
        let account = filter.ok_or_else(|| {
            Problem::field(Code::InvalidParameter, "account", "is required of staff: name the account to look at")
        })?;
        ledger.account(&account).await.map_err(failed)?.ok_or_else(Problem::not_found)?;
        return Ok((vec![account], Vec::new()));
    }
    let customer = caller.customer().ok_or_else(Problem::forbidden)?;
    let own = ledger.accounts_of(customer).await.map_err(failed)?;
    let mut own: Vec<AccountId> = own.into_iter().map(|account| account.id).collect();
    let Some(wanted) = filter else { return Ok((own.clone(), own)) };
    if !own.contains(&wanted) {
        // An account opened a moment ago may still be missing from the list of his accounts.
        let account = ledger.account(&wanted).await.map_err(failed)?;
        account.filter(|account| caller.may_serve(&account.owner)).ok_or_else(Problem::not_found)?;
        own.push(wanted.clone());
    }
    Ok((vec![wanted], own))
}
