//! Removes a customer who has nothing at the bank any more.
//!
//! The order makes every crash harmless: first nothing new can be opened (an account needs an active customer), then
//! the look at the accounts counts, then nobody can sign in, then the record goes. Whatever was left is finished by
//! the same call again.

use aws::{
    customers::{Customers, Refusal, WriteError},
    identity::Users,
    ledger::Ledger,
};
use domain::{
    account::AccountStatus,
    customer::{Customer, CustomerStatus},
    id::CustomerId,
};
use edge::http::{Answer, Code, Problem, Request, no_content};

use crate::{access, problem};

/// `DELETE /customers/{id}`
pub(crate) async fn delete(
    customers: &Customers,
    ledger: &Ledger,
    users: &Users,
    request: &Request,
) -> Result<Answer, Problem> {
    let caller = request.staff()?;
    let id = access::served(&caller, request)?;
    let demanded = request.if_match()?;
    let before = access::load(customers, &id).await?;
    access::check_version(demanded, &before)?;
    check_no_accounts(ledger, &id).await?; // the usual refusal, before anything is touched

    let shut = shut(customers, before.clone(), demanded).await?;
    if let Err(problem) = check_no_accounts(ledger, &id).await {
        let version = shut.version + 1;
        let back = Customer { version, status: before.status, ..shut.clone() };
        customers.replace(&shut, &back).await.map_err(problem::write)?;
        return Err(problem);
    }
    users.delete(&id).await.map_err(problem::identity)?;
    remove(customers, shut).await?;
    tracing::info!(customer_id = %id, "customer deleted");
    Ok(no_content())
}

async fn check_no_accounts(ledger: &Ledger, id: &CustomerId) -> Result<(), Problem> {
    let accounts = ledger.accounts_of(id).await.map_err(problem::store)?;
    if accounts.iter().all(|account| account.status == AccountStatus::Closed) {
        return Ok(());
    }
    Err(Problem::new(Code::CustomerHasAccounts, "The customer has accounts that are not closed."))
}

/// The customer, so that no account can be opened for him any more.
async fn shut(customers: &Customers, mut before: Customer, demanded: Option<u64>) -> Result<Customer, Problem> {
    for _ in 0..access::ATTEMPTS {
        if !before.is_active() {
            return Ok(before);
        }
        let after = before.with_status(CustomerStatus::Inactive);
        match customers.replace(&before, &after).await {
            Ok(()) => return Ok(after),
            Err(WriteError::Refused(Refusal::Stale)) => {
                before = access::load(customers, &before.id).await?;
                access::check_version(demanded, &before)?;
            }
            Err(error) => return Err(problem::write(error)),
        }
    }
    Err(Problem::unavailable())
}

/// Removes the rows; with those of a document that came in between.
async fn remove(customers: &Customers, mut customer: Customer) -> Result<(), Problem> {
    for _ in 0..access::ATTEMPTS {
        match customers.delete(&customer).await {
            Ok(()) => return Ok(()),
            Err(WriteError::Refused(_)) => match customers.customer(&customer.id).await.map_err(problem::store)? {
                Some(again) => customer = again,
                None => return Ok(()),
            },
            Err(error) => return Err(problem::write(error)),
        }
    }
    Err(Problem::unavailable())
}
