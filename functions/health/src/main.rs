//! Composition: environment, clients, run.

use aws::{client::Environment, customers::Customers, identity::Users, ledger::Ledger};
use edge::{clock::SystemClock, http, telemetry, variable};
use health::{Health, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let tables = environment.dynamodb();
    let health = Health {
        ledger: Ledger::new(tables.clone(), variable::required("LEDGER_TABLE")?),
        customers: Customers::new(tables, variable::required("CUSTOMERS_TABLE")?),
        users: Users::new(environment.cognito(), variable::required("USER_POOL_ID")?),
        clock: SystemClock,
    };
    let health = &health;
    http::serve(http::Settings::from_environment(), |request| handle(health, request)).await
}
