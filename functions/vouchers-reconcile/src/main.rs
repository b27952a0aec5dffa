//! Composition: environment, clients, run.

use std::time::Duration;

use aws::{client::Environment, queues::Queue, vouchers::Vouchers};
use domain::voucher::Patience;
use edge::{clock::SystemClock, telemetry, variable, worker};
use supplier::Supplier;
use vouchers_reconcile::{Desk, Queues, Setup, sweep};

/// A question is quicker than an order, and the run must end in time: the last one begins 10 s before the timeout.
const LONGEST_QUESTION: Duration = Duration::from_secs(8);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let setup = Setup {
        patience: Patience {
            deadline_seconds: variable::required("SUPPLIER_DEADLINE_SECONDS")?.parse()?,
            resend_seconds: variable::required("VOUCHER_RESEND_SECONDS")?.parse()?,
        },
        first_ask_seconds: variable::required("VOUCHER_FIRST_ASK_SECONDS")?.parse()?,
        grace_seconds: variable::required("VOUCHER_GRACE_SECONDS")?.parse()?,
        review_hours: variable::required("VOUCHER_REVIEW_HOURS")?.parse()?,
        support: variable::required("SUPPORT_CONTACT")?,
        namespace: variable::required("METRICS_NAMESPACE")?,
    };
    let (url, token) = (variable::optional("SUPPLIER_URL"), variable::optional("SUPPLIER_TOKEN"));
    let supplier = url.map(|url| Supplier::new(&url, token, LONGEST_QUESTION)).transpose()?;
    let table = variable::required("VOUCHERS_TABLE")?;
    let vouchers = Vouchers::new(environment.dynamodb(), table, setup.patience);
    let queues = Queues {
        orders: Queue::new(environment.sqs(), variable::required("VOUCHER_ORDER_QUEUE_URL")?),
        results: Queue::new(environment.sqs(), variable::required("VOUCHER_ORDER_RESULT_QUEUE_URL")?),
        sms: Queue::new(environment.sqs(), variable::required("SMS_QUEUE_URL")?),
    };
    let supplier = supplier.as_ref();
    let desk = Desk { vouchers: &vouchers, supplier, queues: &queues, setup: &setup, clock: &SystemClock };
    worker::run(|_| sweep(&desk)).await
}
