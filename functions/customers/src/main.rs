//! Composition: environment, clients, run.

use aws::{client::Environment, customers::Customers, identity::Users, ledger::Ledger};
use customers::{Bank, handle};
use edge::{clock::SystemClock, http, telemetry, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let tables = environment.dynamodb();
    let bank = Bank {
        customers: Customers::new(tables.clone(), variable::required("CUSTOMERS_TABLE")?),
        ledger: Ledger::new(tables, variable::required("LEDGER_TABLE")?),
        users: Users::new(environment.cognito(), variable::required("USER_POOL_ID")?),
        clock: SystemClock,
    };
    let bank = &bank;
    http::serve(http::Settings::from_environment(), |request| handle(bank, request)).await
}
