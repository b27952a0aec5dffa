//! Composition: environment, clients, run.

use aws::{
    client::Environment,
    customers::Customers,
    exchange::{Exchange, Freshness, Warm},
    ledger::Ledger,
    queues::Queue,
};
use edge::{clock::SystemClock, http, telemetry, variable};
use orders::{Limits, Stores, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let client = environment.dynamodb();
    let exchange = Exchange::new(client.clone(), variable::required("EXCHANGE_TABLE")?);
    let stores = Stores {
        ledger: Ledger::new(client.clone(), variable::required("LEDGER_TABLE")?),
        warm: Warm::new(exchange, Freshness::default()),
        customers: Customers::new(client, variable::required("CUSTOMERS_TABLE")?),
        queue: Queue::new(environment.sqs(), variable::required("ORDER_QUEUE_URL")?),
    };
    let limits = Limits {
        max_open_orders: variable::required("MAX_OPEN_ORDERS")?.parse()?,
        market_buy_collar_bps: variable::required("MARKET_BUY_COLLAR_BPS")?.parse()?,
    };
    http::serve(http::Settings::from_environment(), |request| handle(&stores, &limits, &SystemClock, request)).await
}
