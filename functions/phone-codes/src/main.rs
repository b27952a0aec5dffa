//! Composition: environment, clients, run.

use std::str::FromStr;

use aws::{client::Environment, phones::Phones, queues::Queue, secrets::Secret};
use domain::phone_code::{Lifetime, Limits};
use edge::{clock::SystemClock, entropy::SystemEntropy, http, telemetry, variable};
use phone_codes::PhoneCodes;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let environment = Environment::read()?;
    let queues = environment.sqs();
    let codes = PhoneCodes {
        phones: Phones::new(environment.dynamodb(), variable::required("PHONES_TABLE")?),
        key: variable::optional("PHONE_CODE_SECRET").map(|id| Secret::new(environment.secrets(), id)),
        sms: Queue::new(queues.clone(), variable::required("SMS_QUEUE_URL")?),
        timers: Queue::new(queues, variable::required("AUTH_CODE_TIMER_QUEUE_URL")?),
        limits: Limits {
            lifetime: Lifetime::new(number("PHONE_CODE_SECONDS")?)
                .ok_or("PHONE_CODE_SECONDS must be between 1 and 3600")?,
            per_phone: number("PHONE_CODES_PER_PHONE")?,
            per_address: number("PHONE_CODES_PER_ADDRESS")?,
            per_country: number("PHONE_CODE_BUDGET")?,
        },
        metrics: variable::required("METRICS_NAMESPACE")?,
        clock: SystemClock,
        entropy: SystemEntropy,
    };
    let codes = &codes;
    http::serve(http::Settings::from_environment(), |request| phone_codes::handle(codes, request)).await
}

fn number<T: FromStr>(name: &str) -> Result<T, String> {
    variable::required(name)?.parse().map_err(|_| format!("environment variable {name} is no number that fits"))
}
