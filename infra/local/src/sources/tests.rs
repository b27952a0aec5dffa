//! The sources as a whole, with a real function: a bootstrap process behind the Runtime API.

use std::collections::BTreeMap;
use std::path::PathBuf;

use local_lambda::{FunctionSpec, LambdaOptions, Status};
use local_template::{ScheduleExpression, ScheduleSource, SqsSource, StreamSource};

use super::testing::{function, queues, services, until};
use super::*;

const QUEUE: &str = "arn:aws:sqs:eu-west-1:000000000000:orders";
const STREAM: &str = "arn:aws:dynamodb:eu-west-1:000000000000:table/ledger/stream/label";

/// The example function of the Lambda crate. Its own tests build it; alone, these do.
fn bootstrap() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples/bootstrap");
    if !path.exists() {
        let arguments = ["build", "--quiet", "--package", "local-lambda", "--example", "bootstrap"];
        assert!(std::process::Command::new(env!("CARGO")).args(arguments).status().unwrap().success());
    }
    path
}

fn lambda() -> Lambda {
    let function = function();
    let spec = FunctionSpec {
        name: function.name,
        arn: function.arn,
        bootstrap: bootstrap(),
        timeout: Duration::from_secs(20),
        memory_mb: 128,
        max_instances: 2,
        environment: BTreeMap::new(),
        log_group: function.log_group,
    };
    Lambda::new(vec![spec], LambdaOptions::default())
}

fn events() -> Vec<Event> {
    vec![
        Event::Sqs(SqsSource {
            name: "Orders".into(),
            queue_arn: QUEUE.into(),
            batch_size: 10,
            window_s: 0,
            max_concurrency: Some(2),
            report_batch_item_failures: true,
            filters: Vec::new(),
            enabled: true,
        }),
        Event::Stream(StreamSource {
            name: "Journal".into(),
            stream_arn: STREAM.into(),
            starting_position: "TRIM_HORIZON".into(),
            batch_size: 100,
            window_s: 0,
            bisect_on_error: true,
            max_retry_attempts: Some(2),
            max_record_age_s: None,
            parallelization_factor: 1,
            report_batch_item_failures: true,
            filters: Vec::new(),
            on_failure: None,
            enabled: true,
        }),
        Event::Schedule(ScheduleSource {
            name: "florin-audit".into(),
            expression: ScheduleExpression::Rate(Duration::from_secs(3600)),
            input: Some(r#"{"at":"<aws.scheduler.scheduled-time>"}"#.into()),
            timezone: None,
            dead_letter: None,
            max_retry_attempts: None,
            enabled: true,
        }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queue_stream_and_schedule_reach_a_real_function() {
    let (folder, sqs) = queues(&["orders"]);
    let database = dynoxide::Database::memory().unwrap();
    let table = json!({
        "TableName": "ledger",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    });
    database.create_table(serde_json::from_value(table).unwrap()).unwrap();
    let item = json!({"TableName": "ledger", "Item": {"pk": {"S": "journal#1"}}});
    database.put_item(serde_json::from_value(item).unwrap()).unwrap();
    for body in ["a", "poison", "c"] {
        sqs.send("orders", body, &SendOptions::default()).unwrap();
    }

    let lambda = lambda();
    let mut settle = function();
    settle.events = events();
    let services = services(Arc::new(lambda.clone()), &sqs);
    let state_file = folder.path().join("sources.json");
    let sources = Sources::start(&services, &database, &[settle], &state_file).unwrap();

    until("queue, stream and schedule were served", || lambda.invocations().len() == 3).await;
    until("only the poisoned message is left", || {
        let orders = sqs.queues().unwrap().remove(0);
        (orders.available, orders.in_flight) == (0, 1)
    })
    .await;
    sources.shutdown().await;
    lambda.shutdown().await;
    assert!(lambda.invocations().iter().all(|record| record.status == Status::Success));
    let state = state::State::open(&state_file).unwrap();
    assert!(state.checkpoint("settle/Journal").unwrap().sequence.is_some());
    assert!(state.fired("florin-audit").is_some());
}

#[tokio::test]
async fn a_mapping_that_cannot_be_served_is_refused_with_its_name() {
    let (folder, sqs) = queues(&[]);
    let mut broken = function();
    broken.events = events();
    if let Event::Stream(source) = &mut broken.events[1] {
        source.filters = vec![json!({"eventName": "INSERT"})];
    }
    let database = dynoxide::Database::memory().unwrap();
    let services = services(Arc::new(lambda()), &sqs);
    let refused = Sources::start(&services, &database, &[broken], &folder.path().join("sources.json"));
    let error = refused.err().unwrap().to_string();
    assert_eq!(
        error,
        "event Journal of function florin-Settle: filter pattern at $.eventName: must be a list of values"
    );
}
