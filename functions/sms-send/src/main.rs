//! Composition: environment, clients, run.

use aws::{client::Environment, phones::Phones, sms::Phone};
use edge::{clock::SystemClock, sqs, telemetry, variable};
use sms_send::SmsSend;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let function = SmsSend {
        phones: Phones::new(environment.dynamodb(), variable::required("PHONES_TABLE")?),
        phone: Phone::new(environment.sns()),
        metrics: variable::required("METRICS_NAMESPACE")?,
        clock: SystemClock,
    };
    sqs::run(|sms| sms_send::send(&function, sms)).await
}
