//! Reuse, concurrency, what a function is told, and what the log says.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::join_all;
use local_lambda::{FunctionSpec, InvokeError, LambdaOptions, PAYLOAD_LIMIT, Status};
use serde_json::json;

use crate::support::{ARN, Subject, spec, until};

fn several() -> FunctionSpec {
    FunctionSpec { max_instances: 4, ..spec() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_process_is_used_again_and_quickly() {
    let subject = Subject::new(several());
    let mut served: HashMap<u64, usize> = HashMap::new();
    for _ in 0..60 {
        *served.entry(subject.pid().await).or_default() += 1;
    }
    // Now and then a busy machine keeps the process from asking again in time, and a second one is started.
    assert!(served.values().any(|calls| *calls >= 30), "{served:?}");
    let mut rounds: Vec<Duration> = Vec::new();
    for _ in 0..300 {
        let begun = Instant::now();
        subject.lambda.invoke("subject", Bytes::from_static(b"{}"), None).await.unwrap();
        rounds.push(begun.elapsed());
    }
    rounds.sort();
    let median = rounds[rounds.len() / 2];
    println!("warm invocation: median {median:?}, 99th percentile {:?}", rounds[rounds.len() * 99 / 100]);
    // A guard against polling and delayed acknowledgements (40 ms), not a measurement: the machine may be busy.
    assert!(median < Duration::from_millis(10), "{median:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_start_processes_up_to_the_limit_and_lose_nothing() {
    let subject = Subject::new(several());
    let calls = (0..400).map(|n| {
        let subject = &subject;
        async move {
            let event = json!({"n": n, "sleep_ms": if n < 20 { 20 } else { 0 }});
            let answer = subject.invoke(&event.to_string()).await.unwrap();
            assert_eq!(answer["echo"]["n"], n, "an answer went to the wrong caller");
            answer["pid"].as_u64().unwrap()
        }
    });
    let pids: HashSet<u64> = join_all(calls).await.into_iter().collect();
    assert!((2..=4).contains(&pids.len()), "{pids:?}");
    assert_eq!(subject.lambda.instances()["subject"], 4);
    until("the history", || subject.lambda.invocations().len() == 400).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_stay_waiting_get_processes_beyond_the_eager_ones_up_to_the_limit() {
    let options =
        LambdaOptions { eager_instances: 2, crowded_after: Duration::from_millis(60), ..LambdaOptions::default() };
    let subject = Subject::with(FunctionSpec { max_instances: 5, ..spec() }, options);
    // Short ones are served by the eager processes, however many there are.
    let short = join_all((0..50).map(|_| subject.invoke("{}"))).await;
    assert!(short.iter().all(Result::is_ok));
    let long = (0..8).map(|_| subject.invoke(r#"{"sleep_ms": 400}"#));
    let pids: HashSet<u64> =
        join_all(long).await.into_iter().map(|answer| answer.unwrap()["pid"].as_u64().unwrap()).collect();
    assert_eq!(pids.len(), 5, "{pids:?}");
    assert_eq!(subject.lambda.instances()["subject"], 5);
}

#[tokio::test]
async fn a_call_waits_for_the_only_process() {
    let subject = Subject::new(spec());
    let slow = || subject.invoke(r#"{"sleep_ms": 50}"#);
    let (first, second, third) = tokio::join!(slow(), slow(), slow());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(subject.lambda.instances()["subject"], 1);
}

#[tokio::test]
async fn a_call_is_throttled_when_no_process_comes_free_in_time() {
    let options = LambdaOptions { queue_wait: Duration::from_millis(300), ..LambdaOptions::default() };
    let subject = Subject::with(spec(), options);
    subject.pid().await;
    let busy = subject.invoke(r#"{"print": "busy now", "sleep_ms": 60000}"#);
    let late = async {
        subject.logged("busy now").await;
        subject.invoke("{}").await
    };
    tokio::select! {
        _ = busy => panic!("the first call must still run"),
        late = late => assert_eq!(late, Err(InvokeError::Throttled)),
    }
}

#[tokio::test]
async fn a_full_queue_throttles_at_once() {
    let subject = Subject::with(spec(), LambdaOptions { queue_length: 1, ..LambdaOptions::default() });
    let slow = || subject.invoke(r#"{"print": "busy now", "sleep_ms": 100}"#);
    let others = async {
        subject.logged("busy now").await;
        tokio::join!(slow(), slow())
    };
    let (first, (second, third)) = tokio::join!(slow(), others);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(third, Err(InvokeError::Throttled));
}

#[tokio::test]
async fn a_function_sees_lambdas_environment_and_nothing_of_the_host() {
    let subject = Subject::new(spec());
    let seen = subject.invoke(r#"{"do": "environment"}"#).await.unwrap();
    let variables = seen.as_object().unwrap();
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "subject"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/test/subject"),
        ("_HANDLER", "bootstrap"),
        ("TZ", ":UTC"),
        ("LEDGER_TABLE", "ledger"),
    ] {
        assert_eq!(variables[name], value, "{name}");
    }
    assert!(variables["AWS_LAMBDA_LOG_STREAM_NAME"].as_str().unwrap().contains("/[$LATEST]"));
    assert!(variables["AWS_LAMBDA_RUNTIME_API"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "the host has it");
    assert!(!variables.contains_key("CARGO_MANIFEST_DIR"), "the function has it not");
}

#[tokio::test]
async fn an_invocation_carries_its_id_deadline_arn_and_trace() {
    let subject = Subject::new(spec());
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let event = || Bytes::from_static(br#"{"do": "context"}"#);
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    let answer = subject.lambda.invoke_as("the-id", ARN, event(), Some(trace)).await.unwrap();
    let context: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(context["request_id"], "the-id");
    assert_eq!(context["arn"], ARN);
    assert_eq!(context["trace"], trace);
    let left = context["deadline"].as_u64().unwrap() - before.as_millis() as u64;
    assert!((20_000..40_000).contains(&left), "{left} ms");

    let own = subject.invoke(r#"{"do": "context"}"#).await.unwrap();
    assert!(own["trace"].as_str().unwrap().starts_with("Root=1-"), "{own}");
}

#[tokio::test]
async fn the_log_frames_what_the_function_prints_and_reports_init_once() {
    let subject = Subject::new(spec());
    subject.invoke(r#"{"print": "first words"}"#).await.unwrap();
    subject.logged("REPORT").await;
    subject.invoke(r#"{"print": "second words"}"#).await.unwrap();
    until("six lines and two reports", || subject.lines().len() >= 8).await;
    let lines = subject.lines();
    let starts = ["START RequestId: ", "first words", "END RequestId: ", "REPORT RequestId: "];
    let again = ["START RequestId: ", "second words", "END RequestId: ", "REPORT RequestId: "];
    for (line, start) in lines.iter().zip(starts.iter().chain(&again)) {
        assert!(line.starts_with(start), "{lines:#?}");
    }
    assert!(lines[3].contains("Init Duration: "), "{}", lines[3]);
    assert!(!lines[7].contains("Init Duration: "), "{}", lines[7]);
    let memory = lines[7].split("Max Memory Used: ").nth(1).unwrap();
    assert!(memory.split(' ').next().unwrap().parse::<u64>().unwrap() > 0, "{}", lines[7]);

    let records = subject.lambda.invocations();
    assert_eq!(records.len(), 2);
    assert!(records[0].started_at > records[1].started_at, "newest first");
    assert_eq!(records[0].status, Status::Success);
    assert!(records[1].init_duration.is_some() && records[0].init_duration.is_none());
}

#[tokio::test]
async fn more_than_six_megabytes_are_refused_both_ways() {
    let subject = Subject::new(spec());
    let large = Bytes::from(vec![b' '; PAYLOAD_LIMIT + 1]);
    let refused = subject.lambda.invoke("subject", large, None).await;
    assert_eq!(refused, Err(InvokeError::PayloadTooLarge(PAYLOAD_LIMIT + 1)));

    let error = subject.invoke(r#"{"do": "large"}"#).await.unwrap_err();
    assert_eq!(error.error_type(), "Function.ResponseSizeTooLarge");
    assert!(error.is_function_error());
    subject.invoke("{}").await.unwrap();
}

#[tokio::test]
async fn an_unknown_function_is_not_found() {
    let subject = Subject::new(spec());
    let error = subject.lambda.invoke("nobody", Bytes::new(), None).await.unwrap_err();
    assert_eq!(error.error_type(), "ResourceNotFoundException");
    assert!(!error.is_function_error());
}
