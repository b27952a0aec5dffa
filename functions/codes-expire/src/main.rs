//! Composition: environment, clients, run.

use aws::{client::Environment, phones::Phones};
use edge::{sqs, telemetry, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let phones = Phones::new(Environment::read()?.dynamodb(), variable::required("PHONES_TABLE")?);
    sqs::run(|timer| codes_expire::expire(&phones, timer)).await
}
