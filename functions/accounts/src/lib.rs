//! Accounts, their types, statements and balances, and who stands behind a number.
//!
//! Reads and changes accounts; moves no money, that is the transfers function's.

mod answers;
mod change;
mod csv;
mod find;
mod kinds;
mod open;
mod payees;
mod period;
mod statement;

use aws::{customers::Customers, ledger::Ledger};
use edge::{
    clock::Clock,
    entropy::Entropy,
    http::{Answer, Problem, Request},
};

/// The tables.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Accounts and their types.
    pub ledger: Ledger,
    /// Their owners, to read.
    pub customers: Customers,
    /// The name of the table behind `customers`, for the transaction that opens an account.
    pub customers_table: String,
}

/// One request to any route of accounts, account types and payees.
pub async fn handle(
    stores: &Stores,
    clock: &impl Clock,
    entropy: &impl Entropy,
    request: Request,
) -> Result<Answer, Problem> {
    let Stores { ledger, customers, .. } = stores;
    match request.route() {
        ("GET", "/account-types") => kinds::list(ledger, &request).await,
        ("POST", "/account-types") => kinds::create(ledger, &request).await,
        ("GET", "/account-types/{id}") => kinds::one(ledger, &request).await,
        ("POST", "/accounts") => open::open(stores, clock, entropy, &request).await,
        ("GET", "/accounts") => find::list(ledger, &request).await,
        ("GET", "/accounts/{id}") => find::one(ledger, &request).await,
        ("PATCH", "/accounts/{id}") => change::change(ledger, &request).await,
        ("DELETE", "/accounts/{id}") => change::delete(ledger, &request).await,
        ("GET", "/accounts/{id}/entries") => statement::entries(ledger, &request).await,
        ("GET", "/accounts/{id}/balance") => statement::balance(ledger, clock, &request).await,
        ("GET", "/accounts/{id}/statement") => period::statement(ledger, clock, &request).await,
        ("GET", "/payees") => payees::find(ledger, customers, &request).await,
        _ => Err(Problem::not_found()),
    }
}
