//! Whose record it is, and who may look at it.

use aws::customers::Customers;
use domain::{customer::Customer, id::CustomerId};
use edge::http::{Caller, Code, Problem, Request};

use crate::problem;

/// How often a change is decided anew when somebody else was quicker.
pub(crate) const ATTEMPTS: usize = 4;

/// The customer that the path names, if the caller may serve him; otherwise there is no such resource.
pub(crate) fn served(caller: &Caller, request: &Request) -> Result<CustomerId, Problem> {
    let id = request.path_id("id", CustomerId::parse)?;
    if caller.may_serve(&id) { Ok(id) } else { Err(Problem::not_found()) }
}

/// That customer as he stands.
pub(crate) async fn load(customers: &Customers, id: &CustomerId) -> Result<Customer, Problem> {
    customers.customer(id).await.map_err(problem::store)?.ok_or_else(Problem::not_found)
}

/// Holds `If-Match` against the version there is.
pub(crate) fn check_version(demanded: Option<u64>, customer: &Customer) -> Result<(), Problem> {
    match demanded {
        Some(version) if version != customer.version => Err(problem::stale()),
        _ => Ok(()),
    }
}

/// A customer who is not active changes nothing about himself; his token may outlive his block by an hour.
pub(crate) fn check_active(caller: &Caller, customer: &Customer) -> Result<(), Problem> {
    if caller.is_staff() || customer.is_active() {
        return Ok(());
    }
    Err(Problem::new(Code::CustomerNotActive, "Only an active customer changes anything."))
}
