//! What the user pool and the authorizer ask of the runner: trigger functions, a place for messages, verified tokens.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures::future::BoxFuture;
use local_cognito::{Cognito, Hooks, TokenError};
use local_lambda::Lambda;
use serde_json::{Map, Value};

use crate::gateway::authorizer::{Refused, Verifier};
use crate::log::Log;
use crate::sns::Outbox;

/// The surroundings of the user pools.
pub struct PoolHooks {
    /// Runs the triggers.
    pub lambda: Lambda,
    /// Takes mails and SMS.
    pub outbox: Outbox,
    /// Hears of what could not be done.
    pub log: Log,
}

impl Hooks for PoolHooks {
    fn trigger(&self, lambda_arn: &str, event: Value) -> BoxFuture<'static, Result<Value, String>> {
        let (lambda, arn) = (self.lambda.clone(), lambda_arn.to_owned());
        Box::pin(async move {
            let payload = lambda.invoke(&arn, Bytes::from(event.to_string()), None).await;
            // Cognito shows the client the error's text, not its type.
            let payload =
                payload.map_err(|error| match error.payload().get("errorMessage").and_then(Value::as_str) {
                    Some(message) => message.to_owned(),
                    None => error.to_string(),
                })?;
            serde_json::from_slice(&payload).map_err(|error| error.to_string())
        })
    }

    fn mail(&self, to: &str, subject: &str, message: &str, code: Option<&str>) {
        if let Err(error) = self.outbox.push_mail(to, subject, message, code) {
            self.log.line("mail", format!("a mail could not be kept: {error}"));
        }
    }

    fn sms(&self, to: &str, message: &str) {
        if let Err(error) = self.outbox.push_sms(to, message) {
            self.log.line("sms", format!("an SMS could not be kept: {error}"));
        }
    }
}

impl Verifier for Cognito {
    fn verify(&self, pool_id: &str, token: &str, now: i64) -> Result<Map<String, Value>, Refused> {
        let now = UNIX_EPOCH + Duration::from_secs(u64::try_from(now).unwrap_or_default());
        match Cognito::verify(self, pool_id, token, now) {
            Ok(claims) => Ok(claims.0),
            Err(TokenError::Expired) => Err(Refused::Expired),
            Err(TokenError::Invalid) => Err(Refused::Unauthorized),
        }
    }
}
