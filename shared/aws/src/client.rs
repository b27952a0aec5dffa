//! SDK clients without aws-config: region, credentials and endpoint from the environment as Lambda and every SDK
//! set them, TLS by rustls with ring. Built once, at init.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::http::Http;

/// A call to DynamoDB, SQS or Secrets Manager takes milliseconds; one that hangs is better asked again.
#[cfg(any(feature = "dynamodb", feature = "sqs", feature = "secrets"))]
const SHORT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(7));
/// Cognito waits for its triggers, five seconds each.
#[cfg(feature = "cognito")]
const COGNITO: (Duration, Duration) = (Duration::from_secs(8), Duration::from_secs(9));

/// One try only, and what it did is unknown when its time is over; `sms-send` has thirty seconds.
#[cfg(feature = "sns")]
const PUBLISH: (Duration, Duration) = (Duration::from_secs(8), Duration::from_secs(8));

/// Limits of one try and of all tries together, below the functions' own ten seconds.
fn timeouts((attempt, operation): (Duration, Duration)) -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(operation).build()
}

/// The configuration every client shares.
macro_rules! configured {
    ($environment:expr, $sdk:ident, $service:literal, $timeouts:expr) => {{
        use $sdk::config::{BehaviorVersion, Builder, Region};
        let mut config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new($environment.region.clone()))
            .credentials_provider($environment.credentials.clone())
            .timeout_config(timeouts($timeouts))
            .http_client($environment.http.clone());
        config.set_endpoint_url($environment.endpoint($service));
        config
    }};
}

/// What every client is built from.
#[derive(Clone, Debug)]
pub struct Environment {
    region: String,
    credentials: Credentials,
    http: Http,
    endpoint: Option<String>,
}

impl Environment {
    /// From `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`. These are fixed for the life of a
    /// Lambda environment. The error names what is missing.
    pub fn read() -> Result<Self, String> {
        let variable = |name: &str| std::env::var(name).map_err(|_| format!("environment variable {name} is not set"));
        let credentials = Credentials::new(
            variable("AWS_ACCESS_KEY_ID")?,
            variable("AWS_SECRET_ACCESS_KEY")?,
            std::env::var("AWS_SESSION_TOKEN").ok(),
            None,
            "environment",
        );
        Self::new(variable("AWS_REGION")?, credentials, None)
    }

    /// For tests and tools: everything at one endpoint.
    pub fn at(endpoint: &str, region: &str) -> Result<Self, String> {
        Self::new(region.to_owned(), Credentials::new("local", "local", None, None, "local"), Some(endpoint.to_owned()))
    }

    fn new(region: String, credentials: Credentials, endpoint: Option<String>) -> Result<Self, String> {
        Ok(Self { region, credentials, http: Http::new()?, endpoint })
    }

    /// `AWS_ENDPOINT_URL_<SERVICE>` before `AWS_ENDPOINT_URL`, as the SDKs define it.
    fn endpoint(&self, service: &str) -> Option<String> {
        let variable = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
        self.endpoint
            .clone()
            .or_else(|| variable(&format!("AWS_ENDPOINT_URL_{service}")))
            .or_else(|| variable("AWS_ENDPOINT_URL"))
    }

    /// A DynamoDB client. Its own retries are for networks and throttling only; every write of ours is conditional
    /// and carries a client token, so a repetition by the SDK does nothing twice.
    #[cfg(feature = "dynamodb")]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::from_conf(configured!(self, aws_sdk_dynamodb, "DYNAMODB", SHORT).build())
    }

    /// A Cognito user-pool client.
    #[cfg(feature = "cognito")]
    pub fn cognito(&self) -> aws_sdk_cognitoidentityprovider::Client {
        let config = configured!(self, aws_sdk_cognitoidentityprovider, "COGNITO_IDENTITY_PROVIDER", COGNITO);
        aws_sdk_cognitoidentityprovider::Client::from_conf(config.build())
    }

    /// A client that sends to queues. What it repeats may arrive twice, as any message may: receivers are idempotent.
    #[cfg(feature = "sqs")]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::from_conf(configured!(self, aws_sdk_sqs, "SQS", SHORT).build())
    }

    /// A client that publishes SMS. It repeats nothing: a lost answer may stand for an SMS that went out.
    #[cfg(feature = "sns")]
    pub fn sns(&self) -> aws_sdk_sns::Client {
        let config = configured!(self, aws_sdk_sns, "SNS", PUBLISH);
        let once = aws_smithy_types::retry::RetryConfig::disabled();
        aws_sdk_sns::Client::from_conf(config.retry_config(once).build())
    }

    /// A Secrets Manager client.
    #[cfg(feature = "secrets")]
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        let config = configured!(self, aws_sdk_secretsmanager, "SECRETS_MANAGER", SHORT);
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }
}
