//! Whether everything the bank stands on answers: all asked at once, none waited for longer than two seconds.
//! Tells that a service fails, never why; the cause is in the log.

use std::{collections::BTreeMap, future::Future, time::Duration};

use aws::{customers::Customers, identity::Users, ledger::Ledger};
use domain::Timestamp;
use edge::{
    clock::Clock,
    http::{Answer, Problem, Request, ok},
};
use serde::Serialize;
use tokio::time::{Instant, timeout};

/// How long one service may take to answer.
pub const LIMIT: Duration = Duration::from_secs(2);

/// What the bank stands on.
pub struct Health<C> {
    /// Accounts and transfers.
    pub ledger: Ledger,
    /// Customers.
    pub customers: Customers,
    /// The user pool.
    pub users: Users,
    /// Dates the report.
    pub clock: C,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Healthy,
    Unhealthy,
}

#[derive(Debug, Serialize)]
struct Service {
    status: Status,
    millis: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    status: Status,
    version: &'static str,
    timestamp: Timestamp,
    services: BTreeMap<&'static str, Service>,
}

/// Answers `GET /health`: 200 only when all are healthy, else 503; the report in either case.
pub async fn handle<C: Clock>(health: &Health<C>, request: Request) -> Result<Answer, Problem> {
    if request.route() != ("GET", "/health") {
        return Err(Problem::not_found());
    }
    let (ledger, customers, users) = futures::join!(
        ask("ledger_table", health.ledger.ping()),
        ask("customers_table", health.customers.ping()),
        ask("user_pool", health.users.ping()),
    );
    let services = BTreeMap::from([ledger, customers, users]);
    let all_healthy = services.values().all(|service| service.status == Status::Healthy);
    let report = Report {
        status: if all_healthy { Status::Healthy } else { Status::Unhealthy },
        version: env!("CARGO_PKG_VERSION"),
        timestamp: health.clock.now(),
        services,
    };
    Ok(ok(&report)?.status(if all_healthy { 200 } else { 503 }))
}

async fn ask<E: std::fmt::Debug>(
    name: &'static str,
    answer: impl Future<Output = Result<(), E>>,
) -> (&'static str, Service) {
    let started = Instant::now();
    let status = match timeout(LIMIT, answer).await {
        Ok(Ok(())) => Status::Healthy,
        Ok(Err(error)) => {
            tracing::error!(service = name, ?error, "unhealthy");
            Status::Unhealthy
        }
        Err(_) => {
            tracing::error!(service = name, limit_ms = LIMIT.as_millis(), "no answer in time");
            Status::Unhealthy
        }
    };
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    (name, Service { status, millis })
}
