//! Composition: environment, clients, run.

use aws::{client::Environment, ledger::Ledger};
use edge::{clock::SystemClock, telemetry, variable, worker};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let ledger = Ledger::new(Environment::read()?.dynamodb(), variable::required("LEDGER_TABLE")?);
    let namespace = variable::required("METRICS_NAMESPACE")?;
    worker::run(|_| ledger_audit::audit(&ledger, &SystemClock, &namespace)).await
}
