//! Composition: environment, clients, run.

use aws::{client::Environment, customers::Customers, exchange::Exchange, ledger::Ledger, queues::Queue};
use edge::{clock::SystemClock, http, telemetry, variable};
use instruments::{Stores, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let client = environment.dynamodb();
    let stores = Stores {
        exchange: Exchange::new(client.clone(), variable::required("EXCHANGE_TABLE")?),
        ledger: Ledger::new(client.clone(), variable::required("LEDGER_TABLE")?),
        customers: Customers::new(client, variable::required("CUSTOMERS_TABLE")?),
        queue: Queue::new(environment.sqs(), variable::required("ORDER_QUEUE_URL")?),
    };
    http::serve(http::Settings::from_environment(), |request| handle(&stores, &SystemClock, request)).await
}
