//! Composition: environment, clients, run.

use aws::{client::Environment, exchange::Exchange};
use edge::{clock::SystemClock, sqs, telemetry, variable};
use orders_match::{Matcher, read};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let exchange = Exchange::new(Environment::read()?.dynamodb(), variable::required("EXCHANGE_TABLE")?);
    let matcher = Matcher::new(exchange, SystemClock, variable::required("SNAPSHOT_EVERY")?.parse()?);
    sqs::run_fifo(read, |group, messages| matcher.handle(group, messages)).await
}
