//! The mapping against a database in memory and a scripted function.

use std::path::Path;

use local_sqs::Sqs;

use serde_json::Value;

use super::*;
use crate::sources::testing::{Scripted, drain, failed, function, plan, queues, services, until};

const STREAM: &str = "arn:aws:dynamodb:eu-west-1:000000000000:table/ledger/stream/2026-01-01T00:00:00.000";

struct Bench {
    folder: tempfile::TempDir,
    sqs: Sqs,
    database: dynoxide::Database,
}

impl Bench {
    fn new() -> Bench {
        let (folder, sqs) = queues(&["dead"]);
        let database = dynoxide::Database::memory().unwrap();
        let table = json!({
            "TableName": "ledger",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        });
        database.create_table(serde_json::from_value(table).unwrap()).unwrap();
        Bench { folder, sqs, database }
    }

    fn put(&self, pk: &str) {
        let item = json!({"TableName": "ledger", "Item": {"pk": {"S": pk}, "amount": {"N": "12.50"}}});
        self.database.put_item(serde_json::from_value(item).unwrap()).unwrap();
    }

    fn delete(&self, pk: &str) {
        let key = json!({"TableName": "ledger", "Key": {"pk": {"S": pk}}});
        self.database.delete_item(serde_json::from_value(key).unwrap()).unwrap();
    }

    fn state(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the mapping until `done`, then stops it. The state file stays: a further run goes on from it.
    async fn run(&self, invoke: Arc<Scripted>, source: StreamSource, done: impl FnMut() -> bool) {
        let (stop, running) = self.start(&services(invoke, &self.sqs), &source);
        until("the records are dealt with", done).await;
        stop.send(true).unwrap();
        running.await.unwrap();
    }

    fn start(&self, services: &Services, source: &StreamSource) -> (watch::Sender<bool>, tokio::task::JoinHandle<()>) {
        let state = Arc::new(State::open(&self.state().join("sources.json")).unwrap());
        let mut mapping = Mapping::new(services.clone(), state, &function(), source).unwrap();
        mapping.first_retry = Duration::from_millis(1);
        let reader = Reader::new(self.database.clone(), STREAM, &function().arn);
        let (stop, stopped) = watch::channel(false);
        (stop, tokio::spawn(mapping.run(reader, stopped)))
    }
}

fn source() -> StreamSource {
    StreamSource {
        name: "Journal".into(),
        stream_arn: STREAM.into(),
        starting_position: "TRIM_HORIZON".into(),
        batch_size: 100,
        window_s: 0,
        bisect_on_error: false,
        max_retry_attempts: Some(2),
        max_record_age_s: None,
        parallelization_factor: 1,
        report_batch_item_failures: false,
        filters: Vec::new(),
        on_failure: Some("arn:aws:sqs:eu-west-1:000000000000:dead".into()),
        enabled: true,
    }
}

const PK: &str = "/dynamodb/Keys/pk/S";

fn names_poison(event: &Value) -> bool {
    event.to_string().contains("poison")
}

#[tokio::test]
async fn inserts_modifications_and_removals_arrive_in_order_and_in_lambdas_shape() {
    let bench = Bench::new();
    bench.put("a");
    let put = json!({"TableName": "ledger", "Item": {"pk": {"S": "a"}, "amount": {"N": "13"}}});
    bench.database.put_item(serde_json::from_value(put).unwrap()).unwrap();
    bench.delete("a");
    let function = Scripted::new(|_| Ok(String::new()));
    bench.run(function.clone(), source(), || !function.events().is_empty()).await;
    assert_eq!(function.seen("/eventName"), [["INSERT", "MODIFY", "REMOVE"]]);
    let records = function.events()[0]["Records"].clone();
    assert_eq!(records[0]["eventSource"], "aws:dynamodb");
    assert_eq!(records[0]["eventSourceARN"], STREAM);
    assert_eq!(records[0]["awsRegion"], "eu-west-1");
    assert_eq!(records[0]["dynamodb"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
    assert!(records[0]["dynamodb"]["ApproximateCreationDateTime"].is_u64());
    assert_eq!(records[0]["dynamodb"]["NewImage"]["amount"]["N"], "12.5");
    assert_eq!(records[1]["dynamodb"]["OldImage"]["amount"]["N"], "12.5");
    assert_eq!(records[1]["dynamodb"]["NewImage"]["amount"]["N"], "13");
    assert!(records[2]["dynamodb"]["NewImage"].is_null());
}

#[tokio::test]
async fn a_restart_goes_on_behind_the_last_batch() {
    let bench = Bench::new();
    bench.put("a");
    let first = Scripted::new(|_| Ok(String::new()));
    bench.run(first.clone(), source(), || first.events().len() == 1).await;
    bench.put("b");
    let second = Scripted::new(|_| Ok(String::new()));
    bench.run(second.clone(), source(), || !second.events().is_empty()).await;
    assert_eq!(second.seen(PK), [["b"]]);
}

#[tokio::test]
async fn latest_skips_what_was_there_at_the_first_start_only() {
    let bench = Bench::new();
    bench.put("old");
    let mut latest = source();
    latest.starting_position = "LATEST".into();
    let none = Scripted::new(|_| Ok(String::new()));
    let file = bench.state().join("sources.json");
    bench.run(none.clone(), latest.clone(), || file.exists()).await;
    assert!(none.events().is_empty());
    bench.put("while off");
    let second = Scripted::new(|_| Ok(String::new()));
    bench.run(second.clone(), latest, || !second.events().is_empty()).await;
    assert_eq!(second.seen(PK), [["while off"]]);
}

#[tokio::test]
async fn a_filter_lets_only_its_records_through() {
    let bench = Bench::new();
    for pk in ["journal#1", "order#1", "journal#2"] {
        bench.put(pk);
    }
    let mut filtered = source();
    filtered.filters =
        vec![json!({"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "journal#"}]}}}})];
    let function = Scripted::new(|_| Ok(String::new()));
    bench.run(function.clone(), filtered, || !function.events().is_empty()).await;
    assert_eq!(function.seen(PK), [["journal#1", "journal#2"]]);
}

#[tokio::test]
async fn a_failing_batch_is_tried_again_and_then_told_to_the_destination_without_its_records() {
    let bench = Bench::new();
    bench.put("poison");
    bench.put("good");
    let function =
        Scripted::new(|event| if names_poison(event) { Err(failed("bad record")) } else { Ok(String::new()) });
    let mut one = source();
    one.batch_size = 1;
    bench.run(function.clone(), one, || function.events().len() == 4).await;
    assert_eq!(function.seen(PK), [["poison"], ["poison"], ["poison"], ["good"]], "two further tries, in order");
    let told = drain(&bench.sqs, "dead").await.remove(0);
    assert_eq!(told["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(told["requestContext"]["approximateInvokeCount"], 3);
    let batch = &told["DDBStreamBatchInfo"];
    assert_eq!(batch["batchSize"], 1);
    assert_eq!(batch["streamArn"], STREAM);
    assert_eq!(batch["startSequenceNumber"], batch["endSequenceNumber"]);
    assert_eq!(batch["startSequenceNumber"].as_str().unwrap().len(), 21);
    assert!(!told.to_string().contains("poison"));
}

#[tokio::test]
async fn bisection_finds_the_poisoned_record_and_delivers_the_others() {
    let bench = Bench::new();
    for pk in ["a", "b", "poison", "c"] {
        bench.put(pk);
    }
    let mut bisecting = source();
    bisecting.bisect_on_error = true;
    bisecting.max_retry_attempts = Some(1);
    let function =
        Scripted::new(|event| if names_poison(event) { Err(failed("bad record")) } else { Ok(String::new()) });
    bench.run(function.clone(), bisecting, || function.seen(PK).last().is_some_and(|keys| keys == &["c"])).await;
    let seen = function.seen(PK);
    let expected: [&[&str]; 6] =
        [&["a", "b", "poison", "c"], &["a", "b"], &["poison", "c"], &["poison"], &["poison"], &["c"]];
    assert_eq!(seen, expected);
    assert_eq!(drain(&bench.sqs, "dead").await.len(), 1);
}

#[tokio::test]
async fn a_reported_record_is_where_the_next_try_begins() {
    let bench = Bench::new();
    for pk in ["a", "b", "poison", "c"] {
        bench.put(pk);
    }
    let mut reporting = source();
    reporting.report_batch_item_failures = true;
    reporting.bisect_on_error = true;
    let function = Scripted::new(|event| {
        let records = event["Records"].as_array().unwrap().iter();
        let bad = records.filter(|record| names_poison(record)).map(|record| &record["dynamodb"]["SequenceNumber"]);
        let failures: Vec<Value> = bad.map(|number| json!({"itemIdentifier": number})).collect();
        Ok(json!({"batchItemFailures": failures}).to_string())
    });
    bench.run(function.clone(), reporting, || function.seen(PK).last().is_some_and(|keys| keys == &["c"])).await;
    let seen = function.seen(PK);
    assert_eq!(seen[1], ["poison", "c"], "what came before is done: {seen:?}");
}

#[tokio::test]
async fn records_over_their_age_are_given_up_untried() {
    let bench = Bench::new();
    bench.put("old");
    let mut short = source();
    short.max_record_age_s = Some(0);
    let function = Scripted::new(|_| Ok(String::new()));
    let sqs = bench.sqs.clone();
    bench.run(function.clone(), short, || sqs.queues().unwrap()[0].available == 1).await;
    assert!(function.events().is_empty());
    assert_eq!(drain(&bench.sqs, "dead").await[0]["requestContext"]["condition"], "RecordAgeExceeded");
}

#[tokio::test]
async fn a_throttled_call_is_no_try() {
    let bench = Bench::new();
    bench.put("a");
    let calls = std::sync::atomic::AtomicU32::new(0);
    let function = Scripted::new(move |_| match calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0..5 => Err(InvokeError::Throttled),
        _ => Ok(String::new()),
    });
    bench.run(function.clone(), source(), || function.events().len() == 6).await;
    assert!(drain(&bench.sqs, "dead").await.is_empty());
}

#[tokio::test]
async fn a_window_gathers_records_until_the_batch_is_full() {
    let bench = Bench::new();
    let mut windowed = source();
    windowed.window_s = 20; // longer than the test waits
    windowed.batch_size = 3;
    let function = Scripted::new(|_| Ok(String::new()));
    let writes = async {
        for pk in ["a", "b", "c"] {
            bench.put(pk);
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::join!(bench.run(function.clone(), windowed, || !function.events().is_empty()), writes);
    assert_eq!(function.seen(PK), [["a", "b", "c"]]);
}

#[tokio::test]
async fn what_a_window_has_gathered_comes_again_after_a_kill_whatever_was_filtered_out_behind_it() {
    let bench = Bench::new();
    let mut windowed = source();
    windowed.window_s = 20; // longer than the test waits
    windowed.batch_size = 2;
    windowed.filters = vec![json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "order#"}]}}}})];
    let (file, killed) = (bench.state().join("sources.json"), bench.state().join("killed.json"));
    let copy = (file.clone(), killed.clone());
    // The place as it is noted when the call begins is where a runner that is killed now goes on.
    let function = Scripted::new(move |_| {
        std::fs::copy(&copy.0, &copy.1).unwrap();
        Ok(String::new())
    });
    bench.put("order#1");
    let writes = async {
        for pk in ["journal#1", "journal#2", "order#2"] {
            tokio::time::sleep(Duration::from_millis(60)).await;
            bench.put(pk);
        }
    };
    tokio::join!(bench.run(function.clone(), windowed.clone(), || !function.events().is_empty()), writes);
    std::fs::rename(killed, file).unwrap();
    let again = Scripted::new(|_| Ok(String::new()));
    bench.run(again.clone(), windowed, || !again.events().is_empty()).await;
    assert_eq!(again.seen(PK), [["order#1", "order#2"]]);
}

#[tokio::test]
async fn batches_come_twice_or_not_at_all_and_the_stream_goes_on() {
    for (faults, expected) in [
        (json!({"streams": {"duplicate": 1}}), vec!["a", "a", "b", "b", "end", "end"]),
        (json!({"streams": {"duplicate": 1, "functions": []}}), vec!["a", "b", "end"]),
        (json!({"seed": 1, "streams": {"drop": 1}}), vec!["end"]),
    ] {
        let bench = Bench::new();
        bench.put("a");
        bench.put("b");
        let function = Scripted::new(|_| Ok(String::new()));
        let services = services(function.clone(), &bench.sqs);
        plan(&services, &faults);
        let mut one = source();
        one.batch_size = 1;
        let (stop, running) = bench.start(&services, &one);
        let dropping = faults["streams"]["drop"] == 1;
        if dropping {
            until("both are passed over", || services.faults.shown()["counts"]["stream_drops"] == 2).await;
            plan(&services, &json!({}));
        }
        bench.put("end");
        until("the last came", || function.seen(PK).len() == expected.len()).await;
        stop.send(true).unwrap();
        running.await.unwrap();
        assert_eq!(function.seen(PK).concat(), expected, "{faults}");
        // What came twice is behind the checkpoint, too.
        let again = Scripted::new(|_| Ok(String::new()));
        bench.put("later");
        bench.run(again.clone(), source(), || !again.events().is_empty()).await;
        assert_eq!(again.seen(PK), [["later"]]);
    }
}

#[tokio::test]
async fn a_duplicate_that_fails_is_tried_again_like_any_batch() {
    let bench = Bench::new();
    bench.put("a");
    let calls = std::sync::atomic::AtomicU32::new(0);
    let function = Scripted::new(move |_| match calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        1 => Err(failed("seen that already")),
        _ => Ok(String::new()),
    });
    let services = services(function.clone(), &bench.sqs);
    plan(&services, &json!({"streams": {"duplicate": 1}}));
    let (stop, running) = bench.start(&services, &source());
    until("three calls", || function.events().len() == 3).await;
    bench.put("b");
    until("b came twice", || function.events().len() == 5).await;
    stop.send(true).unwrap();
    running.await.unwrap();
    assert_eq!(function.seen(PK).concat(), ["a", "a", "a", "b", "b"]);
}

#[tokio::test]
async fn a_paused_stream_delivers_nothing_and_loses_nothing() {
    let bench = Bench::new();
    let function = Scripted::new(|_| Ok(String::new()));
    let services = services(function.clone(), &bench.sqs);
    let (stop, running) = bench.start(&services, &source());
    bench.put("a");
    until("it is read", || function.events().len() == 1).await;
    assert_eq!(services.board.pause_function("settle", true).len(), 1);
    bench.put("b");
    for _ in 0..30 {
        tokio::time::sleep(LIVELY / 10).await;
        assert_eq!(function.events().len(), 1);
    }
    services.board.pause_function("settle", false);
    until("it goes on", || function.events().len() == 2).await;
    stop.send(true).unwrap();
    running.await.unwrap();
    assert_eq!(function.seen(PK), [["a"], ["b"]]);
}
