//! Composition: environment, clients, run.

use accounts::{Stores, handle};
use aws::{client::Environment, customers::Customers, ledger::Ledger};
use edge::{clock::SystemClock, entropy::SystemEntropy, http, telemetry, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let client = Environment::read()?.dynamodb();
    let customers_table = variable::required("CUSTOMERS_TABLE")?;
    let stores = Stores {
        ledger: Ledger::new(client.clone(), variable::required("LEDGER_TABLE")?),
        customers: Customers::new(client, customers_table.clone()),
        customers_table,
    };
    let settings = http::Settings::from_environment();
    http::serve(settings, |request| handle(&stores, &SystemClock, &SystemEntropy, request)).await
}
