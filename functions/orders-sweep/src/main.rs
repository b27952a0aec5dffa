//! Composition: environment, clients, run.

use aws::{client::Environment, exchange::Exchange, queues::Queue};
use edge::{clock::SystemClock, telemetry, variable, worker};
use orders_sweep::{Queues, Sweeper};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let exchange = Exchange::new(environment.dynamodb(), variable::required("EXCHANGE_TABLE")?);
    let queues = Queues {
        orders: Queue::new(environment.sqs(), variable::required("ORDER_QUEUE_URL")?),
        later: Queue::new(environment.sqs(), variable::required("SWEEP_QUEUE_URL")?),
        nudges: Queue::new(environment.sqs(), variable::required("NUDGE_QUEUE_URL")?),
    };
    let sweeper = Sweeper::new(exchange, queues, SystemClock, variable::required("METRICS_NAMESPACE")?);
    let sweeper = &sweeper;
    worker::run(|event| async move { Ok(serde_json::to_value(sweeper.handle(event).await?)?) }).await
}
