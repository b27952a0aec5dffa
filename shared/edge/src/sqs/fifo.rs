//! Batches of FIFO queues: message groups side by side, each in its order.
//!
//! ```text
//! event ─► its groups ─► the messages that read, up to the first that does not ─► handler ─► done up to here
//!                              └ that one and all behind it of the group: failed
//! ```
//! A group stops at its first failure, because what is deleted out of turn is out of order for ever. The failed message
//! comes first again after the queue's visibility timeout, with the rest of its group behind it, until it has been
//! received as often as the template allows; then the queue moves it to its dead-letter queue and the group goes on.

use std::{collections::HashMap, future::Future, panic::AssertUnwindSafe, time::Instant};

use futures::{FutureExt, future::join_all};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::de::DeserializeOwned;

use super::{BatchResponse, Event, Failure, ItemFailure, Message, unreadable};

/// A message that reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<T> {
    /// What it says.
    pub body: T,
    /// How often it was handed out, this time included; 1 if the queue does not say.
    pub receives: u32,
}

/// Where a group stopped and why. Whatever is an error becomes one by `?`, with nothing done.
#[derive(Debug, PartialEq, Eq)]
pub struct Stopped {
    /// How many messages of the group, from its first, are done.
    pub done: usize,
    /// Why the next one is not.
    pub failure: Failure,
}

impl<E: Into<Failure>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self { done: 0, failure: error.into() }
    }
}

/// Serves the batches of one FIFO queue until the environment ends. `T` should deny unknown fields.
pub async fn run_fifo<T, H, F>(handler: H) -> Result<(), Error>
where
    T: DeserializeOwned,
    H: Fn(String, Vec<Received<T>>) -> F,
    F: Future<Output = Result<(), Stopped>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| async move {
        Ok::<_, Error>(fifo_batch(event.payload, handler).await)
    }))
    .await
}

/// Handles the groups of one batch at the same time: the group's id, and its messages in their order.
pub async fn fifo_batch<T, H, F>(event: Event, handler: H) -> BatchResponse
where
    T: DeserializeOwned,
    H: Fn(String, Vec<Received<T>>) -> F,
    F: Future<Output = Result<(), Stopped>>,
{
    let handler = &handler;
    let handled = groups(event).into_iter().map(|messages| async move {
        let started = Instant::now();
        let (bodies, unreadable) = read(&messages);
        let (group, readable) = (messages[0].attributes.group.clone(), bodies.len());
        // A panic would take the other groups with it.
        let outcome = async { if readable == 0 { Ok(()) } else { handler(group.clone(), bodies).await } };
        let outcome = AssertUnwindSafe(outcome).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| Err(Failure::new("the handler panicked").into()));
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let stopped = match (outcome, unreadable) {
            (Err(stopped), _) => Some(stopped),
            (Ok(()), Some(failure)) => Some(Stopped { done: readable, failure }),
            (Ok(()), None) => None,
        };
        let Some(Stopped { done, failure }) = stopped else {
            tracing::info!(%group, messages = messages.len(), outcome = "done", micros, "messages handled");
            return Vec::new();
        };
        let failed = &messages[done.min(messages.len() - 1)..];
        let (id, receives, cause) = (&failed[0].message_id, &failed[0].attributes.receives, failure.cause());
        tracing::error!(
            %group, done, failed = failed.len(), message_id = %id, %receives, outcome = "failed", %cause, micros,
            "messages handled"
        );
        failed.iter().map(|message| ItemFailure { item_identifier: message.message_id.clone() }).collect()
    });
    BatchResponse { batch_item_failures: join_all(handled).await.into_iter().flatten().collect() }
}

/// The messages of each group, in their order, none of them empty; groups by their first message.
fn groups(event: Event) -> Vec<Vec<Message>> {
    let (mut groups, mut places): (Vec<Vec<Message>>, HashMap<String, usize>) = Default::default();
    for message in event.records {
        let place = *places.entry(message.attributes.group.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(message),
            None => groups.push(vec![message]),
        }
    }
    groups
}

/// The bodies up to the first that does not read, and why it does not.
fn read<T: DeserializeOwned>(messages: &[Message]) -> (Vec<Received<T>>, Option<Failure>) {
    let mut bodies = Vec::new();
    for message in messages {
        match serde_json::from_str(&message.body) {
            Ok(body) => bodies.push(Received { body, receives: message.attributes.receives.parse().unwrap_or(1) }),
            Err(error) => return (bodies, Some(unreadable(&error))),
        }
    }
    (bodies, None)
}

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use serde_json::json;

    use super::*;

    /// A batch of these (group, body); their ids are m0, m1, ….
    fn event(messages: &[(&str, &str)]) -> Event {
        let records: Vec<_> = messages
            .iter()
            .enumerate()
            .map(|(index, (group, body))| {
                json!({"messageId": format!("m{index}"), "body": body, "eventSource": "aws:sqs",
                    "attributes": {"ApproximateReceiveCount": "2", "MessageGroupId": group}})
            })
            .collect();
        serde_json::from_value(json!({"Records": records})).expect("an event")
    }

    /// Nothing here waits, so one look is enough.
    fn failed(event: Event, handler: impl Fn(&str, Vec<u32>) -> Result<(), Stopped>) -> Vec<String> {
        let handler = &handler;
        let handled = fifo_batch(event, |group: String, messages: Vec<Received<u32>>| async move {
            assert!(messages.iter().all(|message| message.receives == 2));
            handler(&group, messages.into_iter().map(|message| message.body).collect())
        });
        match pin!(handled).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(response) => {
                response.batch_item_failures.into_iter().map(|item| item.item_identifier).collect()
            }
            Poll::Pending => panic!("nothing to wait for"),
        }
    }

    #[test]
    fn each_group_gets_its_messages_in_their_order() {
        let seen = RefCell::new(Vec::new());
        let event = event(&[("a", "1"), ("b", "2"), ("a", "3"), ("b", "4"), ("a", "5")]);
        let failed = failed(event, |group, bodies| {
            seen.borrow_mut().push((group.to_owned(), bodies));
            Ok(())
        });
        assert!(failed.is_empty());
        assert_eq!(*seen.borrow(), [("a".into(), vec![1, 3, 5]), ("b".into(), vec![2, 4])]);
    }

    #[test]
    fn a_body_that_does_not_read_stops_its_group_and_no_other() {
        let event = event(&[("a", "1"), ("a", "x"), ("b", "2"), ("a", "3"), ("c", "-"), ("c", "4")]);
        let failed = failed(event, |group, bodies| {
            assert_eq!(bodies, if group == "a" { [1] } else { [2] });
            Ok(())
        });
        assert_eq!(failed, ["m1", "m3", "m4", "m5"]);
    }

    #[test]
    fn what_is_not_done_fails_with_all_behind_it() {
        let batch = || event(&[("a", "1"), ("a", "2"), ("a", "3"), ("b", "4"), ("a", "x")]);
        let stop = |done| {
            move |group: &str, _: Vec<u32>| match group {
                "a" => Err(Stopped { done, failure: Failure::new("no") }),
                _ => Ok(()),
            }
        };
        assert_eq!(failed(batch(), stop(0)), ["m0", "m1", "m2", "m4"]);
        assert_eq!(failed(batch(), stop(2)), ["m2", "m4"]);
        assert_eq!(failed(batch(), stop(9)), ["m4"], "never nothing");
        let fault = |group: &str, _: Vec<u32>| if group == "a" { panic!("a fault in the handler") } else { Ok(()) };
        assert_eq!(failed(batch(), fault), ["m0", "m1", "m2", "m4"]);
    }
}
