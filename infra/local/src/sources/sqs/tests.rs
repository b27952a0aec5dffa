//! The mapping against real queues and a scripted function.

use local_sqs::{SendOptions, Sqs};

use super::*;
use crate::sources::testing::{Scripted, failed, function, queues, services, until};

const ORDERS: &str = "arn:aws:sqs:eu-west-1:000000000000:orders";

fn source(queue_arn: &str) -> SqsSource {
    SqsSource {
        name: "Orders".into(),
        queue_arn: queue_arn.into(),
        batch_size: 10,
        window_s: 0,
        max_concurrency: None,
        report_batch_item_failures: true,
        filters: Vec::new(),
        enabled: true,
    }
}

/// Runs a mapping until `done`, then stops it.
async fn run(invoke: Arc<Scripted>, sqs: &Sqs, source: SqsSource, done: impl FnMut() -> bool) {
    let mapping = Mapping::new(services(invoke, sqs), &function(), &source).unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Arc::new(mapping).run(stopped));
    until("the messages are dealt with", done).await;
    stop.send(true).unwrap();
    running.await.unwrap();
}

fn send(sqs: &Sqs, queue: &str, body: &str, group: Option<&str>) {
    let options = SendOptions {
        group_id: group.map(str::to_owned),
        deduplication_id: group.map(|group| format!("{group}-{}", body.replace(' ', "-"))),
        ..SendOptions::default()
    };
    sqs.send(queue, body, &options).unwrap();
}

fn left(sqs: &Sqs, queue: &str) -> (i64, i64) {
    let queue = sqs.queues().unwrap().into_iter().find(|stats| stats.name == queue).unwrap();
    (queue.available, queue.in_flight)
}

/// Fails the records whose body begins with `bad`, by name.
fn reports() -> Arc<Scripted> {
    Scripted::new(|event| {
        let records = event["Records"].as_array().unwrap().iter();
        let bad = records.filter(|record| record["body"].as_str().unwrap().starts_with("bad"));
        let failures: Vec<Value> = bad.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
        Ok(json!({"batchItemFailures": failures}).to_string())
    })
}

#[tokio::test]
async fn only_what_the_function_has_done_is_deleted() {
    let (_folder, sqs) = queues(&["orders"]);
    for body in ["a", "bad b", "c"] {
        send(&sqs, "orders", body, None);
    }
    let function = reports();
    run(function.clone(), &sqs, source(ORDERS), || left(&sqs, "orders") == (0, 1)).await;
    let record = &function.events()[0]["Records"][0];
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["eventSourceARN"], ORDERS);
    assert_eq!(record["awsRegion"], "eu-west-1");
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
}

#[tokio::test]
async fn an_error_or_an_answer_that_makes_no_sense_deletes_nothing() {
    for answer in [Err(failed("no")), Ok(r#"{"batchItemFailures": [{"itemIdentifier": "x"}]}"#.to_owned())] {
        let (_folder, sqs) = queues(&["orders"]);
        send(&sqs, "orders", "a", None);
        let function = Scripted::new(move |_| answer.clone());
        let calls = function.clone();
        run(function, &sqs, source(ORDERS), || !calls.events().is_empty()).await;
        assert_eq!(left(&sqs, "orders"), (0, 1), "the message waits for its visibility");
    }
}

#[tokio::test]
async fn without_item_failures_any_answer_is_a_success() {
    let (_folder, sqs) = queues(&["orders"]);
    send(&sqs, "orders", "a", None);
    let mut plain = source(ORDERS);
    plain.report_batch_item_failures = false;
    let function = Scripted::new(|_| Ok("\"whatever\"".into()));
    run(function, &sqs, plain, || left(&sqs, "orders") == (0, 0)).await;
}

#[tokio::test]
async fn a_failed_message_blocks_its_group_and_no_other() {
    let (_folder, sqs) = queues(&["orders.fifo"]);
    for (body, group) in [("bad 1", "BTC"), ("1", "ETH"), ("2", "BTC"), ("2", "ETH"), ("3", "ETH")] {
        send(&sqs, "orders.fifo", body, Some(group));
    }
    let function = reports();
    let mut one_by_one = source("arn:aws:sqs:eu-west-1:000000000000:orders.fifo");
    one_by_one.batch_size = 1;
    run(function.clone(), &sqs, one_by_one, || left(&sqs, "orders.fifo").1 == 1 && function.events().len() >= 4).await;
    let mut by_group: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    for event in function.events() {
        let record = &event["Records"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        by_group.entry(text(&record["attributes"]["MessageGroupId"])).or_default().push(text(&record["body"]));
    }
    assert_eq!(by_group["BTC"], ["bad 1"]);
    assert_eq!(by_group["ETH"], ["1", "2", "3"]);
}

#[tokio::test]
async fn a_window_gathers_messages_and_ends_early_when_the_batch_is_full() {
    let (_folder, sqs) = queues(&["orders"]);
    let mut windowed = source(ORDERS);
    windowed.window_s = 20; // longer than the test waits
    windowed.batch_size = 3;
    let function = reports();
    let sender = sqs.clone();
    tokio::spawn(async move {
        for body in ["a", "b", "c"] {
            send(&sender, "orders", body, None);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    run(function.clone(), &sqs, windowed, || function.events().len() == 1).await;
    assert_eq!(function.seen("/body"), [["a", "b", "c"]]);
}

#[tokio::test]
async fn what_matches_no_filter_is_deleted_unseen() {
    let (_folder, sqs) = queues(&["orders"]);
    send(&sqs, "orders", r#"{"kind": "noise"}"#, None);
    send(&sqs, "orders", r#"{"kind": "order"}"#, None);
    let mut filtered = source(ORDERS);
    filtered.filters = vec![json!({"body": {"kind": ["order"]}})];
    let function = reports();
    run(function.clone(), &sqs, filtered, || left(&sqs, "orders") == (0, 0)).await;
    assert_eq!(function.seen("/body"), [[r#"{"kind": "order"}"#]]);
}
