//! Queue workers: a batch of messages in, the ones that failed out.
//!
//! ```text
//! event ─► each message ─► does its body read? ─► handler ─► done
//!                              └ no ─► failed ◄── error or panic
//! ```
//! Every message stands alone: one that fails comes back after the queue's visibility timeout, and ends in the
//! dead-letter queue after the receives the template allows; the others of its batch are done. Bodies are never logged.

mod fifo;

use std::{fmt, future::Future, panic::AssertUnwindSafe, time::Instant};

use futures::{FutureExt, future::join_all};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use fifo::{fifo_batch, run_fifo};

/// What Lambda hands to the function of a queue, as far as it is read.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// Between one message and the batch size of the event source.
    #[serde(rename = "Records")]
    pub records: Vec<Message>,
}

/// One message of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The queue's name for it, the same at each delivery.
    pub message_id: String,
    /// What was sent.
    pub body: String,
    /// What the queue knows about it.
    #[serde(default)]
    pub attributes: Attributes,
}

/// What a queue knows about a message.
#[derive(Debug, Default, Deserialize)]
pub struct Attributes {
    /// How often it was handed out, this time included.
    #[serde(rename = "ApproximateReceiveCount", default)]
    pub receives: String,
    /// Its message group, on a FIFO queue.
    #[serde(rename = "MessageGroupId", default)]
    pub group: String,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message_id, attributes, .. } = self;
        f.debug_struct("Message").field("message_id", message_id).field("receives", &attributes.receives).finish()
    }
}

/// The messages that are not done (`ReportBatchItemFailures`). Everything not named here is deleted from the queue.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// In the order of the batch.
    pub batch_item_failures: Vec<ItemFailure>,
}

/// One message that is not done.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// Its message id.
    pub item_identifier: String,
}

/// Why a message is not done. The cause is logged, so it must hold nothing of the message but ids; whatever is an
/// error becomes one by `?`.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// With this cause.
    pub fn new(cause: impl Into<String>) -> Self {
        Self(cause.into())
    }

    /// The cause.
    pub fn cause(&self) -> &str {
        &self.0
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Serves the batches of one queue until the environment ends. `T` should deny unknown fields.
pub async fn run<T, H, F>(handler: H) -> Result<(), Error>
where
    T: DeserializeOwned,
    H: Fn(T) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| async move {
        Ok::<_, Error>(batch(event.payload, handler).await)
    }))
    .await
}

/// Handles the messages of one batch at the same time.
pub async fn batch<T, H, F>(event: Event, handler: H) -> BatchResponse
where
    T: DeserializeOwned,
    H: Fn(T) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let handler = &handler;
    let handled = event.records.into_iter().map(|message| async move {
        let started = Instant::now();
        // A panic would take the rest of the batch with it, and in the end to the dead-letter queue.
        let outcome = AssertUnwindSafe(async { Box::pin(handler(parse(&message.body)?)).await });
        let outcome = outcome.catch_unwind().await.unwrap_or_else(|_| Err(Failure::new("the handler panicked")));
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (id, receives) = (&message.message_id, &message.attributes.receives);
        match &outcome {
            Ok(()) => tracing::info!(message_id = %id, %receives, outcome = "done", micros, "message handled"),
            Err(Failure(cause)) => {
                tracing::error!(message_id = %id, %receives, outcome = "failed", %cause, micros, "message handled");
            }
        }
        outcome.err().map(|_| ItemFailure { item_identifier: message.message_id })
    });
    BatchResponse { batch_item_failures: join_all(handled).await.into_iter().flatten().collect() }
}

/// Reads a body.
pub fn parse<T: DeserializeOwned>(body: &str) -> Result<T, Failure> {
    serde_json::from_str(body).map_err(|error| unreadable(&error))
}

/// Where a body stops to read and why, by kind: serde's own message may quote it.
fn unreadable(error: &serde_json::Error) -> Failure {
    let (kind, column) = (error.classify(), error.column());
    Failure(format!("the body does not read as a message of this queue ({kind:?}, column {column})"))
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        n: u32,
    }

    /// A batch of these bodies; their ids are m0, m1, ….
    fn event(bodies: &[&str]) -> Event {
        let records: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(index, body)| {
                json!({"messageId": format!("m{index}"), "receiptHandle": "r", "body": body, "md5OfBody": "", "messageAttributes": {},
                    "attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1795208624479"}, "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:q", "awsRegion": "eu-west-1"})
            })
            .collect();
        serde_json::from_value(json!({"Records": records})).expect("an event")
    }

    /// Nothing here waits, so one look is enough.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("nothing to wait for"),
        }
    }

    fn failed(response: BatchResponse) -> serde_json::Value {
        serde_json::to_value(response).expect("JSON")
    }

    #[test]
    fn what_fails_is_named_and_the_rest_is_done() {
        let event = event(&[r#"{"n":0}"#, r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#]);
        let response = now(batch(event, |body: Body| async move {
            match body.n {
                1 => Err(Failure::new("no")),
                2 => panic!("a fault in the handler"),
                _ => Ok(()),
            }
        }));
        assert_eq!(
            failed(response),
            json!({"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]})
        );
    }

    #[test]
    fn a_body_that_does_not_read_fails_alone_and_never_reaches_the_handler() {
        let bodies =
            ["", "{", "null", "[]", r#"{"n":-1}"#, r#"{"n":1,"m":2}"#, r#"{"n":"1"}"#, r#"{"n":1} x"#, r#"{"n":7}"#];
        let response = now(batch(event(&bodies), |body: Body| async move {
            assert_eq!(body.n, 7);
            Ok(())
        }));
        let expected: Vec<_> = (0..8).map(|index| json!({"itemIdentifier": format!("m{index}")})).collect();
        assert_eq!(failed(response), json!({"batchItemFailures": expected}));
    }

    #[test]
    fn the_cause_of_an_unreadable_body_does_not_quote_it() {
        let error = serde_json::from_str::<Body>(r#"{"n":"+51987654321"}"#).err().expect("no number");
        assert_eq!(unreadable(&error).cause(), "the body does not read as a message of this queue (Data, column 19)");
        let message = &event(&["secret"]).records[0];
        assert_eq!(format!("{message:?}"), r#"Message { message_id: "m0", receives: "2" }"#);
    }

    #[test]
    fn all_done_answers_an_empty_list() {
        let response = now(batch(event(&[r#"{"n":1}"#]), |_: Body| async { Ok(()) }));
        assert_eq!(failed(response), json!({"batchItemFailures": []}));
    }
}
