//! Composition: environment, clients, run.

use aws::{client::Environment, queues::Queue};
use codes_timer::Queues;
use edge::{clock::SystemClock, sqs, telemetry, variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let client = Environment::read()?.sqs();
    let queues = Queues {
        waiting: Queue::new(client.clone(), variable::required("AUTH_CODE_TIMER_QUEUE_URL")?),
        expired: Queue::new(client, variable::required("AUTH_CODE_TIMER_EXPIRED_QUEUE_URL")?),
    };
    sqs::run(|timer| codes_timer::pass(&queues, &SystemClock, timer)).await
}
