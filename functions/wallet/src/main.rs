//! Composition: environment, clients, run.

use aws::{
    client::Environment,
    customers::Customers,
    exchange::{Exchange, Freshness, Warm},
    ledger::Ledger,
};
use edge::{clock::SystemClock, http, telemetry, variable};
use wallet::{Stores, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let client = Environment::read()?.dynamodb();
    let exchange = Exchange::new(client.clone(), variable::required("EXCHANGE_TABLE")?);
    let stores = Stores {
        ledger: Ledger::new(client.clone(), variable::required("LEDGER_TABLE")?),
        warm: Warm::new(exchange, Freshness::default()),
        customers: Customers::new(client, variable::required("CUSTOMERS_TABLE")?),
    };
    http::serve(http::Settings::from_environment(), |request| handle(&stores, &SystemClock, request)).await
}
