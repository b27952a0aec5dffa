//! Who the bank's customers are, and all there is to know about one.
//!
//! A customer sees and corrects himself; staff serve everybody. The table says who is a customer and to whom an
//! address, a phone or a document belongs; the user pool says who may sign in and follows the table. Where a change
//! needs both, the table comes first when the customer stays and last when he goes, and every call may be repeated
//! until both agree.

mod access;
mod change;
mod create;
mod delete;
mod documents;
mod find;
mod me;
mod overview;
mod problem;

use aws::{customers::Customers, identity::Users, ledger::Ledger};
use edge::{
    clock::Clock,
    http::{Answer, Problem, Request},
};

/// What the routes stand on.
pub struct Bank<C> {
    /// Customers and documents.
    pub customers: Customers,
    /// Accounts and transfers, to read.
    pub ledger: Ledger,
    /// Who may sign in.
    pub users: Users,
    /// Dates a new customer.
    pub clock: C,
}

/// Answers one request.
pub async fn handle<C: Clock>(bank: &Bank<C>, request: Request) -> Result<Answer, Problem> {
    let Bank { customers, ledger, users, clock } = bank;
    match request.route() {
        ("GET", "/me") => me::me(customers, users, clock, &request).await,
        ("POST", "/customers") => create::create(customers, users, clock, &request).await,
        ("GET", "/customers") => find::list(customers, &request).await,
        ("GET", "/customers/{id}") => find::one(customers, &request).await,
        ("PUT", "/customers/{id}") => change::replace(customers, users, &request).await,
        ("DELETE", "/customers/{id}") => delete::delete(customers, ledger, users, &request).await,
        ("GET", "/customers/{id}/documents") => documents::list(customers, &request).await,
        ("POST", "/customers/{id}/documents") => documents::add(customers, &request).await,
        ("GET", "/customers/{id}/profile") => overview::profile(customers, ledger, clock, &request).await,
        ("GET", "/customers/{id}/transfers") => overview::transfers(customers, ledger, clock, &request).await,
        _ => Err(Problem::not_found()),
    }
}
