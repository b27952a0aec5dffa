//! Composition: environment, clients, run.

use aws::{client::Environment, ledger::Ledger};
use edge::{clock::SystemClock, http, telemetry, variable};
use transfers::{Policy, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let ledger = Ledger::new(Environment::read()?.dynamodb(), variable::required("LEDGER_TABLE")?);
    let policy = Policy { self_service_deposits: variable::flag("SELF_SERVICE_DEPOSITS") };
    http::serve(http::Settings::from_environment(), |request| handle(&ledger, &SystemClock, &policy, request)).await
}
