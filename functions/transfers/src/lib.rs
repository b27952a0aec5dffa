//! Moves money between accounts, reserves it, takes it back. Refuses rather than queues: the answer a client gets
//! is final, and the same key always gets the same answer.

mod answers;
mod body;
mod create;
mod find;
mod resolve;
mod reverse;

use aws::ledger::Ledger;
use edge::{
    clock::Clock,
    http::{Answer, Problem, Request},
};

/// What the bank allows its customers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// Customers may deposit to their own accounts. Without it deposits are for staff.
    pub self_service_deposits: bool,
}

/// One request to any route of transfers.
pub async fn handle(ledger: &Ledger, clock: &impl Clock, policy: &Policy, request: Request) -> Result<Answer, Problem> {
    match request.route() {
        ("POST", "/transfers") => create::create(ledger, clock, policy, &request).await,
        ("GET", "/transfers") => find::list(ledger, clock, &request).await,
        ("GET", "/transfers/{id}") => find::one(ledger, clock, &request).await,
        ("POST", "/transfers/{id}/capture") => resolve::capture(ledger, clock, &request).await,
        ("POST", "/transfers/{id}/void") => resolve::void(ledger, clock, &request).await,
        ("POST", "/transfers/{id}/reverse") => reverse::reverse(ledger, clock, &request).await,
        _ => Err(Problem::not_found()),
    }
}
