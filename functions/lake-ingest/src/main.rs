//! Composition: environment, clients, run.

use aws::{client::Environment, objects::Bucket};
use edge::{clock::SystemClock, telemetry, variable, worker};
use lake_ingest::Ingest;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let bucket = Bucket::new(Environment::read()?.s3(), variable::required("LAKE_BUCKET")?);
    let ingest = Ingest::new(bucket, SystemClock);
    worker::run(|event| ingest.handle(event)).await
}
