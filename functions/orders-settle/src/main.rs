//! Composition: environment, clients, run.

use aws::{client::Environment, exchange::Exchange, ledger::Ledger};
use edge::{telemetry, variable, worker};
use orders_settle::Settler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let dynamodb = Environment::read()?.dynamodb();
    let exchange = Exchange::new(dynamodb.clone(), variable::required("EXCHANGE_TABLE")?);
    let ledger = Ledger::new(dynamodb, variable::required("LEDGER_TABLE")?);
    let settler = &Settler::new(exchange, ledger);
    worker::run(|event| async move { Ok(serde_json::to_value(settler.handle(event).await?)?) }).await
}
