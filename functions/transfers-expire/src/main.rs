//! Composition: environment, clients, run.

use aws::{client::Environment, ledger::Ledger};
use edge::{clock::SystemClock, telemetry, variable, worker};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let ledger = Ledger::new(Environment::read()?.dynamodb(), variable::required("LEDGER_TABLE")?);
    worker::run(|_| transfers_expire::sweep(&ledger, &SystemClock)).await
}
