//! The mapping against real queues and a scripted function.

use local_sqs::{SendOptions, Sqs};

use super::*;
use crate::sources::testing::{Scripted, failed, function, plan, queues, queues_on_a_clock, services, until};

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

fn total(sqs: &Sqs, queue: &str) -> i64 {
    let queue = sqs.queues().unwrap().into_iter().find(|stats| stats.name == queue).unwrap();
    queue.available + queue.in_flight + queue.delayed
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

/// A mapping with its services, for tests that look at more than the queue.
fn start(services: &Services, source: &SqsSource) -> (watch::Sender<bool>, tokio::task::JoinHandle<()>) {
    let mapping = Mapping::new(services.clone(), &function(), source).unwrap();
    let (stop, stopped) = watch::channel(false);
    (stop, tokio::spawn(Arc::new(mapping).run(stopped)))
}

fn bodies(function: &Scripted) -> Vec<String> {
    function.seen("/body").concat()
}

#[tokio::test]
async fn a_failed_message_comes_again_after_its_visibility_timeout_and_ends_in_the_dead_letter_queue() {
    let (_folder, sqs, clock) = queues_on_a_clock();
    let redrive = json!({"deadLetterTargetArn": format!("{ORDERS}-dead"), "maxReceiveCount": 3}).to_string();
    let attributes = [("VisibilityTimeout".to_owned(), "900".to_owned()), ("RedrivePolicy".to_owned(), redrive)];
    sqs.ensure_queue("orders", &attributes.into()).unwrap();
    sqs.ensure_queue("orders-dead", &Default::default()).unwrap();
    send(&sqs, "orders", "a", None);
    let function = Scripted::new(|_| Err(failed("the supplier is gone")));
    let (stop, running) = start(&services(function.clone(), &sqs), &source(ORDERS));
    for times in 1..=3 {
        until("it was received", || function.events().len() == times).await;
        assert_eq!(left(&sqs, "orders"), (0, 1), "in flight until its timeout");
        clock.advance(Duration::from_millis(899_999));
        tokio::task::yield_now().await;
        assert_eq!(function.events().len(), times);
        clock.advance(Duration::from_millis(1));
    }
    until("it is a dead letter", || left(&sqs, "orders-dead") == (1, 0)).await;
    let counts: Vec<Vec<String>> = function.seen("/attributes/ApproximateReceiveCount");
    assert_eq!(counts, [["1"], ["2"], ["3"]]);
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn every_message_of_a_duplicating_queue_comes_once_more_under_its_id_and_then_never() {
    let (_folder, sqs) = queues(&["orders"]);
    for body in ["a", "b", "c"] {
        send(&sqs, "orders", body, None);
    }
    let function = reports();
    let services = services(function.clone(), &sqs);
    plan(&services, &json!({"seed": 1, "sqs": {"duplicate": 1, "within_ms": 40, "functions": ["Settle"]}}));
    let (stop, running) = start(&services, &source(ORDERS));
    until("each came twice and is gone", || bodies(&function).len() == 6 && total(&sqs, "orders") == 0).await;
    let mut ids = function.seen("/messageId").concat();
    ids.sort();
    assert!(ids.chunks(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    assert_eq!(services.faults.shown()["counts"]["sqs_duplicates"], 3);
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn delayed_messages_come_late_uncounted_and_out_of_order() {
    let (_folder, sqs) = queues(&["orders"]);
    let sent: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    sent.iter().for_each(|body| send(&sqs, "orders", body, None));
    let function = reports();
    let services = services(function.clone(), &sqs);
    plan(&services, &json!({"seed": 1, "sqs": {"delay": 0.5, "within_ms": 40}}));
    let (stop, running) = start(&services, &source(ORDERS));
    until("all came", || total(&sqs, "orders") == 0).await;
    let mut seen = bodies(&function);
    assert_ne!(seen, sent, "in another order");
    seen.sort_by_key(|body| body.parse::<u32>().unwrap());
    assert_eq!(seen, sent, "each once");
    assert!(function.seen("/attributes/ApproximateReceiveCount").concat().iter().all(|count| count == "1"));
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn a_fifo_batch_whose_success_is_not_heard_comes_again_in_order_and_holds_its_group_until_then() {
    let (_folder, sqs, clock) = queues_on_a_clock();
    sqs.ensure_queue("orders.fifo", &[("FifoQueue".to_owned(), "true".to_owned())].into()).unwrap();
    for body in ["1", "2"] {
        send(&sqs, "orders.fifo", body, Some("BTC"));
    }
    let function = reports();
    let services = services(function.clone(), &sqs);
    plan(&services, &json!({"sqs": {"redeliver": 1, "duplicate": 1, "delay": 1}}));
    let (stop, running) = start(&services, &source(&format!("{ORDERS}.fifo")));
    until("the first time", || function.events().len() == 1).await;
    send(&sqs, "orders.fifo", "3", Some("BTC"));
    until("its success is lost", || services.faults.shown()["counts"]["sqs_redeliveries"] == 1).await;
    assert_eq!(left(&sqs, "orders.fifo"), (1, 2), "3 waits behind its group");
    clock.advance(Duration::from_secs(30));
    // 3 is new, so the success of the batch it is in may be lost as well; 1 and 2 are not lost again.
    until("1 and 2 are gone", || {
        clock.advance(Duration::from_secs(30));
        total(&sqs, "orders.fifo") == 0
    })
    .await;
    assert_eq!(bodies(&function)[..4], ["1", "2", "1", "2"]);
    assert_eq!(services.faults.shown()["counts"]["sqs_duplicates"], 0, "FIFO queues know no others");
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn a_paused_queue_keeps_its_messages_until_it_is_resumed() {
    let (_folder, sqs) = queues(&["orders"]);
    let function = reports();
    let services = services(function.clone(), &sqs);
    let (stop, running) = start(&services, &source(ORDERS));
    send(&sqs, "orders", "a", None);
    until("it is polled", || total(&sqs, "orders") == 0).await;
    assert_eq!(services.board.pause_queue("orders", true).len(), 1);
    send(&sqs, "orders", "b", None);
    // Nothing will come of it, however long one waits; a little is enough for what would.
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(left(&sqs, "orders"), (1, 0));
    }
    services.board.pause_queue("orders", false);
    until("it goes on", || total(&sqs, "orders") == 0).await;
    assert_eq!(function.seen("/body"), [["a"], ["b"]]);
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn a_paused_queue_can_be_stopped() {
    let (_folder, sqs) = queues(&["orders"]);
    let services = services(reports(), &sqs);
    let (stop, running) = start(&services, &source(ORDERS));
    services.board.pause_function("settle", true);
    stop.send(true).unwrap();
    running.await.unwrap();
}
