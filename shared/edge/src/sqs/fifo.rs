//! Batches of FIFO queues: message groups side by side, each in its order.
//!
//! ```text
//! event ─► its groups ─► the messages that read, up to the first that does not ─► handler ─► done
//!                              └ that one and all behind it of the group: failed
//! ```
//! A group stops at its first failure, because what is deleted out of turn is out of order for ever. The failed message
//! comes first again after the queue's visibility timeout, with the rest of its group behind it. At its last receive a
//! message that does not read stops nobody any more: the queue moves it to its dead-letter queue when it would hand it
//! out next, and those behind it, which were received as often, must not go with it.

use std::{collections::HashMap, future::Future, panic::AssertUnwindSafe, time::Instant};

use futures::{FutureExt, future::join_all};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use super::{BatchResponse, Event, Failure, ItemFailure, Message};

/// How often the template lets a message be received before it is a dead letter.
const RECEIVES: u32 = 5;

/// Serves the batches of one FIFO queue until the environment ends.
pub async fn run_fifo<T, R, H, F>(read: R, handler: H) -> Result<(), Error>
where
    R: Fn(&str, &str) -> Result<T, Failure>,
    H: Fn(String, Vec<T>) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let (read, handler) = (&read, &handler);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| async move {
        Ok::<_, Error>(fifo_batch(event.payload, read, handler).await)
    }))
    .await
}

/// Handles the groups of one batch at the same time. `read` makes a message of its group's id and its body; the handler
/// gets the group's id and its messages in their order, and does all of them or fails.
pub async fn fifo_batch<T, R, H, F>(event: Event, read: R, handler: H) -> BatchResponse
where
    R: Fn(&str, &str) -> Result<T, Failure>,
    H: Fn(String, Vec<T>) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let (read, handler) = (&read, &handler);
    let handled = groups(event).into_iter().map(|(group, messages)| async move {
        let started = Instant::now();
        let Sorted { bodies, ids, mut failed } = sort(&group, messages, read);
        // A panic would take the other groups with it.
        let outcome = async { if bodies.is_empty() { Ok(()) } else { Box::pin(handler(group.clone(), bodies)).await } };
        let outcome = AssertUnwindSafe(outcome).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| Err(Failure::new("the handler panicked")));
        let (micros, messages) = (u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX), ids.len());
        match outcome {
            Ok(()) => tracing::info!(%group, messages, outcome = "done", micros, "messages handled"),
            Err(Failure(cause)) => {
                let first = ids.first().map(String::as_str).unwrap_or_default();
                tracing::error!(%group, messages, message_id = first, outcome = "failed", %cause, micros, "messages handled");
                failed.extend(ids);
            }
        }
        failed.into_iter().map(|id| ItemFailure { item_identifier: id })
    });
    BatchResponse { batch_item_failures: join_all(handled).await.into_iter().flatten().collect() }
}

/// The messages of each group, in their order; groups by their first message.
fn groups(event: Event) -> Vec<(String, Vec<Message>)> {
    let mut groups: Vec<(String, Vec<Message>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for message in event.records {
        let group = &message.attributes.group;
        let place = *places.entry(group.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, messages)) => messages.push(message),
            None => groups.push((group.clone(), vec![message])),
        }
    }
    groups
}

/// What is handled of a group, with its message ids, and the ids of what is not.
struct Sorted<T> {
    bodies: Vec<T>,
    ids: Vec<String>,
    failed: Vec<String>,
}

fn sort<T>(group: &str, messages: Vec<Message>, read: impl Fn(&str, &str) -> Result<T, Failure>) -> Sorted<T> {
    let (mut sorted, mut stopped) = (Sorted { bodies: Vec::new(), ids: Vec::new(), failed: Vec::new() }, false);
    for Message { message_id, body, attributes } in messages {
        if stopped {
            sorted.failed.push(message_id);
            continue;
        }
        match read(group, &body) {
            Ok(body) => {
                sorted.bodies.push(body);
                sorted.ids.push(message_id);
            }
            Err(Failure(cause)) => {
                let receives = attributes.receives.parse().unwrap_or(1);
                stopped = receives < RECEIVES;
                tracing::error!(%group, %message_id, receives, stopped, %cause, "message not read");
                sorted.failed.push(message_id);
            }
        }
    }
    sorted
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
    use crate::sqs::parse;

    /// A batch of these (group, body); their ids are m0, m1, ….
    fn event(receives: u32, messages: &[(&str, &str)]) -> Event {
        let records: Vec<_> = messages
            .iter()
            .enumerate()
            .map(|(index, (group, body))| {
                json!({"messageId": format!("m{index}"), "body": body, "eventSource": "aws:sqs",
                    "attributes": {"ApproximateReceiveCount": receives.to_string(), "MessageGroupId": group}})
            })
            .collect();
        serde_json::from_value(json!({"Records": records})).expect("an event")
    }

    /// Nothing here waits, so one look is enough.
    fn failed(event: Event, handler: impl Fn(&str, Vec<u32>) -> Result<(), Failure>) -> Vec<String> {
        let handler = &handler;
        let read = |_: &str, body: &str| parse(body);
        let handled = fifo_batch(event, read, |group: String, bodies| async move { handler(&group, bodies) });
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
        let event = event(1, &[("a", "1"), ("b", "2"), ("a", "3"), ("b", "4"), ("a", "5")]);
        let failed = failed(event, |group, bodies| {
            seen.borrow_mut().push((group.to_owned(), bodies));
            Ok(())
        });
        assert!(failed.is_empty());
        assert_eq!(*seen.borrow(), [("a".into(), vec![1, 3, 5]), ("b".into(), vec![2, 4])]);
    }

    #[test]
    fn a_body_that_does_not_read_stops_its_group_and_no_other_until_its_last_receive() {
        let messages = [("a", "1"), ("a", "x"), ("b", "2"), ("a", "3"), ("c", "-"), ("c", "4")];
        let ok = |expected: &'static [u32]| {
            move |group: &str, bodies: Vec<u32>| {
                assert_eq!(
                    bodies,
                    match group {
                        "a" => expected,
                        "b" => &[2],
                        _ => &[4],
                    }
                );
                Ok(())
            }
        };
        assert_eq!(failed(event(4, &messages), ok(&[1])), ["m1", "m3", "m4", "m5"]);
        assert_eq!(failed(event(5, &messages), ok(&[1, 3])), ["m1", "m4"]);
    }

    #[test]
    fn a_group_that_fails_fails_as_a_whole() {
        let batch = |receives| event(receives, &[("a", "1"), ("a", "2"), ("b", "4"), ("a", "x"), ("a", "5")]);
        let no = |group: &str, _: Vec<u32>| if group == "a" { Err(Failure::new("no")) } else { Ok(()) };
        assert_eq!(failed(batch(1), no), ["m3", "m4", "m0", "m1"]);
        assert_eq!(failed(batch(5), no), ["m3", "m0", "m1", "m4"]);
        let fault = |group: &str, _: Vec<u32>| if group == "a" { panic!("a fault in the handler") } else { Ok(()) };
        assert_eq!(failed(batch(1), fault), ["m3", "m4", "m0", "m1"]);
    }
}
