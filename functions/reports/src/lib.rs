//! Reports over the lake, and queries of staff's own. For staff and admins.
//!
//! Asks Athena and tells what it says; computes no number and changes nothing.

pub mod catalogue;
pub mod guard;
mod parameters;
mod queries;
mod reports;
mod rows;
mod run;

use aws::{athena::AthenaError, customers::Customers, store::StoreError};
use edge::{
    clock::Clock,
    http::{Answer, Code, Problem, Request},
};

pub use run::Lake;

/// What reports are made from.
#[derive(Clone, Debug)]
pub struct Stores {
    /// The figures.
    pub lake: Lake,
    /// The names of customers, which the lake does not know.
    pub customers: Customers,
}

/// One request to any route of reports and queries.
pub async fn handle(stores: &Stores, clock: &impl Clock, request: Request) -> Result<Answer, Problem> {
    request.staff()?;
    match request.route() {
        ("GET", "/reports") => reports::list(clock, &request),
        ("GET", "/reports/{name}") => reports::one(stores, clock, &request).await,
        ("POST", "/queries") => queries::start(stores, clock, &request).await,
        ("GET", "/queries/{id}") => queries::one(stores, &request).await,
        ("DELETE", "/queries/{id}") => queries::stop(stores, &request).await,
        _ => Err(Problem::not_found()),
    }
}

/// The engine is not there, is busy or fails; the cause goes to the log once, here.
fn unavailable(cause: &impl std::fmt::Display) -> Problem {
    tracing::error!(error = %cause, "reports");
    Problem::new(Code::ReportsUnavailable, "What computes reports is not available at the moment; try again.")
        .header("Retry-After", "5")
}

fn failed(error: AthenaError) -> Problem {
    match error {
        AthenaError::Store(StoreError::Corrupt(what)) => broken(&what),
        error => unavailable(&error),
    }
}

/// The customers' table fails; the cause goes to the log once, here.
fn nameless(error: StoreError) -> Problem {
    tracing::error!(%error, "names for a report");
    match error {
        StoreError::Conflict | StoreError::Unavailable(_) => Problem::unavailable(),
        StoreError::Corrupt(_) => Problem::from(Code::Internal),
    }
}

/// A fault of ours.
fn broken(cause: &impl std::fmt::Display) -> Problem {
    tracing::error!(error = %cause, "a report is broken");
    Problem::from(Code::Internal)
}
