//! PATCH and DELETE /accounts/{id}.
//!
//! DELETE closes: number, entries and the answer to a repeated opening stay for good.

use aws::{
    ledger::{Ledger, accounts::ChangeOutcome},
    store::StoreError,
};
use domain::{
    Currency,
    account::{Account, AccountStatus, Change},
};
use edge::http::{AccountView, AmountField, Answer, Caller, Code, Problem, Request, no_content, ok};
use serde::Deserialize;

use crate::{
    answers::{failed, refused},
    find,
};

/// How often a change is decided again when the account moves meanwhile.
const DECISIONS: usize = 8;
/// A currency with four decimals, the most that any has: what is no amount here is none in any currency.
const FINEST: &str = "CLF";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    status: Option<String>,
    overdraft_limit: Option<AmountField>,
}

/// What a body asks for; the limit gets its currency from the account.
#[derive(Debug)]
struct Wish {
    status: Option<AccountStatus>,
    overdraft: Option<AmountField>,
}

impl Body {
    fn understand(self, caller: &Caller) -> Result<Wish, Problem> {
        let status = self.status.as_deref().map(AccountStatus::parse);
        let for_staff = self.overdraft_limit.is_some()
            || matches!(status, Some(Some(AccountStatus::Active | AccountStatus::Frozen)));
        if for_staff && !caller.is_staff() {
            return Err(Problem::forbidden());
        }
        let refuse = |pointer, detail| Problem::field(Code::InvalidField, pointer, detail);
        let status = match status {
            Some(None) => return Err(refuse("/status", "must be one of active, frozen, closed")),
            Some(known) => known,
            None => None,
        };
        match (status, &self.overdraft_limit) {
            (None, None) => return Err(refuse("", "must name status or overdraft_limit")),
            (Some(AccountStatus::Closed), Some(_)) => {
                return Err(refuse("/overdraft_limit", "does not go with closing, which ends the overdraft"));
            }
            (_, Some(limit)) => {
                if let Some(finest) = Currency::parse(FINEST) {
                    limit.money_or_zero(finest, "/overdraft_limit")?;
                }
            }
            (Some(_), None) => {}
        }
        Ok(Wish { status, overdraft: self.overdraft_limit })
    }
}

impl Wish {
    fn on(&self, account: &Account) -> Result<Change, Problem> {
        let limit = self.overdraft.as_ref();
        let overdraft = limit.map(|limit| limit.money_or_zero(account.currency, "/overdraft_limit")).transpose()?;
        Ok(Change { status: self.status, overdraft })
    }
}

pub(crate) async fn change(ledger: &Ledger, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let wish = request.parse::<Body>()?.understand(&caller)?;
    let account = commit(ledger, request, &caller, &wish).await?;
    Ok(ok(&AccountView::from(&account))?.etag(account.version))
}

pub(crate) async fn delete(ledger: &Ledger, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let wish = Wish { status: Change::CLOSE.status, overdraft: None };
    commit(ledger, request, &caller, &wish).await?;
    Ok(no_content())
}

/// Decides and commits; decides again when the account has moved meanwhile, unless the caller demanded a version.
async fn commit(ledger: &Ledger, request: &Request, caller: &Caller, wish: &Wish) -> Result<Account, Problem> {
    let mut account = find::own(ledger, caller, request).await?;
    let demanded = request.if_match()?;
    for _ in 0..DECISIONS {
        if demanded.is_some_and(|version| version != account.version) {
            return Err(Problem::new(Code::VersionMismatch, "The account has changed since this version."));
        }
        let change = wish.on(&account)?;
        let Some(changed) = account.change(&change, caller.is_staff()).map_err(refused)? else {
            return Ok(account);
        };
        match ledger.change_account(&account, &changed, demanded).await.map_err(failed)? {
            ChangeOutcome::Done(after) => {
                tracing::info!(
                    account_id = %after.id,
                    by = caller.subject(),
                    status = after.status.as_str(),
                    overdraft_limit = %after.overdraft,
                    version = after.version,
                    "account changed"
                );
                return Ok(after);
            }
            ChangeOutcome::Moved(now) => account = now,
        }
    }
    Err(failed(StoreError::Conflict))
}
