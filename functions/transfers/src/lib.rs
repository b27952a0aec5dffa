//! Moves money between accounts, reserves it, takes it back. Refuses rather than queues: the answer a client gets
//! is final, and the same key always gets the same answer.

mod answers;
mod body;
mod create;
mod find;
mod resolve;
mod reverse;

use aws::{customers::Customers, ledger::Ledger};
use domain::customer::CustomerStatus;
use edge::{
    clock::Clock,
    http::{Answer, Caller, Code, Problem, Request},
};

/// Where money and customers are kept.
#[derive(Clone, Debug)]
pub struct Stores {
    /// The money.
    pub ledger: Ledger,
    /// Only asked whether a customer may act: a block holds at once, not when his token ends.
    pub customers: Customers,
}

/// What the bank allows its customers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// Customers may deposit to their own accounts. Without it deposits are for staff.
    pub self_service_deposits: bool,
}

/// One request to any route of transfers.
pub async fn handle(stores: &Stores, clock: &impl Clock, policy: &Policy, request: Request) -> Result<Answer, Problem> {
    let ledger = &stores.ledger;
    match request.route() {
        ("POST", "/transfers") => create::create(stores, clock, policy, &request).await,
        ("GET", "/transfers") => find::list(ledger, clock, &request).await,
        ("GET", "/transfers/{id}") => find::one(ledger, clock, &request).await,
        ("POST", "/transfers/{id}/capture") => resolve::capture(stores, clock, &request).await,
        ("POST", "/transfers/{id}/void") => resolve::void(ledger, clock, &request).await,
        ("POST", "/transfers/{id}/reverse") => reverse::reverse(ledger, clock, &request).await,
        _ => Err(Problem::not_found()),
    }
}

impl Stores {
    /// Refuses a customer who is inactive or blocked. Staff serve others, whatever their own record says.
    pub(crate) async fn check_acting(&self, caller: &Caller) -> Result<(), Problem> {
        let Some(customer) = caller.customer().filter(|_| !caller.is_staff()) else { return Ok(()) };
        match self.customers.status(customer).await.map_err(answers::failed)? {
            // Who is no customer has no accounts either, and is told so.
            None | Some(CustomerStatus::Active) => Ok(()),
            Some(_) => Err(Problem::new(Code::CustomerNotActive, "This customer may not move money at present.")),
        }
    }
}
