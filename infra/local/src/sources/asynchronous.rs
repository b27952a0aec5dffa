//! Asynchronous invocation: the event is accepted at once, tried again on errors, and at last told to the function's
//! on-failure destination.
//!
//! Events wait in memory. A runner that is killed forgets them, which Lambda would not.

use std::time::{Duration, Instant};

use bytes::Bytes;
use local_lambda::{InvokeError, request_id};
use local_template::Function;
use serde_json::Value;

use super::{Services, failure};

/// Pauses before the further tries (AWS: one minute, then two).
const PAUSES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];
/// How long an event may wait in all (AWS: six hours).
const AGE_LIMIT: Duration = Duration::from_secs(6 * 3600);
/// First pause after a throttled try; it doubles to five minutes.
const THROTTLED_PAUSE: Duration = Duration::from_secs(1);

/// Delivers asynchronous events.
pub struct Asynchronous {
    services: Services,
    pauses: [Duration; 2],
}

/// The function an event is for and what holds for its failures.
#[derive(Debug, Clone)]
pub struct Target {
    name: String,
    arn: String,
    further_tries: u32,
    age_limit: Duration,
    on_failure: Option<String>,
}

impl From<&Function> for Target {
    fn from(function: &Function) -> Target {
        Target {
            name: function.name.clone(),
            arn: function.arn.clone(),
            further_tries: function.max_retry_attempts.unwrap_or(2),
            age_limit: function.max_event_age_s.map_or(AGE_LIMIT, Duration::from_secs),
            on_failure: function.on_failure.clone(),
        }
    }
}

impl Asynchronous {
    /// Delivers by these services; destinations are queues.
    pub fn new(services: Services) -> Asynchronous {
        Asynchronous { services, pauses: PAUSES }
    }

    /// Sees one event through to its success or its destination. To accept it at once, spawn this.
    pub async fn deliver(&self, target: &Target, event: &Value) {
        let accepted = Instant::now();
        let id = request_id();
        let payload = Bytes::from(event.to_string());
        let mut attempts = 0;
        let mut throttled = THROTTLED_PAUSE;
        loop {
            let (error, pause) = match self.services.invoke.invoke(&target.name, &id, payload.clone()).await {
                Ok(_) | Err(InvokeError::ShuttingDown) => return,
                Err(error @ InvokeError::Throttled) => {
                    let pause = throttled;
                    throttled = (throttled * 2).min(Duration::from_secs(300));
                    (error, pause)
                }
                Err(error) => {
                    attempts += 1;
                    if attempts > target.further_tries {
                        return self.give_up(target, event, &id, "RetriesExhausted", attempts, &error);
                    }
                    let pause = self.pauses[(attempts as usize - 1).min(1)];
                    (error, pause)
                }
            };
            if accepted.elapsed() + pause > target.age_limit {
                return self.give_up(target, event, &id, "EventAgeExceeded", attempts, &error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Says something about events that are to be delivered here.
    pub(super) fn say(&self, text: String) {
        self.services.say(text);
    }

    fn give_up(&self, target: &Target, event: &Value, id: &str, condition: &str, attempts: u32, error: &InvokeError) {
        self.services.say(format!("event {id} for {} was given up ({condition}): {error}", target.name));
        let arn = format!("{}:$LATEST", target.arn);
        let mut message = failure(&arn, id, condition, attempts, Some(error));
        message["requestPayload"] = event.clone();
        message["responsePayload"] = error.payload();
        self.services.tell(target.on_failure.as_deref(), &message);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde_json::json;

    use super::*;
    use crate::sources::testing::{Scripted, drain, failed, function, queues, services};

    fn target(further_tries: Option<u32>) -> Target {
        let mut function = function();
        function.max_retry_attempts = further_tries;
        function.on_failure = Some("arn:aws:sqs:eu-west-1:000000000000:dead".into());
        Target::from(&function)
    }

    #[tokio::test]
    async fn an_event_is_tried_three_times_and_then_told_to_the_destination() {
        let (_folder, sqs) = queues(&["dead"]);
        let function = Scripted::new(|_| Err(failed("no ledger")));
        let asynchronous = Asynchronous { services: services(function.clone(), &sqs), pauses: [Duration::ZERO; 2] };
        asynchronous.deliver(&target(None), &json!({"at": "now"})).await;
        assert_eq!(function.events().len(), 3);
        let told = drain(&sqs, "dead").await.remove(0);
        assert_eq!(told["requestContext"]["condition"], "RetriesExhausted");
        assert_eq!(told["requestContext"]["approximateInvokeCount"], 3);
        assert_eq!(told["requestPayload"], json!({"at": "now"}));
        assert_eq!(told["responseContext"]["functionError"], "Unhandled");
        assert_eq!(told["responsePayload"]["errorMessage"], "no ledger");
    }

    #[tokio::test]
    async fn an_event_that_succeeds_late_is_told_to_nobody() {
        let (_folder, sqs) = queues(&["dead"]);
        let calls = AtomicU32::new(0);
        let function = Scripted::new(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Err(failed("not yet")),
            _ => Ok("null".into()),
        });
        let asynchronous = Asynchronous { services: services(function.clone(), &sqs), pauses: [Duration::ZERO; 2] };
        asynchronous.deliver(&target(Some(1)), &json!({})).await;
        assert_eq!(function.events().len(), 2);
        assert!(drain(&sqs, "dead").await.is_empty());
    }

    #[tokio::test]
    async fn an_event_too_old_for_another_try_is_given_up() {
        let (_folder, sqs) = queues(&["dead"]);
        let function = Scripted::new(|_| Err(InvokeError::Throttled));
        let mut target = target(None);
        target.age_limit = Duration::ZERO;
        Asynchronous::new(services(function, &sqs)).deliver(&target, &json!({})).await;
        let told = drain(&sqs, "dead").await.remove(0);
        assert_eq!(told["requestContext"]["condition"], "EventAgeExceeded");
    }
}
