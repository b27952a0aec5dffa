//! Composition: environment, clients, run.

use aws::{client::Environment, customers::Customers, ledger::Ledger};
use edge::{clock::SystemClock, http, telemetry, variable};
use transfers::{Policy, Stores, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let client = Environment::read()?.dynamodb();
    let stores = Stores {
        ledger: Ledger::new(client.clone(), variable::required("LEDGER_TABLE")?),
        customers: Customers::new(client, variable::required("CUSTOMERS_TABLE")?),
    };
    let policy = Policy { self_service_deposits: variable::flag("SELF_SERVICE_DEPOSITS") };
    http::serve(http::Settings::from_environment(), |request| handle(&stores, &SystemClock, &policy, request)).await
}
