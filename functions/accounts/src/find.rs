//! GET /accounts and /accounts/{id}.

use aws::ledger::{
    Ledger,
    accounts::{self, Whose},
};
use domain::{
    account::{Account, AccountStatus},
    id::{AccountId, CustomerId},
    number::AccountNumber,
};
use edge::http::{AccountView, Answer, Caller, Page, Problem, Request, ok};

use crate::answers::failed;

pub(crate) async fn one(ledger: &Ledger, request: &Request) -> Result<Answer, Problem> {
    let account = own(ledger, &request.person()?, request).await?;
    Ok(ok(&AccountView::from(&account))?.etag(account.version))
}

/// The account in the path, if the caller may see it; another's answers as one that does not exist.
pub(crate) async fn own(ledger: &Ledger, caller: &Caller, request: &Request) -> Result<Account, Problem> {
    let id = request.path_id("id", AccountId::parse)?;
    let account = ledger.account(&id).await.map_err(failed)?;
    account.filter(|account| caller.may_serve(&account.owner)).ok_or_else(Problem::not_found)
}

/// What a list is narrowed to.
struct Filter {
    owner: Option<CustomerId>,
    number: Option<AccountNumber>,
    status: Option<AccountStatus>,
}

impl Filter {
    fn read(request: &Request, caller: &Caller) -> Result<Self, Problem> {
        request.only_query(&["customer_id", "number", "status", "limit", "cursor"])?;
        let owner = request.query_as("customer_id", "a customer's identifier", CustomerId::parse)?;
        let number = request.query_as("number", NUMBER_EXPECTED, AccountNumber::parse)?;
        let status = request.query_as("status", "one of active, frozen, closed", AccountStatus::parse)?;
        let owner = if caller.is_staff() { owner } else { owner.or_else(|| caller.customer().cloned()) };
        Ok(Self { owner, number, status })
    }

    fn fits(&self, account: &Account) -> bool {
        self.owner.as_ref().is_none_or(|owner| *owner == account.owner)
            && self.number.as_ref().is_none_or(|number| *number == account.number)
            && self.status.is_none_or(|status| status == account.status)
    }

    /// Names this list, so that a cursor opens for no other.
    fn scope(&self) -> String {
        let owner = self.owner.as_ref().map_or("everybody", CustomerId::as_str);
        let number = self.number.as_ref().map_or("", AccountNumber::as_str);
        format!("accounts {owner} {number} {}", self.status.map_or("", AccountStatus::as_str))
    }
}

/// What an account number looks like, in words.
pub(crate) const NUMBER_EXPECTED: &str = "an account number: twenty digits, the last two of them check digits";

pub(crate) async fn list(ledger: &Ledger, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let filter = Filter::read(request, &caller)?;
    let scope = filter.scope();
    let page = request.page(&scope)?.checked(accounts::is_place)?;
    if !filter.owner.as_ref().is_none_or(|owner| caller.may_serve(owner)) {
        return Err(Problem::not_found());
    }
    let (accounts, next) = if let Some(number) = &filter.number {
        let id = ledger.account_by_number(number).await.map_err(failed)?;
        let account = match &id {
            Some(id) => ledger.account(id).await.map_err(failed)?,
            None => None,
        };
        (account.into_iter().filter(|account| filter.fits(account)).collect(), None)
    } else {
        let whose = filter.owner.as_ref().map_or(Whose::Everybodys, Whose::Of);
        let listed = ledger.list_accounts(whose, filter.status, page.after.as_deref(), page.limit).await;
        let listed = listed.map_err(failed)?;
        (listed.accounts, listed.next)
    };
    let items: Vec<_> = accounts.iter().map(AccountView::from).collect();
    ok(&Page::new(items, next.as_deref(), &scope))
}
