//! POST /accounts.

use aws::{ledger::accounts::Opened, store::StoreError};
use domain::{
    account::{Account, AccountStatus, AccountType, MAX_OPEN_ACCOUNTS, OpenAccount},
    id::{AccountId, CustomerId},
    number::AccountNumber,
};
use edge::{
    clock::Clock,
    entropy::Entropy,
    http::{AccountView, Answer, Caller, Code, CurrencyField, FieldErrors, Problem, Request, created},
};
use serde::Deserialize;

use crate::{Stores, answers::failed};

/// Numbers tried before giving up. One in 10^18 / (accounts of the bank) is taken, so the second is luxury.
const NUMBERS_TRIED: usize = 4;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    customer_id: Option<String>,
    r#type: String,
    currency: CurrencyField,
}

impl Body {
    /// Everything but the id; the owner is the caller unless another is named.
    fn understand(self, id: AccountId, caller: &Caller) -> Result<OpenAccount, Problem> {
        let mut errors = FieldErrors::new();
        let owner = match &self.customer_id {
            None => caller.customer().cloned(),
            Some(text) => errors.parse("/customer_id", text, CustomerId::parse, "must be a customer's identifier"),
        };
        let kind = self.r#type;
        errors.check(AccountType::is_code(&kind), "/type", "must be 2 to 32 lower-case letters, digits or underscores");
        errors.finish()?;
        let owner = owner.ok_or_else(Problem::forbidden)?;
        Ok(OpenAccount { id, owner, kind, currency: self.currency.0 })
    }
}

pub(crate) async fn open(
    stores: &Stores,
    clock: &impl Clock,
    entropy: &impl Entropy,
    request: &Request,
) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let id = AccountId::from_bytes(entropy.bytes());
    let mut command = request.parse::<Body>()?.understand(id, &caller)?;
    if let Some(key) = request.optional_idempotency_key(&caller)? {
        command.id = AccountId::from_bytes(key.bytes());
        if let Some(before) = stores.ledger.account(&command.id).await.map_err(failed)? {
            return replay(&before, &command);
        }
    }
    check(stores, &caller, &command).await?;
    for _ in 0..NUMBERS_TRIED {
        let account = command.decide(AccountNumber::from_bytes(entropy.bytes()), clock.now());
        match stores.ledger.open_account(&account, &stores.customers_table).await.map_err(failed)? {
            Opened::Done => return opened(&account),
            // Our own commit, whose answer was lost on the way.
            Opened::Before(before) if before.number == account.number => return opened(&before.as_opened()),
            Opened::Before(before) => return replay(&before, &command),
            Opened::NumberTaken => tracing::info!("an account number was taken"),
            Opened::OwnerUnknown => return Err(Problem::not_found()),
            Opened::OwnerNotActive => return Err(not_active()),
        }
    }
    Err(failed(StoreError::Unavailable("every number tried was taken".into())))
}

/// Owner and type exist, the owner may act and has not too many accounts yet. The transaction looks at the owner again;
/// the bound is best effort: requests at the same moment may each find room for one.
async fn check(stores: &Stores, caller: &Caller, command: &OpenAccount) -> Result<(), Problem> {
    if !caller.may_serve(&command.owner) {
        return Err(Problem::not_found());
    }
    let (owner, kind, accounts) = tokio::try_join!(
        stores.customers.customer(&command.owner),
        stores.ledger.account_type(&command.kind),
        stores.ledger.accounts_of(&command.owner),
    )
    .map_err(failed)?;
    let owner = owner.ok_or_else(Problem::not_found)?;
    if !kind.is_some_and(|kind| kind.active) {
        return Err(Problem::new(Code::NotFound, "There is no account type of this name on offer."));
    }
    if !owner.is_active() {
        return Err(not_active());
    }
    let open = accounts.iter().filter(|account| account.status != AccountStatus::Closed).count();
    if open >= MAX_OPEN_ACCOUNTS {
        let detail = format!("A customer may have {MAX_OPEN_ACCOUNTS} accounts that are not closed.");
        return Err(Problem::new(Code::TooManyAccounts, detail));
    }
    Ok(())
}

fn not_active() -> Problem {
    Problem::new(Code::CustomerNotActive, "The customer is not active and opens nothing new.")
}

fn opened(account: &Account) -> Result<Answer, Problem> {
    tracing::info!(
        account_id = %account.id,
        customer_id = %account.owner,
        kind = account.kind,
        currency = account.currency.code(),
        "account opened"
    );
    Ok(created(&AccountView::from(account))?.etag(account.version))
}

/// The first answer again, or the field that makes this another request.
fn replay(before: &Account, command: &OpenAccount) -> Result<Answer, Problem> {
    if let Some(field) = before.first_difference(command) {
        return Err(Problem::key_reused(field));
    }
    let account = before.as_opened();
    Ok(created(&AccountView::from(&account))?.etag(account.version).replayed(true))
}
