//! Faults with real processes: a little stack whose functions do what their messages say, killed, doubled, paused and
//! counted. What a message does is `{"sleep_ms": …, "calls": [{"target": …, "body": …}], "do": "fail" | "exit"}`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use local::{Config, Runner};
use serde_json::{Value, json};

use crate::world::Http;

const TEMPLATE: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters: {PartnerAccess: {Type: String, Default: "false"}} # the runner sets it
Globals: {Function: {Runtime: provided.al2023, Handler: bootstrap, Timeout: 20}}
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Work:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: chaos-work
      VisibilityTimeout: 1
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: chaos-work-dead}}
  Out: {Type: AWS::SQS::Queue, Properties: {QueueName: chaos-out}}
  Match: {Type: AWS::SQS::Queue, Properties: {QueueName: chaos-match.fifo, FifoQueue: true, VisibilityTimeout: 1}}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/worker
      Events:
        Work:
          Type: SQS
          Properties: {Queue: !GetAtt Work.Arn, BatchSize: 1, FunctionResponseTypes: [ReportBatchItemFailures], ScalingConfig: {MaximumConcurrency: 3}}
  Matcher:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/matcher
      Events:
        Match: {Type: SQS, Properties: {Queue: !GetAtt Match.Arn, FunctionResponseTypes: [ReportBatchItemFailures]}}
  Watcher:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/watcher
      Events:
        Things: {Type: DynamoDB, Properties: {Stream: !GetAtt Things.StreamArn, StartingPosition: TRIM_HORIZON}}
"#;

struct Chaos {
    runner: Runner,
    http: Http,
    table: String,
    _folder: tempfile::TempDir,
}

impl Chaos {
    async fn start() -> Chaos {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("template.yaml"), TEMPLATE).expect("written");
        let binaries = folder.path().join("binaries");
        std::fs::create_dir(&binaries).expect("a folder");
        for function in ["worker", "matcher", "watcher"] {
            std::os::unix::fs::symlink(bootstrap(), binaries.join(function)).expect("linked");
        }
        let mut config = Config::new(folder.path());
        (config.port, config.aws_port, config.supplier_port) = (0, 0, 0);
        (config.build, config.demo) = (false, false);
        config.profile = binaries.to_str().expect("text").to_owned();
        // Fewer than the queue's three at once: event sources get what they need.
        config.max_instances = 1;
        let runner = Runner::start(config).await.expect("the runner starts");
        let table = runner.stack().tables()[0].name.clone();
        Chaos { http: Http::new(runner.aws_url()), runner, table, _folder: folder }
    }

    async fn page(&self, method: &str, path: &str, body: Value) -> Value {
        self.http.send(method, path, &[], body.to_string()).await.expect_status(200)
    }

    async fn get(&self, path: &str) -> Value {
        self.http.get(path, None).await.expect_status(200)
    }

    async fn send(&self, queue: &str, group: Option<&str>, message: Value) {
        let mut body = json!({"QueueUrl": queue, "MessageBody": message.to_string()});
        if let Some(group) = group {
            body["MessageGroupId"] = json!(group);
            body["MessageDeduplicationId"] = json!(format!("{:032x}", fastrand::u128(..)));
        }
        self.http.call("AmazonSQS.SendMessage", &body).await.expect_success();
    }

    /// A call that counts how often it was carried out.
    fn count(&self, pk: &str) -> Value {
        let body = json!({
            "TableName": self.table, "Key": {"pk": {"S": pk}}, "UpdateExpression": "ADD times :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        });
        json!({"target": "DynamoDB_20120810.UpdateItem", "body": body})
    }

    /// How often that was.
    async fn counted(&self, pk: &str) -> u32 {
        let key = json!({"TableName": self.table, "Key": {"pk": {"S": pk}}, "ConsistentRead": true});
        let item = self.http.call("DynamoDB_20120810.GetItem", &key).await.expect_status(200);
        item["Item"]["times"]["N"].as_str().map_or(0, |times| times.parse().expect("a number"))
    }

    async fn queue(&self, name: &str) -> Value {
        let queues = self.get("/_local/queues").await;
        queues.as_array().expect("queues").iter().find(|queue| queue["name"] == name).expect("a queue").clone()
    }

    async fn source(&self, function: &str) -> Value {
        let sources = self.get("/_local/sources").await;
        sources.as_array().expect("sources").iter().find(|source| source["function"] == function).expect("one").clone()
    }

    async fn empty(&self, queue: &str) {
        self.until(&format!("{queue} is empty"), async || {
            let queue = self.queue(queue).await;
            (&queue["available"], &queue["in_flight"], &queue["delayed"]) == (&json!(0), &json!(0), &json!(0))
        })
        .await;
    }

    async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !condition().await {
            assert!(std::time::Instant::now() < limit, "waited in vain: {what}");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

/// The example function of the Lambda crate, as its source is now. Its own tests build it; alone, these do.
fn bootstrap() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("a path");
        let target = test.parent().and_then(|deps| deps.parent()).expect("the target's folder");
        let path = target.join("examples/bootstrap");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("lambda/examples/bootstrap.rs");
        let modified = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
        if modified(&path) < modified(&source) {
            let arguments = ["build", "--quiet", "--package", "local-lambda", "--example", "bootstrap"];
            assert!(Command::new(env!("CARGO")).args(arguments).status().expect("cargo runs").success());
        }
        path
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_killed_at_the_write_that_a_rule_names_and_its_message_comes_again() {
    let chaos = Chaos::start().await;
    let plan = json!({"kills": [
        {"function": "worker", "when": "before", "write": 2, "contains": "one-"},
        {"function": "Worker", "when": "after", "contains": "two-"},
    ]});
    let set = chaos.page("PUT", "/_local/faults", plan).await;
    assert_eq!((&set["reaches_functions"], &set["kills"][1]["function"]), (&json!(true), &json!("worker")));
    let sends = json!({"function": "worker", "when": "after", "service": "sqs", "contains": "\"from\":\"three\""});
    let added = chaos.page("POST", "/_local/faults/kills", sends).await;
    assert_eq!((added["kills"].as_array().map(Vec::len), &added["fired"]), (Some(3), &json!([])));

    for name in ["one", "two", "four"] {
        let calls = [chaos.count(&format!("{name}-first")), chaos.count(&format!("{name}-second"))];
        chaos.send("chaos-work", None, json!({"calls": calls})).await;
    }
    let message = json!({"QueueUrl": "chaos-out", "MessageBody": json!({"from": "three"}).to_string()});
    let calls = [json!({"target": "AmazonSQS.SendMessage", "body": message}), chaos.count("three-done")];
    chaos.send("chaos-work", None, json!({"calls": calls})).await;
    chaos.empty("chaos-work").await;

    let mut seen = Vec::new();
    for pk in ["one-first", "one-second", "two-first", "two-second", "three-done", "four-first", "four-second"] {
        seen.push((pk, chaos.counted(pk).await));
    }
    // Killed before its second write: the first was done twice. Killed after its first: that was done twice as well.
    let expected = [
        ("one-first", 2),
        ("one-second", 1),
        ("two-first", 2),
        ("two-second", 1),
        ("three-done", 1),
        ("four-first", 1),
    ];
    assert_eq!(seen, [&expected[..], &[("four-second", 1)]].concat());
    assert_eq!(chaos.queue("chaos-out").await["available"], 2, "sent, not heard of, and sent again");
    assert_eq!(chaos.queue("chaos-work-dead").await["available"], 0);

    let faults = chaos.get("/_local/faults").await;
    assert_eq!((&faults["kills"], &faults["counts"]["kills"]), (&json!([]), &json!(3)));
    let fired = faults["fired"].as_array().expect("a list");
    let two = fired.iter().find(|fired| fired["rule"]["contains"] == "two-").expect("fired");
    assert_eq!(
        (&two["function"], &two["when"], &two["service"]),
        (&json!("worker"), &json!("after"), &json!("dynamodb"))
    );
    let instances: std::collections::BTreeSet<&str> =
        fired.iter().map(|fired| fired["instance"].as_str().expect("a key")).collect();
    assert_eq!(instances.len(), 3, "each its own process: {instances:?}");
    let invocations = chaos.get("/_local/invocations").await;
    let killed = |record: &&Value| record["error_type"] == "Runtime.ExitError";
    let killed: Vec<&Value> = invocations.as_array().expect("a list").iter().filter(killed).collect();
    assert_eq!(killed.len(), 3);
    let message = killed[0]["message"].as_str().expect("text");
    assert!(message.ends_with("Error: Runtime exited with error: signal: killed"), "{message}");
    chaos.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_killed_at_random_get_their_work_done_in_the_end() {
    let chaos = Chaos::start().await;
    let plan = json!({"seed": 5, "kill": {"before": 0.15, "after": 0.15, "functions": ["worker"]},
        "sqs": {"duplicate": 0.3, "delay": 0.3, "within_ms": 100}});
    chaos.page("PUT", "/_local/faults", plan).await;
    for number in 0..20 {
        chaos.send("chaos-work", None, json!({"calls": [chaos.count(&format!("n{number}"))]})).await;
    }
    chaos
        .until("every message is done or dead", async || {
            let queue = chaos.queue("chaos-work").await;
            (&queue["available"], &queue["in_flight"], &queue["delayed"]) == (&json!(0), &json!(0), &json!(0))
        })
        .await;
    let counts = chaos.get("/_local/faults").await["counts"].clone();
    let count = |name: &str| counts[name].as_u64().expect("a number");
    assert!(count("kills") > 0 && count("sqs_duplicates") > 0 && count("sqs_delays") > 0, "{counts}");
    let mut undone = 0;
    for number in 0..20 {
        undone += usize::from(chaos.counted(&format!("n{number}")).await == 0);
    }
    let dead = chaos.queue("chaos-work-dead").await["available"].as_u64().expect("a number");
    assert!(undone as u64 <= dead, "{undone} undone, {dead} dead");
    chaos.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_keeps_its_limit_and_its_long_invocations_hold_up_no_other() {
    let chaos = Chaos::start().await;
    for number in 0..7 {
        let calls = [chaos.count(&format!("slow-{number}"))];
        chaos.send("chaos-work", None, json!({"sleep_ms": 700, "calls": calls})).await;
    }
    chaos.until("three run", async || chaos.source("worker").await["running"] == 3).await;
    chaos.send("chaos-match.fifo", Some("BTC"), json!({"calls": [chaos.count("quick")]})).await;
    chaos.until("the other queue is served", async || chaos.counted("quick").await == 1).await;
    assert_eq!(chaos.source("worker").await["running"], 3, "meanwhile");
    // Its visibility timeout is a second, so that some may come twice on a busy machine; the limit holds all the same.
    chaos.empty("chaos-work").await;
    let worker = chaos.source("worker").await;
    assert_eq!(
        (&worker["limit"], &worker["max_concurrency_seen"], &worker["running"]),
        (&json!(3), &json!(3), &json!(0))
    );
    assert_eq!((&worker["kind"], &worker["event"]), (&json!("sqs"), &json!("Work")));
    chaos.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_runs_twice_at_once_when_its_visibility_timeout_ends_during_its_invocation() {
    let chaos = Chaos::start().await;
    // One second of visibility, two of work: the second process begins while the first still runs.
    let calls = [chaos.count("begun"), json!({"target": "AmazonSQS.GetQueueUrl", "body": {"QueueName": "chaos-out"}})];
    let first = json!({"calls": calls, "sleep_ms": 1_600});
    chaos.send("chaos-match.fifo", Some("BTC"), first).await;
    chaos.until("two at once", async || chaos.source("matcher").await["running"] == 2).await;
    chaos.page("PUT", "/_local/sources/matcher", json!({"paused": true})).await;
    chaos.until("both end", async || chaos.source("matcher").await["running"] == 0).await;
    assert_eq!(chaos.counted("begun").await, 2);
    assert_eq!(chaos.source("matcher").await["max_concurrency_seen"], 2);
    chaos.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_paused_by_queue_and_by_function() {
    let chaos = Chaos::start().await;
    let paused = chaos.page("PUT", "/_local/queues/work", json!({"paused": true})).await;
    assert_eq!((&paused[0]["function"], &paused[0]["paused"]), (&json!("worker"), &json!(true)));
    chaos.page("PUT", "/_local/sources/watcher", json!({"paused": true})).await;
    assert_eq!(chaos.queue("chaos-work").await["paused"], true);
    assert_eq!(chaos.queue("chaos-match.fifo").await["paused"], false);
    assert_eq!(chaos.queue("chaos-out").await["paused"], Value::Null, "nothing reads it");
    chaos.send("chaos-work", None, json!({"calls": [chaos.count("a")]})).await;
    chaos.send("chaos-match.fifo", Some("BTC"), json!({"calls": [chaos.count("b")]})).await;
    chaos.until("the other queue is served", async || chaos.counted("b").await == 1).await;
    assert_eq!(chaos.queue("chaos-work").await["available"], 1);
    assert_eq!(chaos.source("watcher").await["invocations"], 0, "b is in the stream");
    chaos.page("PUT", "/_local/queues/chaos-work", json!({"paused": false})).await;
    chaos.page("PUT", "/_local/sources/Watcher", json!({"paused": false})).await;
    chaos
        .until("both go on", async || {
            chaos.counted("a").await == 1 && chaos.source("watcher").await["invocations"] != 0
        })
        .await;
    for (path, body, status) in [
        ("/_local/queues/out", "{\"paused\":true}", 404),
        ("/_local/sources/nobody", "{\"paused\":true}", 404),
        ("/_local/sources/watcher", "{\"stopped\":true}", 400),
        ("/_local/elsewhere", "{\"paused\":true}", 405),
    ] {
        assert_eq!(chaos.http.send("PUT", path, &[], body).await.status, status, "{path}");
    }
    let unknown = json!({"function": "nobody", "when": "before"}).to_string();
    let refused = chaos.http.send("POST", "/_local/faults/kills", &[], unknown).await.expect_status(400);
    assert_eq!(refused["detail"], "there is no function nobody");
    chaos.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_function_always_dies_ends_in_the_dead_letter_queue() {
    let chaos = Chaos::start().await;
    chaos.send("chaos-work", None, json!({"calls": [chaos.count("tried")], "do": "exit"})).await;
    chaos.until("it is dead", async || chaos.queue("chaos-work-dead").await["available"] == 1).await;
    assert_eq!(chaos.counted("tried").await, 3, "as often as the queue allows");
    chaos.runner.shutdown().await;
}
