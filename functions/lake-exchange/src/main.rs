//! Composition: environment, clients, run.

use aws::{client::Environment, exchange::Exchange, objects::Bucket};
use edge::{clock::SystemClock, telemetry, variable, worker};
use lake_exchange::Follower;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let exchange = Exchange::new(environment.dynamodb(), variable::required("EXCHANGE_TABLE")?);
    let bucket = Bucket::new(environment.s3(), variable::required("LAKE_BUCKET")?);
    let follower = Follower::new(exchange, bucket, SystemClock);
    worker::run(|_| follower.run()).await
}
