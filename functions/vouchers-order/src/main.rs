//! Composition: environment, clients, run.

use std::time::Duration;

use aws::{client::Environment, queues::Queue, vouchers::Vouchers};
use domain::voucher::Patience;
use edge::{clock::SystemClock, sqs, telemetry, variable};
use supplier::Supplier;
use vouchers_order::{Queues, order};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let deadline: u32 = variable::required("SUPPLIER_DEADLINE_SECONDS")?.parse()?;
    let (url, token) = (variable::required("SUPPLIER_URL")?, variable::optional("SUPPLIER_TOKEN"));
    let supplier = Supplier::new(&url, token, Duration::from_secs(deadline.into()))?;
    let resend_seconds = variable::required("VOUCHER_RESEND_SECONDS")?.parse()?;
    let patience = Patience { deadline_seconds: deadline.into(), resend_seconds };
    let vouchers = Vouchers::new(environment.dynamodb(), variable::required("VOUCHERS_TABLE")?, patience);
    let queues = Queues {
        orders: Queue::new(environment.sqs(), variable::required("VOUCHER_ORDER_QUEUE_URL")?),
        results: Queue::new(environment.sqs(), variable::required("VOUCHER_ORDER_RESULT_QUEUE_URL")?),
    };
    sqs::run(|message| order(&vouchers, &supplier, &queues, &SystemClock, message)).await
}
