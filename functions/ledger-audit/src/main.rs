//! Composition: environment, clients, run.

use aws::{client::Environment, exchange::Exchange, ledger::Ledger};
use edge::{clock::SystemClock, telemetry, variable, worker};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let client = Environment::read()?.dynamodb();
    let ledger = Ledger::new(client.clone(), variable::required("LEDGER_TABLE")?);
    let exchange = Exchange::new(client, variable::required("EXCHANGE_TABLE")?);
    let namespace = variable::required("METRICS_NAMESPACE")?;
    worker::run(|_| ledger_audit::audit(&ledger, &exchange, &SystemClock, &namespace)).await
}
