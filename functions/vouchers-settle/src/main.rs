//! Composition: environment, clients, run.

use aws::{client::Environment, ledger::Ledger, queues::Queue, vouchers::Vouchers};
use domain::voucher::Patience;
use edge::{clock::SystemClock, sqs, telemetry, variable};
use vouchers_settle::{Setup, Stores, settle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let ledger = Ledger::new(environment.dynamodb(), variable::required("LEDGER_TABLE")?);
    let patience = Patience {
        deadline_seconds: variable::required("SUPPLIER_DEADLINE_SECONDS")?.parse()?,
        resend_seconds: variable::required("VOUCHER_RESEND_SECONDS")?.parse()?,
    };
    let vouchers = Vouchers::new(environment.dynamodb(), variable::required("VOUCHERS_TABLE")?, patience);
    let stores = Stores { vouchers, ledger };
    let sms = Queue::new(environment.sqs(), variable::required("SMS_QUEUE_URL")?);
    let setup = Setup {
        first_ask_seconds: variable::required("VOUCHER_FIRST_ASK_SECONDS")?.parse()?,
        support: variable::required("SUPPORT_CONTACT")?,
        namespace: variable::required("METRICS_NAMESPACE")?,
    };
    sqs::run(|message| settle(&stores, &sms, &setup, &SystemClock, message)).await
}
